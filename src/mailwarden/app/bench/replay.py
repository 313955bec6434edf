"""Start-up with a full queue: of the spool alone, and of a gateway with all its workers."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from mailwarden.app.bench.gateway import Gateway
from mailwarden.app.bench.measure import MemoryWatch
from mailwarden.app.bench.results import ReplayResult
from mailwarden.app.bench.target import Running, free_port
from mailwarden.app.bench.workplace import BenchError, Workplace

_SCRIPT: Final = Path("tests/benchmarks/replay_spool.py")  # made by those who made the spool
_MODULE: Final = "tests.benchmarks.replay_spool"
_FILL_SECONDS: Final = 3600
_READY_SECONDS: Final = 600.0
_SETTLE_SECONDS: Final = 5.0  # delivery takes what was read, after the ports are open
_WORKERS: Final = 2


class _SpoolRead(msgspec.Struct):
    """What the script prints about one spool."""

    recipients: int
    seconds: float
    peak_mb: float
    bytes_a_recipient: float


def measure_replay(workplace: Workplace, messages: int) -> ReplayResult:
    """Fill the spool of each worker with its share of `messages`, read one, start a gateway.

    Raises:
        BenchError: the script is missing or fails, or the gateway does not start.
    """
    if not (workplace.checkout / _SCRIPT).exists():
        raise BenchError(f"{_SCRIPT} is missing")
    gateway = Gateway(workplace, _WORKERS)
    port = free_port()
    launch = gateway.prepare(port, free_port())
    share = messages // _WORKERS
    for worker in range(_WORKERS):
        first = str(1 + worker * share)
        size = ("--messages", str(share), "--first", first)
        _run(workplace, "--make", _part(gateway, worker), *size)
    spool = msgspec.json.decode(_run(workplace, "--read", _part(gateway, 0)), type=_SpoolRead)
    logs = workplace.state / "logs"
    running = Running(gateway, launch, port, logs, ready_seconds=_READY_SECONDS)
    began = time.monotonic()
    with MemoryWatch(running) as memory, running:
        seconds = time.monotonic() - began
        time.sleep(_SETTLE_SECONDS)
    problems = []
    if spool.recipients != share:
        problems.append(f"{spool.recipients} of {share} messages were read back")
    return ReplayResult(
        messages=share * _WORKERS,
        seconds=seconds,
        pss_peak_bytes=memory.pss_bytes,
        spool_messages=spool.recipients,
        spool_seconds=spool.seconds,
        spool_peak_bytes=int(spool.peak_mb * 1e6),
        bytes_per_recipient=spool.bytes_a_recipient,
        problems=tuple(problems),
    )


def _part(gateway: Gateway, worker: int) -> str:
    """Return the spool folder of a worker, as `StateDirectory` names it."""
    return str(gateway.state / "spool" / str(worker))


def _run(workplace: Workplace, *words: str) -> bytes:
    """Run the script and return its last line."""
    command = [sys.executable, "-m", _MODULE, *words]
    done = subprocess.run(
        command, capture_output=True, check=False, timeout=_FILL_SECONDS, cwd=workplace.checkout
    )
    lines = done.stdout.splitlines()
    if done.returncode:
        raise BenchError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-500:]}")
    return lines[-1] if lines else b""
