"""The register of living sessions: who is listed, what ends, and how many there may be."""

import pytest

from mailwarden.control.remote.session_host import Origin
from mailwarden.control.remote.sessions import (
    GONE,
    IDLE,
    LIMITS,
    REVOKED,
    OthersChanges,
    Seat,
    SessionLimits,
    Sessions,
    TooManySessionsError,
)
from mailwarden.core.access.account import Channel
from mailwarden.core.access.roles import Role
from mailwarden.services.accounts.answers import Admitted
from mailwarden.system.clock.clock import SimulatedClock

SSH = Origin(Channel.SSH, "192.0.2.10")
CONSOLE = Origin(Channel.CONSOLE, "", "/dev/ttyS0")


def somebody(name: str, channel: Channel = Channel.SSH, *, is_trusted: bool = False) -> Admitted:
    return Admitted(
        user=name,
        role=Role.ADMINISTRATOR,
        is_local=True,
        channel=channel,
        address="",
        is_trusted=is_trusted,
    )


class Room:
    """Sessions on a clock that is moved, and the reasons for which they were ended."""

    def __init__(self, limits: SessionLimits = LIMITS) -> None:
        self.clock = SimulatedClock()
        self.sessions = Sessions(self.clock, limits)
        self.ended: list[tuple[str, str]] = []

    def enter(
        self, name: str, origin: Origin = SSH, pending: int = 0, *, is_trusted: bool = False
    ) -> Seat:
        admitted = somebody(name, origin.channel, is_trusted=is_trusted)
        return self.sessions.enter(
            admitted, origin, lambda: pending, lambda why: self.ended.append((name, why))
        )

    def sweep(self, *, holds: bool = True, idle_seconds: float | None = None) -> None:
        self.sessions.sweep(lambda _admitted: holds, idle_seconds)

    def users(self) -> list[str]:
        return [row.user for row in self.sessions.rows()]


def test_sessions_are_listed_with_what_is_known_of_them() -> None:
    room = Room()
    seat = room.enter("ann", pending=3)
    room.clock.advance(70)
    (row,) = room.sessions.rows()
    assert (row.number, row.user, row.origin, row.pending_changes) == (1, "ann", SSH, 3)
    assert (row.since, row.idle_seconds) == (room.clock.time() - 70, 70)
    assert row.detached_seconds is None
    seat.touch()
    assert room.sessions.rows()[0].idle_seconds == 0
    room.sessions.leave(seat)
    assert room.sessions.rows() == []


def test_numbers_are_not_given_twice() -> None:
    room = Room()
    room.sessions.leave(room.enter("ann"))
    assert room.enter("bob").number == 2


def test_s_09_a_session_whose_line_was_cut_is_there_for_29_minutes_and_not_for_31() -> None:
    room = Room()
    room.enter("ann", CONSOLE).detach()
    room.clock.advance(29 * 60)
    room.sweep(idle_seconds=60)
    assert room.ended == []
    assert room.sessions.rows()[0].detached_seconds == 29 * 60
    room.clock.advance(60)
    room.sweep()
    assert room.ended == [("ann", GONE)]


def test_s_09_the_time_counts_from_the_hang_up_and_not_from_the_last_key() -> None:
    room = Room()
    seat = room.enter("ann", CONSOLE)
    seat.wait(begins=True)
    room.clock.advance(29 * 60)
    seat.detach()
    room.clock.advance(29 * 60)
    seat.detach()  # a second notice of the same hang-up
    room.sweep(idle_seconds=30 * 60)
    assert room.ended == []


def test_who_comes_back_stays() -> None:
    room = Room()
    seat = room.enter("ann", CONSOLE)
    seat.detach()
    room.clock.advance(29 * 60)
    assert room.sessions.detached("ann") == [seat]
    assert room.sessions.detached("bob") == []
    seat.attach(somebody("ann", Channel.CONSOLE), CONSOLE)
    room.clock.advance(29 * 60)
    room.sweep()
    assert room.ended == []
    assert room.sessions.detached("ann") == []


def test_only_who_is_waited_for_is_idle() -> None:
    room = Room()
    seat = room.enter("ann")
    room.clock.advance(1800)
    room.sweep(idle_seconds=1800)  # `tail` runs
    seat.wait(begins=True)
    room.clock.advance(1799)
    room.sweep(idle_seconds=1800)
    assert room.ended == []
    room.clock.advance(1)
    room.sweep(idle_seconds=None)
    assert room.ended == []
    room.sweep(idle_seconds=1800)
    assert room.ended == [("ann", IDLE)]


def test_role_07_rights_that_are_gone_end_the_session_once() -> None:
    room = Room()
    room.enter("ann")
    room.sweep()
    assert room.ended == []
    room.sweep(holds=False)
    room.sweep(holds=False)
    assert room.ended == [("ann", REVOKED)]


def test_what_cannot_be_told_ends_nothing_but_what_is_over_anyway() -> None:
    def broken(_admitted: Admitted) -> bool:
        raise OSError("the accounts cannot be read")

    room = Room()
    room.enter("ann", CONSOLE).detach()
    room.enter("bob")
    room.clock.advance(1800)
    with pytest.raises(OSError, match="accounts"):
        room.sessions.sweep(broken)
    assert room.ended == [("ann", GONE)]


def test_sessions_are_ended_from_outside() -> None:
    room = Room()
    room.enter("ann")
    bob = room.enter("bob")
    room.enter("ann", CONSOLE)
    assert room.sessions.end(bob.number, "Because.")
    assert not room.sessions.end(17, "Because.")
    assert room.sessions.end_all("Enough.", "ann") == 2
    assert room.ended == [("bob", "Because."), ("ann", "Enough."), ("ann", "Enough.")]
    assert room.sessions.end_all("Stopping.") == 3
    assert len(room.ended) == 3


def test_cli_07_changes_of_others() -> None:
    room = Room()
    own = room.enter("ann", pending=1)
    room.enter("bob", pending=2)
    room.enter("bob")
    assert room.sessions.changes_elsewhere(own.number) == [OthersChanges("bob", 2)]
    assert room.sessions.changes_elsewhere() == [OthersChanges("ann", 1), OthersChanges("bob", 2)]


def test_a_user_has_only_so_many() -> None:
    room = Room(SessionLimits(of_a_user=2))
    room.enter("ann")
    room.enter("ann")
    with pytest.raises(TooManySessionsError):
        room.enter("ann")
    room.enter("bob")
    assert room.users() == ["ann", "ann", "bob"]


def test_each_way_has_places_of_its_own() -> None:
    room = Room(SessionLimits(remote=1, console=1, trusted=2))
    room.enter("ann")
    with pytest.raises(TooManySessionsError):
        room.enter("bob")
    room.enter("admin", CONSOLE)
    for _ in range(2):
        room.enter("admin", CONSOLE, is_trusted=True)
    with pytest.raises(TooManySessionsError):
        room.enter("admin", CONSOLE, is_trusted=True)


def test_trusted_sessions_are_not_counted_by_user() -> None:
    room = Room(SessionLimits(of_a_user=1))
    for _ in range(3):
        room.enter("admin", CONSOLE, is_trusted=True)
    assert room.users() == ["admin"] * 3


def test_what_waits_for_its_user_makes_room_for_that_user() -> None:
    room = Room(SessionLimits(of_a_user=2))
    first, second = room.enter("admin", CONSOLE), room.enter("admin", CONSOLE)
    second.detach()
    room.clock.advance(1)
    first.detach()
    room.enter("admin", CONSOLE)
    assert len(room.ended) == 1
    assert room.sessions.detached("admin") == [first]
