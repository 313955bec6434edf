"""The questions and answers by which somebody logs in over SSH; knows no SSH.

Password, one-time code and a change of password that is due are asked for one after the other
(RFC 4256), or the first and the last in one (RFC 4252, 8). What is wrong is not told (PWD-05).
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from mailwarden.control.dialogue.text import neutralise
from mailwarden.control.remote.password_change import REASONS
from mailwarden.control.remote.session_host import Access, AccessEvent, Origin
from mailwarden.core.access.account import Change
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.core.access.ssh_key import PublicKey
from mailwarden.services.accounts.answers import (
    INCORRECT,
    Admitted,
    Answer,
    Attempt,
    CodeWanted,
    Refused,
)
from mailwarden.services.accounts.passwords import PasswordError, Passwords
from mailwarden.services.accounts.sign_in import SignIn
from mailwarden.services.accounts.store import AccountStoreError

NEW_PASSWORDS_MAX: Final = 5  # tries within one login
USER_SHOWN_MAX: Final = 64  # letters of a name, for the log
_CHANGE_FIRST: Final = "Your password has to be changed; log in with it once."
_CODE_NEEDED: Final = "A one-time code is needed; log in by keyboard-interactive."


@dataclass(frozen=True, slots=True)
class Doors:
    """What decides who gets in; `policy` gives the password policy in force."""

    sign_in: SignIn
    passwords: Passwords
    policy: Callable[[], PasswordPolicy]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; nothing of the answers is shown."""

    instruction: str
    prompts: tuple[str, ...]


class ChangeDueError(Exception):
    """The password is right, and has to be changed; the message says why."""


class _Step(Enum):
    PASSWORD = auto()
    CODE = auto()
    NEW_PASSWORD = auto()


