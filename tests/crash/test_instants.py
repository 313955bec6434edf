"""The machine stops right before, in the middle of and right after each named instant."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from functools import cache
from random import Random

import pytest

from mailwarden.system.files.simulated import Stopped
from tests.crash.instants import NamingDisk, documented
from tests.crash.workload import Level, World

# The numbers have a file and tests of their own: tests/unit/stores/spool/test_identifiers.py.
ELSEWHERE = {"numbers-written", "numbers-synced"}
SEEDS = range(300, 312)
EACH = 12  # how often each instant is stopped at
MODES = [(False, 0.0), (False, 0.5), (True, 0.0)]  # before, in the middle, after


class NamedWorld(World):
    """Work with a restart in it, on a disk that names what it does."""

    def __init__(self, seed: int) -> None:
        self.named = NamingDisk()
        super().__init__(seed, self.named)
        self.disk.make_directory("/spool")
        self.disk.sync_directory("/")
        self.sync_errors = True

    def start(self) -> None:
        self.named.is_starting = True
        super().start()
        self.named.is_starting = False

    def live(self) -> None:
        self.start()
        self.work(150)
        faults = self.disk.faults
        level = self.end(power_cut=False)
        self.disk.faults = replace(faults, errors=[])
        self.start()
        self.check(level)
        self.work(100)
        self.driver.run()

    def end(self, *, power_cut: bool) -> Level:
        """End the process, or the machine."""
        if power_cut:
            self.disk.power_cut(Random(self.disk.operations))
            return Level.SAFE
        self.disk.crash()
        return Level.HANDED


@cache
def occurrences() -> dict[str, list[tuple[int, int]]]:
    """Return for each instant in which work (a seed) and when (an operation) it happens."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for seed in SEEDS:
        world = NamedWorld(seed)
        world.live()
        for number, name in world.named.names_of.items():
            found[name].append((seed, number))
    return found


def test_the_table_of_instants_is_complete_and_true() -> None:
    assert set(occurrences()) == documented() - ELSEWHERE


@pytest.mark.parametrize("name", sorted(documented() - ELSEWHERE))
def test_nothing_is_lost_at(name: str) -> None:
    places = occurrences()[name]
    step = max(1, len(places) // EACH)
    for seed, number in places[::step]:
        for after, torn in MODES:
            world = NamedWorld(seed)
            faults = world.disk.faults
            faults.stop_at, faults.stop_after, faults.torn = number, after, torn
            with suppress(Stopped):
                world.live()
            level = world.end(power_cut=number % 2 == 0)
            world.start()
            world.check(level)
