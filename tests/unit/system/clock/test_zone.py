"""The time zone of a process: what may be set, what holds then, and changes of the clocks."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.core.mail.date import build_date
from mailwarden.system.clock.zone import (
    QUARTER_SECONDS,
    ZoneOffset,
    parse_time_zone,
    use_time_zone,
    variable_for,
)
from mailwarden.system.log.stamp import ctime

WINTER = 1_289_297_702.0  # Tue Nov  9 10:15:02 2010, UTC
CHANGE = 1_269_738_000.0  # Sun Mar 28 01:00:00 2010, UTC: summer time begins in Europe


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine be in UTC, and let nothing of a test stay."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("MAILWARDEN_MACHINE_TZ", raising=False)
    time.tzset()
    yield
    os.environ.pop("MAILWARDEN_MACHINE_TZ", None)
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (" America/Argentina/Buenos_Aires ", "America/Argentina/Buenos_Aires"),
        ("UTC", "UTC"),
        ("GMT", "GMT"),
        ("Etc/GMT+5", "Etc/GMT+5"),
        ("GMT+5", "GMT+05:00"),
        ("gmt-03:30", "GMT-03:30"),
        ("GMT+14:00", "GMT+14:00"),
    ],
)
def test_sys_01_what_may_be_set(text: str, zone: str) -> None:
    assert parse_time_zone(text) == zone
    assert parse_time_zone(zone) == zone


@pytest.mark.parametrize(
    "text",
    [
        "", "Europe", "europe/berlin!", "Europe/Nowhere", "../../etc/passwd", "/etc/localtime",
        "Europe/../Europe/Berlin", "GMT+15", "GMT+1:5", "GMT+05:60", "GMT+\u0665", "zone.tab", "\0",
        "A" * 10_000,
    ],
)  # fmt: skip
def test_sys_01_what_is_no_zone(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time zone|further from GMT"):
        parse_time_zone(text)


def test_rules_that_are_elsewhere_or_gone(tmp_path: Path) -> None:
    (tmp_path / "Here").write_bytes(b"TZif2")
    (tmp_path / "Note").write_text("no rules")
    folders = [str(tmp_path / "missing"), str(tmp_path)]
    assert parse_time_zone("Here", folders) == "Here"
    assert variable_for("Here", folders) == f":{tmp_path}/Here"
    with pytest.raises(ValueError, match="is no time zone"):
        parse_time_zone("Note", folders)
    with pytest.raises(ValueError, match=r"not in .* any more"):
        variable_for("Europe/Berlin", folders)


@pytest.mark.parametrize(
    ("zone", "shown", "minutes"),
    [
        ("Europe/Berlin", "Tue Nov  9 11:15:02 2010", 60),
        ("GMT+05:30", "Tue Nov  9 15:45:02 2010", 330),
        ("GMT-03:30", "Tue Nov  9 06:45:02 2010", -210),
        ("Etc/GMT+5", "Tue Nov  9 05:15:02 2010", -300),
        ("", "Tue Nov  9 10:15:02 2010", 0),
    ],
)
def test_sys_01_logs_and_dates_are_in_the_zone(zone: str, shown: str, minutes: int) -> None:
    use_time_zone(zone)
    assert ctime(WINTER) == shown
    offset = ZoneOffset(lambda: WINTER)()
    assert offset == minutes
    sign = "-" if minutes < 0 else "+"
    end = f"{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    assert build_date(WINTER, offset).endswith(end)


def test_the_zone_of_the_machine_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for machine, shown in (("UTC", "10:15:02"), ("<-01>1", "09:15:02")):
        monkeypatch.setenv("TZ", machine)
        os.environ.pop("MAILWARDEN_MACHINE_TZ", None)
        time.tzset()
        for zone in ("Europe/Berlin", "GMT+05:30", "", ""):
            use_time_zone(zone)
        assert shown in ctime(WINTER)
        assert os.environ["TZ"] == machine


def test_a_machine_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ")
    time.tzset()
    before = ctime(WINTER)
    use_time_zone("")
    assert "MAILWARDEN_MACHINE_TZ" not in os.environ
    use_time_zone("GMT+05:30")
    assert ctime(WINTER) != before
    use_time_zone("")
    assert ctime(WINTER) == before
    assert "TZ" not in os.environ


class Now:
    """A time that is set."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def test_the_offset_is_right_when_the_clocks_change() -> None:
    use_time_zone("Europe/Berlin")
    now = Now(CHANGE - 4 * QUARTER_SECONDS)
    offset = ZoneOffset(now)
    seen = []
    while now.seconds < CHANGE + 4 * QUARTER_SECONDS:
        seen.append((now.seconds - CHANGE, offset()))
        now.seconds += 1.5
    assert {minutes for at, minutes in seen if at < 0} == {60}
    assert {minutes for at, minutes in seen if at >= 0} == {120}


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Pacific/Chatham", "Asia/Kathmandu"])
def test_the_offset_is_right_through_a_year(zone: str) -> None:
    use_time_zone(zone)
    now = Now(1_262_304_000.0)
    offset = ZoneOffset(now)
    for _ in range(366 * 96):
        now.seconds += QUARTER_SECONDS
        assert offset() == time.localtime(now.seconds).tm_gmtoff // 60


def test_a_clock_that_is_set_back_and_a_zone_that_is_changed() -> None:
    use_time_zone("Europe/Berlin")
    now = Now(CHANGE + 1)
    offset = ZoneOffset(now)
    assert offset() == 120
    now.seconds = CHANGE - 1
    assert offset() == 60
    use_time_zone("GMT+05:30")
    assert offset() == 60
    offset.forget()
    assert offset() == 330
