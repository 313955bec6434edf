"""Walks the records of a segment, over damage if need be."""

from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.stores.spool.record import (
    HEAD_SIZE,
    HEADER_SIZE,
    META_SIZE_MAX,
    RECORD_MAGIC,
    SEAL,
    Head,
    checksum,
    parse_head,
)
from mailwarden.stores.spool.window import WINDOW_SIZE, Window


class Condition(Enum):
    """What became of the bytes of a record."""

    SOUND = "sound"
    CONTENT = "content damaged"  # head and meta are sound
    META = "envelope damaged"  # only the head is sound
    SHORT = "incomplete"  # the file ends within it
    HOLE = "unreadable"  # no sound head: bytes between two records
    TAIL = "unreadable end"  # the same, and no record follows


class Found(NamedTuple):
    """One record, or a stretch of bytes that is none."""

    condition: Condition
    offset: int
    end: int
    head: Head | None
    meta: bytes  # only when it is sound


_SOUND: Final = Condition.SOUND


def is_sealed(window: Window, nonce: int) -> bool:
    """Whether the segment was completed. Raises OSError."""
    offset = window.size - HEAD_SIZE
    if offset < HEADER_SIZE:
        return False
    head = parse_head(window.read(offset, HEAD_SIZE), 0, nonce, offset)
    return head is not None and head.kind == SEAL


def walk(window: Window, nonce: int, end: int, *, verify: bool) -> Iterator[Found]:
    """Yield what lies before `end`, in order; with `verify` content is checked too.

    Raises OSError.
    """
    offset = HEADER_SIZE
    while offset < end:
        data, index = window.at(offset, HEAD_SIZE)
        head = parse_head(data, index, nonce, offset)
        if head is None:
            found = _hole(window, nonce, offset, end)
        elif head.kind == SEAL:
            offset += HEAD_SIZE
            continue
        else:
            found = _record(window, nonce, offset, end, head, verify=verify)
        yield found
        offset = found.end


def _record(
    window: Window, nonce: int, offset: int, end: int, head: Head, *, verify: bool
) -> Found:
    record_end = offset + head.size
    if record_end > end:
        return Found(Condition.SHORT, offset, end, head, b"")
    start = offset + HEAD_SIZE
    if head.meta_size > META_SIZE_MAX:
        return Found(Condition.META, offset, record_end, head, b"")
    data, index = window.at(start, head.meta_size)
    meta = data[index : index + head.meta_size]
    if checksum(nonce, offset, meta) != head.meta_crc:
        return Found(Condition.META, offset, record_end, head, b"")
    if verify and not body_is_sound(window, nonce, offset, head):
        return Found(Condition.CONTENT, offset, record_end, head, meta)
    return Found(_SOUND, offset, record_end, head, meta)


def body_is_sound(window: Window, nonce: int, offset: int, head: Head) -> bool:
    """Whether header and content of the record at `offset` match their checksum."""
    start = offset + HEAD_SIZE + head.meta_size
    end = start + head.body_size
    crc = checksum(nonce, offset)
    while start < end:
        size = min(WINDOW_SIZE, end - start)
        data = window.read(start, size)
        if len(data) < size:
            return False
        crc = checksum(crc, 0, data)
        start += size
    return crc == head.body_crc


def _hole(window: Window, nonce: int, offset: int, end: int) -> Found:
    """Return the bytes from `offset` to the next sound head."""
    following = offset
    while 0 <= (following := window.find(RECORD_MAGIC, following + 1)) < end:
        head = parse_head(window.read(following, HEAD_SIZE), 0, nonce, following)
        if head is not None and following + head.size <= end:
            return Found(Condition.HOLE, offset, following, None, b"")
    return Found(Condition.TAIL, offset, end, None, b"")
