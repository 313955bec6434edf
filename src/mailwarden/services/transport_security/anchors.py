"""TLS contexts that trust what TLSA records name as trust anchors (DANE-TA: RFC 7672, 3.1.2).

A record with a digest names an anchor that only the peer can show. So the first connection takes
any certificate; when `match_chain` finds the anchor in the chain, a context of it is made, and a
second connection checks signatures, dates and purposes. Afterwards names have to be compared, see
`peer_names.is_for`.
"""

import ssl
from collections.abc import Sequence
from typing import Final

from mailwarden.core.policy.tls_report import ResultType
from mailwarden.system.crypto.settings import DEFAULT_PROTOCOL, TlsProtocol
from mailwarden.system.crypto.tls import apply_protocol, client_context

REASON_CHARACTERS_MAX: Final = 200

# x509_vfy.h of OpenSSL; ssl.SSLCertVerificationError.verify_code.
_EXPIRED: Final = 10
_MISMATCHES: Final = (62, 63, 64)  # of host name, address of mail, IP address


def anchor_context(
    anchors: Sequence[bytes], protocol: TlsProtocol = DEFAULT_PROTOCOL
) -> ssl.SSLContext:
    """Return a context that takes chains up to one of `anchors` (certificates in DER) only.

    An anchor need not be a root. Whom the certificate is for is not checked.

    Raises:
        ValueError: an anchor is no certificate, or there is none.
    """
    context = client_context("", verify=False)
    apply_protocol(context, protocol, is_verifying=True)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=b"".join(anchors))
    except ssl.SSLError as error:
        raise ValueError(f"a trust anchor cannot be used: {error}") from error
    return context


def describe_failure(error: ssl.SSLError) -> tuple[ResultType, str]:
    """Return what to report of a handshake that failed, and the reason code (RFC 8460, 4.3)."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        # OpenSSL's own errors have a `reason`, those of the ssl module may have none.
        reason = getattr(error, "reason", None) or str(error)
        return ResultType.VALIDATION_FAILURE, reason[:REASON_CHARACTERS_MAX]
    reason = error.verify_message[:REASON_CHARACTERS_MAX]
    if error.verify_code == _EXPIRED:
        return ResultType.CERTIFICATE_EXPIRED, reason
    if error.verify_code in _MISMATCHES:
        return ResultType.CERTIFICATE_HOST_MISMATCH, reason
    return ResultType.CERTIFICATE_NOT_TRUSTED, reason
