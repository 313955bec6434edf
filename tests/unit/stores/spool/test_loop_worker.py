"""Commits on the event loop: one step after the other, whatever comes in between."""

from collections.abc import Callable
from typing import Any

import pytest

from mailwarden.stores.spool.loop_worker import GATHER_SECONDS, LoopWorker
from mailwarden.stores.spool.spool import Entry, SpoolFailure, State
from tests.unit.stores.spool.bench import Bench
from tests.unit.stores.spool.harness import message


class Syncs:
    """Keeps what is to be synced until a test says that it was."""

    def __init__(self) -> None:
        self.wanted: list[tuple[int, Callable[[OSError | None], None]]] = []

    def fdatasync(self, fd: int, done: Callable[[OSError | None], None]) -> None:
        self.wanted.append((fd, done))

    def finish(self, trouble: OSError | None = None) -> None:
        _, done = self.wanted.pop(0)
        done(trouble)

    def poll(self) -> None:
        """Nothing is over before a test says so."""

    def wait(self) -> None:
        self.finish()


class Steps:
    """Takes two syncs for each batch, and writes down what it hears."""

    def __init__(self, log: list[Any]) -> None:
        self._log = log
        self._next = 0

    def begin(self, items: list[Any]) -> int:
        self._log.append(items)
        if "fault" in items:
            raise ZeroDivisionError
        self._next = 2
        return 1

    def go_on(self, trouble: OSError | None) -> int:
        self._log.append(trouble)
        fd, self._next = self._next, -1
        return fd


def recording(
    log: list[Any], syncs: Syncs, died: Callable[[], None] = lambda: None, **more: Any
) -> LoopWorker:
    return LoopWorker(Steps(log), syncs, died, **more)


def test_what_comes_during_a_sync_is_done_together_behind_it() -> None:
    log: list[Any] = []
    syncs = Syncs()
    worker = recording(log, syncs)
    for item in "abc":
        worker.submit(item)
    assert log == [["a"]]
    trouble = OSError("disk")
    syncs.finish(trouble)
    syncs.finish()
    assert log == [["a"], trouble, None, ["b", "c"]]
    worker.submit("d")
    worker.stop()
    assert log[4:] == [None, None, ["d"], None, None]
    assert syncs.wanted == []


def test_a_stream_of_items_gathers_and_an_idle_worker_begins_at_once() -> None:
    log: list[Any] = []
    later: list[tuple[float, Callable[[], None]]] = []
    now = [100.0]
    syncs = Syncs()
    worker = recording(
        log,
        syncs,
        later=lambda wait, call: later.append((wait, call)),
        monotonic=lambda: now[0],
    )
    worker.submit("a")
    worker.submit("b")
    syncs.finish()
    syncs.finish()
    worker.submit("c")
    assert log == [["a"], None, None]
    ((wait, call),) = later
    assert wait == pytest.approx(GATHER_SECONDS)
    now[0] += wait
    call()
    assert log[3:] == [["b", "c"]]
    now[0] += 1.0
    worker.stop()
    worker.submit("d")
    assert log[-1] == ["d"]


def test_stop_waits_for_what_would_be_gathered() -> None:
    log: list[Any] = []
    worker = recording(log, Syncs(), later=lambda *_: None, monotonic=lambda: 1.0)
    worker.submit("a")
    worker.submit("b")
    worker.stop()
    assert log == [["a"], None, None, ["b"], None, None]


def test_its_death_is_told_and_does_not_keep_anybody_waiting() -> None:
    died: list[bool] = []
    worker = recording([], Syncs(), lambda: died.append(True))
    with pytest.raises(ZeroDivisionError):
        worker.submit("fault")
    assert died == [True]
    worker.submit("more")
    worker.stop()


def test_a_callback_that_raises_does_not_end_the_spool() -> None:
    bench = Bench(on_loop=True)

    def fail(entry: Entry | None, failure: SpoolFailure | None) -> None:
        raise ZeroDivisionError

    bench.spool.put(message(1), State.QUEUED, fail)
    with pytest.raises(ZeroDivisionError):
        bench.driver.run()
    bench.put(2)
    assert bench.mids() == [1, 2]
    assert bench.alerts == []


def test_a_failed_sync_on_the_loop_refuses_and_harms_nothing() -> None:
    bench = Bench(on_loop=True)
    bench.put(1)
    bench.disk.faults.errors.append(("sync", ".seg", 5))
    assert bench.try_put(message(2)) is None
    bench.disk.faults.errors.clear()
    bench.put(3)
    bench.restart(power_cut=True)
    assert bench.mids() == [1, 3]
