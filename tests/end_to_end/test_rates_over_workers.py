"""Limits by the hour hold exactly over real processes that race for the last places."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mailwarden.services.throttling.rate_table import RateTable, make_rate_table

WORKERS = 4
LIMIT = 60_000
NOW = 1_800_000_000
KEYS = 3

# Takes until each key was refused some times; prints how many were allowed it, and news it had.
TAKE = """
import sys
from mailwarden.services.throttling.rate_table import RateTable

table, limit, now, keys = map(int, sys.argv[1:])
rates = RateTable(table)
print("ready", flush=True)
sys.stdin.readline()
allowed, refused, news = [0] * keys, 0, 0
while refused < 300:
    for key in range(keys):
        taken = rates.take(b"%d" % key, 1, limit, now)
        allowed[key] += taken.allowed
        refused += not taken.allowed
        if not taken.allowed:
            news += rates.tell(b"%d" % key, now)
print(*allowed, news)
"""

# Takes some and gives some of them back; prints what it kept.
TAKE_AND_GIVE_BACK = """
import sys
from mailwarden.services.throttling.rate_table import RateTable

table, limit, now, keys = map(int, sys.argv[1:])
rates = RateTable(table)
print("ready", flush=True)
sys.stdin.readline()
kept = [0] * keys
for number in range(20000):
    key = number % keys
    allowed = rates.take(b"%d" % key, 3, limit, now).allowed
    back = min(allowed, number % 4)
    if back:
        rates.give_back(b"%d" % key, back, now)
    kept[key] += allowed - back
print(*kept)
"""


@pytest.fixture
def memory() -> Iterator[int]:
    descriptor = make_rate_table(1)
    yield descriptor
    os.close(descriptor)


def run(program: str, memory: int) -> list[list[int]]:
    """Return the numbers that each of the processes printed."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, *map(str, (memory, LIMIT, NOW, KEYS))],
            pass_fds=[memory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(WORKERS)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * WORKERS
    return [list(map(int, output.split())) for output in outputs]


def test_racing_workers_let_through_exactly_the_limit(memory: int) -> None:
    results = run(TAKE, memory)
    for key in range(KEYS):
        assert sum(result[key] for result in results) == LIMIT
    assert sum(result[KEYS] for result in results) == KEYS  # each key was news to one


def test_what_is_kept_is_what_is_counted(memory: int) -> None:
    results = run(TAKE_AND_GIVE_BACK, memory)
    table = RateTable(memory)
    for key in range(KEYS):
        kept = sum(result[key] for result in results)
        assert 0 < kept == table.peek(b"%d" % key, NOW) <= LIMIT
    table.close()
