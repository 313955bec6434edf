"""Writes and syncs the journals, and does what else may wait for a disk but need not be now.

It runs in a thread of its own, beside the committer, so that no message waits for it; the event
loop itself writes only what the page cache takes at once. What it is handed it does in order.
Journals are written at once and synced together a little later; between two syncs whatever was
handed over meanwhile is written, so that a kill loses as little as it can.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Final

from mailwarden.stores.spool.journal import build_frames, build_journal_header
from mailwarden.stores.spool.part import NEW_END, failure
from mailwarden.stores.spool.record import HEADER_SIZE, SegmentHeader
from mailwarden.stores.spool.segment import Segment
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files, try_unlink, write_fully

OPEN_MAX: Final = 64  # journals kept open
AGAIN_SECONDS: Final = 1.0  # how soon a write or sync that failed is tried again

Action = Callable[[], None]


class Journal:
    """One journal file, as the keeper knows it."""

    __slots__ = ("broken", "dirty", "fd", "offset", "segment", "unwritten")

    def __init__(self, segment: Segment, offset: int) -> None:
        self.segment = segment
        self.offset = offset  # where the next frame goes
        self.fd = -1
        self.unwritten = b""  # frames that the disk did not take yet
        self.dirty = False
        self.broken = False  # a sync failed: it must be written anew


class Keeper:
    """Owns the journals of all segments."""

    def __init__(
        self,
        files: Files,
        clock: Clock,
        interval_seconds: float,
        alert: Callable[[str], None],
        broken: Callable[[Segment], None],
    ) -> None:
        self._files = files
        self._clock = clock
        self._interval = interval_seconds
        self._alert = alert
        self._broken = broken  # asks for all that the journal must say, through `rewrite`
        self._journals: dict[Segment, Journal] = {}
        self._open: dict[Journal, None] = {}  # least recently used first
        self._dirty: dict[Journal, None] = {}
        self._round: list[Journal] | None = None  # still to be synced before the actions
        self._round_actions: list[tuple[Action, bool]] = []
        self._actions: list[tuple[Action, bool]] = []
        self._next_sync = 0.0
        self._idle = True
        self._full = False
        self._troubled: set[Journal] = set()  # with something unwritten, or broken
        self._lock = Lock()  # held by whoever is at work: the thread, or the event loop
        self._handled = 0
        self.asked = 0  # items that were handed over; counted by the event loop

    def handle(self, batch: list[Any]) -> float | None:
        """Do what is asked in `batch`, then one step of what is due; return when the next is."""
        with self._lock:
            for call, *arguments in batch:
                call(*arguments)
            self._handled += len(batch)
            return self._advance()

    def try_write(self, segment: Segment, records: Sequence[tuple[Any, ...]]) -> bool:
        """Append `records` at once, on the event loop; False if they have to be handed over.

        To wake a thread for each write costs more than the write, which no more than enters the
        page cache. But it has to keep its place behind what was handed over before, must not wait
        for a sync, and the thread has to be up to sync it in time.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            journal = self._journals.get(segment)
            if self._idle or self._handled != self.asked or journal is None:
                return False
            if journal.fd < 0 or journal.unwritten or journal.broken:
                return False
            self.write(segment, records)
            return True
        finally:
            self._lock.release()

    # What may be asked for.

    def write(self, segment: Segment, records: Sequence[tuple[Any, ...]]) -> None:
        """Append `records` to the journal of `segment`."""
        if segment.removed:
            return
        journal = self._journal(segment)
        start = journal.offset + len(journal.unwritten)
        journal.unwritten += build_frames(records, segment.nonce, start)
        self._write_out(journal)

    def rewrite(self, segment: Segment, records: Sequence[tuple[Any, ...]]) -> None:
        """Put a new journal that says `records` in the place of the old one."""
        if segment.removed:
            return
        journal = self._journal(segment)
        new = segment.journal_path + NEW_END
        header = SegmentHeader(segment.part.number, segment.sequence, segment.nonce)
        content = build_journal_header(header) + build_frames(records, segment.nonce, HEADER_SIZE)
        try:
            self._put_in_place(new, segment, content)
        except OSError as error:
            self._trouble(journal, f"Journal {segment.journal_path} cannot be written", error)
            return
        # From here on the old file has no name: nothing may be written to it any more.
        self._close(journal)
        journal.offset = len(content)
        journal.unwritten = b""
        self._dirty.pop(journal, None)
        try:
            self._files.sync_directory(segment.part.path)
        except OSError as error:
            journal.broken = True  # a power cut would bring the old one back
            self._trouble(journal, f"Journal {segment.journal_path} cannot be synced", error)
            return
        journal.broken = False
        self._mended(journal)

    def after_sync(self, action: Action, *, frees_space: bool = False) -> None:
        """Call `action` when everything written so far is durable.

        One that frees space is called also while the disk is too full to write journals: after a
        crash some recipients may then be served twice, but else nothing would ever get better.
        """
        self._actions.append((action, frees_space))

    def remove(self, segment: Segment) -> bool:
        """Remove the files of `segment`; True if they are gone.

        Its messages go first: a journal alone does no harm.
        """
        try:
            try_unlink(self._files, segment.path)
            self._files.sync_directory(segment.part.path)
        except OSError as error:
            self._alert(failure(f"Segment {segment.path} cannot be removed", error).detail)
            return False
        segment.removed = True
        self._forget(segment)
        try:
            try_unlink(self._files, segment.journal_path)
        except OSError as error:
            self._alert(failure(f"{segment.journal_path} cannot be removed", error).detail)
        return True

    def _forget(self, segment: Segment) -> None:
        journal = self._journals.pop(segment, None)
        if journal is not None:
            self._close(journal)
            self._dirty.pop(journal, None)
            self._troubled.discard(journal)

    def finish(self) -> None:
        """Sync everything now and call the actions that wait for it."""
        self._next_sync = 0.0
        for _ in range(len(self._dirty) + len(self._troubled) + 3):
            if self._idle:
                return
            self._next_sync = 0.0
            self._advance()

    # Writing.

    def _journal(self, segment: Segment) -> Journal:
        journal = self._journals.get(segment)
        if journal is None:
            journal = self._journals[segment] = Journal(segment, segment.journal_size)
        return journal

    def _write_out(self, journal: Journal) -> None:
        try:
            self._open_journal(journal)
            if journal.unwritten:
                write_fully(self._files, journal.fd, [journal.unwritten], journal.offset)
        except OSError as error:
            path = journal.segment.journal_path
            self._trouble(journal, f"Journal {path} cannot be written", error)
            return
        journal.offset += len(journal.unwritten)
        journal.unwritten = b""
        self._dirty[journal] = None
        if not journal.broken:
            self._mended(journal)

    def _open_journal(self, journal: Journal) -> None:
        if journal.fd < 0:
            if len(self._open) >= OPEN_MAX:
                self._make_way()
            journal.fd = self._files.open(journal.segment.journal_path, write=True)
        self._open.pop(journal, None)
        self._open[journal] = None

    def _make_way(self) -> None:
        """Close the journal that was not used for longest; a sync through it comes first."""
        journal = next(iter(self._open))
        if journal in self._dirty:
            del self._dirty[journal]
            self._sync(journal)
        self._close(journal)

    def _close(self, journal: Journal) -> None:
        if journal.fd >= 0:
            self._files.close(journal.fd)
            journal.fd = -1
            del self._open[journal]

    def _put_in_place(self, new: str, segment: Segment, content: bytes) -> None:
        try_unlink(self._files, new)
        fd = self._files.open(new, create=True)
        try:
            write_fully(self._files, fd, [content], 0)
            self._files.fdatasync(fd)
        finally:
            self._files.close(fd)
        self._files.rename(new, segment.journal_path)

    def _trouble(self, journal: Journal, doing: str, error: OSError) -> None:
        trouble = failure(doing, error)
        self._full = self._full or trouble.full
        if not self._troubled:
            self._alert(trouble.detail)
        self._troubled.add(journal)

    def _mended(self, journal: Journal) -> None:
        """Note that all is well with `journal`; when it was the last, go on at the usual pace."""
        if journal in self._troubled:
            self._troubled.discard(journal)
            if not self._troubled:
                self._full = False
                soon = self._clock.monotonic() + self._interval
                self._next_sync = min(self._next_sync, soon)

    # Syncing.

    def _sync(self, journal: Journal) -> None:
        try:
            self._open_journal(journal)
            self._files.fdatasync(journal.fd)
        except OSError as error:
            path = journal.segment.journal_path
            self._trouble(journal, f"Journal {path} cannot be synced", error)
            # The kernel may have dropped what it could not write: only a new file is sure.
            journal.broken = True
            self._broken(journal.segment)

    def _advance(self) -> float | None:
        """Do one step: sync one journal, or call what waited for the last of them."""
        if self._round is None:
            return self._begin_round()
        if self._round:
            journal = self._round.pop()
            if journal in self._dirty:
                del self._dirty[journal]
                self._sync(journal)
            return 0.0
        self._end_round()
        return self._begin_round()

    def _begin_round(self) -> float | None:
        if not (self._dirty or self._actions or self._troubled):
            self._idle = True
            return None
        now = self._clock.monotonic()
        if self._idle:
            self._idle = False
            self._next_sync = now + self._interval
        if now < self._next_sync:
            return self._next_sync - now
        for journal in list(self._troubled):
            if journal.broken:
                self._broken(journal.segment)
            else:
                self._write_out(journal)
        pause = AGAIN_SECONDS if self._troubled else self._interval
        self._next_sync = now + pause
        self._round = list(self._dirty)
        self._round_actions, self._actions = self._actions, []
        return 0.0

    def _end_round(self) -> None:
        self._round = None
        actions, self._round_actions = self._round_actions, []
        for action, frees_space in actions:
            if not self._troubled or (self._full and frees_space):
                action()
            else:
                self._actions.append((action, frees_space))
