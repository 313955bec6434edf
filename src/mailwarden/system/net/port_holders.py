"""Finds out which process listens on a port, for a message to the administrator (proc(5)).

What it cannot see, for want of rights, it leaves out: it is for words, not for decisions.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailwarden.system.log.escape import escape

COMMAND_CHARACTERS_MAX: Final = 80
_LISTENS: Final = "0A"  # TCP_LISTEN in the column `st`
_TABLE_BYTES_MAX: Final = 64 * 1024 * 1024


def find_port_holder(address: str, port: int, proc: Path = Path("/proc")) -> str:
    """Return who listens on `port` as `process 4711 (exim4 -bd)`; "" when that cannot be seen.

    A socket on all addresses holds the port of each.
    """
    wanted = {f"socket:[{inode}]" for inode in _inodes(address, port, proc)}
    if not wanted:
        return ""
    for pid in _processes(proc):
        if _has_one_of(proc / str(pid) / "fd", wanted):
            return describe_process(pid, proc)
    return ""


def describe_process(pid: int, proc: Path = Path("/proc")) -> str:
    """Return `process 4711 (exim4 -bd)`, without the command where that cannot be seen."""
    command = ""
    with suppress(OSError), (proc / str(pid) / "cmdline").open("rb") as file:
        words = file.read(4 * COMMAND_CHARACTERS_MAX).rstrip(b"\0").split(b"\0")
        command = b" ".join(words).decode("utf-8", "backslashreplace")
    if len(command) > COMMAND_CHARACTERS_MAX:
        command = f"{command[:COMMAND_CHARACTERS_MAX]}..."
    return f"process {pid} ({escape(command)})" if command else f"process {pid}"


def _inodes(address: str, port: int, proc: Path) -> Iterator[str]:
    """Yield the inodes of the sockets that are in the way of one on `address`."""
    in_the_way = {
        "tcp": {_hexadecimal("0.0.0.0"), _hexadecimal(address)},  # noqa: S104  only compared
        "tcp6": {_hexadecimal("::"), _hexadecimal(address)},
    }
    for table, addresses in in_the_way.items():
        with suppress(OSError), (proc / "net" / table).open("rb") as file:
            for line in file.read(_TABLE_BYTES_MAX).decode("ascii", "replace").splitlines()[1:]:
                columns = line.split()
                if len(columns) < 10 or columns[3] != _LISTENS:
                    continue
                host, _, number = columns[1].partition(":")
                if host in addresses and number == f"{port:04X}":
                    yield columns[9]


def _hexadecimal(address: str) -> str:
    """Return `address` as the kernel shows it: words of four bytes, each as the machine has it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


def _processes(proc: Path) -> list[int]:
    with suppress(OSError):
        return sorted(int(name) for name in os.listdir(proc) if name.isdecimal())
    return []


def _has_one_of(folder: Path, wanted: set[str]) -> bool:
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError):
                if os.readlink(folder / name) in wanted:
                    return True
    return False