class LogIn:
    """One connection's attempts. `say` shows a message before anybody is logged in.

    `admitted` is set as soon as somebody has proved who they are, and nothing more is due. All that
    asks the accounts raises AccountStoreError where they cannot be read: nobody gets in then.
    """

    def __init__(
        self,
        doors: Doors,
        origin: Origin,
        record: Callable[[AccessEvent], None],
        say: Callable[[str], None],
    ) -> None:
        self.admitted: Admitted | None = None
        self.failures = 0
        self._doors = doors
        self._origin = origin
        self._record = record
        self._say = say
        self._step = _Step.PASSWORD
        self._password = ""
        self._waiting: Admitted | None = None  # for another password
        self._tries = 0

    def begin(self) -> Question:
        """Return the first question."""
        self._step, self._waiting, self._password, self._tries = _Step.PASSWORD, None, "", 0
        return Question("", ("Password: ",))

    async def answer(self, user: str, answers: Sequence[str]) -> Question | bool:
        """Return the next question, or whether the user is logged in."""
        match self._step, answers:
            case _Step.PASSWORD, [password]:
                self._password = password
                return await self._go_on(user, await self._try(user, password))
            case _Step.CODE, [code]:
                return await self._go_on(user, await self._try(user, self._password, code))
            case _Step.NEW_PASSWORD, [new, again]:
                return await self._take_new(user, new, again)
            case _:
                return self._fail(user, "wrong number of answers")

    async def by_password(self, user: str, password: str) -> bool:
        """Return whether the user is logged in with a password alone.

        Raises:
            ChangeDueError: the password has to be changed; see `change`.
        """
        answer = await self._try(user, password)
        match answer:
            case Admitted() if answer.change is not Change.NONE:
                raise ChangeDueError(_reason(answer))
            case Admitted():
                return self._admit(answer)
            case CodeWanted():
                self._say(_CODE_NEEDED)
                return self._fail(user, "no one-time code")
            case _:
                return self._refuse(user, answer)

    async def change(self, user: str, old: str, new: str) -> bool:
        """Change a password that has to be changed; return whether the user is logged in.

        Raises:
            ChangeDueError: the new one cannot be taken; the message says why.
        """
        answer = await self._try(user, old)
        match answer:
            case Admitted() if answer.change is not Change.NONE:
                changed = await self._change(answer, old, new)
                if isinstance(changed, str):
                    raise ChangeDueError(changed)
                return self._admit(changed)
            case Refused():
                return self._refuse(user, answer)
            case _:
                return self._fail(user, "no change of the password is due")

    def is_worth_proving(self, user: str, key: PublicKey) -> bool:
        """Return whether somebody who holds that key could get in."""
        return self._doors.sign_in.is_key_of(user, key)

    def by_key(self, user: str, key: PublicKey) -> bool:
        """Return whether the user is logged in, who has proved to hold the key."""
        try:
            answer = self._doors.sign_in.by_key(user, key, self._origin.address)
        except AccountStoreError as error:
            self._fail(user, str(error))
            raise
        if isinstance(answer, Refused):
            return self._refuse(user, answer)
        if answer.change is not Change.NONE:
            self._say(_CHANGE_FIRST)  # which then asks for another one
            return self._fail(user, "the password has to be changed")
        return self._admit(answer)

    def _fail(self, user: str, detail: str, *, was_locked: bool = False) -> bool:
        self.failures += 1
        self.begin()
        shown = neutralise(user[:USER_SHOWN_MAX])
        event = AccessEvent(Access.REFUSED, shown, self._origin, detail)
        self._record(event._replace(was_locked=was_locked))
        return False

    def _refuse(self, user: str, refused: Refused) -> bool:
        if refused.message != INCORRECT:
            self._say(refused.message)
        reason = refused.reason.value
        detail = f"{reason} ({refused.detail})" if refused.detail else reason
        return self._fail(user, detail, was_locked=refused.was_locked)

    def _admit(self, admitted: Admitted) -> bool:
        self.begin()
        self.admitted = admitted
        return True

    async def _try(self, user: str, password: str, code: str = "") -> Answer:
        attempt = Attempt(user, password, self._origin.channel, self._origin.address, code)
        try:
            return await self._doors.sign_in.by_password(attempt)
        except AccountStoreError as error:
            self._fail(user, str(error))
            raise

    async def _go_on(self, user: str, answer: Answer) -> Question | bool:
        match answer:
            case CodeWanted() if self._step is _Step.PASSWORD:
                self._step = _Step.CODE
                return Question("", ("One-time code: ",))
            case CodeWanted():
                return self._fail(user, "no one-time code")
            case Refused():
                return self._refuse(user, answer)
            case Admitted() if answer.change is Change.NONE:
                return self._admit(answer)
            case Admitted():
                self._step, self._waiting = _Step.NEW_PASSWORD, answer
                return _ask_new(_reason(answer))

    async def _take_new(self, user: str, new: str, again: str) -> Question | bool:
        waiting = self._waiting
        if waiting is None or waiting.user != user:
            return self._fail(user, "no change of the password is due")
        self._tries += 1
        if self._tries > NEW_PASSWORDS_MAX:
            return self._fail(user, "chose no password")
        if new != again:
            return _ask_new("The two are not the same.")
        changed = await self._change(waiting, self._password, new)
        return _ask_new(changed) if isinstance(changed, str) else self._admit(changed)

    async def _change(self, admitted: Admitted, old: str, new: str) -> Admitted | str:
        """Return who is logged in with a new password, or what speaks against it."""
        doors = self._doors
        try:
            account = await doors.passwords.change_own(admitted.user, old, new, doors.policy())
        except PasswordError as error:
            return str(error)
        return dataclasses.replace(
            admitted, change=Change.NONE, days_left=None, generation=account.generation
        )


def _ask_new(instruction: str) -> Question:
    return Question(instruction, ("New password: ", "New password again: "))


def _reason(admitted: Admitted) -> str:
    return f"{REASONS[admitted.change]} Choose another one."
