"""Commands, menus and operations as they are declared."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from mailwarden.control.dialogue.question import Place, Question
from mailwarden.control.dialogue.questions import Confirm


class Draft(Protocol):
    """What commands edit: a copy of the session's pending changes, dropped or kept as a whole."""

    def copy(self) -> Self:
        """Return a draft that can be edited without touching this one; it has to be cheap."""
        ...


D = TypeVar("D", bound=Draft)


class Shown(NamedTuple):
    """What an operation found: for people, and as what JSON can say."""

    text: str
    data: object = None


Result = Shown | str | None
Act = Callable[[Any], Result | Awaitable[Result]]  # gets the Scope; raises RefusedError


class RefusedError(Exception):
    """An operation cannot be done; the message says why.

    With a `question` of the operation, an interactive dialogue asks again from there on.
    """

    def __init__(self, message: str, question: Question[Any] | None = None) -> None:
        super().__init__(message)
        self.question = question


class Commit(Enum):
    """Whether what a command changes waits for a commit (the column Cmt of admin 1.6)."""

    NEEDED = "Y"
    NONE = "–"
    AUTOMATIC = "auto"


class Where(Enum):
    """Where in a cluster a command may run (the column Where of admin 1.6)."""

    ANY = "A"
    CLUSTER = "C"
    MACHINE = "M"
    LOGIN_HOST = "L"


@dataclass(frozen=True, kw_only=True, eq=False)
class Body(Generic[D]):
    """Questions in their order, then a confirmation, then what is done, then a menu.

    Each part may be missing. `act` edits `scope.draft` or asks an operation to do something; an
    edit that is refused is undone. With a menu, all questions are words by position.
    """

    questions: tuple[Question[Any], ...] = ()
    confirm: Confirm | None = None
    act: Act | None = None
    ends_by_interrupt: bool = False  # Ctrl-C is how `act` is meant to end: `tail`, `rate`
    menu: "Menu[D] | None" = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Operation(Body[D]):
    """A word of a menu. `when` says whether it makes sense at present."""

    name: str  # in capitals, as the menu shows it
    purpose: str
    aliases: tuple[str, ...] = ()
    permission: str = ""  # besides that of the command
    when: Callable[[Any], bool] | None = None

    def is_called(self, word: str) -> bool:
        """Return whether `word` is its name, in any case."""
        return word.upper() in (self.name, *self.aliases)


@dataclass(frozen=True, kw_only=True, eq=False)
class Menu(Generic[D]):
    """Operations to choose from; `summary`, which may have to wait for it, is shown above them."""

    operations: tuple[Operation[D], ...]
    summary: Callable[[Any], str | Awaitable[str]] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Command(Body[D]):
    """A word of the prompt."""

    name: str
    purpose: str
    permission: str = ""  # as the host knows it; "" is the name of the command
    aliases: tuple[str, ...] = ()
    commit: Commit = Commit.NONE
    where: Where = Where.ANY
    has_batch: bool = True

    @property
    def right(self) -> str:
        """The permission that it needs."""
        return self.permission or self.name


@dataclass(frozen=True, eq=False)
class Catalog(Generic[D]):
    """All commands; built once, it complains about declarations that cannot work.

    Raises:
        ValueError: a name is taken twice, or a batch line could be read in two ways.
    """

    commands: tuple[Command[D], ...]
    _by_name: Mapping[str, Command[D]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_name: dict[str, Command[D]] = {}
        for command in self.commands:
            for name in (command.name, *command.aliases):
                if by_name.setdefault(name.casefold(), command) is not command:
                    raise ValueError(f"two commands are called {name}")
            for problem in _body_problems(command, frozenset()):
                raise ValueError(f"{command.name}: {problem}")
        object.__setattr__(self, "_by_name", by_name)

    def find(self, word: str) -> Command[D] | None:
        """Return the command that is called `word`, in any case."""
        return self._by_name.get(word.casefold())


def _body_problems(body: Body[D], above: frozenset[str]) -> Iterator[str]:
    keys = set(above)
    places = [question.place for question in body.questions]
    for question in body.questions:
        if question.key in keys:
            yield f"`{question.key}` is asked twice"
        keys.add(question.key)
        if not question.is_asked and not question.is_optional:
            yield f"`{question.key}` is not asked and has no default"
    if places != sorted(places, key=_ORDER.index) or places.count(Place.REST) > 1:
        yield "words come before keys, and one rest before or after none of them"
    if Place.REST in places and Place.KEY in places:
        yield "no key can follow all words that are left"
    if body.menu is None:
        return
    if any(place is not Place.WORD for place in places) or body.confirm:
        yield "in front of a menu there are only words"
    if any(question.is_optional for question in body.questions):
        yield "in front of a menu no word may be missing"
    yield from _menu_problems(body.menu, frozenset(keys))


def _menu_problems(menu: Menu[D], above: frozenset[str]) -> Iterator[str]:
    names: set[str] = set()
    for operation in menu.operations:
        for name in (operation.name, *operation.aliases):
            if name != name.upper() or name in names:
                yield f"the operation {name} is there twice or not in capitals"
            names.add(name)
        for problem in _body_problems(operation, above):
            yield f"{operation.name}: {problem}"


_ORDER = (Place.WORD, Place.REST, Place.KEY)
