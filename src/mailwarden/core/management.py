"""By which ways administrators reach the gateway over the network (admin 8.4, SYS-20, SYS-21)."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.interface import Interface
from mailwarden.core.problem import Problem

MANAGEMENT: Final = "Management"  # the interface whose services are on unless they are turned off
SSH_PORT: Final = 22


class Service(Enum):
    """What administrators connect to. The setting of its port is named after it."""

    SSH = "ssh"

    @property
    def setting(self) -> str:
        """The setting of an interface that has its port."""
        return f"{self.value}_port"


class ManagementPath(NamedTuple):
    """A port for administrators."""

    service: Service
    interface: str
    address: str
    port: int


def management_paths(interfaces: Mapping[str, Interface]) -> tuple[ManagementPath, ...]:
    """Return all ways in, in the order of the interfaces. The console is not among them."""
    paths = []
    for name, interface in interfaces.items():
        port = _ssh_port(name, interface)
        if port:
            paths.append(ManagementPath(Service.SSH, name, interface.address, port))
    return tuple(paths)


def default_ssh_port(name: str) -> int:
    """Return the port of an interface that says nothing of SSH; 0 is none."""
    return SSH_PORT if name == MANAGEMENT else 0


def _ssh_port(name: str, interface: Interface) -> int:
    return default_ssh_port(name) if interface.ssh_port is None else interface.ssh_port


def clashes(
    paths: tuple[ManagementPath, ...], listeners: Mapping[tuple[str, int], str]
) -> Iterator[tuple[ManagementPath, str]]:
    """Yield ways in whose port is taken, and by what in words.

    `listeners` has their names by address and port.
    """
    taken = {where: f"the listener {name!r}" for where, name in listeners.items()}
    for path in paths:
        where = (path.address, path.port)
        if where in taken:
            yield path, taken[where]
        taken.setdefault(where, f"{path.service.value} of the interface {path.interface!r}")


def last_path_problem(
    before: Mapping[str, Interface], after: Mapping[str, Interface]
) -> Problem | None:
    """Return the problem of a change that would lock all administrators out (SYS-21).

    Who has no way in over the network, and wants none, may go on without.
    """
    if not management_paths(before) or management_paths(after):
        return None
    return Problem(
        "interfaces",
        "no interface would have a service for administrators any more (ssh_port): the gateway "
        "could be reached at its console alone",
    )
