"""The queue of one destination that is reached by SMTP, and its connections.

Connections are opened as the backlog grows, one after the other at first, then up to twice as many
at a time, within the limits that all workers share (see `limit_group`). A destination that cannot
be reached delays all that waits for it.
"""

from collections import deque
from typing import Final

from mailwarden.core.policy.destinations import DestinationLimits, LimitType
from mailwarden.core.policy.mail_providers import roll_up
from mailwarden.core.smtp.client import Transaction
from mailwarden.mailflow.delivery.admission import Admission, NoPlaceError
from mailwarden.mailflow.delivery.answers import Answers, read_answers
from mailwarden.mailflow.delivery.connection import TIMEOUT, SmtpConnection
from mailwarden.mailflow.delivery.failure import (
    UNSUBSCRIBED,
    DeliveryFailedError,
    Failure,
    network_failure,
)
from mailwarden.mailflow.delivery.hosts import HostSearch
from mailwarden.mailflow.delivery.limit_group import LimitGroup
from mailwarden.mailflow.delivery.limit_groups import group_name
from mailwarden.mailflow.delivery.moved import NOTHING_MOVED, Moved, Tried
from mailwarden.mailflow.delivery.opener import Opener
from mailwarden.mailflow.delivery.queue import (
    DestinationQueue,
    Item,
    QueueKey,
    Unit,
    prune_ready,
    queue_name,
    take_up,
)
from mailwarden.mailflow.delivery.settler import Failures
from mailwarden.mailflow.delivery.shared import CONNECTIONS_GAUGE, Shared
from mailwarden.mailflow.delivery.speed import Speed
from mailwarden.mailflow.delivery.tally import ENDPOINTS_MAX, HostStatus
from mailwarden.mailflow.delivery.tls_attempts import asked_tls
from mailwarden.stores.spool.spool import Entry, Stored

UNITS_PER_CONNECTION: Final = 4  # of backlog, before another connection is opened for it
DRAINED_AT_ONCE: Final = 100  # units that are delayed before others get their turn
HOSTS_TRIED_MAX: Final = 10  # for one unit, in one attempt
# Stands for the deques of a queue with nothing in them: a new one takes 600 bytes, and there may be
# hundreds of thousands of destinations whose units only wait for their next attempt.
_NOTHING: Final[deque[Item]] = deque(maxlen=0)


# What a queue waits for in its group.
_GOES: Final = 0  # nothing
_FOR_A_PLACE: Final = 1  # for another connection; those that there are go on
_FOR_ITS_TURN: Final = 2  # to send anything


