"""What TLSA records ask of a connection, and whether a certificate is what they say.

RFC 7672 (SMTP), over RFC 6698 and RFC 7671. The lookups are made elsewhere (system/dns/tlsa.py);
here is what follows from them. `transport_security.py` puts it together with MTA-STS.
"""

import hashlib
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.policy.dane_certificate import (
    CertificateError,
    find_public_key,
    is_certificate,
    is_public_key,
)
from mailwarden.core.policy.tls_report import AppliedPolicy, PolicyType, ResultType

RECORDS_MAX: Final = 64  # of one host; more are not looked at
CHAIN_CERTIFICATES_MAX: Final = 16  # that a peer shows; more are not looked at

# RFC 7218: names of the numbers.
DANE_TA: Final = 2
DANE_EE: Final = 3
CERT: Final = 0
SPKI: Final = 1
FULL: Final = 0
SHA2_256: Final = 1
SHA2_512: Final = 2

_DIGEST_BYTES: Final = {SHA2_256: 32, SHA2_512: 64}


class Trust(Enum):
    """How far an answer of DNS can be believed (RFC 4035, 4.3; RFC 7672, 2.1.1)."""

    SECURE = "secure"  # signed, and the signature is right
    INSECURE = "insecure"  # from a zone that is known not to be signed
    BOGUS = "bogus"  # the server refuses to answer, as it does when a signature is wrong
    FAILED = "failed"  # nobody answers at the moment


class TlsaRecord(NamedTuple):
    """A TLSA record (RFC 6698, 2.1)."""

    usage: int
    selector: int
    matching_type: int
    data: bytes

    def text(self) -> str:
        """Return it in the form of a zone file (RFC 6698, 2.2)."""
        data = self.data.hex().upper()
        return f"{self.usage} {self.selector} {self.matching_type} {data}"


class NextHopAnswer(NamedTuple):
    """What DNS says of the domain that mail goes to."""

    domain: str
    trust: Trust  # of its MX records, or of their absence
    has_mx: bool
    canonical: str = ""  # where its aliases lead, if all of them are secure; "" if it is none


class AddressAnswer(NamedTuple):
    """What DNS says of the addresses of a host."""

    host: str
    trust: Trust
    canonical: str = ""  # the name that has the addresses, when the host is an alias
    alias_is_secure: bool = False  # the first alias is, though what it leads to is not


class TlsaAnswer(NamedTuple):
    """What DNS says at `_25._tcp` below a name."""

    base_domain: str
    trust: Trust
    records: tuple[TlsaRecord, ...] = ()


class DaneLevel(Enum):
    """What a connection to a host needs."""

    NONE = "none"  # nothing that DANE knows of
    ENCRYPT = "encrypt"  # TLS, with any certificate
    VERIFY = "verify"  # TLS, with a certificate that one of the records describes
    UNREACHABLE = "unreachable"  # no connection: as if the host did not answer


class DaneDecision(NamedTuple):
    """What DANE asks of connections to a host."""

    level: DaneLevel
    base_domain: str = ""  # whose records they are: policy domain of reports, and name for SNI
    records: tuple[TlsaRecord, ...] = ()  # the usable ones, of which one has to match
    names: tuple[str, ...] = ()  # with DANE-TA the certificate has to be for one of these
    published: tuple[TlsaRecord, ...] = ()  # the records as they are, for reports
    failure: ResultType | None = None  # why the host is unreachable
    reason: str = ""  # the same in words, for the log


class DaneMatch(NamedTuple):
    """Which record describes which certificate of a chain."""

    record: TlsaRecord
    depth: int  # 0 is the certificate of the host itself

    @property
    def needs_path(self) -> bool:
        """Whether signatures, dates and names are still to be checked, up to the certificate."""
        return self.record.usage == DANE_TA


def parse_tlsa(rdata: bytes) -> TlsaRecord:
    """Return the record in the data of a TLSA record (RFC 6698, 2.1).

    Data that is too short gives one that is not usable, as its host does have records.
    """
    usage, selector, matching_type = (rdata + b"\xff\xff\xff")[:3]  # RFC 7218: private use
    return TlsaRecord(usage, selector, matching_type, rdata[3:])


