"""What a dialogue needs of the place where a person or a script types."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

HISTORY_LINES_MAX: Final = 200  # of a session (admin CLI-21)


class InterruptError(Exception):
    """Ctrl-C was pressed."""


class EndOfTextError(Exception):
    """Ctrl-D was pressed on an empty line, or the input is at its end (`is_final`)."""

    def __init__(self, *, is_final: bool = False) -> None:
        super().__init__("end of the input" if is_final else "Ctrl-D")
        self.is_final = is_final


class ClosedError(Exception):
    """The other side is gone; nothing can be shown any more."""


class Size(NamedTuple):
    """Of a screen. No lines: there are no pages."""

    columns: int
    lines: int


class Completion(NamedTuple):
    """The line after Tab, where the cursor stands then, and what fits when more than one does."""

    line: str
    cursor: int
    candidates: tuple[str, ...] = ()


# Gets the line and the place of the cursor. Not async: an SSH line editor asks within a key press.
Complete = Callable[[str, int], Completion]


def complete_nothing(line: str, cursor: int) -> Completion:
    """Leave the line as it is."""
    return Completion(line, cursor)


class History:
    """The command lines of a session, oldest first; secrets never get here."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    @property
    def lines(self) -> Sequence[str]:
        """At most HISTORY_LINES_MAX of them."""
        return tuple(self._lines)

    def add(self, line: str) -> None:
        """Keep `line` unless it is blank or the same as the last one."""
        if line.strip() and self._lines[-1:] != [line]:
            self._lines.append(line)
            del self._lines[:-HISTORY_LINES_MAX]

    def walk(self) -> "HistoryWalk":
        """Return what the arrow keys move through while one line is edited."""
        return HistoryWalk(self.lines)


class HistoryWalk:
    """Up and down through the history; what was typed so far waits at the lower end."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = [*lines, ""]
        self._at = len(lines)

    def older(self, line: str) -> str:
        """Return the line before this one, or `line` at the upper end."""
        return self._move(line, -1)

    def newer(self, line: str) -> str:
        """Return the line after this one, or `line` at the lower end."""
        return self._move(line, 1)

    def _move(self, line: str, step: int) -> str:
        if not 0 <= self._at + step < len(self._lines):
            return line
        self._lines[self._at] = line
        self._at += step
        return self._lines[self._at]


class Terminal(Protocol):
    r"""Where a session reads and writes. Lines end with `\n`; text is fit to be shown.

    Reading a line, a secret or a key raises InterruptError, EndOfTextError, ClosedError, or
    LineError for a line that is too long or no UTF-8; `write` and `drain` raise ClosedError.
    Every read shows what was written before it. A read may be cancelled (idle sessions are).
    """

    @property
    def is_interactive(self) -> bool:
        """Whether a person sits there, who can turn pages."""
        ...

    def size(self) -> Size:
        """Return the size of the screen at present."""
        ...

    def write(self, text: str) -> None:
        """Show `text`, at the latest with the next `drain` or read."""
        ...

    def write_error(self, text: str) -> None:
        """Show `text` on standard error; the same as `write` where there is one screen."""
        ...

    async def drain(self) -> None:
        """Wait until what was written is on its way."""
        ...

    async def read_line(
        self, prompt: str, complete: Complete = complete_nothing, history: History | None = None, /
    ) -> str:
        """Show `prompt` and return the next line without its end. Nothing is added to `history`."""
        ...

    async def read_secret(self, prompt: str) -> str:
        """The same without an echo, and without a trace in any history."""
        ...

    async def read_key(self) -> str:
        """Return the next key at once; only asked of an interactive one."""
        ...

    async def wait_interrupt(self) -> None:
        """Return when Ctrl-C is pressed while nothing is read; raise ClosedError when closed.

        Input that arrives meanwhile is left for the next read.
        """
        ...
