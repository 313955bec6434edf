"""Who is asked about which name, in which order, and how long for (admin 8.3).

Servers of one priority are asked in an order of chance, again and again, until the time of their
priority is over; then those of the next one are. The times are shares of what a question may take:
all of 60 seconds with one priority, 15 and 45 with two, 5, 10 and 45 with three.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from mailwarden.system.dns.names import encode_name
from mailwarden.system.dns.servers import Server, load_servers, make_server
from mailwarden.system.dns.settings import DnsSettings

_ROOT: Final = b"\0"
_SHARES: Final = ((1.0,), (1 / 4, 3 / 4), (1 / 12, 2 / 12, 9 / 12))  # by number of priorities


class Tier(NamedTuple):
    """The servers of one priority, and how long each attempt to ask one of them may take."""

    servers: tuple[Server, ...]
    waits: tuple[float, ...]  # seconds; no fewer than there are servers

    def turn(self, randomness: random.Random, now: float) -> list[Server]:
        """Return the servers in the order of this question: chance decides, dead ones come last.

        Dead ones are not left out: when all are dead, one has to find out that it is back.
        """
        order = randomness.sample(self.servers, len(self.servers))
        return sorted(order, key=lambda server: server.dead_until if server.is_dead(now) else 0)


Tiers = tuple[Tier, ...]


class Sources:
    """The servers of all names, and those of the domains that have their own."""

    __slots__ = ("_domains", "_everything", "is_trusted")

    def __init__(self, settings: DnsSettings, source: str = "") -> None:
        """`source` is the address that questions come from; "" leaves it to the system.

        Raises:
            ValueError: the settings have problems.
        """
        self.is_trusted: Final = bool(settings.trusted_servers)
        servers = load_servers(settings.trusted_servers or settings.servers)
        for server in servers:
            server.is_trusted = self.is_trusted
        self._everything: Final = _tiers(servers, settings, source)
        self._domains: Final = {
            encode_name(domain): _tiers([make_server(text) for text in texts], settings, source)
            for domain, texts in settings.domains.items()
        }

    def tiers(self, owner: bytes, now: float) -> Sequence[Tier]:
        """Return who is to be asked about the name `owner` (wire form), in this order.

        A priority whose servers are all dead at `now` is asked last.
        """
        tiers = self._of(owner)
        if len(tiers) == 1:
            return tiers
        return sorted(tiers, key=lambda tier: all(server.is_dead(now) for server in tier.servers))

    def _of(self, owner: bytes) -> Tiers:
        if self._domains:
            for suffix in _suffixes(owner):
                if suffix in self._domains:
                    return self._domains[suffix]
        return self._everything

    def has_answered(self) -> bool:
        """Tell whether any server for all names has answered anything."""
        return any(server.has_answered for tier in self._everything for server in tier.servers)


def _suffixes(owner: bytes) -> Iterator[bytes]:
    """Yield the name, then what is left without its first label, and so on to the root."""
    while owner != _ROOT:
        yield owner
        owner = owner[1 + owner[0] :]


def _tiers(servers: Sequence[Server], settings: DnsSettings, source: str) -> Tiers:
    for server in servers:
        server.come_from(source)
    ordered = sorted(servers, key=lambda server: server.priority)
    tiers = [tuple(group) for _, group in groupby(ordered, key=lambda server: server.priority)]
    if len(tiers) > len(_SHARES):
        raise ValueError(f"name servers have more than {len(_SHARES)} priorities")
    times = [share * settings.timeout_seconds for share in _SHARES[len(tiers) - 1]]
    return tuple(
        Tier(tier, _waits(seconds, settings.resend_seconds, len(tier)))
        for tier, seconds in zip(tiers, times, strict=True)
    )


def _waits(seconds: float, resend_seconds: float, servers: int) -> tuple[float, ...]:
    """Return how long to wait each time; each server gets asked, though that may take longer."""
    waits: list[float] = []
    left = seconds
    while left > resend_seconds:
        waits.append(resend_seconds)
        left -= resend_seconds
    waits.append(left)
    missing = max(0, servers - len(waits))
    return (*waits, *[min(seconds, resend_seconds)] * missing)
