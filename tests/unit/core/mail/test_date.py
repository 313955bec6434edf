"""Dates of headers (RFC 5322, 3.3)."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from mailwarden.core.mail.date import SECONDS_MAX, build_date, build_received_date

ROW_TIME = 1_289_297_702


def test_both_forms() -> None:
    assert build_date(ROW_TIME) == "Tue, 09 Nov 2010 10:15:02 +0000"
    assert build_received_date(ROW_TIME) == "09 Nov 2010 10:15:02 +0000"
    assert build_received_date(ROW_TIME + 0.999) == "09 Nov 2010 10:15:02 +0000"


@pytest.mark.parametrize("offset", [0, 60, -300, 330, -210, 840, -720, -30])
@pytest.mark.parametrize(
    "seconds", [0, 951_782_399, 951_868_800, ROW_TIME, 1_709_251_199, 4_107_542_400, 7_952_342_399]
)
def test_as_the_standard_library_has_it(seconds: int, offset: int) -> None:
    zone = timezone(timedelta(minutes=offset))
    expected = format_datetime(
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)
    )
    assert build_date(seconds, offset) == expected


def test_every_day_of_four_centuries() -> None:
    day = datetime(1970, 1, 1, tzinfo=UTC)
    for number in range(0, 146_097, 7):
        date = (day + timedelta(days=number)).strftime("%d %b %Y 00:00:00 +0000")
        assert build_received_date(number * 86_400) == date


def test_what_a_broken_clock_says_is_a_date_still() -> None:
    assert build_received_date(-5) == "01 Jan 1970 00:00:00 +0000"
    assert build_received_date(1e18) == "31 Dec 9999 00:00:00 +0000"
    assert build_received_date(SECONDS_MAX, 100_000) == "31 Dec 9999 23:59:00 +2359"
    assert build_received_date(0, -100_000) == "31 Dec 1969 00:01:00 -2359"
