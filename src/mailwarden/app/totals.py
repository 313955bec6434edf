"""Counters of all workers: since they were reset, since the start, ever; and their rates.

Workers count for themselves and forget it when they end. The supervisor looks now and then: what
a worker counted since the last look when it is killed is lost to the statistics, never to the mail.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Final

from mailwarden.app.process import NoAnswerError, WorkerProcess
from mailwarden.app.state_directory import StateDirectory

SAMPLE_SECONDS: Final = 10.0  # between two looks at the workers
LOOK_SECONDS: Final = 5.0  # that a worker gets to answer
SAVE_SECONDS: Final = 60.0  # between two times that the counters go to the disk
WINDOWS: Final = {"1-minute": 60.0, "5-minutes": 300.0, "15-minutes": 900.0}
SAMPLES_MAX: Final = 2 + int(900.0 / SAMPLE_SECONDS)
COUNTERS_MAX: Final = 1000  # names that are read from the disk
HOUR: Final = 3600.0

Counts = dict[str, int]


class Totals:
    """What was counted. Times are seconds since the epoch, or monotonic where it says so."""

    def __init__(self, kept: Mapping[str, Any], now: float, monotonic: float) -> None:
        """`kept` is what `to_keep` returned before the last stop."""
        self.reset_at = _time(kept.get("reset_at"), now)
        self.uptime: Counter[str] = Counter()
        self._since_reset = _counter(kept.get("reset"))
        self._lifetime = _counter(kept.get("lifetime"))
        self._last: dict[int, tuple[int, Counts]] = {}  # by worker: its process, and its counters
        self._samples: deque[tuple[float, Counts]] = deque([(monotonic, {})], SAMPLES_MAX)

    def take(self, index: int, pid: int, counters: Mapping[str, int]) -> None:
        """Take the counters of worker `index`, which is the process `pid` now."""
        last_pid, last = self._last.get(index, (0, {}))
        fresh = counters if last_pid != pid else _difference(counters, last)
        for total in (self.uptime, self._since_reset, self._lifetime):
            total.update(fresh)
        self._last[index] = (pid, dict(counters))

    def sample(self, monotonic: float) -> None:
        """Remember how far it has come, for the rates; to be called every SAMPLE_SECONDS."""
        if monotonic - self._samples[-1][0] >= SAMPLE_SECONDS / 2:
            self._samples.append((monotonic, dict(self.uptime)))

    def reset(self, now: float) -> None:
        """Begin anew with those counters that can be reset."""
        self._since_reset.clear()
        self.reset_at = now

    def describe(self, monotonic: float) -> dict[str, Any]:
        """Return what status says."""
        return {
            "totals": dict(self.uptime),
            "counters": {"reset": dict(self._since_reset), "lifetime": dict(self._lifetime)},
            "reset_at": self.reset_at,
            "rates": {name: self._rates(seconds, monotonic) for name, seconds in WINDOWS.items()},
        }

    def to_keep(self) -> dict[str, Any]:
        """Return what outlasts a restart."""
        return {
            "reset": dict(self._since_reset),
            "reset_at": self.reset_at,
            "lifetime": dict(self._lifetime),
        }

    def _rates(self, seconds: float, monotonic: float) -> Counts:
        """Return events an hour over the last `seconds`, or since the start if that was later."""
        at, before = self._samples[0]
        for sampled_at, counts in self._samples:
            if sampled_at > monotonic - seconds:
                break
            at, before = sampled_at, counts
        elapsed = max(monotonic - at, 1.0)
        fresh = _difference(self.uptime, before)
        return {name: round(count * HOUR / elapsed) for name, count in fresh.items() if count > 0}


class Bookkeeper:
    """Looks at the workers now and then, and brings what they counted to the disk."""

    def __init__(
        self, state: StateDirectory, workers: Callable[[], Sequence[WorkerProcess]]
    ) -> None:
        self.totals = Totals(state.load_counters(), time.time(), time.monotonic())
        self._state = state
        self._workers = workers
        self._saved_at = time.monotonic()

    async def run(self, stopping: asyncio.Event) -> None:
        """Look at the workers until the gateway stops."""
        while not stopping.is_set():
            try:
                async with asyncio.timeout(SAMPLE_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                await self.look()
                if time.monotonic() - self._saved_at >= SAVE_SECONDS:
                    self.save()

    async def look(self) -> dict[str, int]:
        """Count what is new; return the gauges of all workers together."""
        gauges: Counter[str] = Counter()
        workers = list(self._workers())
        for found in await asyncio.gather(*(self._look_at(worker) for worker in workers)):
            gauges.update(found)
        self.totals.sample(time.monotonic())
        return dict(gauges)

    async def _look_at(self, worker: WorkerProcess) -> Counter[str]:
        try:
            async with aclosing(worker.ask({"command": "gauges"}, LOOK_SECONDS)) as answers:
                async for answer in answers:
                    self.totals.take(worker.index, worker.pid, _counter(answer.get("counters")))
                    return _counter(answer.get("gauges"))
        except NoAnswerError:
            pass  # it is starting, or busy: the next look finds it
        return Counter()

    def ended(self, worker: WorkerProcess) -> None:
        """Count what a worker said at its orderly end."""
        if worker.last_counters:
            self.totals.take(worker.index, worker.pid, _counter(worker.last_counters))

    def reset(self, by: str) -> str:
        """Begin anew with those counters that can be reset; return what the log says."""
        self.totals.reset(time.time())
        self.save()
        return f"Counters reset by administrator {by}"

    def describe(self) -> dict[str, Any]:
        """Return what status says."""
        return self.totals.describe(time.monotonic())

    def save(self) -> None:
        """Write the counters down; they are not worth ending for when the disk is full."""
        self._saved_at = time.monotonic()
        with suppress(OSError):
            self._state.save_counters(self.totals.to_keep())


def _difference(counters: Mapping[str, int], before: Mapping[str, int]) -> Counts:
    return {name: count - before.get(name, 0) for name, count in counters.items()}


def _counter(tree: object) -> Counter[str]:
    """Return the counters in `tree`; somebody may have written into the file."""
    if not isinstance(tree, Mapping):
        return Counter()
    pairs = list(tree.items())[:COUNTERS_MAX]
    return Counter(
        {str(name): value for name, value in pairs if isinstance(value, int) and value >= 0}
    )


def _time(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and 0 < value <= default else default
