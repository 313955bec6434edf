"""A spool in memory: for the tests of everything that uses one.

It behaves as the one on disk does, and a test decides when and whether it commits:

- `MemorySpool()` calls `done` before `put` returns.
- `MemorySpool(deferred=True)` calls it from `commit()`, in the order of the calls.
- While `failure` is set, whatever is put or committed fails with it.
- `announce_due()` announces what was requeued, once the clock has been moved on.
"""

from collections.abc import Callable, Sequence

from mailwarden.core.mail.content import Content, InlineContent
from mailwarden.stores.spool.spool import (
    DamagedError,
    Entry,
    PutDone,
    ReplaceDone,
    Report,
    Settlement,
    SpoolFailure,
    State,
    Stored,
    Usage,
)
from mailwarden.stores.spool.table import DAMAGED, Table
from mailwarden.system.clock.clock import Clock, SimulatedClock


class MemorySpill:
    """Large content, held in memory all the same."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._data += data

    def finish(self, *, dotted: bool) -> Content:
        """Return what was written."""
        return InlineContent(bytes(self._data), dotted=dotted)

    def abandon(self) -> None:
        """Forget what was written."""
        self._data.clear()


class MemorySpool(Table):
    """Messages that last as long as this object."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        deferred: bool = False,
        hot_size_max_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        super().__init__(clock or SimulatedClock(), hot_size_max_bytes)
        self.failure: SpoolFailure | None = None
        self.damaged: set[int] = set()  # MIDs whose `load` finds damage
        self.bytes_free = 1 << 40
        self.closed = False
        self._deferred = deferred
        self._commits: list[Callable[[], None]] = []
        self._messages: dict[int, Stored] = {}
        self._synced = 0
        self._syncs = 0

    def commit(self) -> int:
        """Make durable what was put so far, and call back; return how many calls that were."""
        commits, self._commits = self._commits, []
        self._syncs += bool(commits)
        for commit in commits:
            commit()
        return len(commits)

    def _later(self, commit: Callable[[], None]) -> None:
        self._commits.append(commit)
        if not self._deferred:
            self.commit()

    def spill(self) -> MemorySpill:
        """Return a place for content of unknown, large size. Raises SpoolFailure."""
        if self.failure is not None:
            raise self.failure
        return MemorySpill()

    def _store(self, message: Stored, state: State) -> Entry:
        envelope = message.envelope
        size = len(message.header) + message.content.size
        entry = Entry(envelope.mid, state, envelope.received_at, size, len(envelope.recipients))
        self._messages[entry.mid] = message
        self._admit(entry)
        self._heat(entry, message, size)
        self._synced += 1
        return entry

    def put(self, message: Stored, state: State, done: PutDone) -> None:
        """Store `message`, then call `done` and announce it."""

        def commit() -> None:
            if self.failure is not None:
                done(None, self.failure)
                return
            entry = self._store(message, state)
            done(entry, None)
            if entry.state is state:
                self._announce(entry)

        self._later(commit)

    def replace(
        self,
        entry: Entry,
        rids: Sequence[int],
        by: Sequence[tuple[Stored, State]],
        done: ReplaceDone,
    ) -> None:
        """Put the messages of `by` in place of the recipients `rids` of `entry`."""

        def commit() -> None:
            if self.failure is not None:
                done((), self.failure)
                return
            children = [self._store(message, state) for message, state in by]
            self.settle(entry, rids, Settlement.MOVED)
            self._done(children, done)

        self._later(commit)

    def resolve(self, entry: Entry, report: Report, by: Stored | None, done: ReplaceDone) -> None:
        """Put the message `by`, if any, as QUEUED in place of `report`."""

        def commit() -> None:
            if self.failure is not None and by is not None:
                done((), self.failure)
                return
            children = [] if by is None else [self._store(by, State.QUEUED)]
            self._resolve(entry, report)
            self._done(children, done)

        self._later(commit)

    def _done(self, children: Sequence[Entry], done: ReplaceDone) -> None:
        states = [child.state for child in children]
        done(children, None)
        for child, state in zip(children, states, strict=True):
            if child.state is state:
                self._announce(child)

    def load(self, entry: Entry) -> Stored:
        """Return the message. Raises DamagedError for those named in `damaged`."""
        message = self._messages.get(entry.mid)
        if message is None:
            detail = f"MID {entry.mid} is finished"
            raise SpoolFailure(detail)
        if entry.mid in self.damaged:
            self.hold(entry, DAMAGED, "checksum")
            detail = f"MID {entry.mid}: bytes do not match their checksum"
            raise DamagedError(detail)
        return message

    def _finished(self, entry: Entry) -> None:
        del self._messages[entry.mid]

    def usage(self) -> Usage:
        """Return how much is held."""
        received, queued, held = self._counts
        return Usage(
            received=received,
            queued=queued,
            held=held,
            bytes_live=self._bytes_live,
            bytes_on_disk=self._bytes_live,
            bytes_free=self.bytes_free,
            bytes_hot=self._bytes_hot,
            syncs=self._syncs,
            messages_synced=self._synced,
        )

    async def close(self) -> None:
        """Commit what is outstanding."""
        self.commit()
        self.closed = True
