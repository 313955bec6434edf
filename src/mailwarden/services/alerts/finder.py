"""Where alert mail goes: SMTP routes, else MX and address records, kept for when DNS is dead.

Answers are used for half an hour and then asked for anew, for all recipients and before anybody
needs them. While nobody answers, the last answers stay in use, for as long as alert mail is tried
at all (admin 8.5, SYS-33).
"""

import asyncio
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from mailwarden.core.hostport import HostPort, parse_hostname
from mailwarden.core.routes import Route, RouteKind, RouteTable, address_of
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import NULL_MX, NameNotFoundError, ResolutionError, Resolver

SMTP_PORT: Final = 25
KEPT_SECONDS: Final = 1800.0  # before an answer is asked for anew
STALE_SECONDS_MAX: Final = 3 * 86_400.0  # that it is used for when nobody answers
LOOK_UP_SECONDS: Final = 30.0  # for all questions about one domain
LOOK_UPS_AT_ONCE: Final = 10
ENDPOINTS_MAX: Final = 8  # kept of a domain
ADDRESSES_MAX: Final = 4  # of a host
HOSTS_MAX: Final = 10  # looked up of a domain


class Endpoint(NamedTuple):
    """Something to connect to."""

    address: str
    port: int

    def __str__(self) -> str:
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"{shown}:{self.port}"


class NoServerError(Exception):
    """Nobody takes mail for a domain, or nobody knows who; the text says why."""


class NotSentError(Exception):
    """A route says that mail for the domain is not sent anywhere."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a domain under a route; both times are monotonic seconds."""

    route: str  # as `route_key` writes it
    endpoints: tuple[Endpoint, ...]
    asked_at: float


class Finder:
    """Finds servers. `kept` may be saved, and given to `restore` after a start."""

    def __init__(
        self, resolver: Resolver, routes: RouteTable, clock: Clock, randomness: random.Random
    ) -> None:
        self._resolver: Final = resolver
        self._routes = routes
        self._clock: Final = clock
        self._random: Final = randomness
        self.kept: dict[str, Kept] = {}

    def apply(self, routes: RouteTable) -> None:
        """Go by other routes from now on."""
        self._routes = routes

    def restore(self, kept: Mapping[str, Kept]) -> None:
        """Use what was known before a start, until there is something newer."""
        self.kept = {**kept, **self.kept}

    async def find(self, domain: str) -> tuple[Endpoint, ...]:
        """Return the servers to try for `domain`, best first, at least one.

        Raises:
            NoServerError: there is none, or none is known.
            NotSentError: mail for the domain goes to no server.
        """
        route = self._route(domain)
        kept = self._known(domain, route, KEPT_SECONDS)
        if kept is not None:
            return kept.endpoints
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return await self._look_up(domain, route)
        except (ResolutionError, TimeoutError) as error:
            kept = self._known(domain, route, STALE_SECONDS_MAX)
            if kept is not None:
                return kept.endpoints
            raise NoServerError(f"DNS: {error or 'no answer'}") from error

    async def refresh(self, domains: Iterable[str]) -> bool:
        """Ask for what is not known or half an hour old; return whether anything is new."""
        wanted = frozenset(domains)
        before = dict(self.kept)
        self.kept = {domain: kept for domain, kept in before.items() if domain in wanted}
        turns = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

        async def ask(domain: str) -> None:
            async with turns:
                try:
                    await self.find(domain)
                except (NoServerError, NotSentError):
                    return  # whoever has mail for it will say so

        async with asyncio.TaskGroup() as group:
            for domain in wanted:
                group.create_task(ask(domain))
        return self.kept != before

    def _route(self, domain: str) -> Route | None:
        route = self._routes.find(domain)
        if route is None or route.kind is RouteKind.USEDNS:
            return None
        if route.kind is not RouteKind.HOSTS:
            raise NotSentError(f"the SMTP route of {domain} is {route.kind.value}")
        return route

    def _known(self, domain: str, route: Route | None, seconds: float) -> Kept | None:
        kept = self.kept.get(domain)
        if kept is None or kept.route != route_key(route):
            return None
        return kept if self._clock.monotonic() - kept.asked_at < seconds else None

    async def _look_up(self, domain: str, route: Route | None) -> tuple[Endpoint, ...]:
        """Raises NoServerError where DNS says that there is none, ResolutionError if it is mute."""
        found: dict[Endpoint, None] = {}
        failures: list[ResolutionError | NameNotFoundError | NoServerError] = []
        for host in self._hosts(domain, route)[:HOSTS_MAX]:
            try:
                for endpoint in await self._endpoints(host, failures):
                    found[endpoint] = None
            except (ResolutionError, NameNotFoundError, NoServerError) as error:
                failures.append(error)
            if len(found) >= ENDPOINTS_MAX:
                break
        endpoints = tuple(found)[:ENDPOINTS_MAX]
        if endpoints:
            self.kept[domain] = Kept(route_key(route), endpoints, self._clock.monotonic())
            return endpoints
        for failure in failures:
            if isinstance(failure, ResolutionError):
                raise failure
        self.kept.pop(domain, None)
        raise NoServerError(f"DNS: {failures[0]}" if failures else f"{domain} has no address")

    def _hosts(self, domain: str, route: Route | None) -> list[HostPort]:
        if route is not None:
            ordered: list[HostPort] = []
            for _, group in groupby(route.hosts, key=lambda host: host.priority):
                equals = [HostPort(host.host, host.port, host.is_address) for host in group]
                self._random.shuffle(equals)
                ordered += equals
            return ordered
        address = address_of(domain)
        if address:
            return [HostPort(address, SMTP_PORT, is_address=True)]
        try:
            return [HostPort(parse_hostname(domain), SMTP_PORT, is_address=False)]
        except ValueError as error:
            raise NoServerError(str(error)) from error

    async def _endpoints(
        self, host: HostPort, failures: list[ResolutionError | NameNotFoundError | NoServerError]
    ) -> list[Endpoint]:
        if host.is_address:
            return [Endpoint(host.host, host.port)]
        exchangers = await self._resolver.resolve_mx(host.host)
        if exchangers == (NULL_MX,):  # RFC 7505
            raise NoServerError(f"{host.host} takes no mail")
        names: list[str] = []
        for _, group in groupby(exchangers, key=lambda mx: mx.preference):
            equals = [mx.host for mx in group if mx.host]
            self._random.shuffle(equals)  # RFC 5321, 5.1
            names += equals
        found: list[Endpoint] = []
        for name in names[:HOSTS_MAX] or [host.host]:
            try:
                addresses = await self._resolver.resolve_addresses(name)
            except (ResolutionError, NameNotFoundError) as error:
                failures.append(error)
                continue
            found += [Endpoint(address, host.port) for address in addresses[:ADDRESSES_MAX]]
        return found


def route_key(route: Route | None) -> str:
    """Return a route as text that is equal where the route is; "" is that of DNS."""
    if route is None:
        return ""
    return " ".join(f"{host.host}:{host.port}/{host.priority}" for host in route.hosts)
