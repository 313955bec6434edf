"""Answers of web servers, however they are split, and what none should send."""

import pytest

from mailwarden.services.transport_security.http import (
    CHUNK_LINE_BYTES_MAX,
    HEADER_BYTES_MAX,
    HttpError,
    ResponseReader,
    build_request,
)

BODY_MAX = 1000
BODY = b"version: STSv1\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\n"
PLAIN = HEAD + b"Content-Length: 15\r\n\r\n" + BODY
CHUNKED_HEAD = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKED = CHUNKED_HEAD + b"5\r\nversi\r\n00A;x=y\r\non: STSv1\n\r\n0\r\nTrailer: x\r\n\r\n"


def read(wire: bytes, step: int = 0) -> ResponseReader:
    reader = ResponseReader(BODY_MAX)
    for at in range(0, len(wire), step or len(wire) or 1):
        reader.feed(wire[at : at + step] if step else wire)
        if reader.is_complete:
            break
    return reader


GOOD = [
    PLAIN,
    CHUNKED,
    PLAIN + b"what follows",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + PLAIN,
    PLAIN.replace(b" OK", b""),
    PLAIN.replace(b" OK", b" "),
    PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
    PLAIN.replace(b"Content-Length: 15", b"CONTENT-LENGTH:15 \r\ncontent-length: 15,15"),
    PLAIN.replace(b"\r\n\r\n", b"\r\nContent-Encoding: identity\r\n\r\n"),
    CHUNKED.replace(b"chunked", b"Chunked"),
    CHUNKED_HEAD + b"".join(b"1\r\n%c\r\n" % octet for octet in BODY) + b"0\r\n\r\n",
]


@pytest.mark.parametrize("step", [0, 1, 2, 7])
@pytest.mark.parametrize("wire", GOOD)
def test_good_answers(wire: bytes, step: int) -> None:
    reader = read(wire, step)
    assert reader.is_complete
    assert bytes(reader.body) == BODY
    assert reader.content_type == "text/plain"


def test_an_empty_file() -> None:
    assert read(HEAD + b"Content-Length: 0\r\n\r\n").is_complete
    assert read(CHUNKED_HEAD + b"0\r\n").is_complete


@pytest.mark.parametrize("wire", [PLAIN, CHUNKED.partition(b"0\r\nTrailer")[0] + b"0\r\n"])
def test_no_part_of_an_answer_is_the_whole(wire: bytes) -> None:
    for length in range(len(wire)):
        assert not read(wire[:length]).is_complete


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"220 mx.example ESMTP\r\n\r\n", "not HTTP"),
        (b"\r\n\r\n", "not HTTP"),
        (b"HTTP/2 200\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 0200 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "does not say its length"),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://x.example/\r\n\r\n", "answers 301"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "answers 404"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "answers 204"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "answers 101"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 5 + PLAIN, "answers 100"),
        (b"x" * HEADER_BYTES_MAX, "header of the answer is too long"),
        (HEAD + b"X: " + b"x" * HEADER_BYTES_MAX + b"\r\n\r\n", "header of the answer is too long"),
        (HEAD + b"no colon\r\n\r\n", "field"),
        (HEAD + b" folded: x\r\n\r\n", "field"),
        (HEAD + b"Name : x\r\n\r\n", "field"),
        (HEAD + b"A: b\nContent-Length: 15\r\n\r\n" + BODY, "field"),
        (HEAD + b"A: b\0\r\n\r\n", "field"),
        (HEAD + b"Content-Length: -1\r\n\r\n", "length"),
        (HEAD + b"Content-Length: 15, 16\r\n\r\n" + BODY, "length"),
        (HEAD + b"Content-Length: 15\r\nContent-Length: 0\r\n\r\n" + BODY, "length"),
        (HEAD + b"Content-Length: 0x5\r\n\r\n", "length"),
        (HEAD + b"Content-Length: 1001\r\n\r\n", "more than 1000 bytes"),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde", "encoded"),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "transfer encoding"),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "transfer encoding"),
        (CHUNKED_HEAD + b"5\r\nabcdefg", "chunk"),
        (CHUNKED_HEAD + b"-1\r\n", "chunk"),
        (CHUNKED_HEAD + b"0x5\r\n", "chunk"),
        (CHUNKED_HEAD + b"\r\n", "chunk"),
        (CHUNKED_HEAD + b"123456789\r\n", "chunk"),
        (CHUNKED_HEAD + b"1;" + b"x" * CHUNK_LINE_BYTES_MAX, "chunk"),
        (CHUNKED_HEAD + b"3e9\r\n", "more than 1000 bytes"),
        (CHUNKED_HEAD + b"1f4\r\n" + b"x" * 500 + b"\r\n1f5\r\n", "more than 1000 bytes"),
        (CHUNKED_HEAD + b"0" * 8 + b"1;" + b"x" * 240 + b"\r\n", "chunk"),
    ],
)
def test_answers_that_cannot_be_used(wire: bytes, reason: str) -> None:
    for step in (0, 1, 5):
        with pytest.raises(HttpError, match=reason):
            read(wire, step)


def test_an_answer_in_tiny_pieces_ends_too() -> None:
    with pytest.raises(HttpError, match="the answer is too long"):
        read(CHUNKED_HEAD + (b"00000001;" + b"x" * 200 + b"\r\nx\r\n") * 999, 1000)


def test_the_question() -> None:
    lines = build_request("mta-sts.partner.example", "/.well-known/mta-sts.txt").split(b"\r\n")
    assert lines[:2] == [
        b"GET /.well-known/mta-sts.txt HTTP/1.1",
        b"Host: mta-sts.partner.example",
    ]
    assert lines[-2:] == [b"", b""]
