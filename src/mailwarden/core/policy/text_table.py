"""A table as the configuration holds it: the text that an administrator wrote, and what it says.

The text is kept as it is, with its comments, so that what goes out is what came in. It is read
once for each process: what is made of a text, a look-up included, is shared by all values that
have the same text.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

from mailwarden.core.policy.imported import Imported

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  a look-up made of a table, called index everywhere


class TextTable(Generic[T]):
    """An accepted table. Equal are those with the same text from the same place."""

    # Not a dataclass: a compiled one cannot be generic.
    __slots__ = ("_file", "_indexes", "_read", "_text")

    def __init__(self, text: str, read: Imported[T], file: str = "") -> None:
        """`read` is what came of the text, accepted without problems.

        `file` is the absolute path of its own file; "" is the configuration file itself.
        """
        self._text = text
        self._read = read
        self._file = file
        self._indexes: dict[object, object] = {}

    @property
    def text(self) -> str:
        """What the administrator wrote."""
        return self._text

    @property
    def read(self) -> Imported[T]:
        """What came of the text."""
        return self._read

    @property
    def file(self) -> str:
        """Absolute path of its own file; "" is the configuration file itself."""
        return self._file

    @property
    def table(self) -> T:
        """What the text says."""
        return self.read.table

    def at(self, file: str) -> "TextTable[T]":
        """Return the same table as it stands in `file`."""
        if file == self.file:
            return self
        other = TextTable(self.text, self.read, file)
        other._indexes = self._indexes
        return other

    def indexed(self, make: Callable[[T], I]) -> I:
        """Return the look-up that `make` makes of the table; made once of a text."""
        made = self._indexes.get(make)
        if made is None:
            made = self._indexes[make] = make(self.read.table)
        return cast("I", made)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextTable) and self.text == other.text and self.file == other.file

    def __hash__(self) -> int:
        return hash((self.text, self.file))

    def __bool__(self) -> bool:
        """Whether the setting names a table at all, if only an empty file."""
        return bool(self.text or self.file)

    def __repr__(self) -> str:
        where = f" of {self.file}" if self.file else ""
        return f"<table{where}, {len(self.text)} letters>"


class NameInText(NamedTuple):
    """The name of something else in the text of a table; `start` and `end` are offsets."""

    collections: tuple[str, ...]  # where it is defined: `interfaces`
    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class TableForm:
    """A kind of table: how its text is read.

    `index` makes what is asked when mail comes; a worker makes it before it goes over to a new
    configuration. None is a table for which that is done elsewhere. `names` finds the names of
    other parts of the configuration in any text; None is a table that has none. `reread` returns
    what `parse` does, and is told of another text what came of it: most of it may be the same.
    """

    name: str  # `alias table`, for messages
    parse: Callable[[str], Imported[Any]]
    index: Callable[[Any], object] | None = None
    names: Callable[[str], Iterator[NameInText]] | None = None
    reread: Callable[[str, Imported[Any], str], Imported[Any]] | None = None

    def empty(self) -> TextTable[Any]:
        """Return the value of a setting that names no table."""
        return TextTable("", self.parse(""))

    def of(self, text: str) -> TextTable[Any]:
        """Return the table in `text`.

        Raises:
            ValueError: it has problems; the message names the first.
        """
        read = self.parse(text)
        if read.problems:
            first = read.problems[0]
            raise ValueError(f"{first.path}: {first.message}")
        return TextTable(text, read)
