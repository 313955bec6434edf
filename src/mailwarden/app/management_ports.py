"""The listening sockets of management: bound here, for a process without rights."""

import socket
from typing import Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.management import management_paths
from mailwarden.system.net.sockets import bind_listener

BACKLOG: Final = 64

Address = tuple[str, int]


class ManagementPorts:
    """Sockets of SSH, by interface."""

    def __init__(self) -> None:
        self._sockets: dict[str, tuple[Address, socket.socket]] = {}

    def bind(self, config: GatewayConfig) -> bool:
        """Open what `config` has, close what it no longer has; return whether that is anything.

        Raises:
            OSError: a port cannot be bound; then all is as it was.
        """
        wanted = {
            path.interface: (path.address, path.port)
            for path in management_paths(config.interfaces)
        }
        opened: dict[str, tuple[Address, socket.socket]] = {}
        try:
            for name, address in wanted.items():
                if self._sockets.get(name, (None,))[0] != address:
                    opened[name] = address, _bind(name, address)
        except OSError:
            for _, bound in opened.values():
                bound.close()
            raise
        gone = [name for name in self._sockets if name not in wanted or name in opened]
        for name in gone:
            self._sockets.pop(name)[1].close()
        self._sockets |= opened
        return bool(gone or opened)

    def descriptors(self) -> list[int]:
        """Return the sockets, which stay open here."""
        return [bound.fileno() for _, bound in self._sockets.values()]

    def close(self) -> None:
        """Close all."""
        for _, bound in self._sockets.values():
            bound.close()
        self._sockets.clear()


def _bind(name: str, address: Address) -> socket.socket:
    return bind_listener(
        f"SSH of {name}", *address, backlog=BACKLOG, interface=name, exclusive=True
    )
