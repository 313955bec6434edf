"""What the administrator sets of DNS."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailwarden.core.hostport import parse_hostport
from mailwarden.core.problem import Problem
from mailwarden.core.setting import Unit, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSettings:
    """Which servers are asked, how long, and what is remembered."""

    servers: tuple[str, ...] = setting(
        (),
        "Name servers as `address` or `address:port` (IPv6 as `[address]:port`), asked in "
        "turn; none listed means those of /etc/resolv.conf.",
        examples=("127.0.0.1:53",),
    )
    trusted_servers: tuple[str, ...] = setting(
        (),
        "Name servers, in place of `servers`, that check DNSSEC and are reached over a way where "
        "nobody can change their answers, best on this machine: what they say of DNSSEC is "
        "believed, which DANE needs.",
        examples=("127.0.0.1:53",),
    )
    timeout_seconds: float = setting(
        5.0,
        "How long one server may take for one question.",
        minimum=0.1,
        maximum=60,
        unit=Unit.SECONDS,
    )
    attempts_max: int = setting(
        3,
        "Questions sent, over all servers, before the answer counts as missing.",
        minimum=1,
        maximum=20,
    )
    cache_entries_max: int = setting(
        50_000, "Answers remembered by each worker.", minimum=0, maximum=10_000_000
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
        for name, servers in (("servers", self.servers), ("trusted_servers", self.trusted_servers)):
            for index, server in enumerate(servers):
                try:
                    parse_hostport(server, default_port=53, address_only=True)
                except ValueError as error:
                    yield Problem(f"{name}[{index}]", str(error))
        if self.servers and self.trusted_servers:
            # RFC 7672, 2.1.3: a server that checks nothing would switch DANE off when it answers.
            yield Problem("servers", "cannot be there beside `trusted_servers`: give one of them")
