"""What every spool knows of its messages, in memory, and how that may change.

`Table` holds the entries, counts them and announces them to their takers. It writes nothing: each
change is handed to `_record` as a tuple (see `journal.py`), which a spool on disk keeps.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from mailwarden.stores.spool.fields import shared, text
from mailwarden.stores.spool.journal import (
    HOLD,
    RELEASE,
    REPORT,
    REQUEUE,
    RETRY,
    SETTLE,
    report_fields,
)
from mailwarden.stores.spool.schedule import Schedule
from mailwarden.stores.spool.spool import (
    Deferred,
    Entry,
    Held,
    Progress,
    Report,
    ReportKind,
    Settlement,
    State,
    Stored,
    compact_progress,
)
from mailwarden.system.clock.clock import Clock

DAMAGED: Final = "damaged"  # name of the hold of a message whose bytes cannot be trusted
_NO_RID: Final = "the message has no such RID"
_FINISHED: Final = State.FINISHED
_RECEIVED: Final = State.RECEIVED
_QUEUED: Final = State.QUEUED
_HELD: Final = State.HELD


class Table:
    """The entries of a spool, their counters and their takers."""

    def __init__(self, clock: Clock, hot_size_max_bytes: int) -> None:
        self._clock = clock
        self._entries: dict[int, Entry] = {}
        self._counts = [0, 0, 0]  # by State
        self._bytes_live = 0
        self._bytes_hot = 0
        self._hot_max = hot_size_max_bytes
        self._schedule = Schedule(clock)
        self._received_taker: Callable[[Entry], None] | None = None
        self._queued_taker: Callable[[Entry], None] | None = None
        self._report_taker: Callable[[Entry, Report], None] | None = None

    # What a spool on disk adds.

    def _record(self, entry: Entry, record: tuple[Any, ...]) -> None:
        """Keep `record`, which belongs to `entry`; called before the change is made."""

    def _finished(self, entry: Entry) -> None:
        """Give back the space of `entry`, which has just left the table."""

    def _waiting(self) -> None:
        """See to it that `announce_due` is called when the next message is due."""

    # Announcements.

    def take_received(self, taker: Callable[[Entry], None]) -> None:
        """Announce every RECEIVED entry, present and future, to the work queue."""
        self._received_taker = taker
        self._announce_all(_RECEIVED)

    def take_queued(self, taker: Callable[[Entry], None]) -> None:
        """Announce every QUEUED entry, present and future, to delivery."""
        self._queued_taker = taker
        self._announce_all(_QUEUED)

    def take_reports(self, taker: Callable[[Entry, Report], None]) -> None:
        """Announce every unresolved report, present and future, to origination."""
        self._report_taker = taker
        for entry in [entry for entry in self._entries.values() if entry.reports]:
            for report in tuple(entry.reports or ()):
                taker(entry, report)

    def announce_due(self) -> None:
        """Announce the requeued entries whose time has come."""
        for mid in self._schedule.pop_due():
            entry = self._entries.get(mid)
            if entry is not None:
                self._announce(entry)
        self._waiting()

    def _announce_all(self, state: State) -> None:
        for entry in [entry for entry in self._entries.values() if entry.state is state]:
            if entry.state is state:  # a taker may have acted on it already
                self._announce(entry)

    def _announce(self, entry: Entry) -> None:
        state = entry.state
        if state is _RECEIVED:
            taker = self._received_taker
            if taker is not None and entry.mid not in self._schedule and entry.has_waiting():
                taker(entry)
        elif state is _QUEUED and self._queued_taker is not None and entry.has_waiting():
            self._queued_taker(entry)

    # Membership.

    def _admit(self, entry: Entry) -> None:
        self._entries[entry.mid] = entry
        self._counts[entry.state] += 1
        self._bytes_live += entry.size

    def _heat(self, entry: Entry, message: Stored, size: int) -> None:
        """Keep `message` in memory if there is room for its `size` bytes."""
        if self._bytes_hot + size <= self._hot_max:
            self._bytes_hot += size
            entry.stored = message

    def _cool(self, entry: Entry) -> None:
        if entry.stored is not None:
            self._bytes_hot -= self._hot_size(entry)
            entry.stored = None

    def _hot_size(self, entry: Entry) -> int:
        return entry.size

    def _move(self, entry: Entry, state: State) -> None:
        self._counts[entry.state] -= 1
        self._counts[state] += 1
        entry.state = state
        entry.pause = None

    def _finish(self, entry: Entry) -> None:
        self._counts[entry.state] -= 1
        self._bytes_live -= entry.size
        self._cool(entry)
        entry.state = _FINISHED
        entry.tag = None  # it may point back: what counting references frees costs no collection
        del self._entries[entry.mid]
        self._schedule.remove(entry.mid)
        self._finished(entry)

    def get(self, mid: int) -> Entry | None:
        """Return the entry of an unfinished message."""
        return self._entries.get(mid)

    def entries(self) -> Iterator[Entry]:
        """Yield all unfinished entries, oldest first where that is known."""
        return iter(list(self._entries.values()))

    # Changes.

    def queue(self, entry: Entry) -> None:
        """Move an unchanged RECEIVED `entry` to QUEUED."""
        if entry.state is not _RECEIVED:
            return
        self._move(entry, _QUEUED)
        if self._queued_taker is not None:
            self._announce(entry)

    def requeue(self, entry: Entry, at: float, reason: str) -> None:
        """Count a failed pass of the work queue; announce `entry` again at `at`."""
        if entry.state is _FINISHED:
            return
        now = self._clock.time()
        self._record(entry, (REQUEUE, entry.mid, entry.attempts + 1, at, now, text(reason)))
        entry.attempts += 1
        if entry.state is _RECEIVED:  # a hold that came meanwhile lasts
            entry.pause = Deferred(at, shared(reason))
        self._cool(entry)
        self._schedule.add(entry.mid, at)
        self._waiting()

    def hold(self, entry: Entry, name: str, reason: str) -> None:
        """Move `entry` to HELD under `name`."""
        if entry.state is _FINISHED:
            return
        now = self._clock.time()
        self._record(entry, (HOLD, entry.mid, text(name), text(reason), now))
        self._schedule.remove(entry.mid)
        self._cool(entry)
        self._move(entry, _HELD)
        entry.pause = Held(name, now)

    def release(self, entry: Entry, state: State) -> None:
        """Move a HELD `entry` back to `state` and announce it."""
        if entry.state is not _HELD:
            return
        self._record(entry, (RELEASE, entry.mid, int(state)))
        self._move(entry, state)
        self._announce(entry)

    def settle(self, entry: Entry, rids: Sequence[int], how: Settlement) -> bool:
        """Record how `rids` ended; True if that finished the message."""
        if entry.state is _FINISHED:
            return False
        self._record(entry, (SETTLE, entry.mid, int(how), tuple(rids)))
        return self._settle(entry, rids)

    def _settle(self, entry: Entry, rids: Sequence[int]) -> bool:
        """Settle without recording; True if that finished the message."""
        settled = entry.settled
        if settled is None:
            if entry.pending == 1 and len(rids) == 1 and rids[0] == 0 and entry.reports is None:
                entry.pending = 0  # the usual message: one recipient
                self._finish(entry)
                return True
            settled = set()
        new = set(rids) - settled
        count = entry.pending + len(settled)
        if new:
            # A RID that is none of this message's would finish it too early: mail would be lost.
            if min(new) < 0 or max(new) >= count:
                raise ValueError(_NO_RID)
            settled |= new
            entry.settled = settled
            entry.pending = count - len(settled)
            self._forget_progress(entry, new)
        return self._finish_if_done(entry)

    def _forget_progress(self, entry: Entry, rids: set[int]) -> None:
        progress = entry.progress
        if progress is not None:
            left = {rid: waiting for rid, waiting in progress.items() if rid not in rids}
            entry.progress = compact_progress(left)

    def _finish_if_done(self, entry: Entry) -> bool:
        if entry.pending or entry.reports:
            return False
        self._finish(entry)
        return True

    def retry(self, entry: Entry, rids: Sequence[int], progress: Progress) -> None:
        """Record the progress of waiting `rids` and let the content leave memory."""
        if entry.state is _FINISHED:
            return
        self._record(
            entry,
            (
                RETRY,
                entry.mid,
                tuple(rids),
                progress.attempts,
                progress.next_attempt_at,
                progress.warnings,
                text(progress.reason),
                self._clock.time(),
            ),
        )
        self._cool(entry)
        settled = entry.settled or ()
        progress = progress._replace(reason=shared(progress.reason))
        new = {rid: progress for rid in rids if rid not in settled}
        entry.progress = compact_progress({**(entry.progress or {}), **new})

    def report(self, entry: Entry, report: Report) -> None:
        """Record that `report` is due and announce it to origination."""
        if entry.state is _FINISHED or (entry.reports is not None and report in entry.reports):
            return
        self._record(entry, (REPORT, entry.mid, report_fields(report)))
        if entry.reports is None:
            entry.reports = []
        entry.reports.append(report)
        if report.kind in (ReportKind.DELIVERED, ReportKind.RELAYED):
            self._settle(entry, report.rids)
        if self._report_taker is not None:
            self._report_taker(entry, report)

    def _resolve(self, entry: Entry, report: Report) -> None:
        """Take `report` off `entry` and settle its recipients if it told of their failure."""
        if entry.state is _FINISHED:
            return
        if entry.reports is not None and report in entry.reports:
            entry.reports.remove(report)
            entry.reports = entry.reports or None
        rids = report.rids if report.kind is ReportKind.FAILED else ()
        self._settle(entry, rids)
