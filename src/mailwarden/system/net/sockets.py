"""Listening sockets, bound so that workers can share a port."""

import errno
import socket
from typing import Final

from mailwarden.system.net.port_holders import find_port_holder

_REMEDIES: Final = {
    errno.EADDRINUSE: "{holder} listens there; end it, or choose another port",
    errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE; start as root with `user` "
    "set, use the systemd unit, or choose a higher port",
    errno.EADDRNOTAVAIL: "this machine has no such address; correct the interface, or give the "
    "machine the address",
    errno.EAFNOSUPPORT: "this machine does not speak that protocol; is IPv6 switched off?",
    errno.EMFILE: "too many files are open; raise the limit (LimitNOFILE= of the systemd unit)",
}


class ListenError(OSError):
    """A port cannot be listened on; the message says for whom, where, why and what helps."""

    def __str__(self) -> str:
        """Return the message without the error number that OSError puts before it."""
        return str(self.strerror)


def bind_listener(
    name: str,
    address: str,
    port: int,
    *,
    backlog: int,
    interface: str = "",
    exclusive: bool = False,
) -> socket.socket:
    """Return a listening socket that does not block, for listener `name`.

    Sockets of the same user share the port (SO_REUSEPORT), each with its own backlog. That also
    lets a second gateway slip in unnoticed, so make the first socket of a port `exclusive`: it is
    refused when anybody listens there already, and can be joined afterwards. An IPv6 address takes
    IPv6 only; port 0 lets the system choose.

    Raises:
        ListenError: it cannot be bound.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        bound = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise _explain(error, name, address, port, interface) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if not exclusive:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((address, port))
        if exclusive:  # bound alone; from here on it may be joined
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.listen(backlog)
    except OSError as error:
        bound.close()
        raise _explain(error, name, address, port, interface) from error
    return bound


def _explain(error: OSError, name: str, address: str, port: int, interface: str) -> ListenError:
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    if interface:
        where += f" (interface {interface})"
    reason = error.strerror or str(error)
    holder = find_port_holder(address, port) if error.errno == errno.EADDRINUSE else ""
    unseen = f"another program, which `ss -ltnp 'sport = :{port}'` shows,"
    remedy = _REMEDIES.get(error.errno or 0, "").format(holder=holder or unseen)
    text = f"listener {name} cannot listen on {where}: {reason}"
    return ListenError(error.errno, f"{text}: {remedy}" if remedy else text)
