"""Which hosts of a next hop are tried, in which order (RFC 5321, 5.1; mailflow 7.1)."""

from collections import deque
from collections.abc import Sequence
from itertools import groupby
from random import Random
from typing import Final, NamedTuple

from mailwarden.core.routes import RouteHost
from mailwarden.mailflow.delivery.failure import (
    BAD_HOST,
    NO_REPLY,
    NO_SERVICE,
    ROUTING_LOOP,
    Failure,
)
from mailwarden.mailflow.delivery.nexthop import SMTP_PORT, HopKind, NextHop
from mailwarden.system.dns.resolver import (
    NULL_MX,
    MxHost,
    NameNotFoundError,
    ResolutionError,
    Resolver,
)

MX_HOSTS_MAX: Final = 20  # of a domain; more are not looked at
ADDRESSES_MAX: Final = 8  # of a host


class Endpoint(NamedTuple):
    """Something to connect to."""

    host: str  # name of the host, or its address where no name is known
    address: str
    port: int
    domain: str = ""  # name that led to the host; "" when it was named itself


class Ourselves(NamedTuple):
    """How an MX record can mean this gateway."""

    names: frozenset[str] = frozenset()
    endpoints: frozenset[tuple[str, int]] = frozenset()  # address and port of our listeners


class HostFinder(NamedTuple):
    """What a search needs to know."""

    resolver: Resolver
    random: Random
    ourselves: Ourselves = Ourselves()
    port: int = SMTP_PORT  # of hosts that no route names
    prefer_ipv6: bool = False

    def search(self, hop: NextHop, turn: int) -> "HostSearch":
        """Return a search for the hosts of `hop`; `turn` counts the connections to it."""
        return HostSearch(self, hop, turn)


class _Exchangers(NamedTuple):
    """MX hosts of equal preference, still without addresses."""

    domain: str
    names: tuple[str, ...]
    port: int


