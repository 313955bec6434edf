"""Values by address, for a time, within a limit of entries."""

from itertools import islice
from typing import Final, Generic, TypeVar

V = TypeVar("V")

_DISCARDED: Final = 16  # when it is full, this part of it goes, the oldest first


class TimedCache(Generic[V]):
    """Remembers values for a time; the oldest go when there are too many."""

    __slots__ = ("_entries", "_entries_max")

    def __init__(self, entries_max: int) -> None:
        self._entries: dict[str, tuple[float, V]] = {}
        self._entries_max = entries_max

    def get(self, key: str, now: float) -> V | None:
        """Return what is known at `now` (monotonic seconds)."""
        entry = self._entries.get(key)
        return entry[1] if entry is not None and entry[0] > now else None

    def put(self, key: str, value: V, until: float) -> None:
        """Remember `value` until then (monotonic seconds)."""
        entries = self._entries
        entries.pop(key, None)  # so that it becomes the youngest
        if len(entries) >= self._entries_max:
            # In batches: taking the first entry of a dict again and again gets slower each time.
            for old in list(islice(entries, max(1, self._entries_max // _DISCARDED))):
                del entries[old]
        if self._entries_max:
            entries[key] = (until, value)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def __len__(self) -> int:
        """Return how many values are held, expired ones included."""
        return len(self._entries)
