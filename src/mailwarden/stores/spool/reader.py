"""Reads single messages back from their segments, and checks them."""

from typing import Final

from mailwarden.core.mail.content import InlineContent
from mailwarden.stores.spool.codec import Meta, decode_envelope, decode_meta
from mailwarden.stores.spool.large import LargeContent
from mailwarden.stores.spool.record import (
    DOTTED,
    HEAD_SIZE,
    META_SIZE_MAX,
    Head,
    checksum,
    parse_head,
)
from mailwarden.stores.spool.segment import Segment
from mailwarden.stores.spool.spool import DamagedError, Stored
from mailwarden.system.files.files import Files

READ_AHEAD: Final = 8192  # bytes read at first: mostly all of a small message
READERS_MAX: Final = 64  # segments kept open


class ReadRecord:
    """One record, checked."""

    __slots__ = ("content", "head", "header", "meta", "meta_bytes")

    def __init__(self, head: Head, meta_bytes: bytes, header: bytes, content: bytes) -> None:
        self.head = head
        self.meta_bytes = meta_bytes
        self.meta: Meta = decode_meta(meta_bytes)
        self.header = header
        self.content = content  # empty when it lies in a file of its own


class Reader:
    """Keeps the segments open that were read last."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._open: dict[Segment, int] = {}  # least recently used first

    def read(self, segment: Segment, offset: int, mid: int) -> ReadRecord:
        """Return the record of `mid` at `offset`. Raises DamagedError, OSError."""
        fd = self._descriptor(segment)
        return read_record(self._files, fd, segment.nonce, offset, mid)

    def _descriptor(self, segment: Segment) -> int:
        fd = self._open.pop(segment, None)
        if fd is None:
            fd = self._files.open(segment.path)
            if len(self._open) >= READERS_MAX:
                self.forget(next(iter(self._open)))
        self._open[segment] = fd
        return fd

    def forget(self, segment: Segment) -> None:
        """Let go of the file of `segment`."""
        fd = self._open.pop(segment, None)
        if fd is not None:
            self._files.close(fd)

    def close(self) -> None:
        """Let go of all files."""
        for segment in list(self._open):
            self.forget(segment)


def read_record(
    files: Files, fd: int, nonce: int, offset: int, mid: int, *, verify: bool = True
) -> ReadRecord:
    """Return the record of `mid` at `offset`; without `verify` its content may be damaged.

    Raises DamagedError, OSError.
    """
    data = files.pread(fd, READ_AHEAD, offset)
    head = parse_head(data, 0, nonce, offset)
    if head is None or head.mid != mid or head.meta_size > META_SIZE_MAX:
        detail = f"MID {mid}: there is no record of it at byte {offset}"
        raise DamagedError(detail)
    if len(data) < head.size:
        data += files.pread(fd, head.size - len(data), offset + len(data))
    meta_end = HEAD_SIZE + head.meta_size
    view = memoryview(data)
    if (
        len(data) < head.size
        or checksum(nonce, offset, view[HEAD_SIZE:meta_end]) != head.meta_crc
        or (verify and checksum(nonce, offset, view[meta_end : head.size]) != head.body_crc)
    ):
        detail = f"MID {mid}: bytes do not match their checksum"
        raise DamagedError(detail)
    header_end = meta_end + head.header_size
    return ReadRecord(
        head, data[HEAD_SIZE:meta_end], data[meta_end:header_end], data[header_end : head.size]
    )


def stored_from(record: ReadRecord, large: LargeContent | None) -> Stored:
    """Return the message in `record`; `large` is its content if that lies elsewhere.

    Raises DamagedError.
    """
    envelope = decode_envelope(record.meta.envelope)
    if large is not None:
        return Stored(envelope, record.header, large)
    dotted = bool(record.head.flags & DOTTED)
    return Stored(envelope, record.header, InlineContent(record.content, dotted=dotted))