class HostSearch:
    """Gives the endpoints of a next hop group by group, best first; looks up no more than asked.

    When nothing is found, `failure` says why.
    """

    __slots__ = (
        "_finder",
        "_hop",
        "_steps",
        "failure",
        "found",
        "has_alternatives",
        "mx_hosts",
        "preferences",
    )

    def __init__(self, finder: HostFinder, hop: NextHop, turn: int) -> None:
        self._finder: Final = finder
        self._hop: Final = hop
        self._steps: deque[RouteHost | _Exchangers] = deque()
        self.failure: Failure | None = None
        self.found: list[Endpoint] = []  # all that were given so far
        self.preferences: dict[str, int] = {}  # of hosts: in MX records, or in the route
        self.has_alternatives = False  # whether there is more than one host
        self.mx_hosts: tuple[str, ...] = ()  # best first, once `look_up` has found them
        if hop.kind is HopKind.MX:
            self._steps.append(RouteHost(hop.domain, finder.port, 0, is_address=False))
        elif hop.kind is HopKind.NOWHERE:
            self._fail(f"{hop.domain!r} is not a host name", permanent=True)
        else:
            self._steps += _in_turn(hop.hosts, turn)
            self.has_alternatives = len(hop.hosts) > 1

    async def look_up(self) -> None:
        """Find the MX hosts of a next hop that has some, still without their addresses."""
        if self._hop.kind is HopKind.MX and self._steps:
            step = self._steps.popleft()
            assert isinstance(step, RouteHost)  # nothing was asked before
            exchangers = await self._exchangers(step)
            self._steps.extendleft(reversed(exchangers))
            self.mx_hosts = tuple(name for each in exchangers for name in each.names)

    async def next_group(self) -> Sequence[Endpoint]:
        """Return endpoints that are equally good, in the order to try; none at the end."""
        group = await self._next_group()
        self.found += group
        return group

    async def _next_group(self) -> Sequence[Endpoint]:
        while self._steps:
            step = self._steps.popleft()
            if isinstance(step, RouteHost):
                if step.is_address:
                    self.preferences[step.host] = step.priority
                    return (Endpoint(step.host, step.host, step.port),)
                self._steps.extendleft(reversed(await self._exchangers(step)))
            else:
                group = await self._endpoints(step)
                if group:
                    return group
        return ()

    async def _exchangers(self, host: RouteHost) -> Sequence[_Exchangers]:
        """Return the MX hosts of `host` by preference; without any, itself (RFC 5321, 5.1)."""
        domain = host.host
        try:
            found = await self._finder.resolver.resolve_mx(domain)
        except (NameNotFoundError, ResolutionError) as error:
            self._lookup_failed(error)
            return ()
        if found == (NULL_MX,) and not self._hop.is_configured:
            self.failure = Failure(NO_SERVICE, NO_REPLY, (f"{domain} takes no mail",))
            return ()
        hosts = [mx for mx in found[:MX_HOSTS_MAX] if mx.host] or [MxHost(0, domain)]
        self.has_alternatives = self.has_alternatives or len(hosts) > 1
        self.preferences.update({mx.host: mx.preference for mx in hosts})
        groups = groupby(hosts, key=lambda mx: mx.preference)
        return [
            _Exchangers(domain, tuple(mx.host for mx in group), host.port) for _, group in groups
        ]

    async def _endpoints(self, step: _Exchangers) -> Sequence[Endpoint]:
        names = list(step.names)
        self._finder.random.shuffle(names)  # RFC 5321, 5.1: spread the load over equals
        group: list[Endpoint] = []
        for name in names:
            addresses = await self._addresses(name)
            group += [Endpoint(name, address, step.port, step.domain) for address in addresses]
        if not self._hop.is_configured and self._is_ours(names, group):
            # RFC 5321, 5.1: we, and all that are no better than us, are left out.
            self._steps.clear()
            text = f"the MX of {step.domain} is this gateway"
            self.failure = Failure(ROUTING_LOOP, NO_REPLY, (text,))
            return ()
        return group

    async def _addresses(self, name: str) -> Sequence[str]:
        try:
            addresses = await self._finder.resolver.resolve_addresses(name)
        except (NameNotFoundError, ResolutionError) as error:
            self._lookup_failed(error)
            return ()
        if not addresses:
            self._fail(f"DNS Hard Error looking up {name} (A):  no address", permanent=True)
        late = (lambda a: ":" not in a) if self._finder.prefer_ipv6 else (lambda a: ":" in a)
        return sorted(addresses, key=late)[:ADDRESSES_MAX]

    def _is_ours(self, names: Sequence[str], group: Sequence[Endpoint]) -> bool:
        ourselves = self._finder.ourselves
        return not ourselves.names.isdisjoint(names) or any(
            (endpoint.address, endpoint.port) in ourselves.endpoints for endpoint in group
        )

    def _lookup_failed(self, error: NameNotFoundError | ResolutionError) -> None:
        is_hard = isinstance(error, NameNotFoundError)
        self._fail(
            f"DNS {'Hard' if is_hard else 'Soft'} Error looking up {error.name} ({error.kind}):"
            f"  {error.detail}",
            permanent=is_hard,
        )

    def _fail(self, text: str, *, permanent: bool) -> None:
        """Remember why; what may be otherwise later counts for more than what is for good."""
        if self.failure is not None and not self.failure.is_permanent:
            return
        kind = 5 if permanent and not self._hop.is_configured else 4
        self.failure = Failure(f"{kind}.{BAD_HOST}", NO_REPLY, (text,))


def _in_turn(hosts: Sequence[RouteHost], turn: int) -> Sequence[RouteHost]:
    """Return `hosts` by priority; those of equal priority take turns."""
    ordered: list[RouteHost] = []
    for _, group in groupby(hosts, key=lambda host: host.priority):
        equals = list(group)
        start = turn % len(equals)
        ordered += equals[start:] + equals[:start]
    return ordered
