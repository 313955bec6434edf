"""Networks with scores, in sorted arrays; the longest prefix decides.

Networks either nest or do not touch. Sorted by start, then length, the last one that starts at or
before an address either holds it, or is itself inside all those that do. So each network knows the
next larger one around it, and the way outwards meets the longest prefix first.
"""

import socket
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import chain
from typing import Final, NamedTuple

KEY_LINE_BITS: Final = 20
RUN_ENTRIES: Final = 16_384  # sorted at once: a sort holds up all other threads, for 10 ms so

_PREFIX_BITS: Final = 8
_LINE_MASK: Final = (1 << KEY_LINE_BITS) - 1
_NO_NETWORK: Final = 0  # in `outer`, whose entries count from 1


class Found(NamedTuple):
    """The network that decides about an address."""

    network: str
    tenths: int  # the score, times ten
    note: str


class NetworkTable:
    """The networks of one IP version: 12 bytes each for IPv4, 24 for IPv6, and the notes."""

    __slots__ = ("_bits", "_high", "_low", "_notes", "_outer", "_prefixes", "_tenths", "_texts")

    def __init__(self, bits: int, texts: list[str]) -> None:
        self._bits = bits
        self._high = array("I") if bits == 32 else array("Q")
        self._low = array("Q")  # the lower half of IPv6 starts
        self._prefixes = array("B")
        self._outer = array("I")
        self._tenths = array("b")
        self._notes = array("H")
        self._texts = texts

    def __len__(self) -> int:
        """Return how many networks there are."""
        return len(self._prefixes)

    @property
    def size_bytes(self) -> int:
        """How much memory the arrays take."""
        arrays = (self._high, self._low, self._prefixes, self._outer, self._tenths, self._notes)
        return sum(each.itemsize * len(each) for each in arrays)

    def append(self, start: int, prefix: int, outer: int, tenths: int, note: int) -> None:
        """Add the next network in order; `outer` is the place of the one around it, from 1."""
        if self._bits == 32:
            self._high.append(start)
        else:
            self._high.append(start >> 64)
            self._low.append(start & 0xFFFF_FFFF_FFFF_FFFF)
        self._prefixes.append(prefix)
        self._outer.append(outer)
        self._tenths.append(tenths)
        self._notes.append(note)

    def find(self, address: int) -> Found | None:
        """Return the longest prefix that `address` is in."""
        place = self._last_start(address)
        while place:
            prefix = self._prefixes[place - 1]
            shift = self._bits - prefix
            start = self._start(place - 1)
            if address >> shift == start >> shift:
                note = self._texts[self._notes[place - 1]]
                text = describe(start, prefix, self._bits)
                return Found(text, self._tenths[place - 1], note)
            place = self._outer[place - 1]
        return None

    def _last_start(self, address: int) -> int:
        """Return how many networks start at or before `address`."""
        if self._bits == 32:
            return bisect_right(self._high, address)
        high, low = address >> 64, address & 0xFFFF_FFFF_FFFF_FFFF
        behind = bisect_right(self._high, high)
        return bisect_right(self._low, low, bisect_left(self._high, high, 0, behind), behind)

    def _start(self, index: int) -> int:
        return self._high[index] if self._bits == 32 else self._high[index] << 64 | self._low[index]


def describe(start: int, prefix: int, bits: int) -> str:
    """Return `192.0.2.0/24`, and a single address without its prefix."""
    family = socket.AF_INET if bits == 32 else socket.AF_INET6
    text = socket.inet_ntop(family, start.to_bytes(bits // 8, "big"))
    return text if prefix == bits else f"{text}/{prefix}"


class Collector:
    """Takes networks in any order and builds the table of them.

    A network is one integer: start, prefix length, line. They are sorted in short runs that are
    then merged, as one long sort would hold up the event loop in its thread.
    """

    __slots__ = ("_bits", "_last", "_ordered", "_run", "_runs")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._run: list[int] = []
        self._runs: list[list[int]] = []
        self._last = -1
        self._ordered = True

    def add(self, start: int, prefix: int, line: int) -> None:
        """Take a network that stands in a line, counted from 1."""
        key = (start << _PREFIX_BITS | prefix) << KEY_LINE_BITS | (line - 1)
        if key < self._last:
            self._ordered = False
        self._last = key
        self._run.append(key)
        if len(self._run) >= RUN_ENTRIES:
            self._close_run()

    def build(
        self,
        tenths: "array[int]",
        notes: "array[int]",
        texts: list[str],
        twice: Callable[[int, int, str], None],
        rest: Callable[[], None],
    ) -> NetworkTable:
        """Return the table; scores and notes are those of the lines.

        A network that stands there twice is taken from its first line, and `twice` called with
        both lines and the network.
        """
        self._close_run()
        table = NetworkTable(self._bits, texts)
        around: list[tuple[int, int]] = []  # the networks that hold the current one: end, place
        known, first_line = -1, 0
        for count, key in enumerate(self._in_order()):
            if not count & 0x7FF:
                rest()
            network, line = key >> KEY_LINE_BITS, key & _LINE_MASK
            start, prefix = network >> _PREFIX_BITS, network & 0xFF
            if network == known:
                twice(first_line + 1, line + 1, describe(start, prefix, self._bits))
                continue
            known, first_line = network, line
            while around and around[-1][0] < start:
                around.pop()
            outer = around[-1][1] if around else _NO_NETWORK
            table.append(start, prefix, outer, tenths[line], notes[line])
            around.append((start | (1 << self._bits - prefix) - 1, len(table)))
        return table

    def _close_run(self) -> None:
        self._run.sort()
        self._runs.append(self._run)
        self._run = []

    def _in_order(self) -> Iterator[int]:
        runs: Iterable[list[int]] = self._runs
        return chain.from_iterable(runs) if self._ordered else merge(*runs)
