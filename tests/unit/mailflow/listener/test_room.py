"""Alerts about the room in the spool."""

import pytest

from mailwarden.core.alerts import RecordedAlerts
from mailwarden.mailflow.listener.pressure import Pressure, PressureLimits
from mailwarden.mailflow.listener.room import CALM_SECONDS, FREE, FULL, SHORT, RoomWatch
from mailwarden.stores.spool.spool import Usage
from mailwarden.system.clock.clock import SimulatedClock
from tests.unit.mailflow.listener.bench import Bench

Step = tuple[float, int]  # seconds later, how it stands


def told(*steps: Step) -> list[str]:
    """Return the keys of the alerts that came of it."""
    alerts, now = RecordedAlerts(), 0.0
    watch = RoomWatch(alerts)
    for seconds, level in steps:
        now += seconds
        watch.note(level, "much is in use", now)
    return [alert.key for alert in alerts.told]


@pytest.mark.parametrize(
    ("steps", "keys"),
    [
        ([(0, FREE), (1, FREE)], []),
        ([(0, SHORT), (1, SHORT), (1, FULL), (1, FULL)], ["spool nearly full", "spool full"]),
        ([(0, FULL), (1, FREE), (CALM_SECONDS, FREE)], ["spool full", "spool has room"]),
        ([(0, FULL), (1, FREE), (CALM_SECONDS - 1, FREE)], ["spool full"]),
        ([(0, FULL)] + 99 * [(1, FREE), (1, FULL)], ["spool full"]),
        ([(0, FULL), (1, FREE), (1, SHORT), (CALM_SECONDS, FREE)],
         ["spool full", "spool nearly full"]),
        ([(0, SHORT), (1, FREE), (CALM_SECONDS, FREE), (1, SHORT)],
         ["spool nearly full", "spool has room", "spool nearly full"]),
    ],
)  # fmt: skip
def test_worse_is_told_at_once_and_better_when_it_stays_so(
    steps: list[Step], keys: list[str]
) -> None:
    assert told(*steps) == keys


class FakeSpool:
    """Has so many bytes."""

    def __init__(self) -> None:
        self.live, self.free = 0, 1

    def usage(self) -> Usage:
        return Usage(0, 0, 0, self.live, self.live, self.free, 0, 0, 0)


def look(limit: int, live: int, free: int = 1) -> list[tuple[str, str]]:
    spool, alerts = FakeSpool(), RecordedAlerts()
    spool.live, spool.free = live << 20, free
    limits = PressureLimits(10, 20, limit << 20)
    Pressure(spool, SimulatedClock(), limits, alerts).look()  # type: ignore[arg-type]
    return [(alert.severity, alert.text) for alert in alerts.told]


def test_what_is_said_of_the_spool() -> None:
    assert look(100, 89) == []
    assert look(0, 10**6) == []
    (nearly,) = look(100, 95)
    assert nearly == (
        "Warning", "The spool is nearly full: 95 of 100 MB are in use; clients are slowed",
    )  # fmt: skip
    assert look(100, 100) == [(
        "Critical",
        "The spool is full: 100 of 100 MB are in use; mail is refused until there is room",
    )]  # fmt: skip
    ((severity, text),) = look(0, 7, free=0)
    assert severity == "Critical"
    assert text.startswith("The spool is full: the disk has no more room than what is kept in")


def test_many_messages_that_wait_for_the_work_queue_are_no_full_spool() -> None:
    bench = Bench()
    bench.pressure.limits = PressureLimits(0, 1, 0)
    assert bench.pressure.look() == 0
    bench.spool.bytes_free = 0
    bench.clock.advance(1)
    assert bench.pressure.look() == 999
    assert [alert.key for alert in bench.alerts.told] == ["spool full"]
