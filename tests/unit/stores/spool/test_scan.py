"""A segment is walked record by record, and over damage to the next sound one."""

import pytest

from mailwarden.stores.spool.record import (
    HEAD_SIZE,
    HEADER_SIZE,
    Draft,
    SegmentHeader,
    build_record,
    build_seal,
    build_segment_header,
    parse_segment_header,
)
from mailwarden.stores.spool.scan import Condition, Found, is_sealed, walk
from mailwarden.stores.spool.spool import DamagedError
from mailwarden.stores.spool.window import WINDOW_SIZE, Window
from mailwarden.system.files.simulated import SimulatedDisk

NONCE = 0xCAFEBABE
HEADER = build_segment_header(SegmentHeader(3, 9, NONCE))
META = b"meta"


def draft(mid: int, body: bytes) -> Draft:
    return Draft(mid, 1, 1.5, 2, 0, META, b"X: y\r\n", body, len(body))


def segment(*bodies: bytes, sealed: bool = False) -> bytes:
    data = HEADER
    for mid, body in enumerate(bodies, 1):
        data += build_record(draft(mid, body), NONCE, len(data)) + body
    return data + (build_seal(NONCE, len(data)) if sealed else b"")


def window(data: bytes) -> Window:
    disk = SimulatedDisk()
    fd = disk.open("/segment", create=True)
    disk.pwritev(fd, [data], 0)
    return Window(disk, fd, len(data))


def found(data: bytes, *, verify: bool = True) -> list[Found]:
    return list(walk(window(data), NONCE, len(data), verify=verify))


def conditions(data: bytes, *, verify: bool = True) -> list[Condition]:
    return [one.condition for one in found(data, verify=verify)]


def test_the_header_says_what_it_is() -> None:
    assert parse_segment_header(HEADER) == SegmentHeader(3, 9, NONCE)
    for at in range(len(HEADER)):
        spoiled = bytearray(HEADER)
        spoiled[at] ^= 1
        if at < 32:  # the rest is padding
            with pytest.raises(DamagedError):
                parse_segment_header(bytes(spoiled))


def test_sound_records() -> None:
    bodies = (b"one", b"", b"three" * 200_000)
    records = found(segment(*bodies, sealed=True))
    assert [one.condition for one in records] == [Condition.SOUND] * 3
    assert [one.head.mid for one in records if one.head] == [1, 2, 3]
    assert [one.meta for one in records] == [META] * 3
    assert records[0].offset == HEADER_SIZE
    assert records[2].end == len(segment(*bodies))


def test_only_a_complete_segment_is_sealed() -> None:
    assert is_sealed(window(segment(b"x", sealed=True)), NONCE)
    assert not is_sealed(window(segment(b"x")), NONCE)
    assert not is_sealed(window(HEADER), NONCE)
    assert not is_sealed(window(segment(b"x", sealed=True)), NONCE + 1)


def test_every_cut_is_seen() -> None:
    whole = segment(b"first", b"second")
    start = len(segment(b"first"))
    for length in range(start + 1, len(whole)):
        second = found(whole[:length])[1]
        expected = Condition.SHORT if length >= start + HEAD_SIZE else Condition.TAIL
        assert second.condition is expected
        assert second.offset == start


def test_every_flipped_byte_is_seen_and_costs_one_record() -> None:
    whole = segment(b"first", b"second", b"third")
    start, end = len(segment(b"first")), len(segment(b"first", b"second"))
    for at in range(start, end):
        spoiled = bytearray(whole)
        spoiled[at] ^= 0x40
        result = conditions(bytes(spoiled))
        assert result[0] is Condition.SOUND
        assert result[-1] is Condition.SOUND
        middle = result[1]
        if at < start + HEAD_SIZE:
            assert middle is Condition.HOLE
        elif at < start + HEAD_SIZE + len(META):
            assert middle is Condition.META
        else:
            assert middle is Condition.CONTENT


def test_content_is_not_read_without_verify() -> None:
    spoiled = bytearray(segment(b"first", b"second"))
    spoiled[-1] ^= 1
    assert conditions(bytes(spoiled), verify=False) == [Condition.SOUND] * 2


def test_damage_before_the_seal_is_a_hole() -> None:
    spoiled = bytearray(segment(b"first", sealed=True))
    spoiled[HEADER_SIZE + 10] ^= 1
    assert conditions(bytes(spoiled)) == [Condition.HOLE]


def test_a_mail_that_holds_a_segment_is_only_a_mail() -> None:
    """Whoever sends copies of records cannot have them taken for records."""
    inner = segment(b"hostile", b"hostile")
    outer = bytearray(segment(inner, b"after"))
    assert conditions(bytes(outer)) == [Condition.SOUND] * 2
    outer[HEADER_SIZE] ^= 1  # so that the search goes through the content
    records = found(bytes(outer))
    assert [one.condition for one in records] == [Condition.HOLE, Condition.SOUND]
    assert records[1].head is not None
    assert records[1].head.mid == 2


def test_the_next_record_is_found_across_the_end_of_a_window() -> None:
    for size in range(WINDOW_SIZE - 130, WINDOW_SIZE - 90):
        data = bytearray(segment(b"x" * size, b"after"))
        data[HEADER_SIZE] ^= 1
        assert conditions(bytes(data)) == [Condition.HOLE, Condition.SOUND]
