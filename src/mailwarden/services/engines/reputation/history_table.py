"""What was seen of a million addresses, in memory that all workers share.

The memory is a hash table of slots, 32 to a bucket. A bucket has the keys of its slots and behind
them, for each, five counts and the time of the last change; counts fall exponentially from then
on. In a full bucket the slot that was not touched for longest goes. Nothing is ever moved, so that
no operation takes long.

A key is kept as its product with a secret odd number, modulo 2^128. That can be undone, spreads
keys over buckets in a way that nobody outside can tell, and leaves bytes that are quickly found.

Workers write without a lock. Both the key and the counts of a slot are written each time. Two
workers that write to the same slot at the same moment lose what one of them saw of a message, and
two that meet while a slot changes hands lose a newcomer. These are statistics, where one message
more or less says nothing; a lock that a killed worker held would say much more.
"""

import fcntl
import math
import mmap
import os
import secrets
import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

SLOT_BYTES: Final = 40
WAYS: Final = 32  # slots of a bucket
COUNT_MAX: Final = 1e9
NETWORKS_SHARE: Final = 4  # one network is remembered for so many addresses
ROOM: Final = 1.3  # slots for each entry, as buckets do not fill evenly

_BUCKET_BYTES: Final = SLOT_BYTES * WAYS
_KEY_BYTES: Final = 16
_KEYS_BYTES: Final = _KEY_BYTES * WAYS  # the keys of a bucket, which come first
_COUNTS: Final = struct.Struct("<5fI")
_COUNTS_BYTES: Final = _COUNTS.size
_SEEN_AT: Final = 5  # among the counts
_HEADER: Final = struct.Struct("=8sQQ16sI")  # magic, buckets of both tables, hash key, is loaded
_HEADER_BYTES: Final = 4096  # a page: the tables begin at one
_MAGIC: Final = b"mwhist01"
_FREE: Final = bytes(_KEY_BYTES)  # `::` is nobody's address
_LOADED_AT: Final = _HEADER.size - 4
_TIME_MAX: Final = (1 << 32) - 1
_HASH_MASK: Final = (1 << 128) - 1
_SPREAD: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835  # 2^128 divided by the golden ratio, made odd
_BUCKETS_PER_REST: Final = 50  # read in a millisecond or so


class Traffic(NamedTuple):
    """What was seen of an address or network."""

    messages: float = 0.0  # taken
    recipients: float = 0.0  # accepted
    bad_recipients: float = 0.0  # refused as nobody here is called so
    spam: float = 0.0  # messages that anti-spam or anti-virus found bad
    clean: float = 0.0  # messages that were scanned and found good


class Entry(NamedTuple):
    """A slot: counts as they were at `seen_at`, seconds since the epoch."""

    key: bytes
    messages: float
    recipients: float
    bad_recipients: float
    spam: float
    clean: float
    seen_at: int


NOTHING: Final = Traffic()


def make_history(addresses_max: int) -> int:
    """Return the descriptor of empty memory for so many addresses and a quarter as many networks.

    It is closed on exec and has to be handed on by name; its size is sealed. Memory is taken as it
    is used: about 70 bytes for an address.
    """
    buckets = [math.ceil(n * ROOM / WAYS) for n in (addresses_max, addresses_max / NETWORKS_SHARE)]
    descriptor = os.memfd_create("mailwarden-history", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, _HEADER_BYTES + sum(buckets) * _BUCKET_BYTES)
    fcntl.fcntl(
        descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    )
    # The hash key is secret: else somebody with many addresses could choose those of one bucket.
    os.pwrite(descriptor, _HEADER.pack(_MAGIC, *buckets, secrets.token_bytes(16), 0), 0)
    return descriptor


