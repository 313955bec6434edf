"""The line is what was typed, and the screen shows it."""

import pytest

from mailwarden.control.dialogue.completion import complete_one_of
from mailwarden.control.dialogue.terminal import History
from mailwarden.control.dialogue.text import LINE_LENGTH_MAX, LineError
from mailwarden.control.remote.keys import Key, KeyDecoder
from mailwarden.control.remote.line_editor import CANDIDATES_SHOWN_MAX, Ending, LineEditor
from tests.unit.control.remote.display import Display

PROMPT = "mail> "
KEYS = {
    "<": b"\x1b[D", ">": b"\x1b[C", "^": b"\x1b[A", "_": b"\x1b[B", "#": b"\x7f", "H": b"\x01",
    "E": b"\x05", "K": b"\x0b", "U": b"\x15", "W": b"\x17", "Y": b"\x19", "D": b"\x04",
    "L": b"\x0c", "B": b"\x1bb", "F": b"\x1bf", "N": b"\x1bd", "X": b"\x1b[3~",
}  # fmt: skip


class Typing:
    """An editor before a screen."""

    def __init__(self, columns: int = 80, prompt: str = PROMPT, **rest: object) -> None:
        self.editor = LineEditor(prompt, columns, **rest)
        self.display = Display(columns)
        self.display.show(prompt)
        self.decoder = KeyDecoder()
        self.output = ""

    def bytes(self, data: bytes) -> Ending | None:
        ending = None
        for item in self.decoder.feed(data):
            ending = self.editor.press(item) if isinstance(item, Key) else self.editor.take(item)
        self.draw()
        return ending

    def keys(self, text: str) -> Ending | None:
        """Capital letters and signs are keys as in KEYS, drawn one by one."""
        ending = None
        for letter in text:
            ending = self.bytes(KEYS.get(letter, letter.encode()))
        return ending

    def draw(self) -> None:
        output = self.editor.draw().replace("\n", "\r\n")
        self.output += output
        self.display.show(output)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("abc", "abc"),
        ("abc<x", "abxc"),
        ("abc<<<<<x", "xabc"),
        ("abHx", "xab"),
        ("abHxEy", "xaby"),
        ("ab#", "a"),
        ("a###b", "b"),
        ("abHX", "b"),
        ("abHD", "b"),
        ("abHEX", "ab"),
        ("abc def<<K", "abc d"),
        ("abc def<<U", "ef"),
        ("abc defW", "abc "),
        ("abc def WW", ""),
        ("abc defWHY", "defabc "),
        ("abc defBx", "abc xdef"),
        ("abc defHFx", "abcx def"),
        ("abc defHN", " def"),
        ("ab\tc", "ab\tc"),
        ("abL<x", "axb"),
    ],
)
def test_keys_edit_the_line(keys: str, line: str) -> None:
    typing = Typing()
    assert typing.keys(keys) is None
    assert typing.editor.line() == line
    assert typing.display.rows()[0] == (PROMPT + line.replace("\t", " " * 8)).rstrip()


def test_how_a_line_ends() -> None:
    assert Typing().keys("ab\n") is Ending.ENTER
    assert Typing().bytes(b"ab\x03") is Ending.INTERRUPT
    assert Typing().bytes(b"\x04") is Ending.END_OF_TEXT
    assert Typing().bytes(b"a\x04") is None  # erases what is under the cursor: nothing


def test_writing_at_the_end_takes_no_sequences() -> None:
    typing = Typing()
    typing.keys("exit#")
    assert typing.output == "exit\b \b"


def test_a_line_over_several_rows_is_shown_right() -> None:
    typing = Typing(columns=10)
    typing.keys("abcdefghijklmn")
    assert typing.display.rows() == ["mail> abcd", "efghijklmn"]
    assert typing.display.place() == (2, 0)
    typing.keys("Hxy")
    assert typing.display.rows() == ["mail> xyab", "cdefghijkl", "mn"]
    assert typing.display.place() == (0, 8)
    typing.keys("EU")
    assert typing.display.rows() == ["mail>"]
    assert typing.display.place() == (0, 6)


def test_wide_letters_take_two_columns() -> None:
    typing = Typing(columns=9)
    typing.keys("漢字")
    assert typing.display.rows() == ["mail> 漢", "字"]
    typing.keys("<#")
    assert typing.display.rows() == ["mail> 字"]
    assert typing.display.place() == (0, 6)


def test_another_width_goes_on() -> None:
    typing = Typing(columns=80)
    typing.keys("abcdefgh")
    typing.editor.resize(10)
    typing.display = Display(10)
    typing.display.show("mail> abcdefgh")  # as a terminal wraps it anew
    typing.keys("##x")
    assert typing.display.rows() == ["mail> abcd", "efx"]


def test_history_is_walked_with_the_arrows() -> None:
    history = History()
    history.add("status")
    history.add("version")
    typing = Typing(history=history.walk())
    typing.keys("new^^")
    assert typing.editor.line() == "status"
    typing.keys("^")
    assert typing.editor.line() == "status"
    typing.keys("___")
    assert typing.editor.line() == "new"
    assert typing.display.rows() == ["mail> new"]


def test_tab_completes_and_lists() -> None:
    typing = Typing(columns=20, complete=complete_one_of(["status", "statistics", "version"]))
    typing.keys("v\t")
    assert typing.editor.line() == "version"
    typing.keys("Us\t")
    assert typing.editor.line() == "stat"
    assert typing.display.rows() == ["mail> stat", "statistics", "status", "mail> stat"]
    typing.keys("u\t")
    assert typing.editor.line() == "status"
    assert typing.display.rows()[-1] == "mail> status"


def test_tab_in_a_paste_is_a_letter() -> None:
    typing = Typing(complete=complete_one_of(["status"]))
    typing.bytes(b"\x1b[200~s\t1\x1b[201~")
    assert typing.editor.line() == "s\t1"


def test_many_candidates_are_cut_off_and_harmless() -> None:
    words = ["a\x1b[2J\n", *(f"a{number}" for number in range(CANDIDATES_SHOWN_MAX + 1))]
    typing = Typing(complete=complete_one_of(words))
    typing.keys("a\t")
    assert r"a\x1b[2J\n" in typing.display.rows()[1]
    assert typing.display.rows()[-2] == "... and 2 more"


def test_what_a_terminal_would_obey_is_shown_harmless() -> None:
    typing = Typing()
    typing.bytes("a\u202eb\u009b2J".encode())
    assert typing.display.rows() == [PROMPT + r"a\u202eb\x9b2J"]
    assert typing.editor.line() == "a\u202eb\u009b2J"  # whoever reads the line checks it


def test_a_line_has_an_end() -> None:
    typing = Typing()
    typing.bytes(b"x" * (LINE_LENGTH_MAX + 1))
    with pytest.raises(LineError, match="too long"):
        typing.editor.line()
    typing.keys("U")
    assert typing.editor.line() == ""


def test_what_is_no_utf8_is_told() -> None:
    typing = Typing()
    typing.bytes(b"a\xff\xed\xa0\x80b")
    assert typing.display.rows() == [PROMPT + "a\ufffd\ufffd\ufffd\ufffdb"]
    with pytest.raises(LineError, match="UTF-8"):
        typing.editor.line()
