"""Frames of the console's socket: what is sent is read, and nothing else is."""

import pytest

from mailwarden.control.dialogue.terminal import Size
from mailwarden.control.dialogue.text import LINE_LENGTH_MAX
from mailwarden.control.remote.console_frames import (
    PAYLOAD_BYTES_MAX,
    Frame,
    FrameDecoder,
    FrameError,
    Hello,
    Kind,
    Mode,
    encode_frame,
    encode_hello,
    encode_size,
    encode_text,
    parse_hello,
    parse_size,
    parse_status,
)

HELLO = Hello(mode=Mode.TRUSTED, user="ann", line="status", is_terminal=True, columns=80, lines=24)


def frames(data: bytes) -> list[Frame]:
    return list(FrameDecoder().feed(data))


def test_frames_on_the_wire() -> None:
    assert encode_frame(Kind.INPUT, b"ab") == b"\x02\x00\x00\x00\x02ab"
    assert frames(encode_frame(Kind.WANT) + b"\x02\0\0\0\2a") == [Frame(Kind.WANT)]


def test_long_output_takes_several_frames() -> None:
    data = b"x" * (PAYLOAD_BYTES_MAX + 1)
    assert [len(frame.payload) for frame in frames(encode_text(Kind.OUTPUT, data))] == [
        PAYLOAD_BYTES_MAX,
        1,
    ]
    assert encode_text(Kind.OUTPUT, b"") == b""


def test_hello_is_read_back() -> None:
    (frame,) = frames(encode_hello(HELLO))
    assert parse_hello(frame) == HELLO
    assert HELLO.size == Size(80, 24)


@pytest.mark.parametrize(
    ("size", "read"), [((80, 24), (80, 24)), ((-1, 70_000), (0, 65_535)), ((0, 0), (0, 0))]
)
def test_sizes(size: tuple[int, int], read: tuple[int, int]) -> None:
    (frame,) = frames(encode_size(Size(*size)))
    assert parse_size(frame.payload) == read


@pytest.mark.parametrize("data", [b"\x00\0\0\0\0", b"\x05\0\0\0\0", b"\x02\0\4\0\1", b"GET / H"])
def test_what_is_no_frame(data: bytes) -> None:
    with pytest.raises(FrameError):
        frames(data)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Kind.INPUT, b"{}"),
        Frame(Kind.HELLO, b""),
        Frame(Kind.HELLO, b"\xff"),
        Frame(Kind.HELLO, b"[" * 100_000),
        Frame(Kind.HELLO, b'{"mode":"root"}'),
        Frame(Kind.HELLO, b'{"mode":"trusted","more":1}'),
        Frame(Kind.HELLO, b'{"mode":"trusted","columns":-1}'),
        Frame(Kind.HELLO, b'{"mode":"trusted","lines":65536}'),
        Frame(Kind.HELLO, b'{"mode":"login","line":"status"}'),
        Frame(Kind.HELLO, b'{"mode":"trusted","user":"%s"}' % (b"x" * 257)),
        Frame(Kind.HELLO, b'{"mode":"trusted","device":"%s"}' % (b"x" * 257)),
        Frame(Kind.HELLO, b'{"mode":"trusted","line":"%s"}' % (b"x" * (LINE_LENGTH_MAX + 1))),
    ],
)
def test_what_is_no_beginning(frame: Frame) -> None:
    with pytest.raises(FrameError):
        parse_hello(frame)


def test_status_and_size_have_their_lengths() -> None:
    assert parse_status(b"\x07") == 7
    for payload in (b"", b"\0\0"):
        with pytest.raises(FrameError):
            parse_status(payload)
        with pytest.raises(FrameError):
            parse_size(payload)
