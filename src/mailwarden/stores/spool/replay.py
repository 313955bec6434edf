"""Finds out at start-up which messages are not finished: reads every journal and every segment.

Memory is bounded by what the unfinished messages need and by the journal of one segment. Segments
are read oldest first, adopted parts before our own: what a record refers to was seen before, but
for parts whose owner changed more than once.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from mailwarden.stores.spool.codec import Claim, Meta, decode_meta
from mailwarden.stores.spool.journal import (
    HOLD,
    VOID,
    parse_journal_header,
    report_key,
)
from mailwarden.stores.spool.journal_state import STATES, JournalContent, MessageState, read_journal
from mailwarden.stores.spool.large import LargeContent
from mailwarden.stores.spool.mend import Mender
from mailwarden.stores.spool.part import Part
from mailwarden.stores.spool.record import (
    CLAIM,
    COPY,
    DOTTED,
    HEAD_SIZE,
    HEADER_SIZE,
    LARGE,
    Head,
    parse_segment_header,
)
from mailwarden.stores.spool.scan import Condition, Found, is_sealed, walk
from mailwarden.stores.spool.segment import RECORD_OVERHEAD, Segment
from mailwarden.stores.spool.spool import (
    DamagedError,
    Deferred,
    Entry,
    State,
    compact_progress,
)
from mailwarden.stores.spool.table import DAMAGED
from mailwarden.stores.spool.window import Window, read_start
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files

Progressed = Callable[[int, int, float], None]  # messages, bytes, fraction of all
PROGRESS_SIZE: Final = 16 * 1024 * 1024  # bytes between two calls of it
_SOUND: Final = Condition.SOUND


@dataclass(slots=True)
class Replayed:
    """What was found."""

    entries: dict[int, Entry] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)
    large: dict[int, LargeContent] = field(default_factory=dict)  # by MID
    requeued: list[tuple[int, float]] = field(default_factory=list)  # MID, when to try again
    claims: list[tuple[Entry, Claim]] = field(default_factory=list)  # to be recorded
    unreadable: list[tuple[Part, int]] = field(default_factory=list)  # segments without a header
    journals: list[Segment] = field(default_factory=list)  # those with damaged journals
    superseded: list[Entry] = field(default_factory=list)  # live on elsewhere: to be recorded
    damaged: list[tuple[Entry, str]] = field(default_factory=list)  # to be held, and why
    highest_mid: int = 0
    torn: int = 0  # messages that were being written when it ended; nobody was told 250
    voided: int = 0  # messages of an incomplete replace, whose parent is still there
    holes: int = 0  # damaged stretches


class Replay:
    """Reads parts, one after the other."""

    def __init__(
        self,
        files: Files,
        clock: Clock,
        mender: Mender,
        alert: Callable[[str], None],
        progress: Progressed,
        *,
        warn: Callable[[str], None] | None = None,
        verify: bool = False,
    ) -> None:
        """`alert` is told what is wrong; `warn` what costs no more than duplicates."""
        self.result = Replayed()
        self._files = files
        self._mend = mender
        self._verify = verify  # content too, even where it was found to be sound before
        self._now = clock.time()
        self._alert = alert
        self._warn = alert if warn is None else warn
        self._progress = progress
        self._bytes_all = 0
        self._bytes_done = 0
        self._told = 0
        self._messages = 0
        self._nonces: set[int] = set()
        self._weak: list[tuple[Found, Segment, Meta]] = []
        self._findings: list[tuple[Any, ...]] = []  # records for the journal of the segment
        self._late: list[tuple[list[Found], Segment, JournalContent]] = []
        self._unsealed: list[Segment] = []
        self._last_part = False
        self._early_claims: dict[int, list[Claim]] = {}  # by parent, which a later part may have

    def run(self, parts: Sequence[Part]) -> Replayed:
        """Read `parts`, our own last. Raises OSError."""
        sequences = [(part, part.sequences()) for part in parts]
        self._bytes_all = sum(
            self._files.size(part.segment_path(sequence))
            for part, numbers in sequences
            for sequence in numbers
        )
        for part, numbers in sequences:
            self._last_part = part is parts[-1]
            for sequence in numbers:
                self._read(part, sequence)
        self._decide_late()
        self._decide_weak()
        for part in parts:
            self._clear(part)
        self._progress(self._messages, self._bytes_all, 1.0)
        return self.result

    def _clear(self, part: Part) -> None:
        names = {
            content.file.name for content in self.result.large.values() if content.part is part
        }
        self._mend.clear(part, names)

    # One segment.

    def _read(self, part: Part, sequence: int) -> None:
        path = part.segment_path(sequence)
        try:
            size = self._files.size(path)
            fd = self._files.open(path)
        except FileNotFoundError:  # somebody only looks, and its owner has just removed it
            return
        try:
            window = Window(self._files, fd, size)
            segment = self._segment(part, sequence, window)
            if segment is None:
                return
            journal = self._journal(segment)
            self._walk(segment, window, journal)
            self._nonces.add(segment.nonce)
            self.result.segments.append(segment)
        finally:
            self._files.close(fd)
        self._bytes_done += size
        self._tell(0)

    def _tell(self, offset: int) -> None:
        done = self._bytes_done + offset
        if done - self._told >= PROGRESS_SIZE or offset == 0:
            self._told = done
            self._progress(self._messages, done, done / max(1, self._bytes_all))

    def _segment(self, part: Part, sequence: int, window: Window) -> Segment | None:
        """Return what the header says, that of the journal if need be; None if nothing does."""
        path = part.segment_path(sequence)
        try:
            nonce = parse_segment_header(window.read(0, HEADER_SIZE)).nonce
            return Segment(part, sequence, nonce, window.size)
        except DamagedError as error:
            reason = str(error)
        if window.size <= HEADER_SIZE:
            self._mend.remove_unborn(part, sequence)
            return None
        data = read_start(self._files, part.journal_path(sequence))
        try:
            nonce = parse_journal_header(data).nonce
        except DamagedError:
            self.result.holes += 1
            self._alert(f"Segment {path} cannot be read: {reason}; run `mailwarden spool repair`")
            self.result.unreadable.append((part, sequence))
            return None
        segment = Segment(part, sequence, nonce, window.size)
        self._alert(f"Segment {path}: {reason}; it is written anew from the journal")
        self._mend.mend_header(segment)
        return segment

    def _journal(self, segment: Segment) -> JournalContent:
        """Return what the journal says; see to it that there is one that can be appended to."""
        path = segment.journal_path
        try:
            fd = self._files.open(path)
        except FileNotFoundError:
            return self._no_journal(segment, f"Journal {path} is missing")
        try:
            window = Window(self._files, fd, self._files.size(path))
            try:
                header = parse_journal_header(window.read(0, HEADER_SIZE))
            except DamagedError as error:
                self._alert(f"Journal {path}: {error}; its header is written anew")
                self._mend.mend_journal_header(segment)
            else:
                if header.nonce != segment.nonce:
                    return self._no_journal(segment, f"Journal {path} is of another segment")
            content = read_journal(window, segment.nonce, self._now)
        finally:
            self._files.close(fd)
        if content.holes:
            self.result.holes += content.holes
            self.result.journals.append(segment)
            self._warn(
                f"Journal {path} is damaged in {content.holes} places: some recipients may be "
                "served twice"
            )
        self._mend.cut_journal(segment, content.end, window.size)
        segment.journal_size = content.end
        segment.recorded = content.records
        segment.cut = content.cut
        return content

    def _no_journal(self, segment: Segment, reason: str) -> JournalContent:
        if segment.size > HEADER_SIZE:
            self.result.holes += 1
            self._warn(f"{reason}: some recipients may be served twice")
        self._mend.make_journal(segment)
        return JournalContent()

    def _walk(self, segment: Segment, window: Window, journal: JournalContent) -> None:
        end = segment.size if journal.cut is None else min(journal.cut, segment.size)
        sealed = journal.cut is None and is_sealed(window, segment.nonce)
        group: list[Found] = []
        for found in walk(window, segment.nonce, end, verify=self._verify or not sealed):
            head = found.head
            if group and (head is None or head.group_index != len(group)):
                self._group(group, segment, journal)
                group = []
            if found.condition is Condition.SHORT or found.condition is Condition.TAIL:
                end = found.offset
                self._end(segment, window, found)
            elif head is None:
                self._hole(segment, found)
            elif head.group_count == 1 and found.condition is _SOUND:
                self._accept(found, segment, journal)
            else:
                group.append(found)
                if len(group) == head.group_count:
                    self._group(group, segment, journal)
                    group = []
            self._tell(found.offset)
        self._group(group, segment, journal)
        self._write_down(segment)
        segment.size = end
        segment.sealed = True
        if sealed or journal.cut is not None:
            self._mend.sync(segment)
        elif any(late[1] is segment for late in self._late):
            self._unsealed.append(segment)  # it is to be checked again until that is decided
        else:
            self._mend.seal(segment, end)

    def _write_down(self, segment: Segment) -> None:
        """Keep what was found in the journal: why it is so may not be seen the next time."""
        records, self._findings = self._findings, []
        if records:
            self._mend.append(segment, records)

    def _end(self, segment: Segment, window: Window, found: Found) -> None:
        """Judge the end that a crash left, which is then cut off."""
        size = found.end - found.offset
        if found.condition is Condition.SHORT or size <= HEAD_SIZE:
            self.result.torn += found.condition is Condition.SHORT
            return
        data = window.read(found.offset, size)
        if not data.strip(b"\0"):
            self.result.torn += 1
            return
        self.result.holes += 1
        path = self._mend.put_aside(segment, found.offset, data)
        self._alert(f"The end of segment {segment.path} cannot be read; it was put in {path}")

    def _hole(self, segment: Segment, found: Found) -> None:
        segment.damaged = True
        self.result.holes += 1
        self._alert(
            f"Segment {segment.path} is damaged from byte {found.offset} to {found.end}; it is "
            "kept; run `mailwarden spool repair`"
        )

    # Groups.

    def _group(self, group: list[Found], segment: Segment, journal: JournalContent) -> None:
        """Accept the messages of a replace, if they are all there or their parent is done.

        When one is missing because the machine stopped, none counts: the parent still has its
        recipients. When one is missing because of damage, the others must not be lost with it.
        """
        if not group:
            return
        head = group[0].head
        assert head is not None
        complete = len(group) == head.group_count and all(
            found.condition is _SOUND for found in group
        )
        if not complete and not self._last_part and self._parent_is_unseen(group):
            self._late.append((group, segment, journal))
            return
        if not complete and self._parent_speaks(group):
            self.result.voided += len(group)
            mids = [found.head.mid for found in group if found.head is not None]
            self._findings += [(VOID, mid) for mid in mids]
            segment.void += mids
            return
        for found in group:
            self._accept(found, segment, journal)

    def _decide_late(self) -> None:
        for group, segment, journal in self._late:
            self._group(group, segment, journal)
            self._write_down(segment)
        for segment in self._unsealed:
            self._mend.seal(segment, segment.size)

    def _parent_is_unseen(self, group: list[Found]) -> bool:
        claim = self._claim(group)
        return claim is not None and claim.parent not in self.result.entries

    def _parent_speaks(self, group: list[Found]) -> bool:
        claim = self._claim(group)
        return claim is not None and self._is_open(claim)

    def _claim(self, group: list[Found]) -> Claim | None:
        for found in group:
            if found.meta and found.head is not None and found.head.flags & CLAIM:
                with suppress(DamagedError):
                    return self._meta(found).claim
        return None

    def _is_open(self, claim: Claim) -> bool:
        parent = self.result.entries.get(claim.parent)
        if parent is None:
            return False
        settled = parent.settled or ()
        return any(rid not in settled for rid in claim.rids) or any(
            report_key(report) == claim.report for report in parent.reports or ()
        )

    # Messages.

    def _meta(self, found: Found) -> Meta:
        return decode_meta(found.meta)

    def _accept(self, found: Found, segment: Segment, journal: JournalContent) -> None:
        """Take a message in, unless it has finished or lives on elsewhere."""
        head = found.head
        assert head is not None
        mid = head.mid
        result = self.result
        if mid > result.highest_mid:
            result.highest_mid = mid
        self._messages += 1
        # A MID is only once in a segment: what is known of it makes room for its entry.
        state = journal.messages.pop(mid, None)
        if state is not None and state.void:
            segment.void.append(mid)
            return
        meta = None
        if head.flags & (CLAIM | COPY | LARGE) and found.condition is not Condition.META:
            try:
                meta = self._meta(found)
            except DamagedError:
                found = found._replace(condition=Condition.META)
            else:
                if meta.claim is not None:
                    self._apply_claim(meta.claim)
        counts = (
            not head.flags & COPY
            or (state is not None and (state.snapshot or state.gone))
            or found.offset < journal.baseline  # it did when the journal was written anew
        )
        if not counts and meta is not None and meta.source in self._nonces:
            self._weak.append((found, segment, meta))  # its source speaks for it
            return
        self._take(found, segment, state, meta, journal.baseline)

    def _decide_weak(self) -> None:
        """Take in copies whose source has them no longer: it was damaged after the copy."""
        damaged = {segment.nonce for segment in self.result.segments if segment.damaged}
        for found, segment, meta in self._weak:
            assert found.head is not None
            if meta.source in damaged and found.head.mid not in self.result.entries:
                self._take(found, segment, None, meta, 0)
            else:
                self._findings.append((VOID, found.head.mid))
                segment.void.append(found.head.mid)
                self._write_down(segment)

    def _take(
        self,
        found: Found,
        segment: Segment,
        state: MessageState | None,
        meta: Meta | None,
        baseline: int,
    ) -> None:
        head = found.head
        assert head is not None
        if state is None:
            finished = found.offset < baseline
        else:
            finished = state.is_finished(head.recipients) or (
                found.offset < baseline and not state.snapshot
            )
        if not finished and head.mid in self.result.entries and found.condition is not _SOUND:
            # A copy that cannot be read: the original is still there.
            self._findings.append((VOID, head.mid))
            segment.void.append(head.mid)
            return
        if head.flags & COPY:
            self._drop(head.mid)
        if finished:
            return
        if found.condition is Condition.META or head.state not in STATES:
            segment.damaged = True
            self.result.holes += 1
            self._alert(
                f"The envelope of MID {head.mid} in {segment.path} is damaged; the file is kept; "
                "run `mailwarden spool repair`"
            )
            return
        self._admit(found, head, segment, state, meta)

    def _drop(self, mid: int) -> None:
        """Forget the older version of a message of which there is a copy."""
        older = self.result.entries.pop(mid, None)
        if older is not None:
            self.result.superseded.append(older)
            self._forget(older)

    def _forget(self, entry: Entry) -> None:
        entry.segment.live -= 1
        entry.segment.live_bytes -= entry.size + RECORD_OVERHEAD
        self.result.large.pop(entry.mid, None)

    def _admit(
        self,
        found: Found,
        head: Head,
        segment: Segment,
        state: MessageState | None,
        meta: Meta | None,
    ) -> None:
        size = head.header_size + head.content_size
        entry = Entry(head.mid, STATES[head.state], head.received_at, size, head.recipients)
        entry.segment = segment
        entry.offset = found.offset
        if state is not None:
            self._restore(entry, state, head.recipients)
        self.result.entries[head.mid] = entry
        segment.live += 1
        segment.live_bytes += size + RECORD_OVERHEAD
        if found.condition is Condition.CONTENT:
            segment.damaged = True
            self._findings.append((HOLD, head.mid, DAMAGED.encode(), b"", self._now))
            self.result.damaged.append((entry, "content does not match its checksum"))
        if meta is not None and meta.large is not None:
            content = LargeContent(segment.part, meta.large, dotted=bool(head.flags & DOTTED))
            content.owned = True
            self.result.large[head.mid] = content
            self._check_large(entry, content)
        for claim in self._early_claims.pop(head.mid, ()):
            self._apply_claim(claim)

    def _check_large(self, entry: Entry, content: LargeContent) -> None:
        try:
            size = self._files.size(content.path)
        except FileNotFoundError:
            size = -1
        if size != content.file.size:
            self.result.damaged.append((entry, f"{content.path} is missing or has a wrong size"))

    def _restore(self, entry: Entry, state: MessageState, recipients: int) -> None:
        """Give `entry` what its journal says."""
        if state.settled is not None:
            settled = {rid for rid in state.settled if 0 <= rid < recipients}
            entry.settled = settled
            entry.pending = recipients - len(settled)
        if state.progress is not None:
            ended = entry.settled or ()
            entry.progress = compact_progress(
                {
                    rid: progress
                    for rid, progress in state.progress.items()
                    if 0 <= rid < recipients and rid not in ended
                }
            )
        if state.state is not None:
            entry.state = state.state
        entry.pause = state.held
        entry.attempts = state.attempts
        entry.reports = state.reports
        if state.requeue_at and entry.state is State.RECEIVED:
            entry.pause = Deferred(state.requeue_at, state.requeue_reason)
            self.result.requeued.append((entry.mid, state.requeue_at))

    def _apply_claim(self, claim: Claim) -> None:
        """Settle at the parent what lives on in a child, even if its journal never said so."""
        parent = self.result.entries.get(claim.parent)
        if parent is None:
            if not self._last_part:
                self._early_claims.setdefault(claim.parent, []).append(claim)
            return
        settled = set(parent.settled or ())
        recipients = parent.pending + len(settled)
        rids = {rid for rid in claim.rids if 0 <= rid < recipients} - settled
        reports = [report for report in parent.reports or () if report_key(report) != claim.report]
        if not rids and len(reports) == len(parent.reports or ()):
            return
        # The parent's journal must say so itself: this record will not be there for ever.
        self.result.claims.append((parent, claim))
        parent.reports = reports or None
        if rids:
            parent.settled = settled | rids
            parent.pending -= len(rids)
            progress = parent.progress or {}
            parent.progress = compact_progress(
                {rid: waiting for rid, waiting in progress.items() if rid not in rids}
            )
        if not parent.pending and parent.reports is None:
            self._forget(self.result.entries.pop(parent.mid))
