"""Two clocks: one for people, which may be set back, and one that only goes forward."""

from time import monotonic as _monotonic
from time import time as _time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def time(self) -> float:
        """Return seconds since the epoch; may step in either direction."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some start; never goes back."""
        ...


class SystemClock:
    """The machine's clock. Its methods are those of `time`: some thirty times a message."""

    time = staticmethod(_time)
    monotonic = staticmethod(_monotonic)


class SimulatedClock:
    """A clock that stands still until it is moved; for tests."""

    def __init__(self, now: float = 1_289_297_702.0) -> None:
        self.now = now  # Tue Nov  9 10:15:02 2010
        self.elapsed = 0.0

    def time(self) -> float:
        """Return the time that was set."""
        return self.now

    def monotonic(self) -> float:
        """Return how far the clock was advanced."""
        return self.elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.elapsed += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock, forward or back, as an administrator or NTP does."""
        self.now += seconds
