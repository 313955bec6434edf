"""Which word about DNSSEC is believed: that of servers that the settings trust, and no other."""

from typing import Any

import dns.flags
import dns.message
import pytest

from mailwarden.system.dns.answers import Finding, State
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.dns.fake import FakeResolver, Zone
from mailwarden.system.dns.names import encode_name
from mailwarden.system.dns.settings import DnsSettings
from mailwarden.system.dns.tlsa import FindingResolver
from mailwarden.system.dns.wire import Kind, build_query, parse_message
from tests.dns_server import answers
from tests.unit.system.dns.simulated import Bench

SERVER = "192.0.2.1:53"
TLSA = "3 1 1 " + "ab" * 32
ZONE: dict[str, Any] = {
    "signed.example": {"MX": ["10 mx.signed.example"], "SECURE": []},
    "mx.signed.example": {"A": ["192.0.2.25"], "SECURE": []},
    "_25._tcp.mx.signed.example": {"TLSA": [TLSA, "2 0 2 " + "cd" * 64], "SECURE": []},
    "plain.example": {"MX": ["10 mx.signed.example"]},
    "alias.example": {"CNAME": ["mx.signed.example"], "SECURE": []},
    "half.example": {"CNAME": ["host.plain.example"], "SECURE": []},
    "host.plain.example": {"A": ["192.0.2.26"]},
    "none.example": {"SECURE": []},
    "step.example": {"CNAME": ["alias.example"], "CNAME_ONLY": [], "SECURE": []},
    "broken.example": {"SERVFAIL": []},
}


def bench(zone: Zone = ZONE, *, trusted: bool = True) -> Bench:
    made = Bench(zone)
    if trusted:
        made.settings = DnsSettings(trusted_servers=(SERVER,))
        made.resolver.apply(made.settings)
    return made


def resolvers() -> list[FindingResolver]:
    return [bench().resolver, FakeResolver(ZONE)]


async def find(kind: Kind, name: str) -> Finding:
    """Return what both resolvers find, the time aside."""
    real, fake = [
        (await resolver.find(kind, name))._replace(expires_at=0) for resolver in resolvers()
    ]
    assert real._replace(detail="") == fake._replace(detail="")
    assert real.detail.split(" ")[0] == fake.detail.split(" ")[0]
    return real


@pytest.mark.parametrize(
    ("kind", "name", "is_secure", "canonical"),
    [
        (Kind.MX, "signed.example", True, ""),
        (Kind.MX, "plain.example", False, ""),
        (Kind.A, "mx.signed.example", True, ""),
        (Kind.A, "alias.example", True, "mx.signed.example"),
        (Kind.A, "half.example", False, "host.plain.example"),
        (Kind.CNAME, "half.example", True, ""),
    ],
)
async def test_what_dnssec_proves(kind: Kind, name: str, is_secure: bool, canonical: str) -> None:
    found = await find(kind, name)
    assert (found.state, found.is_secure, found.canonical) == (State.FOUND, is_secure, canonical)


async def test_an_absence_can_be_proved_too() -> None:
    found = await find(Kind.MX, "none.example")
    assert (found.state, found.is_secure) == (State.EMPTY, True)


async def test_a_failure_proves_nothing() -> None:
    found = await find(Kind.MX, "broken.example")
    assert (found.state, found.is_secure) == (State.FAILED, False)
    assert found.detail.startswith("SERVFAIL")


async def test_tlsa_records() -> None:
    found = await find(Kind.TLSA, "_25._tcp.mx.signed.example")
    assert found.values == (b"\3\1\1" + b"\xab" * 32, b"\2\0\2" + b"\xcd" * 64)
    assert found.is_secure


async def test_aliases_that_the_server_does_not_follow() -> None:
    found = await bench().resolver.find(Kind.A, "step.example")
    assert (found.values, found.is_secure) == (("192.0.2.25",), True)
    assert found.canonical == "mx.signed.example"
    unsigned = {**ZONE, "step.example": {"CNAME": ["alias.example"], "CNAME_ONLY": []}}
    assert not (await bench(unsigned).resolver.find(Kind.A, "step.example")).is_secure


async def test_an_endless_alias_ends() -> None:
    zone = {"a.example": {"CNAME": ["b.example"]}, "b.example": {"CNAME": ["a.example"]}}
    for resolver in (bench(zone).resolver, FakeResolver(zone)):
        assert (await resolver.find(Kind.A, "a.example")).state is State.FAILED


async def test_servers_that_are_not_trusted_are_not_asked_about_dnssec() -> None:
    plain = bench(trusted=False)
    assert not (await plain.resolver.find(Kind.MX, "signed.example")).is_secure
    assert not dns.message.from_wire(plain.transport.queries[-1]).flags & dns.flags.AD
    trusted = bench()
    await trusted.resolver.find(Kind.MX, "signed.example")
    assert dns.message.from_wire(trusted.transport.queries[-1]).flags & dns.flags.AD


async def test_what_a_server_claims_unasked_is_not_believed() -> None:
    liar = bench(trusted=False)

    async def lie(server: Any, query: bytes, accept: Any) -> Any:
        (wire,) = answers(ZONE, query)[1]
        lying = bytearray(wire)
        lying[3] |= 0x20
        message = accept(bytes(lying))
        assert message.is_authentic
        return message

    liar.transport.ask_udp = lie  # type: ignore[method-assign]
    found = await liar.resolver.find(Kind.MX, "signed.example")
    assert (found.state, found.is_secure) == (State.FOUND, False)


async def test_nothing_is_kept_when_the_trust_changes() -> None:
    changing = bench(trusted=False)
    resolver: CachingResolver = changing.resolver
    await resolver.resolve_mx("signed.example")
    resolver.apply(DnsSettings(trusted_servers=(SERVER,)))
    assert resolver.peek_mx("signed.example") is None
    assert (await resolver.find(Kind.MX, "signed.example")).is_secure
    resolver.apply(DnsSettings(trusted_servers=(SERVER,), timeout_seconds=1))
    assert resolver.peek_mx("signed.example") is not None
    resolver.apply(DnsSettings(servers=(SERVER,)))
    assert not (await resolver.find(Kind.MX, "signed.example")).is_secure


def test_settings_of_trust() -> None:
    assert list(DnsSettings(trusted_servers=("127.0.0.1", "[::1]:5353")).problems()) == []
    (problem,) = DnsSettings(trusted_servers=("ns.example",)).problems()
    assert problem.path == "trusted_servers[0]"
    (problem,) = DnsSettings(servers=("192.0.2.1",), trusted_servers=("127.0.0.1",)).problems()
    assert problem.path == "servers"


@pytest.mark.parametrize("with_ad", [True, False])
def test_the_bit_in_questions_and_answers(with_ad: bool) -> None:
    name = encode_name("signed.example")
    query = build_query(7, name, Kind.MX, with_edns=True, with_ad=with_ad)
    (wire,) = answers(ZONE, query)[1]
    assert parse_message(wire).is_authentic is with_ad
    assert not dns.message.from_wire(query).ednsflags & dns.flags.DO
