"""Which servers are asked about a recipient, in which order (mailflow 2.8)."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

from mailwarden.core.hostport import HostPort, parse_hostname, parse_hostport
from mailwarden.core.mail.envelope import domain_of
from mailwarden.core.routes import RouteKind, RouteTable, address_of
from mailwarden.services.call_ahead.settings import DEFAULT_PORT
from mailwarden.system.dns.resolver import (
    NULL_MX,
    NameNotFoundError,
    ResolutionError,
    Resolver,
)

SERVERS_TRIED_MAX: Final = 5  # for one question
HOSTS_LOOKED_UP_MAX: Final = 10  # of one question
ADDRESSES_MAX: Final = 4  # of a host


class Endpoint(NamedTuple):
    """Something to connect to."""

    address: str
    port: int

    def __str__(self) -> str:
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"{shown}:{self.port}"


class NoServerError(Exception):
    """There is nobody to ask; the text says why."""


class NothingToAskError(Exception):
    """Mail for this recipient goes to no server: it is taken without a question."""


class ServerFinder:
    """Finds the servers of one profile; `turn` of its methods counts the questions.

    `ourselves` are the addresses and ports of our own listeners: a question to ourselves would
    lead to the next one.
    """

    __slots__ = ("_ourselves", "_port", "_resolver", "_routes", "_static")

    def __init__(
        self,
        servers: Sequence[str],
        resolver: Resolver,
        routes: RouteTable,
        ourselves: frozenset[tuple[str, int]],
        port: int = DEFAULT_PORT,
    ) -> None:
        self._static: Final = [parse_hostport(s, default_port=DEFAULT_PORT) for s in servers]
        self._resolver: Final = resolver
        self._routes: Final = routes
        self._ourselves: Final = ourselves
        self._port: Final = port

    async def find(self, recipient: str, turn: int) -> Sequence[Endpoint]:
        """Return the servers to try for `recipient`, best first, at least one.

        Raises:
            NoServerError: none is known.
            NothingToAskError: none is needed.
        """
        errors: list[str] = []
        found: list[Endpoint] = []
        for host in self._hosts(recipient, turn)[:HOSTS_LOOKED_UP_MAX]:
            for endpoint in await self._endpoints(host, errors):
                if tuple(endpoint) in self._ourselves:
                    errors.append(f"{endpoint} is this gateway")
                elif endpoint not in found:
                    found.append(endpoint)
            if len(found) >= SERVERS_TRIED_MAX:
                break
        if not found:
            raise NoServerError(errors[0] if errors else "no server is known")
        return found[:SERVERS_TRIED_MAX]

    def _hosts(self, recipient: str, turn: int) -> list[HostPort]:
        if self._static:  # round robin
            start = turn % len(self._static)
            return self._static[start:] + self._static[:start]
        domain = domain_of(recipient)
        route = self._routes.find(domain)
        kind = RouteKind.USEDNS if route is None else route.kind
        if route is not None and kind is RouteKind.HOSTS:
            ordered: list[HostPort] = []
            for _, group in groupby(route.hosts, key=lambda host: host.priority):
                equals = [HostPort(host.host, host.port, host.is_address) for host in group]
                start = turn % len(equals)
                ordered += equals[start:] + equals[:start]
            return ordered
        if kind is not RouteKind.USEDNS:
            raise NothingToAskError(f"mail for {domain} goes to no server")
        address = address_of(domain)
        if address:
            return [HostPort(address, self._port, is_address=True)]
        try:
            return [HostPort(parse_hostname(domain), self._port, is_address=False)]
        except ValueError as error:
            raise NoServerError(str(error)) from error

    async def _endpoints(self, host: HostPort, errors: list[str]) -> Sequence[Endpoint]:
        """Return where `host` is reached: its MX hosts, without any itself."""
        if host.is_address:
            return (Endpoint(host.host, host.port),)
        try:
            exchangers = await self._resolver.resolve_mx(host.host)
        except (NameNotFoundError, ResolutionError) as error:
            errors.append(f"DNS: {error}")
            return ()
        if exchangers == (NULL_MX,):
            errors.append(f"{host.host} takes no mail")
            return ()
        names = [mx.host for mx in exchangers if mx.host][:SERVERS_TRIED_MAX] or [host.host]
        found: list[Endpoint] = []
        for name in names:
            try:
                addresses = await self._resolver.resolve_addresses(name)
            except (NameNotFoundError, ResolutionError) as error:
                errors.append(f"DNS: {error}")
                continue
            found += [Endpoint(address, host.port) for address in addresses[:ADDRESSES_MAX]]
            if not addresses:
                errors.append(f"DNS: {name} has no address")
        return found
