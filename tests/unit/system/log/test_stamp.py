"""Time as the logs write it."""

import time

import pytest

from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.log.stamp import IsoStamp, Stamp, ctime


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_stamp_follows_the_clock_in_both_directions() -> None:
    clock = SimulatedClock()
    stamp, iso = Stamp(clock.time), IsoStamp(clock.time)
    assert (stamp(), iso()) == ("Tue Nov  9 10:15:02 2010", "2010-11-09T10:15:02.000Z")
    clock.step(0.999)
    assert (stamp(), iso()) == ("Tue Nov  9 10:15:02 2010", "2010-11-09T10:15:02.999Z")
    clock.step(0.001)
    assert (stamp(), iso()) == ("Tue Nov  9 10:15:03 2010", "2010-11-09T10:15:03.000Z")
    clock.step(-3600)
    assert (stamp(), iso()) == ("Tue Nov  9 09:15:03 2010", "2010-11-09T09:15:03.000Z")


def test_stamp_follows_the_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimulatedClock(1_288_486_799.0)  # a second before summer time ends there
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    stamp = Stamp(clock.time)
    assert stamp() == "Sun Oct 31 02:59:59 2010"
    clock.step(1)
    assert stamp() == "Sun Oct 31 02:00:00 2010"


@pytest.mark.parametrize("at", [-1.0, float("-inf"), float("inf"), 1e300])
def test_no_time_is_too_far_away(at: float) -> None:
    assert len(ctime(at)) == 24
