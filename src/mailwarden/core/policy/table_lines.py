"""Goes through the text of a table line by line, and gathers what is wrong with it."""

from collections.abc import Iterator
from typing import Final, TypeVar

from mailwarden.core.policy.breath import breathe
from mailwarden.core.policy.imported import Imported
from mailwarden.core.problem import Problem

LINE_LENGTH_MAX: Final = 8192  # letters
TEXT_LENGTH_MAX: Final = 64 * 1024 * 1024  # letters
LINES_A_BREATH: Final = 0x7F  # one less than the lines between two chances for other threads
NOTES_MAX: Final = 1000  # problems that are told one by one, and as many warnings
BLANKS: Final = " \t\r\n"  # around a line
QUOTED: Final = r'"(?:[^"\\]|\\.)*+"'  # possessive: no letter is tried twice
WORD: Final = rf'((?:{QUOTED}|[^"\s])++)'  # blanks in quotes do not end it
_BYTE_ORDER_MARK: Final = chr(0xFEFF)  # which some editors put first

T = TypeVar("T")


class LineNotes:
    """Problems and warnings about a text, each with its line.

    Their number is bounded; the last of them says how many there are besides.
    """

    __slots__ = ("_lines", "_more_problems", "_more_warnings", "_problems", "_warnings")

    def __init__(self) -> None:
        self._problems: Final[list[Problem]] = []
        self._warnings: Final[list[Problem]] = []
        self._lines: Final[dict[str, int]] = {}
        self._more_problems = 0
        self._more_warnings = 0

    def problem(self, number: int, message: str) -> None:
        """Take note of what keeps the table from being used."""
        if len(self._problems) < NOTES_MAX:
            self._problems.append(Problem(f"line {number}", message))
        else:
            self._more_problems += 1

    def warning(self, number: int, message: str) -> None:
        """Take note of what the administrator should know and may leave as it is."""
        if len(self._warnings) < NOTES_MAX:
            self._warnings.append(Problem(f"line {number}", message))
        else:
            self._more_warnings += 1

    def form(self, number: int, form: str) -> None:
        """Warn if `form` stood in an earlier line, which decides."""
        earlier = self._lines.setdefault(form, number)
        if earlier != number:
            self.warning(number, f"{form} stands already in line {earlier}, which decides")

    def imported(self, table: T) -> Imported[T]:
        """Return `table` with everything noted."""
        return Imported(
            table,
            _closed(self._problems, self._more_problems),
            _closed(self._warnings, self._more_warnings),
        )


def numbered_lines(text: str, notes: LineNotes) -> Iterator[tuple[int, str]]:
    """Yield each line that holds anything, with its number from 1, without blanks around it.

    Lines that begin with `#` are comments. No line of a text that is too long is yielded, and a
    line that is too long is only noted.
    """
    if len(text) > TEXT_LENGTH_MAX:
        notes.problem(1, f"the text has {len(text)} letters; at most {TEXT_LENGTH_MAX} are read")
        return
    number = 0
    at = 1 if text[:1] == _BYTE_ORDER_MARK else 0
    while at < len(text):  # a list of all lines would double the memory
        number += 1
        if not number & LINES_A_BREATH:
            breathe()
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        content = text[at:end].strip(BLANKS)
        at = end + 1
        if len(content) > LINE_LENGTH_MAX:
            notes.problem(number, f"is longer than {LINE_LENGTH_MAX} letters")
        elif content and content[0] != "#":
            yield number, content


def _closed(notes: list[Problem], more: int) -> tuple[Problem, ...]:
    if not more:
        return tuple(notes)
    return (*notes, Problem(notes[-1].path, f"this is the last line shown; {more} more follow"))
