"""The board: memory in which all workers keep their gauges, so that a limit holds over all of them.

The memory is a hash table with a region for each worker. Only its own worker writes to a region,
the others only read it. To acquire, a worker raises its own count, then adds up the counts of all
regions, and lowers its own again when the sum is over the limit.

Why a limit is never passed. Take any moment and all who hold a place then. The counts of all of
them are in memory. Consider the one whose raise came last. It read all regions after that raise,
while the others still held their places, so its sum had all of them in it; being held, it was not
over the limit. The price is that two who race for the last place may both be refused.

This needs each raise to be seen by the others before its worker reads on. Processors do not
promise that: x86 too lets a load overtake an earlier store to another address, which still waits
in the store buffer. So there is a fence between them: releasing and taking a lock that nobody else
knows. On x86 each of the two is a locked instruction, which empties the store buffer. On ARM the
release orders all stores before it, the taking all loads after it, and the second cannot overtake
the first, whose result it reads. It costs 50 to 100 nanoseconds, so it is done each time.

A count is one aligned word and is stored as such. A reader that meets a slot whose key is just
being changed counts too much for a moment, never too little: the change either came before its
own raise, and is seen, or after it, and then it is the other side that sees this raise.
"""

import fcntl
import mmap
import os
import secrets
import struct
import sys
import threading
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

WORKERS_MAX: Final = 64
SLOTS: Final = 16  # keys of one worker in one bucket
BUCKETS_MIN: Final = 512
BUCKETS_ALL_WORKERS: Final = 16_384  # 16 times as many keys are counted, over all workers

_HEADER: Final = struct.Struct("=8sQQ16s")  # magic, workers, buckets, hash key
_HEADER_BYTES: Final = 64
_MAGIC: Final = b"mwgauge1"


