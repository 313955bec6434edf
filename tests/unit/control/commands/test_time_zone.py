"""`settz` (SYS-01)."""

import pytest

from mailwarden.control.commands import time_zone
from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.core.access.roles import Role
from mailwarden.system.clock.zone_table import ZonePlace
from tests.unit.control.commands.counter import Counter, run_line, sit

PLACES = (
    ZonePlace("America", "United States", "America/New_York"),
    ZonePlace("America", "United States", "America/Los_Angeles"),
    ZonePlace("Europe", "France", "Europe/Paris"),
)


@pytest.fixture(autouse=True)
def zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine know these."""
    monkeypatch.setattr(time_zone, "load_zone_places", lambda: PLACES)


def test_sys_01_by_region_country_and_zone(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "settz", "America", "1", "2", "settz", Key.CTRL_C)
    assert "Current time zone: that of the machine\nPlease choose your continent:\n" in (
        sitting.shown
    )
    assert "1. America\n2. Europe\n3. GMT Offset\n4. Zone of the machine\n[4]> " in sitting.shown
    assert "Please choose your timezone:\n1. New York\n2. Los Angeles\n" in sitting.shown
    assert "The time zone is set to America/Los_Angeles." in sitting.shown
    assert "Current time zone: America/Los_Angeles" in sitting.shown
    assert desk.candidate.tree["time_zone"] == "America/Los_Angeles"


def test_a_country_with_one_zone(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "settz", "2", "1", "commit", "", "settz", "", "", "settz", "4")
    assert "Please choose your timezone" not in sitting.shown
    assert counter.running("time_zone") == "Europe/Paris"
    assert sitting.shown.count("The time zone is set to Europe/Paris.") == 2
    assert "time_zone" not in desk.candidate.tree


def test_sys_01_by_offset(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "settz", "GMT Offset", "GMT+20", "+5:30", "commit", "", "settz", "", "")
    assert "is further from GMT than any zone" in sitting.shown
    assert "[GMT+05:30]> " in sitting.shown
    assert counter.running("time_zone") == "GMT+05:30"


@pytest.mark.parametrize("text", ["", "GMT", "gmt+0", "-3", "GMT-03:00", "+14:59"])
def test_offsets(text: str) -> None:
    assert time_zone.parse_offset(text).startswith("GMT")


@pytest.mark.parametrize("text", ["5", "+99", "Europe/Paris", "+5:99", "\x1b"])
def test_what_is_no_offset(text: str) -> None:
    with pytest.raises(ValueError, match=r"zone"):
        time_zone.parse_offset(text)


def test_who_may(counter: Counter) -> None:
    refused = sit(counter.desk("gus", Role.GUEST), "settz")
    assert "You do not have permission to run settz" in refused.screen
    assert "is a dialogue" in run_line(counter.desk(), "settz Europe").errors