class SmtpQueue(DestinationQueue):
    """Units for one next hop, and the connections to it."""

    __slots__ = (
        "_blocked_until",
        "_connections",
        "_draining",
        "_group",
        "_has_alternatives",
        "_idle",
        "_is_late",
        "_moved",
        "_opening",
        "_ready",
        "_shared",
        "_speed",
        "_turn",
        "_waits",
    )

    def __init__(self, key: QueueKey, limits: DestinationLimits, shared: Shared) -> None:
        super().__init__(key, limits, shared.tallies.of(queue_name(key)))
        self._shared: Final = shared
        self._ready = _NOTHING
        self._moved = NOTHING_MOVED
        self._idle: list[SmtpConnection] = []
        self._connections = 0  # those that open or close included
        self._opening = 0
        self._is_late = False
        self._turn = 0
        self._has_alternatives = False
        self._blocked_until = 0.0  # no more connections than there are
        self._draining = 0  # units that are still to be delayed
        self._group: LimitGroup | None = None  # known once a connection was wanted
        self._waits = _GOES
        self._speed: Speed | None = None  # of a queue that has had connections

    @property
    def ready(self) -> int:
        """How many items only wait for their turn."""
        return len(self._ready) + len(self._moved)

    @property
    def connections(self) -> int:
        """How many connections there are, those that open or close included."""
        return self._connections

    # Units.

    def push(self, item: Item) -> None:
        """Deliver `item` as soon as possible; an entry is tagged with this queue."""
        if self._ready is _NOTHING:
            self._ready = deque()
        self._ready.append(item)
        if isinstance(item, Entry):
            item.tag = self
        self._shared.busy.add(self)
        self.resume()

    def _push_first(self, unit: Unit) -> None:
        if self._ready is _NOTHING:
            self._ready = deque()
        self._ready.appendleft(unit)

    def _push_moved(self, unit: Unit, tried: Tried) -> None:
        if self._moved is NOTHING_MOVED:
            self._moved = Moved()
        self._moved.push(unit, tried)

    def resume(self) -> None:
        """Give idle connections work, and open another one if need be."""
        if self._shared.is_suspended or self._draining or self._waits == _FOR_ITS_TURN:
            return
        for _ in range(len(self._idle)):  # not while: one that may not send is idle again
            if not self._ready:
                break
            connection = self._idle.pop()
            if connection.is_usable:
                connection.work()
        if self._moved:
            self._serve_moved()
        if self._ready or self._moved:
            self.grow()

    def _serve_moved(self) -> None:
        for connection in list(self._idle):
            if connection.is_usable and self._moved.suits(connection.endpoint.host):
                self._idle.remove(connection)
                connection.work()

    def sweep(self) -> None:
        """Open more connections for a backlog that has stood since the last sweep."""
        if self._speed is not None:
            self._speed.look(self._shared.clock.monotonic(), self.tally.messages)
        if not self.ready:
            self._is_late = False
            if not self._connections:
                self._ready, self._moved = _NOTHING, NOTHING_MOVED
                self._speed = None
        elif self._waits == _FOR_ITS_TURN:
            self._shared.give_up_expired(self._ready, self)
        elif self._is_late:
            self.grow(is_late=True)
        else:
            self._is_late = True

    def next_unit(self, connection: SmtpConnection) -> Unit | None:
        """Return what `connection` is to send next."""
        if self._shared.is_suspended or self._draining or self._waits == _FOR_ITS_TURN:
            return None
        while (unit := self._pop(connection)) is not None:
            if not unit.is_live():
                continue
            unit.rids = unit.open_rids()
            if unit.rids:
                self._split(unit, connection)
                if connection.admission.group.is_limited and not self._permit(unit, connection):
                    return None
                return unit
        return None

    def _permit(self, unit: Unit, connection: SmtpConnection) -> bool:
        """Leave those recipients of `unit` for later that may not go now; False when none may."""
        admission = connection.admission
        allowed = admission.permit(len(unit.rids))
        if allowed:
            self._leave_rest(unit, allowed)
            return True
        self._put_back(unit, connection)
        if not admission.group.is_by_address:  # else another address may take it
            self._await(admission.group, admission.wait_seconds())
        return False

    def _put_back(self, unit: Unit, connection: SmtpConnection) -> None:
        """Let `unit` be the next one again."""
        if isinstance(connection.tried, Tried):
            self._push_moved(unit, connection.tried)
        else:
            self._push_first(unit)

    def _pop(self, connection: SmtpConnection) -> Unit | None:
        connection.tried = None
        if self._moved:
            moved = self._moved.take(connection.endpoint.host)
            if moved is not None:
                connection.tried = moved[1]
                return moved[0]
        return self._pop_ready()

    def _pop_ready(self) -> Unit | None:
        while self._ready:
            unit = take_up(self._ready.popleft(), self)
            if unit is not None:
                return unit
        return None

    def _split(self, unit: Unit, connection: SmtpConnection) -> None:
        """Leave the recipients that are too many for one transaction to another one."""
        limit = connection.plan.settings.max_recipients_per_transaction
        limit = connection.conversation.offers.recipients_max or limit  # RFC 9422, RCPTMAX
        self._leave_rest(unit, limit)

    def _leave_rest(self, unit: Unit, count: int) -> None:
        """Leave the recipients behind the first `count` to another unit."""
        if len(unit.rids) > count:
            rest = unit.rids[count:]
            unit.rids = unit.rids[:count]
            self._push_first(self._sibling(unit, rest))

    def _sibling(self, unit: Unit, rids: tuple[int, ...]) -> Unit:
        """Return another unit of the same message."""
        if unit.ticket is None:
            unit.ticket = unit.entry.tag = object()
        return Unit(unit.entry, rids, self, unit.ticket)

    def messages(self) -> int:
        """Return how many messages were taken since the start."""
        return self.tally.messages

    def per_minute(self, now: float) -> float:
        """Return how many messages were taken in a minute, lately; 0 is not known."""
        return 0.0 if self._speed is None else self._speed.per_minute(now, self.tally.messages)

    def standing(self) -> list[Item]:
        """Return what is ready; some of it may be no longer wanted."""
        return [*self._moved.standing(), *self._ready]

    @property
    def opening(self) -> int:
        """How many connections are being opened."""
        return self._opening

    def prune(self, count: int) -> None:
        """Look at the first `count` items that are ready, and drop what is no longer wanted."""
        if not self._draining:  # it counts on what stands there; most of that goes in a moment
            prune_ready(self._ready, count, self)

    def take_all(self) -> list[Item]:
        """Give up all items that are ready."""
        items = self.standing()
        self._ready, self._moved = _NOTHING, NOTHING_MOVED
        return items

    # Connections.

    def grow(self, *, is_late: bool = False) -> None:
        """Open connections if the backlog wants them; `is_late` says that it stood too long."""
        if self._shared.is_suspended or self.is_retired or self._draining or self._waits:
            return
        gauges, settings = self._shared.gauges, self._shared.plan.settings
        while self._wants_another(is_late=is_late):
            if not self._may_open():
                return
            if not gauges.try_acquire(CONNECTIONS_GAUGE, settings.max_connections):
                self._shared.starved.add(self)
                return
            if not self._connections:
                self._speed = Speed(self._shared.clock.monotonic(), self.tally.messages)
            self._connections += 1
            self._opening += 1
            self._turn += 1
            tried = self._moved.first_tried()
            self._shared.spawn(self._open(tried))

    def _wants_another(self, *, is_late: bool) -> bool:
        backlog = self.ready
        established = self._connections - self._opening
        if not backlog or self._has_all:
            return False
        if self._opening >= max(1, established):
            return False
        if not self._connections:
            return True
        if self._shared.clock.monotonic() < self._blocked_until:
            return False
        if self._moved or is_late:
            return self._opening < backlog
        return self._connections < 1 + backlog // UNITS_PER_CONNECTION

    @property
    def _has_all(self) -> bool:
        """Whether there are as many connections as there can be, by this queue's limits alone."""
        limits = self.limits
        if self._connections < limits.max_host_concurrency:
            return False
        return limits.limit_type is LimitType.HOST or bool(self._waits)

    def _may_open(self) -> bool:
        """Whether a connection may come about, as far as that is known beforehand."""
        group = self._group
        if group is None or group.is_by_address:
            return True
        seconds = group.wait_seconds("", self._gateway) if group.is_limited else 0.0
        if not seconds and group.has_room(self._gateway):
            return True
        self._await(group, seconds)
        return False

    @property
    def _gateway(self) -> str:
        """The virtual gateway that mail leaves from; "" is any."""
        return self.key.source.gateway or self._shared.plan.settings.interface

    def _await(self, group: LimitGroup, seconds: float) -> None:
        """Wait in the group, for its turn if `seconds` is more than 0, else for a place."""
        is_turn = seconds > 0 and not group.is_by_address  # else other addresses may be free
        self._waits = _FOR_ITS_TURN if is_turn else _FOR_A_PLACE
        group.wait(self, seconds)

    def go_on(self) -> None:
        """Try again what could not be done before."""
        self._waits = _GOES
        self.resume()

    def _release(self, admission: Admission | None, dcid: int = 0) -> None:
        """Count off a connection, and let others of the group have its place."""
        self._connections -= 1
        self._shared.gauges.release(CONNECTIONS_GAUGE)
        if not self._connections and self._group is not None:
            self._group.members.discard(self)
        if admission is not None:
            admission.close(dcid)
            if admission.group.has_waiting and not self._shared.is_stopping:
                admission.group.serve(self._shared.clock.monotonic(), 1)

    async def _open(self, tried: frozenset[str]) -> None:
        search = self._shared.finder.search(self.key.hop, self._turn)
        admission: Admission | None = None
        try:
            await search.look_up()
            group, interface = self._join(search.mx_hosts), self.key.source.interface
            admission = Admission(group, self._gateway, interface)
            connection = await self._opener(admission).open(search, tried)
        except DeliveryFailedError as error:
            self._opened(search, admission)
            self._not_opened(error.failure, tried)
        except NoPlaceError as full:
            self._opened(search, admission)
            assert admission is not None  # it is what says so
            if self.ready and not (self.is_retired or self._waits):
                self._await(admission.group, full.seconds)
        except BaseException:  # cancelled at the end
            self._opening -= 1
            self._release(admission)
            raise
        else:
            self._has_alternatives = search.has_alternatives
            self._remember(search)
            self._opening -= 1
            self.tally.status = HostStatus.UP
            connection.adopt(self)
            self.grow()

    def _join(self, mx_hosts: tuple[str, ...]) -> LimitGroup:
        """Become a member of the group whose limits hold for the next hop with these hosts."""
        groups = self._shared.groups
        name = group_name(self.key, mx_hosts) if mx_hosts or self._group is None else ""
        group = groups.of(name or self.tally.shares, self.limits)
        if self._group is not None and self._group is not group:
            self._group.members.discard(self)
        self._group = group
        group.members.add(self)
        if name:
            self.tally.shares = name
            group.provider = roll_up(mx_hosts) or name
        return group

    def _opened(self, search: HostSearch, admission: Admission | None) -> None:
        """Count off a connection that did not come about."""
        self._has_alternatives = search.has_alternatives
        self._remember(search)
        self._opening -= 1
        self._release(admission)

    def _remember(self, search: HostSearch) -> None:
        if search.found:
            self.tally.endpoints = tuple(search.found[:ENDPOINTS_MAX])
            self.tally.preferences = search.preferences

    def _opener(self, admission: Admission) -> Opener:
        hop = self.key.hop
        asked = asked_tls(self.key.wish, self.limits.tls, is_configured=hop.is_configured)
        return Opener(self._shared, admission, asked.tls, wants_policies=asked.wants_policies)

    def _not_opened(self, failure: Failure, tried: frozenset[str]) -> None:
        if tried:  # no other host for what was moved: the answers it got stand
            self._settle_moved(tried)
            self.resume()
            return
        self.tally.last_error = failure.text
        if self._opening:
            return  # another one may come about
        if self._connections:
            seconds = self._shared.plan.settings.host_down_seconds
            self._blocked_until = self._shared.clock.monotonic() + seconds
            return
        if failure.reason != UNSUBSCRIBED:
            self.tally.status = HostStatus.DOWN
        self._settle_moved(frozenset())
        self._draining = len(self._ready)
        self._drain(failure)

    def _settle_moved(self, tried: frozenset[str]) -> None:
        """Give up the moved units that have been refused by all of `tried`."""
        for unit, failures in self._moved.give_up(tried):
            if unit.is_live() and (stored := self._shared.load(unit)) is not None:
                self._shared.settler.failed(unit, stored, failures)

    def _drain(self, failure: Failure) -> None:
        """Delay what waits for a destination that cannot be reached, some at a time."""
        for _ in range(min(DRAINED_AT_ONCE, self._draining, len(self._ready))):
            self._draining -= 1
            unit = take_up(self._ready.popleft(), self)
            rids = () if unit is None else unit.open_rids()
            if unit is not None and rids and (stored := self._shared.load(unit)) is not None:
                self._shared.settler.failed(unit, stored, [(rid, failure) for rid in rids])
        if self._draining and self._ready:
            self._shared.loop.call_soon(self._drain, failure)
        else:
            self._draining = 0
            self.grow()

    # What connections tell.

    def is_full(self, connection: SmtpConnection) -> bool:
        """Whether `connection` is to be ended although there may be more to send."""
        if self.is_retired or self._shared.is_suspended:
            return True
        group = connection.admission.group
        if not group.is_limited:
            if connection.sent >= self.limits.max_messages_per_connection:
                return True
        elif self._is_held_back(connection, group):
            return True
        # Without room for another connection, this one gives way for what its host refused.
        return (
            bool(self._moved) and self._has_all and not self._moved.suits(connection.endpoint.host)
        )

    def _is_held_back(self, connection: SmtpConnection, group: LimitGroup) -> bool:
        """Whether `connection` is to be ended by the limits of the moment."""
        if connection.sent >= group.messages_max():
            return True
        if connection.admission.is_crowded(connection.dcid):
            self._shared.log.dcid_limit(connection.dcid)
            return True
        # Without its turn for long, it would only take the place of others.
        idle_seconds = self._shared.plan.settings.idle_timeout_seconds
        return group.is_by_address and connection.admission.wait_seconds() > idle_seconds

    def give_way(self) -> bool:
        """End a connection without work, if there is one, so that others have its place."""
        if not self._idle or (self._ready and self._waits != _FOR_ITS_TURN):
            return False
        connection = self._idle.pop()
        self._shared.log.dcid_limit(connection.dcid)
        connection.end()
        return True

    def idle(self, connection: SmtpConnection) -> None:
        """Remember a connection that has nothing to do."""
        self._idle.append(connection)

    def closed(self, connection: SmtpConnection) -> None:
        """Forget a connection."""
        if connection in self._idle:
            self._idle.remove(connection)
        self._release(connection.admission, connection.dcid)
        if not self._connections:
            self._blocked_until = 0.0
        self.resume()

    def answered(
        self, connection: SmtpConnection, unit: Unit, stored: Stored, transaction: Transaction
    ) -> None:
        """Settle a transaction that did not go well for everybody."""
        answers = read_answers(transaction, connection.address, connection.dcid)
        connection.admission.hear_all(answers.failures, connection.sent - 1)
        if answers.is_soft_for_all:
            self._move(connection, unit, stored, answers.failures)
            return
        final = transaction.final
        response = final.text if final is not None else None
        self._settle(connection, unit, stored, answers, response)

    def _settle(
        self,
        connection: SmtpConnection,
        unit: Unit,
        stored: Stored,
        answers: Answers,
        response: str | None,
    ) -> None:
        if answers.again:
            self._push_first(self._sibling(unit, answers.again))
        if answers.delivered:
            self._shared.settler.delivered(
                unit,
                stored,
                answers.delivered,
                connection.dcid,
                response=response,
                report=connection.report_kind,
            )
        if answers.failures:
            self.tally.last_error = answers.failures[-1][1].text
            self._shared.settler.failed(unit, stored, answers.failures)

    def unsendable(
        self, connection: SmtpConnection, unit: Unit, stored: Stored, failure: Failure
    ) -> None:
        """Settle, or try elsewhere, a unit that the host of this connection cannot take."""
        self._give_back(unit, connection)
        failures = [(rid, failure) for rid in unit.rids]
        self._move(connection, unit, stored, failures)

    def _give_back(self, unit: Unit, connection: SmtpConnection) -> None:
        """Take back that the recipients of `unit` were counted: nothing of it was sent."""
        if connection.admission.group.is_limited:
            connection.admission.give_back(len(unit.rids))

    def lost(self, connection: SmtpConnection, unit: Unit, stored: Stored, details: str) -> None:
        """Settle a unit whose connection broke."""
        if self._shared.is_stopping:
            return  # we broke it; the spool still has the message
        transaction = connection.conversation.transaction
        assert transaction is not None  # it is what broke
        if connection.sent and transaction.mail is None and details != TIMEOUT:
            # The peer closed an idle connection at the moment when we used it again.
            self._give_back(unit, connection)
            self._put_back(unit, connection)
            return
        if (
            transaction.is_only_final_missing
            and connection.is_drained
            and connection.plan.settings.possible_delivery
        ):
            self._assume_delivered(connection, unit, stored, transaction)
            return
        failure = network_failure(details, connection.address, connection.dcid)
        failures = [(rid, failure) for rid in unit.rids]
        self._move(connection, unit, stored, failures)

    def _assume_delivered(
        self, connection: SmtpConnection, unit: Unit, stored: Stored, transaction: Transaction
    ) -> None:
        shared, dcid = self._shared, connection.dcid
        answers = read_answers(transaction, connection.address, dcid, is_final_assumed=True)
        shared.log.possible_delivery(dcid, unit.entry.mid, answers.delivered)
        shared.counters["possible_deliveries"] += len(answers.delivered)
        self._settle(connection, unit, stored, answers, None)

    def _move(
        self, connection: SmtpConnection, unit: Unit, stored: Stored, failures: Failures
    ) -> None:
        """Try another host if there may be one; otherwise the failures stand."""
        tried = connection.tried
        hosts = tried.hosts if isinstance(tried, Tried) else frozenset()
        hosts |= {connection.endpoint.host}
        self.tally.last_error = failures[-1][1].text
        if self._has_alternatives and len(hosts) < HOSTS_TRIED_MAX and not self.is_retired:
            self._push_moved(unit, Tried(hosts, failures))
            self.grow()
        else:
            self._shared.settler.failed(unit, stored, failures)

    def retire(self) -> None:
        """End what is idle; what is busy ends after its message."""
        super().retire()
        if self._group is not None:
            self._group.wait_no_more(self)
        self._waits = _GOES
        for connection in list(self._idle):
            connection.end()
