"""All living sessions: who is there, for how long, and which of them have to end.

One for the gateway, whichever way sessions come. It knows no tasks and no sockets: each session
hands in how it is ended, and somebody calls `sweep` every few seconds.
"""

import dataclasses
from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.control.remote.session_host import Origin
from mailwarden.core.access.account import Channel
from mailwarden.services.accounts.answers import Admitted
from mailwarden.system.clock.clock import Clock

DETACHED_SECONDS: Final = 1800.0  # after the line was cut (admin CLI-03)
SWEEP_SECONDS: Final = 10.0  # rights that are gone end a session within a minute (ROLE-07)

IDLE: Final = "The session has ended, as nothing was typed for too long."
REVOKED: Final = "The session has ended, as your password, your role or your account has changed."
GONE: Final = "nobody went on with the session in time"

End = Callable[[str], None]  # gets the reason; what it ends then leaves


class TooManySessionsError(Exception):
    """There is no place for another session; the message says it to the person."""


class SessionLimits(NamedTuple):
    """How many sessions there may be; each way has places of its own.

    So nobody can keep an administrator from the console by opening sessions from elsewhere. Those
    whom the operating system vouches for are counted only together: scripts run many at once.
    """

    of_a_user: int = 10  # by one way
    remote: int = 50
    console: int = 20
    trusted: int = 50


LIMITS: Final = SessionLimits()


class SessionRow(NamedTuple):
    """A session as it is listed. `since` counts from the epoch; the others are spans.

    `detached_seconds` is None while somebody is connected.
    """

    number: int
    user: str
    origin: Origin
    since: float
    idle_seconds: float
    pending_changes: int
    detached_seconds: float | None


class OthersChanges(NamedTuple):
    """What somebody else has entered and not committed."""

    user: str
    changes: int


class Seat:
    """One session's place among the living ones."""

    def __init__(
        self, number: int, admitted: Admitted, origin: Origin, since: float,
        pending: Callable[[], int], end: End, monotonic: Callable[[], float],
    ) -> None:  # fmt: skip
        self.number: Final = number
        self.admitted = admitted
        self.origin = origin
        self.since: Final = since
        self.is_ending = False
        self._pending = pending
        self._end = end
        self._monotonic = monotonic
        self._typed_at = monotonic()
        self._waits = False
        self._detached_at: float | None = None

    @property
    def user(self) -> str:
        """Whose session it is."""
        return self.admitted.user

    @property
    def coming(self) -> tuple[Admitted, Origin]:
        """Who came, and where from."""
        return self.admitted, self.origin

    @property
    def idle_seconds(self) -> float:
        """For how long nothing was typed."""
        return self._monotonic() - self._typed_at

    @property
    def detached_seconds(self) -> float | None:
        """How long ago the line was cut; None while somebody is connected."""
        return None if self._detached_at is None else self._monotonic() - self._detached_at

    @property
    def pending_changes(self) -> int:
        """How many changes wait for a commit."""
        return self._pending()

    def touch(self) -> None:
        """Note that something was typed."""
        self._typed_at = self._monotonic()

    def wait(self, *, begins: bool) -> None:
        """Note that the session begins or ceases to wait for what is typed.

        One that works, such as `tail`, is not idle.
        """
        self._waits = begins
        self.touch()

    def detach(self) -> None:
        """Note that the line was cut."""
        if self._detached_at is None:
            self._detached_at = self._monotonic()

    def attach(self, admitted: Admitted, origin: Origin) -> None:
        """Note that its user has signed in again and goes on with it."""
        self.admitted = admitted
        self.origin = origin
        self._detached_at = None
        self.touch()

    def end(self, reason: str) -> None:
        """Let the session end; only the first time counts."""
        if not self.is_ending:
            self.is_ending = True
            self._end(reason)

    def is_idle_for(self, seconds: float | None) -> bool:
        """Whether somebody who is connected was asked for input for so long."""
        if seconds is None or not self._waits or self._detached_at is not None:
            return False
        return self.idle_seconds >= seconds


