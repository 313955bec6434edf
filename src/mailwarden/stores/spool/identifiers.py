"""Numbers that are never used twice: MID, ICID and DCID (mailflow 1.1).

One small file has the next number of each kind for all workers. A worker leases blocks of numbers
from it, under a lock, and hands out only what the file on disk is already past. Blocks grow with
the rate, so that a quiet gateway counts without gaps and a busy one seldom asks.

```text
two slots, at 0 and 4096: magic, version, serial, next MID, next ICID, next DCID, checksum
```

The slots are written in turn; the sound one with the higher serial is true.
"""

import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Any, Final, Protocol

from mailwarden.stores.spool.part import failure
from mailwarden.stores.spool.spool import SpoolFailure
from mailwarden.stores.spool.worker import StartWorker, ThreadWorker
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files, write_fully


class Identifiers(Protocol):
    """Hands out the next number of each kind, without waiting."""

    def next_mid(self) -> int:
        """Return a message id."""
        ...

    def next_icid(self) -> int:
        """Return an injection connection id."""
        ...

    def next_dcid(self) -> int:
        """Return a delivery connection id."""
        ...


BLOCK_MIN: Final = 16
BLOCK_MAX: Final = 65_536
GROWTH: Final = 4
FAST_SECONDS: Final = 1.0  # half a block used up in less: the next one is larger
SLOW_SECONDS: Final = 60.0  # in more: smaller
LOST_GAP: Final = 1_000_000  # numbers passed over when the file is lost
_EPOCH: Final = 1_262_304_000  # 2010-01-01
_PER_SECOND: Final = 16  # a lost file: no gateway has counted faster than this since 2010

_SLOT: Final = Struct("<8sHHQQQQ")
_CRC: Final = Struct("<I")
_MAGIC: Final = b"MWids\n\0\0"
_VERSION: Final = 1
SLOT_OFFSETS: Final = (0, 4096)
_SLOT_SIZE: Final = _SLOT.size + _CRC.size
_Numbers = tuple[int, int, int]


class _Block:
    """Numbers of one kind that this worker may hand out."""

    __slots__ = ("asked", "began_at", "end", "following", "index", "look_at", "next", "size")

    def __init__(self, index: int) -> None:
        self.index = index
        self.next = self.end = self.look_at = 0
        self.size = BLOCK_MIN
        self.following: tuple[int, int] | None = None  # leased ahead; set by another thread
        self.asked = False
        self.began_at = 0.0

    def begin(self, start: int, end: int, now: float) -> None:
        """Go over to the numbers from `start` to before `end`."""
        self.next = start
        self.end = end
        self.look_at = start + (end - start) // 2
        self.asked = False
        self.began_at = now


