"""Searching logs: any pattern, any bytes and any cuts give lines or a named error."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.control.operations.linear_pattern import compile_pattern
from mailwarden.control.operations.log_search import (
    MessageLines,
    Wanted,
    blocks,
    find_messages,
)
from mailwarden.control.operations.log_tail import LogTail

PIECES = st.sampled_from(
    [b"MID 4", b"MID 47 ICID 7 From: <a@b>", b" ICID 0", b"DCID: 3", b"\n", b"\r\n", b"\xff", b"7"]
)


@given(st.text(max_size=40), st.binary(max_size=200), st.booleans())
def test_any_pattern_is_one_or_is_refused(pattern: str, line: bytes, ignore_case: bool) -> None:
    try:
        search = compile_pattern(pattern, ignore_case=ignore_case)
    except ValueError:
        return
    assert search(line) in (True, False)


@given(st.lists(PIECES, max_size=60).map(b"".join), st.text(max_size=5), st.integers(0, 99))
def test_any_log_can_be_searched(content: bytes, text: str, mid: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mail.log")
        path.write_bytes(content)
        assert sum(map(len, blocks([path]))) == len(content.splitlines()) or b"\r" in content
        for wanted in (Wanted(sender=text), Wanted(mid=mid), Wanted(sender="a", mid=47)):
            found = MessageLines()
            for _ in find_messages([path, Path(folder, "gone")], wanted, 5, found):
                pass
            assert len(found.lines) <= 5


@given(st.lists(st.binary(max_size=30), max_size=20), st.integers(0, 5))
def test_a_tail_loses_no_line(pieces: list[bytes], count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mail.log")
        path.write_bytes(b"first\n")
        with LogTail(path) as tail, path.open("ab", buffering=0) as log:
            assert tail.last(count) == [b"first"][:count]
            seen = []
            for piece in pieces:
                log.write(piece)
                seen += tail.fresh()
            assert seen == b"".join(pieces).split(b"\n")[:-1]
