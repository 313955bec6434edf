"""Destination controls and the policies of domains: the stricter one counts."""

import pytest

from mailwarden.core.policy.destinations import DestinationTls
from mailwarden.core.policy.transport_security import Security
from mailwarden.mailflow.delivery.queue import TlsWish
from mailwarden.mailflow.delivery.tls_attempts import Asked, Attempt, Check, asked_tls, attempts

CLEAR = Attempt(starttls=False)
ANY = Attempt(starttls=True)
VERIFIED = Attempt(starttls=True, check=Check.AUTHORITY)


def must(check: Check = Check.NOTHING) -> Attempt:
    return Attempt(starttls=True, check=check, must_encrypt=True)


@pytest.mark.parametrize("tls", DestinationTls)
def test_dane_and_enforced_policies_leave_no_choice(tls: DestinationTls) -> None:
    assert attempts(tls, Security.DANE) == (must(Check.DANE),)
    assert attempts(tls, Security.PKIX) == (must(Check.MX_NAME),)
    assert attempts(tls, Security.UNREACHABLE) == ()


@pytest.mark.parametrize("tls", DestinationTls)
def test_encryption_is_never_given_up(tls: DestinationTls) -> None:
    """RFC 7672, 2.2: records that SMTP does not use still ask for TLS."""
    assert all(attempt.must_encrypt for attempt in attempts(tls, Security.ENCRYPT))


@pytest.mark.parametrize("security", Security)
@pytest.mark.parametrize("tls", [DestinationTls.REQUIRED, DestinationTls.REQUIRED_VERIFY])
def test_the_controls_are_never_weakened(tls: DestinationTls, security: Security) -> None:
    made = attempts(tls, security)
    assert all(attempt.must_encrypt for attempt in made)
    if tls is DestinationTls.REQUIRED_VERIFY:
        assert all(attempt.check is not Check.NOTHING for attempt in made)


def test_the_table() -> None:
    opportunistic = Security.OPPORTUNISTIC
    assert attempts(DestinationTls.NONE, opportunistic) == (CLEAR,)
    assert attempts(DestinationTls.PREFERRED_VERIFY, opportunistic) == (VERIFIED, ANY, CLEAR)
    assert attempts(DestinationTls.PREFERRED_VERIFY, Security.ENCRYPT) == (
        must(Check.AUTHORITY),
        must(),
    )
    testing = Security.PKIX_TESTING
    assert attempts(DestinationTls.NONE, testing) == (must(Check.MX_NAME), ANY, CLEAR)
    assert attempts(DestinationTls.REQUIRED, testing) == (must(Check.MX_NAME), must())


@pytest.mark.parametrize("tls", DestinationTls)
@pytest.mark.parametrize("is_configured", [False, True])
def test_what_a_message_asks_for_comes_first(tls: DestinationTls, is_configured: bool) -> None:
    """RFC 8689, 4.2.1 and RFC 8460, 3."""
    asked = {wish: asked_tls(wish, tls, is_configured=is_configured) for wish in TlsWish}
    assert asked[TlsWish.NONE] == Asked(tls)
    assert asked[TlsWish.REQUIRED] == Asked(DestinationTls.REQUIRED_VERIFY)
    keeps = is_configured and tls is not DestinationTls.NONE
    optional = Asked(tls if keeps else DestinationTls.PREFERRED, wants_policies=False)
    assert asked[TlsWish.OPTIONAL] == optional
