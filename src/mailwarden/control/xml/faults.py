"""What can be wrong with an XML configuration file; each refusal has its name."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailwarden.control.config.problems import PROBLEMS_MAX
from mailwarden.system.log.escape import escape


class Fault(Enum):
    """Why a file is refused."""

    SIZE = "size"  # larger than any configuration
    DEPTH = "depth"  # elements within elements
    COUNT = "count"  # of elements or attributes
    ENCODING = "encoding"  # anything but ISO-8859-1, or not declared
    ENTITY = "entity"  # declarations within the file, or entities from elsewhere
    DOCTYPE = "doctype"  # another document than a configuration
    SYNTAX = "syntax"  # no well-formed XML
    ELEMENT = "element"  # one that is not known there
    STRUCTURE = "structure"  # text, attributes or elements where there should be others
    TWICE = "twice"  # what may stand once only
    MASKED = "masked"  # secrets that are only asterisks
    SECRET = "secret"  # an encrypted value that does not decrypt  # noqa: S105  no password
    SCHEMA = "schema"  # of another release
    MODEL = "model"  # of another kind of node
    UNWRITABLE = "unwritable"  # a value that XML cannot hold, or that no setting declares


@dataclass(frozen=True, slots=True)
class XmlProblem:
    """One thing wrong, or worth knowing. A `line` of 0 is the file, or none.

    `path` is that of the setting, as in `listeners[0].port`; "" is the file. `message` has several
    lines where the specification gives such a text.
    """

    fault: Fault | None  # None: a warning or remark
    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        if not self.line:
            return self.message
        middle = f" {escape(self.path)}:" if self.path else ""
        return f"{escape(self.file)}:{self.line}:{middle} {self.message}"


class XmlError(Exception):
    """The file cannot be used; `problems` is all that is wrong with it, in its order."""

    def __init__(self, problems: Iterable[XmlProblem]) -> None:
        self.problems: Final = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type["XmlError"], tuple[tuple[XmlProblem, ...]]]:
        return XmlError, (self.problems,)

    @property
    def faults(self) -> frozenset[Fault]:
        """The names of what is wrong."""
        return frozenset(problem.fault for problem in self.problems if problem.fault)


class EnoughError(Exception):
    """So much is wrong that reading on is no use; what was found is kept."""


class Problems:
    """Collects what is wrong with one file."""

    def __init__(self, file: str) -> None:
        self.file: Final = file
        self._found: list[XmlProblem] = []

    def add(self, fault: Fault, line: int, path: str, message: str) -> None:
        """Take one problem. Raises EnoughError when there are enough of them."""
        self._found.append(XmlProblem(fault, self.file, line, path, message))
        if len(self._found) >= PROBLEMS_MAX:
            raise EnoughError

    def raise_if_any(self) -> None:
        """Raise XmlError when something was wrong."""
        if self._found:
            raise XmlError(sorted(self._found, key=lambda problem: problem.line))

    def __bool__(self) -> bool:
        return bool(self._found)


def shown(text: str) -> str:
    """Return what a file says, fit to be part of a message."""
    return escape(text[:80])
