"""What a terminal sends, as text and keys: UTF-8, control characters and escape sequences.

Sequences are those of ECMA-48 as xterm and its kin send them; any other one is passed over.
"""

import codecs
import re
from collections.abc import Iterator
from enum import Enum
from typing import Final

SEQUENCE_LENGTH_MAX: Final = 32  # letters; what goes on for longer is no key


class Key(Enum):
    """What is pressed besides letters; the values are what `read_key` returns."""

    ENTER = "\n"
    TAB = "\t"
    ESCAPE = "\x1b"
    INTERRUPT = "\x03"
    END_OF_TEXT = "\x04"
    BACKSPACE = "backspace"
    DELETE = "delete"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    HOME = "home"
    END = "end"
    WORD_LEFT = "word left"
    WORD_RIGHT = "word right"
    ERASE_TO_END = "erase to end"
    ERASE_TO_START = "erase to start"
    ERASE_WORD = "erase word"
    ERASE_NEXT_WORD = "erase next word"
    PUT_BACK = "put back"  # what was erased last
    REDRAW = "redraw"
    PASTE_BEGIN = "paste begins"
    PASTE_END = "paste ends"


_CONTROLS: Final = {
    "\x01": Key.HOME,
    "\x02": Key.LEFT,
    "\x03": Key.INTERRUPT,
    "\x04": Key.END_OF_TEXT,
    "\x05": Key.END,
    "\x06": Key.RIGHT,
    "\x08": Key.BACKSPACE,
    "\t": Key.TAB,
    "\n": Key.ENTER,
    "\x0b": Key.ERASE_TO_END,
    "\x0c": Key.REDRAW,
    "\r": Key.ENTER,
    "\x0e": Key.DOWN,
    "\x10": Key.UP,
    "\x15": Key.ERASE_TO_START,
    "\x17": Key.ERASE_WORD,
    "\x19": Key.PUT_BACK,
    "\x7f": Key.BACKSPACE,
}
_LETTERS: Final = {  # behind `ESC [` and `ESC O`, and with a modifier as in `ESC [ 1 ; 5 C`
    "A": Key.UP,
    "B": Key.DOWN,
    "C": Key.RIGHT,
    "D": Key.LEFT,
    "F": Key.END,
    "H": Key.HOME,
}
_NUMBERS: Final = {  # in `ESC [ n ~`
    "1": Key.HOME,
    "3": Key.DELETE,
    "4": Key.END,
    "7": Key.HOME,
    "8": Key.END,
    "200": Key.PASTE_BEGIN,
    "201": Key.PASTE_END,
}
_META: Final = {  # behind ESC
    "b": Key.WORD_LEFT,
    "f": Key.WORD_RIGHT,
    "d": Key.ERASE_NEXT_WORD,
    "\x7f": Key.ERASE_WORD,
    "\x08": Key.ERASE_WORD,
}
_BY_WORD: Final = {Key.LEFT: Key.WORD_LEFT, Key.RIGHT: Key.WORD_RIGHT}
_PLAIN: Final = re.compile(r"[^\x00-\x1f\x7f]+")
_BEGINNING: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?")


class KeyDecoder:
    """Makes text and keys of bytes, wherever these are split.

    A byte that is no UTF-8 comes as a lone surrogate (as with `surrogateescape`).
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._pending = ""  # an escape sequence that is not at its end
        self._after_return = False

    def feed(self, data: bytes) -> Iterator[str | Key]:
        """Yield what is complete; letters come as long as they follow one another."""
        text = self._pending + self._decoder.decode(data)
        self._pending = ""
        at = 0
        while at < len(text):
            plain = _PLAIN.match(text, at)
            if plain:
                at = plain.end()
                self._after_return = False
                yield plain[0]
            elif text[at] == "\x1b":
                at, key = self._escape(text, at)
                if key is not None:
                    yield key
            else:
                key = self._control(text[at])
                at += 1
                if key is not None:
                    yield key

    def take_escape(self) -> bool:
        """Return whether the last that came is a lone ESC, and take it for that key."""
        if self._pending != "\x1b":
            return False
        self._pending = ""
        return True

    def _control(self, letter: str) -> Key | None:
        is_second = letter == "\n" and self._after_return
        self._after_return = letter == "\r"
        return None if is_second else _CONTROLS.get(letter)

    def _escape(self, text: str, at: int) -> tuple[int, Key | None]:
        """Return the place behind the sequence at `at`, and what it means."""
        self._after_return = False
        beginning = _BEGINNING.match(text, at)
        assert beginning is not None
        end = beginning.end()
        if end - at > SEQUENCE_LENGTH_MAX:
            return end, None
        if end == len(text):
            self._pending = text[at:]
            return end, None
        introducer = text[at + 1 : at + 2] if end > at + 1 else ""
        final = text[end]
        if not introducer:
            # Another control character (ESC ESC, ESC Ctrl-C) counts by itself.
            return (end + 1, _META.get(final)) if final >= " " or final in _META else (end, None)
        if not "@" <= final <= "~":
            return end, None
        return end + 1, _key_of(text[at + 2 : end], final)


def _key_of(parameters: str, final: str) -> Key | None:
    number, _, modifier = parameters.partition(";")
    key = _NUMBERS.get(number) if final == "~" else _LETTERS.get(final)
    if key is not None and modifier:
        key = _BY_WORD.get(key, key)
    return key
