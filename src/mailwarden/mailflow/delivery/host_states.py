"""Which endpoints could not be reached lately, over all destinations.

Each of our interfaces has its own experience: `interface` is the one that mail leaves from.
"""

from typing import Final

from mailwarden.mailflow.delivery.hosts import Endpoint
from mailwarden.system.clock.clock import Clock

STATES_MAX: Final = 10_000  # beyond it the oldest is forgotten


class HostStates:
    """Endpoints to leave alone for a while."""

    __slots__ = ("_clock", "_down")

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._down: dict[tuple[str, int, str], tuple[float, str]] = {}  # until when, and why

    def set_down(self, endpoint: Endpoint, seconds: float, error: str, interface: str = "") -> None:
        """Leave `endpoint` alone for `seconds`."""
        key = (endpoint.address, endpoint.port, interface)
        self._down.pop(key, None)
        if len(self._down) >= STATES_MAX:
            del self._down[next(iter(self._down))]
        self._down[key] = (self._clock.monotonic() + seconds, error)

    def set_up(self, endpoint: Endpoint, interface: str = "") -> None:
        """Forget that `endpoint` was down."""
        self._down.pop((endpoint.address, endpoint.port, interface), None)

    def error(self, endpoint: Endpoint, interface: str = "") -> str | None:
        """Return why `endpoint` is left alone; None when it may be tried."""
        state = self._down.get((endpoint.address, endpoint.port, interface))
        if state is None or state[0] <= self._clock.monotonic():
            return None
        return state[1]

    def seconds_left(self, endpoint: Endpoint, interface: str = "") -> float:
        """Return for how long `endpoint` is still left alone."""
        state = self._down.get((endpoint.address, endpoint.port, interface))
        return 0.0 if state is None else max(0.0, state[0] - self._clock.monotonic())

    def clear(self) -> None:
        """Forget all, so that every host is tried again."""
        self._down.clear()
