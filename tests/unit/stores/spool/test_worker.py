"""The thread that does blocking work handles everything once and in order."""

import threading
from typing import Any

from mailwarden.stores.spool.worker import BATCH_MAX, ThreadWorker


def test_items_are_handled_in_order_and_in_batches() -> None:
    handled: list[list[Any]] = []
    gate = threading.Event()

    def handle(batch: list[Any]) -> None:
        gate.wait()
        handled.append(batch)

    worker = ThreadWorker("test", handle, lambda: None)
    for item in range(BATCH_MAX + 10):
        worker.submit(item)
    gate.set()
    worker.stop()
    assert [item for batch in handled for item in batch] == list(range(BATCH_MAX + 10))
    assert max(map(len, handled)) <= BATCH_MAX
    assert len(handled) < 20


def test_it_is_called_again_when_it_asks_for_it() -> None:
    calls: list[list[Any]] = []
    done = threading.Event()

    def handle(batch: list[Any]) -> float | None:
        calls.append(batch)
        if len(calls) == 3:
            done.set()
            return None
        return 0.0

    worker = ThreadWorker("test", handle, lambda: None)
    worker.submit("first")
    done.wait()
    worker.stop()
    assert calls == [["first"], [], []]


def test_its_death_is_told() -> None:
    died = threading.Event()
    caught: list[type[BaseException] | None] = []
    previous = threading.excepthook
    threading.excepthook = lambda args: caught.append(args.exc_type)
    try:
        worker = ThreadWorker("test", lambda _: 1 / 0, died.set)
        worker.submit("item")
        died.wait()
        worker.stop()
    finally:
        threading.excepthook = previous
    assert caught == [ZeroDivisionError]
