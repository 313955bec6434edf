"""Which messages wait for which instant.

Instants are kept by the monotonic clock: a wall clock that is set back does not make mail wait.
"""

import heapq

from mailwarden.system.clock.clock import Clock


class Schedule:
    """Messages that are to be announced later, soonest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int]] = []
        self._due: dict[int, float] = {}  # by MID; what else is in the heap is out of date

    def __contains__(self, mid: int) -> bool:
        """Whether `mid` waits."""
        return mid in self._due

    def add(self, mid: int, at: float) -> None:
        """Let `mid` wait until the wall clock, if it is not set anew, says `at`."""
        due = self._clock.monotonic() + max(0.0, at - self._clock.time())
        self._due[mid] = due
        heapq.heappush(self._heap, (due, mid))

    def remove(self, mid: int) -> None:
        """Forget `mid`; harmless when it does not wait."""
        self._due.pop(mid, None)

    def remaining(self, mid: int) -> float | None:
        """Return the seconds that `mid` has still to wait; None when it does not."""
        due = self._due.get(mid)
        return None if due is None else max(0.0, due - self._clock.monotonic())

    def next_delay(self) -> float | None:
        """Return the seconds until something is due; None when nothing waits."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        return max(0.0, self._heap[0][0] - self._clock.monotonic())

    def pop_due(self) -> list[int]:
        """Return the MIDs that are due, soonest first; they wait no longer."""
        now = self._clock.monotonic()
        due = []
        while self._heap and self._heap[0][0] <= now:
            at, mid = heapq.heappop(self._heap)
            if self._due.get(mid) == at:
                del self._due[mid]
                due.append(mid)
        return due
