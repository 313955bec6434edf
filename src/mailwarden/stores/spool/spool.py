"""The spool as its users see it: what lies in it, and what may be done to it.

The mail's stations meet only here. The listener puts messages in; the work queue takes the
RECEIVED ones and puts them back QUEUED; delivery takes those and settles their recipients. A
message whose recipients are all settled is finished and its space is reclaimed.

What delivery finds out and the sender is to hear goes the same way: `report` and `resolve`.

Everything here runs on the worker's event loop. `put` and `replace` are durable when they call
back; `settle`, `retry`, `hold` and `release` are written at once and synced soon: a power cut may
undo the last of them, so that a recipient may be served twice, never not at all.

There are three: `segments.py` on disk, `memory.py` for tests, `null.py` for measuring the rest. A
replicated one fits behind the same interface.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from mailwarden.core.mail.content import Content
from mailwarden.core.mail.envelope import Envelope


class State(IntEnum):
    """Who has to act next on a message."""

    RECEIVED = 0  # the work queue
    QUEUED = 1  # delivery
    HELD = 2  # an administrator, or the time that the hold ends
    FINISHED = 3  # nobody: the message is gone


class Settlement(IntEnum):
    """How a recipient ended."""

    DELIVERED = 1
    BOUNCED = 2
    DROPPED = 3
    MOVED = 4  # it lives on in another MID


class Progress(NamedTuple):
    """How far delivery to a recipient that is still waiting has come."""

    attempts: int = 0
    next_attempt_at: float = 0.0  # seconds since the epoch; 0 is at once
    warnings: int = 0  # delay warnings sent
    reason: str = ""  # why the last attempt failed


class OneProgress(Mapping[int, Progress]):
    """The progress of a single recipient, which most waiting messages have.

    A `dict` with a `Progress` in it would take four times as much memory.
    """

    __slots__ = ("_attempts", "_next_attempt_at", "_reason", "_rid", "_warnings")

    def __init__(self, rid: int, progress: Progress) -> None:
        self._rid = rid
        self._attempts, self._next_attempt_at, self._warnings, self._reason = progress

    def __getitem__(self, rid: int) -> Progress:
        if rid != self._rid:
            raise KeyError(rid)
        return Progress(self._attempts, self._next_attempt_at, self._warnings, self._reason)

    def __iter__(self) -> Iterator[int]:
        yield self._rid

    def __len__(self) -> int:
        return 1


def compact_progress(progress: Mapping[int, Progress]) -> Mapping[int, Progress] | None:
    """Return `progress` in the form that takes the least memory."""
    if len(progress) == 1:
        ((rid, only),) = progress.items()
        return OneProgress(rid, only)
    return progress or None


class ReportKind(IntEnum):
    """What a report to the sender says about recipients (RFC 3464, 2.3.3)."""

    FAILED = 1
    DELAYED = 2
    DELIVERED = 3  # asked for with NOTIFY=SUCCESS
    RELAYED = 4  # asked for, and the next hop does not know of reports


class Report(NamedTuple):
    """Something that the sender is to hear: delivery found it, origination writes it."""

    kind: ReportKind
    rids: tuple[int, ...]
    reason: str  # as in the log: `5.1.0 - Unknown address error`
    response: str = ""  # of the remote host: `550-'no such user'`
    remote: str = ""  # address or name of the remote host
    attempts: int = 0  # made before the final one
    at: float = 0.0  # seconds since the epoch
    dcid: int = 0


class Deferred(NamedTuple):
    """Why a RECEIVED message waits for another pass of the work queue."""

    at: float  # when that is, in seconds since the epoch
    reason: str


class Held(NamedTuple):
    """Why a message is HELD."""

    name: str  # of the hold
    at: float = 0.0  # since when, in seconds since the epoch; 0 is unknown


class Entry:
    """One message in the spool. Small, because a million of them may wait.

    Only the spool writes to it, but for `tag`, which belongs to whoever has to act next.
    """

    __slots__ = (
        "attempts",
        "mid",
        "offset",
        "pause",
        "pending",
        "progress",
        "received_at",
        "reports",
        "segment",
        "settled",
        "size",
        "state",
        "stored",
        "tag",
    )

    def __init__(self, mid: int, state: State, received_at: float, size: int, pending: int) -> None:
        self.mid = mid
        self.state = state
        self.received_at = received_at  # seconds since the epoch
        self.size = size  # bytes of header and content
        self.pending = pending  # recipients that are not settled
        self.settled: set[int] | None = None  # RIDs that are; None while there are none
        self.progress: Mapping[int, Progress] | None = None  # by RID; a missing one is Progress()
        self.stored: Stored | None = None  # envelope and bytes, while they are in memory
        self.pause: Held | Deferred | None = None
        self.reports: list[Report] | None = None  # due and not yet written
        self.attempts = 0  # passes of the work queue that ended in a deferral
        self.segment: Any = None  # where the spool keeps it; the spool's own business
        self.offset = 0
        self.tag: Any = None

    @property
    def held(self) -> Held | None:
        """Why it is HELD; None where that was not said."""
        return self.pause if isinstance(self.pause, Held) else None

    @property
    def deferred(self) -> Deferred | None:
        """Why the work queue lets it wait; None when it does not."""
        return self.pause if isinstance(self.pause, Deferred) else None

    @property
    def hold(self) -> str:
        """Name of the hold; "" is none."""
        return self.pause.name if isinstance(self.pause, Held) else ""

    def open_rids(self, count: int) -> Iterator[int]:
        """Yield the RIDs below `count` for which there is something left to do.

        These are not settled, and no FAILED report waits to be written for them.
        """
        settled = self.settled
        failed = self._failed()
        return (
            rid
            for rid in range(count)
            if (settled is None or rid not in settled) and rid not in failed
        )

    def has_waiting(self) -> bool:
        """Whether there is a RID that `open_rids` would yield."""
        if self.reports is None:
            return self.pending > 0
        settled = self.settled or ()
        return self.pending > sum(rid not in settled for rid in self._failed())

    def _failed(self) -> AbstractSet[int]:
        if self.reports is None:
            return frozenset()
        return {
            rid
            for report in self.reports
            if report.kind is ReportKind.FAILED
            for rid in report.rids
        }


class Stored(NamedTuple):
    """A message as it lies in the spool: added header lines, then the content as it came."""

    envelope: Envelope
    header: bytes  # what the gateway put on top; whole lines with CRLF, or empty
    content: Content


class SpoolFailure(Exception):  # noqa: N818  it is a value handed to callbacks, not only raised
    """The spool could not take or give a message.

    `full` tells "no room" (452) from any other trouble (451); `detail` is for the log.
    """

    def __init__(self, detail: str, *, full: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.full = full


class DamagedError(Exception):
    """A message's bytes on disk do not match their checksum."""


