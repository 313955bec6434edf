"""A message as an entry of a mailbox file, however its bytes are cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwarden.control.answers.mbox import LINE_BYTES_HELD_MAX, Mbox, mbox_line

HEAD = b"From x\n"


def written(pieces: list[bytes]) -> bytes:
    mbox = Mbox(HEAD)
    return b"".join(map(mbox.feed, pieces)) + mbox.end()


def naive(data: bytes) -> bytes:
    lines = data.split(b"\n")
    ended, rest = lines[:-1], lines[-1]
    whole = [line.removesuffix(b"\r") for line in ended] + ([rest] if rest else [])
    quoted = [re.sub(rb"^(>*From )", rb">\1", line) for line in whole]
    return HEAD + b"".join(line + b"\n" for line in quoted) + b"\n"


@given(
    st.lists(st.sampled_from([b"From ", b">", b"a", b"\r", b"\n", b"\r\n", b"b" * 5000])),
)
def test_any_content_is_quoted_as_a_naive_writer_would(pieces: list[bytes]) -> None:
    assert written(pieces) == naive(b"".join(pieces))


def test_a_line_without_end_is_not_gathered() -> None:
    mbox = Mbox(HEAD)
    size = sum(len(mbox.feed(b"x" * 1000)) for _ in range(100))
    assert size >= 100_000 - LINE_BYTES_HELD_MAX - 1000


@pytest.mark.parametrize(
    ("sender", "begin"), [("", b"From MAILER-DAEMON "), ("a b\n@c", b"From ab@c ")]
)
def test_the_first_line(sender: str, begin: bytes) -> None:
    assert mbox_line(sender, 1_289_297_702.0) == begin + b"Tue Nov  9 10:15:02 2010\n"