class FileIdentifiers:
    """The numbers of one worker, leased from a file that all workers share.

    `spooled` returns the highest MID in any worker's spool, or None if there is no spool yet; it is
    asked when the file is missing or damaged. Each `next_` raises SpoolFailure when the file
    cannot be written and what was leased is used up.
    """

    def __init__(
        self,
        path: Path,
        files: Files,
        clock: Clock,
        spooled: Callable[[], int | None],
        alert: Callable[[str], None],
        start_worker: StartWorker = ThreadWorker,
    ) -> None:
        self._path = str(path)
        self._files = files
        self._clock = clock
        self._spooled = spooled
        self._alert = alert
        self._notes: list[str] = []  # for the administrator; the next call tells
        self._blocks = (_Block(0), _Block(1), _Block(2))
        self._mids, self._icids, self._dcids = self._blocks
        self._create()
        now = clock.monotonic()
        for block, start in zip(self._blocks, self._lease((BLOCK_MIN,) * 3), strict=True):
            block.begin(start, start + BLOCK_MIN, now)
        self._tell()
        self._worker = start_worker("identifiers", self._handle, lambda: None)

    def next_mid(self) -> int:
        """Return a message id."""
        block = self._mids
        number = block.next
        if number >= block.look_at:
            return self._look(block)
        block.next = number + 1
        return number

    def next_icid(self) -> int:
        """Return an injection connection id."""
        block = self._icids
        number = block.next
        if number >= block.look_at:
            return self._look(block)
        block.next = number + 1
        return number

    def next_dcid(self) -> int:
        """Return a delivery connection id."""
        block = self._dcids
        number = block.next
        if number >= block.look_at:
            return self._look(block)
        block.next = number + 1
        return number

    def _look(self, block: _Block) -> int:
        """Return the next number; lease more in time, or now if there are none left."""
        now = self._clock.monotonic()
        self._tell()
        if block.next >= block.end:
            if block.following is None:
                start = self._lease_for(block, block.size)
                block.following = (start, start + block.size)
            (start, end), block.following = block.following, None
            block.begin(start, end, now)
        elif not block.asked:
            block.asked = True
            block.look_at = block.end
            self._resize(block, now - block.began_at)
            self._worker.submit(block)
        number = block.next
        block.next = number + 1
        return number

    def _tell(self) -> None:
        notes, self._notes = self._notes, []
        for note in notes:
            self._alert(note)

    def _resize(self, block: _Block, seconds: float) -> None:
        if seconds < FAST_SECONDS:
            block.size = min(BLOCK_MAX, block.size * GROWTH)
        elif seconds > SLOW_SECONDS:
            block.size = max(BLOCK_MIN, block.size // GROWTH)

    def _handle(self, batch: list[Any]) -> None:
        """Lease ahead; runs in a thread of its own."""
        for block in batch:
            try:
                start = self._lease_for(block, block.size)
            except SpoolFailure:
                continue  # `_look` tries again, and tells
            block.following = (start, start + block.size)

    def close(self) -> None:
        """Give back what was not handed out, where nobody has leased behind it."""
        self._worker.stop()
        try:
            self._change(self._give_back)
        except OSError:
            return  # a gap then

    # The file.

    def _lease_for(self, block: _Block, size: int) -> int:
        counts = [0, 0, 0]
        counts[block.index] = size
        return self._lease(counts)[block.index]

    def _lease(self, counts: Sequence[int]) -> _Numbers:
        """Return the first of so many numbers of each kind, once they are durably taken."""
        try:
            return self._change(lambda numbers: _plus(numbers, counts))
        except OSError as error:
            raise failure(f"No numbers can be leased from {self._path}", error) from error

    def _give_back(self, numbers: _Numbers) -> _Numbers:
        given = list(numbers)
        for block in self._blocks:
            following = block.following
            if following is not None and following[1] == given[block.index]:
                given[block.index] = following[0]
            if block.end == given[block.index]:
                given[block.index] = block.next
        return given[0], given[1], given[2]

    def _create(self) -> None:
        """Make an empty file if there is none. Raises SpoolFailure."""
        try:
            with suppress(FileExistsError):
                self._files.close(self._files.open(self._path, create=True))
            # Also when it was there: whoever made it may have died before this.
            self._files.sync_directory(self._path.rpartition("/")[0] or "/")
        except OSError as error:
            raise failure(f"{self._path} cannot be made", error) from error

    def _change(self, change: Callable[[_Numbers], _Numbers]) -> _Numbers:
        """Write what `change` makes of the next numbers; return these, once that is durable."""
        fd = self._files.open(self._path, write=True)
        try:
            self._files.lock(fd, wait=True)
            numbers, serial, slot = self._read(fd)
            new = change(numbers)
            fixed = _SLOT.pack(_MAGIC, _VERSION, 0, serial + 1, *new)
            data = fixed + _CRC.pack(zlib.crc32(fixed))
            write_fully(self._files, fd, [data], SLOT_OFFSETS[slot])
            self._files.fdatasync(fd)
            return numbers
        finally:
            self._files.close(fd)

    def _read(self, fd: int) -> tuple[_Numbers, int, int]:
        """Return the next numbers, the serial of their slot, and which slot to write next."""
        data = [self._files.pread(fd, _SLOT_SIZE, offset) for offset in SLOT_OFFSETS]
        slots = [_parse_slot(slot) for slot in data]
        sound = [slot for slot in slots if slot is not None]
        if not sound:
            return self._recovered(empty=not any(data)), 0, 0
        (serial, numbers), at = max((slot, at) for at, slot in enumerate(slots) if slot is not None)
        other = 1 - at
        if slots[other] is None and data[other].strip(b"\0"):
            # It may have been the newer one, by as much as one lease.
            numbers = _plus(numbers, (BLOCK_MAX,) * 3)
            self._notes.append(f"{self._path} was damaged: {BLOCK_MAX} numbers are passed over")
        return numbers, serial, other

    def _recovered(self, *, empty: bool) -> _Numbers:
        """Return numbers that were never used, without help from the file."""
        spooled = self._spooled()
        if empty and spooled is None:
            return 1, 1, 1  # the gateway starts for the first time
        floor = int(max(0.0, self._clock.time() - _EPOCH)) * _PER_SECOND
        first = max((spooled or 0) + LOST_GAP, floor)
        self._notes.append(f"{self._path} was lost: MID, ICID and DCID go on from {first}")
        return first, first, first


def _plus(numbers: _Numbers, counts: Sequence[int]) -> _Numbers:
    return numbers[0] + counts[0], numbers[1] + counts[1], numbers[2] + counts[2]


def _parse_slot(data: bytes) -> tuple[int, _Numbers] | None:
    """Return serial and numbers of a sound slot."""
    if len(data) < _SLOT_SIZE or _CRC.pack(zlib.crc32(data[: _SLOT.size])) != data[_SLOT.size :]:
        return None
    magic, version, _, serial, mid, icid, dcid = _SLOT.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        return None
    return serial, (mid, icid, dcid)
