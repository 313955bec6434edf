"""Dates as headers have them (RFC 5322, 3.3), from a time that the caller gives.

Months and weekdays are English whatever the locale is. The last few seconds are remembered,
because many messages share one.
"""

from functools import lru_cache
from typing import Final

CACHED_DATES_MAX: Final = 64
SECONDS_MAX: Final = 253_402_214_400  # 9999-12-31: beyond it a year has five digits
OFFSET_MINUTES_MAX: Final = 24 * 60 - 1

_MONTHS: Final = tuple(  # in letters of three
    "JanFebMarAprMayJunJulAugSepOctNovDec"[at : at + 3] for at in range(0, 36, 3)
)
_WEEKDAYS: Final = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")  # 1970-01-01 was a Thursday
_DAY_SECONDS: Final = 86_400


def build_date(seconds: float, offset_minutes: int = 0) -> str:
    """Return a date for a Date field: `Tue, 09 Nov 2010 10:15:02 +0000`.

    `seconds` since the epoch; `offset_minutes` is how far the local zone is east of UTC.
    """
    return _dates(int(seconds), offset_minutes)[0]


def build_received_date(seconds: float, offset_minutes: int = 0) -> str:
    """Return the same without the weekday, as mailflow 2.3 has it: `09 Nov 2010 10:15:02 +0000`."""
    return _dates(int(seconds), offset_minutes)[1]


@lru_cache(CACHED_DATES_MAX)
def _dates(seconds: int, offset_minutes: int) -> tuple[str, str]:
    offset = max(-OFFSET_MINUTES_MAX, min(offset_minutes, OFFSET_MINUTES_MAX))
    local = max(0, min(seconds, SECONDS_MAX)) + offset * 60
    days, rest = divmod(local, _DAY_SECONDS)
    year, month, day = _civil(days)
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}{abs(offset) % 60:02}"
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    date = f"{day:02} {_MONTHS[month - 1]} {year:04} {clock} {zone}"
    return f"{_WEEKDAYS[days % 7]}, {date}", date


def _civil(days: int) -> tuple[int, int, int]:
    """Return year, month and day, `days` after the first of January 1970 (Gregorian).

    Counted in years that begin on the first of March, so that a leap day is the last of its year.
    """
    cycle, day = divmod(days + 719_468, 146_097)  # 400 years, from 0000-03-01
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    is_next_year = month >= 10
    return 400 * cycle + year + is_next_year, month - 9 if is_next_year else month + 3, day + 1
