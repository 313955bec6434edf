"""A process that commits is killed at any instant: the old version is there or the new one."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from mailwarden.stores.configuration.restore import restore
from mailwarden.stores.configuration.store import ConfigurationStore
from mailwarden.system.clock.clock import SystemClock
from tests.crash.committer import AUTHOR, LIMITS, tree
from tests.crash.kitchen import Kitchen

STATEMENTS_MAX = 200  # more than a few commits and a compaction have


class Committers:
    """Starts processes, listens to them, kills them, and looks at what they leave."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done = 0
        self.kitchen = Kitchen("tests.crash.committer")

    def run(self, seconds: float, stop: int | None = None) -> None:
        pid = self.kitchen.start(self.folder, *(() if stop is None else (stop,)))
        timer = threading.Timer(seconds, os.kill, (pid, signal.SIGKILL))
        timer.start()
        begun = self.done
        for word, number in self.kitchen.heard():
            if word == "D":
                self.done = int(number)
            else:
                begun = int(number)
        timer.cancel()
        timer.join()
        self.check(begun)

    def check(self, begun: int) -> None:
        """Compare what is on the disk with what was said."""
        store = ConfigurationStore(self.folder, SystemClock(), LIMITS)
        try:
            store.recover()
            assert store.verify() is None
            head = store.head()
            number = 0 if head is None else head.number
            assert number in (self.done, begun)
            for version in store.history(3):
                assert store.read(version.number).tree == tree(version.number)
            self.done = number
        finally:
            store.close()


@pytest.fixture
def committers(tmp_path: Path) -> Iterator[Committers]:
    made = Committers(tmp_path)
    yield made
    made.kitchen.close()


def test_c_old_or_new_after_100_kills(committers: Committers) -> None:
    random = Random(1)
    for _ in range(100):
        committers.run(random.uniform(0.01, 0.1))
    assert committers.done > 20
    print(f"{committers.done} versions")


def test_old_or_new_after_a_kill_before_each_statement(committers: Committers) -> None:
    for stop in range(STATEMENTS_MAX):
        committers.run(10.0, stop)
    assert committers.done > 20


def test_a_restore_that_is_killed_can_be_done_again(committers: Committers) -> None:
    committers.run(0.3)
    done = committers.done
    assert done > 0
    for name in ("", "-wal", "-shm"):  # as after the first step, and after the last but one
        path = committers.folder / f"configuration.db{name}"
        path.unlink(missing_ok=True)
    restored = restore(committers.folder, AUTHOR, SystemClock(), LIMITS)
    again = restore(committers.folder, AUTHOR, SystemClock(), LIMITS)
    assert (restored.version.restores, again.version.restores) == (done, done + 1)
    store = ConfigurationStore(committers.folder, SystemClock(), LIMITS)
    assert store.read(again.version.number).tree == tree(done)
    store.close()
