"""Mends a part that has been damaged. Nothing is deleted: what cannot be used goes to `damaged/`.

- What a crash left is put in order, as at any start.
- A segment with damage in it is put aside. Its messages are written to a new one; those whose
  content is damaged are held as `damaged`, with what is left of it.
- Content whose envelope is lost is put aside as an `.eml` file.
- A damaged journal is put aside and written anew with what is known.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from secrets import randbits
from typing import Any, Final

from mailwarden.stores.spool.codec import LargeFile, Meta, encode_copy
from mailwarden.stores.spool.journal import (
    BASELINE,
    CUT,
    RESOLVE,
    SETTLE,
    VOID,
    build_frames,
    build_journal_header,
    snapshot,
)
from mailwarden.stores.spool.mend import DiskMender
from mailwarden.stores.spool.part import NEW_END, Part, failure
from mailwarden.stores.spool.reader import ReadRecord, read_record
from mailwarden.stores.spool.record import (
    CLAIM,
    COPY,
    HEADER_SIZE,
    Draft,
    SegmentHeader,
    build_record,
    build_seal,
    build_segment_header,
    checksum,
)
from mailwarden.stores.spool.replay import Replay, Replayed
from mailwarden.stores.spool.scan import Condition, walk
from mailwarden.stores.spool.segment import Segment
from mailwarden.stores.spool.spool import DamagedError, Entry, Held, State
from mailwarden.stores.spool.table import DAMAGED
from mailwarden.stores.spool.tools import find_parts, verify_spool
from mailwarden.stores.spool.window import Window
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files, try_unlink, write_fully

_BUFFER_SIZE: Final = 1024 * 1024


def repair_part(files: Files, clock: Clock, directory: Path) -> list[str]:
    """Mend the part in `directory`; return what was found and done, one line for each.

    Raises:
        SpoolFailure: the part is in use, or its files cannot be read or written.
    """
    part = Part(files, str(directory))
    part.open()
    try:
        return _Repair(files, clock, part).run()
    except OSError as error:
        raise failure(f"{directory} cannot be repaired", error) from error
    finally:
        part.close()


class _Repair:
    def __init__(self, files: Files, clock: Clock, part: Part) -> None:
        self._files = files
        self._clock = clock
        self._part = part
        self._mender = DiskMender(files)
        self._lines: list[str] = []
        self._found = Replayed()
        self._requeue_at: dict[int, float] = {}
        self._next_sequence = 1

    def run(self) -> list[str]:
        replay = Replay(
            self._files,
            self._clock,
            self._mender,
            self._lines.append,
            lambda *_: None,
            verify=True,
        )
        self._next_sequence = max(self._part.sequences(), default=0) + 1
        found = self._found = replay.run([self._part])
        self._requeue_at = dict(found.requeued)
        self._keep_findings()
        with suppress(FileExistsError):
            self._files.make_directory(self._part.damaged_directory)
        self._files.sync_directory(self._part.path)
        for segment in found.segments:
            if segment.damaged:
                self._salvage(segment)
            elif segment in found.journals:
                self._rewrite_journal(segment)
        for part, sequence in found.unreadable:
            self._put_aside(part.segment_path(sequence))
            self._put_aside(part.journal_path(sequence))
        with suppress(OSError):  # unless something is in it
            self._files.remove_directory(self._part.damaged_directory)
        return self._lines

    def _keep_findings(self) -> None:
        """Write to the journals what only other segments said so far."""
        found = self._found
        for parent, claim in found.claims:
            record: tuple[Any, ...] = (SETTLE, parent.mid, claim.how, claim.rids)
            if claim.report is not None:
                record = (RESOLVE, parent.mid, claim.report, claim.rids)
            self._mender.append(parent.segment, [record])
        for older in found.superseded:
            older.segment.void.append(older.mid)
            self._mender.append(older.segment, [(VOID, older.mid)])
        for entry, _ in found.damaged:
            entry.segment.damaged = True
            entry.state = State.HELD
            entry.pause = Held(DAMAGED, self._clock.time())

    def _snapshot(self, entry: Entry) -> tuple[Any, ...]:
        requeue_at = self._requeue_at.get(entry.mid, 0.0)
        return snapshot(entry, requeue_at, self._clock.time())

    # Segments.

    def _salvage(self, segment: Segment) -> None:
        """Write what can be used of `segment` to a new one, and put it aside."""
        entries = [e for e in self._found.entries.values() if e.segment is segment]
        entries.sort(key=lambda entry: entry.offset)
        fd = self._files.open(segment.path)
        try:
            records = self._readable(segment, fd, entries)
            self._save_nameless(segment, fd)
            if records:
                self._write_segment(segment, records)
        finally:
            self._files.close(fd)
        self._lines.append(
            f"{len(records)} messages of {segment.path} were saved; the file is put aside"
        )
        self._put_aside(segment.path)
        self._put_aside(segment.journal_path)

    def _readable(
        self, segment: Segment, fd: int, entries: Sequence[Entry]
    ) -> list[tuple[Entry, int]]:
        """Return the entries whose envelopes can be read, with their offsets."""
        readable = []
        for entry in entries:
            try:
                read_record(self._files, fd, segment.nonce, entry.offset, entry.mid, verify=False)
            except DamagedError as error:
                self._lines.append(f"MID {entry.mid} could not be saved: {error}")
            else:
                readable.append((entry, entry.offset))
        return readable

    def _write_segment(self, source: Segment, records: Sequence[tuple[Entry, int]]) -> None:
        """Write messages to a new segment, durably, together with all that is known of them."""
        part = self._part
        header = SegmentHeader(part.number, self._next_sequence, randbits(32) or 1)
        self._next_sequence += 1
        target = Segment(part, header.sequence, header.nonce, HEADER_SIZE)
        source_fd = self._files.open(source.path)
        fd = self._files.open(target.path, create=True)
        try:
            offset = write_fully(self._files, fd, [build_segment_header(header)], 0)
            for entry, at in records:
                record = read_record(
                    self._files, source_fd, source.nonce, at, entry.mid, verify=False
                )
                draft = self._draft(source, entry, record)
                pieces = [build_record(draft, target.nonce, offset), draft.content]
                entry.segment, entry.offset = target, offset
                offset = write_fully(self._files, fd, pieces, offset)
            write_fully(self._files, fd, [build_seal(target.nonce, offset)], offset)
            self._files.fdatasync(fd)
        finally:
            self._files.close(fd)
            self._files.close(source_fd)
        snapshots = [self._snapshot(entry) for entry, _ in records]
        self._write_journal(target.journal_path, target, snapshots)
        self._files.sync_directory(part.path)

    def _draft(self, source: Segment, entry: Entry, record: ReadRecord) -> Draft:
        head = record.head
        large = self._found.large.get(entry.mid)
        meta = record.meta
        size = head.content_size
        if large is not None and entry.hold == DAMAGED:
            file = self._measure(large.file, large.path)
            meta = Meta(meta.envelope, None, file)
            size = file.size
        return Draft(
            entry.mid,
            head.state,
            head.received_at,
            head.recipients,
            (head.flags | COPY) & ~CLAIM,
            encode_copy(meta, source.nonce),
            record.header,
            record.content,
            size,
        )

    def _measure(self, file: LargeFile, path: str) -> LargeFile:
        """Return what describes the file as it is, so that what is left can be read."""
        try:
            fd = self._files.open(path)
        except FileNotFoundError:
            return file
        try:
            crc = size = 0
            while data := self._files.pread(fd, _BUFFER_SIZE, size):
                crc = checksum(crc, 0, data)
                size += len(data)
            return LargeFile(file.name, size, crc)
        finally:
            self._files.close(fd)

    def _save_nameless(self, segment: Segment, fd: int) -> None:
        """Put content aside whose envelope is lost."""
        window = Window(self._files, fd, self._files.size(segment.path))
        for found in walk(window, segment.nonce, segment.size, verify=False):
            if found.condition is Condition.META and found.head is not None:
                start = found.end - found.head.body_size
                name = f"{segment.sequence:016x}-mid-{found.head.mid}.eml"
                path = f"{self._part.damaged_directory}/{name}"
                self._write_file(path, window.read(start, found.head.body_size))
                self._lines.append(f"The content of MID {found.head.mid} was put in {path}")

    def _write_file(self, path: str, data: bytes) -> None:
        try_unlink(self._files, path)
        fd = self._files.open(path, create=True)
        try:
            write_fully(self._files, fd, [data], 0)
            self._files.fdatasync(fd)
        finally:
            self._files.close(fd)

    # Journals.

    def _rewrite_journal(self, segment: Segment) -> None:
        records: list[tuple[Any, ...]] = [(BASELINE, segment.size)]
        if segment.cut is not None:
            records.append((CUT, segment.cut))
        records += [(VOID, mid) for mid in segment.void]
        records += [
            self._snapshot(entry)
            for entry in self._found.entries.values()
            if entry.segment is segment
        ]
        name = segment.journal_path.rpartition("/")[2]
        kept = f"{self._part.damaged_directory}/{name}"
        try_unlink(self._files, kept)
        self._files.link(segment.journal_path, kept)
        self._files.sync_directory(self._part.damaged_directory)
        new = segment.journal_path + NEW_END
        self._write_journal(new, segment, records)
        self._files.rename(new, segment.journal_path)
        self._files.sync_directory(self._part.path)
        self._lines.append(f"Journal {segment.journal_path} was written anew; it is in {kept}")

    def _write_journal(
        self, path: str, segment: Segment, records: Sequence[tuple[Any, ...]]
    ) -> None:
        header = SegmentHeader(self._part.number, segment.sequence, segment.nonce)
        frames = build_frames(records, segment.nonce, HEADER_SIZE)
        self._write_file(path, build_journal_header(header) + frames)

    def _put_aside(self, path: str) -> None:
        """Move a file to `damaged/`, the segment before its journal."""
        name = path.rpartition("/")[2]
        with suppress(FileNotFoundError):
            self._files.rename(path, f"{self._part.damaged_directory}/{name}")
            self._files.sync_directory(self._part.damaged_directory)
            self._files.sync_directory(self._part.path)


def repair_spool(
    files: Files, clock: Clock, directory: Path, *, dry_run: bool = False
) -> list[str]:
    """Mend all parts in the spool's `directory`; with `dry_run` only say what is wrong.

    Raises:
        SpoolFailure: a part is in use, or its files cannot be read or written.
    """
    if dry_run:
        return list(verify_spool(files, clock, directory).problems)
    lines: list[str] = []
    for part in find_parts(files, directory):
        lines += repair_part(files, clock, Path(part.path))
    return lines
