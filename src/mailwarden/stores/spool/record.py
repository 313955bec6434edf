"""A segment file: a header, then one record after the other, then a seal once it is complete.

```text
segment header   64 bytes: magic, version, part, sequence number, nonce, checksum
record           head      60 bytes of numbers with their own checksum
                 meta      envelope and what belongs to it, see codec.py
                 header    lines that the gateway added
                 content   as received (not here when it lies in a file of its own)
seal             a record of kind SEAL with nothing behind it
```

Every checksum starts from the segment's nonce and the record's place. So neither a record left
over from another file nor one inside a mail can be taken for one of this segment.
"""

import zlib
from struct import Struct
from typing import Final, NamedTuple

from mailwarden.stores.spool.spool import DamagedError

VERSION: Final = 1
HEADER_SIZE: Final = 64
_HEADER: Final = Struct("<8sHHIQI")
_HEADER_MAGIC: Final = b"MWspool\n"
_CRC: Final = Struct("<I")

RECORD_MAGIC: Final = b"\x93MW\n"
_HEAD: Final = Struct("<4sBBHQdIIIHHQII")
HEAD_SIZE: Final = _HEAD.size + _CRC.size
_MASK: Final = 0xFFFFFFFF

MESSAGE: Final = 1  # kinds
SEAL: Final = 2

DOTTED: Final = 1  # flags
COPY: Final = 2  # moved here from another segment; counts from its snapshot in the journal on
CLAIM: Final = 4  # meta says which recipients of another message live on here
LARGE: Final = 8  # content lies in a file of its own

META_SIZE_MAX: Final = 256 * 1024 * 1024
GROUP_MAX: Final = 0xFFFF  # messages that can be put in place of one, all or none


class SegmentHeader(NamedTuple):
    """What a segment or its journal says of itself."""

    part: int
    sequence: int
    nonce: int


class Head(NamedTuple):
    """The fixed part of a record."""

    kind: int
    state: int
    flags: int
    mid: int
    received_at: float
    recipients: int
    meta_size: int
    header_size: int
    group_index: int
    group_count: int
    content_size: int
    meta_crc: int
    body_crc: int

    @property
    def body_size(self) -> int:
        """Bytes of header and content in the segment."""
        return self.header_size + (0 if self.flags & LARGE else self.content_size)

    @property
    def size(self) -> int:
        """Bytes of the whole record in the segment."""
        return HEAD_SIZE + self.meta_size + self.body_size


class Draft:
    """A message on its way into a segment."""

    __slots__ = (
        "content", "content_size", "flags", "header", "meta", "mid", "received_at", "recipients",
        "state",
    )  # fmt: skip

    def __init__(
        self,
        mid: int,
        state: int,
        received_at: float,
        recipients: int,
        flags: int,
        meta: bytes,
        header: bytes,
        content: bytes,
        content_size: int,
    ) -> None:
        self.mid = mid
        self.state = state
        self.received_at = received_at
        self.recipients = recipients
        self.flags = flags
        self.meta = meta
        self.header = header
        self.content = content  # empty when it lies in a file of its own
        self.content_size = content_size


def build_header(magic: bytes, header: SegmentHeader) -> bytes:
    """Return the first bytes of a file; `magic` tells segments from journals."""
    fixed = _HEADER.pack(magic, VERSION, 0, header.part, header.sequence, header.nonce)
    return (fixed + _CRC.pack(zlib.crc32(fixed))).ljust(HEADER_SIZE, b"\0")


def parse_header(magic: bytes, data: bytes) -> SegmentHeader:
    """Return what a file says of itself. Raises DamagedError."""
    fixed = data[: _HEADER.size]
    crc = data[_HEADER.size : _HEADER.size + _CRC.size]
    if len(data) < HEADER_SIZE or _CRC.pack(zlib.crc32(fixed)) != crc:
        raise DamagedError("the file's header does not match its checksum")
    found, version, _, part, sequence, nonce = _HEADER.unpack(fixed)
    if found != magic:
        raise DamagedError("the file is not what its name says")
    if version != VERSION:
        detail = f"the file has format version {version}; this program knows version {VERSION}"
        raise DamagedError(detail)
    return SegmentHeader(part, sequence, nonce)


def build_segment_header(header: SegmentHeader) -> bytes:
    """Return the first bytes of a segment."""
    return build_header(_HEADER_MAGIC, header)


def parse_segment_header(data: bytes) -> SegmentHeader:
    """Return what a segment says of itself. Raises DamagedError."""
    return parse_header(_HEADER_MAGIC, data)


def build_record(
    draft: Draft, nonce: int, offset: int, group_index: int = 0, group_count: int = 1
) -> bytes:
    """Return head, meta and added header; the content goes behind them as it is."""
    meta, header = draft.meta, draft.header
    seed = (nonce + offset) & _MASK
    crc = zlib.crc32(header, seed)
    if draft.content:
        crc = zlib.crc32(draft.content, crc)
    head = _HEAD.pack(
        RECORD_MAGIC,
        MESSAGE,
        draft.state,
        draft.flags,
        draft.mid,
        draft.received_at,
        draft.recipients,
        len(meta),
        len(header),
        group_index,
        group_count,
        draft.content_size,
        zlib.crc32(meta, seed),
        crc,
    )
    return b"".join((head, _CRC.pack(zlib.crc32(head, seed)), meta, header))


def build_seal(nonce: int, offset: int) -> bytes:
    """Return the record that says: this segment is complete, nothing follows."""
    head = _HEAD.pack(RECORD_MAGIC, SEAL, 0, 0, 0, 0.0, 0, 0, 0, 0, 1, 0, 0, 0)
    return head + _CRC.pack(zlib.crc32(head, (nonce + offset) & _MASK))


def parse_head(data: bytes | memoryview, at: int, nonce: int, offset: int) -> Head | None:
    """Return the head at `data[at:]` if it is sound; `offset` is its place in the segment."""
    end = at + _HEAD.size
    if len(data) < end + _CRC.size or data[at : at + 4] != RECORD_MAGIC:
        return None
    crc = zlib.crc32(data[at:end], (nonce + offset) & _MASK)
    if crc != _CRC.unpack_from(data, end)[0]:
        return None
    return Head._make(_HEAD.unpack_from(data, at)[1:])


def checksum(nonce: int, offset: int, *pieces: bytes | memoryview) -> int:
    """Return the checksum of `pieces` in the record at `offset`."""
    crc = (nonce + offset) & _MASK
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return crc
