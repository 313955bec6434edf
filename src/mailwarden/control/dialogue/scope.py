"""What the callables of a declaration get: the draft, the answers, and a way to talk."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from mailwarden.control.dialogue.declaration import Catalog, D, Operation
from mailwarden.control.dialogue.question import AnyScope, Question

T = TypeVar("T")
DraftT = TypeVar("DraftT")


class NotAskedError(KeyError):
    """A declaration uses the answer to a question that was not asked."""


class Host(Protocol[DraftT]):
    """What a session knows of its surroundings: who is there, what waits, what is allowed."""

    def name(self) -> str:
        """Return what the prompt begins with: the host name, or `(Cluster main)`."""
        ...

    def pending_changes(self) -> int:
        """Return how many changes of this session wait for a commit."""
        ...

    def may(self, permission: str) -> bool:
        """Return whether this user may do that."""
        ...

    def refuse(self, permission: str) -> str:
        """Record that this user tried what they may not; return what they hear (admin CLI-24)."""
        ...

    def draft(self) -> DraftT:
        """Return a copy of the pending changes for one command to edit."""
        ...

    def keep(self, draft: DraftT) -> None:
        """Take `draft` as the pending changes."""
        ...

    def objections(self, draft: DraftT) -> Sequence[str]:
        """Return what is wrong between the settings of `draft` (admin COM-12); asked per edit."""
        ...

    def idle_seconds(self) -> float | None:
        """Return after how long without input the session ends; None is never."""
        ...


class Talk(Protocol):
    """How an operation speaks while it works."""

    async def ask(self, question: Question[T], scope: AnyScope) -> T:
        """Return the answer."""
        ...

    def say(self, text: str) -> None:
        """Show a line at once."""
        ...

    async def drain(self) -> None:
        """Wait until what was said is on its way."""
        ...


class Run(Generic[D]):
    """One command on its way."""

    __slots__ = ("catalog", "draft", "has_left", "host", "talk")

    def __init__(self, host: Host[D], catalog: Catalog[D], draft: D, talk: Talk) -> None:
        self.host = host
        self.catalog = catalog
        self.draft = draft
        self.talk = talk
        self.has_left = False  # the session ends after this command


class Scope(Generic[D]):
    """The answers of an operation and of those on the way to it, and the draft."""

    __slots__ = ("_answers", "_run")

    def __init__(self, run: Run[D], answers: Mapping[str, Any] | None = None) -> None:
        self._run = run
        self._answers: dict[str, Any] = dict(answers or {})

    @property
    def draft(self) -> D:
        """What is edited."""
        return self._run.draft

    @property
    def host(self) -> Host[D]:
        """The surroundings of the session."""
        return self._run.host

    @property
    def catalog(self) -> Catalog[D]:
        """All commands."""
        return self._run.catalog

    def __getitem__(self, question: Question[T]) -> T:
        """Return the answer; raises NotAskedError, which is an error in the declaration."""
        if question.key not in self._answers:
            raise NotAskedError(question.key)
        answer: T = self._answers[question.key]
        return answer

    def get(self, question: Question[T]) -> T | None:
        """Return the answer, or None when the question was not asked."""
        return self._answers.get(question.key)

    def has(self, question: Question[Any]) -> bool:
        """Return whether the question was asked."""
        return question.key in self._answers

    def put(self, question: Question[T], answer: T) -> None:
        """Note an answer."""
        self._answers[question.key] = answer

    def drop(self, question: Question[Any]) -> None:
        """Forget an answer."""
        self._answers.pop(question.key, None)

    def inner(self) -> "Scope[D]":
        """Return a scope for an operation of a menu: it knows all answers so far."""
        return Scope(self._run, self._answers)

    async def ask(self, question: Question[T]) -> T:
        """Ask what no declaration lists; for commands without a batch form, and `Confirm`."""
        answer = await self._run.talk.ask(question, self)
        self.put(question, answer)
        return answer

    def say(self, text: str) -> None:
        """Show a line at once; for work that goes on for a while."""
        self._run.talk.say(text)

    async def drain(self) -> None:
        """Wait until what was said is on its way: after each lot of lines, to keep them few."""
        await self._run.talk.drain()

    def is_possible(self, operation: Operation[D]) -> bool:
        """Return whether an operation makes sense at present and is allowed to this user."""
        if operation.permission and not self.host.may(operation.permission):
            return False
        return operation.when is None or operation.when(self)

    def leave(self) -> None:
        """End the session after this command."""
        self._run.has_left = True
