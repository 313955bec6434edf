"""Leads one message through the stations of a configuration (admin 1.6.5, `trace`).

The real code decides: a session of a listener hears a client, the work queue runs its stages,
and delivery is asked where it would go. Only the ports are others (ports.py): nothing is counted,
written, logged or sent.
"""

import asyncio
import dataclasses
import ipaddress
import random
from time import perf_counter
from typing import Final

from mailwarden.app.tracing.delivering import Delivering
from mailwarden.app.tracing.dialogue import Dialogue, Speaker
from mailwarden.app.tracing.receiving import Receiving
from mailwarden.app.tracing.report import (
    SHOWN_MAX,
    Exchange,
    Outcome,
    Section,
    TracedMessage,
    TraceReport,
)
from mailwarden.app.tracing.request import TraceError, TraceRequest
from mailwarden.app.tracing.stations import Stations, TraceParts
from mailwarden.app.tracing.watched_dns import FullResolver, WatchedResolver
from mailwarden.app.tracing.wire import Client
from mailwarden.app.tracing.working import Working, wait_until_done
from mailwarden.app.wiring_hosts import dns_source
from mailwarden.control.config.features import without_features
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.features import Feature
from mailwarden.core.mail.message import read_header_block
from mailwarden.core.mail.received import resolve_by
from mailwarden.mailflow.listener.session import Session
from mailwarden.mailflow.listener.settings import Listener
from mailwarden.mailflow.workqueue.workqueue import WorkQueue
from mailwarden.stores.spool.spool import Entry
from mailwarden.system.dns.client import CachingResolver

__all__ = ["TraceError", "TraceParts", "TraceRequest", "trace"]

HEADER_BYTES_SHOWN_MAX: Final = 64 * 1024
_PROXY_HEADER: Final = b"PROXY UNKNOWN\r\n"  # from a proxy that speaks for itself
_COUNTS: Final = (
    "Counts by the hour and numbers of connections begin at zero here: those of the gateway are "
    "not looked at."
)


async def trace(config: GatewayConfig, request: TraceRequest, parts: TraceParts) -> TraceReport:
    """Return what `config` would do with a message, which goes nowhere.

    The DNS is asked, and others only as far as `request` says. What is not known within
    `parts.timeout_seconds` is left out.

    Raises:
        TraceError: the request makes no sense, or a file of the configuration cannot be used.
    """
    config = without_features(config, parts.dormant)
    listener = request.listener_of(config)
    address = str(ipaddress.ip_address(request.client_address))
    request = dataclasses.replace(request, client_address=address)
    return await _Run(config, listener, request, parts).run()


