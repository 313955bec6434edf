"""Commits on the event loop itself, while the kernel syncs (system/files/kernel_sync.py)."""

import math
from collections.abc import Callable
from typing import Any, Final, Protocol

# The least time between the begins of two commits. A sync costs the machine more than the rest of
# a small message: a worker that is given one message after the other syncs several at a time.
GATHER_SECONDS: Final = 0.002

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


class Steps(Protocol):
    """What is done with items, cut where it has to wait for a sync.

    Both return the descriptor that is to be synced before `go_on`, or -1 when all is done.
    """

    def begin(self, items: list[Any]) -> int:
        """Do something with `items`."""
        ...

    def go_on(self, trouble: OSError | None) -> int:
        """Go on after the sync, or after `trouble` with it."""
        ...


class LoopWorker:
    """Handles items in order: those that come while a sync is under way together, behind it."""

    def __init__(
        self,
        steps: Steps,
        syncs: Syncs,
        died: Callable[[], None],
        later: Later | None = None,
        monotonic: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Without `later`, nothing ever waits to be gathered."""
        self._steps = steps
        self._syncs = syncs
        self._died = died
        self._items: list[Any] = []
        self._is_busy = False
        self._is_dead = False
        self._later = later
        self._monotonic = monotonic
        self._began_at = -math.inf
        self._is_waiting = False

    def submit(self, item: Any) -> None:  # noqa: ANN401  whoever is given it knows what it is
        """Begin with `item`, or keep it until what is under way is done."""
        self._items.append(item)
        if not self._is_busy:
            self._begin_in_time()

    def stop(self) -> None:
        """Wait until everything handed over has been handled."""
        self._begin()
        while self._is_busy:
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
        if not self._is_busy:
            self._begin()

    def _begin(self) -> None:
        while self._items and not self._is_busy and not self._is_dead:
            self._began_at = self._monotonic()
            items, self._items = self._items, []
            self._is_busy = True
            fd = -1
            clean = False
            try:
                fd = self._steps.begin(items)
                clean = True
            finally:
                if not clean:
                    self._die()
            self._sync(fd)

    def _synced(self, trouble: OSError | None) -> None:
        fd = -1
        clean = False
        try:
            fd = self._steps.go_on(trouble)
            clean = True
        finally:
            if not clean:
                self._die()
        self._sync(fd)
        if not self._is_busy:
            self._begin_in_time()

    def _sync(self, fd: int) -> None:
        if fd >= 0:
            self._syncs.fdatasync(fd, self._synced)
        else:
            self._is_busy = False

    def _die(self) -> None:
        """Take it that a fault of ours has come up."""
        self._is_busy = False
        self._is_dead = True
        self._died()