class HistoryMemory:
    """The tables in the memory behind a descriptor of `make_history`."""

    __slots__ = ("_memory", "addresses", "networks")

    def __init__(self, descriptor: int, memory_seconds: float) -> None:
        """Map it; the descriptor may be closed afterwards.

        Raises:
            ValueError: the descriptor is no such memory.
        """
        size = os.fstat(descriptor).st_size
        if size < _HEADER_BYTES:
            raise ValueError("the descriptor is no memory of a history")
        memory = mmap.mmap(descriptor, size)
        magic, addresses, networks, secret, _ = _HEADER.unpack_from(memory)
        if magic != _MAGIC or size != _HEADER_BYTES + (addresses + networks) * _BUCKET_BYTES:
            raise ValueError("the descriptor is no memory of a history")
        self._memory = memory
        between = _HEADER_BYTES + addresses * _BUCKET_BYTES
        self.addresses: Final = HistoryTable(
            memory, _HEADER_BYTES, addresses, secret, memory_seconds
        )
        self.networks: Final = HistoryTable(memory, between, networks, secret, memory_seconds)

    @property
    def is_loaded(self) -> bool:
        """Whether somebody has loaded what was saved; others must not do so again."""
        return self._memory[_LOADED_AT] != 0

    def set_loaded(self) -> None:
        """Say that what was saved has been loaded."""
        self._memory[_LOADED_AT] = 1


