"""What the domains of other hosts ask of connections to them, and how that went, for TLS reports.

The parts are elsewhere: TLSA records (system/dns), MTA-STS policies (services), what follows from
them (core/policy). Here they are asked in turn for a host, and the results are counted.
"""

import ssl
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.mail.address import AddressError
from mailwarden.core.mail.domain import domain_to_ascii, matches_domain
from mailwarden.core.policy.dane import (
    NO_DANE,
    DaneDecision,
    DaneLevel,
    Trust,
    has_anchors,
    published_anchors,
)
from mailwarden.core.policy.dane import applied_policy as applied_records
from mailwarden.core.policy.mta_sts import applied_policy as applied_sts
from mailwarden.core.policy.tls_report import (
    AppliedPolicy,
    PolicyType,
    ReportCollector,
    ResultType,
    SessionFailure,
)
from mailwarden.core.policy.transport_security import HostSecurity, Security, decide_host
from mailwarden.mailflow.delivery.hosts import Endpoint
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.services.transport_security.anchors import anchor_context
from mailwarden.services.transport_security.policies import PolicyAnswer, PolicySource
from mailwarden.system.clock.clock import Clock
from mailwarden.system.crypto.settings import DEFAULT_PROTOCOL, TlsProtocol
from mailwarden.system.dns.tlsa import DaneLookups

SHOWN_MAX: Final = 10_000  # hosts whose last decision is remembered for displays
ANCHORS_MAX: Final = 1000  # hosts whose trust anchor is remembered, and contexts that are kept
_NO_ANSWER: Final = PolicyAnswer()
_NOTHING_ASKED: Final = HostSecurity(Security.OPPORTUNISTIC)


class Need(NamedTuple):
    """What a connection to a host needs."""

    host: HostSecurity
    domain: str = ""  # of the policy, in A-labels; "" when nobody can have one
    answer: PolicyAnswer = _NO_ANSWER  # about MTA-STS

    @property
    def security(self) -> Security:
        """What attempts have to be made."""
        if self.host.security is Security.PKIX_TESTING and self.host.failure is not None:
            return Security.OPPORTUNISTIC  # it is known already how the test would end
        return self.host.security

    @property
    def server_name(self) -> str:
        """Name for SNI; "" leaves it to the host's own name (RFC 7672, 2.2.3; RFC 8461, 7.1)."""
        return self.host.dane.base_domain if self.host.security is Security.DANE else ""

    @property
    def is_about_policy(self) -> bool:
        """Whether MTA-STS keeps mail from a host that does not meet it."""
        refused = self.host.security is Security.UNREACHABLE and self.host.reason_code != ""
        return self.host.security is Security.PKIX or refused

    def words(self) -> str:
        """Return who asks, for the log and for displays; "" is nobody."""
        mode = "" if self.host.policy is None else self.host.policy.mode.value
        match self.host.security:
            case Security.DANE | Security.ENCRYPT:
                return "DANE"
            case Security.UNREACHABLE if self.host.dane.level is DaneLevel.UNREACHABLE:
                return "DANE"
            case Security.PKIX | Security.PKIX_TESTING | Security.UNREACHABLE:
                return f"MTA-STS ({mode})"
            case _:
                return ""


NOTHING_NEEDED: Final = Need(_NOTHING_ASKED)


class Outcome(NamedTuple):
    """How a session with a host ended, as far as TLS is concerned."""

    result: ResultType | None = None  # None is well, or that nobody wanted TLS
    reason: str = ""  # for the log, and as reason code of the report
    local_address: str = ""
    wanted_tls: bool = True


class Count(Enum):
    """Counters of delivery that say how it goes."""

    DANE_VERIFIED = "dane_verified"
    DANE_FAILED = "dane_failed"
    MTA_STS_VERIFIED = "mta_sts_verified"
    MTA_STS_FAILED = "mta_sts_failed"


