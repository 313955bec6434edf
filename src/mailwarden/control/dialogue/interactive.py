"""Asks a person: prompts, defaults in brackets, errors and the question again (admin 1.2)."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from mailwarden.control.dialogue.completion import complete_one_of
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
from mailwarden.control.dialogue.question import UNSET, Question, Reading, Unset
from mailwarden.control.dialogue.questions import Choice, Confirm, Lines, Secret
from mailwarden.control.dialogue.scope import Scope
from mailwarden.control.dialogue.text import LineError, sentence

T = TypeVar("T")
DEFAULT_LENGTH_MAX: Final = 200  # shown in brackets
_CHOOSE: Final = "\nChoose the operation you want to perform:"
_NOTHING: Final = "[]> "


class Interactive:
    """An Asker."""

    is_patient: Final = True

    def __init__(self, console: Console) -> None:
        self._console = console

    def enter(self, body: Body[Any]) -> None:
        pass

    def settle(self, body: Body[Any]) -> None:
        pass

    async def ask(self, question: Question[T], scope: Scope[Any]) -> T:
        asked = question.at(scope)
        default = asked.default_in(scope)
        if not asked.is_asked:
            assert default is not UNSET  # the catalog has seen to it
            return default
        if isinstance(asked, Choice) and not asked.options:
            raise RefusedError("There is nothing to choose from.")
        if scope.has(question) and asked.reading is not Reading.SECRET:
            default = scope[question]  # asked again: the answer that was given is near to the right
        while True:
            try:
                return await self._ask_once(asked, default, scope)
            except LineError as error:
                self.complain(str(error))
            except ValueError as error:
                self.complain(sentence(str(error)))

    async def confirm(self, confirm: Confirm, scope: Scope[Any]) -> bool:
        return await self.ask(confirm, scope)

    async def choose(
        self, menu: Menu[D], operations: Sequence[Operation[D]], scope: Scope[D]
    ) -> Operation[D] | None:
        if not operations:
            self.say("There is nothing that you can do here.")
            return None
        complete = complete_one_of([operation.name for operation in operations])
        while True:
            if menu.summary is not None:
                summary = menu.summary(scope)
                if not isinstance(summary, str):
                    summary = await self._console.until_interrupt(summary)
                await self._console.show(summary)
            self.say(_CHOOSE)
            for operation in operations:
                self.say(f"- {operation.name} - {operation.purpose}")
            try:
                line = await self._console.read_line(_NOTHING, complete)
                return _operation(operations, line.strip()) if line.strip() else None
            except LineError as error:
                self.complain(str(error))

    def say(self, text: str) -> None:
        self._console.say(text)

    async def drain(self) -> None:
        await self._console.drain()

    def complain(self, text: str) -> None:
        self._console.say(text)  # on standard output, as all that belongs to the dialogue (CLI-10)

    async def show(self, result: Result) -> None:
        text = result.text if isinstance(result, Shown) else result
        if text:
            await self._console.show(text)

    async def _ask_once(self, asked: Question[T], default: T | Unset, scope: Scope[Any]) -> T:
        text = await self._read(asked, default, asked.prompt_in(scope))
        if text.strip():
            return asked.read(text, scope)
        if default is UNSET:
            raise ValueError("An answer is needed.")
        return asked.accept(default, scope)

    async def _read(self, asked: Question[T], default: T | Unset, prompt: str) -> str:
        shown = "" if default is UNSET else _bracketed(asked.show(default))
        lines = asked.lines()
        if isinstance(asked, Lines):
            await self._console.show("\n".join((prompt, *lines)))
            return await self._console.read_lines(asked.ending)
        if isinstance(asked, Secret):
            return await self._read_secret(asked, f"{prompt}\n[{shown}]> ")
        if not lines and shown:
            return await self._console.read_line(
                f"{prompt} [{shown}]> ", complete_one_of(asked.candidates())
            )
        await self._console.show("\n".join((prompt, *lines)))
        return await self._console.read_line(f"[{shown}]> ", complete_one_of(asked.candidates()))

    async def _read_secret(self, asked: Secret, prompt: str) -> str:
        secret = await self._console.read_secret(prompt)
        if asked.is_new and secret:
            again = await self._console.read_secret(f"Enter it once more.\n{_NOTHING}")
            if again != secret:
                raise ValueError("The two are not the same.")
        return secret


def _bracketed(text: str) -> str:
    """Return a default as it stands in one line."""
    line = text.replace("\n", "\\n")
    return line if len(line) <= DEFAULT_LENGTH_MAX else f"{line[:DEFAULT_LENGTH_MAX]}..."


def _operation(operations: Sequence[Operation[D]], word: str) -> Operation[D]:
    """Return the operation that `word` names, or is the beginning of (admin CLI-13)."""
    for operation in operations:
        if operation.is_called(word):
            return operation
    found = [each for each in operations if each.name.startswith(word.upper())]
    if len(found) == 1:
        return found[0]
    if found:
        raise LineError(f"{word} is not clear: {', '.join(each.name for each in found)}.")
    raise LineError(f"{word[:DEFAULT_LENGTH_MAX]} is none of the operations.")