class Sessions:
    """The living sessions."""

    def __init__(self, clock: Clock, limits: SessionLimits = LIMITS) -> None:
        self._clock = clock
        self._limits = limits
        self._seats: dict[int, Seat] = {}
        self._last = 0

    def enter(
        self, admitted: Admitted, origin: Origin, pending: Callable[[], int], end: End
    ) -> Seat:
        """Return a place for a new session.

        Raises:
            TooManySessionsError: there is none.
        """
        self._check_room(admitted, origin)
        self._last += 1
        seat = Seat(
            self._last, admitted, origin, self._clock.time(), pending, end, self._clock.monotonic
        )
        self._seats[seat.number] = seat
        return seat

    def leave(self, seat: Seat) -> None:
        """Note that a session is over."""
        self._seats.pop(seat.number, None)

    def rows(self) -> list[SessionRow]:
        """Return all sessions, the oldest first."""
        return [
            SessionRow(
                seat.number,
                seat.user,
                seat.origin,
                seat.since,
                seat.idle_seconds,
                seat.pending_changes,
                seat.detached_seconds,
            )
            for seat in self._seats.values()
        ]

    def changes_elsewhere(self, number: int = 0) -> list[OthersChanges]:
        """Return what waits for a commit in sessions other than that one."""
        others = (seat for seat in self._seats.values() if seat.number != number)
        found = (OthersChanges(seat.user, seat.pending_changes) for seat in others)
        return [each for each in found if each.changes]

    def detached(self, user: str) -> list[Seat]:
        """Return the sessions that the user can go on with, that which was cut last first."""
        found = (seat for seat in self._seats.values() if seat.user == user)
        waiting = [each for each in found if each.detached_seconds is not None]
        alive = [each for each in waiting if not each.is_ending]
        return sorted(alive, key=lambda seat: seat.detached_seconds or 0.0)

    def renew(self, number: int, generation: int) -> None:
        """Let a session go on whose user has changed the own account: it is of `generation` now."""
        seat = self._seats.get(number)
        if seat is not None:
            seat.admitted = dataclasses.replace(seat.admitted, generation=generation)

    def end(self, number: int, reason: str) -> bool:
        """End one session; return whether there is such a one."""
        seat = self._seats.get(number)
        if seat is not None:
            seat.end(reason)
        return seat is not None

    def end_all(self, reason: str, user: str | None = None) -> int:
        """End all sessions, or those of a user; return how many."""
        seats = [seat for seat in self._seats.values() if user is None or seat.user == user]
        for seat in seats:
            seat.end(reason)
        return len(seats)

    def sweep(
        self, still_holds: Callable[[Admitted], bool], idle_seconds: float | None = None
    ) -> None:
        """End what has to end by now; raises what `still_holds` raises, after the rest is done."""
        for seat in list(self._seats.values()):
            detached = seat.detached_seconds
            if detached is not None and detached >= DETACHED_SECONDS:
                seat.end(GONE)
            elif seat.is_idle_for(idle_seconds):
                seat.end(IDLE)
        for seat in list(self._seats.values()):
            if not seat.is_ending and not still_holds(seat.admitted):
                seat.end(REVOKED)

    def _check_room(self, admitted: Admitted, origin: Origin) -> None:
        """Make room where sessions of this user wait, to which nobody may ever come back."""
        way = _way(admitted, origin)
        same_way = [seat for seat in self._seats.values() if _way(*seat.coming) is way]
        own = [seat for seat in same_way if seat.user == admitted.user]
        excess = len(same_way) + 1 - way.limit(self._limits)
        if way is not _Way.TRUSTED:
            excess = max(excess, len(own) + 1 - self._limits.of_a_user)
        for seat in _longest_detached(own)[: max(excess, 0)]:
            seat.end("its user has opened too many others")
            self.leave(seat)
            excess -= 1
        if excess > 0:
            raise TooManySessionsError("There are too many sessions. Close another one first.")


class _Way(Enum):
    REMOTE = "remote"
    CONSOLE = "console"
    TRUSTED = "trusted"

    def limit(self, limits: SessionLimits) -> int:
        match self:
            case _Way.REMOTE:
                return limits.remote
            case _Way.CONSOLE:
                return limits.console
            case _Way.TRUSTED:
                return limits.trusted


def _way(admitted: Admitted, origin: Origin) -> _Way:
    if admitted.is_trusted:
        return _Way.TRUSTED
    return _Way.CONSOLE if origin.channel is Channel.CONSOLE else _Way.REMOTE


def _longest_detached(seats: list[Seat]) -> list[Seat]:
    waiting = [seat for seat in seats if seat.detached_seconds is not None]
    return sorted(waiting, key=lambda seat: -(seat.detached_seconds or 0.0))
