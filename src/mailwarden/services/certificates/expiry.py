"""Says in time that certificates run out (admin CRT-09)."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor
from typing import Final, Protocol

DAYS: Final = (90, 60, 30, 15, 5, 4, 3, 2, 1, 0)  # before the end; afterwards each day
CRITICAL_DAYS: Final = 15
DAY_SECONDS: Final = 86_400


class ExpiryAlerts(Protocol):
    """Who is told."""

    def certificate_expires(self, name: str, days: int, *, is_critical: bool) -> None:
        """`name` runs out in `days` days; 0 is today, and below that it has run out."""
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """A certificate, and when it runs out."""

    name: str
    fingerprint: str
    ends_at: float  # seconds since the epoch


class ExpiryWatch:
    """Tells each certificate's days once. `told` is what to keep over a restart.

    `told` maps fingerprints to the days that were told last: a renewed certificate begins anew.
    """

    def __init__(self, alerts: ExpiryAlerts, told: dict[str, int] | None = None) -> None:
        self._alerts: Final = alerts
        self.told = dict(told or {})

    def look(self, certificates: Iterable[Watched], now: float) -> bool:
        """Tell what is due at `now`; return whether `told` has changed."""
        before = self.told
        self.told = {}
        for watched in certificates:
            due = due_days(watched.ends_at, now)
            last = before.get(watched.fingerprint)
            if due is None:
                continue
            self.told[watched.fingerprint] = due
            if last is None or due < last:
                days = days_left(watched.ends_at, now)
                is_critical = days <= CRITICAL_DAYS
                self._alerts.certificate_expires(watched.name, days, is_critical=is_critical)
        return self.told != before


def days_left(ends_at: float, now: float) -> int:
    """Return whole days until `ends_at`; 0 is within a day, negative is over."""
    return floor((ends_at - now) / DAY_SECONDS)


def due_days(ends_at: float, now: float) -> int | None:
    """Return which of `DAYS` has been reached, or how long it is over; None is not yet."""
    left = days_left(ends_at, now)
    if left < 0:
        return left
    return min((day for day in DAYS if left <= day), default=None)
