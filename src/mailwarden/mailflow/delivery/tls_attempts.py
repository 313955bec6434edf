"""In which ways a host is spoken to, one after the other; each one is a connection of its own.

Two things ask for TLS: the destination controls (mailflow 7.2), and what the domain of the host
publishes (DANE, MTA-STS). Where both do, the stricter one counts. From lax to strict: none,
preferred, preferred_verify, required, required_verify, MTA-STS that is enforced, DANE. A
certificate that DANE proves needs no public authority: also RFC 8689, 4.2.1 takes it for one that
is verified.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.policy.destinations import DestinationTls
from mailwarden.core.policy.transport_security import Security
from mailwarden.mailflow.delivery.queue import TlsWish


class Check(Enum):
    """What has to be right about the certificate of a host."""

    NOTHING = "nothing"
    AUTHORITY = "authority"  # a known authority, and the host or the domain (mailflow 7.2)
    MX_NAME = "mx-name"  # a known authority, and the host in a dNSName (RFC 8461, 4.2)
    DANE = "dane"  # one of the TLSA records describes it


class Attempt(NamedTuple):
    """One way to speak to a host."""

    starttls: bool
    check: Check = Check.NOTHING
    must_encrypt: bool = False
    anchors: tuple[bytes, ...] = ()  # with DANE-TA: certificates (DER) that it has to lead to


class Asked(NamedTuple):
    """What mail asks of connections, whoever its hosts are."""

    tls: DestinationTls
    wants_policies: bool = True  # off for mail that goes whatever TLS does (RFC 8460, 3)


_CLEAR: Final = Attempt(starttls=False)
_ENCRYPTED: Final = Attempt(starttls=True)
_VERIFIED: Final = Attempt(starttls=True, check=Check.AUTHORITY)
_REQUIRED: Final = Attempt(starttls=True, must_encrypt=True)
_REQUIRED_VERIFIED: Final = Attempt(starttls=True, check=Check.AUTHORITY, must_encrypt=True)
_MX_NAME: Final = Attempt(starttls=True, check=Check.MX_NAME, must_encrypt=True)
_DANE: Final = Attempt(starttls=True, check=Check.DANE, must_encrypt=True)

_OF_CONTROLS: Final[Mapping[DestinationTls, tuple[Attempt, ...]]] = {
    DestinationTls.NONE: (_CLEAR,),
    DestinationTls.PREFERRED: (_ENCRYPTED, _CLEAR),
    DestinationTls.REQUIRED: (_REQUIRED,),
    DestinationTls.PREFERRED_VERIFY: (_VERIFIED, _ENCRYPTED, _CLEAR),
    DestinationTls.REQUIRED_VERIFY: (_REQUIRED_VERIFIED,),
}
# DANE without a record that SMTP uses: TLS, with any certificate (RFC 7672, 2.2).
_ENCRYPT: Final[Mapping[DestinationTls, tuple[Attempt, ...]]] = {
    DestinationTls.NONE: (_REQUIRED,),
    DestinationTls.PREFERRED: (_REQUIRED,),
    DestinationTls.REQUIRED: (_REQUIRED,),
    DestinationTls.PREFERRED_VERIFY: (_REQUIRED_VERIFIED, _REQUIRED),
    DestinationTls.REQUIRED_VERIFY: (_REQUIRED_VERIFIED,),
}
# A policy that is tested (RFC 8461, 5): how it would go has to be found out, so that TLS is tried
# even where the controls do not want it; and mail goes in any case that they allow.
_TESTING: Final[Mapping[DestinationTls, tuple[Attempt, ...]]] = {
    DestinationTls.NONE: (_MX_NAME, _ENCRYPTED, _CLEAR),
    DestinationTls.PREFERRED: (_MX_NAME, _ENCRYPTED, _CLEAR),
    DestinationTls.REQUIRED: (_MX_NAME, _REQUIRED),
    DestinationTls.PREFERRED_VERIFY: (_MX_NAME, _VERIFIED, _ENCRYPTED, _CLEAR),
    DestinationTls.REQUIRED_VERIFY: (_MX_NAME, _REQUIRED_VERIFIED),
}


def asked_tls(wish: TlsWish, tls: DestinationTls, *, is_configured: bool) -> Asked:
    """Return what mail with `wish` asks for, where the destination controls say `tls`.

    `is_configured` says that an administrator named the next hop.
    """
    match wish:
        case TlsWish.NONE:
            return Asked(tls)
        case TlsWish.REQUIRED:
            # RFC 8689, 4.2.1: nothing less than a verified server will do.
            return Asked(DestinationTls.REQUIRED_VERIFY)
        case TlsWish.OPTIONAL:
            # On the way to a host of an administrator's own choice his word counts.
            if not is_configured or tls is DestinationTls.NONE:
                tls = DestinationTls.PREFERRED
            return Asked(tls, wants_policies=False)


def attempts(tls: DestinationTls, security: Security) -> tuple[Attempt, ...]:
    """Return the ways to speak to a host, in this order; none when it must not be spoken to."""
    match security:
        case Security.OPPORTUNISTIC:
            return _OF_CONTROLS[tls]
        case Security.ENCRYPT:
            return _ENCRYPT[tls]
        case Security.PKIX:
            return (_MX_NAME,)
        case Security.PKIX_TESTING:
            return _TESTING[tls]
        case Security.DANE:
            return (_DANE,)
        case Security.UNREACHABLE:
            return ()
