"""What is looked at before a configuration from a file is put in force (admin XML-36).

A file may come from another machine: with addresses that this one does not have, or without a way
in for whoever loads it.
"""

import errno
import socket
from collections.abc import Iterator
from typing import Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import join
from mailwarden.control.operations.desk import Desk
from mailwarden.core.management import last_path_problem
from mailwarden.core.problem import Problem

NETWORK: Final = frozenset({"interfaces", "interface_groups", "administration"})
_ELSEWHERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def start_problems(desk: Desk, after: GatewayConfig) -> Iterator[Problem]:
    """Yield what would keep the gateway from starting by `after`, or everybody out.

    Ports that are taken twice are a mistake in any configuration, and found before. An access list
    that shuts out whoever commits it has to be confirmed, file or not (ACC-04).
    """
    before = desk.administration.config
    known = {interface.address for interface in before.interfaces.values()}
    for name, interface in after.interfaces.items():
        if interface.address not in known and not is_here(interface.address):
            path = join(join("interfaces", name), "address")
            yield Problem(path, f"this machine has no address {interface.address}")
    problem = last_path_problem(before.interfaces, after.interfaces)
    if problem is not None:
        yield problem


def is_here(address: str) -> bool:
    """Tell whether this machine has an address; asked by taking a port of it for a moment."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as taken:
            taken.bind((address, 0))
    except OSError as error:
        return error.errno not in _ELSEWHERE
    return True
