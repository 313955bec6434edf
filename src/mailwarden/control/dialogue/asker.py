"""Who answers the questions of a command: a person at a terminal, or the words of a line."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from mailwarden.control.dialogue.declaration import Body, D, Menu, Operation, Result
from mailwarden.control.dialogue.question import Question
from mailwarden.control.dialogue.questions import Confirm
from mailwarden.control.dialogue.scope import Scope

T = TypeVar("T")


class Asker(Protocol):
    """There are `Interactive` and `Batch`. All may raise RefusedError and what a terminal does."""

    @property
    def is_patient(self) -> bool:
        """Whether a refused operation may be tried again."""
        ...

    def enter(self, body: Body[Any]) -> None:
        """Prepare for the questions of `body`."""
        ...

    async def ask(self, question: Question[T], scope: Scope[Any]) -> T:
        """Return the answer, checked."""
        ...

    def settle(self, body: Body[Any]) -> None:
        """Note that all questions of `body` are asked."""
        ...

    async def confirm(self, confirm: Confirm, scope: Scope[Any]) -> bool:
        """Return whether to go on."""
        ...

    async def choose(
        self, menu: Menu[D], operations: Sequence[Operation[D]], scope: Scope[D]
    ) -> Operation[D] | None:
        """Return one of `operations`, which is those that make sense; None leaves the menu."""
        ...

    def say(self, text: str) -> None:
        """Show a line at once."""
        ...

    async def drain(self) -> None:
        """Wait until what was said is on its way."""
        ...

    def complain(self, text: str) -> None:
        """Show what went wrong; the dialogue goes on."""
        ...

    async def show(self, result: Result) -> None:
        """Show what an operation found."""
        ...
