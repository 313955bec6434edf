"""TLSA records: which count, which match, and what follows from each answer of DNS."""

import hashlib
import ssl
from pathlib import Path

import pytest

from mailwarden.core.policy.dane import (
    CHAIN_CERTIFICATES_MAX,
    RECORDS_MAX,
    AddressAnswer,
    DaneDecision,
    DaneLevel,
    DaneMatch,
    NextHopAnswer,
    TlsaAnswer,
    TlsaRecord,
    Trust,
    applied_policy,
    base_domains,
    decide,
    ends_search,
    has_anchors,
    is_usable,
    match_chain,
    parse_tlsa,
    published_anchors,
    reference_names,
    tlsa_name,
    usable_records,
)
from mailwarden.core.policy.dane_certificate import find_public_key
from mailwarden.core.policy.tls_report import AppliedPolicy, PolicyType, ResultType
from tests.certificates import CertificateAuthority

D256, D512 = b"\xab" * 32, b"\xcd" * 64
EE, TA = TlsaRecord(3, 1, 1, D256), TlsaRecord(2, 0, 2, D512)
PKIX = TlsaRecord(1, 1, 1, D256)

Chain = tuple[bytes, ...]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A certificate and its authority."""
    authority = CertificateAuthority(tmp_path_factory.mktemp("certificates"))
    files = (authority.issue("mx.partner.example").certificate, authority.file)
    return tuple(ssl.PEM_cert_to_DER_cert(Path(path).read_text()) for path in files)


def record(usage: int, selector: int, matching_type: int, certificate: bytes) -> TlsaRecord:
    """Return the record that describes `certificate`."""
    data = find_public_key(certificate) if selector else certificate
    digests = [bytes, lambda d: hashlib.sha256(d).digest(), lambda d: hashlib.sha512(d).digest()]
    return TlsaRecord(usage, selector, matching_type, digests[matching_type](data))


KINDS = [(selector, matching) for selector in (0, 1) for matching in (0, 1, 2)]


def test_a_record_as_bytes_and_text() -> None:
    parsed = parse_tlsa(b"\3\1\1" + D256)
    assert parsed == EE
    assert parsed.text() == "3 1 1 " + "AB" * 32
    assert tlsa_name("mx.partner.example", 25) == "_25._tcp.mx.partner.example"


@pytest.mark.parametrize("rdata", [b"", b"\3", b"\3\1", b"\3\1\1"])
def test_a_record_that_is_too_short_is_there_but_not_usable(rdata: bytes) -> None:
    assert not is_usable(parse_tlsa(rdata))


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({}, True),
        ({"usage": 2}, True),
        ({"usage": 0}, False),
        ({"usage": 1}, False),
        ({"usage": 4}, False),
        ({"usage": 255}, False),
        ({"selector": 0}, True),
        ({"selector": 2}, False),
        ({"matching_type": 3}, False),
        ({"matching_type": 2}, False),
        ({"matching_type": 2, "data": D512}, True),
        ({"data": D256[:-1]}, False),
        ({"data": D256 + b"\0"}, False),
        ({"data": b""}, False),
        ({"matching_type": 0}, False),
        ({"matching_type": 0, "data": b""}, False),
    ],
)
def test_which_records_count(changes: dict[str, int], usable: bool) -> None:
    """RFC 7672, 3.1; RFC 6698, 2.1."""
    assert is_usable(EE._replace(**changes)) is usable


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("selector", [0, 1])
def test_whole_certificates_and_keys_count(chain: Chain, usage: int, selector: int) -> None:
    whole = record(usage, selector, 0, chain[0])
    assert is_usable(whole)
    assert not is_usable(whole._replace(selector=1 - selector))
    assert not is_usable(whole._replace(data=whole.data[:-1]))


def test_only_the_strongest_digest_is_compared(chain: Chain) -> None:
    """RFC 7671, 9."""
    strong = TlsaRecord(3, 1, 2, D512)
    whole = record(3, 1, 0, chain[0])
    other = TlsaRecord(3, 0, 1, D256)
    assert usable_records([EE, strong, whole, other, TA, PKIX, strong]) == (
        strong, whole, other, TA,
    )  # fmt: skip
    assert usable_records([EE, strong._replace(data=b"")]) == (EE,)


def test_the_number_of_records_is_limited() -> None:
    many = [EE._replace(data=number.to_bytes(32, "big")) for number in range(RECORDS_MAX + 5)]
    assert len(usable_records(many)) == RECORDS_MAX


@pytest.mark.parametrize(("selector", "matching_type"), KINDS)
def test_the_certificate_of_the_host(chain: Chain, selector: int, matching_type: int) -> None:
    good = record(3, selector, matching_type, chain[0])
    match = match_chain([EE, good], chain)
    assert match == DaneMatch(good, 0)
    assert not match.needs_path
    assert match_chain([good], chain[::-1]) is None
    assert match_chain([good], ()) is None


@pytest.mark.parametrize(("selector", "matching_type"), KINDS)
def test_a_trust_anchor(chain: Chain, selector: int, matching_type: int) -> None:
    good = record(2, selector, matching_type, chain[1])
    match = match_chain([TA, good], chain)
    assert match == DaneMatch(good, 1)
    assert match.needs_path
    assert match_chain([good], chain[:1]) is None
    assert match_chain([good], (chain[1],)) is None  # the host's own certificate is no anchor


def test_the_host_before_the_anchor(chain: Chain) -> None:
    records = [record(2, 0, 1, chain[1]), record(3, 0, 1, chain[0])]
    match = match_chain(records, chain)
    assert match is not None
    assert not match.needs_path


def test_a_chain_of_nonsense(chain: Chain) -> None:
    assert match_chain([EE, TA], (b"", b"\x30\x80", b"x" * 70_000)) is None
    anchor = record(2, 1, 1, chain[1])
    assert match_chain([anchor], (chain[0], b"nonsense", chain[1])) == DaneMatch(anchor, 2)
    far = (chain[0], *[b""] * CHAIN_CERTIFICATES_MAX, chain[1])
    assert match_chain([anchor], far) is None


def test_anchors_in_dns(chain: Chain) -> None:
    whole = record(2, 0, 0, chain[1])
    assert published_anchors([EE, TA, whole, record(3, 0, 0, chain[0])]) == (chain[1],)
    assert has_anchors([EE, TA])
    assert not has_anchors([EE])


HOST, END = "mx.partner.example", "host.provider.example"
SECURE, INSECURE, BOGUS, FAILED = Trust


@pytest.mark.parametrize(
    ("address", "names"),
    [
        (AddressAnswer(HOST, SECURE), (HOST,)),
        (AddressAnswer(HOST, SECURE, HOST), (HOST,)),
        (AddressAnswer(HOST, SECURE, END), (END, HOST)),
        (AddressAnswer(HOST, INSECURE), ()),
        (AddressAnswer(HOST, INSECURE, END), ()),
        (AddressAnswer(HOST, INSECURE, END, alias_is_secure=True), (HOST,)),
        (AddressAnswer(HOST, BOGUS, END, alias_is_secure=True), ()),
        (AddressAnswer(HOST, FAILED), ()),
    ],
)
def test_where_records_are_looked_for(address: AddressAnswer, names: tuple[str, ...]) -> None:
    """RFC 7672, 2.2.2 and 2.2.3."""
    assert base_domains(address) == names


NEXT = NextHopAnswer("partner.example", SECURE, has_mx=True)
ADDRESS = AddressAnswer(HOST, SECURE)


def answer(trust: Trust, *records: TlsaRecord, name: str = HOST) -> TlsaAnswer:
    return TlsaAnswer(name, trust, records)


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        ([], DaneLevel.NONE),
        ([answer(SECURE)], DaneLevel.NONE),
        ([answer(INSECURE)], DaneLevel.NONE),
        ([answer(INSECURE, EE)], DaneLevel.NONE),
        ([answer(SECURE, EE)], DaneLevel.VERIFY),
        ([answer(SECURE, PKIX)], DaneLevel.ENCRYPT),
        ([answer(SECURE, PKIX, TA)], DaneLevel.VERIFY),
        ([answer(BOGUS)], DaneLevel.UNREACHABLE),
        ([answer(FAILED)], DaneLevel.UNREACHABLE),
        ([answer(SECURE, name=END), answer(SECURE, EE)], DaneLevel.VERIFY),
        ([answer(INSECURE, EE, name=END), answer(SECURE, PKIX)], DaneLevel.ENCRYPT),
        ([answer(SECURE, EE, name=END), answer(FAILED)], DaneLevel.VERIFY),
        ([answer(FAILED, name=END), answer(SECURE, EE)], DaneLevel.UNREACHABLE),
        ([answer(SECURE, name=END), answer(BOGUS)], DaneLevel.UNREACHABLE),
    ],
)
def test_what_answers_about_records_mean(answers: list[TlsaAnswer], level: DaneLevel) -> None:
    """RFC 7672, 2.2."""
    assert decide(NEXT, ADDRESS, answers).level is level


@pytest.mark.parametrize("has_mx", [True, False])
@pytest.mark.parametrize(
    ("mx", "address", "level"),
    [
        (SECURE, SECURE, DaneLevel.VERIFY),
        (INSECURE, SECURE, DaneLevel.VERIFY),  # RFC 7672, 2.2.1 allows it
        (BOGUS, SECURE, DaneLevel.UNREACHABLE),
        (FAILED, SECURE, DaneLevel.UNREACHABLE),
        (SECURE, BOGUS, DaneLevel.UNREACHABLE),
        (SECURE, FAILED, DaneLevel.UNREACHABLE),
    ],
)
def test_what_answers_on_the_way_mean(
    mx: Trust, address: Trust, level: DaneLevel, has_mx: bool
) -> None:
    decision = decide(
        NEXT._replace(trust=mx, has_mx=has_mx),
        ADDRESS._replace(trust=address),
        [answer(SECURE, EE)],
    )
    assert decision.level is level
    if level is DaneLevel.UNREACHABLE:
        # A timeout may pass and is not reported (RFC 8460, 4.3.4).
        is_bogus = BOGUS in (mx, address)
        assert decision.failure is (ResultType.DNSSEC_INVALID if is_bogus else None)
        assert "lookup failed" in decision.reason


def test_a_decision_has_what_a_connection_needs() -> None:
    assert decide(NEXT, ADDRESS, [answer(SECURE, PKIX, EE)]) == DaneDecision(
        DaneLevel.VERIFY, HOST, (EE,), (HOST, "partner.example"), (PKIX, EE)
    )


@pytest.mark.parametrize(
    ("next_hop", "answers", "reason"),
    [
        (NEXT._replace(trust=INSECURE), [answer(SECURE, EE)], "MX records are not secure"),
        (NEXT, [answer(SECURE)], "no secure TLSA records"),
        (NEXT, [answer(INSECURE, EE)], "no secure TLSA records"),
        (NEXT, [answer(SECURE, PKIX)], "no TLSA record is usable"),
    ],
)
def test_mandatory_dane(next_hop: NextHopAnswer, answers: list[TlsaAnswer], reason: str) -> None:
    """RFC 7672, 6."""
    decision = decide(next_hop, ADDRESS, answers, is_mandatory=True)
    assert decision.level is DaneLevel.UNREACHABLE
    assert decision.failure is ResultType.DANE_REQUIRED
    assert reason in decision.reason


def test_mandatory_dane_that_is_there() -> None:
    found = [answer(SECURE, EE)]
    assert decide(NEXT, ADDRESS, found, is_mandatory=True) == decide(NEXT, ADDRESS, found)
    without_mx = NEXT._replace(trust=INSECURE, has_mx=False)
    assert decide(without_mx, ADDRESS, found, is_mandatory=True).level is DaneLevel.VERIFY


@pytest.mark.parametrize(
    ("next_hop", "base_domain", "names"),
    [
        (NEXT, HOST, (HOST, "partner.example")),
        (NEXT, END, (END, HOST, "partner.example")),
        (NEXT._replace(canonical="mail.example"), HOST, (HOST, "partner.example", "mail.example")),
        (NEXT._replace(trust=INSECURE), HOST, (HOST,)),
        (NEXT._replace(has_mx=False), HOST, (HOST, "partner.example")),
        (NextHopAnswer(HOST, INSECURE, has_mx=False), END, (END, HOST)),
    ],
)
def test_whom_a_certificate_may_be_for(
    next_hop: NextHopAnswer, base_domain: str, names: tuple[str, ...]
) -> None:
    """RFC 7672, 3.2.2."""
    assert reference_names(next_hop, ADDRESS, base_domain) == names


def test_a_search_ends_where_something_is_known() -> None:
    assert ends_search(answer(SECURE, PKIX))
    assert ends_search(answer(BOGUS))
    assert ends_search(answer(FAILED))
    assert not ends_search(answer(SECURE))
    assert not ends_search(answer(INSECURE, EE))


def test_how_reports_show_records() -> None:
    decision = decide(NEXT, ADDRESS, [answer(SECURE, EE, PKIX)])
    texts = ("1 1 1 " + "AB" * 32, "3 1 1 " + "AB" * 32)
    assert applied_policy(decision, HOST) == AppliedPolicy(PolicyType.TLSA, HOST, texts, (HOST,))
