"""Bytes that came from a client and are not yet understood, and the command lines in them."""

import re
from enum import Enum
from typing import Final

from mailwarden.core.smtp.limits import (
    AUTH_LINE_BYTES_MAX,
    COMMAND_LINE_BYTES_MAX,
    LOGGED_CHARACTERS_MAX,
)

_CR: Final = 13
_CRLF: Final = b"\r\n"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # all of ASCII but the tab


class LineFault(Enum):
    """Why a line is no command."""

    TOO_LONG = "too long"
    MALFORMED = "malformed"


class Received:
    """A buffer with an offset, so that taking a command copies nothing else."""

    __slots__ = ("_is_skipping", "_later", "buffer", "later_bytes", "line_begin", "offset")

    def __init__(self) -> None:
        self.buffer = b""
        self.offset = 0  # of the first byte that is not yet understood
        self.line_begin = ""  # of the last line that had a fault, up to that
        self.later_bytes = 0  # came while the buffer was in use: `join` them before reading
        self._later: list[bytes] = []
        self._is_skipping = False

    def __len__(self) -> int:
        return len(self.buffer) - self.offset + self.later_bytes

    def add(self, data: bytes) -> None:
        """Keep `data` behind all that came before."""
        if self.offset >= len(self.buffer) and not self.later_bytes:
            self.buffer = data
            self.offset = 0
        else:
            self._later.append(data)
            self.later_bytes += len(data)

    def join(self) -> None:
        """Make everything available in `buffer`."""
        self.buffer = b"".join((self.buffer[self.offset :], *self._later))
        self.offset = 0
        self._later.clear()
        self.later_bytes = 0

    def trim(self) -> None:
        """Let go of what has been understood: thousands of idle clients send nothing for long."""
        if self.offset:
            self.buffer = self.buffer[self.offset :]
            self.offset = 0

    def clear(self) -> None:
        """Throw everything away."""
        self.buffer = b""
        self.offset = self.later_bytes = 0
        self._later.clear()

    def next_line(self, bytes_max: int = COMMAND_LINE_BYTES_MAX) -> str | LineFault | None:
        """Return the next line without its CRLF, or what is wrong with it, or None for not yet.

        Only CRLF ends a line (RFC 5321, 2.3.8). A line that is too long or has a bare CR or LF
        is told of once, as soon as it shows, and then skipped up to its CRLF: a client that
        means LF gets one error and no more, but nothing behind a bare LF ever becomes a command.
        """
        buffer, offset = self.buffer, self.offset
        end = buffer.find(b"\n", offset)
        if offset < end < offset + bytes_max and buffer[end - 1] == _CR and not self._is_skipping:
            text = buffer[offset : end - 1].decode("utf-8", "surrogateescape")
            if text.isprintable():  # so there is no other CR
                self.offset = end + 1
                return text
        return self._unusual_line(end, bytes_max)

    def _unusual_line(self, end: int, bytes_max: int) -> str | LineFault | None:
        buffer, offset = self.buffer, self.offset
        if self._is_skipping:
            return self._skip(bytes_max)
        if end < 0 and offset >= len(buffer):
            return None
        if buffer[offset : offset + 5].upper() == b"AUTH ":
            bytes_max = AUTH_LINE_BYTES_MAX
        seen = buffer[offset : min(end if end >= 0 else len(buffer), offset + bytes_max)]
        if b"\r" in seen.removesuffix(b"\r"):
            return self._fault(LineFault.MALFORMED, seen, end)
        if len(seen) >= bytes_max:
            return self._fault(LineFault.TOO_LONG, seen, end)
        if end < 0:
            return None
        text = seen.decode("utf-8", "surrogateescape")
        if not seen.endswith(b"\r") or _CONTROL.search(text, 0, len(text) - 1):
            return self._fault(LineFault.MALFORMED, seen, end)
        self.offset = end + 1  # it has a tab or is not ASCII, or is a long AUTH
        return text.removesuffix("\r")

    def _fault(self, fault: LineFault, seen: bytes, end: int) -> LineFault:
        begin = seen.partition(b"\r")[0][:LOGGED_CHARACTERS_MAX]
        self.line_begin = begin.decode("utf-8", "surrogateescape")
        if end > 0 and self.buffer[end - 1] == _CR and end > self.offset:
            self.offset = end + 1
        else:
            self._is_skipping = True
            self.offset = end if end >= 0 else _before_cr(self.buffer)
        return fault

    def _skip(self, bytes_max: int) -> str | LineFault | None:
        end = self.buffer.find(_CRLF, self.offset)
        if end < 0:
            self.offset = max(self.offset, _before_cr(self.buffer))
            return None
        self._is_skipping = False
        self.offset = end + 2
        return self.next_line(bytes_max)


def _before_cr(buffer: bytes) -> int:
    """Return the length of `buffer` without a CR at its end, whose LF may follow."""
    return len(buffer) - buffer.endswith(b"\r")
