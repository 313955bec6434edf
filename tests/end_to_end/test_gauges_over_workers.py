"""Limits hold over real processes that race for the last places, and over their deaths."""

import os
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

from mailwarden.services.throttling.board import BoardGauges, clear_region, make_board

WORKERS = 4
ROUNDS = 50_000

# Each process counts those who hold a place a second time, under a lock: after it acquired and
# before it releases. That count is at most what the gauge let in.
HAMMER = """
import fcntl, mmap, struct, sys
from mailwarden.services.throttling.board import BoardGauges

board, check, worker, limit, rounds = map(int, sys.argv[1:])
gauges = BoardGauges(board, worker)
seen = mmap.mmap(check, 24)

def change(by):
    fcntl.lockf(check, fcntl.LOCK_EX)
    now, most, wins = struct.unpack("=QQQ", seen[:])
    now += by
    seen[:] = struct.pack("=QQQ", now, max(most, now), wins + (by > 0))
    fcntl.lockf(check, fcntl.LOCK_UN)

print("ready", flush=True)
sys.stdin.readline()
for number in range(rounds):
    if gauges.try_acquire("destination:x.example", limit):
        change(1)
        change(-1)
        gauges.release("destination:x.example")
"""

HOLD = """
import sys, time
from mailwarden.services.throttling.board import BoardGauges

gauges = BoardGauges(int(sys.argv[1]), int(sys.argv[2]))
for number in range(3):
    assert gauges.try_acquire("connections", 5)
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def board() -> Iterator[int]:
    descriptor = make_board(WORKERS)
    yield descriptor
    os.close(descriptor)


def start(program: str, descriptors: list[int], *arguments: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        pass_fds=descriptors,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_racing_workers_never_pass_the_limit(board: int, limit: int) -> None:
    with tempfile.TemporaryFile() as check:
        check.truncate(24)
        descriptors = [board, check.fileno()]
        workers = [
            start(HAMMER, descriptors, board, check.fileno(), index, limit, ROUNDS)
            for index in range(WORKERS)
        ]
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for worker in workers:
            worker.communicate(timeout=120)
        assert [worker.returncode for worker in workers] == [0] * WORKERS
        now, most, wins = struct.unpack("=QQQ", os.pread(check.fileno(), 24, 0))
    assert now == 0
    assert most <= limit
    assert wins > 0
    clear = BoardGauges(board, 0)
    assert clear.value("destination:x.example") == 0


def test_a_killed_worker_leaves_nothing_behind(board: int) -> None:
    here = BoardGauges(board, 0)
    assert here.try_acquire("connections", 5)
    victim = start(HOLD, [board], board, 1)
    assert here.value("connections") == 4
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=30)
    assert here.try_acquire("connections", 5)
    assert not here.try_acquire("connections", 5)  # its places are still counted
    clear_region(board, 1)
    assert here.value("connections") == 2
    successor = start(HOLD, [board], board, 1)
    assert here.value("connections") == 5
    assert not here.try_acquire("connections", 5)
    successor.communicate("end\n", timeout=30)