class HistoryTable:
    """Counts by key, 16 bytes. Times are seconds since the epoch, kept as whole ones."""

    __slots__ = ("_base", "_buckets", "_factor", "_fall", "_inverse", "_memory")

    def __init__(
        self, memory: mmap.mmap, base: int, buckets: int, secret: bytes, memory_seconds: float
    ) -> None:
        """`base` is the offset of the table in `memory`."""
        self._memory = memory
        self._base = base
        self._buckets = buckets
        self._factor = int.from_bytes(secret, "big") | 1
        self._inverse = pow(self._factor, -1, 1 << 128)
        self._fall = -1.0 / memory_seconds

    def add(self, key: bytes, seen: Traffic, now: float) -> None:
        """Count `seen` for `key`."""
        moment = _moment(now)
        mark, start = self._locate(key)
        memory = self._memory
        keys = memory[start : start + _KEYS_BYTES]
        index = _find(keys, mark)
        messages, recipients, bad_recipients, spam, clean = seen
        if index < 0:
            index = self._find_room(keys, start)
            place = start + _KEYS_BYTES + index * _COUNTS_BYTES
        else:
            place = start + _KEYS_BYTES + index * _COUNTS_BYTES
            old = _COUNTS.unpack_from(memory, place)
            left = self._left(moment - old[_SEEN_AT])
            messages += old[0] * left
            recipients += old[1] * left
            bad_recipients += old[2] * left
            spam += old[3] * left
            clean += old[4] * left
        if messages + recipients + bad_recipients + spam + clean > COUNT_MAX:
            messages, recipients = min(messages, COUNT_MAX), min(recipients, COUNT_MAX)
            bad_recipients = min(bad_recipients, COUNT_MAX)
            spam, clean = min(spam, COUNT_MAX), min(clean, COUNT_MAX)
        at = start + index * _KEY_BYTES
        memory[at : at + _KEY_BYTES] = mark
        _COUNTS.pack_into(memory, place, messages, recipients, bad_recipients, spam, clean, moment)

    def find(self, key: bytes, now: float) -> Traffic:
        """Return what is left at `now` of what was counted for `key`."""
        mark, start = self._locate(key)
        index = _find(self._memory[start : start + _KEYS_BYTES], mark)
        if index < 0:
            return NOTHING
        old = _COUNTS.unpack_from(self._memory, start + _KEYS_BYTES + index * _COUNTS_BYTES)
        left = self._left(_moment(now) - old[_SEEN_AT])
        return Traffic(old[0] * left, old[1] * left, old[2] * left, old[3] * left, old[4] * left)

    def take_back(self, key: bytes, seen: Traffic, now: float) -> None:
        """Count as if `seen` had never been counted for `key`."""
        left = [max(0.0, all_ - mine) for all_, mine in zip(self.find(key, now), seen, strict=True)]
        self.forget(key)
        self.add(key, Traffic(*left), now)

    def forget(self, key: bytes) -> None:
        """Forget what was counted for `key`."""
        mark, start = self._locate(key)
        index = _find(self._memory[start : start + _KEYS_BYTES], mark)
        if index >= 0:
            place = start + _KEYS_BYTES + index * _COUNTS_BYTES
            self._memory[place : place + _COUNTS_BYTES] = bytes(_COUNTS_BYTES)
            at = start + index * _KEY_BYTES
            self._memory[at : at + _KEY_BYTES] = _FREE

    def merge(self, entry: Entry, now: float) -> None:
        """Count what an entry that was saved says; not at all if it cannot be true."""
        counts = entry[1:6]
        if entry.key == _FREE or not all(0.0 <= count <= COUNT_MAX for count in counts):
            return  # a count that is no number fails this as well
        mark, start = self._locate(entry.key)
        keys = self._memory[start : start + _KEYS_BYTES]
        if _find(keys, mark) >= 0:
            left = self.remaining(entry, now)
            self.add(entry.key, Traffic(*[count * left for count in counts]), now)
            return
        index = self._find_room(keys, start)
        place = start + _KEYS_BYTES + index * _COUNTS_BYTES
        seen_at = min(entry.seen_at, _moment(now))
        # A full bucket of younger ones: it would be the one to go. A free slot's time is 0.
        if _COUNTS.unpack_from(self._memory, place)[_SEEN_AT] <= seen_at:
            at = start + index * _KEY_BYTES
            self._memory[at : at + _KEY_BYTES] = mark
            _COUNTS.pack_into(self._memory, place, *counts, seen_at)

    def entries(self, rest: Callable[[], None] = lambda: None) -> Iterator[Entry]:
        """Yield what is there; `rest` is called every millisecond or so."""
        for bucket in range(self._buckets):
            start = self._base + bucket * _BUCKET_BYTES
            slots = self._memory[start : start + _BUCKET_BYTES]
            for index, counts in enumerate(_COUNTS.iter_unpack(slots[_KEYS_BYTES:])):
                mark = slots[index * _KEY_BYTES : (index + 1) * _KEY_BYTES]
                if mark != _FREE:
                    yield Entry(self._unmix(mark), *counts)
            if not bucket % _BUCKETS_PER_REST:
                rest()

    def remaining(self, entry: Entry, now: float) -> float:
        """Return which part of an entry's counts is left at `now`, 0 to 1."""
        return self._left(_moment(now) - entry.seen_at)

    def _left(self, seconds: int) -> float:
        """Return which part of a count is left; a clock that was set back takes nothing away.

        Of whole seconds: were a part of one to count, those who send many messages in a second
        would lose it with each of them, as the time that is kept is a whole one.
        """
        return math.exp(seconds * self._fall) if seconds > 0 else 1.0

    def _locate(self, key: bytes) -> tuple[bytes, int]:
        """Return the mark that stands for `key`, and where its bucket begins."""
        mixed = int.from_bytes(key, "big") * self._factor & _HASH_MASK
        # Products of neighbours lie evenly apart, and with some factors only in a few places: both
        # halves together do not.
        spread = (mixed ^ mixed >> 64) * _SPREAD & _HASH_MASK
        bucket = (spread >> 64) * self._buckets >> 64
        return mixed.to_bytes(_KEY_BYTES, "big"), self._base + bucket * _BUCKET_BYTES

    def _unmix(self, mark: bytes) -> bytes:
        key = int.from_bytes(mark, "big") * self._inverse & _HASH_MASK
        return key.to_bytes(_KEY_BYTES, "big")

    def _find_room(self, keys: bytes, start: int) -> int:
        """Return the number of a free slot, else that which was not touched for longest."""
        free = _find(keys, _FREE)
        if free >= 0:
            return free
        counts = self._memory[start + _KEYS_BYTES : start + _BUCKET_BYTES]
        times = [slot[_SEEN_AT] for slot in _COUNTS.iter_unpack(counts)]
        return times.index(min(times))


def _find(keys: bytes, mark: bytes) -> int:
    """Return the number of the slot with `mark`, or -1."""
    place = keys.find(mark)
    while place >= 0 and place % _KEY_BYTES:  # the end of one and the start of the next
        place = keys.find(mark, place + 1)
    return place // _KEY_BYTES  # -1 stays -1


def _moment(now: float) -> int:
    return int(now) & _TIME_MAX
