"""The name servers: what is known of each, and how they are written."""

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from mailwarden.core.hostport import SHOWN_LENGTH_MAX, HostPort, parse_hostport

PORT: Final = 53
PRIORITY_MAX: Final = 65_535
RESOLV_CONF: Final = "/etc/resolv.conf"
RESOLV_CONF_BYTES_MAX: Final = 65_536
RESOLV_CONF_SERVERS_MAX: Final = 3  # as resolv.conf(5) says
FAILURES_MAX: Final = 2  # unanswered questions in a row after which a server counts as dead
DEAD_SECONDS: Final = 30.0  # how long it is then asked last


class Server:
    """A name server, as found so far."""

    __slots__ = (
        "dead_until", "failures", "family", "has_answered", "is_trusted", "name", "priority",
        "socket_address", "source", "without_edns",
    )  # fmt: skip

    def __init__(
        self, name: str, family: int, socket_address: tuple[Any, ...], priority: int = 0
    ) -> None:
        self.name = name  # for the log
        self.priority = priority  # 0 is asked first
        self.source = ""  # address that questions come from; "" leaves it to the system
        self.has_answered = False  # anything, since it was made
        self.is_trusted = False  # what it says of DNSSEC is believed
        self.family = family
        self.socket_address = socket_address
        self.failures = 0
        self.dead_until = 0.0  # monotonic seconds
        self.without_edns = False  # it does not understand EDNS (RFC 6891, 7)

    def answered(self) -> None:
        """Remember that it lives."""
        self.failures = 0
        self.dead_until = 0.0
        self.has_answered = True

    def is_dead(self, now: float) -> bool:
        """Tell whether it counts as dead at `now` (monotonic seconds)."""
        return self.dead_until > now

    def come_from(self, address: str) -> None:
        """Let questions come from `address`, where that has a way to this server."""
        if not address:
            return
        ours, theirs = (
            ipaddress.ip_address(text.partition("%")[0])
            for text in (address, self.socket_address[0])
        )
        # A server on this machine is asked as it expects: many answer 127.0.0.1 only.
        if ours.version == theirs.version and not theirs.is_loopback:
            self.source = address

    def failed(self, now: float) -> None:
        """Remember that a question went unanswered."""
        self.failures += 1
        if self.failures >= FAILURES_MAX:
            self.dead_until = now + DEAD_SECONDS


class Written(NamedTuple):
    """A server as a setting names it."""

    place: HostPort
    priority: int


def parse_server(text: str) -> Written:
    """Return what `address`, `address:port` or `[address]:port` means, `/pri=1` behind it or not.

    Raises:
        ValueError: the text is none of these.
    """
    where, slash, rest = text.strip().partition("/")
    place = parse_hostport(where, default_port=PORT, address_only=True)
    if not slash:
        return Written(place, 0)
    word, _, digits = rest.partition("=")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= len(str(PRIORITY_MAX))
    if word.strip().lower() != "pri" or not is_number or int(digits) > PRIORITY_MAX:
        shown = repr(text[:SHOWN_LENGTH_MAX])
        raise ValueError(f"{shown} has no priority behind its slash: `/pri=0` to {PRIORITY_MAX}")
    return Written(place, int(digits))


def make_server(text: str) -> Server:
    """Return the server that `text` names, as `parse_server` takes it.

    Raises:
        ValueError: it names none.
    """
    (host, port, _), priority = parse_server(text)
    try:  # numeric only: nothing is looked up, but a scope (fe80::1%eth0) is understood
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )
    except OSError as error:
        raise ValueError(f"{text!r} cannot be used as a name server: {error.strerror}") from error
    family, _, _, _, socket_address = found[0]
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Server(name, family, socket_address, priority)


def parse_resolv_conf(content: str) -> tuple[str, ...]:
    """Return the servers that the text of a resolv.conf(5) names; what it cannot mean is left out.

    Without any, a server on this machine is meant.
    """
    servers: list[str] = []
    for line in content.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                servers.extend(_numeric(address))
            case _:
                continue
    return tuple(servers[:RESOLV_CONF_SERVERS_MAX]) or ("127.0.0.1",)


def _numeric(address: str) -> Iterable[str]:
    try:
        make_server(address)
    except ValueError:
        return ()
    return (address,)


def load_servers(configured: Sequence[str], resolv_conf: str = RESOLV_CONF) -> tuple[Server, ...]:
    """Return the servers that are configured, or else those of the file `resolv_conf`.

    Those of the file are asked in its order, so each has a priority of its own.
    """
    if configured:
        return tuple(make_server(text) for text in configured)
    try:
        with open(resolv_conf, encoding="utf-8", errors="replace") as file:
            content = file.read(RESOLV_CONF_BYTES_MAX)
    except OSError:  # resolv.conf(5): a missing file means a server on this machine
        content = ""
    servers = tuple(make_server(text) for text in parse_resolv_conf(content))
    for priority, server in enumerate(servers):
        server.priority = priority
    return servers
