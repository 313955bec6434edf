"""Gauges: how many of something there are at this moment, under a limit.

A gauge is named by a key such as `connections`, `tls`, `listener:Public`, `client:Public:192.0.2.1`
or `destination:partner.example`. Keys need no declaration, and cost nothing while they stand at
zero. `LocalGauges` counts in one process; `BoardGauges` (board.py) over all workers.
"""

from typing import Protocol


class SharedGauges(Protocol):
    """Counts that never pass their limits."""

    def try_acquire(self, key: str, limit: int) -> bool:
        """Count one more unless `limit` would be passed; return whether it was counted.

        Whoever got True calls `release` exactly once. False is never an error and never waits;
        another try a moment later may succeed.
        """
        ...

    def release(self, key: str) -> None:
        """Count one less.

        Raises:
            ValueError: this process holds none of `key`, which is a mistake of the caller.
        """
        ...

    def value(self, key: str) -> int:
        """Return the count of now, over all who share it; for status displays."""
        ...


class LocalGauges:
    """Gauges of a process that shares them with nobody."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def try_acquire(self, key: str, limit: int) -> bool:
        """Count one more unless `limit` would be passed."""
        count = self._counts.get(key, 0)
        if count >= limit:
            return False
        self._counts[key] = count + 1
        return True

    def release(self, key: str) -> None:
        """Count one less; a key at zero is forgotten."""
        count = self._counts.get(key, 0)
        if count > 1:
            self._counts[key] = count - 1
        elif count == 1:
            del self._counts[key]
        else:
            raise ValueError(f"gauge {key!r} was released more often than acquired")

    def value(self, key: str) -> int:
        """Return the count of now."""
        return self._counts.get(key, 0)
