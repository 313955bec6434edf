"""A spool on a simulated disk, with restarts."""

from collections.abc import Sequence
from random import Random
from typing import Any

from mailwarden.stores.spool.segments import SegmentSpool
from mailwarden.stores.spool.spool import Entry, SpoolFailure, State, Stored
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.files.simulated import Faults, SimulatedDisk
from tests.unit.stores.spool.driver import GATHERED_SECONDS, Driver, small_settings
from tests.unit.stores.spool.harness import message


class Bench:
    """Opens spools on one disk, one after the other."""

    def __init__(self, *, on_loop: bool = False, **settings: Any) -> None:
        self.on_loop = on_loop
        self.disk = SimulatedDisk(Faults(capacity=1 << 30))
        self.disk.make_directory("/spool")
        self.disk.sync_directory("/")
        self.clock = SimulatedClock()
        self.settings = small_settings(**settings)
        self.driver: Driver
        self.spool: SegmentSpool
        self.failures: list[SpoolFailure] = []
        self.open()

    @property
    def alerts(self) -> list[str]:
        return self.driver.alerts

    def open(self, directory: str = "/spool/0", adopted: tuple[str, ...] = ()) -> None:
        self.driver = Driver(
            self.disk, directory, adopted, self.clock, self.settings, on_loop=self.on_loop
        )
        self.driver.spool.recover()
        self.spool = self.driver.spool

    def restart(self, *, power_cut: bool = False, seed: int = 1, **where: Any) -> None:
        """End without a word, and start again."""
        if power_cut:
            self.disk.power_cut(Random(seed))
        else:
            self.disk.crash()
        self.open(**where)

    def settle_down(self) -> None:
        """Let everything be written and synced."""
        self.driver.run()
        self.driver.advance(GATHERED_SECONDS)
        self.driver.advance(self.settings.sync_interval_seconds)

    def put(
        self, mid: int, recipients: int = 1, size: int = 100, state: State = State.QUEUED
    ) -> Entry:
        """Put a message that must be accepted."""
        entry = self.try_put(message(mid, recipients, body(mid, size)), state)
        assert entry is not None, self.failures
        return entry

    def try_put(self, stored: Stored, state: State = State.QUEUED) -> Entry | None:
        results: list[Entry] = []

        def done(entry: Entry | None, failure: SpoolFailure | None) -> None:
            if entry is not None:
                results.append(entry)
            if failure is not None:
                self.failures.append(failure)

        self.spool.put(stored, state, done)
        self.driver.run()
        if self.on_loop:
            self.driver.advance(GATHERED_SECONDS)
        return results[0] if results else None

    def put_many(self, mids: Sequence[int], size: int = 4000) -> list[Entry]:
        return [self.put(mid, size=size) for mid in mids]

    def get(self, mid: int) -> Entry:
        entry = self.spool.get(mid)
        assert entry is not None, f"MID {mid} is not there"
        return entry

    def check(self, mid: int, size: int = 100) -> None:
        """Check that a message is there with its bytes."""
        assert self.spool.load(self.get(mid)).content.read() == body(mid, size)

    def mids(self) -> list[int]:
        return [entry.mid for entry in self.spool.entries()]

    def files(self, end: str, part: str = "/spool/0") -> list[str]:
        return [name for name in self.disk.names(part) if name.endswith(end)]


def body(mid: int, size: int) -> bytes:
    return bytes((mid * 7 + number) % 251 for number in range(size))


def large(bench: Bench, mid: int, size: int = 20_000) -> Stored:
    spill = bench.spool.spill()
    spill.write(body(mid, size))
    return message(mid)._replace(content=spill.finish(dotted=True))
