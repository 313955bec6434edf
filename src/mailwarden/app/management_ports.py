"""The listening sockets of management: bound here, for a process without rights."""

import socket
from typing import Final, NamedTuple

from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.management import management_paths
from mailwarden.system.net.sockets import bind_listener

BACKLOG: Final = 64
SSH: Final = "ssh"  # what a socket is for
ACME: Final = "acme"

Address = tuple[str, int]


class Door(NamedTuple):
    """What listens somewhere; `name` tells doors of the same service from one another."""

    service: str
    name: str

    def bind(self, address: Address) -> socket.socket:
        """Return a socket; raises OSError."""
        if self.service == SSH:
            words, interface = f"SSH of {self.name}", self.name
        else:
            words, interface = "acme.http_port", ""
        return bind_listener(words, *address, backlog=BACKLOG, interface=interface, exclusive=True)


class ManagementPorts:
    """Sockets of SSH, by interface, and those that authorities for certificates ask at."""

    def __init__(self) -> None:
        self._sockets: dict[Door, tuple[Address, socket.socket]] = {}

    def bind(self, config: GatewayConfig) -> bool:
        """Open what `config` has, close what it no longer has; return whether that is anything.

        Raises:
            OSError: a port cannot be bound; then all is as it was.
        """
        wanted = _doors(config)
        opened: dict[Door, tuple[Address, socket.socket]] = {}
        try:
            for door, address in wanted.items():
                if self._sockets.get(door, (None,))[0] != address:
                    opened[door] = address, door.bind(address)
        except OSError:
            for _, bound in opened.values():
                bound.close()
            raise
        gone = [door for door in self._sockets if door not in wanted or door in opened]
        for door in gone:
            self._sockets.pop(door)[1].close()
        self._sockets |= opened
        return bool(gone or opened)

    def services(self) -> list[str]:
        """Return what each of `descriptors` is for."""
        return [door.service for door in self._sockets]

    def descriptors(self) -> list[int]:
        """Return the sockets, which stay open here."""
        return [bound.fileno() for _, bound in self._sockets.values()]

    def close(self) -> None:
        """Close all."""
        for _, bound in self._sockets.values():
            bound.close()
        self._sockets.clear()


def _doors(config: GatewayConfig) -> dict[Door, Address]:
    doors = {
        Door(SSH, path.interface): (path.address, path.port)
        for path in management_paths(config.interfaces)
    }
    if config.acme.listens:
        port = config.acme.http_port
        doors |= {Door(ACME, address): (address, port) for address in config.acme.http_addresses}
    return doors
