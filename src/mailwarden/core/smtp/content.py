"""Reads message content as DATA and BDAT send it (RFC 5321, 4.1.1.4 and 4.5.2; RFC 3030).

Both readers work on the caller's buffer and hand out pieces as they come, so that a large
message needs no more memory than a piece. Only CRLF ends a line, and only CRLF . CRLF ends DATA:
whatever takes less for an end lets a peer smuggle mail (RFC 5321, 4.1.1.4).
"""

import re
from collections.abc import Mapping
from enum import Enum, IntEnum
from io import IncrementalNewlineDecoder
from typing import Final, NamedTuple

from mailwarden.core.smtp.reply import (
    BARE_CR_LF,
    HEADER_SIZE_EXCEEDED,
    MESSAGE_SIZE_EXCEEDED,
    Reply,
)

_CRLF: Final = b"\r\n"
_DOT_LINE: Final = b"\r\n."  # begins the end of data as well as a line with a stuffed dot
_END: Final = b"\r\n.\r\n"
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
_CLEAN: Final = (None, "\r\n")


class BareCrLf(Enum):
    """What happens to a CR without LF, or a LF without CR, in content (mailflow 2.2)."""

    CLEAN = "clean"  # both become CRLF
    REJECT = "reject"
    ALLOW = "allow"


_ALLOW: Final = BareCrLf.ALLOW  # a member of an enum is slow to name


class Fault(IntEnum):
    """Why a message cannot be taken; the highest of several is told, however the bytes came."""

    BARE_CR_LF = 1
    HEADER_SIZE = 2
    MESSAGE_SIZE = 3


FAULT_REPLIES: Final[Mapping[Fault, Reply]] = {
    Fault.BARE_CR_LF: BARE_CR_LF,
    Fault.HEADER_SIZE: HEADER_SIZE_EXCEEDED,
    Fault.MESSAGE_SIZE: MESSAGE_SIZE_EXCEEDED,
}


class ContentLimits(NamedTuple):
    """What a listener lets content be."""

    message_bytes_max: int
    header_bytes_max: int
    header_lines_max: int  # 0 is no limit
    bare_cr_lf: BareCrLf


class ContentCheck:
    """Holds content against the limits, piece by piece.

    A piece is never cut between CR and LF.
    """

    __slots__ = (
        "_bare", "_header_bytes", "_header_lines", "_in_header", "_limits", "_line_ended",
        "dotted", "fault", "size",
    )  # fmt: skip

    def __init__(self, limits: ContentLimits) -> None:
        self._limits = limits
        self._bare = limits.bare_cr_lf
        self._in_header = True
        self._line_ended = True  # the last byte was LF, or there was none
        self._header_bytes = 0
        self._header_lines = 0
        self.fault: Fault | None = None
        self.dotted = False  # see core/mail/content.py
        self.size = 0  # bytes as the client means them: not stuffed, not yet cleaned

    def keep(self, piece: bytes) -> bytes:
        """Return `piece` as it is kept: cleaned if need be, or nothing once there is a fault."""
        self.size += len(piece)
        if self.size > self._limits.message_bytes_max:
            self.fault = Fault.MESSAGE_SIZE
            return b""
        if self._bare is not _ALLOW and not self.fault and has_bare_line_end(piece):
            if self._bare is BareCrLf.REJECT:
                self.fault = Fault.BARE_CR_LF
            else:
                piece = clean_line_ends(piece)
                self.dotted = True  # a dot behind a bare LF now begins a line
        if self._in_header:
            self._watch_header(piece)
        return piece if self.fault is None else b""

    def _watch_header(self, piece: bytes) -> None:
        """Count the header's lines and bytes, without keeping any."""
        end = self._header_end(piece)
        if end < 0:
            end = len(piece)
            self._line_ended = piece.endswith(b"\n") if piece else self._line_ended
        else:
            self._in_header = False
        self._header_bytes += end
        self._header_lines += piece.count(b"\n", 0, end)
        lines_max = self._limits.header_lines_max
        if self._header_bytes > self._limits.header_bytes_max or (
            lines_max and self._header_lines > lines_max
        ):
            self._in_header = False
            self.fault = Fault.HEADER_SIZE

    def _header_end(self, piece: bytes) -> int:
        """Return where the empty line behind the header begins, or -1."""
        is_lax = self._bare is _ALLOW  # such mail may well have LF alone
        if self._line_ended and piece.startswith((_CRLF, b"\n") if is_lax else _CRLF):
            return 0
        if is_lax:
            match = _EMPTY_LINE.search(piece)
            return match.start() + 1 if match else -1
        at = piece.find(b"\n\r\n")
        return at + 1 if at >= 0 else -1


