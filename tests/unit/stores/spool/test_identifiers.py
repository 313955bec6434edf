"""Numbers are dense while it is quiet, and never used twice whatever happens."""

import errno
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mailwarden.stores.spool.identifiers import (
    BLOCK_MAX,
    BLOCK_MIN,
    LOST_GAP,
    SLOT_OFFSETS,
    FileIdentifiers,
)
from mailwarden.stores.spool.spool import SpoolFailure
from mailwarden.stores.spool.worker import Handle
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.files.simulated import Faults, SimulatedDisk, Stopped

PATH = Path("/identifiers")


class Bench:
    """Opens identifiers on one disk; leases ahead happen when `work` is called."""

    def __init__(self) -> None:
        self.disk = SimulatedDisk()
        self.clock = SimulatedClock()
        self.alerts: list[str] = []
        self.spooled: int | None = None
        self.handles: list[tuple[Handle, list[Any]]] = []

    def open(self) -> FileIdentifiers:
        return FileIdentifiers(
            PATH, self.disk, self.clock, lambda: self.spooled, self.alerts.append, self._start
        )

    def _start(self, name: str, handle: Handle, died: Callable[[], None]) -> "BenchWorker":
        return BenchWorker(handle)

    def lose_a_slot(self, slot: int) -> None:
        self.disk.flip(str(PATH), SLOT_OFFSETS[slot] + 20)


class BenchWorker:
    """Handles at once."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def submit(self, item: Any) -> None:
        self._handle([item])

    def stop(self) -> None:
        pass


def test_numbers_start_at_one_and_are_dense() -> None:
    bench = Bench()
    numbers = bench.open()
    assert [numbers.next_mid() for _ in range(1000)] == list(range(1, 1001))
    assert [numbers.next_icid() for _ in range(3)] == [1, 2, 3]
    assert numbers.next_dcid() == 1
    assert bench.alerts == []


def test_what_was_not_used_is_given_back() -> None:
    bench = Bench()
    numbers = bench.open()
    last = [numbers.next_mid() for _ in range(100)][-1]
    numbers.close()
    bench.spooled = last
    again = bench.open()
    assert (again.next_mid(), again.next_icid()) == (last + 1, 1)


def test_after_a_kill_numbers_are_passed_over_not_reused() -> None:
    bench = Bench()
    used = {bench.open().next_mid() for _ in range(50)}
    assert len(used) == 50
    assert max(used) == 49 * BLOCK_MIN + 1


def test_two_workers_never_get_the_same() -> None:
    bench = Bench()
    first, second = bench.open(), bench.open()
    used = [worker.next_mid() for _ in range(500) for worker in (first, second)]
    assert len(set(used)) == 1000
    first.close()
    second.close()
    assert bench.open().next_mid() > max(used)


def test_blocks_grow_with_the_rate_and_shrink_again() -> None:
    bench = Bench()
    numbers = bench.open()
    for _ in range(500_000):
        numbers.next_icid()
    assert numbers._icids.size == BLOCK_MAX
    for _ in range(500_000):
        bench.clock.advance(0.01)
        numbers.next_icid()
    assert numbers._icids.size < BLOCK_MAX
    writes = sum(operation == "write" for operation, _ in bench.disk.trace)
    assert writes < 200


def test_one_damaged_slot_costs_a_gap() -> None:
    for slot in (0, 1):
        bench = Bench()
        numbers = bench.open()
        used = max(numbers.next_mid() for _ in range(300))
        bench.lose_a_slot(slot)
        again = bench.open()
        assert used < again.next_mid() < used + 2 * BLOCK_MAX
        assert len(bench.alerts) == 1


def test_a_lost_file_goes_on_behind_everything() -> None:
    bench = Bench()
    bench.open()
    bench.open()
    bench.lose_a_slot(0)
    bench.lose_a_slot(1)
    bench.spooled = 123_456_789_012
    numbers = bench.open()
    assert numbers.next_mid() == 123_456_789_012 + LOST_GAP
    assert numbers.next_icid() > 1_000_000
    assert "lost" in bench.alerts[0]


def test_a_removed_file_beside_a_spool_is_a_lost_one() -> None:
    bench = Bench()
    bench.spooled = 0
    assert bench.open().next_mid() > LOST_GAP
    assert len(bench.alerts) == 1


def test_a_disk_that_cannot_be_written_is_told_when_the_lease_is_used_up() -> None:
    bench = Bench()
    numbers = bench.open()
    bench.disk.faults.errors.append(("sync", "identifiers", errno.EIO))
    used = [numbers.next_mid() for _ in range(BLOCK_MIN)]
    with pytest.raises(SpoolFailure, match="leased"):
        numbers.next_mid()
    bench.disk.faults.errors.clear()
    assert numbers.next_mid() > max(used)


def test_a_read_only_disk_is_told_at_once() -> None:
    bench = Bench()
    bench.disk.faults.read_only = True
    with pytest.raises(SpoolFailure, match="Read-only"):
        bench.open()


def test_no_number_is_used_twice_whenever_the_power_is_cut() -> None:
    for stop_at in range(60):
        for after in (False, True):
            bench = Bench()
            bench.disk.faults = Faults(stop_at=stop_at, stop_after=after, torn=0.5)
            used: set[int] = set()
            try:
                while True:
                    numbers = bench.open()
                    for _ in range(100):
                        number = numbers.next_mid()
                        assert number not in used
                        used.add(number)
            except Stopped:
                pass
            bench.disk.power_cut(Random(stop_at))
            number = bench.open().next_mid()
            assert number not in used
            assert not used or number > max(used)
