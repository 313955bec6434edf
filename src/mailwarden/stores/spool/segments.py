"""The spool on disk: append-only segments, group commit, one directory for each worker.

Everything here runs on the event loop. What waits for a disk is done by the `Committer`
(messages) and the `Keeper` (journals, and what else may wait).
`docs/developer/spool.md` has the table of states with their instants, which is kept true.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mailwarden.core.alerts import Alerts
from mailwarden.stores.spool.codec import Claim
from mailwarden.stores.spool.committer import (
    FREE_LOOK_SECONDS,
    Closed,
    Committed,
    Committer,
    Opened,
    Request,
    Result,
    Space,
)
from mailwarden.stores.spool.compaction import Compaction
from mailwarden.stores.spool.drafting import Drafter
from mailwarden.stores.spool.journal import CUT, RESOLVE, SETTLE, VOID, report_key
from mailwarden.stores.spool.keeper import Keeper
from mailwarden.stores.spool.large import LargeContent, LargeSpill
from mailwarden.stores.spool.loop_worker import LoopWorker, Syncs
from mailwarden.stores.spool.mend import DiskMender
from mailwarden.stores.spool.part import Part, failure
from mailwarden.stores.spool.reader import Reader, stored_from
from mailwarden.stores.spool.record import GROUP_MAX
from mailwarden.stores.spool.recorder import Loop, Recorder
from mailwarden.stores.spool.replay import Progressed, Replay, Replayed
from mailwarden.stores.spool.segment import Segment, random_nonce
from mailwarden.stores.spool.settings import SpoolSettings
from mailwarden.stores.spool.shelf import Shelf
from mailwarden.stores.spool.spool import (
    DamagedError,
    Entry,
    PutDone,
    ReplaceDone,
    Report,
    ReportKind,
    Settlement,
    SpoolFailure,
    State,
    Stored,
    Usage,
)
from mailwarden.stores.spool.table import DAMAGED, Table
from mailwarden.stores.spool.telling import Telling
from mailwarden.stores.spool.worker import StartWorker, ThreadWorker, Worker
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files, try_unlink


def _close_all(parts: Sequence[Part]) -> None:
    for part in parts:
        part.close()


def _raise(error: Exception) -> None:
    raise error


def _tell_nobody(_messages: int, _bytes: int, _fraction: float) -> None:
    """Take word of progress."""


class SegmentSpool(Table):
    """One worker's spool. `recover` comes first, then everything of the `Spool` protocol.

    `directory` is written to; the `adopted` ones, of workers that are no more, are only emptied.
    `alert` tells the administrator, on the event loop.
    """

    def __init__(
        self,
        directory: Path,
        adopted: Sequence[Path],
        settings: SpoolSettings,
        files: Files,
        clock: Clock,
        loop: Loop,
        alerts: Alerts,
        start_worker: StartWorker = ThreadWorker,
        syncs: Syncs | None = None,
    ) -> None:
        super().__init__(clock, settings.hot_size_max_bytes)
        self._files = files
        self._settings = settings
        self._loop = loop
        self._tell = Telling(alerts)
        self._start_worker = start_worker
        # Told on the loop that a fault of ours has ended the spool's writing.
        self.on_death: Callable[[], None] = lambda: None
        self._syncs = syncs  # commits on the loop where there is one, else in a thread
        self._own = Part(files, str(directory))
        self._parts = [*(Part(files, str(path)) for path in adopted), self._own]
        self._reader = Reader(files)
        self._recorder = Recorder(loop, clock, self._entries, self._requeue_at)
        self._keeper = Keeper(
            files, clock, settings.sync_interval_seconds, self._alert_soon, self._journal_broken
        )
        self._shelf = Shelf(
            self._own,
            self._parts[:-1],
            self._recorder,
            self._keeper,
            self._tell.critical,
            self._reader.forget,
        )
        self._compaction = Compaction(
            files,
            clock,
            self._shelf,
            self._recorder,
            self._entries,
            settings.dead_size_max_bytes,
            self._submit,
            self._hold_damaged,
        )
        self._keeper_worker: Worker
        self._committer: Committer
        self._committer_worker: Worker
        self._requests: list[Request] = []  # for the committer
        self._large: dict[int, LargeContent] = {}  # by MID
        self._large_bytes = 0
        self._drafter = Drafter(self._own)
        self._bytes_free = 0
        self._looked_at = 0.0  # monotonic
        self._messages_synced = 0
        self._dead: str | None = None  # why nothing works any more
        self._timer_at: float | None = None
        self._told_damaged: set[int] = set()  # MIDs
        self._closed = False
        self.highest_mid = 0  # of all messages found by `recover`

    # Start and end.

    def recover(self, progress: Progressed = _tell_nobody) -> None:
        """Take the directories and read what is in them. Blocks; call it before all else.

        `progress` is told of messages and bytes read so far, and which fraction that is.

        Raises:
            SpoolFailure: the spool is in use, read-only, of another format, or unreadable.
        """
        taken: list[Part] = []
        try:
            for part in self._parts:
                part.open()
                taken.append(part)
            mender = DiskMender(self._files)
            replay = Replay(
                self._files, self._clock, mender, self._tell.critical, progress,
                warn=self._tell.warning,
            )  # fmt: skip
            found = replay.run(self._parts)
            self._bytes_free = self._files.bytes_free(self._own.path)
            next_sequence = max(self._own.sequences(), default=0) + 1
        except OSError as error:
            _close_all(taken)
            raise failure(f"Spool {self._own.path} cannot be read", error) from error
        except SpoolFailure:
            _close_all(taken)
            raise
        self._start(found, next_sequence)

    def _start(self, found: Replayed, next_sequence: int) -> None:
        syncs = self._syncs
        committer = self._committer = Committer(
            self._own,
            self._settings,
            self._clock,
            next_sequence,
            random_nonce,
            self._post,
        )
        self._committer_worker = (
            LoopWorker(committer, syncs, self._died, self._loop.call_later, self._clock.monotonic)
            if syncs is not None
            else self._start_worker("spool-commit", committer.handle, self._died)
        )
        self._keeper_worker = self._start_worker("spool-journal", self._keeper.handle, self._died)
        self._recorder.start(self._keeper, self._keeper_worker.submit)
        self._entries.update(found.entries)
        self._large.update(found.large)
        self.highest_mid = found.highest_mid
        for entry in self._entries.values():
            self._counts[entry.state] += 1
            self._bytes_live += entry.size
        for content in self._large.values():
            self._large_bytes += content.size
        for segment in found.segments:
            self._shelf.add(segment)
        for parent, claim in found.claims:
            if claim.report is None:
                self._record(parent, (SETTLE, parent.mid, claim.how, claim.rids))
            else:
                self._record(parent, (RESOLVE, parent.mid, claim.report, claim.rids))
        for older in found.superseded:  # by a copy, which must not be all that says so
            older.segment.void.append(older.mid)
            self._record(older, (VOID, older.mid))
        for mid, at in found.requeued:
            self._schedule.add(mid, at)
        for entry, reason in found.damaged:
            self._hold_damaged(entry, reason)
        self._tell_found(found)
        self._shelf.clear_all()
        self._waiting()
        self._compaction.consider()

    def _tell_found(self, found: Replayed) -> None:
        if found.torn or found.voided:
            self._tell.warning(
                f"Spool {self._own.path}: {found.torn} messages that were being received and "
                f"{found.voided} that were being split when the machine stopped do not count"
            )

    async def close(self) -> None:
        """Write and sync everything outstanding and let go of the files."""
        self._compaction.closing = True
        self._recorder.flush()
        self._hand_over()
        self._committer_worker.submit(None)
        if self._syncs is None:
            await asyncio.to_thread(self._committer_worker.stop)
        else:
            self._committer_worker.stop()
        await asyncio.sleep(0)  # the last results
        self._recorder.flush()
        self._recorder.in_background(self._keeper.finish)
        await asyncio.to_thread(self._keeper_worker.stop)
        await asyncio.sleep(0)
        self._closed = True
        self._reader.close()
        _close_all(self._parts)

    def _post(self, results: list[Result]) -> None:
        """Act on results, on the loop: what a callback raises is no fault of the committer."""
        if self._syncs is None:
            self._loop.call_soon_threadsafe(self._on_results, results)
            return
        try:
            self._on_results(results)
        except Exception as error:  # noqa: BLE001  told as the loop tells any
            self._loop.call_soon(_raise, error)

    def _died(self) -> None:
        """One of the threads ended: runs in it."""
        self._loop.call_soon_threadsafe(self._on_death)

    def _on_death(self) -> None:
        self._dead = "the spool's writer has failed; the worker must be restarted"
        self._tell.critical(f"Spool {self._own.path}: {self._dead}")
        self.on_death()

    def in_background(self, function: Callable[[], None]) -> None:
        """Call `function`, which may wait for a disk, in a thread. It must not raise."""
        self._recorder.in_background(function)

    # Putting.

    def spill(self) -> LargeSpill:
        """Return a place for content of unknown, large size. Raises SpoolFailure."""
        self._look_at_space()
        if self._bytes_free < self._settings.free_size_min_bytes:
            detail = f"Only {self._bytes_free} bytes are free for {self._own.path}"
            raise SpoolFailure(detail, full=True)
        return LargeSpill(self._own, self._drafter.large_name(), self.in_background)

    def put(self, message: Stored, state: State, done: PutDone) -> None:
        """Store `message` and call `done` once it is durable, or could not be made so."""
        draft, large, plan = self._drafter.draft(message, state, None)
        token = (self._put_done, message, state, large, done)
        self._submit(Request((draft,), () if plan is None else (plan,), False, None, token))

    def _submit(self, request: Request) -> None:
        if self._dead is not None:
            result = Committed(request.token, None, (), 0, SpoolFailure(self._dead))
            self._loop.call_soon(self._on_results, [result])
            return
        self._requests.append(request)
        if len(self._requests) == 1:  # with all that come in this turn of the loop
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        if self._syncs is not None:
            self._syncs.poll()  # under load the loop hears late that a sync is over
        requests, self._requests = self._requests, []
        if requests:
            self._committer_worker.submit(requests)

    def replace(
        self,
        entry: Entry,
        rids: Sequence[int],
        by: Sequence[tuple[Stored, State]],
        done: ReplaceDone,
    ) -> None:
        """Put the messages of `by` in place of the recipients `rids` of `entry`, all or none."""
        if len(by) > GROUP_MAX:
            detail = f"no more than {GROUP_MAX} messages can replace one"
            raise ValueError(detail)
        rids = tuple(rids)
        if not by:
            self.settle(entry, rids, Settlement.MOVED)
            self._when_synced(done)
            return
        claim = Claim(entry.mid, Settlement.MOVED, rids)
        settle = partial(self._settle_moved, entry, rids)
        self._put_group(by, claim, settle, done)

    def _settle_moved(self, entry: Entry, rids: Sequence[int]) -> None:
        self.settle(entry, rids, Settlement.MOVED)

    def resolve(self, entry: Entry, report: Report, by: Stored | None, done: ReplaceDone) -> None:
        """Put the message `by`, if any, as QUEUED in place of `report`."""
        settle = partial(self._record_resolved, entry, report)
        if by is None:
            settle()
            self._when_synced(done)
            return
        rids = report.rids if report.kind is ReportKind.FAILED else ()
        claim = Claim(entry.mid, Settlement.BOUNCED, tuple(rids), report_key(report))
        self._put_group([(by, State.QUEUED)], claim, settle, done)

    def _record_resolved(self, entry: Entry, report: Report) -> None:
        if entry.state is not State.FINISHED:
            rids = tuple(report.rids) if report.kind is ReportKind.FAILED else ()
            self._record(entry, (RESOLVE, entry.mid, report_key(report), rids))
            self._resolve(entry, report)

    def _when_synced(self, done: ReplaceDone) -> None:
        self._recorder.flush()
        self._recorder.after_sync(lambda: self._loop.call_soon_threadsafe(done, (), None))

    def _put_group(
        self,
        by: Sequence[tuple[Stored, State]],
        claim: Claim,
        settle: Callable[[], None],
        done: ReplaceDone,
    ) -> None:
        drafted = [self._drafter.draft(message, state, claim) for message, state in by]
        plans = [plan for _, _, plan in drafted if plan is not None]
        larges = [large for _, large, _ in drafted]
        self._submit(
            Request(
                [draft for draft, _, _ in drafted],
                plans,
                True,
                None,
                (self._group_done, by, larges, settle, done),
            )
        )

    # Results.

    def _on_results(self, results: Sequence[Result]) -> None:
        """Act on what the committer did, in its order, whatever a callback raises."""
        remaining = iter(results)
        try:
            for result in remaining:
                if type(result) is Committed:
                    token = result.token
                    token[0](result, *token[1:])
                else:
                    self._on_change(result)
        finally:
            rest = list(remaining)
            if rest:
                self._loop.call_soon(self._on_results, rest)

    def _on_change(self, result: Result) -> None:
        if isinstance(result, Opened):
            self._shelf.add(result.segment)
        elif isinstance(result, Closed):
            segment = result.segment
            segment.cut = result.cut
            if result.cut is not None:
                self._recorder.record(segment, (CUT, result.cut))
            self._shelf.closed(segment)
            self._compaction.consider()
        elif isinstance(result, Space):
            self._bytes_free = result.bytes_free

    def _put_done(
        self,
        result: Committed,
        message: Stored,
        state: State,
        large: LargeContent | None,
        done: PutDone,
    ) -> None:
        segment = result.segment
        if segment is None:
            self._failed(result, (large,))
            done(None, result.failure)
            return
        entry = self._place(message, state, segment, result.offsets[0], large)
        self._shelf.grown(segment, result.end)
        try:
            done(entry, None)
        finally:
            if entry.state is state:
                self._announce(entry)

    def _group_done(
        self,
        result: Committed,
        by: Sequence[tuple[Stored, State]],
        larges: Sequence[LargeContent | None],
        settle: Callable[[], None],
        done: ReplaceDone,
    ) -> None:
        segment = result.segment
        if segment is None:
            self._failed(result, larges)
            done((), result.failure)
            return
        entries = [
            self._place(message, state, segment, offset, large)
            for (message, state), offset, large in zip(by, result.offsets, larges, strict=True)
        ]
        self._shelf.grown(segment, result.end)
        settle()
        try:
            done(entries, None)
        finally:
            for entry, (_, state) in zip(entries, by, strict=True):
                if entry.state is state:
                    self._announce(entry)

    def _place(
        self,
        message: Stored,
        state: State,
        segment: Segment,
        offset: int,
        large: LargeContent | None,
    ) -> Entry:
        """Make the entry of a message that is durable."""
        self._messages_synced += 1
        envelope, header, content = message
        size = len(header) + content.size
        entry = Entry(envelope.mid, state, envelope.received_at, size, len(envelope.recipients))
        self._shelf.placed(entry, segment, offset)
        self._admit(entry)
        if large is not None:
            large.release()
            large.tell = partial(self._tell_damage, entry)
            self._large[entry.mid] = large
            self._large_bytes += large.size
            message = message._replace(content=large)
        self._heat(entry, message, self._hot_size(entry))
        return entry

    def _failed(self, result: Committed, larges: Sequence[LargeContent | None]) -> None:
        for large in larges:
            if large is not None:
                large.owned = False
                large.release()
                self.in_background(partial(self._unlink, large.path))
        if result.failure is not None:
            self._tell.refused(result.failure.detail, self._clock.monotonic())

    def _unlink(self, path: str) -> None:
        """Runs in the keeper."""
        try:
            try_unlink(self._files, path)
        except OSError:
            return  # the next start removes it

    # What the table asks for.

    def _record(self, entry: Entry, record: tuple[Any, ...]) -> None:
        self._recorder.record(entry.segment, record)

    def _finished(self, entry: Entry) -> None:
        large = self._large.pop(entry.mid, None)
        if large is not None:
            # Not before the journal is synced: a power cut would bring the message back.
            self._large_bytes -= large.size
            self._recorder.flush()
            self._recorder.after_sync(partial(self._unlink, large.path))
        segment = self._shelf.left(entry)
        if segment.live == 0:
            self._shelf.clear(segment)
        self._compaction.consider()

    def _hot_size(self, entry: Entry) -> int:
        large = self._large.get(entry.mid) if self._large else None
        return entry.size if large is None else entry.size - large.size

    def _waiting(self) -> None:
        delay = self._schedule.next_delay()
        if delay is None:
            return
        at = self._clock.monotonic() + delay
        if self._timer_at is None or at < self._timer_at:
            self._timer_at = at
            self._loop.call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        self._timer_at = None
        if not self._closed:
            self.announce_due()

    def _requeue_at(self, mid: int) -> float:
        remaining = self._schedule.remaining(mid)
        return 0.0 if remaining is None else self._clock.time() + remaining

    # Troubles.

    def _alert_soon(self, text: str) -> None:
        self._loop.call_soon_threadsafe(self._tell.critical, text)

    def _journal_broken(self, segment: Segment) -> None:
        self._loop.call_soon_threadsafe(self._recorder.rewrite, segment)

    def _tell_damage(self, entry: Entry) -> None:
        self._hold_damaged(entry, "content does not match its checksum")

    def _hold_damaged(self, entry: Entry, reason: str) -> None:
        if entry.state is State.FINISHED:
            return
        self._shelf.spoiled(entry.segment)
        if entry.mid not in self._told_damaged:  # once, however often it is looked at
            self._told_damaged.add(entry.mid)
            self._tell.critical(f"MID {entry.mid} is damaged and held: {reason}")
        if entry.hold != DAMAGED:
            self.hold(entry, DAMAGED, reason)

    # Looking.

    def load(self, entry: Entry) -> Stored:
        """Return the message, from memory or from disk.

        Raises:
            DamagedError: its bytes do not match their checksum; `entry` is then held.
            SpoolFailure: the disk could not be read, or the message has finished.
        """
        if entry.stored is not None:
            return entry.stored
        if entry.state is State.FINISHED:
            detail = f"MID {entry.mid} has finished"
            raise SpoolFailure(detail)
        try:
            record = self._reader.read(entry.segment, entry.offset, entry.mid)
            large = self._large.get(entry.mid)
            if large is not None:
                large.tell = partial(self._tell_damage, entry)
            return stored_from(record, large)
        except DamagedError as damage:
            self._hold_damaged(entry, str(damage))
            raise
        except OSError as error:
            raise failure(f"MID {entry.mid} cannot be read", error) from error

    def usage(self) -> Usage:
        """Return how much is held, from counters, at no cost."""
        self._look_at_space()
        received, queued, held = self._counts
        return Usage(
            received=received,
            queued=queued,
            held=held,
            bytes_live=self._bytes_live,
            bytes_on_disk=self._shelf.bytes_on_disk + self._large_bytes,
            bytes_free=max(0, self._bytes_free - self._settings.free_size_min_bytes),
            bytes_hot=self._bytes_hot,
            syncs=self._committer.syncs,
            messages_synced=self._messages_synced,
        )

    def _look_at_space(self) -> None:
        """Have the free space looked at, at most once a second; the answer comes later."""
        now = self._clock.monotonic()
        if now - self._looked_at >= FREE_LOOK_SECONDS and not self._closed:
            self._looked_at = now
            self.in_background(self._count_free)

    def _count_free(self) -> None:
        """Runs in the keeper."""
        try:
            free = self._files.bytes_free(self._own.path)
        except OSError:
            return
        self._loop.call_soon_threadsafe(self._on_change, Space(free))
