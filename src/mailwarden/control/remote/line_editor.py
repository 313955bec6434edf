"""Edits one line on a screen: pure, keys in and text out.

It draws as little as it can, so that what is recorded or awaited by a program (`expect`) reads as
it was typed; as long as a line is only written and erased at its end, no escape sequence occurs.
"""

import re
from enum import Enum
from typing import Final

from mailwarden.control.dialogue.terminal import Complete, HistoryWalk, complete_nothing
from mailwarden.control.dialogue.text import LINE_LENGTH_MAX, LineError, neutralise
from mailwarden.control.remote.keys import Key
from mailwarden.control.remote.screen import Place, behind, is_narrow, move, shown

CANDIDATES_SHOWN_MAX: Final = 200
_CLEAR_BEHIND: Final = "\x1b[J"
_BLANKS_MAX: Final = 16  # to erase with, rather than with a sequence
_NOT_UTF8: Final = re.compile(r"[\ud800-\udfff]")
_WORD_BEHIND: Final = re.compile(r"\s*\S*")


class Ending(Enum):
    """How a line ended."""

    ENTER = "enter"
    INTERRUPT = "interrupt"
    END_OF_TEXT = "end of text"


class LineEditor:
    r"""A line behind `prompt`, which is shown already and has no `\n`.

    `take` and `press` change the line; `draw` returns what shows the change, once for many.
    """

    def __init__(
        self,
        prompt: str,
        columns: int,
        complete: Complete = complete_nothing,
        history: HistoryWalk | None = None,
    ) -> None:
        self._prompt = prompt
        self._columns = max(columns, 1)
        self._complete = complete
        self._history = history
        self._text = ""
        self._cursor = 0
        self._erased = ""
        self._is_pasting = False
        self._problem = ""
        self._output: list[str] = []
        self._drawn = ""  # as on the screen
        self._drawn_cursor = 0
        self._at = self._start = Place(0, 0)
        self._begin()

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands there."""
        return not self._text

    def line(self) -> str:
        """Return the line.

        Raises:
            LineError: it was too long, or not UTF-8.
        """
        if self._problem:
            raise LineError(self._problem)
        return self._text

    def take(self, text: str) -> None:
        """Put letters where the cursor stands."""
        if _NOT_UTF8.search(text):
            self._problem = self._problem or "The line is not UTF-8."
            text = _NOT_UTF8.sub("\ufffd", text)
        room = LINE_LENGTH_MAX - len(self._text)
        if len(text) > room:
            self._problem = self._problem or "The line is too long."
            text = text[:room]
        self._put(self._text[: self._cursor] + text, self._text[self._cursor :])

    def press(self, key: Key) -> Ending | None:
        """Do what a key means; return how the line ended, if it did."""
        match key:
            case Key.ENTER:
                return Ending.ENTER
            case Key.INTERRUPT:
                return Ending.INTERRUPT
            case Key.END_OF_TEXT if self.is_empty:
                return Ending.END_OF_TEXT
            case Key.TAB:
                self._tab()
            case Key.UP | Key.DOWN:
                self._walk(key)
            case Key.REDRAW:
                self._output.append("\x1b[H\x1b[2J" + self._prompt)
                self._begin()
            case Key.PASTE_BEGIN | Key.PASTE_END:
                self._is_pasting = key is Key.PASTE_BEGIN
            case Key.PUT_BACK:
                self.take(self._erased)
            case _:
                self._edit(key)
        return None

    def resize(self, columns: int) -> None:
        """Go on with another width; terminals wrap anew what they show."""
        self._columns = max(columns, 1)
        # The place of the cursor is guessed from what was shown. Where that is wrong, Ctrl-L helps.
        self._start = behind(shown(self._prompt, 0), Place(0, 0), self._columns)
        self._at = self._place_of(self._drawn[: self._drawn_cursor])

    def draw(self) -> str:
        """Return what brings the screen up to date."""
        text = self._shown(self._text)
        cursor = len(self._shown(self._text[: self._cursor]))
        if (text, cursor) != (self._drawn, self._drawn_cursor):
            self._draw_change(text, cursor)
        output = "".join(self._output)
        self._output.clear()
        return output

    def end(self) -> str:
        """Return what shows the whole line, with the cursor behind it."""
        self._cursor = len(self._text)
        return self.draw()

    def _begin(self) -> None:
        """Start with an empty line behind a prompt that was just shown."""
        self._start = behind(shown(self._prompt, 0), Place(0, 0), self._columns)
        self._at = self._start
        self._drawn = ""
        self._drawn_cursor = 0
        if self._prompt and not self._start.column:
            self._output.append(" \r")  # see `_write`

    def _shown(self, text: str) -> str:
        return shown(text, self._start.column)

    def _place_of(self, shown_text: str) -> Place:
        return behind(shown_text, self._start, self._columns)

    def _draw_change(self, text: str, cursor: int) -> None:
        if text != self._drawn:
            same = _common_length(self._drawn, text)
            self._move(self._place_of(text[:same]))
            old_end = self._place_of(self._drawn)
            if not is_narrow(text[same:]):
                # A wide letter that finds one column left goes to the next row; what stood in
                # that column would stay.
                self._clear(old_end)
            self._write(text[same:])
            self._clear(old_end)
        self._drawn, self._drawn_cursor = text, cursor
        self._move(self._place_of(text[:cursor]))

    def _write(self, text: str) -> None:
        if not text:
            return
        self._output.append(text)
        before = self._at
        self._at = behind(text, before, self._columns)
        if not self._at.column and self._at != before:
            # Behind the last letter of a full row terminals wait with the new row, most of them
            # at least. A blank makes sure.
            self._output.append(" \r")

    def _clear(self, old_end: Place) -> None:
        if old_end <= self._at:
            return
        left = old_end.column - self._at.column
        if old_end.row == self._at.row and left <= _BLANKS_MAX:
            self._output.append(" " * left + "\b" * left)
        else:
            self._output.append(_CLEAR_BEHIND)

    def _move(self, place: Place) -> None:
        self._output.append(move(self._at, place))
        self._at = place

    def _put(self, before: str, after: str) -> None:
        self._text = before + after
        self._cursor = len(before)

    def _edit(self, key: Key) -> None:
        before, after = self._text[: self._cursor], self._text[self._cursor :]
        match key:
            case Key.LEFT | Key.RIGHT:
                step = -1 if key is Key.LEFT else 1
                self._cursor = min(max(self._cursor + step, 0), len(self._text))
            case Key.HOME:
                self._cursor = 0
            case Key.END:
                self._cursor = len(self._text)
            case Key.WORD_LEFT:
                self._cursor = _word_start(before)
            case Key.WORD_RIGHT:
                self._cursor += _word_end(after)
            case Key.BACKSPACE:
                self._put(before[:-1], after)
            case Key.DELETE | Key.END_OF_TEXT:
                self._put(before, after[1:])
            case Key.ERASE_TO_END:
                self._erase(before, after, "")
            case Key.ERASE_TO_START:
                self._erase("", before, after)
            case Key.ERASE_WORD:
                start = _word_start(before)
                self._erase(before[:start], before[start:], after)
            case Key.ERASE_NEXT_WORD:
                end = _word_end(after)
                self._erase(before, after[:end], after[end:])
        if self.is_empty:
            self._problem = ""

    def _erase(self, before: str, erased: str, after: str) -> None:
        self._erased = erased or self._erased
        self._put(before, after)

    def _walk(self, key: Key) -> None:
        if self._history is None:
            return
        walk = self._history.older if key is Key.UP else self._history.newer
        self._put(walk(self._text), "")

    def _tab(self) -> None:
        # Where nothing can be completed, such as in a text of several lines, it is a letter.
        if self._is_pasting or self._complete is complete_nothing:
            self.take("\t")
            return
        line, cursor, candidates = self._complete(self._text, self._cursor)
        self._put(line[:cursor], line[cursor:])
        if candidates:
            self._list(candidates)

    def _list(self, candidates: tuple[str, ...]) -> None:
        cursor = self._cursor
        shown_line = self.end()
        self._cursor = cursor
        table = _in_columns(candidates, self._columns)
        self._output.append(f"{shown_line}\n{table}{self._prompt}")
        self._begin()


def _in_columns(words: tuple[str, ...], columns: int) -> str:
    """Return words side by side, each row with its end."""
    cells = [neutralise(word).replace("\n", "\\n") for word in words[:CANDIDATES_SHOWN_MAX]]
    width = max(map(len, cells)) + 2
    each = max(1, columns // width)
    rows = [cells[at : at + each] for at in range(0, len(cells), each)]
    lines = ["".join(cell.ljust(width) for cell in row).rstrip() for row in rows]
    if len(words) > CANDIDATES_SHOWN_MAX:
        lines.append(f"... and {len(words) - CANDIDATES_SHOWN_MAX} more")
    return "".join(f"{line}\n" for line in lines)


def _word_start(before: str) -> int:
    """Return where the last word of `before` begins."""
    return len(before.rstrip().rpartition(" ")[0]) + 1 if " " in before.rstrip() else 0


def _word_end(after: str) -> int:
    """Return where the first word of `after` ends."""
    found = _WORD_BEHIND.match(after)
    return found.end() if found else 0


def _common_length(one: str, other: str) -> int:
    """Return how many letters at the beginning are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low
