"""Whatever a name server sends, and whatever another library encodes."""

import dns.message
import dns.rdatatype
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st

from mailwarden.system.dns.answers import Lifetimes, State, find
from mailwarden.system.dns.names import decode_host, encode_name, read_name
from mailwarden.system.dns.resolver import MxHost
from mailwarden.system.dns.wire import Kind, build_query, parse_message
from tests.fuzz.fuzz_dns import check_answer, one_input

LABELS = st.text("abcXYZ019_-", min_size=1, max_size=63)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join).filter(lambda name: len(name) < 250)
IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).map(str)
TEXTS = st.binary(max_size=255)
LIFETIMES = Lifetimes(1 << 31, 1 << 31)


@given(st.binary(max_size=600))
def test_any_bytes(data: bytes) -> None:
    one_input(data)


@given(st.binary(max_size=300), st.sampled_from(list(Kind)), st.integers(0, 20), st.integers(0, 20))
def test_any_bytes_behind_a_header(data: bytes, kind: Kind, answers: int, others: int) -> None:
    header = b"\0\7\x81\x80\0\1" + bytes((0, answers, 0, others, 0, others))
    check_answer(header + b"\1a\0" + kind.to_bytes(2, "big") + b"\0\1" + data)


@given(NAMES)
def test_names_go_there_and_back(name: str) -> None:
    wire = encode_name(name)
    assert read_name(wire, 0) == (wire, len(wire))
    assert decode_host(wire) == name.lower()


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    try:
        wire = encode_name(text)
    except ValueError:
        return
    assert len(wire) <= 255
    assert encode_name(decode_host(wire) or "") == wire


def encoded(name: str, kind: str, records: list[tuple[int, str]], aliases: list[str]) -> bytes:
    """Return the answer that dnspython makes of these records."""
    query = dns.message.from_wire(
        build_query(1, encode_name(name), dns.rdatatype.from_text(kind), with_edns=True)
    )
    response = dns.message.make_response(query)
    for alias in aliases:
        response.answer.append(dns.rrset.from_text(f"{name}.", 500, "IN", "CNAME", f"{alias}."))
        name = alias
    for ttl, text in records:
        response.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", kind, text))
    return response.to_wire(max_size=65535)


TTLS = st.integers(0, (1 << 31) - 1)


@given(NAMES, st.lists(st.tuples(TTLS, IPV4), min_size=1, max_size=9), st.data())
def test_addresses_from_another_library(
    name: str, records: list[tuple[int, str]], data: st.DataObject
) -> None:
    aliases = data.draw(st.lists(NAMES, max_size=4, unique_by=str.lower))
    aliases = [alias for alias in aliases if alias.lower() != name.lower()]
    finding = find(parse_message(encoded(name, "A", records, aliases)), 0, LIFETIMES)
    assert finding.state is State.FOUND
    assert finding.values == tuple(dict.fromkeys(address for _, address in records))
    assert finding.expires_at == min([ttl for ttl, _ in records] + [500] * bool(aliases))


@given(NAMES, st.lists(IPV6, min_size=1, max_size=9, unique=True))
def test_ipv6_addresses_from_another_library(name: str, addresses: list[str]) -> None:
    wire = encoded(name, "AAAA", [(60, address) for address in addresses], [])
    values = find(parse_message(wire), 0, LIFETIMES).values
    other = dns.message.from_wire(wire)
    assert list(values) == [rdata.address for rrset in other.answer for rdata in rrset]


@given(NAMES, st.lists(st.tuples(st.integers(0, 65535), NAMES), min_size=1, max_size=9))
def test_mail_exchangers_from_another_library(name: str, hosts: list[tuple[int, str]]) -> None:
    wire = encoded(name, "MX", [(60, f"{n} {host}.") for n, host in hosts], [])
    expected = sorted((MxHost(n, host.lower()) for n, host in hosts), key=lambda host: host[0])
    assert find(parse_message(wire), 0, LIFETIMES).values == tuple(expected)


@given(NAMES, st.lists(TEXTS, min_size=1, max_size=20))
def test_texts_from_another_library(name: str, strings: list[bytes]) -> None:
    quoted = " ".join('"' + "".join(f"\\{c:03}" for c in text) + '"' for text in strings)
    wire = encoded(name, "TXT", [(60, quoted)], [])
    assert find(parse_message(wire), 0, LIFETIMES).values == (b"".join(strings),)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 400),
)
def test_a_damaged_answer(changes: list[tuple[int, int]], cut: int) -> None:
    records = [(60, f"{n} mail{n}.partner.example.") for n in range(5)]
    wire = bytearray(encoded("a.example", "MX", records, ["b.example"]))
    for place, value in changes:
        wire[place % len(wire)] = value
    check_answer(bytes(wire))
    check_answer(bytes(wire[:cut]))
