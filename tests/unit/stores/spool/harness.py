"""One way to drive any spool in a test."""

from collections.abc import Callable
from typing import Protocol

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import Entry, Spool, SpoolFailure, State, Stored
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.files.simulated import Faults, SimulatedDisk
from tests.unit.stores.spool.driver import GATHERED_SECONDS, Driver


class Harness(Protocol):
    """A spool, its clock, and the hand that makes it commit."""

    spool: Spool
    clock: SimulatedClock

    def commit(self) -> None:
        """Let everything that was put become durable, and be called back."""

    def fail(self, failure: SpoolFailure | None) -> None:
        """Let everything that is put from now on fail."""

    def damage(self, entry: Entry) -> None:
        """Spoil the bytes of a message."""

    def announce_due(self) -> None:
        """Let the spool see that time has passed."""


class MemoryHarness:
    """Drives the spool in memory."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.memory = MemorySpool(self.clock, deferred=True, hot_size_max_bytes=10_000)
        self.spool: Spool = self.memory

    def commit(self) -> None:
        self.memory.commit()

    def fail(self, failure: SpoolFailure | None) -> None:
        self.memory.failure = failure

    def damage(self, entry: Entry) -> None:
        self.memory.damaged.add(entry.mid)

    def announce_due(self) -> None:
        self.memory.announce_due()


class SegmentHarness:
    """Drives the spool on a simulated disk."""

    def __init__(self, *, on_loop: bool = False) -> None:
        self.disk = SimulatedDisk(Faults(capacity=1 << 30))
        self.disk.make_directory("/spool")
        self.driver = Driver(self.disk, on_loop=on_loop)
        self.driver.spool.recover()
        self.spool: Spool = self.driver.spool
        self.clock = self.driver.clock

    def commit(self) -> None:
        self.driver.run()
        self.driver.advance(GATHERED_SECONDS)
        self.driver.advance(0.25)  # for what waits for the journals to be synced

    def fail(self, failure: SpoolFailure | None) -> None:
        self.driver.advance(2.0)
        self.disk.faults.capacity = 1 << 30 if failure is None else 1000

    def damage(self, entry: Entry) -> None:
        self.driver.run()
        self.disk.flip(entry.segment.path, entry.offset + 500)

    def announce_due(self) -> None:
        self.driver.run()


class LoopHarness(SegmentHarness):
    """The same, with commits on the event loop."""

    def __init__(self) -> None:
        super().__init__(on_loop=True)


def message(
    mid: int, recipients: int = 1, body: bytes = b"Subject: x\r\n\r\nhello\r\n", parent: int = 0
) -> Stored:
    envelope = Envelope(
        mid=mid,
        icid=mid + 1000,
        sender="ann@partner.example",
        recipients=tuple(Recipient(f"bob{rid}@corp.example") for rid in range(recipients)),
        received_at=1_289_297_702.5,
        parent=parent,
    )
    return Stored(envelope, b"Received: by gw1.corp.example\r\n", InlineContent(body))


def put(harness: Harness, stored: Stored, state: State = State.RECEIVED) -> Entry:
    """Put one message, commit it and return its entry."""
    results: list[Entry] = []

    def done(entry: Entry | None, failure: SpoolFailure | None) -> None:
        assert failure is None, failure
        assert entry is not None
        results.append(entry)

    harness.spool.put(stored, state, done)
    harness.commit()
    assert len(results) == 1
    return results[0]


HARNESSES: list[Callable[[], Harness]] = [MemoryHarness, SegmentHarness, LoopHarness]
