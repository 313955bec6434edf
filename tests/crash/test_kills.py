"""A real process on a real disk is killed; what it was told to be safe is there."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from mailwarden.stores.spool.tools import Inspection
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.files.files import SystemFiles
from tests.crash.kitchen import Kitchen
from tests.crash.putter import body

MIDS_EACH = 1_000_000  # so that no process uses another one's numbers


class Told:
    """What all processes so far have said."""

    def __init__(self) -> None:
        self.safe: set[int] = set()
        self.settling: set[int] = set()
        self.child_of: dict[int, int] = {}
        self.accepted = 0
        self.duplicates = 0

    def hear(self, kind: str, first: int, second: int) -> None:
        if kind == "P":
            self.safe.add(first)
            self.accepted += 1
        elif kind == "S":
            self.settling.add(first)
        elif kind == "R":
            self.child_of[first] = second
        else:
            self.safe.add(second)

    def check(self, spool: Path) -> None:
        """Compare what is on the disk with what was said."""
        inspection = Inspection(SystemFiles(), SystemClock(), spool)
        there = set(inspection.found.entries)
        for mid in self.safe - there - self.settling:
            assert self.lives_on(mid, there), f"MID {mid} is missing"
        for parent, child in self.child_of.items():
            assert not (parent in there and child in there), f"MID {parent} is there twice"
        for mid in there:
            exported = inspection.export(mid)
            assert exported is not None
            assert b"".join(exported) == body(mid)
        self.duplicates += len(there & self.settling)
        # The next process begins with what is there, and nothing else.
        self.safe = set(there)
        self.settling -= there
        self.child_of = {}

    def lives_on(self, mid: int, there: set[int]) -> bool:
        child = self.child_of.get(mid)
        return child is not None and (child in there or child in self.settling)


class Nursery:
    """Starts processes, listens to them, and kills them."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool
        self.told = Told()
        self.number = 0
        self.kitchen = Kitchen("tests.crash.putter")

    def run(self, seconds: float | None, *stop: object) -> bool:
        """Let one process live for so long, or until it kills itself; False if it did not."""
        self.number += 1
        pid = self.kitchen.start(self.spool / "0", self.number * MIDS_EACH, *stop)
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(10.0 if seconds is None else seconds, kill)
        timer.start()
        for word, *numbers in self.kitchen.heard():
            self.told.hear(word, int(numbers[0]), int(numbers[-1]))
        timer.cancel()
        timer.join()
        self.told.check(self.spool)
        return not killed.is_set()


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    spool = tmp_path / "spool"
    spool.mkdir()
    made = Nursery(spool)
    yield made
    made.kitchen.close()


def test_nothing_is_missing_after_200_kills(nursery: Nursery) -> None:
    random = Random(1)
    for _ in range(200):
        nursery.run(random.uniform(0.01, 0.15))
    assert nursery.told.accepted > 200
    print(f"{nursery.told.accepted} accepted, {nursery.told.duplicates} duplicates")


INSTANTS = [
    ("create", ".seg"),
    ("create", ".state"),
    ("sync_directory", "/0"),
    ("write", ".seg"),
    ("sync", ".seg"),
    ("write", ".state"),
    ("sync", ".state"),
    ("unlink", ".seg"),
    ("unlink", ".state"),
    ("create", ""),
    ("sync_directory", "/large"),
]


@pytest.mark.parametrize(("operation", "end"), INSTANTS)
def test_nothing_is_missing_after_a_kill_at(nursery: Nursery, operation: str, end: str) -> None:
    for number in (0, 1, 5):
        assert nursery.run(None, operation, end or "*", number)
    nursery.run(0.05)
