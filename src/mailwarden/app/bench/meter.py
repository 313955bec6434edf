"""Processor time and memory of a target with all its processes.

Processor time comes from a control group of the target's own where one can be made, as it counts
short-lived processes too; else from the process tree, where what orphans did is missed.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

_V1: Final = Path("/sys/fs/cgroup/cpuacct")
_V2_MOUNTS: Final = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_GONE_SECONDS: Final = 2.0  # how long an emptied control group may still be busy


class Meter(Protocol):
    """Counts what a process and its descendants use."""

    how: str  # for the documentation

    def enclose(self, command: list[str]) -> list[str]:
        """Return `command` such that the process it starts is counted."""
        ...

    def started(self, pid: int) -> None:
        """Learn the process that `enclose` led to."""
        ...

    def pids(self) -> list[int]:
        """Return the living processes."""
        ...

    def cpu_seconds(self) -> float:
        """Return user and system time of all of them, since start."""
        ...

    def close(self) -> None:
        """Let go of what was made for counting; no process is left by then."""
        ...


class GroupMeter:
    """Counts by a control group, version 1 (cpuacct) or 2."""

    def __init__(self, group: Path) -> None:
        group.mkdir()
        self._group = group
        self._is_v1 = (group / "cpuacct.usage").exists()
        self.how = "cgroup v1 cpuacct" if self._is_v1 else "cgroup v2 cpu.stat"

    def enclose(self, command: list[str]) -> list[str]:
        """Return `command` behind a shell that enters the group first."""
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', f"{self._group}/cgroup.procs", *command]

    def started(self, pid: int) -> None:
        """Need nothing: the group knows its processes."""

    def pids(self) -> list[int]:
        """Return the living processes; none once the group is closed."""
        with suppress(OSError):
            return [int(pid) for pid in (self._group / "cgroup.procs").read_text().split()]
        return []

    def cpu_seconds(self) -> float:
        """Return user and system time of all that ever ran in the group."""
        if self._is_v1:
            return int((self._group / "cpuacct.usage").read_text()) / 1e9
        stat = dict(line.split() for line in (self._group / "cpu.stat").read_text().splitlines())
        return int(stat["usage_usec"]) / 1e6

    def close(self) -> None:
        """Remove the group; a process that has just died may keep it busy for a moment."""
        until = time.monotonic() + _GONE_SECONDS
        while time.monotonic() < until:
            try:
                self._group.rmdir()
            except OSError:
                time.sleep(0.05)
            else:
                return


class TreeMeter:
    """Counts by /proc: the living descendants and what they have waited for."""

    how = "/proc, process tree"

    def __init__(self) -> None:
        self._root = 0

    def enclose(self, command: list[str]) -> list[str]:
        """Return `command` as it is."""
        return command

    def started(self, pid: int) -> None:
        """Take `pid` as the root of the tree."""
        self._root = pid

    def pids(self) -> list[int]:
        """Return the root and its living descendants."""
        children: dict[int, list[int]] = {}
        for pid, fields in _all_processes():
            children.setdefault(int(fields[1]), []).append(pid)
        found, waiting = [], [self._root]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += children.get(pid, ())
        return [pid for pid in found if Path(f"/proc/{pid}").exists()]

    def cpu_seconds(self) -> float:
        """Return the time of the living ones and of their children that have ended."""
        total = 0
        for pid in self.pids():
            with suppress(OSError):
                # proc(5): utime, stime, cutime, cstime are the fields 14 to 17 of stat.
                total += sum(map(int, _stat_fields(pid)[11:15]))
        return total / _TICKS

    def close(self) -> None:
        """Need nothing."""


def make_meter(name: str) -> Meter:
    """Return the best meter that this machine and this user allow."""
    folder = f"mailwarden-bench-{os.getpid()}-{name}"
    for parent in (_V1, *_own_v2_groups()):
        with suppress(OSError):
            return GroupMeter(parent / folder)
    return TreeMeter()


def _own_v2_groups() -> list[Path]:
    """Return this process's group in each mount of version 2: a child of it may be made there."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                own = line[3:].lstrip("/")
                return [m / own for m in _V2_MOUNTS if (m / "cgroup.controllers").exists()]
    return []


def pss_bytes(pids: list[int]) -> int:
    """Return the proportional set size of the processes: memory they share counts once."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
                    break
    return total


def _all_processes() -> list[tuple[int, list[str]]]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError):
                found.append((int(entry), _stat_fields(int(entry))))
    return found


def _stat_fields(pid: int) -> list[str]:
    """Return the fields of stat from the third on; the second, the name, may hold blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
