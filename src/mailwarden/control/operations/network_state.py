"""Sockets, interfaces and routes of the machine, as /proc shows them without any right."""

import ipaddress
import os
import pwd
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.control.operations.desk import Desk

PROC: Final = Path("/proc/self/net")
FILE_BYTES_MAX: Final = 8 * 1024 * 1024  # that are looked at of a file
ROWS_MAX: Final = 2000
_STATES: Final = {
    1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2",
    6: "TIME_WAIT", 7: "CLOSE", 8: "CLOSE_WAIT", 9: "LAST_ACK", 10: "LISTEN", 11: "CLOSING",
}  # fmt: skip
_LISTEN: Final = 10


class Connection(NamedTuple):
    """A TCP socket. Queues are in bytes; that of a listening one is of connections to take."""

    local: str
    remote: str
    state: str
    receive_queue: int
    send_queue: int


class InterfaceCount(NamedTuple):
    """What passed through an interface of the machine since its start."""

    name: str
    bytes_in: int
    packets_in: int
    errors_in: int
    bytes_out: int
    packets_out: int
    errors_out: int


class Route(NamedTuple):
    """A route of IPv4. An empty gateway is a network that is reached directly."""

    network: str
    gateway: str
    interface: str


def connections(desk: Desk, proc: Path = PROC) -> list[Connection]:
    """Return the gateway's own TCP sockets: those of its users, and of its listeners' ports."""
    desk.require("netstat")
    config = desk.administration.config
    users = {os.geteuid()}
    if config.user:
        with suppress(KeyError):
            users.add(pwd.getpwnam(config.user).pw_uid)
    ports = {listener.port for listener in config.listeners}
    rows: list[Connection] = []
    for name in ("tcp", "tcp6"):
        rows += read_connections(_read(proc / name), users, ports)
    return rows[:ROWS_MAX]


def interfaces(desk: Desk, proc: Path = PROC) -> list[InterfaceCount]:
    """Return what passed through the machine's interfaces."""
    desk.require("netstat")
    return list(read_interfaces(_read(proc / "dev")))[:ROWS_MAX]


def routes(desk: Desk, proc: Path = PROC) -> list[Route]:
    """Return the machine's routes."""
    desk.require("netstat")
    return list(read_routes(_read(proc / "route")))[:ROWS_MAX]


def read_connections(
    text: str, users: Collection[int], ports: Collection[int]
) -> Iterator[Connection]:
    """Yield the sockets in a file such as /proc/net/tcp that belong to `users` or `ports`."""
    for line in text.splitlines()[1:]:
        try:
            _, local, remote, state, queues, _, _, uid = line.split()[:8]
            sent, _, received = queues.partition(":")
            port = int(local.rpartition(":")[2], 16)
            if int(uid) in users or port in ports:
                yield Connection(
                    _endpoint(local),
                    "*" if int(state, 16) == _LISTEN else _endpoint(remote),
                    _STATES.get(int(state, 16), state),
                    int(received, 16),
                    int(sent, 16),
                )
        except ValueError:  # a line that this kernel writes in another way
            continue


def read_interfaces(text: str) -> Iterator[InterfaceCount]:
    """Yield the interfaces in a file such as /proc/net/dev."""
    for line in text.splitlines()[2:]:
        name, _, figures = line.partition(":")
        try:
            numbers = [int(figure) for figure in figures.split()]
            yield InterfaceCount(name.strip(), *numbers[0:3], *numbers[8:11])
        except (ValueError, TypeError):
            continue


def read_routes(text: str) -> Iterator[Route]:
    """Yield the routes in a file such as /proc/net/route."""
    for line in text.splitlines()[1:]:
        try:
            name, target, gateway, _, _, _, _, mask = line.split()[:8]
            network = ipaddress.ip_network(f"{_ipv4(target)}/{_ipv4(mask)}", strict=False)
            via = _ipv4(gateway)
        except ValueError:
            continue
        yield Route(str(network), "" if via == "0.0.0.0" else via, name)  # noqa: S104  a mark


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX).decode("utf-8", "replace")
    except OSError:  # a kernel without IPv6, or a folder that is hidden
        return ""


def _ipv4(digits: str) -> str:
    return str(ipaddress.IPv4Address(struct.pack("=I", int(digits, 16) & 0xFFFFFFFF)))


def _endpoint(text: str) -> str:
    digits, _, port = text.rpartition(":")
    if len(digits) == 8:
        return f"{_ipv4(digits)}:{int(port, 16)}"
    words = [int(digits[start : start + 8], 16) for start in range(0, 32, 8)]
    address = ipaddress.IPv6Address(struct.pack("=4I", *words)) if len(digits) == 32 else None
    if address is None:
        raise ValueError("no address")
    return f"{address.ipv4_mapped or f'[{address}]'}:{int(port, 16)}"
