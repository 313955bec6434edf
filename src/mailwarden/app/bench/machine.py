"""What the figures were measured on."""

import os
import platform
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

from mailwarden.app.bench.build import Build
from mailwarden.app.bench.target import Target

_SYNCS: Final = 200
_SYNC_BYTES: Final = 4096
_LIBRARIES: Final = ("uvloop", "msgspec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Machine, system and versions."""

    measured_at: str  # date and time, UTC
    processor: str
    processors: int
    memory_bytes: int
    system: str
    kernel: str
    file_system: str  # of the folder that all queues are in
    sync_us: float  # median time of a 4 KB append with fdatasync
    load_average: float  # over the last minute, when the benchmark began
    python: str
    versions: dict[str, str]  # of targets and libraries
    build: Build | None = None  # of the gateway; old files have it not
    missing: dict[str, str] = field(default_factory=dict)  # why a peer was left out, by its name


def describe_machine(
    state: Path, targets: Iterable[Target], missing: dict[str, str], build: Build
) -> Machine:
    """Look at the machine; `state` is the folder that the queues will be in."""
    versions = {target.name: target.version() for target in targets}
    versions |= {name: metadata.version(name) for name in _LIBRARIES}
    return Machine(
        measured_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        processor=_field(Path("/proc/cpuinfo"), "model name"),
        processors=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        system=_system(),
        kernel=platform.release(),
        file_system=_file_system(state),
        sync_us=_sync_microseconds(state),
        load_average=os.getloadavg()[0],
        python=platform.python_version(),
        versions=versions,
        build=build,
        missing=missing,
    )


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _field(file: Path, name: str) -> str:
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _file_system(folder: Path) -> str:
    """Return the type of the file system that `folder` is on: the longest mount point wins."""
    path, best, kind = str(folder.resolve()), "", "unknown"
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        mount, of_type = line.split()[1:3]
        inside = mount in ("/", path) or path.startswith(f"{mount}/")
        if inside and len(mount) >= len(best):
            best, kind = mount, of_type
    return kind


def _sync_microseconds(folder: Path) -> float:
    probe, times = folder / "sync-probe", []
    data = bytes(_SYNC_BYTES)
    with probe.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            file.write(data)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1e6)
    probe.unlink()
    return statistics.median(times)
