"""The name servers: which are asked in which order, and what is known of each."""

import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final

from mailwarden.core.hostport import parse_hostport

PORT: Final = 53
RESOLV_CONF: Final = "/etc/resolv.conf"
RESOLV_CONF_BYTES_MAX: Final = 65_536
RESOLV_CONF_SERVERS_MAX: Final = 3  # as resolv.conf(5) says
FAILURES_MAX: Final = 2  # unanswered questions in a row after which a server counts as dead
DEAD_SECONDS: Final = 30.0  # how long it is then asked last


class Server:
    """A name server, as found so far."""

    __slots__ = (
        "dead_until", "failures", "family", "is_trusted", "name", "socket_address", "without_edns",
    )  # fmt: skip

    def __init__(self, name: str, family: int, socket_address: tuple[Any, ...]) -> None:
        self.name = name  # for the log
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

    def failed(self, now: float) -> None:
        """Remember that a question went unanswered."""
        self.failures += 1
        if self.failures >= FAILURES_MAX:
            self.dead_until = now + DEAD_SECONDS


def make_server(text: str) -> Server:
    """Return the server at `address`, `address:port` or `[address]:port`.

    Raises:
        ValueError: the text is none of these.
    """
    host, port, _ = parse_hostport(text, default_port=PORT, address_only=True)
    try:  # numeric only: nothing is looked up, but a scope (fe80::1%eth0) is understood
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )
    except OSError as error:
        raise ValueError(f"{text!r} cannot be used as a name server: {error.strerror}") from error
    family, _, _, _, socket_address = found[0]
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Server(name, family, socket_address)


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
    """Return the servers that are configured, or else those of the file `resolv_conf`."""
    if configured:
        return tuple(make_server(text) for text in configured)
    try:
        with open(resolv_conf, encoding="utf-8", errors="replace") as file:
            content = file.read(RESOLV_CONF_BYTES_MAX)
    except OSError:  # resolv.conf(5): a missing file means a server on this machine
        content = ""
    return tuple(make_server(text) for text in parse_resolv_conf(content))


def order(servers: Sequence[Server], attempts: int, now: float) -> list[Server]:
    """Return whom to ask, one attempt after the other: in turn, dead ones last.

    Dead servers are not left out: when all are dead, one has to find out that it is back.
    """
    turn = sorted(servers, key=lambda server: server.dead_until if server.dead_until > now else 0)
    return [turn[attempt % len(turn)] for attempt in range(attempts)]
