"""Answers from the words of one line: nothing is asked (admin 1.4).

`command [operation [object …]] [key value | --key=value] …`. Secrets and texts of several lines
are no words: their word is `-`, and they come as input.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from mailwarden.control.dialogue.console import Console
from mailwarden.control.dialogue.declaration import (
    Body,
    D,
    Menu,
    Operation,
    RefusedError,
    Result,
    Shown,
)
from mailwarden.control.dialogue.interactive import Interactive
from mailwarden.control.dialogue.question import UNSET, Place, Question, Reading
from mailwarden.control.dialogue.questions import SHOWN_LENGTH_MAX, Confirm, Flag, Lines
from mailwarden.control.dialogue.scope import Scope
from mailwarden.control.dialogue.text import LineError, sentence
from mailwarden.control.dialogue.words import Word

T = TypeVar("T")
FORCE: Final = ("force", "yes")
INPUT: Final = "-"
MESSAGES_MAX: Final = 100_000  # lines in a JSON document


class Batch:
    """An Asker. With `collects` nothing is shown: `messages` and `data` are for JSON."""

    is_patient: Final = False

    def __init__(self, words: Sequence[Word], console: Console, *, collects: bool) -> None:
        self._words = deque(words)
        self._console = console
        self._collects = collects
        self._keys: dict[str, Question[Any]] = {}
        self._values: dict[str, str] | None = None  # by key; None: not read yet
        self._flags: dict[str, str] = {}  # that stand in front of words
        self._takes_force = False
        self._is_forced = False
        self._chosen: set[object] = set()  # menus; a line goes through each of them once
        self.messages: list[str] = []
        self.data: object = None

    def enter(self, body: Body[Any]) -> None:
        self._keys = {
            normal_key(question.key): question
            for question in body.questions
            if question.place is Place.KEY
        }
        self._values = None
        self._flags = {}
        self._takes_force = body.confirm is not None

    async def ask(self, question: Question[T], scope: Scope[Any]) -> T:
        asked = question.at(scope)
        word = self._word_for(question)
        if word is None:
            if isinstance(asked, Confirm) and self._is_attended():
                return await Interactive(self._console).ask(question, scope)
            default = asked.default_in(scope)
            if default is UNSET:
                raise RefusedError(f"{asked.key} is missing: {asked.describe()}")
            return self._checked(asked, scope, default)
        if asked.reading is not Reading.LINE:
            if word != INPUT:
                raise RefusedError(f"{asked.key}: takes {INPUT}; what it is comes as input")
            if self._is_attended():
                return await Interactive(self._console).ask(question, scope)
            word = await self._read_input(asked)
        try:
            return asked.read(word, scope, is_word=True)
        except ValueError as error:
            raise RefusedError(f"{asked.key}: {sentence(str(error))}") from error

    def settle(self, body: Body[Any]) -> None:
        if body.menu is not None:
            return
        values = self._key_values()
        for key in values:
            raise RefusedError(f"{self._keys[key].key} has no meaning here")

    async def confirm(self, confirm: Confirm, scope: Scope[Any]) -> bool:
        if self._is_forced:
            return True
        if self._collects:
            raise RefusedError(f"this needs the word {FORCE[0]}")
        if not await Interactive(self._console).ask(confirm, scope):
            raise RefusedError("not confirmed")
        return True

    async def choose(
        self, menu: Menu[D], operations: Sequence[Operation[D]], scope: Scope[D]
    ) -> Operation[D] | None:
        if menu in self._chosen:
            return None
        self._chosen.add(menu)
        names = ", ".join(operation.name for operation in operations)
        if not self._words:
            raise RefusedError(f"an operation is missing: {names}")
        word = self._words.popleft().text
        for operation in operations:
            if operation.is_called(word):
                return operation
        for operation in menu.operations:
            if operation.is_called(word):
                raise _why_not(operation, scope)
        raise RefusedError(f"{word[:SHOWN_LENGTH_MAX]} is none of the operations: {names}")

    def say(self, text: str) -> None:
        if not self._collects:
            self._console.say(text)
            return
        if len(self.messages) >= MESSAGES_MAX:
            raise RefusedError(f"more than {MESSAGES_MAX} lines are too many for JSON")
        self.messages += text.split("\n")

    async def drain(self) -> None:
        await self._console.drain()

    def complain(self, text: str) -> None:
        raise RefusedError(text)

    async def show(self, result: Result) -> None:
        if self._collects:
            if isinstance(result, Shown):
                self.data = result.data
            elif result:
                self.messages += result.removesuffix("\n").split("\n")
            return
        await Interactive(self._console).show(result)

    def _is_attended(self) -> bool:
        """Tell whether somebody is there to be asked."""
        return self._console.is_interactive and not self._collects

    def _word_for(self, question: Question[T]) -> str | None:
        """Return what the line has for `question`, or None."""
        if question.place is Place.KEY:
            return self._key_values().pop(normal_key(question.key), None)
        self._take_flags()
        if not self._words or self._words[0].is_option:
            return None
        if question.place is Place.REST:
            rest = " ".join(word.text for word in self._words)
            self._words.clear()
            return rest
        if question.is_optional and self._is_key(self._words[0]):
            return None
        return self._words.popleft().text

    async def _read_input(self, asked: Question[T]) -> str:
        """Return the answer that follows as input, without a prompt and only once."""
        try:
            if isinstance(asked, Lines):
                return await self._console.read_lines(asked.ending)
            return await self._console.read_secret("")
        except LineError as error:
            raise RefusedError(f"{asked.key}: {error}") from error

    def _take_flags(self) -> None:
        while self._words and self._is_flag(self._words[0]):
            self._read_key(self._words.popleft(), self._flags)

    def _is_flag(self, word: Word) -> bool:
        name = normal_key(word.text.removeprefix("--"))
        return word.is_option and isinstance(self._keys.get(name), Flag)

    def _is_key(self, word: Word) -> bool:
        name = normal_key(word.text)
        if isinstance(self._keys.get(name), Flag):
            return False
        return name in self._keys or (self._takes_force and name in FORCE)

    def _checked(self, asked: Question[T], scope: Scope[Any], value: T) -> T:
        try:
            return asked.accept(value, scope)
        except ValueError as error:
            raise RefusedError(f"{asked.key}: {sentence(str(error))}") from error

    def _key_values(self) -> dict[str, str]:
        """Return what is left of the words, by key; each that is used is taken away."""
        if self._values is None:
            self._values = dict(self._flags)
            while self._words:
                self._read_key(self._words.popleft(), self._values)
        return self._values

    def _read_key(self, word: Word, values: dict[str, str]) -> None:
        name, equals, value = word.text.partition("=") if word.is_option else (word.text, "", "")
        key = normal_key(name.removeprefix("--") if word.is_option else name)
        if self._takes_force and key in FORCE and key not in self._keys and not equals:
            self._is_forced = True
            return
        if key not in self._keys:
            raise RefusedError(f"{name[:SHOWN_LENGTH_MAX]} is not known here{self._known()}")
        if key in values:
            raise RefusedError(f"{name} is there twice")
        if self._is_flag(word):
            value = "yes"
        elif not equals:
            if word.is_option or not self._words or self._words[0].is_option:
                raise RefusedError(f"{name} needs a value: {self._keys[key].describe()}")
            value = self._words.popleft().text
        values[key] = value

    def _known(self) -> str:
        names = [
            each.option if isinstance(each, Flag) else each.key for each in self._keys.values()
        ]
        return f"; there are {', '.join(names)}" if names else ""


def _why_not(operation: Operation[D], scope: Scope[D]) -> RefusedError:
    """Return why an operation is not among those that make sense."""
    if operation.permission and not scope.host.may(operation.permission):
        return RefusedError(scope.host.refuse(operation.permission))
    return RefusedError(f"{operation.name} is not possible at present")


def normal_key(name: str) -> str:
    """Return a key as it is compared: in any case, `-` for `_`."""
    return name.casefold().replace("-", "_")