class DataReader:
    """Reads what follows DATA, up to the line with a dot alone."""

    __slots__ = ("_at_start", "check", "ended")

    def __init__(self, limits: ContentLimits) -> None:
        self.check: Final = ContentCheck(limits)
        self.ended = False
        self._at_start = True

    def read(self, buffer: bytes, offset: int) -> tuple[bytes, int]:
        """Return the next piece of content in `buffer`, and the offset of what is behind it.

        There must be at least a byte. What may begin the end of data is left in the buffer: at
        most four bytes. When the whole content is there it is one slice, and nothing happens
        line by line.
        """
        start = offset
        if self._at_start:
            if buffer.startswith(b".", start):
                start = self._read_first_dot(buffer, offset)
                if self.ended or self._at_start:
                    return b"", start
            self._at_start = False
        # A large attachment has no dots; memchr sees that ten times as fast as the next search.
        dot = buffer.find(b".", start)
        found = buffer.find(_DOT_LINE, max(start, dot - 2)) if dot >= 0 else -1
        if found < 0:
            end = behind = _undecided(buffer, start)
        elif buffer.startswith(_CRLF, found + 3):
            end, behind = found + 2, found + 5
            self.ended = True
        elif found + 3 >= len(buffer) - buffer.endswith(b"\r"):
            end = behind = found  # whether this is the end shows later
        else:
            return self._read_stuffed(buffer, start, found)
        return self.check.keep(buffer[start:end]), behind

    def _read_first_dot(self, buffer: bytes, offset: int) -> int:
        """Return where content begins; a dot in front of all was stuffed, or ends it."""
        if buffer.startswith(b".\r\n", offset):
            self.ended = True
            return offset + 3
        if len(buffer) - offset < 3 and b".\r\n".startswith(buffer[offset:]):
            return offset
        self._at_start = False
        self.check.dotted = True
        return offset + 1

    def _read_stuffed(self, buffer: bytes, start: int, found: int) -> tuple[bytes, int]:
        """Return the same as `read` where a line in the buffer begins with a stuffed dot."""
        end = buffer.find(_END, found + 3)
        if end >= 0:
            self.ended = True
            end, behind = end + 2, end + 5
        else:
            end = behind = _undecided(buffer, start)
        self.check.dotted = True
        # RFC 5321, 4.5.2: the first dot of a line goes. Two matches never overlap.
        return self.check.keep(buffer[start:end].replace(_DOT_LINE, _CRLF)), behind


class ChunkReader:
    """Reads what follows BDAT commands: each chunk has its length told (RFC 3030)."""

    __slots__ = ("_held", "_is_line_open", "_remaining", "check", "is_last", "size")

    def __init__(self, limits: ContentLimits) -> None:
        self.check: Final = ContentCheck(limits)
        self.check.dotted = True  # nothing looks for dots, so there may be some
        self.is_last = False
        self.size = 0  # of the chunk
        self._remaining = 0
        self._held = b""  # a CR whose LF may come with the next piece or chunk
        self._is_line_open = False

    @property
    def ended(self) -> bool:
        """Whether the chunk is complete."""
        return not self._remaining

    def begin(self, size: int, *, is_last: bool) -> None:
        """Expect a chunk of `size` bytes."""
        self.size = self._remaining = size
        self.is_last = is_last

    def read(self, buffer: bytes, offset: int) -> tuple[bytes, int]:
        """Return the next piece of content in `buffer`, and the offset of what is behind it."""
        behind = min(len(buffer), offset + self._remaining)
        self._remaining -= behind - offset
        piece = self._held + buffer[offset:behind]
        if self._remaining or not self.is_last:
            self._held = b"\r" if piece.endswith(b"\r") else b""
            return self._keep(piece.removesuffix(self._held)), behind
        kept = self._keep(piece)
        # The last line gets its end, since DATA to a next hop cannot do without.
        return (kept + _CRLF if self._is_line_open and not self.check.fault else kept), behind

    def _keep(self, piece: bytes) -> bytes:
        kept = self.check.keep(piece)
        if kept:
            self._is_line_open = not kept.endswith(_CRLF)
        return kept


def has_bare_line_end(piece: bytes) -> bool:
    """Return whether a CR or a LF stands alone.

    The decoder of the standard library tells which line ends it has seen, and is the fastest to
    do so: counting takes four times as long, a regular expression thirty times. To compare what
    `translate` leaves of `piece` with CRLFs would be wrong: it takes CR x LF for CRLF.
    """
    decoder = IncrementalNewlineDecoder(None, translate=False)
    decoder.decode(piece.decode("latin-1"), final=True)
    return decoder.newlines not in _CLEAN


def clean_line_ends(piece: bytes) -> bytes:
    """Return `piece` with each bare CR and each bare LF made CRLF."""
    return piece.replace(_CRLF, b"\n").replace(b"\r", b"\n").replace(b"\n", _CRLF)


def _undecided(buffer: bytes, start: int) -> int:
    """Return where the bytes begin that may turn out to be a part of the end of data."""
    length = len(buffer)
    for size in (4, 3, 2, 1):
        if length - size >= start and buffer.endswith(_END[:size]):
            return length - size
    return length
