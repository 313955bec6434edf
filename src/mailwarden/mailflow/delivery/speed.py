"""How fast a destination took messages lately."""

from typing import Final

SAMPLE_SECONDS: Final = 30.0  # between two looks


class Speed:
    """Remembers how many messages had been taken at two moments (monotonic seconds)."""

    __slots__ = ("_at", "_before", "_before_at", "_count")

    def __init__(self, now: float, count: int) -> None:
        self._before_at = self._at = now
        self._before = self._count = count

    def look(self, now: float, count: int) -> None:
        """Hear how many there are by now."""
        if now - self._at >= SAMPLE_SECONDS:
            self._before_at, self._before = self._at, self._count
            self._at, self._count = now, count

    def per_minute(self, now: float, count: int) -> float:
        """Return how many there were in a minute, on average of the last one at most."""
        return (count - self._before) * 60.0 / max(1.0, now - self._before_at)
