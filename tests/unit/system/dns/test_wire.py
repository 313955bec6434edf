"""Messages as bytes, compared with what another library makes of them."""

import dns.message
import dns.rdatatype
import pytest

from mailwarden.system.dns.answers import Finding, Lifetimes, State, find
from mailwarden.system.dns.names import encode_name
from mailwarden.system.dns.wire import (
    Kind,
    Message,
    Rcode,
    WireError,
    build_query,
    parse_message,
)
from tests.dns_server import answers

NAME = encode_name("a.example")
QUESTION = NAME + b"\0\1\0\1"
LIFETIMES = Lifetimes(86400, 900)


def message(
    *, flags: int = 0x8180, counts: tuple[int, int, int, int] = (1, 0, 0, 0), rest: bytes = QUESTION
) -> bytes:
    parts = (7, flags, *counts)
    return b"".join(part.to_bytes(2, "big") for part in parts) + rest


def answer(*records: tuple[bytes, int, int, bytes], **options: int) -> bytes:
    """Return an answer with records of owner, type, TTL and data."""
    rest = QUESTION
    for owner, kind, ttl, data in records:
        rest += owner + kind.to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big")
        rest += len(data).to_bytes(2, "big") + data
    return message(counts=(1, len(records), 0, 0), rest=rest, **options)


def finding(wire: bytes) -> Finding:
    return find(parse_message(wire), 100.0, LIFETIMES)


@pytest.mark.parametrize("with_edns", [True, False])
@pytest.mark.parametrize("kind", [Kind.A, Kind.AAAA, Kind.MX, Kind.TXT, Kind.PTR])
def test_questions_are_understood_elsewhere(kind: Kind, with_edns: bool) -> None:
    query = dns.message.from_wire(build_query(0xABCD, NAME, kind, with_edns=with_edns))
    assert query.id == 0xABCD
    assert query.question[0].to_text() == f"a.example. IN {kind.name}"
    assert query.flags == 0x0100
    assert query.edns == (0 if with_edns else -1)
    assert query.payload == (1232 if with_edns else 0)


def test_an_answer_of_another_library_is_understood() -> None:
    query = build_query(7, NAME, Kind.A, with_edns=True)
    (wire,) = answers({"a.example": {"A": ["192.0.2.1", "192.0.2.2"]}}, query)[1]
    parsed = parse_message(wire)
    assert (parsed.number, parsed.name, parsed.kind, parsed.rcode) == (7, NAME, Kind.A, 0)
    assert parsed.is_recursive
    assert not parsed.is_authoritative
    assert find(parsed, 100.0, LIFETIMES) == Finding(State.FOUND, 400.0, ("192.0.2.1", "192.0.2.2"))


def test_the_upper_bits_of_the_code_are_in_opt() -> None:
    opt = b"\0" + b"\0\x29" + b"\x04\xd0" + b"\1\0\0\0" + b"\0\0"
    parsed = parse_message(message(counts=(1, 0, 0, 1), rest=QUESTION + opt))
    assert parsed.rcode == Rcode.BADVERS


def test_a_truncated_answer_is_not_read_further() -> None:
    parsed = parse_message(message(flags=0x8380, counts=(1, 50, 0, 0), rest=QUESTION + b"\xff"))
    assert parsed.is_truncated
    assert parsed.answers == ()


