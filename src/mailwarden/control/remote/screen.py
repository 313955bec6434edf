"""Where text stands on a screen of so many columns, and how the cursor gets there."""

import re
import unicodedata
from typing import Final, NamedTuple

from mailwarden.control.dialogue.text import neutralise

TAB_COLUMNS: Final = 8
_NARROW: Final = re.compile(r"[ -~]*")
_WIDE: Final = ("W", "F")


class Place(NamedTuple):
    """Of the cursor, counted from the row that a line begins in."""

    row: int
    column: int


def is_narrow(text: str) -> bool:
    """Return whether each letter is a plain one of ASCII, and takes one column."""
    return _NARROW.fullmatch(text) is not None


def shown(text: str, column: int) -> str:
    """Return one line as it is shown from `column` on: harmless, with blanks for tabs."""
    if is_narrow(text):
        return text
    letters: list[str] = []
    for letter in text:
        visible = neutralise(letter)
        if letter == "\t":
            visible = " " * (TAB_COLUMNS - column % TAB_COLUMNS)
        letters.append(visible)
        column += sum(map(_width, visible))
    return "".join(letters)


def behind(text: str, start: Place, columns: int) -> Place:
    """Return where the cursor stands behind `text`, which `shown` returned.

    A row that is full to the last column counts as left.
    """
    if is_narrow(text):
        rows, column = divmod(start.column + len(text), columns)
        return Place(start.row + rows, column)
    row, column = start
    for letter in text:
        width = _width(letter)
        if column + width > columns:  # a wide letter does not stand with one half in each row
            row, column = row + 1, 0
        column += width
        if column >= columns:
            row, column = row + 1, 0
    return Place(row, column)


def move(begin: Place, end: Place) -> str:
    r"""Return what moves the cursor. Within a row to the left it is `\b`, which all know."""
    if begin == end:
        return ""
    if begin.row == end.row and end.column < begin.column:
        return "\b" * (begin.column - end.column)
    if begin.row == end.row:
        return f"\x1b[{end.column - begin.column}C"
    rows = end.row - begin.row
    vertical = f"\x1b[{rows}B" if rows > 0 else f"\x1b[{-rows}A"
    return f"{vertical}\r" + (f"\x1b[{end.column}C" if end.column else "")


def _width(letter: str) -> int:
    if " " <= letter <= "~":
        return 1
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in _WIDE else 1
