"""One question and one answer of HTTP, as bytes (RFC 9112), for the fetching of small files.

Nothing is followed, cached, or kept open. An answer whose end is not told by a length is refused:
whoever cuts the connection would decide what the file says.
"""

import re
from typing import Final

HEADER_BYTES_MAX: Final = 16 * 1024  # of each answer, informational ones included
CHUNK_LINE_BYTES_MAX: Final = 256
RECEIVED_PER_BYTE_MAX: Final = 8  # chunks of one byte each are no reason to wait for ever
INFORMATIONAL_MAX: Final = 4  # answers before the answer

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n\0]*)?\Z")
_FIELD_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_LENGTH: Final = re.compile(rb"[0-9]{1,15}\Z")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\Z")


class HttpError(ValueError):
    """An answer that cannot be used; the message says why."""


def build_request(host: str, path: str) -> bytes:
    """Return a question for the file at `path` of `host`, both in ASCII."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: mailwarden\r\n"
        "Accept: text/plain\r\nAccept-Encoding: identity\r\nCache-Control: no-cache\r\n"
        "Connection: close\r\n\r\n"
    ).encode("ascii")


def build_post(host: str, path: str, media_type: str, body: bytes) -> bytes:
    """Return what posts `body` to `path` of `host`, all in ASCII but the body."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: mailwarden\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode("ascii") + body


class StatusReader:
    """Takes an answer piece by piece, and only looks for its status."""

    __slots__ = ("_buffer", "_headers")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._headers = 0

    def feed(self, data: bytes) -> int:
        """Take bytes from the wire; return the status, or 0 when more bytes are needed.

        Raises:
            HttpError: the answer is malformed or too long.
        """
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n", 0, HEADER_BYTES_MAX)) >= 0:
            status = _STATUS.match(bytes(self._buffer[: self._buffer.find(b"\r\n")]))
            if status is None:
                raise HttpError("the answer is not HTTP")
            self._headers += 1
            code = int(status[1])
            if code >= 200 or self._headers > INFORMATIONAL_MAX:
                return code
            del self._buffer[: end + 4]
        if len(self._buffer) >= HEADER_BYTES_MAX:
            raise HttpError("the header of the answer is too long")
        return 0


class ResponseReader:
    """Takes an answer piece by piece, wherever it is split.

    When it `is_complete`, it was a 200 with the body `body`. Other answers raise.
    """

    __slots__ = (
        "_body_max", "_buffer", "_chunk_left", "_headers", "_is_chunked", "_left", "_received",
        "_received_max", "body", "content_type", "is_complete",
    )  # fmt: skip

    def __init__(self, body_bytes_max: int) -> None:
        self.body = bytearray()
        self.content_type = ""  # lower case, without parameters
        self.is_complete = False
        self._buffer = bytearray()
        self._received = 0
        self._received_max = HEADER_BYTES_MAX + RECEIVED_PER_BYTE_MAX * body_bytes_max
        self._body_max = body_bytes_max
        self._headers = 0  # answers begun; the body belongs to the last one
        self._is_chunked: bool | None = None  # None: the header is not over
        self._left = 0  # bytes of the body, or of the chunk
        self._chunk_left = False  # whether a chunk is under way, whose CRLF is still to come

    def feed(self, data: bytes) -> None:
        """Take bytes from the wire; what follows the answer is not looked at.

        Raises:
            HttpError: the answer is malformed, too long, or no 200.
        """
        self._received += len(data)
        if self._received > self._received_max:
            raise HttpError("the answer is too long")
        self._buffer += data
        while self._is_chunked is None:
            if not self._read_header():
                return
        if self._is_chunked:
            self._read_chunks()
        else:
            self._take()
            self.is_complete = not self._left

    def _read_header(self) -> bool:
        """Read a header if it is there; False when more bytes are needed."""
        end = self._buffer.find(b"\r\n\r\n", 0, HEADER_BYTES_MAX)
        if end < 0:
            if len(self._buffer) >= HEADER_BYTES_MAX:
                raise HttpError("the header of the answer is too long")
            return False
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        self._headers += 1
        status = _STATUS.match(lines[0])
        if status is None:
            raise HttpError("the answer is not HTTP")
        code = int(status[1])
        if 100 <= code < 200 and code != 101 and self._headers <= INFORMATIONAL_MAX:
            return True  # the answer itself is still to come (RFC 9110, 15.2)
        if code != 200:
            # RFC 8461, 3.3: redirects are not followed either.
            raise HttpError(f"the server answers {code}")
        self._understand(_parse_fields(lines[1:]))
        return True

    def _understand(self, fields: dict[str, list[bytes]]) -> None:
        """Find out about the body (RFC 9112, 6)."""
        types = fields.get("content-type", [b""])
        self.content_type = types[0].partition(b";")[0].strip().lower().decode("ascii", "replace")
        if fields.get("content-encoding", [b"identity"]) != [b"identity"]:
            raise HttpError("the answer is encoded")
        lengths = {
            part.strip() for line in fields.get("content-length", ()) for part in line.split(b",")
        }
        codings = fields.get("transfer-encoding")
        if codings is not None:
            if [coding.lower() for coding in codings] != [b"chunked"] or lengths:
                raise HttpError("the answer has a transfer encoding other than chunked")
            self._is_chunked = True
            return
        if len(lengths) != 1 or not _LENGTH.match(min(lengths)):
            raise HttpError("the answer does not say its length")
        self._left = int(min(lengths))
        if self._left > self._body_max:
            raise HttpError(f"the file has more than {self._body_max} bytes")
        self._is_chunked = False

    def _read_chunks(self) -> None:
        """Read the chunks that are there (RFC 9112, 7.1)."""
        while True:
            self._take()
            if self._left:
                return
            if self._chunk_left:
                if len(self._buffer) < 2:
                    return
                if self._buffer[:2] != b"\r\n":
                    raise HttpError("a chunk of the answer is malformed")
                del self._buffer[:2]
                self._chunk_left = False
            end = self._buffer.find(b"\r\n", 0, CHUNK_LINE_BYTES_MAX)
            if end < 0:
                if len(self._buffer) >= CHUNK_LINE_BYTES_MAX:
                    raise HttpError("a chunk of the answer is malformed")
                return
            line = _CHUNK.match(bytes(self._buffer[:end]))
            if line is None:
                raise HttpError("a chunk of the answer is malformed")
            del self._buffer[: end + 2]
            self._left = int(line[1], 16)
            if not self._left:
                self.is_complete = True  # a trailer, if there is one, says nothing that matters
                return
            if len(self.body) + self._left > self._body_max:
                raise HttpError(f"the file has more than {self._body_max} bytes")
            self._chunk_left = True

    def _take(self) -> None:
        """Move to the body what belongs there."""
        if self._left:
            piece = self._buffer[: self._left]
            self.body += piece
            self._left -= len(piece)
            del self._buffer[: len(piece)]


def _parse_fields(lines: list[bytes]) -> dict[str, list[bytes]]:
    """Return the values of each field, by its name in lower case."""
    fields: dict[str, list[bytes]] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        # A blank in front or behind the name would mean one thing here, another one elsewhere
        # (RFC 9112, 5.1 and 5.2).
        if not colon or not _FIELD_NAME.match(name) or b"\n" in value or b"\0" in value:
            raise HttpError("a header field of the answer is malformed")
        fields.setdefault(name.decode("ascii").lower(), []).append(value.strip(b" \t"))
    return fields