class TransportSecurity:
    """Answers for the hosts of one worker. To be used from its event loop."""

    __slots__ = (
        "_anchors",
        "_clock",
        "_contexts",
        "_lookups",
        "_policies",
        "_results",
        "_settings",
        "_shown",
        "is_trusted",
    )

    def __init__(
        self,
        settings: DeliverySettings,
        lookups: DaneLookups,
        policies: PolicySource,
        results: ReportCollector,
        clock: Clock,
        *,
        is_trusted: bool,
    ) -> None:
        """`is_trusted` says that there are name servers whose word on DNSSEC counts."""
        self._settings = settings
        self._lookups: Final = lookups
        self._policies: Final = policies
        self._results: Final = results
        self._clock: Final = clock
        self.is_trusted = is_trusted
        self._shown: dict[Endpoint, str] = {}
        # Which anchor a host showed, by its records; and contexts of anchors.
        self._anchors: dict[DaneDecision, tuple[bytes, ...]] = {}
        self._contexts: dict[tuple[tuple[bytes, ...], TlsProtocol], ssl.SSLContext] = {}

    def apply(self, settings: DeliverySettings, *, is_trusted: bool) -> None:
        """Go on under other settings."""
        self._settings = settings
        self.is_trusted = is_trusted
        self._shown.clear()

    async def find(self, endpoint: Endpoint) -> Need:
        """Return what connections to `endpoint` need.

        May take as long as the fetch of a policy. Never raises for what DNS or policy hosts do.
        """
        if not endpoint.domain:  # RFC 8461, 3.4: address literals have no policy, nor records
            return NOTHING_NEEDED
        try:
            domain = domain_to_ascii(endpoint.domain)
            host = domain_to_ascii(endpoint.host)
        except AddressError:
            return NOTHING_NEEDED
        trust, decision = await self._find_records(domain, host, endpoint)
        answer = await self._find_policy(domain)
        need = Need(decide_host(host, trust, decision, answer.policy), domain, answer)
        if len(self._shown) >= SHOWN_MAX:
            self._shown.clear()
        self._shown[endpoint] = need.words()
        return need

    async def renew(self, need: Need) -> bool:
        """Look for another policy than the one of `need`; return whether there is one.

        RFC 8461, 5.1: before mail is returned because of a policy. No attempt after which a
        message may be returned ends without it.
        """
        answer = await self._policies.renew(need.domain)
        return answer.policy != need.answer.policy

    def describe(self, endpoint: Endpoint) -> str:
        """Return who asked for what when `endpoint` was last needed, for displays."""
        return self._shown.get(endpoint, "")

    async def _find_records(
        self, domain: str, host: str, endpoint: Endpoint
    ) -> tuple[Trust, DaneDecision]:
        settings = self._settings.dane
        if not (settings.enabled and self.is_trusted):
            return Trust.INSECURE, NO_DANE
        if _is_listed(domain, settings.except_domains) or _is_listed(host, settings.except_domains):
            return Trust.INSECURE, NO_DANE
        next_hop = await self._lookups.find_next_hop(domain)
        return next_hop.trust, await self._lookups.decide(next_hop, host, endpoint.port)

    async def _find_policy(self, domain: str) -> PolicyAnswer:
        settings = self._settings.mta_sts
        if not settings.enabled or _is_listed(domain, settings.except_domains):
            return _NO_ANSWER
        return await self._policies.find(domain)

    # Trust anchors.

    def known_anchors(self, decision: DaneDecision) -> tuple[bytes, ...]:
        """Return the certificates that a host's certificate led to before; none is not known."""
        return self._anchors.get(decision, ())

    def note_anchors(self, decision: DaneDecision, anchors: Sequence[bytes]) -> None:
        """Remember what the certificate of a host led to, so that the next connection knows."""
        if len(self._anchors) >= ANCHORS_MAX:
            self._anchors.clear()
        self._anchors[decision] = tuple(anchors)

    def anchor_context(
        self, anchors: tuple[bytes, ...], protocol: TlsProtocol = DEFAULT_PROTOCOL
    ) -> ssl.SSLContext:
        """Return what speaks `protocol` and takes certificates that lead to one of `anchors`.

        Raises:
            ValueError: an anchor is no certificate.
        """
        context = self._contexts.get((anchors, protocol))
        if context is None:
            if len(self._contexts) >= ANCHORS_MAX:
                self._contexts.clear()
            context = anchor_context(anchors, protocol)
            self._contexts[(anchors, protocol)] = context
        return context

    # Results.

    def record(self, endpoint: Endpoint, need: Need, outcome: Outcome) -> Count | None:
        """Count how a session with `endpoint` ended; return which counter it belongs to.

        Where it was known before how it would end, `outcome` does not matter.
        """
        host = need.host
        if host.failure is not None:
            outcome = outcome._replace(result=host.failure, reason=host.reason_code or host.reason)
        is_good = outcome.result is None and host.security is not Security.UNREACHABLE
        # RFC 8460, 4.3.4: that DNS does not answer for now is no failure to report.
        is_passing = host.security is Security.UNREACHABLE and host.failure is None
        if self._settings.tls_reports.enabled and need.domain and not is_passing:
            self._report(endpoint, need, outcome)
        match host.security:
            case Security.DANE | Security.ENCRYPT:
                return Count.DANE_VERIFIED if is_good else Count.DANE_FAILED
            case Security.UNREACHABLE if host.dane.level is DaneLevel.UNREACHABLE:
                return Count.DANE_FAILED
            case Security.OPPORTUNISTIC:
                return None
            case _:
                return Count.MTA_STS_VERIFIED if is_good else Count.MTA_STS_FAILED

    def _report(self, endpoint: Endpoint, need: Need, outcome: Outcome) -> None:
        now = self._clock.time()
        failed = need.answer.failure
        if failed is not None:
            # RFC 8461, 6: a policy that could not be fetched is reported, whatever is in use.
            known = need.answer.policy
            policy = (
                applied_sts(need.domain, known)
                if known is not None
                else AppliedPolicy(PolicyType.STS, need.domain, need.answer.lines)
            )
            failure = SessionFailure(failed, reason_code=need.answer.reason)
            self._results.add_failure(policy, failure, now)
            if known is None and need.host.security is Security.OPPORTUNISTIC:
                return  # one session, one result: there is a policy, though nobody knows it
        if not outcome.wanted_tls:
            return
        applied = _applied(endpoint, need)
        if outcome.result is None:
            self._results.add_success(applied, now)
            return
        failure = SessionFailure(
            outcome.result,
            sending_mta_ip=outcome.local_address,
            receiving_mx_hostname=endpoint.host,
            receiving_ip=endpoint.address,
            reason_code=outcome.reason,
        )
        self._results.add_failure(applied, failure, now)


def first_anchors(decision: DaneDecision) -> tuple[bytes, ...]:
    """Return the anchors that DNS itself holds, when a host may lead to one."""
    return published_anchors(decision.records) if has_anchors(decision.records) else ()


def _applied(endpoint: Endpoint, need: Need) -> AppliedPolicy:
    """Return the policy that decided about a session (RFC 8460, 4.4)."""
    host = need.host
    if host.security in (Security.DANE, Security.ENCRYPT):
        return applied_records(host.dane, endpoint.host)
    if host.dane.level is DaneLevel.UNREACHABLE:
        return applied_records(host.dane, endpoint.host)
    if host.policy is not None:
        return applied_sts(need.domain, host.policy)
    return AppliedPolicy(PolicyType.NONE, need.domain)


def _is_listed(domain: str, patterns: Sequence[str]) -> bool:
    return any(matches_domain(domain, pattern) for pattern in patterns)
