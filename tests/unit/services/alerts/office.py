"""Alerts with everything around them in memory: disk, clock, name server, mail servers."""

import asyncio
import email
import email.policy
import random
from email.message import EmailMessage
from typing import Any

from mailwarden.core.routes import RouteTable
from mailwarden.services.alerts.finder import Endpoint
from mailwarden.services.alerts.sending import Answer, Fate
from mailwarden.services.alerts.service import AlertService, Means, Situation
from mailwarden.services.alerts.settings import AlertRecipient, AlertSettings
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.fake import FakeResolver, Zone
from mailwarden.system.files.simulated import SimulatedDisk

PATH = "/state/alerts.json"
HOST = "mail3.example.com"
ZONE: Zone = {
    "corp.example": {"MX": ["10 mx1.corp.example", "20 mx2.corp.example"]},
    "mx1.corp.example": {"A": ["192.0.2.1"]},
    "mx2.corp.example": {"A": ["192.0.2.2"]},
    "partner.example": {"A": ["192.0.2.9"]},
}
OPS = "ops@corp.example"


class Servers:
    """Mail servers that take all mail, but for those in `answers`."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}  # by address of the server
        self.asked: list[str] = []  # servers
        self.taken: list[tuple[str, str, EmailMessage]] = []  # server, recipient, mail

    async def send(
        self, endpoint: Endpoint, address: str, content: bytes, hello: str, now: float
    ) -> Answer:
        assert hello == HOST
        self.asked.append(endpoint.address)
        answer = self.answers.get(endpoint.address, Answer(Fate.DELIVERED, "250 ok"))
        if answer.fate is Fate.DELIVERED:
            message = email.message_from_bytes(content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            assert not message.defects
            self.taken.append((endpoint.address, address, message))
        return answer


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, text: str) -> None:
        self.lines.append(text)

    def warning(self, text: str) -> None:
        self.lines.append(f"Warning: {text}")


class Office:
    """`start` makes the service, and may be called again: that is a restart."""

    def __init__(self, **changes: Any) -> None:
        self.clock = SimulatedClock()
        self.resolver = FakeResolver(dict(ZONE))
        self.servers = Servers()
        self.files = SimulatedDisk()
        self.files.make_directory("/state")
        self.log = Lines()
        self.report_text = "Up since Monday"
        self.start(**changes)

    async def report(self) -> str:
        return self.report_text

    def situation(self, routes: dict[str, str] | None = None, **changes: Any) -> Situation:
        fields: dict[str, Any] = {
            "recipients": {OPS: AlertRecipient()},
            "initial_wait_seconds": 5.0,
            "max_wait_seconds": 60.0,
        }
        return Situation(AlertSettings(**(fields | changes)), HOST, RouteTable(routes or {}))

    def start(self, **changes: Any) -> None:
        self.service = AlertService(
            Means(
                self.resolver, self.servers, self.clock, random.Random(7), self.files, PATH,
                self.log, self.report,
            ),
            self.situation(**changes),
        )  # fmt: skip

    async def work(self) -> None:
        """Do all that is due now."""
        self.service.look()
        await self.service.look_at_week()
        async with asyncio.TaskGroup() as group:
            self.service.send_due(group)

    async def pass_time(self, seconds: float, step: float = 1.0) -> None:
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            await self.work()

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for _, _, message in self.servers.taken]

    @property
    def texts(self) -> list[str]:
        return [message.get_content() for _, _, message in self.servers.taken]
