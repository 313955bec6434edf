"""When people are told that a switch is about to expire (KEY-05)."""

import math
from typing import Final

DAYS_BEFORE: Final = (90, 60, 30, 15, 5, 1)
EXPIRED: Final = 0
_DAY_SECONDS: Final = 86_400
NEVER: Final = 1_000_000  # days; more than any of DAYS_BEFORE


def stage_of(ends_at: float | None, now: float) -> int:
    """Return the least number of days before the end that is reached; `EXPIRED`, or `NEVER`."""
    if ends_at is None:
        return NEVER
    if now >= ends_at:
        return EXPIRED
    left = (ends_at - now) / _DAY_SECONDS
    return min((days for days in DAYS_BEFORE if left <= days), default=NEVER)


def days_left(ends_at: float, now: float) -> int:
    """Return how many days there are to go, the one that has begun included; 0 is over."""
    return max(0, math.ceil((ends_at - now) / _DAY_SECONDS))
