"""Delivery: takes what the work queue has queued and brings it to its next hop (mailflow 7).

Everything runs on the worker's event loop. Messages stand in the queue of their next hop, or in the
wheel for their next attempt, as their bare spool entries: a million of them may have to. One for
several destination domains is divided into units.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from mailwarden.core.mail.envelope import Envelope, domain_of
from mailwarden.mailflow.delivery.counters import Counters
from mailwarden.mailflow.delivery.deleted import Deleted
from mailwarden.mailflow.delivery.gateways import USUAL, Source
from mailwarden.mailflow.delivery.host_view import HostView
from mailwarden.mailflow.delivery.keys import (
    key_of,
    keys_of,
    redirect_key,
    redirect_keys,
    wish_of,
)
from mailwarden.mailflow.delivery.local_queue import MaildirQueue, SinkQueue
from mailwarden.mailflow.delivery.nexthop import HopKind
from mailwarden.mailflow.delivery.operator import Operator
from mailwarden.mailflow.delivery.plan import Plan
from mailwarden.mailflow.delivery.queue import (
    DestinationQueue,
    Item,
    QueueKey,
    TlsWish,
    Unit,
    make_unit,
    queue_name,
)
from mailwarden.mailflow.delivery.redirects import Redirects
from mailwarden.mailflow.delivery.shared import Means, Shared
from mailwarden.mailflow.delivery.smtp_queue import SmtpQueue
from mailwarden.mailflow.delivery.tally import HostStatus, Tally
from mailwarden.mailflow.delivery.tls_verify import Say, TlsVerifier
from mailwarden.mailflow.delivery.wheel import TICK_SECONDS, Bucket, Waiting, Wheel
from mailwarden.stores.spool.spool import Entry, Progress

DUE_AT_ONCE: Final = 200  # messages that become ready before others get their turn
TAKEN_AT_ONCE: Final = 2000  # unseen messages that are let wait before others get their turn
COUNTED_AT_ONCE: Final = 1000  # messages that `retry_now` looks at before it answers
SWEEP_TICKS: Final = 4  # ticks between looks at backlogs and forgotten queues
DOMAINS_MAX: Final = 10_000  # whose queue is remembered
QUEUES_MAX: Final = 10_000  # beyond it, those with nothing to do are forgotten
_NEW: Final = Progress()
_NO_KEYS: Final[AbstractSet[QueueKey]] = frozenset()


class DestinationInfo(NamedTuple):
    """A destination as status displays show it."""

    name: str
    status: HostStatus
    ready: int  # messages, or parts of them
    waiting: int  # those that wait for their next attempt
    connections: int
    next_attempt_at: float  # seconds since the epoch; 0 is none
    last_error: str


class Retried(NamedTuple):
    """What an administrator hears of a retry."""

    tried: int  # messages, or parts of them, that are tried now
    unseen: int  # more messages that may be, once it is known where they go


class Delivery:
    """The station behind the work queue."""

    def __init__(self, plan: Plan, means: Means) -> None:
        self._means: Final = means
        self._clock: Final = means.clock
        self._shared: Final = Shared(plan, means, self._wait, self._spawn)
        self._wheel: Final = Wheel()
        self.deleted: Final = Deleted(
            means.spool, means.log, means.clock, plan.settings.keep_deleted_seconds
        )
        self.operator: Final = Operator(
            self._shared, self._wheel, self.deleted, self._look_anew, self._tally_of
        )
        # Announced, and still to be put into the wheel: the tag of the entries in it.
        self._unseen: Final[deque[Entry]] = deque()
        self._queues: dict[QueueKey, DestinationQueue] = {}
        self._retired: set[DestinationQueue] = set()  # still with connections
        self._by_domain: dict[str | tuple[str, Source], DestinationQueue] = {}
        self._redirects = Redirects()
        self.hosts: Final = HostView(self._shared, self._wheel, self._all_queues, self._names_of)
        self._tasks: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._ended: Final = asyncio.Event()
        self._ticks = 0

    @property
    def counters(self) -> Counters:
        """Totals since start; see `counters.NAMES`."""
        return self._shared.counters

    @property
    def connections(self) -> int:
        """Connections to next hops, those that open or close included."""
        return len(self._shared.connections)

    # Running.

    async def run(self) -> None:
        """Deliver until `stop`."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                ticker = group.create_task(self._tick())
                self.deleted.find()
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
        self._shared.groups.serve(now)
        self._take_due()
        self.deleted.sweep()
        self._ticks += 1
        if self._ticks % SWEEP_TICKS == 0:
            self._sweep_queues()

    def _sweep_queues(self) -> None:
        busy = self._shared.busy
        self._shared.groups.sweep(self._clock.monotonic())
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
            if not self._unseen:
                self._means.loop.call_soon(self._take_unseen)
            self._unseen.append(entry)
            entry.tag = self._unseen
            return
        envelope = stored.envelope
        if len(envelope.recipients) == 1 and entry.progress is None and entry.settled is None:
            recipient = envelope.recipients[0]
            is_plain = self._shared.plan.is_plain and not (
                recipient.mailhost
                or envelope.requiretls
                or envelope.tls_optional
                or envelope.gateway
            )
            if is_plain and entry.received_at > self._redirects.received_before:
                queue = self._by_domain.get(domain_of(recipient.address))
                if queue is not None and not queue.is_retired and not self._is_flying(entry):
                    queue.push(entry)
                    return
        self._look_at(entry, is_due=False)

    def _is_flying(self, entry: Entry) -> bool:
        return entry.mid in self._shared.flying

    def _take_unseen(self) -> None:
        """Let messages wait without looking at them: at start-up there may be a million."""
        unseen = self._unseen
        for _ in range(min(TAKEN_AT_ONCE, len(unseen))):
            entry = unseen.popleft()
            if entry.tag is unseen:  # it was not held and released meanwhile
                self._let_wait(entry)
        if unseen:
            self._means.loop.call_soon(self._take_unseen)

    def _let_wait(self, entry: Entry) -> None:
        progress = entry.progress
        wait = 0.0
        if progress is not None:
            open_rids = entry.open_rids(entry.pending + len(entry.settled or ()))
            first = min((progress.get(rid, _NEW).next_attempt_at for rid in open_rids), default=0.0)
            wait = self._bounded(first - self._clock.time())
        self._wheel.add(entry, self._clock.monotonic() + wait, None)

    def _look_anew(self, entry: Entry) -> None:
        """Find out where those recipients of `entry` go that an administrator has left it."""
        if self._group is not None:
            self._look_at(entry, is_due=False)

    def _look_at(
        self, entry: Entry, *, is_due: bool, wanted: AbstractSet[QueueKey] = _NO_KEYS
    ) -> int:
        """Find out where a message goes; see `_divide`.

        Some of it may be in a transaction since before it was held, and is not to be sent twice.
        """
        unit = make_unit(entry, None)
        stored = entry.stored or self._shared.load(unit)
        if stored is None:
            return 0
        flying = self._shared.flying.get(entry.mid)
        if flying is not None:
            unit.ticket = entry.tag = object()
            for other in flying:
                other.ticket = unit.ticket
                unit.rids = tuple(rid for rid in unit.rids if rid not in other.rids)
        if not unit.rids:
            return 0
        return self._divide(unit, stored.envelope, is_due=is_due, wanted=wanted)

    def _bounded(self, seconds: float) -> float:
        """Return how long a unit may wait, read from the spool: the clock may have been set."""
        return min(max(seconds, 0.0), self._shared.plan.retry_seconds_max)

    def _divide(
        self,
        unit: Unit,
        envelope: Envelope,
        *,
        is_due: bool,
        wanted: AbstractSet[QueueKey] = _NO_KEYS,
    ) -> int:
        """Find the queues of `unit`, make a unit for each, and let them go their ways.

        `is_due` says that those of its recipients that are due first are due now. What belongs
        into one of the queues `wanted` is due in any case; returns how many of the units do.
        """
        entry = unit.entry
        source = self._shared.plan.gateways.choose(envelope.gateway)
        groups: dict[tuple[DestinationQueue, str, Progress], list[int]] = {}
        for rid in unit.rids:
            groups.setdefault(self._place(entry, envelope, rid, source), []).append(rid)
        first = min((made.next_attempt_at for _, _, made in groups), default=0.0)
        start = first if is_due and first else self._clock.time()
        if len(groups) == 1:
            (((queue, _, made), _),) = groups.items()
            unit.queue = queue
            self._set_off(unit, queue, made.next_attempt_at - start, wanted)
            return int(queue.key in wanted)
        if unit.ticket is None:
            unit.ticket = entry.tag = object()
        for (queue, _, made), rids in groups.items():
            another = Unit(entry, tuple(rids), queue, unit.ticket)
            self._set_off(another, queue, made.next_attempt_at - start, wanted)
        return sum(queue.key in wanted for queue, _, _ in groups)

    def _place(
        self, entry: Entry, envelope: Envelope, rid: int, source: Source
    ) -> tuple[DestinationQueue, str, Progress]:
        """Return what the recipients of a unit have in common."""
        recipient = envelope.recipients[rid]
        domain = domain_of(recipient.address)
        redirect = self._redirects.find(entry, envelope, rid)
        if redirect is None:
            queue = self._find_queue(domain, recipient.mailhost, wish_of(envelope), source)
        else:
            key = redirect_key(self._shared.plan, redirect, wish_of(envelope), source)
            queue = self._queue_of(key, redirect.domain)
        progress = entry.progress
        made = _NEW if progress is None else progress.get(rid, _NEW)
        return queue, domain, made._replace(reason="", warnings=0)

    def _tally_of(self, entry: Entry, envelope: Envelope, rid: int) -> Tally:
        """Return the counters of the destination that a recipient's mail waits for."""
        source = self._shared.plan.gateways.peek(envelope.gateway)
        return self._place(entry, envelope, rid, source)[0].tally

    def _set_off(
        self, unit: Unit, queue: DestinationQueue, seconds: float, wanted: AbstractSet[QueueKey]
    ) -> None:
        if seconds > 0 and queue.key not in wanted:
            self._wait(unit, self._bounded(seconds))
        else:
            self._attempt(unit, queue)

    def _find_queue(
        self, domain: str, mailhost: str, wish: TlsWish, source: Source
    ) -> DestinationQueue:
        is_plain = not mailhost and wish is TlsWish.NONE
        place: str | tuple[str, Source] = domain if source is USUAL else (domain, source)
        if is_plain:
            queue = self._by_domain.get(place)
            if queue is not None and not queue.is_retired:
                return queue
        key = key_of(self._shared.plan, domain, mailhost, wish, source)
        queue = self._queue_of(key, domain)
        if is_plain:
            if len(self._by_domain) >= DOMAINS_MAX:
                self._by_domain.clear()
            self._by_domain[place] = queue
        return queue

    def _queue_of(self, key: QueueKey, domain: str) -> DestinationQueue:
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = self._new_queue(key, domain)
        return queue

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
        """Let `unit` wait for its next attempt; the only one of a message, as its entry."""
        queue = unit.queue
        if queue is not None and len(self._queues) > QUEUES_MAX and not queue.waiting:
            self._forget_if_idle(queue)
            unit.queue = queue = None  # found again when it is due: it is larger than an entry
        due = self._clock.monotonic() + seconds
        self._wheel.add(unit.entry if unit.ticket is None else unit, due, queue)

    def _take_due(self) -> None:
        """Attempt what is due, some at a time."""
        now = self._clock.monotonic()
        for waiting in self._wheel.pop_due(now, DUE_AT_ONCE):
            self._take_waiting(waiting)
        if self._wheel.is_due(now):
            self._means.loop.call_soon(self._take_due)

    def _take_waiting(self, waiting: Waiting) -> None:
        """Attempt what has waited until it was due."""
        item, queue = waiting
        if isinstance(item, Unit) and not item.is_live():
            return  # a part that was due before it has ended the message
        if queue is None or queue.is_retired:
            self._find(item, is_due=True)
        elif isinstance(item, Unit):
            self._attempt(item, queue)
        elif self._shared.plan.unsubscribed is not None or (
            item.progress is not None and self._shared.settler.may_be_expired(item.received_at)
        ):
            self._attempt(make_unit(item, queue), queue)
        else:
            queue.push(item)

    def _find(self, item: Item, *, is_due: bool, wanted: AbstractSet[QueueKey] = _NO_KEYS) -> int:
        """Find the queues of what has waited; see `_divide`."""
        if not isinstance(item, Unit):
            return self._look_at(item, is_due=is_due, wanted=wanted)
        stored = item.entry.stored or self._shared.load(item)
        if stored is None:
            return 0
        return self._divide(item, stored.envelope, is_due=is_due, wanted=wanted)

    def _attempt(self, unit: Unit, queue: DestinationQueue) -> None:
        """Put `unit` into its queue, but for recipients that want nothing, or if it is too old."""
        entry, settler = unit.entry, self._shared.settler
        may_be_expired = entry.progress is not None and settler.may_be_expired(entry.received_at)
        if may_be_expired or self._shared.plan.unsubscribed is not None:
            stored = entry.stored or self._shared.load(unit)
            if stored is None:
                return
            unit.queue = queue
            if not settler.leave_subscribed(unit, stored):
                return
            if may_be_expired and unit.attempts() and settler.give_up_if_expired(unit, stored):
                return
        queue.push(entry if unit.ticket is None else unit)

    # What administrators do.

    def apply(self, plan: Plan) -> None:
        """Go on under another configuration; open connections finish under the old one."""
        self._shared.apply(plan)
        self.deleted.keep_seconds = plan.settings.keep_deleted_seconds
        self._leave_queues()

    def _leave_queues(self) -> None:
        """Let everything find its queue anew."""
        now = self._clock.monotonic()
        queues, self._queues = list(self._queues.values()), {}
        self._by_domain.clear()
        for queue in queues:
            queue.retire()
            for item in queue.take_all():
                if isinstance(item, Unit) or item.tag is queue:
                    self._wheel.add(item, now, queue)
        self._retired.update(each for each in queues if each.connections or each.waiting)

    def redirect(self, redirects: Redirects) -> None:
        """Let `redirects` hold from now on; what goes elsewhere by a new one is attempted at once.

        What is being transmitted goes on to where it goes.
        """
        known = set(self._redirects)
        fresh = [each for each in redirects if each not in known]
        if not fresh and len(known) == len(list(redirects)):
            return
        self._redirects = redirects
        self._leave_queues()
        if fresh and self._group is not None:
            self._retry(redirect_keys(self._shared.plan, fresh))

    def redirected(self, entry: Entry, envelope: Envelope, rid: int) -> str:
        """Return where a recipient's mail is redirected to; "" is nowhere."""
        redirect = self._redirects.find(entry, envelope, rid)
        return "" if redirect is None else redirect.to

    def suspend(self) -> None:
        """Start no more transactions; those under way go on."""
        self._shared.is_suspended = True
        for connection in list(self._shared.connections):
            connection.end()

    def cut_off(self) -> None:
        """Break off what is still under way, if deliveries are suspended: it is tried again."""
        if self._shared.is_suspended:
            for connection in list(self._shared.connections):
                connection.abort()

    def resume(self) -> None:
        """Deliver again."""
        self._shared.is_suspended = False
        for queue in list(self._shared.busy):
            queue.resume()

    @property
    def is_suspended(self) -> bool:
        """Whether deliveries are suspended."""
        return self._shared.is_suspended

    def retry_now(self, domain: str | None = None) -> Retried:
        """Attempt at once what waits for the next hop of `domain`, or everything.

        What was counted for it is forgotten, and what its provider asked for.
        What was not looked at since start-up, or since the configuration changed, is looked at
        now: the first of it before this returns.
        """
        if domain is None:
            self._shared.groups.reset(None)
            self._see_all()
            return Retried(self._wait_no_more(lambda _: True), 0)
        name = domain.lower()
        keys = set(keys_of(self._shared.plan, name))
        for key in keys:
            tally = self._shared.tallies.find(queue_name(key))
            if tally is not None:
                self._shared.groups.reset(tally.shares)
        return self._retry(keys)

    def _see_all(self) -> None:
        self._shared.states.clear()
        while self._unseen:
            self._take_unseen()

    def _retry(self, keys: AbstractSet[QueueKey]) -> Retried:
        """Attempt at once what belongs into the queues `keys`."""
        self._see_all()
        count = self._wait_no_more(
            lambda queue: queue is not None and not queue.is_retired and queue.key in keys
        )
        unseen = self._wheel.extract(lambda queue: queue is None or queue.is_retired)
        count += self._seek(unseen, keys, COUNTED_AT_ONCE)
        if unseen.items:
            self._means.loop.call_soon(self._seek_on, unseen, keys)
        return Retried(count, len(unseen.items))

    def _wait_no_more(self, wanted: Callable[[DestinationQueue | None], bool]) -> int:
        """Let what waits for queues that are `wanted` be due; return how much it is."""
        now = self._clock.monotonic()
        found = self._wheel.extract(wanted)
        for item, queue in found.pairs():
            self._wheel.add(item, now, queue)
        return len(found.items)

    def _seek(self, unseen: Bucket, keys: AbstractSet[QueueKey], limit: int) -> int:
        """Attempt those of the first of `unseen` that belong into the queues `keys`.

        Takes out `limit` at most, and lets the others wait; returns how many are attempted.
        """
        waiting = unseen.pop(limit)
        return sum(
            self._find(item, is_due=False, wanted=keys) for item, _ in waiting if unseen.has(item)
        )

    def _seek_on(self, unseen: Bucket, keys: AbstractSet[QueueKey]) -> None:
        self._seek(unseen, keys, DUE_AT_ONCE)
        if unseen.items:
            self._means.loop.call_soon(self._seek_on, unseen, keys)

    async def verify_tls(self, domain: str, host: str, say: Say) -> None:
        """Try TLS with the hosts of `domain`, or only with `host`, and say what comes of it."""
        await TlsVerifier(self._shared, say).run(domain, host)

    def _all_queues(self) -> list[DestinationQueue]:
        return [*self._queues.values(), *self._retired]

    def _names_of(self, domain: str) -> list[str]:
        """Return the names of the queues in which mail for `domain` may wait, or of that name."""
        name = domain.lower()
        names = list(dict.fromkeys(queue_name(key) for key in keys_of(self._shared.plan, name)))
        return names if name in names else [*names, name]

    def destinations(self) -> list[DestinationInfo]:
        """Return all destinations with something to do, or of which something is known."""
        queues = self._all_queues()
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
