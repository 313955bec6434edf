"""The text of a feed: a network, its score and perhaps a comment in each line.

# what made it, and when
198.51.100.0/24  -4.5  dial-up pool
198.51.100.25    +2.0
2001:db8::/32    -10
"""

import io
import re
import socket
from array import array
from collections.abc import Callable
from typing import Final

from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.core.policy.imported import Imported
from mailwarden.core.problem import Problem
from mailwarden.services.engines.reputation.feed_table import Collector, Found, NetworkTable

FEED_BYTES_MAX: Final = 64 * 1024 * 1024
LINES_MAX: Final = 1_000_000  # those without a network included
LINE_BYTES_MAX: Final = 1000
NOTE_LENGTH_MAX: Final = 80  # longer comments are cut
NOTES_MAX: Final = 65_535  # different comments; more are left out
FAULTS_MAX: Final = 1000  # problems, and warnings, that are told one by one

_SCORE: Final = re.compile(rb"([+-]?)([0-9]{1,2})(?:\.([0-9]))?\Z")
_COMMENT: Final = ord("#")
_LINES_PER_REST: Final = 1000  # two milliseconds or so
_MAPPED_START: Final = 0xFFFF << 32  # ::ffff:0:0/96 (RFC 4291, 2.5.5.2)
_MAPPED_PREFIX: Final = 96


class Feed:
    """The networks of a feed. Never changed once made."""

    __slots__ = ("_four", "_six")

    def __init__(self, four: NetworkTable, six: NetworkTable) -> None:
        self._four = four
        self._six = six

    def __len__(self) -> int:
        """Return how many networks there are."""
        return len(self._four) + len(self._six)

    @property
    def size_bytes(self) -> int:
        """How much memory the networks take, without the comments."""
        return self._four.size_bytes + self._six.size_bytes

    def find(self, packed: bytes) -> Found | None:
        """Return the longest prefix that an address of 4 or 16 bytes is in."""
        table = self._four if len(packed) == 4 else self._six
        return table.find(int.from_bytes(packed, "big"))


def parse_feed(content: bytes, rest: Callable[[], None] = lambda: None) -> Imported[Feed]:
    """Return the feed in `content`, which is not larger than `FEED_BYTES_MAX`.

    A million lines take seconds. `rest` is called every few milliseconds: it may wait, to let
    other threads go on, or raise, to give up.
    """
    return _Reader().read(content, rest)


class _Reader:
    """Reads one feed."""

    def __init__(self) -> None:
        self._four = Collector(32)
        self._six = Collector(128)
        self._tenths = array("b")
        self._notes = array("H")
        self._known: dict[bytes, int] = {}  # scores
        self._texts = [""]
        self._places = {"": 0}
        self._problems = _Faults("problems")
        self._warnings = _Faults("warnings")

    def read(self, content: bytes, rest: Callable[[], None]) -> Imported[Feed]:
        if len(content) > FEED_BYTES_MAX:
            self._problems.add(0, f"larger than {FEED_BYTES_MAX} bytes")
            content = b""
        for number, line in enumerate(io.BytesIO(content), start=1):
            if number > LINES_MAX:
                self._problems.add(number, f"more than {LINES_MAX} lines")
                break
            if not number % _LINES_PER_REST:
                rest()
            self._tenths.append(0)
            self._notes.append(0)
            try:
                self._read_line(number, line)
            except ValueError as error:
                self._problems.add(number, str(error))
        feed = Feed(self._build(self._four, rest), self._build(self._six, rest))
        return Imported(feed, self._problems.told(), self._warnings.told())

    def _build(self, collector: Collector, rest: Callable[[], None]) -> NetworkTable:
        return collector.build(self._tenths, self._notes, self._texts, self._twice, rest)

    def _read_line(self, number: int, line: bytes) -> None:
        if len(line) > LINE_BYTES_MAX:
            raise ValueError(f"longer than {LINE_BYTES_MAX} bytes")
        words = line.split(None, 2)
        if not words or words[0][0] == _COMMENT:
            return
        if len(words) < 2:
            raise ValueError("a network needs a score behind it, such as -4.5")
        start, prefix, bits = _parse_network(words[0])
        tenths = self._known.get(words[1])
        if tenths is None:  # a feed has few different scores; there are four thousand in all
            tenths = self._known[words[1]] = _parse_tenths(words[1])
        self._tenths[-1] = tenths
        if len(words) > 2:
            self._notes[-1] = self._note(number, words[2])
        (self._four if bits == 32 else self._six).add(start, prefix, number)

    def _note(self, number: int, comment: bytes) -> int:
        text = comment.decode("utf-8", "replace").strip().removeprefix("#").lstrip()
        text = "".join([c if c.isprintable() else "?" for c in text[:NOTE_LENGTH_MAX]])
        place = self._places.get(text)
        if place is None:
            if len(self._texts) > NOTES_MAX:
                self._warnings.add(
                    number, f"comment left out: there are more than {NOTES_MAX} different ones"
                )
                return 0
            place = self._places[text] = len(self._texts)
            self._texts.append(text)
        return place

    def _twice(self, first: int, second: int, network: str) -> None:
        if self._tenths[first - 1] == self._tenths[second - 1]:
            self._warnings.add(second, f"{network} stands in line {first} already")
        else:
            self._problems.add(second, f"{network} has another score in line {first}")


class _Faults:
    """What was found wrong, up to a limit."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._found: list[tuple[int, str]] = []
        self._more = 0

    def add(self, line: int, message: str) -> None:
        if len(self._found) < FAULTS_MAX:
            self._found.append((line, message))
        else:
            self._more += 1

    def told(self) -> tuple[Problem, ...]:
        told = [Problem(f"line {n}" if n else "", text) for n, text in sorted(self._found)]
        if self._more:
            told.append(Problem("", f"{self._more} more {self._kind}"))
        return tuple(told)


def _parse_network(word: bytes) -> tuple[int, int, int]:
    """Return start, prefix length and bits of an address or network."""
    text, slash, digits = word.partition(b"/")
    bits = 128 if b":" in text else 32
    try:
        packed = socket.inet_pton(
            socket.AF_INET if bits == 32 else socket.AF_INET6, text.decode("ascii")
        )
    except (OSError, ValueError):
        raise ValueError(f"{_shown(word)} is neither an IP address nor a network") from None
    start = int.from_bytes(packed, "big")
    if not slash:
        prefix = bits
    elif digits.isdigit() and len(digits) <= 3 and int(digits) <= bits:
        prefix = int(digits)
    else:
        raise ValueError(f"{_shown(word)} needs a prefix from /0 to /{bits}")
    if start & (1 << bits - prefix) - 1:
        raise ValueError(f"{_shown(word)} has bits set behind its prefix")
    if bits == 128 and prefix >= _MAPPED_PREFIX and start >> 32 == _MAPPED_START >> 32:
        return start & 0xFFFF_FFFF, prefix - _MAPPED_PREFIX, 32
    return start, prefix, bits


def _parse_tenths(word: bytes) -> int:
    match = _SCORE.match(word)
    if match is not None:
        sign, whole, tenth = match.groups()
        tenths = int(whole) * 10 + int(tenth or b"0")
        if tenths <= 100:
            return -tenths if sign == b"-" else tenths
    raise ValueError(f"{_shown(word)} is not a score from -10.0 to +10.0 with one decimal")


def _shown(word: bytes) -> str:
    return repr(word[:SHOWN_LENGTH_MAX].decode("utf-8", "replace"))
