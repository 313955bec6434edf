"""When the next attempt is due (admin 8.1, UPD-04)."""

from typing import Final

BACK_OFF_SECONDS: Final = (60.0, 120.0, 300.0, 600.0, 900.0)  # after failures in a row
FAILURES_ALERT: Final = 3  # failures in a row that people are told of


def seconds_until_next(failures: int, interval_seconds: float) -> float:
    """Return how long to wait after an attempt; `failures` in a row have been seen by now.

    The first five retries come sooner or later than the interval, as the back-off says. Once it is
    used up, a server that stays broken is asked no more often than one that works.
    """
    if failures <= 0:
        return interval_seconds
    if failures <= len(BACK_OFF_SECONDS):
        return BACK_OFF_SECONDS[failures - 1]
    return max(BACK_OFF_SECONDS[-1], interval_seconds)
