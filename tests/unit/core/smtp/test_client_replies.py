"""Replies of servers: whole ones, cut ones, and what is none."""

import pytest

from mailwarden.core.smtp.client_replies import (
    PEER_LINE_BYTES_MAX,
    PEER_LINES_MAX,
    PEER_REPLY_BYTES_MAX,
    PeerError,
    PeerReply,
    ReplyReader,
)

GOOD = [
    (b"250 ok\r\n", [(250, ("ok",))]),
    (b"250-a\r\n250-b\r\n250 c\r\n", [(250, ("a", "b", "c"))]),
    (b"250\r\n", [(250, ("",))]),
    (b"250-a\r\n250\r\n", [(250, ("a", ""))]),
    (b"250 ok\n", [(250, ("ok",))]),  # a bare LF
    (b"250 a\r\n550 b\r\n", [(250, ("a",)), (550, ("b",))]),
    (b"250 \xc3\xbc\xff\r\n", [(250, ("ü�",))]),
    (b"550-5.1.1 a\r\n550 5.1.1 b\r\n250 c", [(550, ("5.1.1 a", "5.1.1 b"))]),
]


@pytest.mark.parametrize(("data", "replies"), GOOD)
def test_replies(data: bytes, replies: list[tuple[int, tuple[str, ...]]]) -> None:
    assert ReplyReader().feed(data) == [PeerReply(*reply) for reply in replies]


@pytest.mark.parametrize(("data", "replies"), GOOD)
def test_byte_by_byte(data: bytes, replies: list[tuple[int, tuple[str, ...]]]) -> None:
    reader = ReplyReader()
    found = [reply for byte in data for reply in reader.feed(bytes([byte]))]
    assert found == [PeerReply(*reply) for reply in replies]


BAD = [
    b"hello\r\n",
    b"\r\n",
    b"25 ok\r\n",
    b"150 preliminary\r\n",
    b"600 what\r\n",
    b"2500 ok\r\n",
    b"250x ok\r\n",
    b"\xb2\xb2\xb2 ok\r\n",
    b"250-a\r\n550 b\r\n",
    b"HTTP/1.1 400 Bad Request\r\n",
    b"\x15\x03\x01\x00\x02\x02\x0a\n",
    b"250-a\r\n" * (PEER_LINES_MAX + 1),
    (b"250-" + b"x" * 4000 + b"\r\n") * (PEER_REPLY_BYTES_MAX // 4000 + 1),
    b"250 " + b"x" * PEER_LINE_BYTES_MAX + b"\r\n",
    b"250 " + b"x" * PEER_LINE_BYTES_MAX,
]


@pytest.mark.parametrize("data", BAD)
def test_nonsense_is_a_peer_error(data: bytes) -> None:
    with pytest.raises(PeerError):
        ReplyReader().feed(data)


def test_inside_a_reply() -> None:
    reader = ReplyReader()
    assert not reader.is_inside
    reader.feed(b"250-a\r\n")
    assert reader.is_inside
    reader.feed(b"250 b\r\n")
    assert not reader.is_inside
    reader.feed(b"2")
    assert reader.is_inside


def test_the_error_shows_little_of_what_was_said() -> None:
    with pytest.raises(PeerError) as caught:
        ReplyReader().feed(b"\x1b[2J" * 500 + b"\n")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300