def tlsa_name(base_domain: str, port: int) -> str:
    """Return where the records for a port stand (RFC 6698, 3)."""
    return f"_{port}._tcp.{base_domain}"


def is_usable(record: TlsaRecord) -> bool:
    """Whether a record counts for SMTP.

    PKIX-TA and PKIX-EE do not: there is no list of authorities that both sides agree on
    (RFC 7672, 3.1.3).
    """
    if record.usage not in (DANE_TA, DANE_EE) or record.selector not in (CERT, SPKI):
        return False
    if record.matching_type == FULL:
        whole = is_certificate if record.selector == CERT else is_public_key
        return whole(record.data)
    return len(record.data) == _DIGEST_BYTES.get(record.matching_type, -1)


def usable_records(records: Sequence[TlsaRecord]) -> tuple[TlsaRecord, ...]:
    """Return the records that a certificate is compared with.

    Of digests for the same usage and selector only those of the strongest kind are left, so that
    a weaker one cannot let in what the stronger one keeps out (RFC 7671, 9).
    """
    usable = [record for record in records[:RECORDS_MAX] if is_usable(record)]
    strongest: dict[tuple[int, int], int] = {}
    for record in usable:
        key = record.usage, record.selector
        strongest[key] = max(strongest.get(key, FULL), record.matching_type)
    kept = [
        record
        for record in usable
        if record.matching_type in (FULL, strongest[record.usage, record.selector])
    ]
    return tuple(dict.fromkeys(kept))


def base_domains(address: AddressAnswer) -> tuple[str, ...]:
    """Return the names to look for TLSA records at, in this order; none means no DANE.

    The search ends at the first secure answer that has records, and at the first failure
    (RFC 7672, 2.2.2 and 2.2.3).
    """
    host, canonical = address.host, address.canonical
    if address.trust is Trust.SECURE:
        return (canonical, host) if canonical and canonical != host else (host,)
    # An alias may be signed and lead into a zone that is not.
    if address.trust is Trust.INSECURE and canonical and address.alias_is_secure:
        return (host,)
    return ()


def ends_search(answer: TlsaAnswer) -> bool:
    """Whether no further name is to be looked at after `answer`."""
    return _failed(answer.trust) or (answer.trust is Trust.SECURE and bool(answer.records))


def decide(
    next_hop: NextHopAnswer,
    address: AddressAnswer,
    answers: Sequence[TlsaAnswer],
    *,
    is_mandatory: bool = False,
) -> DaneDecision:
    """Return what DANE asks of connections to a host; `answers` in the order of the search.

    `is_mandatory` means that there is no mail without DANE (RFC 7672, 6). When the lookup of the
    MX records failed, no host is known, and mail waits without asking here (RFC 7672, 2.2.1).
    """
    failed = _find_failure(next_hop, address, answers)
    if failed is not None:
        return failed
    if is_mandatory and next_hop.has_mx and next_hop.trust is not Trust.SECURE:
        return _missing(address.host, "the MX records are not secure")
    found = next((answer for answer in answers if ends_search(answer)), None)
    if found is None:
        return _missing(address.host, "no secure TLSA records") if is_mandatory else NO_DANE
    usable = usable_records(found.records)
    level = DaneLevel.VERIFY if usable else DaneLevel.ENCRYPT  # RFC 7672, 2.2
    if is_mandatory and not usable:
        return _missing(found.base_domain, "no TLSA record is usable", found.records)
    names = reference_names(next_hop, address, found.base_domain)
    return DaneDecision(level, found.base_domain, usable, names, found.records)


NO_DANE: Final = DaneDecision(DaneLevel.NONE)


