"""What a report returns of the message it is about: all of it, or its header (RFC 6522, 3).

A report must arrive, so it may not hold what a next hop could refuse: lines that are too long,
bare CR or LF, NUL. Content that has them is not returned; a header that has them is encoded.
"""

import binascii
import re
from typing import Final, NamedTuple

from mailwarden.core.mail.content import Content
from mailwarden.core.mail.header import LINE_BYTES_MAX, header_end

COPY_BYTES_MAX: Final = 16 * 1024 * 1024  # whatever the administrator allows

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Copy(NamedTuple):
    """A body part."""

    media_type: str
    encoding: str  # Content-Transfer-Encoding
    data: bytes  # ends with CRLF


def build_copy(
    added: bytes,
    content: Content,
    *,
    size_max_bytes: int,
    header_only: bool,
    is_international: bool,
) -> Copy:
    """Return the message if it may be returned and is small enough, or else its header.

    `added` is the header that stands before `content`. A header larger than `size_max_bytes` is
    cut at the end of a line. `is_international` tells that the message came with SMTPUTF8, so
    that its header may be UTF-8 (RFC 6532).
    """
    limit = min(size_max_bytes, COPY_BYTES_MAX)
    is_small = len(added) + content.size <= limit
    data = added + content.read(-1 if is_small else max(0, limit - len(added)))
    if is_small and not header_only and is_transportable(data):
        return _whole_copy(data, is_international)
    return _header_copy(data[:limit], is_international, is_cut=not is_small)


def is_transportable(data: bytes) -> bool:
    """Whether `data` is "7bit" or "8bit" as RFC 2045, 2.7 and 2.8 define it."""
    pairs = data.count(b"\r\n")
    if b"\0" in data or data.count(b"\r") != pairs or data.count(b"\n") != pairs:
        return False
    return all(len(line) <= LINE_BYTES_MAX for line in data.split(b"\r\n"))


def _whole_copy(data: bytes, is_international: bool) -> Copy:
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    # RFC 6533, 4.2; what has raw 8-bit fields without SMTPUTF8 stays as it came.
    is_global = is_international and not data[: header_end(data)].isascii()
    media_type = "message/global" if is_global else "message/rfc822"
    return Copy(media_type, "7bit" if data.isascii() else "8bit", data)


def _header_copy(data: bytes, is_international: bool, *, is_cut: bool) -> Copy:
    header = data[: header_end(data)]
    if is_cut and len(header) == len(data):
        header = header[: header.rfind(b"\n") + 1]  # the last line may go on
    text = header.rstrip(b"\r\n").replace(b"\r\n", b"\n").replace(b"\r", b" ") + b"\n"
    lines = text.replace(b"\n", b"\r\n")
    if is_international and not lines.isascii():
        media_type, encoding = "message/global-headers", "8bit"  # RFC 6533, 6.3
    else:
        media_type, encoding = "text/rfc822-headers", "7bit"
    if not is_transportable(lines) or (encoding == "7bit" and not lines.isascii()):
        return Copy(media_type, "quoted-printable", encode_quoted_printable(lines))  # RFC 6522, 4
    return Copy(media_type, encoding, lines)


def encode_quoted_printable(text: bytes) -> bytes:
    """Return `text`, whose lines end with CRLF, for any transport (RFC 2045, 6.7)."""
    return b"\r\n".join(
        binascii.b2a_qp(line, istext=False).replace(b"=\n", b"=\r\n")
        for line in text.split(b"\r\n")
    )


def decode_copy(copy: Copy) -> str:
    """Return the copy as text for people, as well as that goes; lines end with CRLF."""
    data = copy.data
    if copy.encoding == "quoted-printable":
        data = binascii.a2b_qp(data)
    return _CONTROL.sub("?", data.decode("utf-8", "replace"))
