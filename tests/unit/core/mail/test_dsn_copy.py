"""What a report returns of the message."""

import binascii

import pytest

from mailwarden.core.mail.dsn_copy import Copy
from tests.unit.core.mail.dsn_reports import copy_of

HEADER = b"From: ann@corp.example\r\nSubject: x\r\n"


def message(size: int) -> bytes:
    """A message of `size` bytes."""
    head = HEADER + b"\r\n"
    body = (b"x" * 70 + b"\r\n") * (size // 72 + 1)
    return (head + body)[: size - 2] + b"\r\n"


def test_row_76_size_decides_between_all_and_header() -> None:
    small, large = message(4096), message(50 * 1024)
    assert copy_of(small) == Copy("message/rfc822", "7bit", small)
    assert copy_of(large) == Copy("text/rfc822-headers", "7bit", HEADER)
    assert copy_of(large, size_max_bytes=65_536) == Copy("message/rfc822", "7bit", large)


def test_added_header_counts_and_is_returned() -> None:
    added = b"Received: from x\r\n  by y; z\r\n"
    data = message(1000)
    assert copy_of(data, added, size_max_bytes=1000 + len(added)).data == added + data
    assert copy_of(data, added, size_max_bytes=999 + len(added)).data == added + HEADER


def test_ret_hdrs() -> None:
    assert copy_of(message(1000), header_only=True).data == HEADER


@pytest.mark.parametrize("limit", range(0, 140, 3))
def test_large_header_is_cut_at_the_end_of_a_line(limit: int) -> None:
    header = b"From: ann@corp.example\r\nX-Long: a\r\n b\r\n\tc\r\nSubject: about nothing\r\n"
    data = header + b"\r\n" + b"x" * 200 + b"\r\n"
    copy = copy_of(data, size_max_bytes=limit)
    assert copy.media_type == "text/rfc822-headers"
    assert len(copy.data) <= max(limit, 2)
    assert header.startswith(copy.data) or copy.data == b"\r\n"
    if limit > len(header):
        assert copy.data == header


def test_added_header_alone_may_be_too_large() -> None:
    added = b"".join(b"Received: %d\r\n" % number for number in range(100))
    copy = copy_of(message(500), added, size_max_bytes=40)
    assert copy.data == b"Received: 0\r\nReceived: 1\r\nReceived: 2\r\n"


def test_header_that_ends_without_an_empty_line() -> None:
    assert copy_of(b"Subject: x", header_only=True).data == b"Subject: x\r\n"
    assert copy_of(b"Subject: x").data == b"Subject: x\r\n"
    assert copy_of(b"").data == b"\r\n"


UNTRANSPORTABLE = [b"a\rb", b"a\nb", b"a\0b", b"x" * 999, b"a\r\n" + b"x" * 5000 + b"\r\nb"]


@pytest.mark.parametrize("body", UNTRANSPORTABLE)
def test_body_that_could_be_refused_is_not_returned(body: bytes) -> None:
    """RFC 2045, 2.8: that is neither 7bit nor 8bit."""
    copy = copy_of(HEADER + b"\r\n" + body + b"\r\n")
    assert copy == Copy("text/rfc822-headers", "7bit", HEADER)


def test_longest_line_is_returned() -> None:
    assert copy_of(HEADER + b"\r\n" + b"x" * 998 + b"\r\n").media_type == "message/rfc822"


def test_8bit_body() -> None:
    data = HEADER + b"\r\n\xe9\r\n"
    assert copy_of(data) == Copy("message/rfc822", "8bit", data)


def test_8bit_header_is_encoded_when_it_stands_alone() -> None:
    copy = copy_of(b"Subject: caf\xe9\r\n\r\n", header_only=True)
    assert copy == Copy("text/rfc822-headers", "quoted-printable", b"Subject: caf=E9\r\n")


def test_wild_header_is_encoded_and_keeps_its_lines() -> None:
    data = b"Subject: a\0" + b"y" * 2000 + b"\nFrom: b\rBcc: c\r\n\r\n"
    copy = copy_of(data, header_only=True)
    assert copy.encoding == "quoted-printable"
    assert max(map(len, copy.data.split(b"\r\n"))) <= 76
    assert binascii.a2b_qp(copy.data) == (b"Subject: a\0" + b"y" * 2000 + b"\r\nFrom: b Bcc: c\r\n")


def test_international_messages() -> None:
    header = "Subject: \u00dcbersicht\r\n".encode()
    data = header + b"\r\nx\r\n"
    assert copy_of(data, is_international=True) == Copy("message/global", "8bit", data)
    assert copy_of(data, is_international=True, header_only=True) == Copy(
        "message/global-headers", "8bit", header
    )
    plain = HEADER + b"\r\nx\r\n"
    assert copy_of(plain, is_international=True).media_type == "message/rfc822"
    assert copy_of(data).media_type == "message/rfc822"
