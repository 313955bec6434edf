"""The lookups of DANE: TLSA records, and how far each answer on the way to them can be believed.

RFC 7672, 2. The resolver has to ask `trusted_servers`: their word that DNSSEC proves an answer is
all there is, as signatures are not checked here. Without such servers everything is insecure, and
DANE asks for nothing.
"""

import asyncio
from typing import Final, Protocol

from mailwarden.core.policy.dane import (
    AddressAnswer,
    DaneDecision,
    NextHopAnswer,
    TlsaAnswer,
    Trust,
    base_domains,
    decide,
    ends_search,
    parse_tlsa,
    tlsa_name,
)
from mailwarden.system.dns.answers import Finding, State
from mailwarden.system.dns.names import decode_host, encode_name
from mailwarden.system.dns.wire import Kind, Rcode

SMTP_PORT: Final = 25


class FindingResolver(Protocol):
    """A resolver that tells what DNSSEC has to say: `CachingResolver` or `FakeResolver`."""

    async def find(self, kind: Kind, name: str) -> Finding:
        """Return what is known of records `kind` of `name`, failures included."""
        ...


class DaneLookups:
    """Looks up what DANE decides by. Nothing here raises for what DNS says or fails to say."""

    __slots__ = ("_resolver",)

    def __init__(self, resolver: FindingResolver) -> None:
        self._resolver: Final = resolver

    async def find_next_hop(self, domain: str) -> NextHopAnswer:
        """Return what DNS says of the MX records of `domain`: those that `resolve_mx` returns."""
        finding = await self._resolver.find(Kind.MX, domain)
        trust = trust_of(finding)
        has_mx = finding.state is State.FOUND
        canonical = finding.canonical if trust is Trust.SECURE else ""
        return NextHopAnswer(_plain(domain), trust, has_mx, canonical)

    async def decide(
        self,
        next_hop: NextHopAnswer,
        host: str,
        port: int = SMTP_PORT,
        *,
        is_mandatory: bool = False,
    ) -> DaneDecision:
        """Return what DANE asks of connections to a host of `next_hop` (RFC 7672, 2.2)."""
        address = await self.find_address(host)
        answers: list[TlsaAnswer] = []
        for base_domain in base_domains(address):
            answers.append(await self.find_records(base_domain, port))
            if ends_search(answers[-1]):
                break
        return decide(next_hop, address, answers, is_mandatory=is_mandatory)

    async def find_address(self, host: str) -> AddressAnswer:
        """Return what DNS says of the addresses of `host`: those that `resolve_addresses` returns.

        It is secure when one kind of its addresses is: then its zone is signed.
        """
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(self._resolver.find(kind, host)) for kind in (Kind.A, Kind.AAAA)
            ]
        both = [task.result() for task in asking]
        # As with `resolve_addresses`, a failure counts only when there are no addresses at all.
        telling = [finding for finding in both if finding.state is State.FOUND] or both
        trust = max((trust_of(finding) for finding in telling), key=_WEIGHT.__getitem__)
        canonical = next((finding.canonical for finding in telling if finding.canonical), "")
        name = _plain(host)
        if trust is not Trust.INSECURE or not canonical:
            return AddressAnswer(name, trust, canonical)
        # RFC 7672, 2.2.2: an alias may be signed although what it leads to is not.
        alias = trust_of(await self._resolver.find(Kind.CNAME, host))
        if alias in (Trust.BOGUS, Trust.FAILED):
            return AddressAnswer(name, alias, canonical)
        return AddressAnswer(name, trust, canonical, alias_is_secure=alias is Trust.SECURE)

    async def find_records(self, base_domain: str, port: int = SMTP_PORT) -> TlsaAnswer:
        """Return the TLSA records for a port of `base_domain`."""
        finding = await self._resolver.find(Kind.TLSA, tlsa_name(base_domain, port))
        records = tuple(parse_tlsa(rdata) for rdata in finding.values)
        return TlsaAnswer(base_domain, trust_of(finding), records)


# Of two kinds of addresses the one that says more counts; a failure, when both say nothing.
_WEIGHT: Final = {Trust.INSECURE: 0, Trust.SECURE: 1, Trust.FAILED: 2, Trust.BOGUS: 3}


def trust_of(finding: Finding) -> Trust:
    """Return how far `finding` can be believed.

    A server that checks signatures answers SERVFAIL when one is wrong, but also when it reaches
    nobody (RFC 4035, 5.5): only the report makes a difference between the two.
    """
    if finding.state is State.FAILED:
        is_refused = finding.detail.startswith(Rcode.SERVFAIL.name)
        return Trust.BOGUS if is_refused else Trust.FAILED
    return Trust.SECURE if finding.is_secure else Trust.INSECURE


def _plain(name: str) -> str:
    try:
        return decode_host(encode_name(name)) or ""
    except ValueError:  # no host is called so: it has no addresses and no records either
        return name.lower().removesuffix(".")
