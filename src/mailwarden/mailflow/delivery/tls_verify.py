"""Tries TLS with the hosts of a domain and says what comes of each step (admin 1.6.5, `tlsverify`).

Which ways of speaking to a host are allowed, in which order, is as in delivery (`attempts`); the
first one that works is what mail would take.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mailwarden.core.hostport import parse_hostport
from mailwarden.core.mail.envelope import domain_of
from mailwarden.core.policy.dane import match_chain
from mailwarden.core.policy.destinations import DestinationTls
from mailwarden.core.policy.transport_security import Security
from mailwarden.core.routes import address_of
from mailwarden.mailflow.delivery.hosts import Endpoint
from mailwarden.mailflow.delivery.nexthop import HopKind, NextHop, find_next_hop
from mailwarden.mailflow.delivery.plan import Plan
from mailwarden.mailflow.delivery.shared import Shared
from mailwarden.mailflow.delivery.tls_attempts import Attempt, Check, attempts
from mailwarden.mailflow.delivery.tls_talk import TalkSettings, TlsTalk, talk_to
from mailwarden.mailflow.delivery.transport_security import (
    NOTHING_NEEDED,
    Need,
    first_anchors,
)
from mailwarden.services.transport_security.anchors import anchor_context
from mailwarden.system.crypto.peer_names import is_for
from mailwarden.system.dns.resolver import NameNotFoundError, ResolutionError

HOSTS_MAX: Final = 20  # endpoints that are spoken to
NAMES_SHOWN_MAX: Final = 10

Step = dict[str, Any]
Say = Callable[[Step], None]


class TlsVerifier:
    """Runs one check; `say` hears of each step: `text`, and `host` where it is about one."""

    def __init__(self, shared: Shared, say: Say) -> None:
        self._shared: Final = shared
        self._plan: Final[Plan] = shared.plan
        self._say_step: Final = say
        self._host = ""

    def _say(self, text: str) -> None:
        self._say_step({"host": self._host, "text": text})

    async def run(self, domain: str, host: str) -> None:
        """Check the hosts of `domain`, or only `host`, or `host:port`, where that is not empty.

        The last thing said has `hosts`, how many were spoken to, and `usable`, with how many mail
        would go as it has to be.
        """
        domain = domain_of(domain) or domain.strip()
        plan = self._plan
        limits = plan.destinations.find(domain.lower())
        row = limits.row or "DEFAULT"
        self._say(f"TLS for {domain} is {limits.tls.value} (destination controls, row {row})")
        hop = find_next_hop(domain, "", plan.routes, plan.port)
        endpoints = await self._endpoints(hop, host.strip().lower())
        usable = 0
        for endpoint in endpoints[:HOSTS_MAX]:
            self._host = f"{endpoint.host} [{endpoint.address}]:{endpoint.port}"
            usable += await self._check(endpoint, limits.tls)
        self._host = ""
        self._say_step({"hosts": min(len(endpoints), HOSTS_MAX), "usable": usable, "done": True})

    # Which hosts.

    async def _endpoints(self, hop: NextHop, host: str) -> Sequence[Endpoint]:
        if hop.kind not in (HopKind.MX, HopKind.HOSTS, HopKind.NOWHERE):
            self._say(f"mail goes to {hop.name}: there is no host to speak to")
            return ()
        how = "a route" if hop.kind is HopKind.HOSTS else "DNS"
        self._say(f"next hop: {hop.name} (by {how})")
        search = self._shared.finder.search(hop, 0)
        while await search.next_group():
            pass
        if search.failure is not None:
            self._say(f"looking it up: {' '.join(search.failure.lines)}")
        if not host:
            return search.found
        usual = search.found[0].port if search.found else self._plan.port
        try:
            name, port, _ = parse_hostport(host, default_port=0)
        except ValueError as wrong:
            self._say(str(wrong))
            return ()
        named = [each for each in search.found if name in (each.host.lower(), each.address)]
        if named:
            return [each._replace(port=port or each.port) for each in named]
        self._say(f"{name} is none of its hosts; it is spoken to all the same")
        return await self._addresses(name, port or usual, hop.domain)

    async def _addresses(self, host: str, port: int, domain: str) -> Sequence[Endpoint]:
        address = address_of(host)
        if address:
            return (Endpoint(address, address, port),)
        try:
            addresses = await self._shared.means.resolver.resolve_addresses(host)
        except (NameNotFoundError, ResolutionError) as error:
            self._say(f"looking it up: {error}")
            return ()
        return [Endpoint(host, each, port, domain) for each in addresses]

    # One host.

    async def _check(self, endpoint: Endpoint, tls: DestinationTls) -> bool:
        """Say what comes of TLS with a host; return whether mail would go there."""
        need = await self._find_need(endpoint)
        if need.security is Security.UNREACHABLE:
            self._say(f"result: no mail goes there: {need.host.reason}")
            return False
        verified = await self._talk(endpoint, need, self._plan.tls.verifying)
        if not verified.is_connected:
            self._say(f"cannot be reached: {verified.error}")
            return False
        self._say(f"connected from {verified.local_address}: {verified.greeting}")
        if verified.offers_starttls is None and not verified.is_unverified:
            self._say(f"result: no mail goes there: {verified.error}")
            return False
        seen = verified
        if not verified.offers_starttls:
            self._say("STARTTLS is not offered")
        elif verified.is_encrypted:
            self._say(f"{verified.protocol} with {verified.cipher}")
            self._say_certificate(verified.certificate)
            self._say("the certificate leads to a known authority")
        else:
            self._say(f"STARTTLS is offered; with a known authority: {verified.error}")
            seen = await self._talk(endpoint, need, self._plan.tls.trusting)
            await self._say_unverified(endpoint, need, seen)
        return await self._judge(endpoint, need, tls, verified, seen)

    async def _find_need(self, endpoint: Endpoint) -> Need:
        security = self._shared.security
        if security is None:
            return NOTHING_NEEDED
        need = await security.find(endpoint)
        who = need.words()
        if who:
            self._say(f"{who} asks for: {need.security.value}")
        return need

    async def _talk(self, endpoint: Endpoint, need: Need, context: ssl.SSLContext) -> TlsTalk:
        try:
            local = self._plan.local_address(endpoint.address)
        except ValueError as wrong:
            talk = TlsTalk()
            talk.error = str(wrong)
            return talk
        name = "" if address_of(endpoint.host) else need.server_name or endpoint.host
        hello = self._plan.hello(local or "")
        settings = TalkSettings(local_address=local, hello=hello, context=context, server_name=name)
        return await talk_to(endpoint, settings)

    async def _say_unverified(self, endpoint: Endpoint, need: Need, seen: TlsTalk) -> None:
        """Say whose a certificate claims to be that no known authority vouches for."""
        if not seen.is_encrypted:
            self._say(f"without looking at the certificate: {seen.error}")
            return
        self._say(f"{seen.protocol} with {seen.cipher}, certificate not verified")
        if not seen.chain:
            return
        try:
            # It vouches for itself, so that it is read.
            context = anchor_context(seen.chain[:1], self._plan.tls.protocol)
        except ValueError:
            return
        again = await self._talk(endpoint, need, context)
        if again.certificate:
            self._say_certificate(again.certificate)

    def _say_certificate(self, certificate: Mapping[str, Any]) -> None:
        names = [str(value) for _, value in certificate.get("subjectAltName", ())]
        shown = ", ".join(names[:NAMES_SHOWN_MAX]) or "none"
        if len(names) > NAMES_SHOWN_MAX:
            shown += f" and {len(names) - NAMES_SHOWN_MAX} more"
        self._say(
            f"certificate of {_name(certificate.get('subject'))}, "
            f"by {_name(certificate.get('issuer'))}, "
            f"until {certificate.get('notAfter', 'unknown')}; names: {shown}"
        )

    # What mail would do.

    async def _judge(
        self,
        endpoint: Endpoint,
        need: Need,
        tls: DestinationTls,
        verified: TlsTalk,
        seen: TlsTalk,
    ) -> bool:
        for attempt in attempts(tls, need.security):
            error = await self._missing(attempt, endpoint, need, verified, seen)
            if not error:
                self._say(f"result: mail goes there {_how(attempt, seen)}")
                return True
            self._say(f"{_wish(attempt)}: {error}")
        self._say("result: no mail goes there")
        return False

    async def _missing(
        self, attempt: Attempt, endpoint: Endpoint, need: Need, verified: TlsTalk, seen: TlsTalk
    ) -> str:
        """Return what keeps `attempt` from working; "" is nothing."""
        if not attempt.starttls:
            return ""
        if not seen.offers_starttls:
            return "STARTTLS is not offered" if attempt.must_encrypt else ""
        if not seen.is_encrypted:
            return seen.error
        names = [name for name in (endpoint.host, endpoint.domain) if name]
        match attempt.check:
            case Check.NOTHING:
                return ""
            case Check.DANE:
                return await self._missing_records(endpoint, need, seen)
            case Check.AUTHORITY | Check.MX_NAME:
                if not verified.is_encrypted:
                    return verified.error
                return _not_for(verified, names, must_be_host=attempt.check is Check.MX_NAME)

    async def _missing_records(self, endpoint: Endpoint, need: Need, seen: TlsTalk) -> str:
        """Return what keeps a host from what its TLSA records say; "" is nothing."""
        decision = need.host.dane
        match = match_chain(decision.records, seen.chain)
        if match is not None and not match.needs_path:
            return ""
        anchors = (seen.chain[match.depth],) if match is not None else first_anchors(decision)
        if not anchors:
            return "no TLSA record describes its certificate"
        try:
            context = anchor_context(anchors, self._plan.tls.protocol)
        except ValueError as error:
            return str(error)
        again = await self._talk(endpoint, need, context)
        if not again.is_encrypted:
            return again.error
        return _not_for(again, list(decision.names), must_be_host=False)


def _not_for(talk: TlsTalk, names: Sequence[str], *, must_be_host: bool) -> str:
    if must_be_host:  # RFC 8461, 4.1: a dNSName of the host, nothing else
        alternatives = talk.certificate.get("subjectAltName", ())
        names = names[:1] if any(kind == "DNS" for kind, _ in alternatives) else ()
    if is_for(talk.certificate, names):
        return ""
    return f"the certificate is not for {' or '.join(names) or 'a host name'}"


def _wish(attempt: Attempt) -> str:
    match attempt.check:
        case Check.NOTHING:
            return "encrypted"
        case Check.AUTHORITY:
            return "with a certificate that is verified"
        case Check.MX_NAME:
            return "with a certificate as MTA-STS wants it"
        case Check.DANE:
            return "with a certificate as DANE wants it"


def _how(attempt: Attempt, seen: TlsTalk) -> str:
    if not attempt.starttls or not seen.is_encrypted:
        return "in the clear"
    match attempt.check:
        case Check.NOTHING:
            return "encrypted; the certificate does not matter"
        case Check.AUTHORITY | Check.MX_NAME:
            return "encrypted, and the certificate is verified"
        case Check.DANE:
            return "encrypted, and DANE proves the certificate"


def _name(parts: Any) -> str:  # noqa: ANN401  tuples of tuples of pairs, as getpeercert has them
    pairs = {key: value for group in parts or () for key, value in group}
    return str(pairs.get("commonName") or pairs.get("organizationName") or "nobody named")
