"""An event loop and workers without threads: everything happens when a test says so."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mailwarden.core.alerts import RecordedAlerts
from mailwarden.core.mail.content import InlineContent
from mailwarden.stores.spool.segments import SegmentSpool
from mailwarden.stores.spool.settings import SpoolSettings
from mailwarden.stores.spool.worker import Handle
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.files.files import Files

GATHERED_SECONDS = 0.05  # longer than anything waits to be gathered, shorter than between syncs


class FakeLoop:
    """Keeps callbacks until `run_callbacks`."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.ready: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self.later: list[tuple[float, Callable[..., Any], tuple[Any, ...]]] = []

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        self.ready.append((callback, args))

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> None:
        self.later.append((self.clock.monotonic() + delay, callback, args))

    def run_callbacks(self) -> bool:
        """Run what is ready now; True if that was anything."""
        now = self.clock.monotonic()
        for timer in [timer for timer in self.later if timer[0] <= now]:
            self.later.remove(timer)
            self.ready.append(timer[1:])
        count = len(self.ready)
        for _ in range(count):
            callback, args = self.ready.popleft()
            callback(*args)
        return count > 0


class InlineWorker:
    """Handles its items when `step` is called."""

    def __init__(self, driver: "Driver", handle: Handle) -> None:
        self._driver = driver
        self._handle = handle
        self._items: list[Any] = []
        self._wake_at: float | None = None

    def submit(self, item: Any) -> None:
        self._items.append(item)

    def step(self) -> bool:
        """Handle what is there, or what is due; True if that was anything."""
        now = self._driver.clock.monotonic()
        due = self._wake_at is not None and self._wake_at <= now
        if not (self._items or due):
            return False
        items, self._items = self._items, []
        wait = self._handle(items)
        self._wake_at = None if wait is None else now + wait
        return True

    def stop(self) -> None:
        self._driver.run()


class StepSyncs:
    """Syncs one file when `step` is called, as the kernel would at its own time."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._wanted: deque[tuple[int, Callable[[OSError | None], None]]] = deque()

    def fdatasync(self, fd: int, done: Callable[[OSError | None], None]) -> None:
        self._wanted.append((fd, done))

    def step(self) -> bool:
        """Sync one file; True if there was one."""
        if not self._wanted:
            return False
        fd, done = self._wanted.popleft()
        try:
            self._files.fdatasync(fd)
        except OSError as error:
            done(error)
        else:
            done(None)
        return True

    def poll(self) -> None:
        """Nothing is over before a test says so."""

    def wait(self) -> None:
        self.step()


class Driver:
    """One spool on `files`, and the hand that moves it.

    With `on_loop` commits are made by the event loop, else by a worker.
    """

    def __init__(
        self,
        files: Files,
        directory: str = "/spool/0",
        adopted: tuple[str, ...] = (),
        clock: SimulatedClock | None = None,
        settings: SpoolSettings | None = None,
        *,
        on_loop: bool = False,
    ) -> None:
        self.files = files
        self.clock = clock or SimulatedClock()
        self.loop = FakeLoop(self.clock)
        self.workers: dict[str, InlineWorker] = {}
        self.recorded = RecordedAlerts()
        self.syncs = StepSyncs(files) if on_loop else None
        self.spool = SegmentSpool(
            Path(directory),
            [Path(path) for path in adopted],
            settings or small_settings(),
            files,
            self.clock,
            self.loop,
            self.recorded,
            self._start_worker,
            self.syncs,
        )

    def _start_worker(self, name: str, handle: Handle, died: Callable[[], None]) -> InlineWorker:
        worker = self.workers[name] = InlineWorker(self, handle)
        return worker

    @property
    def alerts(self) -> list[str]:
        return [each.text for each in self.recorded.told]

    def steps(self) -> list[Callable[[], bool]]:
        """Return what can go on by itself beside the event loop."""
        steps = [worker.step for worker in self.workers.values()]
        return steps if self.syncs is None else [*steps, self.syncs.step]

    def run(self) -> None:
        """Do everything there is to do without time passing."""
        busy = True
        while busy:
            busy = self.loop.run_callbacks()
            for step in self.steps():
                busy |= step()

    def advance(self, seconds: float) -> None:
        """Let time pass, and do what is due then."""
        self.clock.advance(seconds)
        self.run()


def small_settings(**changes: Any) -> SpoolSettings:
    """Settings with which segments fill and empty quickly."""
    values = {
        "segment_size_bytes": 64 * 1024,
        "hot_size_max_bytes": 10_000,
        "inline_size_max_bytes": 4096,
        "free_size_min_bytes": 1024 * 1024,
    } | changes
    return SpoolSettings(**values)


def content(size: int, seed: int = 0) -> InlineContent:
    return InlineContent(bytes((seed + number) % 251 for number in range(size)))
