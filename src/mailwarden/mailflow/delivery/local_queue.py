"""Queues that end on this machine: Maildir, the null sink, and /dev/null."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from mailwarden.core.mail.received import resolve_by
from mailwarden.core.policy.destinations import DestinationLimits
from mailwarden.mailflow.delivery.failure import Failure, local_failure
from mailwarden.mailflow.delivery.maildir import Letter, Trouble, file_name, write_letters
from mailwarden.mailflow.delivery.queue import (
    DestinationQueue,
    Item,
    QueueKey,
    Unit,
    prune_ready,
    queue_name,
    take_up,
)
from mailwarden.mailflow.delivery.shared import Shared
from mailwarden.mailflow.delivery.tally import HostStatus
from mailwarden.stores.spool.spool import Entry, ReportKind, Stored

LETTERS_MAX: Final = 64  # written and synced together
BATCH_BYTES_MAX: Final = 16 * 1024 * 1024


class LocalQueue(DestinationQueue):
    """What the local kinds have in common: units wait only while delivery is suspended."""

    __slots__ = ("_dcid", "_left", "_ready", "_shared")

    def __init__(self, key: QueueKey, limits: DestinationLimits, shared: Shared) -> None:
        super().__init__(key, limits, shared.tallies.of(queue_name(key)))
        self._shared: Final = shared
        self._ready: deque[Item] = deque()
        self._dcid = 0
        self._left = 0  # messages that may still use this DCID

    @property
    def ready(self) -> int:
        """How many items only wait for their turn."""
        return len(self._ready)

    def standing(self) -> list[Item]:
        """Return what is ready; some of it may be no longer wanted."""
        return list(self._ready)

    def prune(self, count: int) -> None:
        """Look at the first `count` items that are ready, and drop what is no longer wanted."""
        prune_ready(self._ready, count, self)

    def take_all(self) -> list[Item]:
        """Give up all items that are ready."""
        items = self.standing()
        self._ready.clear()
        return items

    def _stand(self, item: Item) -> None:
        self._ready.append(item)
        if isinstance(item, Entry):
            item.tag = self
        self._shared.busy.add(self)

    def _next(self) -> tuple[Unit, Stored] | None:
        """Return the next unit with something to do, and its message."""
        while self._ready:
            unit = take_up(self._ready.popleft(), self)
            if unit is None:
                continue
            unit.rids = unit.open_rids()
            if unit.rids and (stored := self._shared.load(unit)) is not None:
                return unit, stored
        return None

    def _next_dcid(self) -> int:
        """Return a DCID, changed as often as connections would be."""
        if self._left <= 0:
            self._dcid = self._shared.identifiers.next_dcid()
            self._left = self.limits.max_messages_per_connection
        self._left -= 1
        return self._dcid


class SinkQueue(LocalQueue):
    """Settles at once: as delivered (`null:`) or as dropped (`/dev/null`)."""

    __slots__ = ("_is_drop", "_is_working")

    def __init__(
        self, key: QueueKey, limits: DestinationLimits, shared: Shared, *, is_drop: bool
    ) -> None:
        super().__init__(key, limits, shared)
        self._is_drop: Final = is_drop
        self._is_working = False

    def push(self, item: Item) -> None:
        """Settle `item`."""
        self._stand(item)
        self.resume()

    def resume(self) -> None:
        """Settle all that waits."""
        if self._is_working:  # settling may announce more
            return
        self._is_working = True
        while not self._shared.is_suspended and (found := self._next()) is not None:
            self._settle(*found)
        self._is_working = False

    def _settle(self, unit: Unit, stored: Stored) -> None:
        shared, dcid, mid = self._shared, self._next_dcid(), unit.entry.mid
        self.tally.status = HostStatus.UP
        shared.log.delivery_start(dcid, mid, unit.rids)
        if self._is_drop:
            shared.settler.dropped(unit, stored, dcid)
        else:
            shared.settler.delivered(
                unit, stored, unit.rids, dcid, response=None, report=ReportKind.DELIVERED
            )


class MaildirQueue(LocalQueue):
    """Writes into a Maildir, in batches and in a thread, so that no sync stops the loop."""

    __slots__ = ("_is_writing",)

    def __init__(self, key: QueueKey, limits: DestinationLimits, shared: Shared) -> None:
        super().__init__(key, limits, shared)
        self._is_writing = False

    @property
    def connections(self) -> int:
        """One while a batch is written."""
        return int(self._is_writing)

    def push(self, item: Item) -> None:
        """Write `item` with the next batch."""
        self._stand(item)
        self.resume()

    def resume(self) -> None:
        """Begin a batch, unless one is being written."""
        if self._is_writing or self._shared.is_suspended or not self._ready:
            return
        self._is_writing = True
        self._shared.spawn(self._write())

    async def _write(self) -> None:
        shared, plan = self._shared, self._shared.plan
        hostname, by = plan.hostname, plan.hostname_of(self.key.source)
        while not shared.is_suspended and (batch := self._next_batch()):
            dcid = self._next_dcid()
            letters = []
            for unit, stored in batch:
                shared.take_off(unit)
                shared.log.delivery_start(dcid, unit.entry.mid, unit.rids)
                at, mid = stored.envelope.received_at, unit.entry.mid
                decided = stored._replace(header=resolve_by(stored.header, by))
                letters += [
                    Letter(rid, decided, file_name(at, mid, rid, hostname)) for rid in unit.rids
                ]
            troubles = await shared.loop.run_in_executor(
                shared.executor, write_letters, self.key.hop.path, letters
            )
            self._settle(batch, iter(troubles), dcid)
        self._is_writing = False

    def _next_batch(self) -> list[tuple[Unit, Stored]]:
        batch: list[tuple[Unit, Stored]] = []
        count = size = 0
        while count < LETTERS_MAX and size < BATCH_BYTES_MAX:
            found = self._next()
            if found is None:
                break
            batch.append(found)
            count += len(found[0].rids)
            size += found[0].entry.size
        return batch

    def _settle(
        self, batch: list[tuple[Unit, Stored]], troubles: Iterator[Trouble | None], dcid: int
    ) -> None:
        for unit, stored in batch:
            self._shared.land(unit)
            outcome = [(rid, next(troubles)) for rid in unit.rids]
            delivered = tuple(rid for rid, trouble in outcome if trouble is None)
            failures = [(rid, _failure(trouble, dcid)) for rid, trouble in outcome if trouble]
            if delivered:
                self.tally.status = HostStatus.UP
                self._shared.settler.delivered(
                    unit, stored, delivered, dcid, response=None, report=ReportKind.DELIVERED
                )
            if failures:
                self.tally.status = HostStatus.DOWN
                self.tally.last_error = failures[-1][1].text
                self._shared.settler.failed(unit, stored, failures)


def _failure(trouble: Trouble, dcid: int) -> Failure:
    return local_failure(trouble.detail, full=trouble.is_full)._replace(dcid=dcid)