class _Run:
    """One trace, and what is known of it so far."""

    def __init__(
        self, config: GatewayConfig, listener: Listener, request: TraceRequest, parts: TraceParts
    ) -> None:
        self._config: Final = config
        self._listener: Final = listener
        self._request: Final = request
        self._parts: Final = parts
        inner = _make_resolver(config, parts)
        self._resolver: Final = WatchedResolver(inner, request.client_address, request.client_name)
        self._stations: Final = Stations(config, request, parts, self._resolver)
        self._working: Final = Working(
            config, listener, self._stations.recorder, self._stations.spool
        )
        self._session: Session | None = None
        self._dialogue = Dialogue()
        self._exchanges: list[Exchange] = []
        self._messages: list[TracedMessage] = []
        self._is_finished = False

    async def run(self) -> TraceReport:
        started = perf_counter()
        try:
            async with asyncio.timeout(self._parts.timeout_seconds):
                await self._receive()
                if self._dialogue.is_accepted:
                    await self._work()
                    await self._deliver()
                self._is_finished = True
        except TimeoutError:
            pass
        finally:
            await self._stations.close()
        return self._report((perf_counter() - started) * 1e6)

    # The stations.

    async def _receive(self) -> None:
        listeners, context = await self._stations.listeners(self._listener)
        self._session = session = Session(listeners, context)
        client = Client(session, self._request.client_address)
        self._exchanges = client.exchanges
        speaker = Speaker(self._request, session, client, self._stations.recorder)
        self._dialogue = speaker.dialogue
        first = b""
        if context.proxies.find(self._request.client_address) is not None:
            first = _PROXY_HEADER
        await speaker.speak(first=first, has_implicit_tls=self._listener.implicit_tls)

    async def _work(self) -> None:
        stations = self._stations
        queue = WorkQueue(
            stations.spool,
            self._working.watch(stations.stages()),
            self._config.work_queue,
            identifiers=stations.numbers,
            log=stations.recorder.log,
            clock=self._parts.clock,
            counters=stations.counters,
        )
        try:
            queue.start()
            await wait_until_done(queue)
        finally:
            await queue.close()

    async def _deliver(self) -> None:
        delivering = Delivering(self._stations.delivery())
        for entry in list(self._stations.spool.entries())[:SHOWN_MAX]:
            message = self._message(entry, self._config.hostname)
            self._messages.append(message)
            if message.outcome is not Outcome.QUEUED:
                continue
            envelope = self._stations.spool.load(entry).envelope
            rids = tuple(entry.open_rids(len(envelope.recipients)))
            found = await delivering.destinations(envelope, rids)
            if found:  # what is left open in the header is decided by the connection (2.3)
                message = self._message(entry, found[0].hello)
            self._messages[-1] = dataclasses.replace(message, destinations=tuple(found))

    def _message(self, entry: Entry, hostname: str) -> TracedMessage:
        stored = self._stations.spool.load(entry)
        envelope = stored.envelope
        outcome, why = self._working.state_of(entry)
        block = resolve_by(stored.header, hostname)
        block += read_header_block(stored.content)
        lines = block[:HEADER_BYTES_SHOWN_MAX].decode("utf-8", "surrogateescape").split("\r\n")
        open_rids = entry.open_rids(len(envelope.recipients))
        return TracedMessage(
            mid=entry.mid,
            parent=envelope.parent,
            outcome=outcome,
            why=why,
            policy=envelope.policy,
            sender=envelope.sender,
            recipients=tuple(envelope.recipients[rid].address for rid in open_rids)[:SHOWN_MAX],
            size=entry.size,
            header=tuple(line for line in lines if line),
        )

    # The report.

    def _report(self, microseconds: float) -> TraceReport:
        request, recorder = self._request, self._stations.recorder
        outcome, sections = self._outcome(), tuple(self._sections())
        return TraceReport(
            configuration=self._parts.configuration,
            listener=request.listener,
            client_address=request.client_address,
            sender=request.sender,
            recipients=request.recipients,
            outcome=outcome,
            verdict=self._verdict(outcome),
            exchanges=tuple(self._exchanges),
            sections=sections,
            messages=tuple(map(self._with_policy, self._messages)),
            lookups=tuple(self._resolver.lookups[:SHOWN_MAX]),
            log=tuple(f"{e.level.capitalize()}: {e.text}" for e in recorder.events[:SHOWN_MAX]),
            notes=(_COUNTS, *self._switched_off(), *self._stations.notes),
            microseconds=microseconds,
        )

    def _with_policy(self, message: TracedMessage) -> TracedMessage:
        policy = message.policy or self._working.policy_of(message.mid, message.parent)
        return dataclasses.replace(message, policy=policy)

    def _sections(self) -> list[Section]:
        if self._session is None:
            return []
        receiving = Receiving(self._request, self._session, self._dialogue, self._stations.recorder)
        found = list(receiving.sections())
        if self._working.passages:
            found.append(self._working.section(self._stations.absent_stages()))
        return found

    def _outcome(self) -> Outcome:
        if not self._is_finished:
            return Outcome.UNFINISHED
        if not self._dialogue.is_accepted:
            return Outcome.REFUSED
        if not self._messages:
            return Outcome.DROPPED
        outcomes = {message.outcome for message in self._messages}
        for each in (Outcome.QUEUED, Outcome.DEFERRED):
            if each in outcomes:
                return each
        return Outcome.HELD

    def _verdict(self, outcome: Outcome) -> str:
        match outcome:
            case Outcome.UNFINISHED:
                return f"not finished within {self._parts.timeout_seconds:g} seconds"
            case Outcome.REFUSED:
                last = self._dialogue.failure or self._refusal()
                return f"the message is refused: {last}"
            case Outcome.DROPPED:
                return "the message is taken, and dropped"
            case Outcome.HELD:
                return "the message is taken, and held"
            case Outcome.DEFERRED:
                return "the message is taken; the work queue tries again later"
            case Outcome.QUEUED:
                return "the message is taken, and goes on to delivery"

    def _switched_off(self) -> tuple[str, ...]:
        names = [each.title for each in Feature if each in self._parts.dormant]
        return (f"Features that are switched off: {', '.join(names)}.",) if names else ()

    def _refusal(self) -> str:
        """Return the reply that left nothing to be taken."""
        refused = [each for each in self._exchanges if not 200 <= each.code < 400]
        return refused[-1].reply if refused else "nothing was said"


def _make_resolver(config: GatewayConfig, parts: TraceParts) -> FullResolver:
    """Return a resolver that remembers nothing of others, and is forgotten."""
    if parts.make_resolver is not None:
        return parts.make_resolver(config)
    return CachingResolver(
        config.dns,
        loop=asyncio.get_running_loop(),
        clock=parts.clock,
        randomness=random.SystemRandom(),
        source=dns_source(config),
    )
