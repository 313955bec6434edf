"""Random work on a spool, with a memory of what was promised, to hold it to that afterwards."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from random import Random

from mailwarden.core.mail.content import Content, InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.stores.spool.settings import SpoolSettings
from mailwarden.stores.spool.spool import (
    Entry,
    Progress,
    Report,
    ReportKind,
    Settlement,
    SpoolFailure,
    State,
    Stored,
)
from mailwarden.stores.spool.table import DAMAGED
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.files.simulated import SimulatedDisk
from tests.unit.stores.spool.driver import GATHERED_SECONDS, Driver

SETTINGS = SpoolSettings(
    segment_size_bytes=20_000,
    hot_size_max_bytes=30_000,
    inline_size_max_bytes=6000,
    free_size_min_bytes=1,
    dead_size_max_bytes=15_000,
    sync_interval_seconds=0.2,
)


TROUBLES = [
    ("write", ".seg", errno.ENOSPC),
    ("write", ".seg", errno.EIO),
    ("sync", ".seg", errno.EIO),
    ("truncate", ".seg", errno.EIO),
    ("write", ".state", errno.EIO),
    ("sync", ".state", errno.EIO),
    ("rename", ".state", errno.EIO),
    ("create", ".state.new", errno.EIO),
    ("create", ".seg", errno.EMFILE),
    ("create", ".state", errno.ENOSPC),
    ("unlink", ".seg", errno.EIO),
    ("sync_directory", "", errno.EIO),
    ("link", "", errno.EMLINK),
    ("write", "", errno.EIO),
    ("sync", "", errno.EIO),
]


class Level(IntEnum):
    """How sure it is that something which happened is remembered."""

    SAID = 0  # a kill may undo it
    HANDED = 1  # only a power cut may
    SAFE = 2  # nothing may


@dataclass
class Truth:
    """What is known of one message from outside."""

    stored: Stored
    accepted: bool = False  # it was called back without failure
    refused: bool = False
    ended: dict[int, Level] = field(default_factory=dict)  # by RID
    hold: str = ""
    hold_level: Level = Level.SAFE
    attempts: dict[int, tuple[int, Level]] = field(default_factory=dict)  # by RID
    reports: dict[Report, Level] = field(default_factory=dict)  # due

    @property
    def rids(self) -> range:
        return range(len(self.stored.envelope.recipients))

    def open(self) -> list[int]:
        return [rid for rid in self.rids if rid not in self.ended]

    def raise_to(self, level: Level) -> None:
        """Note that everything that was said is now so sure."""
        self.ended = {rid: max(old, level) for rid, old in self.ended.items()}
        self.hold_level = max(self.hold_level, level)
        self.attempts = {rid: (n, max(old, level)) for rid, (n, old) in self.attempts.items()}
        self.reports = {report: max(old, level) for report, old in self.reports.items()}


@dataclass
class Exchange:
    """Messages that are being put in place of recipients of another one, or of a report."""

    parent: int
    rids: Sequence[int]
    children: Sequence[int]
    report: Report | None = None


class World:
    """A disk, a spool on it, and the truth."""

    def __init__(self, seed: int, disk: SimulatedDisk, settings: SpoolSettings = SETTINGS) -> None:
        self.random = Random(seed)
        self.disk = disk
        self.settings = settings
        self.clock = SimulatedClock()
        self.truths: dict[int, Truth] = {}
        self.exchanges: list[Exchange] = []  # not called back yet
        self.next_mid = 1
        self.known: dict[int, tuple[Content, bytes]] = {}  # bytes of files, which may be gone
        self.dropped: set[int] = set()  # half-written messages that an administrator deleted
        self.duplicates = 0
        self.sync_errors = False  # a message that was refused may turn up
        self.troubled_until = 0.0
        self.own, self.other = "/spool/0", "/spool/1"

    def start(self) -> None:
        """Open the spool, as a process does when it begins."""
        adopted = (
            (self.other,) if self.other.rpartition("/")[2] in self.disk.names("/spool") else ()
        )
        on_loop = self.random.random() < 0.5
        self.driver = Driver(
            self.disk, self.own, adopted, self.clock, self.settings, on_loop=on_loop
        )
        self.spool = self.driver.spool
        self.spool._recorder.recorded_min = self.random.choice((-150, 0, 50_000))
        self.spool.recover()

    # Work.

    def work(self, steps: int) -> None:
        """Do `steps` random things."""
        for _ in range(steps):
            self.step()

    def step(self) -> None:
        actions = (
            [self.put] * 6
            + [self.settle] * 6
            + [self.replace] * 2
            + [self.retry, self.report, self.resolve, self.resolve, self.hold, self.release]
            + [self.requeue, self.queue, self.tick, self.tick, self.wait, self.load]
            + ([self.trouble] if self.sync_errors else [])
        )
        self.random.choice(actions)()

    def message(self, parent: int = 0, content: Content | None = None) -> Stored:
        mid = self.next_mid
        self.next_mid += 1
        if content is None:
            content = self.content()
        count = self.random.choice((1, 1, 1, 2, 5))
        recipients = tuple(Recipient(f"r{rid}@x.example") for rid in range(count))
        envelope = Envelope(
            mid=mid,
            icid=0,
            sender="a@x.example",
            recipients=recipients,
            received_at=1.0 + mid,
            parent=parent,
        )
        stored = Stored(envelope, b"X: %d\r\n" % mid, content)
        self.truths[mid] = Truth(stored)
        return stored

    def content(self) -> Content:
        size = self.random.choice((0, 10, 600, 1500, 1500, 3000, 5000, 9000))
        data = self.random.randbytes(size)
        if size <= self.settings.inline_size_max_bytes:
            return InlineContent(data, dotted=False)
        try:
            spill = self.spool.spill()
        except SpoolFailure:
            return InlineContent(b"small", dotted=False)
        half = size // 2
        try:
            spill.write(data[:half])
            spill.write(data[half:])
        except SpoolFailure:
            spill.abandon()
            return InlineContent(b"small", dotted=False)
        content = spill.finish(dotted=False)
        self.known[id(content)] = (content, data)
        return content

    def entry(self, *states: State) -> Entry | None:
        """Return some message that is in one of `states` and is not just being replaced."""
        busy = {exchange.parent for exchange in self.exchanges}
        entries = [e for e in self.spool.entries() if e.state in states and e.mid not in busy]
        return self.random.choice(entries) if entries else None

    def some(self, rids: Sequence[int]) -> list[int]:
        if not rids:
            return []
        return sorted(self.random.sample(rids, self.random.randrange(1, len(rids) + 1)))

    def put(self) -> None:
        stored = self.message()
        truth = self.truths[stored.envelope.mid]

        def done(entry: Entry | None, failure: SpoolFailure | None) -> None:
            truth.accepted = failure is None
            truth.refused = failure is not None

        state = self.random.choice((State.RECEIVED, State.QUEUED, State.QUEUED, State.HELD))
        self.spool.put(stored, state, done)

    def settle(self) -> None:
        entry = self.entry(State.QUEUED, State.RECEIVED)
        if entry is None:
            return
        truth = self.truths[entry.mid]
        rids = self.some(list(entry.open_rids(len(truth.rids))))
        self.spool.settle(entry, rids, Settlement.DELIVERED)
        for rid in rids:
            truth.ended.setdefault(rid, Level.SAID)
            truth.attempts.pop(rid, None)

    def replace(self) -> None:
        entry = self.entry(State.RECEIVED)
        if entry is None:
            return
        truth = self.truths[entry.mid]
        rids = self.some(list(entry.open_rids(len(truth.rids))))
        content = self.loaded(entry) if self.random.random() < 0.5 else None
        by = [
            (self.message(entry.mid, content), self.random.choice((State.RECEIVED, State.QUEUED)))
            for _ in range(self.random.randrange(1, 4))
        ]
        exchange = Exchange(entry.mid, rids, [stored.envelope.mid for stored, _ in by])
        self.exchanges.append(exchange)
        self.spool.replace(entry, rids, by, self.exchanged(exchange))

    def loaded(self, entry: Entry) -> Content:
        content = self.spool.load(entry).content
        self.known[id(content)] = (content, content.read())
        return content

    def exchanged(self, exchange: Exchange):  # type: ignore[no-untyped-def]  # a callback
        def done(children: Sequence[Entry], failure: SpoolFailure | None) -> None:
            if exchange in self.exchanges:
                self.exchanges.remove(exchange)
            for mid in exchange.children:
                self.truths[mid].accepted = failure is None
                self.truths[mid].refused = failure is not None
            if failure is None:
                # Durable with the children, whatever becomes of the parent's journal.
                level = Level.SAFE if exchange.children else Level.HANDED
                truth = self.truths[exchange.parent]
                for rid in exchange.rids:
                    truth.ended[rid] = level
                    truth.attempts.pop(rid, None)
                if exchange.report is not None:
                    truth.reports.pop(exchange.report, None)

        return done

    def retry(self) -> None:
        entry = self.entry(State.QUEUED)
        if entry is None:
            return
        truth = self.truths[entry.mid]
        rids = self.some(list(entry.open_rids(len(truth.rids))))
        number = self.random.randrange(1, 100)
        self.spool.retry(entry, rids, Progress(number, self.clock.time() + 60, 0, "4.4.0"))
        for rid in rids:
            truth.attempts[rid] = (number, Level.SAID)

    def report(self) -> None:
        entry = self.entry(State.QUEUED)
        if entry is None:
            return
        truth = self.truths[entry.mid]
        rids = self.some(list(entry.open_rids(len(truth.rids))))
        if not rids:
            return
        kind = self.random.choice(list(ReportKind))
        report = Report(kind, tuple(rids), "5.1.0", at=self.random.random())
        self.spool.report(entry, report)
        truth.reports[report] = Level.SAID
        if kind in (ReportKind.DELIVERED, ReportKind.RELAYED):
            for rid in rids:
                truth.ended.setdefault(rid, Level.SAID)
                truth.attempts.pop(rid, None)

    def resolve(self) -> None:
        entries = [entry for entry in self.spool.entries() if entry.reports]
        if not entries:
            return
        entry = self.random.choice(entries)
        report = self.random.choice(entry.reports or [])
        if any(exchange.report == report for exchange in self.exchanges):
            return
        by = self.message(entry.mid) if self.random.random() < 0.7 else None
        rids = report.rids if report.kind is ReportKind.FAILED else ()
        children = [by.envelope.mid] if by else []
        exchange = Exchange(entry.mid, rids, children, report)
        if by:
            self.exchanges.append(exchange)
        else:
            truth = self.truths[entry.mid]
            truth.reports.pop(report)
            for rid in rids:
                truth.ended.setdefault(rid, Level.SAID)
                truth.attempts.pop(rid, None)
        self.spool.resolve(entry, report, by, self.exchanged(exchange))

    def hold(self) -> None:
        entry = self.entry(State.RECEIVED, State.QUEUED)
        if entry is not None:
            self.spool.hold(entry, "Policy", "")
            truth = self.truths[entry.mid]
            truth.hold, truth.hold_level = "Policy", Level.SAID

    def release(self) -> None:
        entry = self.entry(State.HELD)
        if entry is not None:
            self.spool.release(entry, self.random.choice((State.RECEIVED, State.QUEUED)))
            truth = self.truths[entry.mid]
            truth.hold, truth.hold_level = "", Level.SAID

    def requeue(self) -> None:
        entry = self.entry(State.RECEIVED)
        if entry is not None:
            self.spool.requeue(entry, self.clock.time() + 30, "engine down")

    def queue(self) -> None:
        entry = self.entry(State.RECEIVED)
        if entry is not None:
            self.spool.queue(entry)

    def load(self) -> None:
        entry = self.entry(State.RECEIVED, State.QUEUED, State.HELD)
        if entry is not None:
            self.same(entry)

    def tick(self) -> None:
        """Let a part of what waits happen."""
        match self.random.randrange(4):
            case 0:
                self.driver.loop.run_callbacks()
            case 1 | 2:
                self.random.choice(self.driver.steps())()
            case 3:
                self.driver.run()
                self.driver.advance(GATHERED_SECONDS)
                self.raise_all(Level.HANDED)

    def wait(self) -> None:
        """Let all of it happen, and the journals be synced."""
        self.driver.run()
        self.driver.advance(GATHERED_SECONDS)
        self.driver.advance(self.random.choice((0.3, 0.3, 2.0, 40.0)))
        self.raise_all(Level.SAFE)

    def trouble(self) -> None:
        """Let the disk fail in some way, or let it be well again."""
        if self.disk.faults.errors:
            self.disk.faults.errors.clear()
        else:
            self.disk.faults.errors.append(self.random.choice(TROUBLES))
        self.troubled_until = self.clock.monotonic() + 3.0

    def is_troubled(self) -> bool:
        """Whether the disk fails, or did so a moment ago."""
        return bool(self.disk.faults.errors) or self.clock.monotonic() < self.troubled_until

    def raise_all(self, level: Level) -> None:
        if self.is_troubled():
            return
        for truth in self.truths.values():
            truth.raise_to(level)

    # Judgement.

    def same(self, entry: Entry) -> None:
        """Check that a message is what was put."""
        expected = self.truths[entry.mid].stored
        loaded = self.spool.load(entry)
        assert loaded.envelope == expected.envelope
        assert loaded.header == expected.header
        assert loaded.content.read() == self.bytes_of(expected.content)

    def bytes_of(self, content: Content) -> bytes:
        if isinstance(content, InlineContent):
            return content.data
        return self.known[id(content)][1]

    def check(self, needed: Level) -> None:
        """Check a spool that was just read again. What is `needed` or surer must be there."""
        for entry in self.spool.entries():
            if entry.mid in self.dropped:
                self.spool.settle(entry, range(entry.pending), Settlement.DROPPED)  # undone
                continue
            assert entry.mid in self.truths, f"MID {entry.mid} was never put"
            if entry.hold == DAMAGED:
                self.drop_torn(entry)
            else:
                self.same(entry)
        for exchange in self.exchanges:
            self.check_exchange(exchange)
        self.exchanges = []
        for mid, truth in self.truths.items():
            self.check_message(mid, truth, needed)
        self.truths = {mid: truth for mid, truth in self.truths.items() if truth.accepted}

    def drop_torn(self, entry: Entry) -> None:
        """Delete, as an administrator would, what was being written when the power went."""
        assert not self.truths[entry.mid].accepted, f"MID {entry.mid} is damaged"
        self.spool.settle(entry, range(entry.pending), Settlement.DROPPED)
        del self.truths[entry.mid]
        self.dropped.add(entry.mid)

    def check_exchange(self, exchange: Exchange) -> None:
        """All of the new messages and none of the recipients, or the other way round."""
        there = [self.spool.get(mid) is not None for mid in exchange.children]
        assert all(there) or not any(there), "half of a replace"
        truth = self.truths[exchange.parent]
        if not all(there):
            return
        for mid in exchange.children:
            self.truths[mid].accepted = True
        for rid in exchange.rids:
            truth.ended[rid] = Level.SAFE
            truth.attempts.pop(rid, None)
        if exchange.report is not None:
            truth.reports.pop(exchange.report, None)

    def check_message(self, mid: int, truth: Truth, needed: Level) -> None:
        entry = self.spool.get(mid)
        if not truth.accepted:
            if entry is not None:
                assert self.sync_errors or not truth.refused, f"MID {mid} was refused"
                truth.accepted = True  # it was being put; nobody was told so
            return
        settled = set(truth.rids) if entry is None else entry.settled or set()
        for rid in truth.rids:
            if rid not in truth.ended:
                assert rid not in settled, f"MID {mid} RID {rid} is lost"
            elif rid not in settled:
                assert truth.ended[rid] < needed, f"MID {mid} RID {rid} is back"
                del truth.ended[rid]
                self.duplicates += 1
            else:
                truth.ended[rid] = Level.SAFE
        if entry is None:
            assert not any(level >= needed for level in truth.reports.values()), "report lost"
            truth.reports = {}
        else:
            self.check_entry(entry, truth, needed)

    def check_entry(self, entry: Entry, truth: Truth, needed: Level) -> None:
        if truth.hold_level >= needed:
            assert entry.hold == truth.hold
        for rid, (number, level) in truth.attempts.items():
            if level >= needed:
                assert entry.progress is not None
                assert entry.progress[rid].attempts == number
        reports = entry.reports or []
        for report, level in truth.reports.items():
            assert report in reports or level < needed
        truth.hold, truth.hold_level = entry.hold, Level.SAFE
        truth.attempts = {
            rid: (progress.attempts, Level.SAFE) for rid, progress in (entry.progress or {}).items()
        }
        truth.reports = dict.fromkeys(reports, Level.SAFE)
