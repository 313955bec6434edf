"""Whatever is in the spool's files, it is read, told as damage, and repaired; nothing raises."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mailwarden.core.mail.envelope import Body, Direction, Envelope, Notify, Recipient
from mailwarden.stores.spool.codec import (
    Claim,
    LargeFile,
    decode_envelope,
    decode_meta,
    encode_meta,
)
from mailwarden.stores.spool.record import Draft
from mailwarden.stores.spool.spool import DamagedError
from tests.property.spool_files import (
    disk_with,
    journal_of,
    journal_records,
    numbers,
    rids,
    segment_of,
    use,
)

any_text = st.binary(max_size=12).map(lambda data: data.decode("utf-8", "surrogateescape"))
recipients = st.builds(Recipient, any_text, st.integers(0, 15).map(Notify), any_text, any_text)
envelopes = st.builds(
    Envelope,
    mid=st.integers(0, 2**64 - 1),
    icid=st.integers(0, 2**64 - 1),
    sender=any_text,
    recipients=st.lists(recipients, max_size=4).map(tuple),
    received_at=st.floats(allow_nan=False),
    direction=st.sampled_from(Direction),
    listener=any_text,
    interface=any_text,
    client_address=any_text,
    client_name=any_text,
    helo=any_text,
    user=any_text,
    body=st.sampled_from(Body),
    smtputf8=st.booleans(),
    requiretls=st.booleans(),
    envelope_id=any_text,
    return_full=st.none() | st.booleans(),
    bounce_profile=any_text,
    policy=any_text,
    passed=any_text,
    parent=st.integers(0, 2**64 - 1),
    report=st.booleans(),
)


@given(envelopes)
def test_any_envelope_comes_back(envelope: Envelope) -> None:
    assert decode_envelope(decode_meta(encode_meta(envelope)).envelope) == envelope


@given(st.binary(max_size=300))
def test_any_bytes_are_an_envelope_or_damage(data: bytes) -> None:
    try:
        decode_envelope(data)
    except DamagedError:
        return


@given(st.recursive(st.none() | st.integers(0, 9) | st.binary(max_size=3), st.lists, max_leaves=9))
def test_any_value_is_an_envelope_or_damage(value: object) -> None:
    try:
        decode_envelope(decode_meta(msgspec.msgpack.encode(value)).envelope)
    except DamagedError:
        return


def envelope_of(mid: int) -> Envelope:
    return Envelope(mid=mid, icid=0, sender="", recipients=(Recipient("a@b"),) * 3, received_at=0.0)


claims = st.builds(Claim, st.integers(0, 5), st.integers(0, 6), rids, st.none() | st.integers(0, 9))
files = st.builds(LargeFile, st.sampled_from(("a", "..", "a/b", "")), st.integers(0, 99), numbers)
metas = st.one_of(
    st.binary(max_size=20),
    st.tuples(st.integers(0, 5), st.none() | claims, st.none() | files).map(
        lambda parts: encode_meta(envelope_of(parts[0]), parts[1], parts[2])
    ),
)
drafts = st.builds(
    lambda mid, state, count, flags, meta, header, content: Draft(
        mid, state, 0.0, count, flags, meta, header, content, len(content)
    ),
    st.integers(0, 5),
    st.integers(0, 255),
    st.integers(0, 5),
    st.integers(0, 15),
    metas,
    st.binary(max_size=20),
    st.binary(max_size=20),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(drafts, max_size=5), journal_records, st.booleans())
def test_any_records_with_right_checksums(
    records: list[Draft], journal: list[tuple[object, ...]], sealed: bool
) -> None:
    use(disk_with(segment_of(records, sealed=sealed), journal_of(journal)))


def sound() -> tuple[bytes, bytes]:
    records = [
        Draft(mid, 1, 0.0, 3, 1, encode_meta(envelope_of(mid)), b"X: y\r\n", b"body", 4)
        for mid in (1, 2, 3)
    ]
    return segment_of(records, sealed=True), journal_of([(1, 1, 1, (0,)), (3, 2, b"P", b"")])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_to_sound_files(data: st.DataObject) -> None:
    spoiled = []
    for content in map(bytearray, sound()):
        for _ in range(data.draw(st.integers(0, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        spoiled.append(bytes(content[: data.draw(st.integers(0, len(content)))]))
    use(disk_with(*spoiled))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.binary(max_size=400))
def test_any_bytes_as_files(segment: bytes, journal: bytes) -> None:
    use(disk_with(segment, journal))
