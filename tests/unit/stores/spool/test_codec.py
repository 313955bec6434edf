"""An envelope comes back from disk as it was, and nothing else is taken for one."""

import msgspec
import pytest

from mailwarden.core.mail.envelope import Body, Direction, Envelope, Notify, Recipient
from mailwarden.stores.spool.codec import (
    Claim,
    LargeFile,
    decode_envelope,
    decode_meta,
    encode_copy,
    encode_meta,
)
from mailwarden.stores.spool.spool import DamagedError

ODD = b"j\xf6rg\xff".decode("utf-8", "surrogateescape")
FULL = Envelope(
    mid=2**40,
    icid=7,
    sender=f"{ODD}@partner.example",
    recipients=(
        Recipient("bob@corp.example"),
        Recipient("eve@corp.example", Notify.SUCCESS | Notify.DELAY, "rfc822;eve", "mail.int"),
    ),
    received_at=1_289_297_702.25,
    direction=Direction.OUTGOING,
    listener="In",
    interface="Public",
    client_address="2001:db8::1",
    client_name="mail.partner.example",
    helo="[192.0.2.25]",
    user="ann",
    body=Body.EIGHTBITMIME,
    smtputf8=True,
    requiretls=True,
    envelope_id="QQ314159",
    return_full=True,
    bounce_profile="Strict",
    policy="Marketing",
    passed="antivirus",
    parent=6,
    report=True,
    tls_optional=True,
    gateway="Brands",
)


def test_every_field_comes_back() -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(Envelope)}
    same_as_default = {
        field.encode_name
        for field in msgspec.structs.fields(Envelope)
        if getattr(FULL, field.encode_name) == field.default
    }
    assert not same_as_default, "a field that this test would not miss"
    decoded = decode_envelope(decode_meta(encode_meta(FULL)).envelope)
    assert {name: getattr(decoded, name) for name in fields} == {
        name: getattr(FULL, name) for name in fields
    }


def test_claims_and_large_files_come_back() -> None:
    claim = Claim(5, 4, (0, 2), 77)
    large = LargeFile("abc-1", 2**33, 99)
    meta = decode_meta(encode_meta(FULL, claim, large))
    assert (meta.claim, meta.large, meta.source) == (claim, large, 0)
    copy = decode_meta(encode_copy(meta, 12345))
    assert (copy.claim, copy.large, copy.source) == (None, large, 12345)
    assert decode_envelope(copy.envelope) == FULL


@pytest.mark.parametrize(
    "data", [b"", b"\xc0", b"\x90", b"\x91\xc0", b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", b"x"]
)
def test_nonsense_is_damage(data: bytes) -> None:
    with pytest.raises(DamagedError):
        decode_envelope(decode_meta(data).envelope)


@pytest.mark.parametrize(("at", "value"), [(5, b"sideways"), (5, b"\xff"), (12, 99), (0, -1.5)])
def test_unknown_values_are_damage(at: int, value: object) -> None:
    fields = msgspec.msgpack.decode(decode_meta(encode_meta(FULL)).envelope)
    fields[at] = value
    with pytest.raises(DamagedError):
        decode_envelope(msgspec.msgpack.encode(fields))


def test_an_older_record_lacks_the_newest_fields() -> None:
    fields = msgspec.msgpack.decode(decode_meta(encode_meta(FULL)).envelope)
    decoded = decode_envelope(msgspec.msgpack.encode(fields[:-3]))
    assert decoded.passed == ""
    assert not decoded.tls_optional
    assert decoded.gateway == ""
    assert decoded.report


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc/passwd", "A"])
def test_a_file_is_only_looked_for_in_the_spool(name: str) -> None:
    with pytest.raises(DamagedError):
        decode_meta(encode_meta(FULL, None, LargeFile(name, 1, 1)))
