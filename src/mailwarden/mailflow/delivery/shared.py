"""What all destination queues and connections of a worker use together."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

from mailwarden.core.alerts import Alerts, NoAlerts
from mailwarden.mailflow.delivery.counters import Counters, new_counters
from mailwarden.mailflow.delivery.host_states import HostStates
from mailwarden.mailflow.delivery.hosts import HostFinder
from mailwarden.mailflow.delivery.limit_group import Tools
from mailwarden.mailflow.delivery.limit_groups import LimitGroups
from mailwarden.mailflow.delivery.plan import Plan
from mailwarden.mailflow.delivery.queue import DestinationQueue, Item, Unit, take_up
from mailwarden.mailflow.delivery.settler import Settler
from mailwarden.mailflow.delivery.tally import Tallies
from mailwarden.mailflow.delivery.tls_alerts import TlsAlerts
from mailwarden.mailflow.delivery.transport_security import TransportSecurity
from mailwarden.services.throttling.gauges import SharedGauges
from mailwarden.services.throttling.spans import LocalSpans, Spans
from mailwarden.stores.spool.identifiers import Identifiers
from mailwarden.stores.spool.spool import DamagedError, Spool, SpoolFailure, Stored
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import Resolver
from mailwarden.system.log.maillog import MailLog

RELOAD_SECONDS: Final = 60.0  # until a message that could not be read is read again
EXPIRED_AT_ONCE: Final = 100  # units that are given up before others get their turn
CONNECTIONS_GAUGE: Final = "outbound"


class Swept(Protocol):
    """A connection that looks at its deadline now and then."""

    @property
    def is_open(self) -> bool:
        """Whether it is past its opening."""
        ...

    def sweep(self, now: float) -> None:
        """Act if the deadline is over; `now` is monotonic seconds."""
        ...

    def end(self) -> None:
        """Close after what is under way; at once if that is nothing."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What delivery works with; all of it is handed in."""

    spool: Spool
    log: MailLog
    resolver: Resolver
    gauges: SharedGauges
    identifiers: Identifiers
    clock: Clock
    random: Random
    loop: asyncio.AbstractEventLoop
    spans: Spans = field(default_factory=LocalSpans)  # recipients of destinations
    executor: Executor | None = None  # for what blocks on the disk; None is the loop's own
    counters: Counters = field(default_factory=new_counters)
    alerts: Alerts = field(default_factory=NoAlerts)
    security: TransportSecurity | None = None  # what DANE and MTA-STS ask; None is nothing


class Shared:
    """The means, the present plan, and who uses them.

    `wait` is called with a unit and the seconds until its next attempt; `spawn` runs a coroutine
    as a task.
    """

    __slots__ = (
        "busy",
        "clock",
        "connections",
        "counters",
        "executor",
        "finder",
        "flying",
        "gauges",
        "groups",
        "identifiers",
        "is_stopping",
        "is_suspended",
        "log",
        "loop",
        "means",
        "plan",
        "security",
        "settler",
        "spawn",
        "spool",
        "starved",
        "states",
        "tallies",
        "tls_alerts",
        "wait",
    )

    def __init__(
        self,
        plan: Plan,
        means: Means,
        wait: Callable[[Unit, float], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self.means: Final = means
        self.spool: Final = means.spool
        self.log: Final = means.log
        self.gauges: Final = means.gauges
        self.identifiers: Final = means.identifiers
        self.clock: Final = means.clock
        self.loop: Final = means.loop
        self.executor: Final = means.executor
        self.counters: Final = means.counters
        self.security: Final = means.security
        self.wait: Final = wait
        self.spawn: Final = spawn
        self.settler: Final = Settler(plan, self.spool, self.log, self.clock, self.counters, wait)
        self.states: Final = HostStates(self.clock)
        self.tallies: Final = Tallies()
        self.groups: Final = LimitGroups(
            Tools(means.gauges, means.spans, means.clock, means.log, means.counters)
        )
        self.tls_alerts: Final = TlsAlerts(plan, self.clock, means.alerts)
        self.connections: Final[set[Swept]] = set()
        self.busy: Final[set[DestinationQueue]] = set()  # with something ready or connected
        self.starved: Final[set[DestinationQueue]] = set()  # refused a connection by a gauge
        self.flying: Final[dict[int, list[Unit]]] = {}  # in a transaction, by MID
        self.is_suspended = False
        self.is_stopping = False
        self.apply(plan)

    def apply(self, plan: Plan) -> None:
        """Go on under another configuration."""
        self.plan = plan
        self.settler.plan = plan
        self.tls_alerts.plan = plan
        self.finder = HostFinder(
            self.means.resolver,
            self.means.random,
            plan.ourselves,
            plan.port,
            plan.settings.prefer_ipv6,
        )

    def load(self, unit: Unit) -> Stored | None:
        """Return the message; None when it cannot be read, which is then taken care of."""
        try:
            return self.spool.load(unit.entry)
        except DamagedError as damage:  # the spool holds it: an administrator has to look at it
            self.log.critical(f"MID {unit.entry.mid} is damaged and held: {damage}")
        except SpoolFailure as error:
            self.log.warning(f"MID {unit.entry.mid} cannot be read for delivery: {error.detail}")
            self.wait(unit, RELOAD_SECONDS)
        return None

    def give_up_expired(self, ready: deque[Item], queue: DestinationQueue) -> None:
        """Return what is too old of what stands in `queue`: its turn may come late."""
        for _ in range(min(EXPIRED_AT_ONCE, len(ready))):
            item = ready[0]
            entry = item.entry if isinstance(item, Unit) else item
            if not self.settler.may_be_expired(entry.received_at):
                return
            unit = take_up(ready.popleft(), queue)
            stored = None if unit is None else self.load(unit)
            if unit is None or stored is None:
                continue
            if not self.settler.give_up_if_expired(unit, stored):
                ready.appendleft(unit)
                return

    def take_off(self, unit: Unit) -> None:
        """Remember that `unit` is in a transaction, so that a new announcement passes it over."""
        flying = self.flying.get(unit.entry.mid)
        if flying is None:
            self.flying[unit.entry.mid] = [unit]
        else:
            flying.append(unit)

    def land(self, unit: Unit) -> None:
        """Forget that `unit` is in a transaction."""
        flying = self.flying[unit.entry.mid]
        if len(flying) == 1:
            del self.flying[unit.entry.mid]
        else:
            flying.remove(unit)
