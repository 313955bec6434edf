"""A thread that does one spool's blocking work, so that the event loop does not wait for a disk."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Protocol

BATCH_MAX: Final = 4096  # items handled together

# Takes what has gathered; returns in how many seconds it wants to be called again with nothing.
Handle = Callable[[list[Any]], float | None]


class Worker(Protocol):
    """Something that handles items in order, elsewhere."""

    def submit(self, item: Any) -> None:  # noqa: ANN401  the handler knows what it takes
        """Hand over one item; returns at once."""
        ...

    def stop(self) -> None:
        """Wait until everything handed over has been handled."""
        ...


StartWorker = Callable[[str, Handle, Callable[[], None]], Worker]


class ThreadWorker:
    """Handles items in a thread of its own: as many at a time as have gathered."""

    def __init__(self, name: str, handle: Handle, died: Callable[[], None]) -> None:
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._handle = handle
        self._died = died
        self._runner = Thread(target=self._run, name=name, daemon=True)
        self._runner.start()

    def submit(self, item: Any) -> None:  # noqa: ANN401  the handler knows what it takes
        """Hand over one item; returns at once."""
        self._queue.put(item)

    def stop(self) -> None:
        """Wait until everything handed over has been handled."""
        self._queue.put(_STOP)
        self._runner.join()

    def _run(self) -> None:
        clean = False
        try:
            wait: float | None = None
            while (batch := self._gather(wait)) is not None:
                wait = self._handle(batch)
            clean = True
        finally:
            if not clean:  # a fault of ours: the traceback goes to standard error
                self._died()

    def _gather(self, wait: float | None) -> list[Any] | None:
        """Return the items that wait, or None to end; nothing after `wait` seconds."""
        queue = self._queue
        try:
            item = queue.get(timeout=wait)
        except Empty:
            return []
        batch = []
        try:
            while item is not _STOP:
                batch.append(item)
                if len(batch) == BATCH_MAX:
                    return batch
                item = queue.get_nowait()
        except Empty:
            return batch
        if batch:
            queue.put(_STOP)
            return batch
        return None


_STOP: Final = object()
