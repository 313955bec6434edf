"""Policies, records, certificates and answers of web servers: any bytes, and whatever is right."""

import json

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.policy.dane import TlsaRecord, parse_tlsa
from mailwarden.core.policy.mta_sts import Mode, StsPolicy, build_policy, matches_mx, parse_policy
from mailwarden.core.policy.tls_report import (
    AppliedPolicy,
    PolicyType,
    ReportCollector,
    ResultType,
    SessionFailure,
)
from mailwarden.core.policy.tls_report_build import Reporter, ReportMail, build_json, build_mail
from tests.fuzz.fuzz_transport_security import (
    check_certificate,
    check_files,
    check_journal,
    check_policy,
    check_records,
    check_response,
    check_status,
    one_input,
)
from tests.property.test_dns_wire import NAMES

SHORT = st.from_regex(r"[a-c](?:\.[a-c]){0,3}", fullmatch=True)
PATTERNS = st.builds(lambda star, name: ("*." if star else "") + name.lower(), st.booleans(), SHORT)
TEXTS = st.text(max_size=50)


@given(st.binary(max_size=600))
def test_any_bytes(data: bytes) -> None:
    one_input(data)


LINES = st.sampled_from(
    [b"version: STSv1", b"mode: enforce", b"mode:none", b"mx: *.a.example", b"mx:", b"max_age: 10"]
)


@given(st.lists(LINES | st.binary(max_size=20), max_size=9), st.sampled_from([b"\n", b"\r\n"]))
def test_almost_a_policy(lines: list[bytes], end: bytes) -> None:
    check_policy(end.join(lines))


@given(st.lists(st.sampled_from([b"id=1", b"rua=mailto:a@b.example", b",", b" "]) | st.binary()))
def test_almost_a_record(parts: list[bytes]) -> None:
    check_records(b"v=STSv1;" + b";".join(parts))
    check_records(b"v=TLSRPTv1;" + b";".join(parts))


@given(
    st.sampled_from(list(Mode)),
    st.integers(0, 31_557_600),
    st.lists(NAMES.map(str.lower), min_size=1, max_size=5, unique=True),
)
def test_policies_go_there_and_back(mode: Mode, age: int, names: list[str]) -> None:
    valid = [n for n in names if all(p[0] != "-" != p[-1] for p in n.split("."))] or ["a.example"]
    policy = StsPolicy(mode, age, tuple(valid))
    assert parse_policy(build_policy(policy).encode()) == policy


def naive(pattern: str, host: str) -> bool:
    """RFC 8461, 4.1, label by label."""
    wanted, given_ = pattern.split("."), host.split(".")
    if len(wanted) != len(given_):
        return False
    return all(
        w == g or (place == 0 and w == "*")
        for place, (w, g) in enumerate(zip(wanted, given_, strict=True))
    )


@given(st.lists(PATTERNS, min_size=1, max_size=5), SHORT)
def test_hosts_match_as_in_a_naive_walk(patterns: list[str], host: str) -> None:
    policy = StsPolicy(Mode.ENFORCE, 1, tuple(patterns))
    assert matches_mx(policy, host) is any(naive(pattern, host) for pattern in patterns)


DIGEST_BYTES = {1: 32, 2: 64}


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.data())
def test_tlsa_records_of_another_library(
    usage: int, selector: int, kind: int, draw: st.DataObject
) -> None:
    size = DIGEST_BYTES.get(kind)  # the other library takes no digest of another length
    data = draw.draw(st.binary(min_size=size or 1, max_size=size or 100))
    record = parse_tlsa(bytes((usage, selector, kind)) + data)
    assert record == TlsaRecord(usage, selector, kind, data)
    other = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TLSA, record.text())
    assert other.to_wire() == bytes((usage, selector, kind)) + data


def element(tag: int, content: bytes) -> bytes:
    """Return an element of DER."""
    length = len(content)
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    head = bytes((length,)) if length < 128 else bytes((0x80 | len(octets),)) + octets
    return bytes((tag,)) + head + content


PARTS = st.binary(max_size=300)


@given(st.booleans(), st.lists(PARTS, min_size=5, max_size=5), PARTS, PARTS, st.data())
def test_the_key_of_a_certificate(
    with_version: bool, parts: list[bytes], key: bytes, rest: bytes, data: st.DataObject
) -> None:
    version = element(0xA0, b"\2\1\2") if with_version else b""
    fields = element(2, parts[0]) + b"".join(element(0x30, part) for part in parts[1:])
    body = element(0x30, version + fields + element(0x30, key) + rest)
    whole = element(0x30, body + rest)
    assert check_certificate(whole) == element(0x30, key)
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    check_certificate(bytes(damaged))


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=4), st.integers(1, 50), st.booleans())
def test_answers_mean_the_same_wherever_they_are_split(
    pieces: list[bytes], step: int, is_chunked: bool
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    body = b"".join(pieces)
    if is_chunked:
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        wire = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    else:
        wire = head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    assert check_response(wire, step) == (body, "complete")


@given(st.binary(max_size=100), st.integers(1, 10))
def test_any_bytes_behind_a_good_beginning(data: bytes, step: int) -> None:
    for head in (b"", b"Content-Length: 30\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
        wire = b"HTTP/1.1 200 OK\r\n" + head + data
        assert check_response(wire, step) == check_response(wire, len(wire))
        assert check_status(wire, step) == check_status(wire, len(wire))


@given(st.binary(max_size=100) | st.just(b'["a.example","mailto:a@b.example"]'))
def test_journals_that_were_damaged(data: bytes) -> None:
    check_journal(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=4))
def test_files_that_were_damaged(values: list[object]) -> None:
    check_files(b"".join(json.dumps(value).encode() + b"\n" for value in values))


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(list(ResultType)))
def test_whatever_peers_say_makes_a_report(
    policy: str, helo: str, organization: str, result: ResultType
) -> None:
    collector = ReportCollector()
    applied = AppliedPolicy(PolicyType.STS, "partner.example", (policy,), (policy,))
    collector.add_failure(applied, SessionFailure(result, receiving_mx_helo=helo), 0.0)
    (results,) = collector.take(0)
    reporter = Reporter(organization=organization, contact="tls@corp.example")
    report = json.loads(build_json(results, reporter, "1@corp.example"))
    assert report["policies"][0]["summary"]["total-failure-session-count"] == 1
    mail = ReportMail(to="a@partner.example", message_id="<1@x>", now=0.0, token="t")
    lines = build_mail(results, reporter, mail).split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert sum(line.startswith(b"--tlsrpt=") for line in lines) == 3
    assert all(b"\n" not in line and b"\r" not in line for line in lines)
