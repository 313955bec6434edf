"""What waits for delivery, by destination.

A message stands in a queue as its bare spool entry, which may have to stand there with a million
others. It becomes a `Unit` when its turn has come, or when it has to be divided.
"""

from collections import deque
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.policy.destinations import DestinationLimits
from mailwarden.mailflow.delivery.gateways import USUAL, Source
from mailwarden.mailflow.delivery.nexthop import NextHop
from mailwarden.mailflow.delivery.tally import HostStatus, Tally
from mailwarden.stores.spool.spool import Entry, State

FIRST: Final = (0,)  # RIDs of most messages, shared by all of them
_QUEUED: Final = State.QUEUED


class TlsWish(Enum):
    """What a message itself says of TLS."""

    NONE = ""
    REQUIRED = "REQUIRETLS"  # RFC 8689
    OPTIONAL = "TLS optional"  # it goes whatever becomes of TLS (RFC 8460, 3)


class QueueKey(NamedTuple):
    """What makes two messages wait in the same queue: they may share connections."""

    hop: NextHop
    row: str  # of the destination controls
    wish: TlsWish = TlsWish.NONE
    source: Source = USUAL


class DestinationQueue:
    """What goes to one next hop, in the order in which it became ready."""

    __slots__ = (
        "is_retired",
        "key",
        "limits",
        "name",
        "tally",
        "waiting",
    )

    def __init__(self, key: QueueKey, limits: DestinationLimits, tally: Tally) -> None:
        self.key: Final = key
        self.limits: Final = limits
        self.tally: Final = tally  # outlasts this queue
        self.name: Final = tally.name
        self.waiting = 0  # items that wait for their next attempt
        self.is_retired = False  # the configuration changed: its units find another queue

    @property
    def status(self) -> HostStatus:
        """What is known of it."""
        return self.tally.status

    @property
    def last_error(self) -> str:
        """Why the last attempt failed that did."""
        return self.tally.last_error

    @property
    def ready(self) -> int:
        """How many items only wait for their turn."""
        raise NotImplementedError

    def standing(self) -> "list[Item]":
        """Return what is ready; some of it may be no longer wanted."""
        raise NotImplementedError

    @property
    def connections(self) -> int:
        """How many connections there are, those that open or close included."""
        return 0

    @property
    def opening(self) -> int:
        """How many connections are being opened."""
        return 0

    def push(self, item: "Item") -> None:
        """Deliver `item` as soon as possible; an entry is tagged with this queue."""
        raise NotImplementedError

    def resume(self) -> None:
        """Go on after a suspension."""
        raise NotImplementedError

    def sweep(self) -> None:
        """Look at the backlog, now and then."""

    def prune(self, count: int) -> None:
        """Look at the first `count` items that are ready, and drop what is no longer wanted.

        The others go to the end, so that the next call looks at the next ones.
        """
        raise NotImplementedError

    def take_all(self) -> "list[Item]":
        """Give up all items that are ready."""
        raise NotImplementedError

    def retire(self) -> None:
        """End what is idle; what is busy ends after its message."""
        self.is_retired = True


class Unit:
    """What is delivered at once: recipients of one message, at one destination domain."""

    __slots__ = ("entry", "queue", "rids", "ticket")

    def __init__(
        self,
        entry: Entry,
        rids: tuple[int, ...],
        queue: DestinationQueue | None,
        ticket: object = None,
    ) -> None:
        self.entry: Final = entry
        self.rids = rids
        self.queue = queue  # None: to be found out
        self.ticket = ticket  # shared by all units of a message; None when this is the only one

    def is_live(self) -> bool:
        """Whether the message is still to be delivered, and by this unit.

        A message that was held meanwhile is announced again when it is released, and gets new
        units; the old ones are passed over.
        """
        entry = self.entry
        return entry.state is _QUEUED and entry.tag is (self.ticket or self)

    def open_rids(self) -> tuple[int, ...]:
        """Return those RIDs that nobody has settled meanwhile."""
        settled = self.entry.settled
        if settled is None:
            return self.rids
        return tuple(rid for rid in self.rids if rid not in settled)

    def attempts(self) -> int:
        """Return how often delivery of these recipients has failed."""
        progress = self.entry.progress
        if progress is None:
            return 0
        return max((progress[rid].attempts for rid in self.rids if rid in progress), default=0)

    def warnings(self) -> int:
        """Return how often the sender was warned of their delay."""
        progress = self.entry.progress
        if progress is None:
            return 0
        return max((progress[rid].warnings for rid in self.rids if rid in progress), default=0)


Item = Entry | Unit  # an entry stands for all of its message that is open


def open_rids(entry: Entry) -> tuple[int, ...]:
    """Return the RIDs of a message that are still to be delivered."""
    settled = entry.settled
    if settled is None:
        if entry.pending == 1 and entry.reports is None:
            return FIRST
        return tuple(entry.open_rids(entry.pending))
    return tuple(entry.open_rids(entry.pending + len(settled)))


def make_unit(entry: Entry, queue: DestinationQueue | None) -> Unit:
    """Return the only unit of a message, of all that is open; where it stood no longer counts."""
    unit = Unit(entry, open_rids(entry), queue)
    entry.tag = unit
    return unit


def take_up(item: Item, queue: DestinationQueue) -> Unit | None:
    """Return the unit of what stood in `queue`; None when it is no longer to be delivered.

    A message that was held meanwhile is not; one that was released again stands elsewhere.
    """
    if not stands_in(item, queue):
        return None
    return item if isinstance(item, Unit) else make_unit(item, queue)


def stands_in(item: Item, queue: DestinationQueue) -> bool:
    """Whether what stands in `queue` is still to be delivered; see `take_up`."""
    if isinstance(item, Unit):
        return item.is_live()
    return item.state is _QUEUED and item.tag is queue


def prune_ready(ready: deque[Item], count: int, queue: DestinationQueue) -> None:
    """Do what `DestinationQueue.prune` says with what is ready in `queue`."""
    for _ in range(min(count, len(ready))):
        item = ready.popleft()
        if stands_in(item, queue):
            ready.append(item)


def queue_name(key: QueueKey) -> str:
    """Return the name of a queue as status displays and gauges know it."""
    name = destination_name(key)
    if key.source.gateway:
        name = f"{name} from {key.source.gateway}"
    return f"{name} {key.wish.value}" if key.wish is not TlsWish.NONE else name


def destination_name(key: QueueKey) -> str:
    """Return the name of where a queue's mail goes, from wherever and however encrypted."""
    name = key.hop.name
    return f"{name} ({key.row})" if key.row not in ("", name) else name