def test_an_error_may_come_without_the_question() -> None:
    parsed = parse_message(message(flags=0x8181, counts=(0, 0, 0, 0), rest=b""))
    assert (parsed.name, parsed.rcode) == (b"", Rcode.FORMERR)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"", "requires a buffer"),
        (b"\0" * 11, "requires a buffer"),
        (message(flags=0x0100), "not an answer"),
        (message(flags=0xA980), "not an answer"),
        (message(counts=(2, 0, 0, 0), rest=QUESTION * 2), "several questions"),
        (message(counts=(1, 400, 100, 13)), "more than 512 records"),
        (message(rest=NAME + b"\0\1\0\3"), "Internet class"),
        (message(rest=NAME + b"\0\1"), "Internet class"),
        (message(counts=(1, 1, 0, 0)), "cut off"),
        (message(counts=(1, 1, 0, 0), rest=QUESTION + b"\xc0\x0c\0\1"), "requires a buffer"),
        (answer((NAME, 1, 60, b"\1\2\3\4"))[:-1], "a record is cut off"),
    ],
)
def test_what_is_no_answer(wire: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        parse_message(wire)


def test_records_of_other_classes_are_not_seen() -> None:
    wire = bytearray(answer((NAME, 1, 60, b"\1\2\3\4")))
    place = wire.rindex(b"\0\1\0\1")
    wire[place : place + 4] = b"\0\1\0\3"
    assert finding(bytes(wire)).values == ()


@pytest.mark.parametrize("ttl", [1 << 31, 0xFFFFFFFF])
def test_a_ttl_with_its_top_bit_set_is_zero(ttl: int) -> None:
    """RFC 2181, 8."""
    assert finding(answer((NAME, 1, ttl, b"\1\2\3\4"))).expires_at == 100.0


def test_only_records_of_the_name_count() -> None:
    other = encode_name("b.example")
    found = finding(
        answer((other, 1, 60, b"\6\6\6\6"), (b"\xc0\x0c", 1, 60, b"\1\2\3\4"), (NAME, 28, 9, b"x"))
    )
    assert found == Finding(State.FOUND, 160.0, ("1.2.3.4",))


def test_names_are_compared_without_case() -> None:
    assert finding(answer((b"\1A\7eXample\0", 1, 60, b"\1\2\3\4"))).values == ("1.2.3.4",)


@pytest.mark.parametrize("count", [1, 8])
def test_aliases_in_any_order(count: int) -> None:
    names = [NAME, *(encode_name(f"n{n}.example") for n in range(count))]
    chain = [(names[n], 5, 50 - n, names[n + 1]) for n in range(count)]
    found = finding(answer((names[-1], 1, 60, b"\1\2\3\4"), *reversed(chain)))
    canonical = f"n{count - 1}.example"
    assert found == Finding(State.FOUND, 151.0 - count, ("1.2.3.4",), canonical=canonical)


def test_too_many_aliases_fail() -> None:
    names = [NAME, *(encode_name(f"n{n}.example") for n in range(9))]
    chain = [(names[n], 5, 60, names[n + 1]) for n in range(9)]
    assert finding(answer(*chain)).state is State.FAILED


def test_an_alias_that_leads_out_of_the_answer() -> None:
    target = encode_name("b.example")
    assert finding(answer((NAME, 5, 60, target))) == Finding(State.ALIAS, 160.0, (target,))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.A, b"\1\2\3"),
        (Kind.A, b"\1\2\3\4\5"),
        (Kind.AAAA, b"\1\2\3\4"),
        (Kind.MX, b"\0"),
        (Kind.MX, b"\0\1"),
        (Kind.MX, b"\0\1\1a\0\0"),
        (Kind.MX, b"\0\1\1a"),
        (Kind.PTR, b""),
        (Kind.PTR, b"\1a\0\0"),
        (Kind.TXT, b"\5abc"),
        (Kind.CNAME, b"\1a\0\0"),
    ],
)
def test_malformed_records(kind: Kind, data: bytes) -> None:
    wire = bytearray(answer((NAME, kind, 60, data)))
    if kind is not Kind.CNAME:
        wire[12 + len(NAME) : 14 + len(NAME)] = kind.to_bytes(2, "big")
    with pytest.raises(WireError):
        finding(bytes(wire))


@pytest.mark.parametrize(
    ("owner", "seconds"),
    [(b"\7example\0", 30), (b"\0", 30), (NAME, 30), (b"\5other\0", 0), (b"\6xample\0", 0)],
)
def test_absence_lasts_as_long_as_a_fitting_soa_says(owner: bytes, seconds: int) -> None:
    numbers = b"".join(number.to_bytes(4, "big") for number in (1, 2, 3, 4, 30))
    data = b"\2ns\0\2me\0" + numbers
    soa = owner + b"\0\6\0\1" + (600).to_bytes(4, "big") + len(data).to_bytes(2, "big") + data
    for flags, state in ((0x8180, State.EMPTY), (0x8183, State.MISSING)):
        wire = message(flags=flags, counts=(1, 0, 1, 0), rest=QUESTION + soa)
        found = finding(wire)
        assert (found.state, found.expires_at) == (state, 100.0 + seconds)
    with pytest.raises(WireError):
        finding(message(counts=(1, 0, 1, 0), rest=QUESTION + soa.replace(data, data[:-1] + b"")))


def test_a_message_is_a_plain_value() -> None:
    assert isinstance(parse_message(message()), Message)
    assert dns.rdatatype.from_text("MX") == Kind.MX
