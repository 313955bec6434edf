"""What a start of the spool changes in its files, so that they are as if no crash had been.

Every method leaves what it did durable. `NoMender` is for looking only: the files may be in use.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from mailwarden.stores.spool.journal import build_frames, build_journal_header
from mailwarden.stores.spool.part import Part
from mailwarden.stores.spool.record import (
    HEADER_SIZE,
    SegmentHeader,
    build_seal,
    build_segment_header,
)
from mailwarden.stores.spool.segment import Segment
from mailwarden.system.files.files import Files, try_unlink, write_fully

_COPY_SIZE: Final = 1024 * 1024


class Mender(Protocol):
    """Changes files, or only pretends to. Everything raises OSError."""

    def remove_unborn(self, part: Part, sequence: int) -> None:
        """Remove a segment that was just being made."""
        ...

    def mend_header(self, segment: Segment) -> None:
        """Write the header of a segment anew."""
        ...

    def mend_journal_header(self, segment: Segment) -> None:
        """Write the header of a journal anew."""
        ...

    def make_journal(self, segment: Segment) -> None:
        """Make an empty journal, in place of any other."""
        ...

    def cut_journal(self, segment: Segment, end: int, size: int) -> None:
        """Cut a journal of `size` bytes behind its last sound frame."""
        ...

    def append(self, segment: Segment, records: Sequence[tuple[Any, ...]]) -> None:
        """Append to a journal."""
        ...

    def put_aside(self, segment: Segment, offset: int, data: bytes) -> str:
        """Keep bytes that are about to be cut off; return the path of the file."""
        ...

    def seal(self, segment: Segment, end: int) -> None:
        """Cut a segment and complete it, so that it need not be checked again."""
        ...

    def sync(self, segment: Segment) -> None:
        """Sync a segment that was not changed."""
        ...

    def clear(self, part: Part, large_names: set[str]) -> None:
        """Remove what nothing refers to; `large_names` are the files that something does."""
        ...


class NoMender:
    """Changes nothing."""

    def remove_unborn(self, part: Part, sequence: int) -> None:
        """Do nothing."""

    def mend_header(self, segment: Segment) -> None:
        """Do nothing."""

    def mend_journal_header(self, segment: Segment) -> None:
        """Do nothing."""

    def make_journal(self, segment: Segment) -> None:
        """Do nothing."""

    def cut_journal(self, segment: Segment, end: int, size: int) -> None:
        """Do nothing."""

    def append(self, segment: Segment, records: Sequence[tuple[Any, ...]]) -> None:
        """Do nothing."""

    def put_aside(self, segment: Segment, offset: int, data: bytes) -> str:
        """Do nothing; return where the bytes are."""
        del data
        return f"{segment.path}, from byte {offset} on"

    def seal(self, segment: Segment, end: int) -> None:
        """Do nothing."""

    def sync(self, segment: Segment) -> None:
        """Do nothing."""

    def clear(self, part: Part, large_names: set[str]) -> None:
        """Do nothing."""


def _header_of(segment: Segment) -> SegmentHeader:
    return SegmentHeader(segment.part.number, segment.sequence, segment.nonce)


class DiskMender:
    """Changes the files."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def _write(self, path: str, data: bytes, offset: int) -> None:
        fd = self._files.open(path, write=True)
        try:
            write_fully(self._files, fd, [data], offset)
            self._files.fdatasync(fd)
        finally:
            self._files.close(fd)

    def _create(self, path: str, data: bytes) -> None:
        fd = self._files.open(path, create=True)
        try:
            write_fully(self._files, fd, [data], 0)
            self._files.fdatasync(fd)
        finally:
            self._files.close(fd)

    def _write_again(self, fd: int, end: int) -> None:
        """Make sure that the disk has what was read up to `end`.

        A process that was killed may not have synced it; or its sync failed, and the system still
        shows what the disk does not have. A sync alone would not help then.
        """
        for offset in range(0, end, _COPY_SIZE):
            data = self._files.pread(fd, min(_COPY_SIZE, end - offset), offset)
            write_fully(self._files, fd, [data], offset)
        self._files.fdatasync(fd)

    def remove_unborn(self, part: Part, sequence: int) -> None:
        """Remove a segment that was just being made."""
        self._files.unlink(part.segment_path(sequence))
        try_unlink(self._files, part.journal_path(sequence))

    def mend_header(self, segment: Segment) -> None:
        """Write the header of a segment anew."""
        self._write(segment.path, build_segment_header(_header_of(segment)), 0)

    def mend_journal_header(self, segment: Segment) -> None:
        """Write the header of a journal anew."""
        self._write(segment.journal_path, build_journal_header(_header_of(segment)), 0)

    def make_journal(self, segment: Segment) -> None:
        """Make an empty journal, in place of any other."""
        try_unlink(self._files, segment.journal_path)
        self._create(segment.journal_path, build_journal_header(_header_of(segment)))
        self._files.sync_directory(segment.part.path)
        segment.journal_size = HEADER_SIZE

    def cut_journal(self, segment: Segment, end: int, size: int) -> None:
        """Cut a journal of `size` bytes behind its last sound frame, and write the rest again."""
        fd = self._files.open(segment.journal_path, write=True)
        try:
            if end < size:
                self._files.truncate(fd, end)
            self._write_again(fd, end)
        finally:
            self._files.close(fd)

    def append(self, segment: Segment, records: Sequence[tuple[Any, ...]]) -> None:
        """Append to a journal."""
        frames = build_frames(records, segment.nonce, segment.journal_size)
        self._write(segment.journal_path, frames, segment.journal_size)
        segment.journal_size += len(frames)

    def put_aside(self, segment: Segment, offset: int, data: bytes) -> str:
        """Keep bytes that are about to be cut off; return the path of the file."""
        part = segment.part
        path = f"{part.damaged_directory}/{segment.sequence:016x}-{offset:x}.tail"
        with suppress(FileExistsError):
            self._files.make_directory(part.damaged_directory)
        self._files.sync_directory(part.path)
        with suppress(FileExistsError):
            self._create(path, data)
        self._files.sync_directory(part.damaged_directory)
        return path

    def seal(self, segment: Segment, end: int) -> None:
        """Cut a segment and complete it, so that it need not be checked again."""
        seal = build_seal(segment.nonce, end)
        fd = self._files.open(segment.path, write=True)
        try:
            # The seal says that all before it is sound. So that must be durable before the seal is.
            self._files.truncate(fd, end)
            self._write_again(fd, end)
            write_fully(self._files, fd, [seal], end)
            self._files.fdatasync(fd)
        finally:
            self._files.close(fd)

    def sync(self, segment: Segment) -> None:
        """Sync a segment: a process that was killed may have written to it and not synced it."""
        fd = self._files.open(segment.path, write=True)
        try:
            self._files.fdatasync(fd)
        finally:
            self._files.close(fd)

    def clear(self, part: Part, large_names: set[str]) -> None:
        """Remove what nothing refers to; `large_names` are the files that something does."""
        part.remove_leftovers(large_names)
        self._files.sync_directory(part.path)
        self._files.sync_directory(part.large_directory)
