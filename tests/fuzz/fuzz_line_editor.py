"""Fuzzes what is typed at a terminal: `python -m tests.fuzz.fuzz_line_editor`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.control.remote"]):
    from mailwarden.control.dialogue.text import LineError
    from mailwarden.control.remote.keys import Key, KeyDecoder
    from mailwarden.control.remote.line_editor import LineEditor

from tests.unit.control.remote.display import Display

BYTES_MAX = 4096


def test_one_input(data: bytes) -> None:
    """The first byte is the width of the screen, the second how often it is drawn."""
    columns, each, data = 9 + data[:1].count(b"\x01") * 20, 1 + len(data) % 5, data[2:BYTES_MAX]
    decoder, editor, display = KeyDecoder(), LineEditor("m> ", columns), Display(columns)
    display.show("m> ")
    for number, item in enumerate(decoder.feed(data)):
        if item is Key.REDRAW:
            continue  # clears what the next check looks at
        editor.press(item) if isinstance(item, Key) else editor.take(item)
        if number % each == 0:
            display.show(editor.draw().replace("\n", "\r\n"))
    display.show(editor.draw().replace("\n", "\r\n"))
    try:
        line = editor.line()
    except LineError:
        return
    wanted, fresh = Display(columns), LineEditor("m> ", columns)
    wanted.show("m> ")
    fresh.take(line)
    wanted.show(fresh.draw())
    if display.rows() != wanted.rows():
        raise AssertionError(f"{data!r}: {display.rows()!r} is shown for {wanted.rows()!r}")


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
