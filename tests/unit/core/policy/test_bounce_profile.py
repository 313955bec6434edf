"""Bounce profiles: values of Default, and when delivery is tried again (mailflow 7.5)."""

import math
from typing import Any

import pytest

from mailwarden.core.policy.bounce_profile import (
    BounceProfile,
    Ending,
    Profiles,
    ResolvedProfile,
    Schedule,
    is_warning_due,
    plan_attempts,
    resolve_profile,
    retry_delay,
)

HOUR = 3600.0


def schedule(**changes: Any) -> Schedule:
    return plan_attempts(ResolvedProfile(**changes))


def test_row_73_retries_end_right_after_the_last_attempt() -> None:
    found = schedule(max_retries=2, initial_retry_seconds=60.0, max_retry_seconds=60.0)
    assert found == Schedule((0.0, 60.0, 120.0), 120.0, Ending.RETRIES)


def test_row_73_time_ends_right_before_the_next_attempt() -> None:
    found = schedule(
        max_queue_time_seconds=100.0, initial_retry_seconds=60.0, max_retry_seconds=60.0
    )
    assert found == Schedule((0.0, 60.0), 120.0, Ending.TIME)


def test_row_74_defaults_last_for_three_days() -> None:
    found = schedule()
    assert found.attempts[:8] == (0, 60, 180, 420, 900, 1860, 3780, 7380)
    assert found.ending is Ending.TIME
    assert 72 * HOUR <= found.ends_at < 73 * HOUR
    assert len(found.attempts) <= 100
    assert not ResolvedProfile().send_delay_warnings


def test_waits_double_up_to_the_longest() -> None:
    profile = ResolvedProfile(initial_retry_seconds=100.0, max_retry_seconds=1000.0)
    assert [retry_delay(profile, attempts) for attempts in range(1, 7)] == [
        100,
        200,
        400,
        800,
        1000,
        1000,
    ]
    assert retry_delay(profile, 100) == 1000
    assert retry_delay(profile, 101) is None


def test_no_number_of_attempts_is_too_large() -> None:
    profile = ResolvedProfile(max_retries=10_000, max_queue_time_seconds=math.inf)
    assert retry_delay(profile, 10_000) == HOUR
    assert len(plan_attempts(profile).attempts) == 10_001
    assert schedule(max_retries=0) == Schedule((0.0,), 0.0, Ending.RETRIES)


WARNINGS = [
    (0, 4 * HOUR - 1, False),
    (0, 4 * HOUR, True),
    (1, 7 * HOUR, False),
    (1, 8 * HOUR, True),
    (2, 99 * HOUR, False),
]


@pytest.mark.parametrize(("warnings", "age", "is_due"), WARNINGS)
def test_warnings_wait_for_their_interval(warnings: int, age: float, is_due: bool) -> None:
    profile = ResolvedProfile(send_delay_warnings=True, delay_count_max=2)
    assert is_warning_due(profile, warnings, age) is is_due
    assert not is_warning_due(ResolvedProfile(delay_count_max=2), warnings, age)


ROWS = {
    "Default": BounceProfile(max_retries=5, bounce_subject="Undeliverable"),
    "Patient": BounceProfile(max_queue_time_seconds=600_000.0),
    "Quiet": BounceProfile(send_bounces=False, max_retries=0, bounce_subject=""),
}


def test_what_a_profile_does_not_say_is_that_of_default() -> None:
    profiles = Profiles(ROWS)
    assert len(profiles) == 3
    assert profiles.find("Default") == ResolvedProfile(
        max_retries=5, bounce_subject="Undeliverable"
    )
    assert profiles.find("Patient") == ResolvedProfile(
        name="Patient",
        max_retries=5,
        bounce_subject="Undeliverable",
        max_queue_time_seconds=600_000.0,
    )
    assert profiles.find("Quiet").max_retries == 0
    assert profiles.find("Quiet").bounce_subject == ""
    assert not profiles.find("Quiet").send_bounces
    assert profiles.find("gone") == profiles.find("Default")
    assert Profiles({}).find("Default") == ResolvedProfile()


CHOICES = [
    ("Quiet", "Patient", "Quiet"),
    ("", "Patient", "Patient"),
    ("gone", "Patient", "Patient"),
    ("Default", "Patient", "Default"),
    ("", "Default", "Default"),
    ("", "gone", "Default"),
    ("", "", "Default"),
]


@pytest.mark.parametrize(("destination", "listener", "name"), CHOICES)
def test_the_profile_of_the_destination_wins(destination: str, listener: str, name: str) -> None:
    assert Profiles(ROWS).choose(destination, listener).name == name


def test_every_field_can_be_set_and_left_to_default() -> None:
    other: dict[str, Any] = {
        "max_retries": 1,
        "max_queue_time_seconds": 2.0,
        "initial_retry_seconds": 3.0,
        "max_retry_seconds": 4.0,
        "send_bounces": False,
        "dsn_format": False,
        "bounce_subject": "a",
        "bounce_template": "b",
        "send_delay_warnings": True,
        "delay_subject": "c",
        "delay_template": "d",
        "delay_interval_seconds": 5.0,
        "delay_count_max": 6,
        "alternate_recipient": "e@f.example",
        "language": "de",
        "copy_size_max_bytes": 7,
    }
    whole = ResolvedProfile(name="x", **other)
    assert resolve_profile("x", BounceProfile(**other), ResolvedProfile()) == whole
    assert resolve_profile("x", BounceProfile(), whole) == whole
    assert {name: getattr(whole, name) for name in other} == other


def test_waits_have_to_fit_each_other_when_resolved() -> None:
    rows = {"Slow": BounceProfile(initial_retry_seconds=7200.0)}
    (problem,) = Profiles(rows).problems()
    assert problem.path == "Slow.max_retry_seconds"
    assert "7200" in problem.message
