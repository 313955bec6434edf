"""Builds and connects the parts of a worker. The only place that knows all of them."""

import asyncio
import random
import resource
import secrets
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

from mailwarden.app.own_endpoints import call_ahead_outsets
from mailwarden.app.post import Post
from mailwarden.app.progress import Progress, told_now_and_then
from mailwarden.app.report_words import report_words
from mailwarden.app.shared_memory import SharedMemory
from mailwarden.app.station_plans import (
    client_tls,
    delivery_plan,
    listener_context,
    server_tls,
    work_queue_plan,
)
from mailwarden.app.supervisor_log import about_logs
from mailwarden.app.switches import is_delivery_suspended, redirects_of, suspended_listeners
from mailwarden.app.transport_parts import TransportParts, make_policy_context
from mailwarden.app.wiring_hosts import dns_source, make_rates, make_reputation
from mailwarden.control.config.files import bounce_keys_file
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.alerts import CRITICAL, SYSTEM, Alerts
from mailwarden.mailflow.delivery.delivery import Delivery
from mailwarden.mailflow.delivery.plan import Plan as DeliveryPlan
from mailwarden.mailflow.delivery.shared import Means
from mailwarden.mailflow.listener.context import (
    ListenerContext,
    Parts,
    count_together,
)
from mailwarden.mailflow.listener.hosts import DnsLists
from mailwarden.mailflow.listener.listeners import Listeners
from mailwarden.mailflow.listener.pressure import Pressure, PressureLimits
from mailwarden.mailflow.origination.letters import Letters
from mailwarden.mailflow.origination.originator import Originator
from mailwarden.mailflow.workqueue.pipeline import build_pipeline
from mailwarden.mailflow.workqueue.stage import Plan
from mailwarden.mailflow.workqueue.workqueue import WorkQueue
from mailwarden.services.bounce_tags import USE_FILES, BounceTags, KeyUses, load_keys
from mailwarden.services.call_ahead.asker import CallAhead
from mailwarden.services.call_ahead.asker import Means as CallAheadMeans
from mailwarden.services.call_ahead.profiles import CallAheads
from mailwarden.services.directory.local import load_credentials
from mailwarden.services.throttling.board import BoardGauges
from mailwarden.services.throttling.spans import TableSpans
from mailwarden.stores.spool.identifiers import FileIdentifiers
from mailwarden.stores.spool.segments import SegmentSpool
from mailwarden.stores.spool.spool import Entry, Settlement, State
from mailwarden.stores.spool.tools import highest_mid
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.clock.zone import ZoneOffset, use_time_zone
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.kernel_sync import KernelSync
from mailwarden.system.log.logs import Logs
from mailwarden.system.net.privileges import raise_open_files_limit

OPEN_FILES_WANTED: Final = 1_000_000
DESTINATIONS_TOLD_MAX: Final = 500  # to one asking for status: they have to fit into a packet
OPERATOR_HOLD: Final = "operator"  # name of the hold that `mailwarden queue hold` uses


