"""The rate table: memory in which all workers count by the hour, so that a limit holds over all.

The memory is a hash table of buckets, each with `SLOTS` places for keys. A place has the key's hash
and two words, one for even hours and one for odd ones. A word has its window's start, whether its
event was told, and the count; a word of another window counts nothing. So nothing has to be reset
when an hour ends, and a count changes by storing one aligned word, which is there as a whole or not
at all.

Who writes to a bucket holds its lock. It is an open file description lock (fcntl(2)) on one byte
of the same memory, given by the kernel and taken back by it when the holder dies by whatever death.
So two workers never let more through than the limit, and together exactly as much; a worker that
is killed leaves no lock behind, and its last operation has been counted or it has not.

The two system calls are more than half of what a `take` costs. Cheaper ways were looked at. Counts
by worker, as the board has them (board.py), refuse both of two who race for the last place, and
cost memory by the worker. Robust mutexes cost a fifth, but their layout is the C library's own, and
their unlocking follows pointers that stand in memory which other processes write.

A worker that is stopped, not killed, within those two microseconds would make the others wait for
ever. They wait for `LOCK_TRIES`, and then refuse for now: letting through without counting would
break the promise, and a refusal for now loses no mail.

A full bucket gives up the place whose window is oldest; among those of one hour that with the
lowest count, so that a flood of new keys pushes out itself rather than who has reached a limit.
"""

import mmap
import os
import secrets
import struct
import sys
import time
from collections.abc import Callable
from fcntl import (
    F_ADD_SEALS,
    F_OFD_SETLK,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_UNLCK,
    F_WRLCK,
    fcntl,
)
from hashlib import blake2b
from typing import Final

from mailwarden.services.throttling.rates import (
    COUNT_MAX,
    WINDOW_SECONDS,
    WINDOWS,
    Taken,
    Windows,
    carried,
)

BUCKETS: Final = 32768
SLOTS: Final = 64  # so many that no bucket is full while there are a million keys
SLOT_BYTES: Final = 24
TABLE_BYTES_MAX: Final = BUCKETS * SLOTS * SLOT_BYTES  # 48 MiB, a page when it is first needed
STRIPES: Final = 1024  # locks; buckets that share one merely wait for each other
PROBES: Final = 6  # places looked at before the whole bucket
PLACES_MAX: Final = 4096  # keys whose place a worker remembers: 2 MiB
LOCK_SPINS: Final = 50  # tries that only let others run, before those that sleep
LOCK_PAUSE_SECONDS: Final = 0.0005
LOCK_TRIES: Final = 450  # some 0.2 seconds
FULL_KEY: Final = b"\0full"  # under which it is told that the table is full

_HEADER: Final = struct.Struct("=8sQQ16s")  # magic, buckets, seconds of a window, hash key
_HEADER_BYTES: Final = 64
_MAGIC: Final = b"mwrates1"
_FLOCK: Final = struct.Struct("hhqqi0q")  # type, whence, start, length, process (fcntl(2))
_BUCKET_BYTES: Final = SLOTS * SLOT_BYTES
_START_SHIFT: Final = 32
_START_MASK: Final = 2**32 - 1
_TOLD: Final = 2**31
_PEEKS_MAX: Final = 8
_ORDER: Final = sys.byteorder
_SETLK: Final = F_OFD_SETLK


