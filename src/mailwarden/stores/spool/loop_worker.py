"""Commits on the event loop itself, while the kernel syncs (system/files/kernel_sync.py)."""

import math
from collections.abc import Callable, Generator
from typing import Any, Final, Protocol

# The least time between the begins of two commits. A sync costs the machine more than the rest of
# a small message: a worker that is given one message after the other syncs several at a time.
GATHER_SECONDS: Final = 0.002

# Yields descriptors to be synced; is sent what went wrong with each, or None.
Steps = Generator[int, OSError | None, None]


Later = Callable[[float, Callable[[], None]], object]


class Syncs(Protocol):
    """Who syncs."""

    def fdatasync(self, fd: int, done: Callable[[OSError | None], None]) -> None:
        """Sync the data of `fd`, then call `done` on the loop."""
        ...

    def poll(self) -> None:
        """Call back for those that are over."""
        ...

    def wait(self) -> None:
        """Wait for one sync and call back."""
        ...


class LoopWorker:
    """Handles items in order: those that come while a sync is under way together, behind it."""

    def __init__(
        self,
        steps: Callable[[list[Any]], Steps],
        syncs: Syncs,
        died: Callable[[], None],
        later: Later | None = None,
        monotonic: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Without `later`, nothing ever waits to be gathered."""
        self._make_steps = steps
        self._syncs = syncs
        self._died = died
        self._items: list[Any] = []
        self._steps: Steps | None = None
        self._is_dead = False
        self._later = later
        self._monotonic = monotonic
        self._began_at = -math.inf
        self._is_waiting = False

    def submit(self, item: Any) -> None:  # noqa: ANN401  the steps know what they take
        """Begin with `item`, or keep it until what is under way is done."""
        self._items.append(item)
        if self._steps is None:
            self._begin_in_time()

    def stop(self) -> None:
        """Wait until everything handed over has been handled."""
        self._begin()
        while self._steps is not None:
            self._syncs.wait()
            self._begin()  # what else would wait to be gathered

    def _begin_in_time(self) -> None:
        """Begin at once after a pause; in a stream of mail, let some of it gather first."""
        if self._is_waiting or not self._items:
            return
        wait = self._began_at + GATHER_SECONDS - self._monotonic()
        if wait <= 0 or self._later is None:
            self._begin()
        else:
            self._is_waiting = True
            self._later(wait, self._waited)

    def _waited(self) -> None:
        self._is_waiting = False
        if self._steps is None:
            self._begin()

    def _begin(self) -> None:
        while self._items and self._steps is None and not self._is_dead:
            self._began_at = self._monotonic()
            items, self._items = self._items, []
            self._steps = self._make_steps(items)
            self._go(None)

    def _go(self, trouble: OSError | None) -> None:
        """Go on up to the next sync."""
        steps = self._steps
        assert steps is not None
        clean = False
        try:
            fd = steps.send(trouble)
            clean = True
        except StopIteration:
            clean = True
            self._steps = None
            return
        finally:
            if not clean:  # a fault of ours
                self._steps = None
                self._is_dead = True
                self._died()
        self._syncs.fdatasync(fd, self._synced)

    def _synced(self, trouble: OSError | None) -> None:
        self._go(trouble)
        if self._steps is None:
            self._begin_in_time()
