"""What came of reading a table's text file."""

from typing import Generic, NamedTuple, TypeVar

from mailwarden.core.problem import Problem

T = TypeVar("T")


class Imported(NamedTuple, Generic[T]):  # a generic dataclass could not be compiled
    """A table, and everything found wrong with its text.

    With a problem the table is what could be read, for showing only: it must not be put to use.
    Warnings are about what was passed over and changes nothing else. The `path` of each is
    `line 12`.
    """

    table: T
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
