"""What waits for its next attempt: a million messages, without a timer or a unit for each.

They lie in buckets, one for each tick of the monotonic clock; a wall clock that is set back or
forth does not move them. A message waits as its bare spool entry, next to the queue it belongs
to; only the parts of a message that is divided wait as units.
"""

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from mailwarden.mailflow.delivery.queue import DestinationQueue, Item, Unit
from mailwarden.stores.spool.spool import State

TICK_SECONDS: Final = 0.25
_QUEUED: Final = State.QUEUED

Waiting = tuple[Item, DestinationQueue | None]  # None: to be found out when it is due


class Bucket:
    """What is due at the same tick. It is the tag of the entries in it."""

    __slots__ = ("is_turned", "items", "queues")

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.queues: list[DestinationQueue | None] = []  # of each item
        self.is_turned = False  # last comes first

    def add(self, item: Item, queue: DestinationQueue | None) -> None:
        """Append an item. An entry is tagged: it waits nowhere else from now on."""
        self.items.append(item)
        self.queues.append(queue)
        if not isinstance(item, Unit):
            item.tag = self

    def pairs(self) -> Iterator[Waiting]:
        """Return all items with their queues, first come, first served."""
        if self.is_turned:
            return zip(reversed(self.items), reversed(self.queues), strict=True)
        return zip(self.items, self.queues, strict=True)

    def pop(self, limit: int) -> list[Waiting]:
        """Take out at most `limit` items, first come, first served."""
        if not self.is_turned:  # taking from the front would move up a million others
            self.items.reverse()
            self.queues.reverse()
            self.is_turned = True
        taken = list(zip(self.items[-limit:], self.queues[-limit:], strict=True))
        del self.items[-limit:]
        del self.queues[-limit:]
        taken.reverse()
        self.is_turned = bool(self.items)
        return taken

    def drop_dead(self) -> list[Waiting]:
        """Drop the items that `has` says wait here no longer; return them with their queues."""
        dropped: list[Waiting] = []
        items: list[Item] = []
        queues: list[DestinationQueue | None] = []
        for item, queue in zip(self.items, self.queues, strict=True):
            if self.has(item):
                items.append(item)
                queues.append(queue)
            else:
                dropped.append((item, queue))
        if dropped:
            self.items, self.queues = items, queues
        return dropped

    def has(self, item: Item) -> bool:
        """Whether `item` still waits here.

        A message that was held meanwhile does not; one that was released again has another place.
        """
        if isinstance(item, Unit):
            return item.is_live()
        return item.state is _QUEUED and item.tag is self


class Wheel:
    """Gives back what is due, soonest tick first; keeps the queues' number of what waits."""

    __slots__ = ("_buckets", "_count", "_ticks")

    def __init__(self) -> None:
        self._buckets: dict[int, Bucket] = {}
        self._ticks: list[int] = []  # heap of the buckets' ticks
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, item: Item, due: float, queue: DestinationQueue | None) -> None:
        """Let `item` wait until `due` (monotonic seconds), up to a tick longer, never shorter.

        An entry waits nowhere else from now on.
        """
        tick = math.ceil(due / TICK_SECONDS)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = Bucket()
            heapq.heappush(self._ticks, tick)
        bucket.add(item, queue)
        if queue is not None:
            queue.waiting += 1
        self._count += 1

    def is_due(self, now: float) -> bool:
        """Whether `pop_due` would find anything."""
        return bool(self._ticks) and self._ticks[0] <= math.floor(now / TICK_SECONDS)

    def pop_due(self, now: float, limit: int) -> list[Waiting]:
        """Take out at most `limit` items that are due; return those that are still wanted.

        Sooner ticks come first.
        """
        due: list[Waiting] = []
        left = limit
        while left > 0 and self.is_due(now):
            bucket = self._buckets[self._ticks[0]]
            taken = bucket.pop(left)
            left -= len(taken)
            for item, queue in taken:
                self._leave(queue)
                if bucket.has(item):
                    due.append((item, queue))
            if not bucket.items:
                del self._buckets[heapq.heappop(self._ticks)]
        return due

    def extract(self, wanted: Callable[[DestinationQueue | None], bool]) -> Bucket:
        """Take out everything that waits for a queue that is `wanted`, soonest first.

        Looks at every item: for operators. What is no longer to be delivered is dropped.
        """
        found = Bucket()
        for tick in sorted(self._buckets):
            bucket, rest = self._buckets[tick], Bucket()
            for item, queue in bucket.pairs():
                if bucket.has(item) and not wanted(queue):
                    rest.add(item, queue)
                    continue
                if bucket.has(item):
                    found.add(item, queue)
                self._leave(queue)
            if rest.items:
                self._buckets[tick] = rest
            else:
                del self._buckets[tick]
        self._ticks = list(self._buckets)
        heapq.heapify(self._ticks)
        return found

    def prune(self, dropped: Callable[[Item, DestinationQueue | None], None]) -> Iterator[int]:
        """Drop what is no longer to be delivered; yield how many were looked at, by bucket.

        `dropped` hears of each. Until it is due it would only be counted as waiting.
        """
        for tick in list(self._buckets):
            bucket = self._buckets.get(tick)
            if bucket is None:
                continue
            looked_at = len(bucket.items)
            for item, queue in bucket.drop_dead():
                dropped(item, queue)
                self._leave(queue)
            yield looked_at

    def waiting_for(self, queues: AbstractSet[DestinationQueue]) -> Iterator[list[Item]]:
        """Yield what waits for one of `queues`, bucket by bucket, in no order."""
        for tick in list(self._buckets):
            bucket = self._buckets.get(tick)
            if bucket is not None:
                yield [
                    item
                    for item, queue in zip(bucket.items, bucket.queues, strict=True)
                    if queue in queues and bucket.has(item)
                ]

    def soonest(self, queues: Iterable[DestinationQueue]) -> dict[DestinationQueue, float]:
        """Return when the first item of each of `queues` is due (monotonic seconds)."""
        wanted = set(queues)
        found: dict[DestinationQueue, float] = {}
        for tick in sorted(self._buckets):
            if not wanted:
                break
            bucket = self._buckets[tick]
            for item, queue in zip(bucket.items, bucket.queues, strict=True):
                if queue is not None and queue in wanted and bucket.has(item):
                    found[queue] = tick * TICK_SECONDS
                    wanted.remove(queue)
        return found

    def _leave(self, queue: DestinationQueue | None) -> None:
        """Count off something that no longer waits for `queue`."""
        self._count -= 1
        if queue is not None:
            queue.waiting -= 1