def make_board(workers: int) -> int:
    """Return the descriptor of a new board with a region for each of `workers`.

    It is closed on exec and has to be handed on by name. Its size is sealed: a worker that was
    taken over cannot pull the memory away from under the others.

    Raises:
        ValueError: there are none, or more than `WORKERS_MAX`.
    """
    if not 1 <= workers <= WORKERS_MAX:
        raise ValueError(f"a board is for 1 to {WORKERS_MAX} workers, not {workers}")
    buckets = max(BUCKETS_MIN, BUCKETS_ALL_WORKERS // workers)
    descriptor = os.memfd_create("mailwarden-gauges", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, _HEADER_BYTES + 2 * 8 * buckets * workers * SLOTS)
    fcntl.fcntl(
        descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    )
    # The hash key is secret: else a client could choose names that fill a bucket.
    os.pwrite(descriptor, _HEADER.pack(_MAGIC, workers, buckets, secrets.token_bytes(16)), 0)
    return descriptor


def clear_region(descriptor: int, worker: int) -> None:
    """Give back what a dead worker held; `worker` counts from 0.

    Raises:
        ValueError: the descriptor is no board, or has no such region.
    """
    _Board(descriptor, worker).clear()


class _Board:
    """The mapped memory, as seen by one worker."""

    __slots__ = ("buckets", "counts", "keys", "secret", "stride", "worker")

    def __init__(self, descriptor: int, worker: int) -> None:
        size = os.fstat(descriptor).st_size
        if size < _HEADER_BYTES:
            raise ValueError("the descriptor is not a board of gauges")
        memory = memoryview(mmap.mmap(descriptor, size))
        magic, workers, self.buckets, self.secret = _HEADER.unpack_from(memory)
        words = self.buckets * workers * SLOTS
        if magic != _MAGIC or size != _HEADER_BYTES + 2 * 8 * words:
            raise ValueError("the descriptor is not a board of gauges")
        if not 0 <= worker < workers:
            raise ValueError(f"the board has regions 0 to {workers - 1}, none of {worker}")
        self.worker = worker
        self.stride: int = workers * SLOTS  # words of a bucket: the slots of worker 0, 1, ...
        words_of_keys = memory[_HEADER_BYTES : _HEADER_BYTES + 8 * words]
        self.keys = words_of_keys.cast("Q")
        self.counts = memory[_HEADER_BYTES + 8 * words :].cast("Q")

    def clear(self) -> None:
        """Set all counts of the own region to zero."""
        zeros = memoryview(bytes(8 * self.buckets)).cast("Q")
        for slot in range(self.worker * SLOTS, (self.worker + 1) * SLOTS):
            self.counts[slot :: self.stride] = zeros


class _Held:
    """A key of which this worker holds some."""

    __slots__ = ("base", "count", "keys", "mark", "position")

    def __init__(self, mark: bytes, base: int, keys: memoryview, position: int) -> None:
        self.mark = mark  # the key's hash, as it stands in memory
        self.base = base  # first word of the bucket
        self.keys = keys  # the bucket's keys, of all workers
        self.position = position  # word of the own count
        self.count = 0


class BoardGauges:
    """Gauges that all workers share, as used by one of them.

    To be used from one thread, and by one process a region at a time: making it clears what an
    earlier holder of the region left. A key that finds no slot is refused, and `on_full` called
    with it; that takes more than 16 keys of this worker in one bucket, by which time it holds
    tens of thousands of them.
    """

    __slots__ = ("_board", "_counts", "_fence_in", "_fence_out", "_held", "_on_full")

    def __init__(
        self, descriptor: int, worker: int, on_full: Callable[[str], None] = lambda _: None
    ) -> None:
        """Take over region `worker`, from 0, of a board made by `make_board`.

        The descriptor may be closed afterwards.

        Raises:
            ValueError: the descriptor is no board, or has no such region.
        """
        self._board = _Board(descriptor, worker)
        self._board.clear()
        self._counts = self._board.counts
        self._held: dict[str, _Held] = {}
        self._on_full = on_full
        lock = threading.Lock()
        lock.acquire()
        self._fence_out, self._fence_in = lock.release, lock.acquire

    def try_acquire(self, key: str, limit: int) -> bool:
        """Count one more unless `limit` would be passed; two racing for one place may both fail."""
        held = self._held.get(key)
        if held is None:
            if limit < 1:
                return False
            held = self._claim(key)
            if held is None:
                self._on_full(key)
                return False
        elif held.count >= limit:
            return False
        held.count += 1
        self._counts[held.position] = held.count
        self._fence_out()
        self._fence_in()
        if self._sum(held.keys, held.mark, held.base) <= limit:
            return True
        self._lower(key, held)
        return False

    def release(self, key: str) -> None:
        """Count one less."""
        held = self._held.get(key)
        if held is None:
            raise ValueError(f"gauge {key!r} was released more often than acquired")
        self._lower(key, held)

    def value(self, key: str) -> int:
        """Return the count of now, over all workers."""
        held = self._held.get(key)
        if held is not None:
            return self._sum(held.keys, held.mark, held.base)
        mark, base = self._locate(key)
        return self._sum(self._board.keys[base : base + self._board.stride], mark, base)

    def _lower(self, key: str, held: _Held) -> None:
        held.count -= 1
        self._counts[held.position] = held.count
        if not held.count:
            del self._held[key]  # a slot whose count is zero is free

    def _sum(self, keys: memoryview, mark: bytes, base: int) -> int:
        bucket = keys.tobytes()
        total = 0
        at = bucket.find(mark)
        while at >= 0:
            if at & 7:  # the end of one key and the start of the next
                at = bucket.find(mark, at + 1)
                continue
            total += self._counts[base + (at >> 3)]
            at = bucket.find(mark, at + 8)
        return total

    def _locate(self, key: str) -> tuple[bytes, int]:
        digest = blake2b(
            key.encode("utf-8", "surrogatepass"), digest_size=16, key=self._board.secret
        ).digest()
        bucket = int.from_bytes(digest[8:], "little") % self._board.buckets
        return digest[:8], bucket * self._board.stride

    def _claim(self, key: str) -> _Held | None:
        """Write `key` into a free slot of the own region; None when its bucket has none."""
        mark, base = self._locate(key)
        board = self._board
        first = base + board.worker * SLOTS
        try:
            position = first + self._counts[first : first + SLOTS].tolist().index(0)
        except ValueError:
            return None
        board.keys[position] = int.from_bytes(mark, sys.byteorder)
        held = _Held(mark, base, board.keys[base : base + board.stride], position)
        self._held[key] = held
        return held
