"""The listening sockets of all workers: bound here, handed to each worker as its own.

Each worker has a socket of its own for each port (SO_REUSEPORT), so that the kernel shares the
connections out. The supervisor keeps them open: what connects while a worker is being restarted
waits in the backlog instead of being refused.
"""

import socket
from typing import Any

from mailwarden.control.config.model import GatewayConfig
from mailwarden.system.net.sockets import bind_listener

Address = tuple[str, int]


class Ports:
    """Sockets by worker and listener."""

    def __init__(self) -> None:
        self._sockets: dict[int, dict[str, tuple[Address, socket.socket]]] = {}

    def bind(self, worker: int, config: GatewayConfig) -> None:
        """Open what `config` has and `worker` lacks; close what it no longer has.

        Raises:
            OSError: a port cannot be bound; the message names listener, address and remedy.
        """
        held = self._sockets.setdefault(worker, {})
        wanted = _addresses(config)
        for name, (address, bound) in list(held.items()):
            if wanted.get(name) != address:
                bound.close()
                del held[name]
        listeners = {listener.name: listener for listener in config.listeners}
        taken = self._addresses()
        for name, address in wanted.items():
            if name not in held:
                bound = bind_listener(
                    name,
                    *address,
                    backlog=listeners[name].listen_queue,
                    interface=listeners[name].interface,
                    exclusive=address not in taken,
                )
                held[name] = (address, bound)

    def check(self, config: GatewayConfig) -> None:
        """Raise OSError when a port that `config` adds cannot be bound."""
        taken = self._addresses()
        for name, address in _addresses(config).items():
            if address not in taken:
                bind_listener(name, *address, backlog=1, exclusive=True).close()

    def _addresses(self) -> set[Address]:
        return {address for sockets in self._sockets.values() for address, _ in sockets.values()}

    def of(self, worker: int) -> dict[str, socket.socket]:
        """Return the sockets of `worker` by listener name."""
        return {name: bound for name, (_, bound) in self._sockets.get(worker, {}).items()}

    def release(self, worker: int) -> None:
        """Close the sockets of a worker that is not coming back soon."""
        for _, bound in self._sockets.pop(worker, {}).values():
            bound.close()

    def close(self) -> None:
        """Close all."""
        for worker in list(self._sockets):
            self.release(worker)

    def describe(self, config: GatewayConfig) -> list[dict[str, Any]]:
        """Return what listens where, for status."""
        where = _addresses(config)
        return [
            {
                "name": listener.name,
                "type": listener.type.value,
                "address": where[listener.name][0],
                "port": listener.port,
                "tls": "implicit" if listener.implicit_tls else listener.policy.tls.value,
            }
            for listener in config.listeners
        ]


def _addresses(config: GatewayConfig) -> dict[str, Address]:
    return {
        listener.name: (config.interfaces[listener.interface].address, listener.port)
        for listener in config.listeners
    }
