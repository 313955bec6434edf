"""Deadlines of tens of thousands of connections, without a timer for each.

A wheel: items lie in buckets, one a tick of time. A deadline that is moved back, as each command
of a client does, only changes the item: the bucket finds out when its time comes, and passes the
item on to a later one. So an item that is extended a thousand times is moved a few times.
"""

import math
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from mailwarden.system.clock.clock import Clock


class Timed(Protocol):
    """What has a deadline. Both attributes belong to the wheel; start them with these values."""

    deadline: float  # monotonic seconds; starts at math.inf, which is none
    deadline_tick: int  # bucket that it lies in; starts at -1, which is none


T = TypeVar("T", bound=Timed)


class Deadlines(Generic[T]):
    """Tells which items are due, up to one tick late and never early.

    Items are told apart by identity or equality, and have to be hashable. The wheel holds on to
    an item until it is due or removed.
    """

    __slots__ = ("_buckets", "_swept", "_tick_seconds")

    def __init__(self, clock: Clock, tick_seconds: float = 1.0) -> None:
        self._tick_seconds = tick_seconds
        self._swept = math.floor(clock.monotonic() / tick_seconds)  # last tick that is over
        self._buckets: dict[int, dict[T, None]] = {}

    def set(self, item: T, at_monotonic: float) -> None:
        """Make `item` due at `at_monotonic` seconds, in place of any earlier deadline of it."""
        item.deadline = at_monotonic
        tick = item.deadline_tick
        if tick < 0:
            self._place(item)
        elif at_monotonic <= (tick - 1) * self._tick_seconds:  # a bucket before this one
            self._take(item)
            self._place(item)

    def remove(self, item: T) -> None:
        """Forget `item`, which may have no deadline."""
        item.deadline = math.inf
        if item.deadline_tick >= 0:
            self._take(item)

    def sweep(self, now: float) -> Iterator[T]:
        """Yield the items whose deadline is at or before `now`; they have none any more.

        `now` is monotonic seconds, never less than before. The caller may set and remove any
        items meanwhile. What is not fetched from the iterator comes with the next sweep.
        """
        self._swept = max(self._swept, math.floor(now / self._tick_seconds))
        for tick in sorted(tick for tick in self._buckets if tick <= self._swept):
            for item in list(self._buckets.get(tick, ())):
                if item.deadline_tick != tick:  # removed or moved by the caller
                    continue
                self._take(item)
                if item.deadline <= now:
                    item.deadline = math.inf
                    yield item
                else:
                    self._place(item)

    def __len__(self) -> int:
        """Return how many items have a deadline."""
        return sum(map(len, self._buckets.values()))

    def _place(self, item: T) -> None:
        """Put `item` into the first bucket that comes up at or after its deadline."""
        if item.deadline == math.inf:
            return
        tick = max(math.ceil(item.deadline / self._tick_seconds), self._swept + 1)
        item.deadline_tick = tick
        bucket = self._buckets.get(tick)
        if bucket is None:
            self._buckets[tick] = {item: None}
        else:
            bucket[item] = None

    def _take(self, item: T) -> None:
        bucket = self._buckets[item.deadline_tick]
        del bucket[item]
        if not bucket:
            del self._buckets[item.deadline_tick]
        item.deadline_tick = -1
