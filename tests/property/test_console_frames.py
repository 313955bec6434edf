"""The console's socket: splitting never matters, and any octets are frames or a named error."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.control.remote.console_frames import (
    Frame,
    FrameDecoder,
    FrameError,
    Kind,
    encode_frame,
    parse_hello,
    parse_size,
    parse_status,
)

FRAMES = st.lists(st.builds(Frame, st.sampled_from(Kind), st.binary(max_size=20)), max_size=6)


def read_all(data: bytes, cuts: list[int]) -> list[Frame]:
    """Return the frames in `data`, which comes in pieces of these lengths."""
    decoder = FrameDecoder()
    found: list[Frame] = []
    for length in cuts:
        found += decoder.feed(data[:length])
        data = data[length:]
    return found + list(decoder.feed(data))


def understand(data: bytes) -> None:
    """Read `data` as a client's or a server's whole conversation."""
    for frame in FrameDecoder().feed(data):
        for parse in (
            lambda frame: parse_hello(frame),
            lambda frame: parse_size(frame.payload),
            lambda frame: parse_status(frame.payload),
        ):
            with suppress(FrameError):
                parse(frame)


@given(FRAMES, st.lists(st.integers(0, 9), max_size=20))
def test_splitting_never_matters(frames: list[Frame], cuts: list[int]) -> None:
    data = b"".join(encode_frame(*frame) for frame in frames)
    assert read_all(data, cuts) == frames


@given(st.binary(max_size=200), st.lists(st.integers(0, 9), max_size=20))
def test_any_octets_are_frames_or_an_error(data: bytes, cuts: list[int]) -> None:
    def outcome(cuts: list[int]) -> list[Frame] | str:
        try:
            return read_all(data, cuts)
        except FrameError as error:
            return str(error)

    assert outcome(cuts) == outcome([])


@given(FRAMES)
def test_any_frame_is_understood_or_an_error(frames: list[Frame]) -> None:
    understand(b"".join(encode_frame(*frame) for frame in frames))


@given(st.text(max_size=50))
def test_any_json_is_a_beginning_or_an_error(text: str) -> None:
    understand(encode_frame(Kind.HELLO, text.encode("utf-8", "surrogatepass")))
