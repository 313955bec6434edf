"""Units that wait for their next attempt: a million of them, without a timer for each.

They lie in buckets, one for each tick of the monotonic clock; a wall clock that is set back or
forth does not move them.
"""

import heapq
import math
from collections.abc import Callable, Iterable
from typing import Final

from mailwarden.mailflow.delivery.queue import DestinationQueue, Unit

TICK_SECONDS: Final = 0.25


class Wheel:
    """Gives back what is due, soonest tick first."""

    __slots__ = ("_buckets", "_count", "_ticks")

    def __init__(self) -> None:
        self._buckets: dict[int, list[Unit]] = {}
        self._ticks: list[int] = []  # heap of the buckets' ticks
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, unit: Unit, due: float) -> None:
        """Let `unit` wait until `due` (monotonic seconds), up to a tick longer, never shorter."""
        tick = math.ceil(due / TICK_SECONDS)
        bucket = self._buckets.get(tick)
        if bucket is None:
            self._buckets[tick] = [unit]
            heapq.heappush(self._ticks, tick)
        else:
            bucket.append(unit)
        self._count += 1

    def pop_due(self, now: float, limit: int) -> list[Unit]:
        """Return at most `limit` units that are due, sooner ticks first."""
        due: list[Unit] = []
        last = math.floor(now / TICK_SECONDS)
        while self._ticks and self._ticks[0] <= last and len(due) < limit:
            bucket = self._buckets[self._ticks[0]]
            room = limit - len(due)
            if len(bucket) > room:
                due += bucket[-room:]  # from the end: a million would have to move up otherwise
                del bucket[-room:]
                break
            due += bucket
            del self._buckets[heapq.heappop(self._ticks)]
        self._count -= len(due)
        return due

    def extract(self, wanted: Callable[[Unit], bool]) -> list[Unit]:
        """Take out all units that are `wanted`. Looks at every unit: for operators."""
        found: list[Unit] = []
        for tick, bucket in list(self._buckets.items()):
            taken = [unit for unit in bucket if wanted(unit)]
            if not taken:
                continue
            found += taken
            rest = [unit for unit in bucket if not wanted(unit)]
            if rest:
                self._buckets[tick] = rest
            else:
                del self._buckets[tick]
        self._ticks = list(self._buckets)
        heapq.heapify(self._ticks)
        self._count -= len(found)
        return found

    def soonest(self, queues: Iterable[DestinationQueue]) -> dict[DestinationQueue, float]:
        """Return when the first unit of each of `queues` is due (monotonic seconds)."""
        wanted = set(queues)
        found: dict[DestinationQueue, float] = {}
        for tick in sorted(self._buckets):
            for unit in self._buckets[tick] if wanted else ():
                if unit.queue in wanted:
                    found[unit.queue] = tick * TICK_SECONDS
                    wanted.remove(unit.queue)
        return found
