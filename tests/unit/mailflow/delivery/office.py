"""Delivery with everything around it in memory, for tests."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Self

from mailwarden.core.alerts import RecordedAlerts
from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.core.policy.bounce_profile import BounceProfile, Profiles
from mailwarden.core.policy.destinations import DestinationIndex, DestinationRow, table_of
from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.delivery.delivery import Delivery
from mailwarden.mailflow.delivery.plan import Plan, TlsContexts
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.mailflow.delivery.shared import Means
from mailwarden.mailflow.delivery.transport_security import TransportSecurity
from mailwarden.services.throttling.gauges import LocalGauges
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import Entry, Report, State, Stored
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.fake import FakeResolver
from mailwarden.system.log.maillog import Level, MailLog
from tests.unit.mailflow.delivery.servers import stop_all

CONTENT = b"Subject: hello\r\n\r\nHello.\r\n"
HEADER = b"Received: from a\r\n  by b\r\n"


class Lines(list):
    """A sink whose lines can be looked at, without their stamps."""

    def write(self, line: str) -> None:
        self.append(line.partition(" Info: ")[2] or line)


class Numbers:
    def __init__(self) -> None:
        self._mids, self._icids, self._dcids = count(7001), count(501), count(88)

    def next_mid(self) -> int:
        return next(self._mids)

    def next_icid(self) -> int:
        return next(self._icids)

    def next_dcid(self) -> int:
        return next(self._dcids)


def contexts() -> TlsContexts:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    verifying = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    verifying.check_hostname = False
    return TlsContexts(trusting, verifying)


class Office:
    """A gateway that only delivers. `lines` are the mail log, `bounces` the bounce log."""

    def __init__(
        self,
        *,
        routes: Mapping[str, str] | None = None,
        zone: Mapping[str, Mapping[str, list[str]]] | None = None,
        settings: DeliverySettings | None = None,
        destinations: Mapping[str, DestinationRow] | None = None,
        profiles: Mapping[str, BounceProfile] | None = None,
        tls: TlsContexts | None = None,
        **plan: object,
    ) -> None:
        self.clock = SimulatedClock()
        self.spool = MemorySpool(self.clock)
        self.lines, self.bounces = Lines(), Lines()
        self.log = MailLog(
            self.lines, None, self.bounces, level=Level.INFO, stamp=lambda: "now", iso=str
        )
        self.resolver = FakeResolver(zone or {})
        self.alerts = RecordedAlerts()
        self.gauges = LocalGauges()
        self.numbers = Numbers()
        self.security: TransportSecurity | None = None
        self.reports: list[Report] = []
        self.plan = Plan(
            settings=settings or DeliverySettings(),
            hostname="gw1.corp.example",
            routes=RouteTable(routes or {}),
            destinations=DestinationIndex(table_of(destinations or {})),
            profiles=Profiles(profiles or {}),
            tls=tls or contexts(),
            **plan,
        )
        self.spool.take_reports(lambda entry, report: self.reports.append(report))
        self.delivery: Delivery

    async def __aenter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        self.delivery = Delivery(
            self.plan,
            Means(
                spool=self.spool,
                log=self.log,
                resolver=self.resolver,
                gauges=self.gauges,
                identifiers=self.numbers,
                clock=self.clock,
                random=random.Random(1),
                loop=asyncio.get_running_loop(),
                security=self.security,
                alerts=self.alerts,
            ),
        )
        self._task = asyncio.create_task(self.delivery.run())

    async def __aexit__(self, *error: object) -> None:
        await self.stop()
        if error[0] is not None:
            await stop_all()

    async def stop(self) -> None:
        await self.delivery.stop(0)
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await asyncio.sleep(0)

    def put(
        self,
        *recipients: str | Recipient,
        sender: str = "ann@corp.example",
        content: bytes = CONTENT,
        header: bytes = HEADER,
        **fields: object,
    ) -> Entry:
        """Put a message into the spool, ready for delivery."""
        mid = self.numbers.next_mid()
        made = tuple(r if isinstance(r, Recipient) else Recipient(r) for r in recipients)
        envelope = Envelope(
            mid=mid,
            icid=1,
            sender=sender,
            recipients=made,
            received_at=self.clock.time(),
            **fields,
        )
        entries: list[Entry] = []
        self.spool.put(
            Stored(envelope, header, InlineContent(content)),
            State.QUEUED,
            lambda entry, failure: entries.append(entry),
        )
        return entries[0]

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until `condition` holds."""
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.002)

    async def empty(self) -> None:
        """Wait until nothing is left to deliver."""
        await self.until(lambda: not list(self.spool.entries()))

    async def logged(self, text: str, times: int = 1) -> None:
        """Wait until `text` has been logged."""
        await self.until(lambda: sum(text in line for line in self.lines) >= times, text)

    def with_text(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]

    async def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass, as the ticks of a real gateway would see it."""
        left = seconds
        while left > 0:
            self.clock.advance(min(step, left))
            left -= step
            self.delivery.sweep()
            await asyncio.sleep(0)

    def attempts(self) -> Iterator[str]:
        return (line for line in self.lines if line.startswith("Delivery start"))