class Usage(NamedTuple):
    """How much the spool holds, for status and back-pressure."""

    received: int  # messages
    queued: int
    held: int
    bytes_live: int  # of messages that are not finished
    bytes_on_disk: int
    bytes_free: int  # on the file system, less what is kept in reserve
    bytes_hot: int  # content kept in memory
    syncs: int  # since start
    messages_synced: int


PutDone = Callable[[Entry | None, SpoolFailure | None], None]
ReplaceDone = Callable[[Sequence[Entry], SpoolFailure | None], None]


class Spill(Protocol):
    """Content too large for memory, written while it is being received."""

    def write(self, data: bytes) -> None:
        """Append `data`. Raises SpoolFailure when the disk does not take it."""
        ...

    def finish(self, *, dotted: bool) -> Content:
        """Return what was written, ready for `put`, which makes it durable."""
        ...

    def abandon(self) -> None:
        """Remove what was written; harmless when `finish` and `put` have happened."""
        ...


class Spool(Protocol):
    """Where messages are safe."""

    def spill(self) -> Spill:
        """Return a place for content of unknown, large size. Raises SpoolFailure."""
        ...

    def put(self, message: Stored, state: State, done: PutDone) -> None:
        """Store `message` and call `done` once it is durable, or could not be made so.

        Calls back on the event loop, in the order of the calls. A message that is put as
        RECEIVED or QUEUED is announced to its taker straight after `done`.
        """
        ...

    def take_received(self, taker: Callable[[Entry], None]) -> None:
        """Announce every RECEIVED entry, present and future, to the work queue."""
        ...

    def take_queued(self, taker: Callable[[Entry], None]) -> None:
        """Announce every QUEUED entry, present and future, to delivery."""
        ...

    def queue(self, entry: Entry) -> None:
        """Move an unchanged RECEIVED `entry` to QUEUED.

        Not written until delivery has something to record of it: after a crash before that it is
        RECEIVED again and passes the work queue anew.
        """
        ...

    def replace(
        self,
        entry: Entry,
        rids: Sequence[int],
        by: Sequence[tuple[Stored, State]],
        done: ReplaceDone,
    ) -> None:
        """Put the messages of `by` in place of the recipients `rids` of `entry`, all or none.

        When `done` is called without failure, `rids` are settled as MOVED; if none is left,
        `entry` is finished.
        """
        ...

    def requeue(self, entry: Entry, at: float, reason: str) -> None:
        """Count a failed pass of the work queue; announce `entry` again at `at` (epoch seconds)."""
        ...

    def hold(self, entry: Entry, name: str, reason: str) -> None:
        """Move `entry` to HELD under `name`."""
        ...

    def release(self, entry: Entry, state: State) -> None:
        """Move a HELD `entry` back to `state` and announce it."""
        ...

    def settle(self, entry: Entry, rids: Sequence[int], how: Settlement) -> bool:
        """Record how `rids` ended; True if that finished the message.

        RIDs that are settled already are passed over.
        """
        ...

    def retry(self, entry: Entry, rids: Sequence[int], progress: Progress) -> None:
        """Record the progress of waiting `rids` and let the content leave memory."""
        ...

    def report(self, entry: Entry, report: Report) -> None:
        """Record that `report` is due and announce it to origination.

        The message is not finished before it is resolved. Recipients of a FAILED report are
        settled by `resolve`, not before; those of a DELIVERED or RELAYED one are settled here.
        """
        ...

    def take_reports(self, taker: Callable[[Entry, Report], None]) -> None:
        """Announce every unresolved report, present and future, to origination."""
        ...

    def resolve(self, entry: Entry, report: Report, by: Stored | None, done: ReplaceDone) -> None:
        """Put the message `by`, if any, as QUEUED in place of `report`.

        Once it is durable, the recipients of a FAILED report are settled as BOUNCED and `done` is
        called.
        """
        ...

    def load(self, entry: Entry) -> Stored:
        """Return the message, from memory or from disk.

        Raises:
            DamagedError: its bytes do not match their checksum; `entry` is then held.
            SpoolFailure: the disk could not be read.
        """
        ...

    def get(self, mid: int) -> Entry | None:
        """Return the entry of an unfinished message."""
        ...

    def entries(self) -> Iterator[Entry]:
        """Yield all unfinished entries, oldest first where that is known."""
        ...

    def usage(self) -> Usage:
        """Return how much is held, from counters, at no cost."""
        ...

    async def close(self) -> None:
        """Write and sync everything outstanding and let go of the files."""
        ...