def make_rate_table(buckets: int = BUCKETS, window_seconds: int = WINDOW_SECONDS) -> int:
    """Return the descriptor of a new table, in which all counts are zero.

    It is closed on exec and has to be handed on by name. Its size is sealed: a worker that was
    taken over cannot pull the memory away from under the others.

    Raises:
        ValueError: there are no buckets, or more than `BUCKETS`, or a window has no seconds.
    """
    if not 1 <= buckets <= BUCKETS:
        raise ValueError(f"a rate table has 1 to {BUCKETS} buckets, not {buckets}")
    if window_seconds < 1:
        raise ValueError(f"a window has at least a second, not {window_seconds}")
    descriptor = os.memfd_create("mailwarden-rates", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, _HEADER_BYTES + buckets * _BUCKET_BYTES)
    fcntl(descriptor, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
    # The hash key is secret: else a client could choose addresses that fill a bucket.
    os.pwrite(descriptor, _HEADER.pack(_MAGIC, buckets, window_seconds, secrets.token_bytes(16)), 0)
    return descriptor


class _Place:
    """Where a key is, as far as this worker knows."""

    __slots__ = ("bucket", "hash", "lock", "mark", "slot", "unlock")

    def __init__(self, digest: bytes, buckets: int) -> None:
        self.bucket = int.from_bytes(digest[8:], "little") % buckets
        self.hash = digest[:8]  # as it stands in memory
        self.mark = int.from_bytes(self.hash, _ORDER)
        self.slot = _first_word(self.bucket)  # the word in which it stood last, maybe
        stripe = self.bucket % STRIPES
        self.lock = _FLOCK.pack(F_WRLCK, 0, stripe, 1, 0)
        self.unlock = _FLOCK.pack(F_UNLCK, 0, stripe, 1, 0)


class RateTable:
    """Rates that all workers share, as used by one of them, from one thread.

    What a worker counted stays when it ends.
    """

    __slots__ = (
        "_buckets", "_file", "_from", "_full_said", "_has_evicted", "_has_own", "_hash",
        "_is_sliding", "_kept", "_memory", "_on_full", "_on_stuck", "_pause", "_places",
        "_seconds", "_start", "_stuck_said", "_turn", "_until", "_words",
    )  # fmt: skip

    def __init__(
        self,
        descriptor: int,
        *,
        windows: Windows = WINDOWS,
        window_seconds: int = 0,
        on_full: Callable[[], None] = lambda: None,
        on_stuck: Callable[[], None] = lambda: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Use a table made by `make_rate_table`; the descriptor may be closed afterwards.

        `window_seconds` are shorter windows than the table's; the keys counted by them must be
        counted by no others. 0 is those of the table. `on_full` is called when a key was given up
        whose count was still of use, by one worker a window; `on_stuck` when a lock cannot be had,
        by each worker once a window. `pause` waits for some seconds.

        Raises:
            ValueError: the descriptor is no rate table.
        """
        # Opened anew, as a lock belongs to who opened: two that share that would not exclude
        # each other. It also keeps the lock when the caller closes `descriptor`.
        self._file = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
        try:
            self._memory, self._buckets, self._seconds, secret = _map(self._file)
        except ValueError:
            os.close(self._file)
            raise
        self._kept = self._seconds  # what began before so many seconds is of no use to anybody
        self._has_own = 0 < window_seconds < self._seconds
        if self._has_own:
            self._seconds = window_seconds
        self._words = memoryview(self._memory).cast("Q")
        self._hash = blake2b(digest_size=16, key=secret)
        self._places: dict[bytes, _Place] = {}
        self._is_sliding = windows is Windows.SLIDING
        self._from = self._until = 0  # the window looked at, in seconds since 1970
        self._start = 0  # the same as it stands in memory
        self._turn = SLOTS  # from the word of a mark to that of the window
        self._on_full, self._on_stuck, self._pause = on_full, on_stuck, pause
        self._has_evicted = False
        self._full_said = self._stuck_said = -1

    def count_by(self, windows: Windows) -> None:
        """Read the counts by other windows from now on; they are the same for all."""
        self._is_sliding = windows is Windows.SLIDING

    def window_end(self, now: float) -> float:
        """Return when all counts begin at zero again."""
        return (now // self._seconds + 1) * self._seconds

    def close(self) -> None:
        """Let go of the memory; a worker need not, its end does it."""
        self._words.release()
        self._memory.close()
        os.close(self._file)

    def take(self, key: bytes, amount: int, limit: int, now: float) -> Taken:
        """Count as many of `amount` as `limit` still allows; refuse all when the lock is stuck."""
        if amount < 0:
            raise ValueError(f"{amount} cannot be taken")
        place = self._places.get(key) or self._place(key)
        if not self._from <= now < self._until:
            self._look_at(now)
        try:
            fcntl(self._file, _SETLK, place.lock)
        except BlockingIOError:
            if not self._wait_lock(place):
                return Taken(0, self.peek(key, now))
        try:
            slot = self._slot(place)
            word = self._word(slot) if slot >= 0 else 0
            count = word & COUNT_MAX
            older = self._older(slot, now) if self._is_sliding and slot >= 0 else 0
            counted = allowed = amount
            if not 0 <= limit < COUNT_MAX:
                counted = min(amount, COUNT_MAX - count)
            elif amount > limit - count - older:
                counted = allowed = max(limit - count - older, 0)
            if counted:
                if slot < 0:
                    slot = self._claim(place)
                self._words[slot + self._turn] = (word or self._start << _START_SHIFT) + counted
        finally:
            fcntl(self._file, _SETLK, place.unlock)
        if self._has_evicted:
            self._say_full(now)
        return Taken(allowed, count + older + counted)

    def peek(self, key: bytes, now: float) -> int:
        """Return the count of the current hour, as it is at some moment of the call."""
        place = self._places.get(key) or self._place(key)
        if not self._from <= now < self._until:
            self._look_at(now)
        count = 0
        slot = self._slot(place)
        for _ in range(_PEEKS_MAX):
            if slot < 0:
                return 0
            count = self._word(slot) & COUNT_MAX
            if self._is_sliding:
                count += self._older(slot, now)
            again = self._slot(place)
            if again == slot:  # there is no lock here: the place may have become another key's
                break
            slot = again
        return count

    def give_back(self, key: bytes, amount: int, taken_at: float) -> None:
        """Take `amount` off the count of that hour; nothing where that is gone or stuck."""
        if amount < 0:
            raise ValueError(f"{amount} cannot be given back")
        place = self._places.get(key) or self._place(key)
        if not self._from <= taken_at < self._until:
            self._look_at(taken_at)
        if not self._lock(place):
            return
        try:
            slot = self._slot(place)
            word = self._word(slot) if slot >= 0 else 0
            if word:
                self._words[slot + self._turn] = word - min(amount, word & COUNT_MAX)
        finally:
            fcntl(self._file, _SETLK, place.unlock)

    def reset(self, key: bytes, now: float) -> None:
        """Begin at zero again; nothing where the lock is stuck."""
        place = self._places.get(key) or self._place(key)
        if not self._from <= now < self._until:
            self._look_at(now)
        if not self._lock(place):
            return
        try:
            slot = self._slot(place)
            if slot >= 0:
                self._words[slot + SLOTS] = 0
                self._words[slot + 2 * SLOTS] = 0
        finally:
            fcntl(self._file, _SETLK, place.unlock)

    def tell(self, key: bytes, now: float) -> bool:
        """Return True to one caller a key and window, over all workers."""
        place = self._places.get(key) or self._place(key)
        if not self._from <= now < self._until:
            self._look_at(now)
        slot = self._slot(place)
        if slot >= 0 and self._word(slot) & _TOLD:  # most who ask are late, and need no lock
            return False
        if not self._lock(place):
            return False
        try:
            slot = self._slot(place)
            if slot < 0:
                slot = self._claim(place)
            word = self._word(slot) or self._start << _START_SHIFT
            self._words[slot + self._turn] = word | _TOLD
        finally:
            fcntl(self._file, _SETLK, place.unlock)
        if self._has_evicted:
            self._say_full(now)
        return not word & _TOLD

    def _place(self, key: bytes) -> _Place:
        """Find out where `key` belongs, and remember it."""
        if len(self._places) >= PLACES_MAX:
            self._places.clear()  # cheaper than to know who was here last
        state = self._hash.copy()
        state.update(key)
        place = self._places[key] = _Place(state.digest(), self._buckets)
        return place

    def _look_at(self, now: float) -> None:
        """Make the window of `now` the one that words are read for and written in."""
        number = int(now // self._seconds)
        self._from = number * self._seconds
        self._until = self._from + self._seconds
        self._start = self._from & _START_MASK
        self._turn = SLOTS * (1 + (number & 1))

    def _word(self, slot: int) -> int:
        """Return the word of the window looked at, 0 when it is that of another one."""
        word: int = self._words[slot + self._turn]
        return word if word >> _START_SHIFT == self._start else 0

    def _older(self, slot: int, now: float) -> int:
        """Return what the window before adds to a sliding one."""
        word: int = self._words[slot + 3 * SLOTS - self._turn]
        if word >> _START_SHIFT != (self._start - self._seconds) & _START_MASK:
            return 0
        return carried(word & COUNT_MAX, int(now) - self._from, self._seconds)

    def _slot(self, place: _Place) -> int:
        """Return the word in which the key's mark stands, or -1."""
        if self._words[place.slot] == place.mark:
            return place.slot
        first = _first_word(place.bucket)
        marks = self._memory[8 * first : 8 * (first + SLOTS)]
        at = marks.find(place.hash)
        while at & 7 and at > 0:  # the end of one mark and the start of the next
            at = marks.find(place.hash, at + 1)
        if at < 0:
            return -1
        place.slot = first + (at >> 3)
        return place.slot

    def _claim(self, place: _Place) -> int:
        """Write the key's mark over one of its bucket that is of no use; return the word."""
        slot = self._worst(place)
        # In this order: a worker killed in between leaves one key the less, and no false count.
        self._words[slot + SLOTS] = 0
        self._words[slot + 2 * SLOTS] = 0
        self._words[slot] = place.mark
        place.slot = slot
        return slot

    def _worst(self, place: _Place) -> int:
        """Return the word of the mark that is best given up."""
        first = _first_word(place.bucket)
        words = self._words
        of_use = self._start - self._kept if self._is_sliding or self._has_own else self._start
        for number in range(place.mark & 0xFF, (place.mark & 0xFF) + PROBES):
            slot = first + number % SLOTS
            latest = max(words[slot + SLOTS], words[slot + 2 * SLOTS])
            if latest >> _START_SHIFT < of_use:  # that of most, unless the bucket is rather full
                return slot
        evens = words[first + SLOTS : first + 2 * SLOTS].tolist()
        odds = words[first + 2 * SLOTS : first + 3 * SLOTS].tolist()
        ranks: list[int] = list(map(max, evens, odds))  # by window, told or not, count
        worst = min(ranks)
        if worst >> _START_SHIFT >= of_use:
            # Windows to come are left by a clock that was set back. They must not stay for ever.
            to_come = max(ranks)
            if to_come >> _START_SHIFT > self._start + self._seconds:
                worst = to_come
            else:
                self._has_evicted = True
        return first + ranks.index(worst)

    def _lock(self, place: _Place) -> bool:
        """Take the lock of the key's bucket; False when its holder seems to be stopped."""
        try:
            fcntl(self._file, _SETLK, place.lock)
        except BlockingIOError:
            return self._wait_lock(place)
        return True

    def _wait_lock(self, place: _Place) -> bool:
        for number in range(LOCK_TRIES):
            if number < LOCK_SPINS:
                os.sched_yield()
            else:
                self._pause(LOCK_PAUSE_SECONDS)
            try:
                fcntl(self._file, _SETLK, place.lock)
            except BlockingIOError:
                continue
            return True
        if self._stuck_said != self._from:
            self._stuck_said = self._from
            self._on_stuck()
        return False

    def _say_full(self, now: float) -> None:
        """Call `on_full`, by one worker a window."""
        self._has_evicted = False
        if self._full_said != self._from:
            self._full_said = self._from
            if self.tell(FULL_KEY, now):
                self._on_full()


def _first_word(bucket: int) -> int:
    return (_HEADER_BYTES + bucket * _BUCKET_BYTES) >> 3


def _map(descriptor: int) -> tuple[mmap.mmap, int, int, bytes]:
    """Return a table's memory, buckets, seconds and hash key. Raises ValueError: it is none."""
    size = os.fstat(descriptor).st_size
    if size > _HEADER_BYTES:
        memory = mmap.mmap(descriptor, size)
        magic, buckets, seconds, secret = _HEADER.unpack_from(memory)
        if magic == _MAGIC and size == _HEADER_BYTES + buckets * _BUCKET_BYTES:
            return memory, buckets, seconds, secret
        memory.close()
    raise ValueError("the descriptor is not a rate table")
