"""What a question is: one declaration for the prompt, the word in a batch line and the manual.

A question is a constant of a module. It is also the key to its answer: `scope[DOMAIN]` has the
type that the question promises.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, Literal, Self, TypeVar, cast

T = TypeVar("T")
AnyScope = Any  # the `Scope` of a command; commands say of which kind


class Unset(Enum):
    """The type of UNSET."""

    UNSET = "unset"


UNSET: Final[Literal[Unset.UNSET]] = Unset.UNSET  # no default: an answer is needed


class Place(Enum):
    """Where a batch line has the answer."""

    KEY = "key"  # `key value` or `--key=value`
    WORD = "word"  # the next word
    REST = "rest"  # all words that are left, with a blank between them


class Reading(Enum):
    """How an answer is typed."""

    LINE = "line"
    SECRET = "secret"  # noqa: S105  a name: typed without an echo
    LINES = "lines"  # up to an end mark


# No slots: in Python 3.11 a frozen class with slots cannot be called as `Choice[int](...)`.
@dataclass(frozen=True, kw_only=True, eq=False)
class Question(ABC, Generic[T]):
    """The callables get the `Scope`: the draft that is edited and the answers so far.

    `key` is what the answer is called in batch lines and must differ along a way through a
    command. `default` or, where it depends on something, `default_from` is what an empty line
    takes. `when` says whether the question is asked at all. `check` raises ValueError for an answer
    that is well-formed and still wrong here. With a `none_word`, that word answers None.
    """

    key: str
    prompt: str | Callable[[Any], str]
    doc: str = ""  # for the manual, when the prompt does not say it
    place: Place = Place.KEY
    default: T | Unset = UNSET
    default_from: Callable[[Any], T | Unset] | None = None
    when: Callable[[Any], bool] | None = None
    check: Callable[[Any, T], None] | None = None
    none_word: str = ""
    is_asked: bool = True  # if not, only a batch line can give another answer than the default

    @abstractmethod
    def parse(self, text: str) -> T:
        """Return the answer that `text` gives in a dialogue.

        Raises:
            ValueError: it gives none; the message says what would be right.
        """

    def parse_word(self, text: str) -> T:
        """Return the answer that a word of a batch line gives; raises as `parse`."""
        return self.parse(text)

    @abstractmethod
    def write(self, value: T) -> str:
        """Return the text that answers `value`."""

    @abstractmethod
    def describe(self) -> str:
        """Return what may be answered, for the manual."""

    def at(self, _scope: AnyScope, /) -> Self:
        """Return the question as it stands at present."""
        return self

    def lines(self) -> Sequence[str]:
        """Return what is shown between the question and the place of the answer."""
        return ()

    def candidates(self) -> Sequence[str]:
        """Return words that Tab may complete."""
        return ()

    @property
    def reading(self) -> Reading:
        """How the answer is typed."""
        return Reading.LINE

    def is_due(self, scope: AnyScope) -> bool:
        """Return whether the question has a meaning, by the answers before it."""
        return self.when is None or self.when(scope)

    def default_in(self, scope: AnyScope) -> T | Unset:
        """Return what an empty line answers, or UNSET."""
        return self.default if self.default_from is None else self.default_from(scope)

    def prompt_in(self, scope: AnyScope) -> str:
        """Return the text of the question."""
        return self.prompt if isinstance(self.prompt, str) else self.prompt(scope)

    def read(self, text: str, scope: AnyScope, *, is_word: bool = False) -> T:
        """Return the checked answer; raises as `parse`. `is_word`: it stands in a batch line."""
        if self.none_word and text.strip().casefold() == self.none_word.casefold():
            return cast("T", None)
        value = self.parse_word(text) if is_word else self.parse(text)
        return self.accept(value, scope)

    def accept(self, value: T, scope: AnyScope) -> T:
        """Return `value` if it is right here; raises ValueError if not. None always is."""
        if self.check is not None and value is not None:
            self.check(scope, value)
        return value

    def show(self, value: T) -> str:
        """Return what stands in the brackets of the prompt for `value`."""
        return self.none_word if value is None else self.write(value)

    @property
    def is_optional(self) -> bool:
        """Whether a batch line may leave it out, as far as can be said beforehand."""
        return self.default is not UNSET or self.default_from is not None
