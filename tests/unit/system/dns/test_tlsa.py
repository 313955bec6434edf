"""The lookups of DANE, in the order of RFC 7672, and what comes of them."""

from typing import Any

import pytest

from mailwarden.core.policy.dane import DaneDecision, DaneLevel, NextHopAnswer, TlsaRecord, Trust
from mailwarden.core.policy.tls_report import ResultType
from mailwarden.system.dns.fake import FakeResolver
from mailwarden.system.dns.tlsa import DaneLookups

EE = "3 1 1 " + "ab" * 32
RECORD = TlsaRecord(3, 1, 1, b"\xab" * 32)
S: dict[str, Any] = {"SECURE": []}
NEXT_HOP = NextHopAnswer("signed.example", Trust.SECURE, has_mx=True)


ZONE: dict[str, Any] = {
    "signed.example": {"MX": ["10 mx.signed.example"], **S},
    "mx.signed.example": {"A": ["192.0.2.25"], **S},
    "_25._tcp.mx.signed.example": {"TLSA": [EE], **S},
}


async def decide(resolver: FakeResolver, host: str = "mx.signed.example") -> DaneDecision:
    return await DaneLookups(resolver).decide(NEXT_HOP, host)


async def test_a_signed_host_with_records() -> None:
    resolver = FakeResolver(ZONE)
    lookups = DaneLookups(resolver)
    next_hop = await lookups.find_next_hop("Signed.Example.")
    assert next_hop == NEXT_HOP
    decision = await lookups.decide(next_hop, "MX.signed.example")
    assert decision == DaneDecision(
        DaneLevel.VERIFY,
        "mx.signed.example",
        (RECORD,),
        ("mx.signed.example", "signed.example"),
        (RECORD,),
    )
    assert resolver.asked[-1] == ("_25._tcp.mx.signed.example", "TLSA")


async def test_another_port() -> None:
    resolver = FakeResolver(ZONE)
    await DaneLookups(resolver).decide(NEXT_HOP, "mx.signed.example", 587)
    assert resolver.asked[-1] == ("_587._tcp.mx.signed.example", "TLSA")


async def test_no_records_are_asked_for_below_a_host_that_is_not_signed() -> None:
    """RFC 7672, 2.2.2: some name servers of such hosts do not even answer the question."""
    resolver = FakeResolver({**ZONE, "mx.signed.example": {"A": ["192.0.2.25"]}})
    assert (await decide(resolver)).level is DaneLevel.NONE
    assert {kind for _, kind in resolver.asked} == {"A", "AAAA"}


async def test_one_signed_kind_of_address_is_enough() -> None:
    resolver = FakeResolver({**ZONE, "mx.signed.example": {"AAAA": ["2001:db8::25"], **S}})
    assert (await decide(resolver)).level is DaneLevel.VERIFY


@pytest.mark.parametrize("records", [S, {"TLSA": [EE]}])
async def test_no_records_or_none_that_are_secure(records: Any) -> None:
    resolver = FakeResolver({**ZONE, "_25._tcp.mx.signed.example": records})
    assert (await decide(resolver)).level is DaneLevel.NONE


async def test_a_name_that_does_not_exist_has_no_records() -> None:
    zone = {name: records for name, records in ZONE.items() if not name.startswith("_25")}
    assert (await decide(FakeResolver(zone))).level is DaneLevel.NONE


@pytest.mark.parametrize("name", ["mx.signed.example", "_25._tcp.mx.signed.example"])
async def test_a_failed_lookup_makes_the_host_unreachable(name: str) -> None:
    decision = await decide(FakeResolver({**ZONE, name: {"SERVFAIL": [], **S}}))
    assert decision.level is DaneLevel.UNREACHABLE
    assert decision.failure is ResultType.DNSSEC_INVALID


async def test_a_failed_mx_lookup() -> None:
    lookups = DaneLookups(FakeResolver({"signed.example": {"SERVFAIL": []}}))
    assert (await lookups.find_next_hop("signed.example")).trust is Trust.BOGUS


async def test_a_domain_without_mx() -> None:
    lookups = DaneLookups(FakeResolver({"a.example": {"A": ["192.0.2.1"], **S}}))
    assert await lookups.find_next_hop("a.example") == NextHopAnswer(
        "a.example", Trust.SECURE, has_mx=False
    )


ALIASED = {"mx.signed.example": {"CNAME": ["host.other.example"], **S}}
OTHER = "_25._tcp.host.other.example"


async def test_records_at_the_end_of_a_secure_alias_come_first() -> None:
    records = {**ZONE, **ALIASED, "host.other.example": {"A": ["192.0.2.9"], **S}}
    resolver = FakeResolver({**records, OTHER: {"TLSA": ["3 0 1 " + "cd" * 32], **S}})
    decision = await decide(resolver)
    assert decision.base_domain == "host.other.example"
    assert decision.names == ("host.other.example", "mx.signed.example", "signed.example")
    resolver = FakeResolver(records)
    assert (await decide(resolver)).base_domain == "mx.signed.example"
    assert resolver.asked[-2:] == [(OTHER, "TLSA"), ("_25._tcp.mx.signed.example", "TLSA")]


async def test_a_secure_alias_into_a_zone_that_is_not() -> None:
    records = {**ZONE, **ALIASED, "host.other.example": {"A": ["192.0.2.9"]}}
    resolver = FakeResolver({**records, OTHER: {"TLSA": [EE], **S}})
    assert (await decide(resolver)).base_domain == "mx.signed.example"
    assert (OTHER, "TLSA") not in resolver.asked
    insecure = {"mx.signed.example": {"CNAME": ["host.other.example"]}}
    assert (await decide(FakeResolver({**records, **insecure}))).level is DaneLevel.NONE


async def test_a_search_does_not_go_on_behind_a_failure() -> None:
    records = {**ZONE, **ALIASED, "host.other.example": {"A": ["192.0.2.9"], **S}}
    decision = await decide(FakeResolver({**records, OTHER: {"SERVFAIL": []}}))
    assert decision.level is DaneLevel.UNREACHABLE


async def test_a_name_that_no_host_has() -> None:
    assert (await decide(FakeResolver(ZONE), "not a host")).level is DaneLevel.NONE
