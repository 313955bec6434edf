"""Workers that count are killed; no lock stays, and no count is wrong but for the one under way."""

import mmap
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mailwarden.services.throttling.rate_table import RateTable, make_rate_table
from mailwarden.services.throttling.rates import UNLIMITED, Taken

NOW = 1_800_000_000
KILLS = 20
TAKES_BEFORE = 2000
KEYS = 5
TALLY = struct.Struct("=Q")

# Counts for ever, and notes in a tally of its own what it was told to be counted.
COUNT = """
import mmap, sys
from mailwarden.services.throttling.rate_table import RateTable

table, check, place, keys, now = map(int, sys.argv[1:])
rates = RateTable(table)
tally = memoryview(mmap.mmap(check, 0)).cast("Q")
number = 0
while True:
    key = number % keys
    tally[place + key] += rates.take(b"%d" % key, 1, -1, now).allowed
    number += 1
"""

HOLD = """
import sys
from fcntl import F_OFD_SETLK, fcntl
from mailwarden.services.throttling.rate_table import RateTable

rates = RateTable(int(sys.argv[1]))
fcntl(rates._file, F_OFD_SETLK, rates._place(b"0").lock)
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def memory() -> Iterator[int]:
    descriptor = make_rate_table(1)
    yield descriptor
    os.close(descriptor)


def start(program: str, descriptors: list[int], *arguments: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        pass_fds=descriptors,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def test_counts_survive_kills_at_any_instant(memory: int) -> None:
    """One worker counts all the while; another one is killed again and again."""
    table = RateTable(memory)
    check = os.memfd_create("tally")
    os.ftruncate(check, 8 * KEYS * (KILLS + 1))
    tally = mmap.mmap(check, 0)

    def told(place: int, key: int) -> int:
        return int(TALLY.unpack_from(tally, 8 * (place + key))[0])

    survivor = start(COUNT, [memory, check], memory, check, 0, KEYS, NOW)
    try:
        for number in range(1, KILLS + 1):
            place = KEYS * number
            victim = start(COUNT, [memory, check], memory, check, place, KEYS, NOW)
            while told(place, 0) < TAKES_BEFORE + 97 * number:
                assert victim.poll() is None
            kill(victim)
            before = told(0, 0)
            while told(0, 0) < before + 100:  # nobody stands before a lock of the dead
                assert survivor.poll() is None
    finally:
        kill(survivor)
    lost = 0
    for key in range(KEYS):
        counted = table.peek(b"%d" % key, NOW)
        sum_told = sum(told(KEYS * number, key) for number in range(KILLS + 1))
        assert sum_told <= counted
        lost += counted - sum_told
    assert lost <= KILLS + 1  # counted, but killed before it was told so
    assert table.take(b"0", 1, UNLIMITED, NOW).allowed == 1
    table.close()
    tally.close()
    os.close(check)


def test_the_lock_of_a_dead_worker_is_free(memory: int) -> None:
    victim = start(HOLD, [memory], memory)
    assert victim.stdout is not None
    assert victim.stdout.readline() == b"held\n"
    stuck: list[str] = []
    table = RateTable(memory, on_stuck=lambda: stuck.append("stuck"), pause=lambda _: None)
    assert table.take(b"0", 1, 1, NOW) == Taken(0, 0)  # it lives, and holds on
    assert stuck == ["stuck"]
    kill(victim)
    eager = RateTable(memory, pause=lambda _: pytest.fail("there is nothing to wait for"))
    assert eager.take(b"0", 1, 1, NOW) == Taken(1, 1)
    eager.close()
    table.close()


def test_who_waits_goes_on_when_the_holder_dies(memory: int) -> None:
    victim = start(HOLD, [memory], memory)
    assert victim.stdout is not None
    assert victim.stdout.readline() == b"held\n"
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            kill(victim)

    table = RateTable(memory, pause=pause)
    assert table.take(b"0", 1, 1, NOW) == Taken(1, 1)
    assert len(pauses) == 2
    table.close()
