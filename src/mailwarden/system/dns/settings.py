"""What the administrator sets of DNS."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mailwarden.core.problem import Problem
from mailwarden.core.setting import Unit, setting
from mailwarden.system.dns.names import decode_host, encode_name
from mailwarden.system.dns.servers import parse_server

SERVERS_MAX: Final = 20  # for all names, or for one domain
DOMAINS_MAX: Final = 10_000
PRIORITIES_MAX: Final = 3  # different ones


def parse_dns_domain(text: str) -> str:
    """Return the domain as DNS knows it, in lower case without the final dot.

    Raises:
        ValueError: no domain is called so.
    """
    try:
        return decode_host(encode_name(text.strip())) or ""
    except ValueError as error:
        raise ValueError(f"{text[:80]!r} is not a domain: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSettings:
    """Which servers are asked, how long, and what is remembered."""

    servers: tuple[str, ...] = setting(
        (),
        "Recursive name servers as `address` or `address:port` (IPv6 as `[address]:port`), with "
        "`/pri=1` behind it for those that are asked when the ones of priority 0 are silent; equal "
        "ones are asked in an order of chance. None listed means those of /etc/resolv.conf.",
        examples=("127.0.0.1", "192.0.2.53/pri=1"),
        entries_max=SERVERS_MAX,
    )
    trusted_servers: tuple[str, ...] = setting(
        (),
        "Name servers, in place of `servers`, that check DNSSEC and are reached over a way where "
        "nobody can change their answers, best on this machine: what they say of DNSSEC is "
        "believed, which DANE needs.",
        examples=("127.0.0.1:53",),
        entries_max=SERVERS_MAX,
    )
    domains: Mapping[str, tuple[str, ...]] = setting(
        lambda: MappingProxyType({}),
        "Domains with name servers of their own, which may be authoritative ones: everything at or "
        "below the domain is asked of them, the longest domain counts. Reverse zones are named "
        "too: `10.in-addr.arpa`.",
        examples=("corp.example: [10.0.0.53, 10.0.1.53/pri=1]",),
        parse_key=parse_dns_domain,
        entries_max=DOMAINS_MAX,
    )
    interface: str = setting(
        "",
        "Interface that questions leave from; empty leaves it to the system. Servers on this "
        "machine are asked without it.",
        refers_to=("interfaces",),
    )
    timeout_seconds: float = setting(
        60.0,
        "How long the servers may take for one question. With two priorities a quarter of it is "
        "for the first, with three a twelfth for the first and a sixth for the second.",
        minimum=0.1,
        maximum=600,
        unit=Unit.SECONDS,
    )
    resend_seconds: float = setting(
        5.0,
        "A question that is not answered is sent again after this time, to the next server of the "
        "same priority.",
        minimum=0.1,
        maximum=60,
        unit=Unit.SECONDS,
    )
    reverse_timeout_seconds: float = setting(
        20.0,
        "How long a client waits for the lookup of its name; 0 looks up no names, and it is as if "
        "that took too long.",
        minimum=0,
        maximum=600,
        unit=Unit.SECONDS,
    )
    cache_entries_max: int = setting(
        50_000, "Answers remembered by each worker.", minimum=0, maximum=10_000_000
    )
    cache_ttl_min_seconds: float = setting(
        1800,
        "Mail exchangers, addresses and reverse names are remembered at least so long; not those "
        "with a TTL of 0, nor what DNSSEC proves, nor answers of DNS lists. 0 keeps to the TTL.",
        minimum=0,
        maximum=86400,
        unit=Unit.SECONDS,
    )
    cache_ttl_max_seconds: float = setting(
        86400, "No answer is remembered longer than this.", minimum=0, unit=Unit.SECONDS
    )
    negative_ttl_max_seconds: float = setting(
        900,
        "No missing name is remembered longer than this (RFC 2308).",
        minimum=0,
        unit=Unit.SECONDS,
    )

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        yield from _servers("servers", self.servers)
        yield from _servers("trusted_servers", self.trusted_servers)
        for domain, servers in self.domains.items():
            path = f"domains[{domain}]" if "." in domain else f"domains.{domain}"
            if not servers:
                yield Problem(path, "has no server")
            elif len(servers) > SERVERS_MAX:
                yield Problem(path, f"has more than {SERVERS_MAX} servers")
            yield from _servers(path, servers)
        if self.servers and self.trusted_servers:
            # RFC 7672, 2.1.3: a server that checks nothing would switch DANE off when it answers.
            yield Problem("servers", "cannot be there beside `trusted_servers`: give one of them")
        if self.cache_ttl_min_seconds > self.cache_ttl_max_seconds:
            yield Problem("cache_ttl_min_seconds", "is more than cache_ttl_max_seconds")


def _servers(path: str, servers: Sequence[str]) -> Iterator[Problem]:
    priorities = set()
    for index, server in enumerate(servers):
        try:
            priorities.add(parse_server(server).priority)
        except ValueError as error:
            yield Problem(f"{path}[{index}]", str(error))
    if len(priorities) > PRIORITIES_MAX:
        yield Problem(path, f"has more than {PRIORITIES_MAX} different priorities")
