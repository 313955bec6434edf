"""Delivery: takes what the work queue has queued and brings it to its next hop (mailflow 7).

Everything runs on the worker's event loop. Messages are divided into units, one for each
destination domain; units wait in the queue of their next hop, or in the wheel for their next
attempt.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, NamedTuple

from mailwarden.core.mail.envelope import Envelope, domain_of
from mailwarden.mailflow.delivery.counters import Counters
from mailwarden.mailflow.delivery.local_queue import MaildirQueue, SinkQueue
from mailwarden.mailflow.delivery.nexthop import HopKind, find_next_hop
from mailwarden.mailflow.delivery.plan import Plan
from mailwarden.mailflow.delivery.queue import FIRST, DestinationQueue, HostStatus, QueueKey, Unit
from mailwarden.mailflow.delivery.shared import Means, Shared
from mailwarden.mailflow.delivery.smtp_queue import SmtpQueue
from mailwarden.mailflow.delivery.wheel import TICK_SECONDS, Wheel
from mailwarden.stores.spool.spool import Entry, Progress

DUE_AT_ONCE: Final = 200  # units that become ready before others get their turn
SWEEP_TICKS: Final = 4  # ticks between looks at backlogs and forgotten queues
DOMAINS_MAX: Final = 10_000  # whose queue is remembered
QUEUES_MAX: Final = 10_000  # beyond it, those with nothing to do are forgotten
_NEW: Final = Progress()


class DestinationInfo(NamedTuple):
    """A destination as status displays show it."""

    name: str
    status: HostStatus
    ready: int  # units
    waiting: int  # units that wait for their next attempt
    connections: int
    next_attempt_at: float  # seconds since the epoch; 0 is none
    last_error: str


class Delivery:
    """The station behind the work queue."""

    def __init__(self, plan: Plan, means: Means) -> None:
        self._means: Final = means
        self._clock: Final = means.clock
        self._shared: Final = Shared(plan, means, self._wait, self._spawn)
        self._wheel: Final = Wheel()
        self._queues: dict[QueueKey, DestinationQueue] = {}
        self._retired: set[DestinationQueue] = set()  # still with connections
        self._by_domain: dict[str, DestinationQueue] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._ended: Final = asyncio.Event()
        self._ticks = 0

    @property
    def counters(self) -> Counters:
        """Totals since start; see `counters.NAMES`."""
        return self._shared.counters

    # Running.

    async def run(self) -> None:
        """Deliver until `stop`."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                ticker = group.create_task(self._tick())
                self._means.spool.take_queued(self.take)
                await self._ended.wait()
                ticker.cancel()
                for task in self._tasks:
                    task.cancel()
        finally:
            self._group = None
            for connection in list(self._shared.connections):
                connection.abort()

    async def stop(self, seconds: float) -> None:
        """Finish what is under way, for at most `seconds`; the rest stays in the spool."""
        self.suspend()
        deadline = self._clock.monotonic() + seconds
        while self._is_busy() and self._clock.monotonic() < deadline:  # noqa: ASYNC110  once
            await asyncio.sleep(TICK_SECONDS / 10)
        self._shared.is_stopping = True
        self._ended.set()

    def _is_busy(self) -> bool:
        shared = self._shared
        return bool(shared.flying) or any(each.is_open for each in shared.connections)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._group is not None  # nothing is announced before `run`, or wanted after `stop`
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.sweep()

    def sweep(self) -> None:
        """Do what time demands: deadlines, retries, more connections. Called each tick."""
        now = self._clock.monotonic()
        for connection in list(self._shared.connections):
            connection.sweep(now)
        self._feed_starved()
        self._take_due()
        self._ticks += 1
        if self._ticks % SWEEP_TICKS == 0:
            self._sweep_queues()

    def _sweep_queues(self) -> None:
        busy = self._shared.busy
        for queue in list(busy):
            queue.sweep()
            if not queue.ready and not queue.connections:
                busy.discard(queue)
        self._retired = {each for each in self._retired if each.connections or each.waiting}
        if len(self._queues) > QUEUES_MAX:
            self._forget_idle_queues()

    def _forget_idle_queues(self) -> None:
        for queue in list(self._queues.values()):
            self._forget_if_idle(queue)

    def _forget_if_idle(self, queue: DestinationQueue) -> None:
        if not (queue.ready or queue.connections or queue.waiting or queue.is_retired):
            queue.is_retired = True  # `_by_domain` may still hold it
            del self._queues[queue.key]

    def _feed_starved(self) -> None:
        starved = list(self._shared.starved)
        self._shared.starved.clear()
        for queue in starved:
            queue.resume()

    # Units.

    def take(self, entry: Entry) -> None:
        """Take a message that the spool announces as QUEUED."""
        stored = entry.stored
        if stored is None:
            self._take_unseen(entry)
            return
        envelope = stored.envelope
        if len(envelope.recipients) == 1 and entry.progress is None and entry.settled is None:
            recipient = envelope.recipients[0]
            if not recipient.mailhost and not envelope.requiretls:
                queue = self._by_domain.get(domain_of(recipient.address))
                if queue is not None and not queue.is_retired and not self._is_flying(entry):
                    entry.tag = unit = Unit(entry, FIRST, queue)
                    queue.push(unit)
                    return
        self._take_again(entry, envelope)

    def _is_flying(self, entry: Entry) -> bool:
        return entry.mid in self._shared.flying

    def _take_unseen(self, entry: Entry) -> None:
        """Let a message wait without looking at it: at start-up there may be a million."""
        progress = entry.progress
        wait = 0.0
        if progress is not None:
            open_rids = entry.open_rids(entry.pending + len(entry.settled or ()))
            first = min((progress.get(rid, _NEW).next_attempt_at for rid in open_rids), default=0.0)
            wait = self._bounded(first - self._clock.time())
        entry.tag = unit = Unit(entry, (), None)
        self._wait(unit, wait)

    def _take_again(self, entry: Entry, envelope: Envelope) -> None:
        """Take a message of any kind; some of it may be in a transaction since before a hold."""
        rids = tuple(entry.open_rids(len(envelope.recipients)))
        entry.tag = unit = Unit(entry, rids, None)
        flying = self._shared.flying.get(entry.mid)
        if flying is not None:
            unit.ticket = entry.tag = object()
            for other in flying:
                other.ticket = unit.ticket
                unit.rids = tuple(rid for rid in unit.rids if rid not in other.rids)
        if unit.rids:
            self._divide(unit, envelope, has_waited=False)

    def _bounded(self, seconds: float) -> float:
        """Return how long a unit may wait, read from the spool: the clock may have been set."""
        return min(max(seconds, 0.0), self._shared.plan.retry_seconds_max)

    def _divide(
        self,
        unit: Unit,
        envelope: Envelope,
        *,
        has_waited: bool,
        wanted: QueueKey | None = None,
    ) -> None:
        """Find the queues of `unit`, make a unit for each, and let them go their ways.

        `has_waited` says that those of its recipients that are due first are due now; what
        belongs into the queue `wanted` is due in any case.
        """
        entry = unit.entry
        groups: dict[tuple[DestinationQueue, str, Progress], list[int]] = {}
        for rid in unit.rids:
            groups.setdefault(self._place(entry, envelope, rid), []).append(rid)
        first = min((made.next_attempt_at for _, _, made in groups), default=0.0)
        start = first if has_waited and first else self._clock.time()
        if len(groups) == 1:
            (((unit.queue, _, made), _),) = groups.items()
            self._set_off(unit, 0.0 if unit.queue.key == wanted else made.next_attempt_at - start)
            return
        if unit.ticket is None:
            unit.ticket = entry.tag = object()
        for (queue, _, made), rids in groups.items():
            another = Unit(entry, tuple(rids), queue, unit.ticket)
            self._set_off(another, 0.0 if queue.key == wanted else made.next_attempt_at - start)

    def _place(
        self, entry: Entry, envelope: Envelope, rid: int
    ) -> tuple[DestinationQueue, str, Progress]:
        """Return what the recipients of a unit have in common."""
        recipient = envelope.recipients[rid]
        domain = domain_of(recipient.address)
        queue = self._find_queue(domain, recipient.mailhost, is_requiretls=envelope.requiretls)
        progress = entry.progress
        made = _NEW if progress is None else progress.get(rid, _NEW)
        return queue, domain, made._replace(reason="", warnings=0)

    def _set_off(self, unit: Unit, seconds: float) -> None:
        if seconds > 0:
            self._wait(unit, self._bounded(seconds))
        else:
            self._attempt(unit)

    def _find_queue(self, domain: str, mailhost: str, *, is_requiretls: bool) -> DestinationQueue:
        is_plain = not mailhost and not is_requiretls
        if is_plain:
            queue = self._by_domain.get(domain)
            if queue is not None and not queue.is_retired:
                return queue
        key = self._key(domain, mailhost, is_requiretls=is_requiretls)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = self._new_queue(key, domain)
        if is_plain:
            if len(self._by_domain) >= DOMAINS_MAX:
                self._by_domain.clear()
            self._by_domain[domain] = queue
        return queue

    def _key(self, domain: str, mailhost: str, *, is_requiretls: bool) -> QueueKey:
        plan = self._shared.plan
        hop = find_next_hop(domain, mailhost, plan.routes, plan.port)
        return QueueKey(hop, plan.destinations.find(domain).row, is_requiretls)

    def _new_queue(self, key: QueueKey, domain: str) -> DestinationQueue:
        limits, shared = self._shared.plan.destinations.find(domain), self._shared
        match key.hop.kind:
            case HopKind.MAILDIR:
                return MaildirQueue(key, limits, shared)
            case HopKind.NULL | HopKind.DROP:
                return SinkQueue(key, limits, shared, is_drop=key.hop.kind is HopKind.DROP)
        return SmtpQueue(key, limits, shared)

    # Waiting.

    def _wait(self, unit: Unit, seconds: float) -> None:
        """Let `unit` wait for its next attempt."""
        queue = unit.queue
        if queue is not None:
            if len(self._queues) > QUEUES_MAX and not queue.waiting:
                unit.queue = None  # found again when it is due: a queue is larger than a unit
                self._forget_if_idle(queue)
            else:
                queue.waiting += 1
        self._wheel.add(unit, self._clock.monotonic() + seconds)

    def _take_due(self) -> None:
        """Attempt what is due, some at a time."""
        units = self._wheel.pop_due(self._clock.monotonic(), DUE_AT_ONCE)
        for unit in units:
            if unit.queue is not None:
                unit.queue.waiting -= 1
            if unit.is_live():
                self._attempt(unit)
        if len(units) == DUE_AT_ONCE:
            self._means.loop.call_soon(self._take_due)

    def _attempt(self, unit: Unit) -> None:
        """Put `unit` into its queue, unless it is too old for that."""
        queue, entry, settler = unit.queue, unit.entry, self._shared.settler
        if queue is None or queue.is_retired:
            stored = entry.stored or self._shared.load(unit)
            if stored is not None:
                self._look_at(unit, stored.envelope)
                self._divide(unit, stored.envelope, has_waited=True)
            return
        if entry.progress is not None and settler.may_be_expired(entry.received_at):
            stored = entry.stored or self._shared.load(unit)
            if stored is None or (unit.attempts() and settler.give_up_if_expired(unit, stored)):
                return
        queue.push(unit)

    def _look_at(self, unit: Unit, envelope: Envelope) -> None:
        """Give a unit that nobody has looked at since start-up its recipients."""
        if not unit.rids:
            unit.rids = tuple(unit.entry.open_rids(len(envelope.recipients)))

    # What administrators do.

    def apply(self, plan: Plan) -> None:
        """Go on under another configuration; open connections finish under the old one."""
        self._shared.apply(plan)
        queues, self._queues = list(self._queues.values()), {}
        self._by_domain.clear()
        for queue in queues:
            queue.retire()
            for unit in queue.take_all():
                self._wait(unit, 0.0)
        self._retired.update(each for each in queues if each.connections or each.waiting)

    def suspend(self) -> None:
        """Start no more transactions; those under way go on."""
        self._shared.is_suspended = True
        for connection in list(self._shared.connections):
            connection.end()

    def resume(self) -> None:
        """Deliver again."""
        self._shared.is_suspended = False
        for queue in list(self._shared.busy):
            queue.resume()

    @property
    def is_suspended(self) -> bool:
        """Whether deliveries are suspended."""
        return self._shared.is_suspended

    def retry_now(self, domain: str | None = None) -> int:
        """Attempt at once what waits for `domain`, or everything.

        Returns how many units that may be; of those not looked at since start-up, some may turn
        out to be for other domains.
        """
        self._shared.states.clear()
        now = self._clock.monotonic()
        key = None if domain is None else self._key(domain.lower(), "", is_requiretls=False)
        units = self._wheel.extract(
            lambda one: key is None or (one.queue is not None and one.queue.key == key)
        )
        for unit in units:
            self._wheel.add(unit, now)
        count = len(units)
        if key is not None:
            unseen = self._wheel.extract(lambda one: one.queue is None)
            count += len(unseen)
            self._seek(unseen, key)
        return count

    def _seek(self, units: list[Unit], key: QueueKey) -> None:
        """Attempt those of `units` that belong into a queue, which has to be found out first."""
        for unit in units[-DUE_AT_ONCE:]:
            if unit.is_live() and (stored := self._shared.load(unit)) is not None:
                self._look_at(unit, stored.envelope)
                self._divide(unit, stored.envelope, has_waited=False, wanted=key)
        del units[-DUE_AT_ONCE:]
        if units:
            self._means.loop.call_soon(self._seek, units, key)

    def destinations(self) -> list[DestinationInfo]:
        """Return all destinations with something to do, or of which something is known."""
        queues = [*self._queues.values(), *self._retired]
        soonest = self._wheel.soonest(queue for queue in queues if queue.waiting)
        offset = self._clock.time() - self._clock.monotonic()
        return [
            DestinationInfo(
                queue.name,
                queue.status,
                queue.ready,
                queue.waiting,
                queue.connections,
                offset + soonest[queue] if queue in soonest else 0.0,
                queue.last_error,
            )
            for queue in queues
        ]
