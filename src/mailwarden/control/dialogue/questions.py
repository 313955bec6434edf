"""The kinds of questions: text, numbers, yes or no, lists, secrets, several lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar

from mailwarden.control.config.scalars import (
    describe_bounds,
    read_integer,
    read_number,
    read_switch,
    write_number,
)
from mailwarden.control.dialogue.question import UNSET, AnyScope, Question, Reading, Unset
from mailwarden.core.setting import Setting, Unit

T = TypeVar("T")
SHOWN_LENGTH_MAX: Final = 60  # of what was typed, in an error text
CANDIDATES_MAX: Final = 1000  # that Tab looks at
_YES: Final = ("y", "yes")
_NO: Final = ("n", "no")


def read_text(text: str) -> str:
    """Return a text without the blanks around it."""
    return text.strip()


def read_name(text: str) -> str:
    """Return a name: blanks around it go, blanks within are an error (admin COM-14).

    Raises:
        ValueError: it is empty or has blanks within.
    """
    name = text.strip()
    if not name:
        raise ValueError("a name is needed")
    if len(name.split()) > 1:
        raise ValueError(f"{name[:SHOWN_LENGTH_MAX]!r} has blanks in it")
    return name


def read_list(read: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """Return a reader of items with commas between them, each read with `read`."""

    def read_items(text: str) -> tuple[T, ...]:
        items = [item.strip() for item in text.split(",")]
        if not all(items):
            raise ValueError("a comma stands where an item is missing")
        return tuple(read(item) for item in items)

    return read_items


def write_list(values: Sequence[object]) -> str:
    """Return what a reader made with `read_list` reads."""
    return ", ".join(map(str, values))


@dataclass(frozen=True, kw_only=True, eq=False)
class Text(Question[T]):
    """A line of text; `of` turns it into the answer and raises ValueError. It may be any value."""

    of: Callable[[str], T]
    as_text: Callable[[T], str] = str
    form: str = "text"  # what it is, for the manual

    def parse(self, text: str) -> T:
        return self.of(text)

    def write(self, value: T) -> str:
        return self.as_text(value)

    def describe(self) -> str:
        return self.form


@dataclass(frozen=True, kw_only=True, eq=False)
class YesNo(Question[bool]):
    """Answered `y`, `yes`, `n` or `no`; in a batch line also `on` or `off`."""

    def parse(self, text: str) -> bool:
        word = text.strip().casefold()
        if word not in _YES and word not in _NO:
            raise ValueError("Please answer yes or no.")
        return word in _YES

    def parse_word(self, text: str) -> bool:
        word = text.strip().casefold()
        return self.parse(word) if word in (*_YES, *_NO) else read_switch(text)

    def write(self, value: bool) -> str:
        return "Y" if value else "N"

    def describe(self) -> str:
        return "yes or no"

    def candidates(self) -> Sequence[str]:
        return ("yes", "no")


@dataclass(frozen=True, kw_only=True, eq=False)
class Confirm(YesNo):
    """Asked last, before something that cannot be undone; a batch line says `force` or `yes`."""

    default: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Flag(YesNo):
    """Off unless a batch line has `--key`, before or behind its words; never asked."""

    default: bool = False
    is_asked: bool = False

    @property
    def option(self) -> str:
        """How it stands in a line."""
        return f"--{self.key.replace('_', '-')}"

    def describe(self) -> str:
        return "given or not"


@dataclass(frozen=True, kw_only=True, eq=False)
class Number(Question[int]):
    """A whole number; with a unit also `10k`, `20M` or `5m`, `3d`."""

    minimum: int | None = None
    maximum: int | None = None
    unit: Unit = Unit.NONE

    def parse(self, text: str) -> int:
        return read_integer(text, self._bounds())

    def write(self, value: int) -> str:
        return str(write_number(value, self.unit))

    def describe(self) -> str:
        return f"{_KINDS[self.unit]} {describe_bounds(self._bounds())}".rstrip()

    def _bounds(self) -> Setting:
        return Setting(doc="", minimum=self.minimum, maximum=self.maximum, unit=self.unit)


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantity(Question[float]):
    """A number that need not be whole."""

    minimum: float | None = None
    maximum: float | None = None
    unit: Unit = Unit.NONE

    def parse(self, text: str) -> float:
        return read_number(text, self._bounds())

    def write(self, value: float) -> str:
        return str(write_number(value, self.unit))

    def describe(self) -> str:
        return f"{_KINDS[self.unit]} {describe_bounds(self._bounds())}".rstrip()

    def _bounds(self) -> Setting:
        return Setting(doc="", minimum=self.minimum, maximum=self.maximum, unit=self.unit)


_KINDS: Final = {
    Unit.NONE: "a number",
    Unit.BYTES: "a size such as 10k or 20M",
    Unit.SECONDS: "a time such as 30s, 5m or 3d",
}


class Option(NamedTuple, Generic[T]):
    """One line of a choice: its word, what it stands for, and the line if that is not the word."""

    name: str
    value: T
    text: str = ""

    @property
    def line(self) -> str:
        """What is shown behind the number."""
        return self.text or self.name


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice(Question[T]):
    """One of a numbered list: by number, by word or by the line as it is shown (admin CLI-14)."""

    options: tuple[Option[T], ...] = ()
    options_from: Callable[[Any], Sequence[Option[T]]] | None = None
    form: str = ""  # for the manual, where the options depend on something

    def at(self, scope: AnyScope, /) -> Self:
        if self.options_from is None:
            return self
        return replace(self, options=tuple(self.options_from(scope)), options_from=None)

    def default_in(self, scope: AnyScope) -> T | Unset:
        """Return the default; one that is not in the list any more is none."""
        default = self.default if self.default_from is None else self.default_from(scope)
        if default is UNSET or not self.is_asked or (default is None and self.none_word):
            return default
        is_there = any(option.value == default for option in self.at(scope).options)
        return default if is_there else UNSET

    def parse(self, text: str) -> T:
        word = text.strip()
        options = self.options
        for option in options:  # a name may be a number, and wins
            if word in (option.name, option.line):
                return option.value
        if word.isascii() and word.isdecimal() and len(word) < 10:
            place = int(word)
            if 1 <= place <= len(options):
                return options[place - 1].value
        folded = word.casefold()
        found = [each for each in options if each.name.casefold() == folded]
        if len(found) == 1:
            return found[0].value
        raise ValueError(f"{word[:SHOWN_LENGTH_MAX]!r} is not in the list")

    def write(self, value: T) -> str:
        for place, option in enumerate(self.options, start=1):
            if option.value == value:
                return str(place)
        return ""

    def lines(self) -> Sequence[str]:
        return [f"{place}. {each.line}" for place, each in enumerate(self.options, start=1)]

    def candidates(self) -> Sequence[str]:
        return [option.name for option in self.options[:CANDIDATES_MAX]]

    def describe(self) -> str:
        if self.form or not self.options:
            return self.form or "one of the list"
        return "one of " + ", ".join(option.name for option in self.options)


@dataclass(frozen=True, kw_only=True, eq=False)
class Secret(Question[str]):
    """Typed without an echo, twice when it is `new`. A batch line has `-`: it comes as input."""

    of: Callable[[str], str] = str
    is_new: bool = False

    def parse(self, text: str) -> str:
        if not text:
            raise ValueError("an empty one is not possible")
        return self.of(text)

    def write(self, value: str) -> str:
        return "*" * 8 if value else ""

    def describe(self) -> str:
        return "`-`; the secret is the next line of the input"

    @property
    def reading(self) -> Reading:
        return Reading.SECRET


class Ending(Enum):
    """What ends several lines (admin CLI-15)."""

    DOT = "."  # on a line by itself
    CTRL_D = "Ctrl-D"  # on an empty line; the end of the input does it as well


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines(Question[T]):
    r"""Several lines; `of` gets them with `\n` behind each. In a batch line they are `-`: input."""

    of: Callable[[str], T]
    as_text: Callable[[T], str] = str
    ending: Ending = Ending.DOT
    form: str = "several lines"

    def parse(self, text: str) -> T:
        return self.of(text)

    def write(self, value: T) -> str:
        return self.as_text(value)

    def lines(self) -> Sequence[str]:
        if self.ending is Ending.DOT:
            return ("Enter '.' on a line by itself to end.",)
        return ("Press Ctrl-D on an empty line to end.",)

    def describe(self) -> str:
        return f"`-`; {self.form} follow as input, ended with {self.ending.value}"

    @property
    def reading(self) -> Reading:
        return Reading.LINES
