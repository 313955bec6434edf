"""Takes a command through its questions, what it does, and its menus."""

from collections.abc import Awaitable
from inspect import isawaitable
from typing import Any, Generic

from mailwarden.control.dialogue.asker import Asker
from mailwarden.control.dialogue.console import Console
from mailwarden.control.dialogue.declaration import (
    Body,
    Command,
    Commit,
    D,
    Menu,
    RefusedError,
    Result,
)
from mailwarden.control.dialogue.question import Question
from mailwarden.control.dialogue.scope import Run, Scope
from mailwarden.control.dialogue.terminal import InterruptError


class Walk(Generic[D]):
    """One command, in a dialogue or in a batch line: that is the asker's business."""

    def __init__(self, run: Run[D], asker: Asker, console: Console) -> None:
        self._run = run
        self._asker = asker
        self._console = console
        self._is_edit = False

    async def take(self, command: Command[D]) -> None:
        """Do `command` to its end; what it edited is in the draft of the run.

        Raises:
            RefusedError: it was not done. Besides: what a terminal raises.
        """
        self._is_edit = command.commit is Commit.NEEDED
        await self._body(command, Scope(self._run))

    async def _body(self, body: Body[D], scope: Scope[D]) -> None:
        start = 0
        while True:
            await self._questions(body, scope, start)
            try:
                if not await self._confirmed(body, scope):
                    return
                await self._act(body, scope)
                break
            except RefusedError as refusal:
                again = _place_of(refusal.question, body, scope)
                if again is None or not self._asker.is_patient:
                    raise
                self._asker.complain(str(refusal))
                start = again
        if body.menu is not None:
            await self._menu(body.menu, scope)

    async def _questions(self, body: Body[D], scope: Scope[D], start: int) -> None:
        self._asker.enter(body)
        for question in body.questions[start:]:
            if question.is_due(scope):
                scope.put(question, await self._asker.ask(question, scope))
            else:
                scope.drop(question)
        self._asker.settle(body)

    async def _confirmed(self, body: Body[D], scope: Scope[D]) -> bool:
        if body.confirm is None or not body.confirm.is_due(scope):
            return True
        return await self._asker.confirm(body.confirm, scope)

    async def _act(self, body: Body[D], scope: Scope[D]) -> None:
        if body.act is None:
            return
        before = self._run.draft
        self._run.draft = before.copy()
        try:
            result = body.act(scope)
            if isawaitable(result):
                result = await self._work(body, result)
            objections = self._run.host.objections(self._run.draft) if self._is_edit else ()
            if objections:
                raise RefusedError("\n".join(objections))
        except RefusedError:
            self._run.draft = before
            raise
        await self._asker.show(result)

    async def _work(self, body: Body[D], work: Awaitable[Result]) -> Result:
        try:
            return await self._console.until_interrupt(work)
        except InterruptError:
            if body.ends_by_interrupt:
                return None
            raise

    async def _menu(self, menu: Menu[D], scope: Scope[D]) -> None:
        while True:
            possible = [each for each in menu.operations if scope.is_possible(each)]
            operation = await self._asker.choose(menu, possible, scope)
            if operation is None:
                return
            try:
                await self._body(operation, scope.inner())
            except RefusedError as refusal:
                if not self._asker.is_patient:
                    raise
                self._asker.complain(str(refusal))


def _place_of(question: Question[Any] | None, body: Body[Any], scope: Scope[Any]) -> int | None:
    """Return where to begin again, or None: only a question that is asked ends that some time."""
    if question is None or question not in body.questions:
        return None
    if not question.is_asked or not scope.has(question):
        return None
    return body.questions.index(question)
