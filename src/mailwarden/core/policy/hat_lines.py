"""The lines of a Host Access Table's text file, and what is found wrong with them."""

from collections.abc import Callable
from typing import Final

from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.core.policy.hat import LINE_LENGTH_MAX, check_comment
from mailwarden.core.problem import Problem

PROBLEMS_MAX: Final = 10_000  # after as many, nobody reads on; so with warnings


class HatLines:
    """The lines that are neither empty nor comments, one after another.

    `text` is the line at hand without blanks around it, `number` counts from 1. `remarks` are
    the lines of comment seen and not yet taken, without their `#`.
    """

    __slots__ = (
        "_following", "_lines", "is_indented", "number", "problems", "remarks", "text", "warnings",
    )  # fmt: skip

    def __init__(self, text: str) -> None:
        self._lines: Final = text.removeprefix(chr(0xFEFF)).split("\n")
        self._following = 0
        self.number = 1
        self.text = ""
        self.is_indented = False
        self.remarks: Final[list[str]] = []
        self.problems: Final[list[Problem]] = []
        self.warnings: Final[list[Problem]] = []

    def advance(self) -> bool:
        """Go on to the next line; False at the end."""
        while self._following < len(self._lines):
            line = self._lines[self._following]
            self._following += 1
            self.text = line.strip()
            if not self.text:
                continue
            self.number = self._following
            if len(self.text) > LINE_LENGTH_MAX:
                self.wrong(self.number, f"the line is longer than {LINE_LENGTH_MAX} letters")
            elif self.text[0] == "#":
                self.remarks.append(self.text[1:])
            else:
                self.is_indented = line[0].isspace()
                return True
        return False

    def back(self) -> None:
        """Let the line at hand be read once more."""
        self._following = self.number - 1

    def take_remarks(self) -> tuple[str, ...]:
        """Return the comment above the line at hand."""
        if not self.remarks:
            return ()
        remarks = tuple(self.remarks)
        self.remarks.clear()
        return remarks

    def wrong(self, number: int, message: str) -> None:
        """Keep in mind that line `number` is wrong."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(f"line {number}", message))

    def warn(self, number: int, message: str) -> None:
        """Keep in mind that something in line `number` was passed over."""
        if len(self.warnings) < PROBLEMS_MAX:
            self.warnings.append(Problem(f"line {number}", message))

    def has_too_many_problems(self) -> bool:
        """Whether to stop."""
        return len(self.problems) >= PROBLEMS_MAX

    def check(self, look: Callable[[str], None], value: str) -> None:
        """Let `look` see whether `value`, in the line at hand, is right."""
        try:
            look(value)
        except ValueError as error:
            self.wrong(self.number, str(error))

    def parse_comment(self, text: str) -> str:
        """Return the comment in `text`, the rest of the line: in parentheses, or nothing."""
        text = text.strip()
        if not text:
            return ""
        if text[0] != "(" or text[-1] != ")":
            self.wrong(self.number, f"only a comment in parentheses may follow, not {shown(text)}")
            return ""
        comment = " ".join(text[1:-1].split())
        self.check(check_comment, comment)
        return comment


def shown(text: str) -> str:
    """Return `text` as messages show it."""
    return repr(text[:SHOWN_LENGTH_MAX])
