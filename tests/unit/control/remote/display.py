"""A small screen: does what a terminal does with text and the few sequences that are sent."""

import re
import unicodedata

_CONTROL = re.compile(r"\x1b\[([0-9]*)([ABCJH])|([\b\r\n])|([^\x00-\x1f\x7f])")


class Display:
    """What stands where. `waits` is whether a full row is left only with the next letter."""

    def __init__(self, columns: int, *, waits: bool = True) -> None:
        self.columns = columns
        self.waits = waits
        self.cells: dict[tuple[int, int], str] = {}
        self.row = self.column = 0
        self.is_full = False

    def show(self, text: str) -> None:
        at = 0
        while at < len(text):
            found = _CONTROL.match(text, at)
            assert found, f"a terminal would do something with {text[at : at + 10]!r}"
            at = found.end()
            if found[2]:
                self._sequence(int(found[1] or 1), found[2])
            elif found[3]:
                self._control(found[3])
            else:
                self._letter(found[4])

    def rows(self) -> list[str]:
        """The text of each row down to the last one with any, without blanks at the end."""
        last = max((row for (row, _), cell in self.cells.items() if cell != " "), default=0)
        return [self._row(row) for row in range(last + 1)]

    def place(self) -> tuple[int, int]:
        return self.row, self.column

    def _row(self, row: int) -> str:
        columns = range(self.columns)
        return "".join(self.cells.get((row, each), " ") for each in columns).rstrip()

    def _letter(self, letter: str) -> None:
        if unicodedata.combining(letter):
            return
        width = 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if self.is_full or self.column + width > self.columns:
            self.row, self.column, self.is_full = self.row + 1, 0, False
        self.cells[self.row, self.column] = letter
        if width == 2:
            self.cells[self.row, self.column + 1] = ""
        self.column += width
        if self.column >= self.columns:
            self.is_full = self.waits
            self.row, self.column = (
                (self.row, self.columns - 1) if self.waits else (self.row + 1, 0)
            )

    def _control(self, letter: str) -> None:
        self.is_full = False
        if letter == "\b":
            self.column = max(self.column - 1, 0)
        elif letter == "\r":
            self.column = 0
        else:
            self.row += 1

    def _sequence(self, count: int, final: str) -> None:
        self.is_full = False
        match final:
            case "A":
                self.row -= count
            case "B":
                self.row += count
            case "C":
                self.column += count
            case "H":
                self.row = self.column = 0
            case "J" if count == 2:
                self.cells.clear()
            case "J":
                here = self.place()
                self.cells = {place: cell for place, cell in self.cells.items() if place < here}
        assert self.row >= 0
        assert 0 <= self.column < self.columns
