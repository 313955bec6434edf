"""Asks at the console who is there, as a serial line does: `login:` and the password."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from mailwarden.control.dialogue.terminal import EndOfTextError, InterruptError, Terminal
from mailwarden.control.dialogue.text import LineError, check_line, neutralise
from mailwarden.control.remote.session_host import Access, AccessEvent, Origin, SessionHost
from mailwarden.control.remote.sessions import DETACHED_SECONDS, Seat
from mailwarden.core.access.account import Channel
from mailwarden.services.accounts.answers import Admitted, Answer, Attempt, CodeWanted, Refused
from mailwarden.services.accounts.store import AccountStoreError

PASSWORD_SECONDS: Final = 60.0  # then the next one is asked who that is
PROMPT: Final = "login: "
UNREADABLE: Final = "Nobody can log in at present: the accounts cannot be read."


class Door(Protocol):
    """Who gets in."""

    async def by_password(self, attempt: Attempt) -> Answer:
        """Tell whether somebody gets in with a password; raises AccountStoreError."""
        ...


async def log_in(terminal: Terminal, host: SessionHost, door: Door, origin: Origin) -> Admitted:
    """Return who has signed in; it asks until somebody does.

    Raises:
        ClosedError: the line is cut.
    """
    while True:
        if banner := host.banner():
            terminal.write(neutralise(banner.rstrip("\n")) + "\n")
        try:
            admitted = await _try(terminal, host, door, origin)
        except (InterruptError, EndOfTextError) as end:
            if isinstance(end, EndOfTextError) and end.is_final:
                raise
            terminal.write("\n")
        except LineError as error:
            terminal.write(f"{error}\n")
        except TimeoutError:
            terminal.write("\nThat took too long.\n")
        except AccountStoreError as error:
            host.record(AccessEvent(Access.REFUSED, "", origin, str(error)))
            terminal.write(f"{UNREADABLE}\n")
        else:
            if admitted is not None:
                return admitted


async def choose_seat(terminal: Terminal, seats: Sequence[Seat]) -> Seat | None:
    """Return which of `seats`, all cut off, somebody wants to go on with; None is a new session.

    Raises:
        ClosedError: the line is cut. InterruptError, EndOfTextError: nothing was chosen.
    """
    terminal.write("Sessions of yours wait for you to go on with them:\n")
    for number, seat in enumerate(seats, start=1):
        terminal.write(f"{number}. {_described(seat)}\n")
    last = len(seats) + 1
    terminal.write(f"{last}. a new session\n")
    while True:
        try:
            word = check_line(await terminal.read_line("[1]> ")).strip() or "1"
        except LineError as error:
            terminal.write(f"{error}\n")
            continue
        if word.isascii() and word.isdecimal() and len(word) < 5 and 1 <= int(word) <= last:
            return None if int(word) == last else seats[int(word) - 1]
        terminal.write(f"A number from 1 to {last} is needed.\n")


async def _try(
    terminal: Terminal, host: SessionHost, door: Door, origin: Origin
) -> Admitted | None:
    user = check_line(await terminal.read_line(PROMPT)).strip()
    if not user:
        return None
    async with asyncio.timeout(PASSWORD_SECONDS):
        password = check_line(await terminal.read_secret("Password: "))
    answer = await door.by_password(Attempt(user, password, Channel.CONSOLE))
    if isinstance(answer, CodeWanted):
        async with asyncio.timeout(PASSWORD_SECONDS):
            code = check_line(await terminal.read_secret("One-time code: "))
        answer = await door.by_password(Attempt(user, password, Channel.CONSOLE, code=code))
    match answer:
        case Admitted():
            return answer
        case Refused():
            detail = f"{answer.reason.value}; {answer.detail}".removesuffix("; ")
            host.record(
                AccessEvent(Access.REFUSED, user, origin, detail, was_locked=answer.was_locked)
            )
            terminal.write(f"{neutralise(answer.message)}\n\n")
        case CodeWanted():
            terminal.write("\n")  # an empty code was given
    return None


def _described(seat: Seat) -> str:
    gone = seat.detached_seconds or 0.0
    left = max(DETACHED_SECONDS - gone, 0.0)
    changes = seat.pending_changes
    return f"cut off {_minutes(gone)} ago, ends in {_minutes(left)}, uncommitted changes: {changes}"


def _minutes(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
