"""Line editor: whatever is pressed, on whatever screen, what is shown is the line."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailwarden.control.dialogue.text import LineError
from mailwarden.control.remote.keys import Key, KeyDecoder
from mailwarden.control.remote.line_editor import LineEditor
from tests.unit.control.remote.display import Display

EDITING = [
    key for key in Key if key not in (Key.ENTER, Key.INTERRUPT, Key.PASTE_BEGIN, Key.PASTE_END)
]
TEXT = st.text(st.sampled_from("abc  \t.é漢字\u0301\x9b\u202e"), min_size=1, max_size=12)
PRESSED = st.lists(TEXT | st.sampled_from(EDITING), max_size=30)


@given(PRESSED, st.integers(9, 40), st.integers(1, 5), st.booleans(), st.text("m>", max_size=20))
@settings(max_examples=500, deadline=None)
@example(["abc", "def"], 9, 1, True, "mmmm> ")
@example(["mail> " * 10, Key.HOME, "x"], 9, 1, False, "mmmmmmmmm")
def test_the_screen_shows_the_line(
    pressed: list[str | Key], columns: int, each: int, waits: bool, prompt: str
) -> None:
    editor, display = LineEditor(prompt, columns), Display(columns, waits=waits)
    display.show(prompt)
    for number, item in enumerate(pressed):
        editor.press(item) if isinstance(item, Key) else editor.take(item)
        if number % each == 0:
            display.show(editor.draw().replace("\n", "\r\n"))
    display.show(editor.draw().replace("\n", "\r\n"))
    shown, place = display.rows(), display.place()

    fresh, wanted = LineEditor(prompt, columns), Display(columns, waits=waits)
    wanted.show(prompt)
    fresh.take(editor.line())
    wanted.show(fresh.draw())
    assert shown == wanted.rows()
    display.show(editor.end())
    assert display.place() == wanted.place()
    assert place <= display.place()


@given(st.lists(st.binary(max_size=20), max_size=10), st.integers(-1, 12))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_line_or_an_error(chunks: list[bytes], columns: int) -> None:
    decoder, editor = KeyDecoder(), LineEditor("> ", columns)
    for chunk in chunks:
        for item in decoder.feed(chunk):
            editor.press(item) if isinstance(item, Key) else editor.take(item)
        editor.draw()
    try:
        editor.line().encode()
    except LineError:
        return


@given(st.binary(max_size=60), st.data())
@settings(max_examples=300, deadline=None)
def test_keys_are_the_same_wherever_bytes_are_split(data: bytes, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    whole, parted = KeyDecoder(), KeyDecoder()
    once = list(whole.feed(data))
    twice = [*parted.feed(data[:cut]), *parted.feed(data[cut:])]
    assert _flat(once) == _flat(twice)


def _flat(items: list[str | Key]) -> list[str | Key]:
    return [each for item in items for each in (item if isinstance(item, str) else [item])]
