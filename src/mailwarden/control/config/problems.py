"""What is wrong with a configuration file, with the place where it stands."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from mailwarden.control.config.tree import Items, Node, Place, Table
from mailwarden.system.log.escape import escape

PROBLEMS_MAX: Final = 200  # more are not shown at once
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_SEGMENT: Final = re.compile(r"\[([^\]]*)\]|\.?([^.\[]+)")


# Returns file, place and path of a line of a table, which counts from 1; 0 is the table.
LinesOf = Callable[[int], tuple[str, Place, str]]


@dataclass(frozen=True, slots=True)
class LocatedProblem:
    """One thing wrong. `path` is that of the setting, as in `listeners[0].port`; "" is the file.

    A line or column of 0 is unknown, and not shown.
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        middle = f" {self.path}:" if self.path else ""
        place = "".join(f":{number}" for number in (self.line, self.column) if number)
        return f"{self.file}{place}:{middle} {self.message}"


def locate(file: str, place: Place, path: str, message: str) -> LocatedProblem:
    """Return the problem, fit for one line of a terminal or log whatever the file holds."""
    shown = (escape(text) for text in (path, message))
    return LocatedProblem(escape(file), place.line, place.column, *shown)


class ConfigError(Exception):
    """The configuration cannot be used; `problems` is all that is wrong, in the file's order."""

    def __init__(self, problems: Iterable[LocatedProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[tuple[LocatedProblem, ...]]]:
        return ConfigError, (self.problems,)


class TooManyError(Exception):
    """So much is wrong, or so much is said with aliases, that reading on is no use."""


class Findings:
    """Collects what is wrong with one file."""

    def __init__(self, file: str) -> None:
        self.file: Final = file
        self._problems: list[LocatedProblem] = []
        self._paths: set[str] = set()
        self._around: set[str] = set()  # what the paths belong to
        self._lines: dict[str, LinesOf] = {}  # of tables without a problem of their own, by path
        self.root: Node = Table(Place(1, 1))

    def add(self, place: Place, path: str, message: str) -> None:
        """Take one problem. Raises TooManyError when there are enough of them."""
        self._take(path, locate(self.file, place, path, message))

    def add_in_file(self, file: str, line: int, path: str, message: str) -> None:
        """Take one problem with another file, which the setting `path` names."""
        self._take(path, locate(file, Place(line, 0), "", message))

    def keep_lines(self, path: str, lines: LinesOf) -> None:
        """Keep where the lines of the table `path` stand, for `add_line`."""
        self._lines[path] = lines

    def add_line(self, path: str, line: int, message: str) -> None:
        """Take one problem with a line of a table that was read without any."""
        file, place, shown = self._lines[path](line)
        self._take(path, locate(file, place, shown, message))

    def add_at(self, path: str, message: str) -> None:
        """Take one problem with a setting, unless it or a part of it has one already."""
        if not self.is_wrong(path) and not self.has_wrong(path):
            self.add(self.locate(path)[0], path, message)

    def _take(self, path: str, problem: LocatedProblem) -> None:
        self._paths.add(path)
        self._around.update(_with_parents(path))
        if problem not in self._problems:  # two settings may name one file
            self._problems.append(problem)
        if len(self._problems) >= PROBLEMS_MAX:
            raise TooManyError

    def is_wrong(self, path: str) -> bool:
        """Tell whether `path` or what it belongs to has a problem."""
        return any(parent in self._paths for parent in _with_parents(path))

    def has_wrong(self, path: str) -> bool:
        """Tell whether anything within `path` has a problem."""
        return path in self._around

    def is_set(self, path: str) -> bool:
        """Tell whether the file names the setting."""
        return self.locate(path)[1]

    def locate(self, path: str) -> tuple[Place, bool]:
        """Return where `path` stands, and whether it does; else where what it belongs to does."""
        place, node = self.root.place, self.root
        for match in _SEGMENT.finditer(path):
            found = _step(node, match[1] if match[2] is None else match[2])
            if found is None:
                return place, False
            node = found
            place = node.place
        return place, True

    def sorted(self) -> list[LocatedProblem]:
        """Return the problems in the order of the file, then those of other files in theirs."""
        own = escape(self.file)
        return sorted(self._problems, key=lambda p: (p.file != own, p.file, p.line, p.column))

    def __bool__(self) -> bool:
        return bool(self._problems)


def join(path: str, name: str | int) -> str:
    """Return the path of what is called `name`, or has that number, within `path`."""
    if isinstance(name, int):
        return f"{path}[{name}]"
    if not _NAME.match(name):
        return f"{path}[{name[:80]}]"
    return f"{path}.{name}" if path else name


def _with_parents(path: str) -> Iterable[str]:
    for match in _SEGMENT.finditer(path):
        yield path[: match.end()]


def _step(node: Node, name: str) -> Node | None:
    if isinstance(node, Items):
        is_there = name.isdecimal() and len(name) < 9 and int(name) < len(node.items)
        return node.items[int(name)] if is_there else None
    if isinstance(node, Table):
        if name in node.entries:
            return node.entries[name][1]
        wanted = name.strip().lower()  # names in tables are tidied when they are read
        entries = node.entries.items()
        return next((value for key, (_, value) in entries if key.strip().lower() == wanted), None)
    return None
