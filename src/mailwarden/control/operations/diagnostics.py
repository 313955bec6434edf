"""What the machine has left, and what it knows of its neighbours (`diagnostic`)."""

import os
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.control.operations.asking import first_of, of_workers
from mailwarden.control.operations.desk import Desk

ARP: Final = Path("/proc/net/arp")
ARP_BYTES_MAX: Final = 1024 * 1024


class Disk(NamedTuple):
    """A folder's file system, in bytes; `free` is what others than root may still use."""

    what: str
    size: int
    free: int

    @property
    def used_percent(self) -> int:
        """How much of it is used, as far as the gateway can use it."""
        return 0 if not self.size else round(100 * (self.size - self.free) / self.size)


class Neighbour(NamedTuple):
    """An address of the local network, and the hardware that has it."""

    address: str
    hardware: str
    interface: str


async def disks(desk: Desk) -> tuple[list[Disk], dict[str, int]]:
    """Return the file systems that the gateway writes to, and what the spool says of itself."""
    desk.require("diagnostic")
    administration = desk.administration
    found = []
    for what, folder in (("Logs", administration.logs), ("Configuration", administration.files)):
        try:
            state = os.statvfs(folder)
        except OSError:  # it is closed to the administration
            continue
        size = state.f_frsize * (state.f_blocks - state.f_bfree + state.f_bavail)
        found.append(Disk(what, size, state.f_frsize * state.f_bavail))
    status = await first_of(desk, {"command": "status"})
    return found, {str(name): int(value) for name, value in (status.get("spool") or {}).items()}


async def flush_caches(desk: Desk, command: str = "diagnostic") -> int:
    """Let all workers forget what name servers said; return how many answers these were."""
    desk.require(command)
    desk.record("dnsflush", f"by {command}")
    rows = await of_workers(desk, {"command": "dnsflush"})
    return sum(int(row.get("flushed") or 0) for row in rows)


def neighbours(desk: Desk, path: Path = ARP) -> list[Neighbour]:
    """Return the ARP table of the machine."""
    desk.require("diagnostic")
    try:
        with path.open("rb") as file:
            text = file.read(ARP_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return []
    rows = [line.split() for line in text.splitlines()[1:]]
    return [Neighbour(row[0], row[3], row[5]) for row in rows if len(row) == 6]