def reference_names(
    next_hop: NextHopAnswer, address: AddressAnswer, base_domain: str
) -> tuple[str, ...]:
    """Return whom a certificate may be for, where DANE-TA matters (RFC 7672, 3.2.2)."""
    if next_hop.has_mx and next_hop.trust is not Trust.SECURE:
        # Whoever forges MX records chooses the domain too, but not the name of a signed host.
        return (base_domain,)
    names = [base_domain, address.host]
    names += [next_hop.domain, next_hop.canonical] if next_hop.has_mx else [next_hop.domain]
    return tuple(dict.fromkeys(name for name in names if name))


def match_chain(records: Sequence[TlsaRecord], chain: Sequence[bytes]) -> DaneMatch | None:
    """Return which of `records` (usable ones) describes `chain`; None if none does.

    `chain` is what the peer shows, in DER, its own certificate first. DANE-EE is about that one:
    when it matches, neither dates nor names matter (RFC 7672, 3.1.1). DANE-TA is about those that
    follow: the match is one of names and digests, signatures are still to be checked.
    """
    if not chain:
        return None
    for record in records:
        if record.usage == DANE_EE and _matches(record, chain[0]):
            return DaneMatch(record, 0)
    for depth in range(1, min(len(chain), CHAIN_CERTIFICATES_MAX)):
        for record in records:
            if record.usage == DANE_TA and _matches(record, chain[depth]):
                return DaneMatch(record, depth)
    return None


def published_anchors(records: Sequence[TlsaRecord]) -> tuple[bytes, ...]:
    """Return the trust anchors that are whole certificates in DNS: a peer need not show them.

    They are of records `2 0 0` (RFC 7671, 5.2.1).
    """
    whole = (DANE_TA, CERT, FULL)
    return tuple(record.data for record in records if record[:3] == whole)


def has_anchors(records: Sequence[TlsaRecord]) -> bool:
    """Whether a chain that ends in a trust anchor would do."""
    return any(record.usage == DANE_TA for record in records)


def applied_policy(decision: DaneDecision, host: str) -> AppliedPolicy:
    """Return the records for a TLS report (RFC 8460, 4.5); for decisions that have any."""
    texts = tuple(sorted(record.text() for record in decision.published))
    return AppliedPolicy(PolicyType.TLSA, decision.base_domain, texts, (host,))


def _matches(record: TlsaRecord, certificate: bytes) -> bool:
    selected = certificate
    if record.selector == SPKI:
        try:
            selected = find_public_key(certificate)
        except CertificateError:
            return False
    if record.matching_type == SHA2_256:
        return hashlib.sha256(selected).digest() == record.data
    if record.matching_type == SHA2_512:
        return hashlib.sha512(selected).digest() == record.data
    return record.matching_type == FULL and selected == record.data


def _failed(trust: Trust) -> bool:
    return trust in (Trust.BOGUS, Trust.FAILED)


def _find_failure(
    next_hop: NextHopAnswer, address: AddressAnswer, answers: Sequence[TlsaAnswer]
) -> DaneDecision | None:
    """Return that the host is unreachable, when nobody can say whether it has records.

    Going on without DANE is what an attacker would like who suppresses answers
    (RFC 7672, 2.1.2 and 2.2).
    """
    if _failed(next_hop.trust):
        return _unreachable(next_hop.domain, next_hop.trust, "the MX lookup failed")
    if _failed(address.trust):
        return _unreachable(address.host, address.trust, "the address lookup failed")
    for answer in answers:
        if _failed(answer.trust):
            return _unreachable(answer.base_domain, answer.trust, "the TLSA lookup failed")
        if ends_search(answer):
            break
    return None


def _unreachable(domain: str, trust: Trust, reason: str) -> DaneDecision:
    # RFC 8460, 4.3.4: what may pass, such as a timeout, is no failure to report.
    failure = ResultType.DNSSEC_INVALID if trust is Trust.BOGUS else None
    return DaneDecision(DaneLevel.UNREACHABLE, domain, failure=failure, reason=reason)


def _missing(domain: str, reason: str, published: tuple[TlsaRecord, ...] = ()) -> DaneDecision:
    return DaneDecision(
        DaneLevel.UNREACHABLE,
        domain,
        published=published,
        failure=ResultType.DANE_REQUIRED,
        reason=f"DANE is required, but there is none: {reason}",
    )
