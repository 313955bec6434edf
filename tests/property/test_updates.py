"""Lists of updates, reports of attempts and records of components: whatever bytes come."""

import datetime as dt

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mailwarden.services.updates.job import Outcome, Result, Step, encode_line, parse_report
from mailwarden.services.updates.manifest import (
    ImageFile,
    Manifest,
    Offer,
    build_manifest,
    parse_manifest,
)
from mailwarden.services.updates.record import Record, parse_record
from tests.fuzz.fuzz_updates import one_input

PARTS = [
    b"<updates ", b"<component ", b"<file ", b'serial="', b'name="', b'version="', b'path="',
    b'size="', b'sha256="', b"1", b"a/b", b'" ', b"/>", b">", b"</updates>", b"</component>",
    b'{"type":"result","outcome":"staged","version":"', b'{"type":"step","text":"', b'"}',
    b"\x1b[2J", b"\xff", b"../", b"http://", b"file:///", b"-----BEGIN PUBLIC KEY-----", b"{", b"}",
]  # fmt: skip
WORDS = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,20}", fullmatch=True)
FILES = st.lists(
    st.builds(
        ImageFile,
        WORDS,
        st.lists(st.from_regex(r"[0-9A-Za-z+~-]{1,9}", fullmatch=True), min_size=1, max_size=4).map(
            "/".join
        ),
        st.integers(0, 1 << 40),
        st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda file: file.name,
).map(tuple)
LISTS = st.builds(
    Manifest,
    st.integers(0, 1 << 40),
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), st.builds(Offer, WORDS, FILES)
    ),
    st.none() | st.dates(dt.date(1000, 1, 1)),
)


@given(LISTS)
def test_a_list_is_read_as_it_was_written(manifest: Manifest) -> None:
    assert parse_manifest(build_manifest(manifest)) == manifest


@given(st.binary(max_size=300) | st.lists(st.sampled_from(PARTS), max_size=40).map(b"".join))
def test_any_bytes_give_a_value_or_a_named_error(data: bytes) -> None:
    one_input(data)


@given(st.text(max_size=1000), st.integers(0, 1 << 40))
def test_what_an_attempt_says_is_fit_to_be_shown(text: str, serial: int) -> None:
    said = text.encode("utf-8", "replace").decode()
    failed = parse_report(encode_line(Result(outcome=Outcome.FAILED, error=said, serial=serial)))
    assert isinstance(failed, Result)
    step = parse_report(encode_line(Step(text=said)))
    assert isinstance(step, Step)
    assert failed.error == step.text
    assert step.text.isprintable()
    assert len(step.text) <= 303


@given(
    st.builds(
        Record,
        current=WORDS, installs=st.integers(0, 10**9), serial=st.integers(0, 1 << 40),
        last_success=st.floats(0, 1e11), last_error=st.text(max_size=50),
        failures=st.integers(0, 9), is_alerted=st.booleans(),
    )
)  # fmt: skip
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert parse_record(msgspec.json.encode(record)) == record
