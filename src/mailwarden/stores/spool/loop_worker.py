"""Commits on the event loop itself, while the kernel syncs (system/files/kernel_sync.py)."""

from collections.abc import Callable, Generator
from typing import Any, Protocol

# Yields descriptors to be synced; is sent what went wrong with each, or None.
Steps = Generator[int, OSError | None, None]


class Syncs(Protocol):
    """Who syncs."""

    def fdatasync(self, fd: int, done: Callable[[OSError | None], None]) -> None:
        """Sync the data of `fd`, then call `done` on the loop."""
        ...

    def wait(self) -> None:
        """Wait for one sync and call back."""
        ...


class LoopWorker:
    """Handles items in order: those that come while a sync is under way together, behind it."""

    def __init__(
        self, steps: Callable[[list[Any]], Steps], syncs: Syncs, died: Callable[[], None]
    ) -> None:
        self._make_steps = steps
        self._syncs = syncs
        self._died = died
        self._items: list[Any] = []
        self._steps: Steps | None = None
        self._is_dead = False

    def submit(self, item: Any) -> None:  # noqa: ANN401  the steps know what they take
        """Begin with `item`, or keep it until what is under way is done."""
        self._items.append(item)
        if self._steps is None:
            self._begin()

    def stop(self) -> None:
        """Wait until everything handed over has been handled."""
        while self._steps is not None:
            self._syncs.wait()

    def _begin(self) -> None:
        while self._items and self._steps is None and not self._is_dead:
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
            self._begin()
