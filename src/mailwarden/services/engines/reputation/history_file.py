"""The history on disk: all entries of both tables, and a checksum behind them.

    magic, entries of addresses, entries of networks, counts of both, CRC-32 of all before it

A file is written beside the old one and takes its place when it is durable.
"""

import errno
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from mailwarden.services.engines.reputation.history_table import (
    SLOT_BYTES,
    Entry,
    HistoryMemory,
    HistoryTable,
)
from mailwarden.system.files.files import Files, write_fully
from mailwarden.system.files.whole_file import write_whole

KEPT_MIN: Final = 0.1  # an entry of which less is left, all counts together, is not saved

_MAGIC: Final = b"mwhist\x01\n"
_SLOT: Final = struct.Struct("<16s5fI")
_FOOTER: Final = struct.Struct("<QQI")
_BLOCK_ENTRIES: Final = 500  # merged, or written, at once: a millisecond or so
_BLOCK_BYTES: Final = _BLOCK_ENTRIES * SLOT_BYTES


class HistoryFileError(ValueError):
    """The file is none of ours, or damaged; the message says how."""


def save_history(
    files: Files, path: str, memory: HistoryMemory, now: float, rest: Callable[[], None]
) -> int:
    """Write all entries; return how many. `rest` is called every few milliseconds.

    Raises:
        OSError: they cannot be written; what was saved before is still there.
    """
    counts: list[int] = []

    def write(fd: int) -> None:
        counts.extend(_write(files, fd, memory, now, rest))

    files.close(write_whole(files, path, write))
    return sum(counts)


def load_history(
    files: Files, path: str, memory: HistoryMemory, now: float, rest: Callable[[], None]
) -> int:
    """Add what was saved to what is in memory; return how many entries that were.

    Raises:
        OSError: the file cannot be read.
        HistoryFileError: it is damaged. Nothing was added.
    """
    fd = files.open(path)
    try:
        addresses, networks = _check(files, fd, files.size(path), rest)
        offset = len(_MAGIC)
        for table, count in ((memory.addresses, addresses), (memory.networks, networks)):
            for block in _blocks(files, fd, offset, offset + count * SLOT_BYTES):
                for slot in _SLOT.iter_unpack(block):
                    table.merge(Entry(*slot), now)
                rest()
            offset += count * SLOT_BYTES
    finally:
        files.close(fd)
    return addresses + networks


def _write(
    files: Files, fd: int, memory: HistoryMemory, now: float, rest: Callable[[], None]
) -> list[int]:
    offset = write_fully(files, fd, [_MAGIC], 0)
    checksum = zlib.crc32(_MAGIC)
    counts = []
    for table in (memory.addresses, memory.networks):
        begin = offset
        for block in _encoded(table, now, rest):
            checksum = zlib.crc32(block, checksum)
            offset = write_fully(files, fd, [block], offset)
        counts.append((offset - begin) // SLOT_BYTES)
    tail = _FOOTER.pack(*counts, 0)[:-4]
    write_fully(files, fd, [tail, zlib.crc32(tail, checksum).to_bytes(4, "little")], offset)
    return counts


def _encoded(table: HistoryTable, now: float, rest: Callable[[], None]) -> Iterator[bytes]:
    """Yield the entries worth keeping, many at a time."""
    pieces: list[bytes] = []
    for entry in table.entries(rest):
        if sum(entry[1:6]) * table.remaining(entry, now) >= KEPT_MIN:
            pieces.append(_SLOT.pack(*entry))
            if len(pieces) == _BLOCK_ENTRIES:
                yield b"".join(pieces)
                pieces.clear()
    yield b"".join(pieces)


def _check(files: Files, fd: int, size: int, rest: Callable[[], None]) -> tuple[int, int]:
    """Return the counts of both tables if the whole file is as it was written."""
    footer_at = size - _FOOTER.size
    if footer_at < len(_MAGIC) or files.pread(fd, len(_MAGIC), 0) != _MAGIC:
        raise HistoryFileError("not a file of a history")
    checksum = 0
    for block in _blocks(files, fd, 0, size - 4):
        checksum = zlib.crc32(block, checksum)
        rest()
    addresses, networks, expected = _FOOTER.unpack(_pread(files, fd, _FOOTER.size, footer_at))
    if checksum != expected:
        raise HistoryFileError("damaged: its checksum does not fit")
    if (addresses + networks) * SLOT_BYTES != footer_at - len(_MAGIC):
        raise HistoryFileError("damaged: its counts do not fit its size")
    return addresses, networks


def _blocks(files: Files, fd: int, start: int, end: int) -> Iterator[bytes]:
    for offset in range(start, end, _BLOCK_BYTES):
        yield _pread(files, fd, min(_BLOCK_BYTES, end - offset), offset)


def _pread(files: Files, fd: int, size: int, offset: int) -> bytes:
    data = files.pread(fd, size, offset)
    if len(data) != size:  # it was cut while being read
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return data