class Gateway:
    """One worker's parts, from listeners to spool."""

    def __init__(
        self,
        post: Post,
        config: GatewayConfig,
        *,
        pairs: Mapping[str, str],
        memory: SharedMemory,
        alerts: Alerts,
        progress: Progress,
        failed: Callable[[BaseException], None],
        switches: Mapping[str, Any],
    ) -> None:
        """Build everything and read the spool, which may take a minute; `start` begins to work.

        `pairs` are the certificates that the gateway keeps, with their keys.

        Raises:
            SpoolFailure: the spool cannot be used.
            OSError: a log or another file cannot be used.
        """
        loop = asyncio.get_running_loop()
        self.config = config
        self._pairs = pairs
        self.counters: dict[str, int] = defaultdict(int)
        self._base = post.base
        self._workers = post.count
        self._alerts = alerts
        self._failed = failed
        self._clock = SystemClock()
        use_time_zone(config.time_zone)
        self._zone_offset = ZoneOffset(self._clock.time)
        self._switches = switches
        self._is_stopping = False
        self._state = post.state
        self._is_leader = post.is_leader
        self._key_uses = KeyUses(self._state.directory / USE_FILES.replace("*", str(post.index)))
        self._tags = self._load_tags(config)
        raise_open_files_limit(OPEN_FILES_WANTED)
        self._logs = Logs(
            config.logs,
            self._state.logs,
            host=config.hostname,
            clock=self._clock,
            later=loop.call_later,
            alert=about_logs(alerts),
        )
        self.log = self._logs.mail
        self._memory = memory  # stays open: a reload maps the rates and the history anew
        self._gauges = BoardGauges(memory.board, post.index, self._board_full)
        self._kernel_sync = _kernel_sync(loop)
        self.spool = SegmentSpool(
            self._state.part(post.index),
            self._state.adopted_parts(post.index, post.count),
            config.spool,
            SystemFiles(),
            self._clock,
            loop,
            alerts,
            syncs=self._kernel_sync,
        )
        self.spool.on_death = lambda: failed(RuntimeError("the spool's writer has ended"))
        self.spool.recover(told_now_and_then(progress, self._clock.monotonic))
        self._identifiers = FileIdentifiers(
            self._state.identifiers,
            SystemFiles(),
            self._clock,
            lambda: highest_mid(SystemFiles(), self._state.spool),
            lambda text: alerts.alert(CRITICAL, SYSTEM, text, ""),
        )
        self._resolver = CachingResolver(
            config.dns,
            loop=loop,
            clock=self._clock,
            randomness=random.SystemRandom(),
            source=dns_source(config),
        )
        self.rates = make_rates(config, memory, self.log)
        self.reputation = make_reputation(
            config, memory, self.log, self._clock, self._resolver, self._state,
            is_keeper=post.is_leader,
        )  # fmt: skip
        self.transport = TransportParts(
            post,
            config,
            resolver=self._resolver,
            spool=self.spool,
            identifiers=self._identifiers,
            log=self.log,
            clock=self._clock,
        )
        self.work_queue = WorkQueue(
            self.spool,
            build_pipeline(self._plan(config)),
            config.work_queue,
            identifiers=self._identifiers,
            log=self.log,
            clock=self._clock,
            counters=self.counters,
            paused=bool(switches.get("work_queue_paused")),
        )
        self.delivery = Delivery(
            self._delivery_plan(config),
            Means(
                spool=self.spool,
                log=self.log,
                resolver=self._resolver,
                gauges=self._gauges,
                identifiers=self._identifiers,
                clock=self._clock,
                random=random.SystemRandom(),
                loop=loop,
                security=self.transport.security,
                alerts=alerts,
                spans=TableSpans(memory.destinations, self._spans_full, self._spans_stuck),
            ),
        )
        self.origination = Originator(
            self.spool,
            self._identifiers,
            self.log,
            self._clock,
            words=report_words(config),
            offset_minutes=self._zone_offset,
            token=lambda: secrets.token_hex(12),
            counters=self.counters,
            later=loop.call_later,
        )
        self.letters = Letters(self.spool, self._identifiers, self.log, self._clock)
        self.call_aheads = CallAheads(
            CallAheadMeans(
                resolver=self._resolver,
                gauges=self._gauges,
                log=self.log,
                clock=self._clock,
                counters=self.counters,
            )
        )
        self.dns_lists = DnsLists(self._resolver, self._clock, self.log.warning)
        self._pressure = Pressure(self.spool, self._clock, self._pressure_limits(config), alerts)
        self.listeners = Listeners(
            Parts(
                spool=self.spool,
                identifiers=self._identifiers,
                log=self.log,
                clock=self._clock,
                gauges=self._gauges,
                resolver=self._resolver,
                dns_lists=self.dns_lists,
                pressure=self._pressure,
                rates=self.rates,
                reputation=self.reputation,
                alerts=alerts,
                counters=self.counters,
                offset_minutes=self._zone_offset,
            )
        )

    async def start(self, sockets: Mapping[str, socket.socket]) -> None:
        """Begin to work on what the spool holds, and to take mail."""
        self._drop_blackhole_remains()
        self.switch(self._switches)
        self.origination.start()
        self.transport.start()
        self._delivering = asyncio.create_task(self.delivery.run())
        self._delivering.add_done_callback(self._delivery_ended)
        self.work_queue.start()
        await self.reputation.start()
        outsets = call_ahead_outsets(self.config)
        askers = self.call_aheads.plan(self.config.call_ahead_profiles, outsets)
        contexts = self._contexts(self.config, askers, self._pairs)
        self.call_aheads.use(askers, outsets)
        await self.listeners.apply(contexts, sockets)
        if self._is_leader:
            self._bootstrapping = asyncio.create_task(self._bootstrap_dns())

    async def apply(
        self,
        config: GatewayConfig,
        sockets: Mapping[str, socket.socket],
        pairs: Mapping[str, str],
    ) -> None:
        """Swap the configuration: whatever begins from now on is judged by the new one.

        What takes long is made beside the mail: to read all authorities takes 20 ms.
        """
        policy_context = await asyncio.to_thread(make_policy_context, config, self._base)
        outsets = call_ahead_outsets(config)
        askers = self.call_aheads.plan(config.call_ahead_profiles, outsets)
        self._tags = self._load_tags(config)
        # May fail: nothing has changed then.
        contexts = await asyncio.to_thread(self._contexts, config, askers, pairs)
        tls = await asyncio.to_thread(client_tls, config, self._base, pairs)
        # Also anew when only /etc/resolv.conf has changed.
        self._resolver.apply(config.dns, dns_source(config))
        use_time_zone(config.time_zone)
        self._zone_offset.forget()
        set_backlogs(config, sockets)
        self.config, self._pairs = config, pairs
        self.call_aheads.use(askers, outsets)
        self._logs.apply(config.logs, self._state.logs, config.hostname)
        self.work_queue.apply(build_pipeline(self._plan(config)), config.work_queue)
        self._pressure.limits = self._pressure_limits(config)
        self.transport.apply(config, policy_context)
        self.delivery.apply(delivery_plan(config, tls=tls, tags=self._tags))
        self.origination.apply(report_words(config))
        self.rates.count_by(config.rates.windows)
        await self.reputation.apply(config.reputation)
        await self.listeners.apply(contexts, sockets)

    def switch(self, switches: Mapping[str, Any], grace_seconds: float | None = None) -> None:
        """Do what an administrator switched; see `switches.py`.

        What is suspended goes on for `grace_seconds` with what is open; None leaves it its time.
        """
        self._switches = switches
        if self._is_stopping:
            return
        if switches.get("work_queue_paused"):
            self.work_queue.pause()
        else:
            self.work_queue.resume()
        self.delivery.redirect(redirects_of(switches))
        if is_delivery_suspended(switches):
            self.delivery.suspend()
        elif self.delivery.is_suspended:
            self.delivery.resume()
        if grace_seconds is not None:
            asyncio.get_running_loop().call_later(grace_seconds, self._end_suspended)

    def _end_suspended(self) -> None:
        """End what is still open of what is suspended now."""
        if not self._is_stopping:
            self.delivery.cut_off()
            self.listeners.end_sessions(suspended_listeners(self._switches))

    def hold(self, entry: Entry) -> None:
        """Park a message until an administrator releases it."""
        self.spool.hold(entry, OPERATOR_HOLD, "held by an administrator")
        self.log.held(entry.mid, OPERATOR_HOLD, "held by an administrator")

    def release(self, entry: Entry) -> None:
        """Let a parked message pass the work queue again."""
        since = 0.0 if entry.held is None else entry.held.at
        seconds = self._clock.time() - since if since else 0.0  # 0: an older program did not say
        self.log.released(entry.mid, entry.hold, seconds=max(0.0, seconds))
        self.spool.release(entry, State.RECEIVED)

    def flush_dns(self) -> int:
        """Forget what name servers said; return how many answers that were."""
        return self._resolver.flush()

    async def _bootstrap_dns(self) -> None:
        """Say so when no name server answers at the start (admin SYS-14)."""
        why = await self._resolver.bootstrap(self.config.hostname)
        if why and not self._is_stopping:
            text = f"Failed to bootstrap the DNS cache: {why}"
            self._alerts.alert(CRITICAL, SYSTEM, text, "dns bootstrap")

    def reopen_logs(self) -> None:
        """Go over to the new log files."""
        self._logs.reopen()

    async def stop(self, seconds: float) -> None:
        """Take no more mail, finish what is open within `seconds`, and let everything go."""
        self._is_stopping = True
        self.listeners.close()
        await asyncio.gather(self.listeners.finish(seconds), self.work_queue.close())
        await self.call_aheads.stop()
        await self.delivery.stop(seconds)
        await self._delivering
        self.transport.close()
        await self.spool.close()
        if self._kernel_sync is not None:
            self._kernel_sync.close()
        self._identifiers.close()
        await self.reputation.close()  # late: the history may take seconds, and no mail needs it
        self._resolver.close()
        self._logs.close()

    def status(self) -> dict[str, Any]:
        """Return what this worker has to say for `mailwarden status`."""
        usage = self.spool.usage()
        deleted = len(self.delivery.deleted)
        usage = usage._replace(held=max(0, usage.held - deleted))
        return {
            "connections_out": self.delivery.connections,
            "connections": self.listeners.connections,
            "received": usage.received,
            "queued": usage.queued,
            "held": usage.held,
            "work_queue": self.work_queue.depth,
            "conservation": self._pressure.look(),
            "memory_bytes": _resident_bytes(),
            "cpu_seconds": time.process_time(),
            "counters": self.all_counters(),
            "tls_connections": self.listeners.tls_connections,
            "spool": {**usage._asdict(), "deleted": deleted},
            "destinations": [
                {
                    "name": row.name,
                    "state": row.status.value,
                    "waiting": row.ready + row.waiting,
                    "connections": row.connections,
                    "next_attempt_at": row.next_attempt_at or None,
                    "last_error": row.last_error,
                }
                for row in self.delivery.destinations()[:DESTINATIONS_TOLD_MAX]
            ],
        }

    def all_counters(self) -> dict[str, int]:
        """Return what this worker has counted since its start."""
        self.counters["log_lines_lost"] = self._logs.lost
        return dict(Counter(self.counters) + Counter(self.delivery.counters))

    def gauges(self) -> dict[str, int]:
        """Return how many there are now of what is watched; cheap, however full the queue is."""
        usage = self.spool.usage()
        return {
            "connections_in": self.listeners.connections,
            "connections_out": self.delivery.connections,
            "received": usage.received,
            "queued": usage.queued,
            "held": usage.held,
            "bytes_live": usage.bytes_live,
        }

    def _delivery_ended(self, task: asyncio.Task[None]) -> None:
        """A fault of ours that ends delivery ends the worker: the next one goes on."""
        if not task.cancelled() and (error := task.exception()) is not None:
            text = f"Delivery ended with {type(error).__name__}: {error}"
            self._alerts.alert(CRITICAL, SYSTEM, text, "delivery")
            self._failed(error)

    def _drop_blackhole_remains(self) -> None:
        """Drop what a blackhole listener stored and a crash kept it from dropping."""
        remains = [e for e in self.spool.entries() if e.state is State.HELD and not e.hold]
        for entry in remains:
            rids = tuple(range(len(self.spool.load(entry).envelope.recipients)))
            self.spool.settle(entry, rids, Settlement.DROPPED)

    def _contexts(
        self,
        config: GatewayConfig,
        askers: Mapping[str, CallAhead],
        pairs: Mapping[str, str],
    ) -> dict[str, ListenerContext]:
        path = config.inbound.credentials
        verify = load_credentials(self._base / path).verify if path else None
        return count_together(
            {
                listener.name: listener_context(
                    config,
                    listener,
                    tls=server_tls(config, self._base, listener, pairs),
                    verify=verify,
                    call_ahead=askers.get(listener.call_ahead),
                    tags=self._tags,
                )
                for listener in config.listeners
            }
        )

    def _load_tags(self, config: GatewayConfig) -> BounceTags | None:
        """Return who tags senders and knows their bounces; None without keys.

        Raises:
            ValueError: the file of keys cannot be understood.
            OSError: it cannot be read.
        """
        keys = load_keys(bounce_keys_file(config))
        return BounceTags(keys, self._key_uses) if keys.keys else None

    def _plan(self, config: GatewayConfig) -> Plan:
        return work_queue_plan(config, self.spool, self.log)

    def _delivery_plan(self, config: GatewayConfig) -> DeliveryPlan:
        tls = client_tls(config, self._base, self._pairs)
        return delivery_plan(config, tls=tls, tags=self._tags)

    def _pressure_limits(self, config: GatewayConfig) -> PressureLimits:
        """Return this worker's part of what all may hold."""
        return PressureLimits(
            config.work_queue.soft_limit_messages,
            config.work_queue.hard_limit_messages,
            config.spool.size_max_bytes // self._workers,
        )

    def _spans_full(self) -> None:
        self.log.warning("More destinations have limits than can be counted; the lowest counts go")

    def _spans_stuck(self) -> None:
        self.log.warning(
            "Another worker holds the count of a destination without going on; its mail waits"
        )

    def _board_full(self, key: str) -> None:
        self.log.warning(f"No place on the board to count {key}: it is refused")


def set_backlogs(config: GatewayConfig, sockets: Mapping[str, socket.socket]) -> None:
    """Give sockets that listen already the `listen_queue` of their listeners (listen(2))."""
    for listener in config.listeners:
        if listener.name in sockets:
            sockets[listener.name].listen(listener.listen_queue)


def _kernel_sync(loop: asyncio.AbstractEventLoop) -> KernelSync | None:
    """Return who syncs without a thread; None where the kernel cannot."""
    try:
        return KernelSync(loop)
    except OSError:
        return None


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
