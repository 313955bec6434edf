"""Rates: how many there were of something in the running hour, under a limit.

A key says what is counted: a host, a network, a sender (rate_keys.py). Keys need no declaration.
All listeners count a host under one key, and each compares the count with its own limit: so a
limit comes with the question and holds at once when it was changed. `LocalRates` counts in one
process; `RateTable` (rate_table.py) over all workers.

Hours. The product counts by clock hours (mailflow 3.6), and so do we unless told otherwise: an
administrator who is asked "when may I send again?" can answer without arithmetic, and a count
starts at zero when the hour strikes. What it costs: twice the limit may pass within minutes, half
of it before and half of it after the hour. `Windows.SLIDING` closes that gap. It adds the share of
the last hour that is still within the last 60 minutes, taking it as evenly spread and rounding up;
so a host that used up its limit late in the last hour gets it back bit by bit. It lets nothing
through that clock hours would refuse, and both read the same counts: changing over needs no more
than a reload.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

WINDOW_SECONDS: Final = 3600  # windows begin with the hours of UTC
UNLIMITED: Final = -1  # the limit of who may send as much as he likes; he is counted all the same
COUNT_MAX: Final = 2**31 - 1  # a count stays there; so high a limit is none
KEYS_MAX: Final = 1_000_000  # all of them are counted exactly


class Windows(Enum):
    """What the current hour is."""

    CLOCK = "clock"  # from one stroke of the hour to the next
    SLIDING = "sliding"  # the last 60 minutes, the older part of them by estimate


WINDOWS: Final = Windows.CLOCK


@dataclass(slots=True)  # not frozen: that would double what one costs, and each recipient has one
class Taken:
    """What became of a wish."""

    allowed: int  # how many of the wanted were counted and may go on
    count: int  # of the current hour, with them


class Rates(Protocol):
    """Counts by the hour that never pass their limits.

    `now` and `taken_at` are seconds since 1970. A clock that is set back frees or blocks nobody for
    longer than one window: what was counted in hours to come is not looked at until they come.
    """

    def take(self, key: bytes, amount: int, limit: int, now: float) -> Taken:
        """Count as many of `amount` as `limit` still allows.

        Raises:
            ValueError: the amount is negative.
        """
        ...

    def peek(self, key: bytes, now: float) -> int:
        """Return the count of the current hour."""
        ...

    def give_back(self, key: bytes, amount: int, taken_at: float) -> None:
        """Take `amount` off the count again, in the hour in which it was taken.

        Raises:
            ValueError: the amount is negative.
        """
        ...

    def reset(self, key: bytes, now: float) -> None:
        """Begin at zero again, as if the current hour had just begun: also what was told."""
        ...

    def tell(self, key: bytes, now: float) -> bool:
        """Return True to one caller a key and window: it is he who logs and alerts."""
        ...


def carried(count: int, seconds_into: int, window_seconds: int) -> int:
    """Return the share of the last window's `count` that a sliding one still has, rounded up."""
    return -(-count * (window_seconds - seconds_into) // window_seconds)


class LocalRates:
    """Rates of a process that shares them with nobody."""

    __slots__ = ("_counts", "_is_sliding", "_seconds", "_told")

    def __init__(self, *, windows: Windows = WINDOWS, window_seconds: int = WINDOW_SECONDS) -> None:
        """Begin with all counts at zero."""
        self._is_sliding = windows is Windows.SLIDING
        self._seconds = window_seconds
        self._counts: dict[int, dict[bytes, int]] = {}  # by the start of the window
        self._told: dict[int, dict[bytes, int]] = {}

    def take(self, key: bytes, amount: int, limit: int, now: float) -> Taken:
        """Count as many of `amount` as `limit` still allows."""
        if amount < 0:
            raise ValueError(f"{amount} cannot be taken")
        before = self.peek(key, now)
        is_limited = 0 <= limit < COUNT_MAX
        allowed = max(0, min(amount, limit - before)) if is_limited else amount
        if allowed:
            counts = self._of_window(self._counts, now)
            counts[key] = min(counts.get(key, 0) + allowed, COUNT_MAX)
        return Taken(allowed, self.peek(key, now))

    def peek(self, key: bytes, now: float) -> int:
        """Return the count of the current hour."""
        into = int(now) % self._seconds
        start = int(now) - into
        count = self._counts.get(start, {}).get(key, 0)
        if self._is_sliding:
            last = self._counts.get(start - self._seconds, {}).get(key, 0)
            count += carried(last, into, self._seconds)
        return count

    def give_back(self, key: bytes, amount: int, taken_at: float) -> None:
        """Take `amount` off the count of that hour."""
        if amount < 0:
            raise ValueError(f"{amount} cannot be given back")
        counts = self._counts.get(int(taken_at) // self._seconds * self._seconds, {})
        if key in counts:
            counts[key] = max(0, counts[key] - amount)

    def reset(self, key: bytes, now: float) -> None:  # noqa: ARG002  all hours are forgotten
        """Forget the key."""
        for counts in (*self._counts.values(), *self._told.values()):
            counts.pop(key, None)

    def tell(self, key: bytes, now: float) -> bool:
        """Return True once a key and window."""
        told = self._of_window(self._told, now)
        is_first = key not in told
        told[key] = 1
        return is_first

    def _of_window(self, windows: dict[int, dict[bytes, int]], now: float) -> dict[bytes, int]:
        """Return the current window of `windows` with room for a key, forgetting distant ones."""
        start = int(now) // self._seconds * self._seconds
        if start not in windows:
            for other in [other for other in windows if abs(other - start) > self._seconds]:
                del windows[other]
            windows[start] = {}
        found = windows[start]
        if len(found) >= KEYS_MAX:
            del found[next(iter(found))]
        return found
