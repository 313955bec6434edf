"""What DANE and MTA-STS together ask of a connection to a mail host.

DANE says whom the host has to be; MTA-STS which hosts may be, and that public authorities vouch
for them. MTA-STS never replaces DANE that fails (RFC 8461, 2). DANE stands in for the public
authorities where both are there, as it does not depend on them.
"""

from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.policy.dane import (
    NO_DANE,
    DaneDecision,
    DaneLevel,
    Trust,
)
from mailwarden.core.policy.mta_sts import Mode, StsPolicy, matches_mx
from mailwarden.core.policy.tls_report import ResultType

MX_MISMATCH: Final = "mx-mismatch"  # reason code of a host that the policy does not name


class Security(Enum):
    """What a connection needs."""

    OPPORTUNISTIC = "opportunistic"  # what the settings of the destination say
    ENCRYPT = "encrypt"  # TLS, with any certificate
    PKIX = "pkix"  # TLS, with a certificate for the host from a known authority
    PKIX_TESTING = "pkix-testing"  # the same is only reported; mail goes in any case
    DANE = "dane"  # TLS, with a certificate that a TLSA record describes
    UNREACHABLE = "unreachable"  # no connection: as if the host did not answer


class HostSecurity(NamedTuple):
    """What a connection to a host needs, and why it may not be."""

    security: Security
    dane: DaneDecision = NO_DANE
    policy: StsPolicy | None = None  # that applies; None also when its mode is `none`
    failure: ResultType | None = None  # to be reported: of UNREACHABLE or PKIX_TESTING
    reason: str = ""  # in words, for the log
    reason_code: str = ""  # for the report


def decide_host(
    host: str, mx_trust: Trust, dane: DaneDecision, policy: StsPolicy | None
) -> HostSecurity:
    """Return what a connection to `host` needs.

    `host` is an MX host in lower case and A-labels, `mx_trust` that of the MX records that led to
    it, `policy` the MTA-STS policy of the domain, if it has a valid one.
    """
    applied = policy if policy is not None and policy.mode is not Mode.NONE else None
    if dane.level is DaneLevel.UNREACHABLE:
        return HostSecurity(Security.UNREACHABLE, dane, applied, dane.failure, dane.reason)
    if applied is None:
        return HostSecurity(_OF_DANE[dane.level], dane)
    is_enforced = applied.mode is Mode.ENFORCE
    # DNSSEC says already that these are the hosts of the domain.
    is_proved = dane.level is DaneLevel.VERIFY and mx_trust is Trust.SECURE
    if not is_proved and not matches_mx(applied, host):
        security = Security.UNREACHABLE if is_enforced else _in_testing(dane)
        reason = f"{host} is not in the MTA-STS policy"
        failure = ResultType.VALIDATION_FAILURE
        return HostSecurity(security, dane, applied, failure, reason, MX_MISMATCH)
    if dane.level is DaneLevel.VERIFY:
        return HostSecurity(Security.DANE, dane, applied)
    return HostSecurity(Security.PKIX if is_enforced else _in_testing(dane), dane, applied)


_OF_DANE: Final = {
    DaneLevel.NONE: Security.OPPORTUNISTIC,
    DaneLevel.ENCRYPT: Security.ENCRYPT,
    DaneLevel.VERIFY: Security.DANE,
}


def _in_testing(dane: DaneDecision) -> Security:
    """Return what is left of a policy that is only tested: nothing that DANE asks for is lost."""
    if dane.level is DaneLevel.NONE:
        return Security.PKIX_TESTING
    return _OF_DANE[dane.level]
