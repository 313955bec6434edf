"""The machine stops at every step of random work on the spool; nothing accepted is lost."""

from contextlib import suppress
from random import Random

import pytest

from mailwarden.system.files.simulated import Faults, SimulatedDisk, Stopped
from tests.crash.workload import Level, World

STEPS = 150


def new_world(seed: int) -> World:
    disk = SimulatedDisk()
    disk.make_directory("/spool")
    disk.sync_directory("/")
    return World(seed, disk)


def live(world: World, steps: int) -> None:
    """Start, work, and end well."""
    world.start()
    world.work(steps)
    world.driver.run()


def operations(seed: int) -> int:
    """Return how many changing operations the work of `seed` needs."""
    world = new_world(seed)
    live(world, STEPS)
    return world.disk.operations


def stop_and_check(seed: int, stop_at: int, mode: int) -> World:
    """Work until the machine stops at an operation, start again, and check."""
    world = new_world(seed)
    world.disk.faults = Faults(
        stop_at=stop_at, stop_after=mode % 3 == 0, torn=0.0 if mode % 3 == 1 else 0.6
    )
    with suppress(Stopped):
        live(world, STEPS)
    restart(world, power_cut=mode % 2 == 0, random=Random(seed * 1000 + stop_at))
    return world


def restart(world: World, random: Random, *, power_cut: bool) -> None:
    if power_cut:
        world.disk.power_cut(random)
    else:
        world.disk.crash()
    world.start()
    world.check(Level.SAFE if power_cut else Level.HANDED)


@pytest.mark.parametrize("seed", range(6))
def test_the_machine_stops_at_every_operation(seed: int) -> None:
    for stop_at in range(operations(seed)):
        stop_and_check(seed, stop_at, mode=stop_at + seed)


@pytest.mark.parametrize("seed", range(100, 140))
def test_many_lives(seed: int) -> None:
    """After each stop the spool goes on from what is there; owners of parts change."""
    lives(new_world(seed), Random(seed))


@pytest.mark.parametrize("seed", range(200, 240))
def test_many_lives_with_a_failing_disk(seed: int) -> None:
    """The same, while writes and syncs fail now and then."""
    world = new_world(seed)
    world.sync_errors = True
    lives(world, Random(seed))


def lives(world: World, random: Random) -> None:
    world.start()
    for _ in range(8):
        stop_within(world, random, 200)
        with suppress(Stopped):
            world.work(1000)
        power_cut = end(world, random)
        if random.random() < 0.3:
            world.own, world.other = world.other, world.own
        while random.random() < 0.5:  # it stops again while it reads the spool
            stop_within(world, random, 30)
            with suppress(Stopped):
                world.start()
            power_cut |= end(world, random)
        world.start()
        world.check(Level.SAFE if power_cut else Level.HANDED)


def stop_within(world: World, random: Random, operations: int) -> None:
    world.disk.faults.stop_at = world.disk.operations + random.randrange(operations)
    world.disk.faults.stop_after = random.random() < 0.5
    world.disk.faults.torn = random.random()


def end(world: World, random: Random) -> bool:
    """End the process or the machine; True if it was the machine."""
    if random.random() < 0.6:
        world.disk.power_cut(random)
        return True
    world.disk.crash()
    return False
