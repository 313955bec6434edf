"""A listener session over a transport in memory, for unit tests."""

import asyncio
import math
from collections import defaultdict
from typing import Any

from mailwarden.core.alerts import RecordedAlerts
from mailwarden.mailflow.listener.context import (
    ListenerContext,
    Parts,
    count_together,
    make_context,
)
from mailwarden.mailflow.listener.hosts import DnsLists
from mailwarden.mailflow.listener.pressure import Pressure, PressureLimits
from mailwarden.mailflow.listener.session import Session
from mailwarden.mailflow.listener.settings import InboundSettings, Listener, ListenerType
from mailwarden.services.throttling.gauges import LocalGauges
from mailwarden.services.throttling.rates import LocalRates
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.fake import FakeResolver
from mailwarden.system.log.maillog import Level, MailLog
from mailwarden.system.net.deadlines import Deadlines


class Lines(list[str]):
    """A log sink that keeps the lines, without their time and level."""

    def write(self, line: str) -> None:
        self.append(line.partition(": ")[2])


class Numbers:
    """Identifiers of each kind from 1."""

    def __init__(self) -> None:
        self._mid = self._icid = self._dcid = 0

    def next_mid(self) -> int:
        self._mid += 1
        return self._mid

    def next_icid(self) -> int:
        self._icid += 1
        return self._icid

    def next_dcid(self) -> int:
        self._dcid += 1
        return self._dcid


class MemoryTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 40000)})
        self.written = b""
        self.is_closed = False
        self.is_aborted = False
        self.is_reading_now = True

    def write(self, data: Any) -> None:
        assert not self.is_closed, "written after close"
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True

    def pause_reading(self) -> None:
        self.is_reading_now = False

    def resume_reading(self) -> None:
        self.is_reading_now = True


class Bench:
    """One listener and what its sessions share."""

    def __init__(
        self,
        kind: ListenerType = ListenerType.PUBLIC,
        *,
        inbound: InboundSettings | None = None,
        spool: MemorySpool | None = None,
        tls: Any = None,
        verify: Any = None,
        reputation: Any = None,
        **settings: Any,
    ) -> None:
        self.clock = SimulatedClock()
        self.spool = spool or MemorySpool(self.clock)
        self.lines = Lines()
        self.gauges = LocalGauges()
        self.rates = LocalRates()
        self.alerts = RecordedAlerts()
        self.counters: dict[str, int] = defaultdict(int)
        self.resolver = FakeResolver(
            {
                "25.2.0.192.in-addr.arpa": {"PTR": ["mail.partner.example"]},
                "mail.partner.example": {"A": ["192.0.2.25"]},
            }
        )
        self.pressure = Pressure(self.spool, self.clock, PressureLimits(10, 20, 0), self.alerts)
        self.parts = Parts(
            spool=self.spool,
            identifiers=Numbers(),
            log=MailLog(self.lines, None, None, level=Level.INFO, stamp=str, iso=str),
            clock=self.clock,
            gauges=self.gauges,
            resolver=self.resolver,
            dns_lists=DnsLists(self.resolver, self.clock, self.lines.append),
            reputation=reputation,
            alerts=self.alerts,
            pressure=self.pressure,
            counters=self.counters,
            rates=self.rates,
            offset_minutes=lambda: 0,
        )
        self.deadlines: Deadlines[Session] = Deadlines(self.clock)
        defaults: dict[str, Any] = {"accepted_domains": ("corp.example",), "reverse_dns": False}
        listener = Listener(name="In", type=kind, interface="Data1", **{**defaults, **settings})
        context = make_context(
            listener,
            inbound or InboundSettings(),
            interface=("Data1", "203.0.113.5", "gw1.corp.example"),
            tls=tls,
            inline_size_max_bytes=64 * 1024,
            verify=verify,
        )
        self.context: ListenerContext = count_together({"In": context})["In"]
        self.sessions: set[Session] = set()

    def began(self, session: Session) -> None:
        self.sessions.add(session)

    def ended(self, session: Session) -> None:
        self.sessions.discard(session)

    def connect(self, peer: str = "192.0.2.25") -> "Peer":
        return Peer(self, peer)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        now = self.clock.monotonic()
        for session in self.deadlines.sweep(now + 1):
            session.due(now)


class Peer:
    """A client: says things, hears replies."""

    def __init__(self, bench: Bench, peer: str) -> None:
        self.transport = MemoryTransport(peer)
        self.session = Session(bench, bench.context)
        self.session.connection_made(self.transport)

    def say(self, data: str | bytes) -> str:
        """Send `data` and return what comes back to it."""
        self.transport.written = b""
        self.session.data_received(data if isinstance(data, bytes) else data.encode())
        return self.heard()

    def heard(self) -> str:
        heard, self.transport.written = self.transport.written, b""
        return heard.decode().replace("\r\n", "\n").rstrip("\n")

    def send_message(self, content: bytes = b"Subject: x\r\n\r\nbody\r\n") -> str:
        self.say("EHLO mail.partner.example\r\n")
        self.say("MAIL FROM:<ann@partner.example>\r\nRCPT TO:<bob@corp.example>\r\nDATA\r\n")
        return self.say(content + b".\r\n")

    def vanish(self) -> None:
        self.transport.is_closed = True
        self.session.connection_lost(None)


NEVER = math.inf
