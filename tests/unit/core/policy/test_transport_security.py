"""What DANE and MTA-STS ask for together."""

import pytest

from mailwarden.core.policy.dane import NO_DANE, DaneDecision, DaneLevel, Trust
from mailwarden.core.policy.mta_sts import Mode, StsPolicy
from mailwarden.core.policy.tls_report import ResultType
from mailwarden.core.policy.transport_security import (
    MX_MISMATCH,
    HostSecurity,
    Security,
    decide_host,
)

HOST = "mx.partner.example"
VERIFY = DaneDecision(DaneLevel.VERIFY, HOST)
ENCRYPT = DaneDecision(DaneLevel.ENCRYPT, HOST)
GONE = DaneDecision(DaneLevel.UNREACHABLE, HOST, failure=ResultType.DNSSEC_INVALID, reason="why")
ENFORCE = StsPolicy(Mode.ENFORCE, 86400, ("*.partner.example",))
OTHERS = ENFORCE._replace(mx=("mx.elsewhere.example",))
TESTING = ENFORCE._replace(mode=Mode.TESTING)
TESTING_OTHERS = OTHERS._replace(mode=Mode.TESTING)
NONE = ENFORCE._replace(mode=Mode.NONE)


@pytest.mark.parametrize(
    ("dane", "policy", "security"),
    [
        (NO_DANE, None, Security.OPPORTUNISTIC),
        (NO_DANE, NONE, Security.OPPORTUNISTIC),
        (NO_DANE, ENFORCE, Security.PKIX),
        (NO_DANE, OTHERS, Security.UNREACHABLE),
        (NO_DANE, TESTING, Security.PKIX_TESTING),
        (NO_DANE, TESTING_OTHERS, Security.PKIX_TESTING),
        (ENCRYPT, None, Security.ENCRYPT),
        (ENCRYPT, NONE, Security.ENCRYPT),
        (ENCRYPT, ENFORCE, Security.PKIX),
        (ENCRYPT, OTHERS, Security.UNREACHABLE),
        (ENCRYPT, TESTING, Security.ENCRYPT),
        (VERIFY, None, Security.DANE),
        (VERIFY, NONE, Security.DANE),
        (VERIFY, ENFORCE, Security.DANE),
        (VERIFY, TESTING, Security.DANE),
        (GONE, None, Security.UNREACHABLE),
        (GONE, ENFORCE, Security.UNREACHABLE),  # RFC 8461, 2: never overridden
        (GONE, TESTING, Security.UNREACHABLE),
    ],
)
@pytest.mark.parametrize("trust", [Trust.SECURE, Trust.INSECURE])
def test_together(
    dane: DaneDecision, policy: StsPolicy | None, security: Security, trust: Trust
) -> None:
    decided = decide_host(HOST, trust, dane, policy)
    assert decided.security is security
    assert decided.dane is dane
    assert decided.policy is (None if policy is NONE else policy)


@pytest.mark.parametrize(
    ("trust", "policy", "security"),
    [
        (Trust.SECURE, OTHERS, Security.DANE),
        (Trust.SECURE, TESTING_OTHERS, Security.DANE),
        (Trust.INSECURE, OTHERS, Security.UNREACHABLE),
        (Trust.INSECURE, TESTING_OTHERS, Security.DANE),
    ],
)
def test_a_signed_host_that_forged_mx_records_name(
    trust: Trust, policy: StsPolicy, security: Security
) -> None:
    assert decide_host(HOST, trust, VERIFY, policy).security is security


@pytest.mark.parametrize(
    ("policy", "security"),
    [(OTHERS, Security.UNREACHABLE), (TESTING_OTHERS, Security.PKIX_TESTING)],
)
def test_a_host_that_is_not_in_the_policy_is_reported(
    policy: StsPolicy, security: Security
) -> None:
    assert decide_host(HOST, Trust.INSECURE, NO_DANE, policy) == HostSecurity(
        security,
        NO_DANE,
        policy,
        ResultType.VALIDATION_FAILURE,
        f"{HOST} is not in the MTA-STS policy",
        MX_MISMATCH,
    )


def test_a_failure_of_dane_keeps_its_reason() -> None:
    decided = decide_host(HOST, Trust.SECURE, GONE, ENFORCE)
    assert (decided.failure, decided.reason) == (ResultType.DNSSEC_INVALID, "why")
