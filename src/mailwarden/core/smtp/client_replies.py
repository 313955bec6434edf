"""Reads a server's replies (RFC 5321, 4.2), within limits and however the bytes are cut."""

from typing import Final

PEER_LINE_BYTES_MAX: Final = 4096  # RFC 5321 says 512; some servers put a help text in one line
PEER_LINES_MAX: Final = 256
PEER_REPLY_BYTES_MAX: Final = 64 * 1024


_TOO_LONG: Final = f"reply line of more than {PEER_LINE_BYTES_MAX} bytes"
_MARKS: Final = (b" ", b"-", b"")
_CODES: Final = {b"%d" % code: code for code in range(200, 600)}


class PeerError(Exception):
    """The server broke the protocol; the connection is of no more use. The text says how."""


class PeerReply:  # three of a message: as a named tuple, each would take ten times as long to make
    """A code, and the text of each line without it."""

    __slots__ = ("code", "lines")

    def __init__(self, code: int, lines: tuple[str, ...]) -> None:
        self.code: Final = code
        self.lines: Final = lines

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PeerReply) and self.code == other.code and self.lines == other.lines
        )

    def __hash__(self) -> int:
        return hash((self.code, self.lines))

    def __repr__(self) -> str:
        return f"PeerReply({self.code}, {self.lines!r})"

    @property
    def text(self) -> str:
        """All lines, joined by blanks."""
        return " ".join(self.lines)


class ReplyReader:
    """Turns bytes into replies."""

    __slots__ = ("_code", "_held", "_lines", "_size")

    def __init__(self) -> None:
        self._held = b""  # a line that has not ended
        self._lines: list[str] = []  # of a reply that has not ended
        self._code = b""
        self._size = 0

    @property
    def is_inside(self) -> bool:
        """Whether a reply has begun and not ended."""
        return bool(self._held or self._lines)

    def feed(self, data: bytes) -> list[PeerReply]:
        """Return the replies that `data` completes, in order.

        A bare LF is taken for a line end: some servers send it, and nothing but a reply can
        follow.

        Raises:
            PeerError: this is no reply, or a limit is passed.
        """
        if self._held:
            data = self._held + data
        *lines, self._held = data.split(b"\n")
        replies: list[PeerReply] = []
        for line in lines:
            if len(line) > PEER_LINE_BYTES_MAX:
                raise PeerError(_TOO_LONG)
            line = line.removesuffix(b"\r")  # noqa: PLW2901  the same line, without its end
            number = _CODES.get(line[:3])
            if number is not None and line[3:4] == b" " and not self._lines:
                replies.append(PeerReply(number, (str(line[4:], "utf-8", "replace"),)))
            else:
                self._part(line, number, replies)
        if len(self._held) > PEER_LINE_BYTES_MAX:
            raise PeerError(_TOO_LONG)
        return replies

    def _part(self, line: bytes, number: int | None, replies: list[PeerReply]) -> None:
        """Take a line that is not a whole reply by itself."""
        code, mark = line[:3], line[3:4]
        if number is None or mark not in _MARKS:
            raise PeerError(f"not an SMTP reply: {_shown(line)}")
        self._add(code, line, str(line[4:], "utf-8", "replace"))
        if mark != b"-":
            replies.append(PeerReply(number, tuple(self._lines)))
            self._lines = []
            self._size = 0

    def _add(self, code: bytes, line: bytes, text: str) -> None:
        if self._lines and code != self._code:  # RFC 5321, 4.2.1: the same code on each line
            raise PeerError(f"reply with two codes: {_shown(self._code)} and {_shown(code)}")
        self._code = code
        self._lines.append(text)
        self._size += len(line)
        if len(self._lines) > PEER_LINES_MAX or self._size > PEER_REPLY_BYTES_MAX:
            raise PeerError(f"reply of more than {PEER_LINES_MAX} lines")


def _shown(data: bytes) -> str:
    return repr(data[:64].decode("ascii", "backslashreplace"))
