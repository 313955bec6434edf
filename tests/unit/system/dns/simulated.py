"""The resolver without a network: name servers that are tables."""

import asyncio
import random
from typing import Any

from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.dns.fake import Zone
from mailwarden.system.dns.servers import Server
from mailwarden.system.dns.settings import DnsSettings
from mailwarden.system.dns.transport import Accept
from mailwarden.system.dns.wire import Message, WireError, parse_message
from tests import dns_server


class SimulatedTransport:
    """Servers by name (`192.0.2.1:53`), each with its zone; one that is missing is unreachable.

    A server that would leave the asker waiting times out at once. While `gate` is not set,
    answers are held back.
    """

    def __init__(self, servers: dict[str, Zone]) -> None:
        self.servers = servers
        self.asked: list[tuple[str, str, str]] = []  # server, name in wire form, transport
        self.queries: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def ask_udp(self, server: Server, query: bytes, accept: Accept) -> Message:
        return await self._answer(server, query, accept, "udp")

    async def ask_tcp(self, server: Server, query: bytes, accept: Accept) -> Message:
        return await self._answer(server, query, accept, "tcp")

    async def _answer(self, server: Server, query: bytes, accept: Accept, over: str) -> Message:
        name = query[12 : query.index(b"\0", 12)]
        self.asked.append((server.name, "".join(map(chr, name)), over))
        self.queries.append(query)
        await self.gate.wait()
        if server.name not in self.servers:
            raise ConnectionRefusedError(111, "Connection refused")
        zone = self.servers[server.name]
        _, wires = dns_server.answers(zone, query, tcp=over == "tcp")
        for wire in wires:
            if len(wire) > 4096 and over == "udp":
                raise WireError("its answer has more than 4096 bytes")
            message = accept(wire)
            if message is not None:
                return message
        raise TimeoutError

    def names(self) -> list[str]:
        """Return the names that were asked for, over UDP."""
        return [_spoken(query) for query in self.queries]


def _spoken(query: bytes) -> str:
    # A question alone is no answer: pretend for reading its name.
    message = parse_message(query[:2] + b"\x80\0\0\1" + bytes(6) + query[12:])
    labels, at = [], 0
    while length := message.name[at]:
        labels.append(message.name[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels)


class Bench:
    """A resolver, its servers and its clock."""

    def __init__(self, *zones: Zone, **settings: Any) -> None:
        """The servers are asked in the order of their zones, unless `servers` says otherwise."""
        names = [f"192.0.2.{number}:53" for number in range(1, len(zones) + 1)]
        ordered = tuple(f"{name}/pri={number}" for number, name in enumerate(names))
        self.clock = SimulatedClock()
        self.clock.advance(5000)
        self.transport = SimulatedTransport(dict(zip(names, zones, strict=True)))
        self.settings = DnsSettings(**{"servers": ordered, **settings})
        self.resolver = CachingResolver(
            self.settings,
            loop=asyncio.get_running_loop(),
            clock=self.clock,
            randomness=random.Random(7),
            transport=self.transport,
        )

    @property
    def asked(self) -> list[str]:
        """Return which server each question went to; empties the list."""
        servers = [server for server, _, _ in self.transport.asked]
        self.transport.asked.clear()
        return servers
