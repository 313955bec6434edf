"""Which connections are taken before anybody has logged in: so that strangers harm nobody.

To agree on keys costs a few milliseconds of the processor, and somebody who only wants to keep it
busy needs no password. So each connection of a source takes one of a few places, which come back
one by one with the time; who logs in gives the place back at once. Pure: the clock is the caller's.
"""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Final

from mailwarden.core.access.attempts import Rate

CONNECTION_RATE: Final = Rate(burst=20, seconds_each=3.0)  # of one source, without a login


class Denial(Enum):
    """Why a connection is not taken; the values are words for the log."""

    TOO_MANY = "too many connections without a login at once"
    TOO_OFTEN = "too many connections without a login"


class Pass:
    """One connection's leave. `cut` is called when it has to make room for another."""

    __slots__ = ("cut", "is_logged_in", "source")

    def __init__(self, source: str, cut: Callable[[], None]) -> None:
        self.source = source
        self.cut = cut
        self.is_logged_in = False


class ConnectionGate:
    """Counts connections. `now` is monotonic; `source` comes from `source_network`."""

    def __init__(self, *, logged_in: int, waiting: int, waiting_per_source: int) -> None:
        self._logged_in_max = logged_in
        self._waiting_max = waiting
        self._waiting_per_source = waiting_per_source
        self._waiting: list[Pass] = []  # the oldest first
        self._logged_in = 0
        self._forgotten_at: dict[str, float] = {}  # when the last place of a source comes back
        self._swept_at = 0.0

    def __len__(self) -> int:
        """Return how many connections there are."""
        return len(self._waiting) + self._logged_in

    def use(self, *, logged_in: int, waiting: int, waiting_per_source: int) -> None:
        """Go on with other limits; connections that are there stay."""
        self._logged_in_max = logged_in
        self._waiting_max = waiting
        self._waiting_per_source = waiting_per_source

    def enter(self, source: str, cut: Callable[[], None], now: float) -> Pass | Denial:
        """Take a connection, or say why not.

        Where too many wait to log in, the oldest one of the source that has most of them is cut:
        so whoever holds them open does not keep others out.
        """
        self._sweep(now)
        mine = sum(each.source == source for each in self._waiting)
        if mine >= self._waiting_per_source:
            return Denial.TOO_MANY
        begin = max(self._forgotten_at.get(source, now), now)
        if begin - now > (CONNECTION_RATE.burst - 1) * CONNECTION_RATE.seconds_each:
            return Denial.TOO_OFTEN
        self._forgotten_at[source] = begin + CONNECTION_RATE.seconds_each
        if len(self._waiting) >= self._waiting_max:
            self._make_room()
        taken = Pass(source, cut)
        self._waiting.append(taken)
        return taken

    def log_in(self, taken: Pass) -> bool:
        """Note that somebody has logged in; return whether there is a place for that."""
        if taken not in self._waiting or self._logged_in >= self._logged_in_max:
            return False
        self._waiting.remove(taken)
        taken.is_logged_in = True
        self._logged_in += 1
        left = self._forgotten_at.get(taken.source)
        if left is not None:
            self._forgotten_at[taken.source] = left - CONNECTION_RATE.seconds_each
        return True

    def leave(self, taken: Pass) -> None:
        """Note that a connection is over."""
        if taken.is_logged_in:
            taken.is_logged_in = False
            self._logged_in -= 1
        elif taken in self._waiting:
            self._waiting.remove(taken)

    def _make_room(self) -> None:
        ((source, _),) = Counter(each.source for each in self._waiting).most_common(1)
        oldest = next(each for each in self._waiting if each.source == source)
        self._waiting.remove(oldest)
        oldest.cut()

    def _sweep(self, now: float) -> None:
        if now - self._swept_at < CONNECTION_RATE.seconds_each:
            return
        self._swept_at = now
        self._forgotten_at = {key: at for key, at in self._forgotten_at.items() if at > now}
