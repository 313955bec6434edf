"""Content as DATA wants it, however it is cut."""

import pytest

from mailwarden.core.smtp.client_content import end_with_dot

CASES = [
    ([], b".\r\n"),
    ([b""], b".\r\n"),
    ([b"a\r\n"], b"a\r\n.\r\n"),
    ([b"a"], b"a\r\n.\r\n"),
    ([b".a\r\n"], b"..a\r\n.\r\n"),
    ([b"a\r\n.\r\n"], b"a\r\n..\r\n.\r\n"),
    ([b"a\r\n", b".b\r\n"], b"a\r\n..b\r\n.\r\n"),
    ([b"a\r", b"\n.b\r\n"], b"a\r\n..b\r\n.\r\n"),
    ([b"a\r", b"\n", b".b\r\n"], b"a\r\n..b\r\n.\r\n"),
    ([b"a", b"\r", b"\n", b"", b"."], b"a\r\n..\r\n.\r\n"),
    ([b"a\n.b\r.c\r\n"], b"a\n.b\r.c\r\n.\r\n"),  # only CRLF ends a line
    ([b"a\n", b".b\r\n"], b"a\n.b\r\n.\r\n"),
    ([b"a\r\n\r\n..\r\n"], b"a\r\n\r\n...\r\n.\r\n"),
    ([b"a\r"], b"a\r\r\n.\r\n"),
    ([b"\n.", b"x"], b"\n.x\r\n.\r\n"),
]


@pytest.mark.parametrize(("pieces", "sent"), CASES)
def test_stuffing(pieces: list[bytes], sent: bytes) -> None:
    assert b"".join(end_with_dot(pieces, dotted=True)) == sent


def test_content_without_dots_is_passed_on_by_reference() -> None:
    piece = b"no line begins with one\r\n"
    sent = list(end_with_dot([piece], dotted=False))
    assert sent[0] is piece
    assert sent[1:] == [b".\r\n"]


def test_a_missing_line_end_is_added_across_pieces() -> None:
    assert b"".join(end_with_dot([b"a", b"\r", b"\n"], dotted=False)) == b"a\r\n.\r\n"
    assert b"".join(end_with_dot([b"a", b"\r"], dotted=False)) == b"a\r\r\n.\r\n"
