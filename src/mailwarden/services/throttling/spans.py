"""Rates by windows of so many minutes, for limits that each choose their own.

A window begins with a multiple of its minutes since 1970: those of 60 with the hours of UTC.
"""

from collections.abc import Callable
from typing import Final, Protocol

from mailwarden.services.throttling.rate_table import RateTable, make_rate_table
from mailwarden.services.throttling.rates import LocalRates, Rates

MINUTES_MAX: Final = 60
BUCKETS: Final = 4096  # 262,144 keys: 6 MiB, a page when it is first needed


class Spans(Protocol):
    """Rates for windows of any number of minutes, up to MINUTES_MAX."""

    def of(self, minutes: int) -> Rates:
        """Return the rates whose windows last `minutes`; their keys are theirs alone."""
        ...


class LocalSpans:
    """Those of a process that shares them with nobody."""

    __slots__ = ("_rates",)

    def __init__(self) -> None:
        self._rates: dict[int, Rates] = {}

    def of(self, minutes: int) -> Rates:
        """Return the rates whose windows last `minutes`."""
        found = self._rates.get(minutes)
        if found is None:
            found = self._rates[minutes] = LocalRates(window_seconds=60 * minutes)
        return found


class TableSpans:
    """Those that all workers share, in one table."""

    __slots__ = ("_descriptor", "_on_full", "_on_stuck", "_rates")

    def __init__(
        self, descriptor: int, on_full: Callable[[], None], on_stuck: Callable[[], None]
    ) -> None:
        """Use a table made by `make_span_table`, whose descriptor has to stay open."""
        self._descriptor: Final = descriptor
        self._on_full: Final = on_full
        self._on_stuck: Final = on_stuck
        self._rates: dict[int, Rates] = {}

    def of(self, minutes: int) -> Rates:
        """Return the rates whose windows last `minutes`."""
        found = self._rates.get(minutes)
        if found is None:
            found = self._rates[minutes] = RateTable(
                self._descriptor,
                window_seconds=60 * minutes,
                on_full=self._on_full,
                on_stuck=self._on_stuck,
            )
        return found


def make_span_table(buckets: int = BUCKETS) -> int:
    """Return the descriptor of a new table, in which all counts are zero."""
    return make_rate_table(buckets, 60 * MINUTES_MAX)


def window_end(now: float, minutes: int) -> float:
    """Return when the window of `minutes` ends that `now` is in; both in seconds since 1970."""
    seconds = 60 * minutes
    return (now // seconds + 1) * seconds
