"""Alerts in the management process: taken from everybody, kept, and sent (admin 8.5)."""

import asyncio
import os
import random
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Protocol

from mailwarden import __version__
from mailwarden.app.channel import Packet
from mailwarden.app.wiring_hosts import dns_source
from mailwarden.control.answers.system_status import render_system_status
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.operations.gateway import Answer, GatewayError, Request
from mailwarden.core.routes import RouteTable
from mailwarden.services.alerts.sending import ServerSender
from mailwarden.services.alerts.service import AlertService, Means, Situation
from mailwarden.system.clock.clock import Clock
from mailwarden.system.crypto.tls import client_context
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.files.files import SystemFiles

FILE: Final = "alerts.json"


class Link(Protocol):
    """The supervisor, who hands alerts over and hears which of them are kept."""

    def say(self, what: str, **more: object) -> None:
        """Tell it something."""
        ...

    def ask(self, request: Request) -> AsyncIterator[Answer]:
        """Yield its answers; raises GatewayError."""
        ...


class LinkedLog:
    """The system's log, which the supervisor writes."""

    def __init__(self, link: Link) -> None:
        self._link: Final = link

    def info(self, text: str) -> None:
        """Say that something normal happened."""
        self._link.say("log", text=text)

    def warning(self, text: str) -> None:
        """Say that something deserves a look."""
        self._link.say("warn", text=text)


class Alerting:
    """The alerts of the gateway; `service` is for whoever raises some or shows the last ones.

    `folder` is the management process's own. To be made on the event loop.
    """

    def __init__(self, folder: Path, link: Link, clock: Clock, config: GatewayConfig) -> None:
        self._link: Final = link
        self._clock: Final = clock
        self._resolver: Final = CachingResolver(
            config.dns,
            loop=asyncio.get_running_loop(),
            clock=clock,
            randomness=random.SystemRandom(),
            source=dns_source(config),
        )
        # Of those that the supervisor handed over: how many there were of all, and its number.
        self._taken: Final[deque[tuple[int, int]]] = deque()
        means = Means(
            resolver=self._resolver,
            sender=ServerSender(client_context("", verify=False)),
            clock=clock,
            randomness=random.SystemRandom(),
            files=SystemFiles(),
            path=os.fspath(folder / FILE),
            log=LinkedLog(link),
            report=self._report,
            on_kept=self._kept,
        )
        self.service: Final = AlertService(means, situation_of(config))

    async def run(self) -> None:
        """Send what there is, until cancelled."""
        await self.service.run()

    def follow(self, config: GatewayConfig) -> None:
        """Go on under another configuration."""
        self._resolver.apply(config.dns, dns_source(config))
        self.service.apply(situation_of(config))

    def take(self, packet: Packet) -> None:
        """Take what the supervisor hands over."""
        for _ in range(packet["times"]):
            self.service.take_packet(packet)
        self._taken.append((self.service.taken, packet["number"]))

    def close(self) -> None:
        """Keep what has come since the end of `run`, and let everything go."""
        self.service.save()
        self._resolver.close()

    def _kept(self, count: int) -> None:
        number = 0
        while self._taken and self._taken[0][0] <= count:
            number = self._taken.popleft()[1]
        if number:
            self._link.say("kept", number=number)

    async def _report(self) -> str:
        """Return what the weekly report says (SYS-34)."""
        try:
            status = await self._first({"command": "status"})
            oldest = await self._first({"command": "queue_oldest"})
        except GatewayError as error:
            raise OSError(str(error)) from error
        message = oldest.get("message") or {}
        lines = render_system_status(
            status, self._clock.time(), message.get("received_at"), is_detailed=False
        )
        return "\n".join([f"Mailwarden {__version__}", "", *lines])

    async def _first(self, request: Request) -> Answer:
        found: Answer = {}
        async for answer in self._link.ask(request):
            found = found or answer
        return found


def situation_of(config: GatewayConfig) -> Situation:
    """Return what the configuration says of alerts."""
    return Situation(config.alerts, config.hostname, RouteTable(config.smtp_routes))
