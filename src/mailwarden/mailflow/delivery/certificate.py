"""Whether a verified certificate is the right one (RFC 9525; mailflow 7.2)."""

from collections.abc import Iterable, Mapping
from typing import Any

Certificate = Mapping[str, Any]  # in the form of `ssl.SSLSocket.getpeercert`


def is_certificate_for(certificate: Certificate, names: Iterable[str], address: str) -> bool:
    """Whether one of `names`, or the IP address, is in the certificate.

    That is a dNSName or iPAddress among the alternative names; a certificate without dNSName is
    taken by its common name.
    """
    alternatives = certificate.get("subjectAltName", ())
    if any(kind == "IP Address" and value == address for kind, value in alternatives):
        return True
    patterns = [value for kind, value in alternatives if kind == "DNS"] or [
        common_name(certificate)
    ]
    return any(_matches(pattern, name) for pattern in patterns for name in names)


def common_name(certificate: Certificate) -> str:
    """Return the last common name of the subject, or ""."""
    parts = [part for group in certificate.get("subject", ()) for part in group]
    return next((value for key, value in reversed(parts) if key == "commonName"), "")


def _matches(pattern: str, name: str) -> bool:
    """Whether `name` is `pattern`, whose first label may be `*` for any one (RFC 9525, 6.3)."""
    pattern, name = pattern.lower().removesuffix("."), name.lower().removesuffix(".")
    if not pattern or not name:
        return False
    if not pattern.startswith("*."):
        return pattern == name
    label, dot, rest = name.partition(".")
    return bool(label and dot) and rest == pattern[2:] and "." in rest
