"""Whom the certificate of a peer is for (RFC 9525; RFC 6125, 6.4.4 for the common name)."""

from collections.abc import Iterable, Mapping
from typing import Any

from mailwarden.system.dns.names import decode_host, encode_name, parse_address


def is_for(certificate: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Tell whether `certificate` is for one of `names`: host names, domains or IP addresses.

    `certificate` is what `getpeercert()` of a verified connection returns. Names stand in its
    dNSName and iPAddress entries; where it has no dNSName, the common name counts (mailflow 7.2).
    `*` stands for exactly one whole label, the first.
    """
    alternatives = certificate.get("subjectAltName", ())
    patterns = [value for kind, value in alternatives if kind == "DNS"]
    addresses = [value for kind, value in alternatives if kind == "IP Address"]
    if not patterns:
        subject = certificate.get("subject", ())
        patterns = [value for part in subject for kind, value in part if kind == "commonName"]
    for name in names:
        address = _address(name)
        if address:
            if address in map(_address, addresses):
                return True
        elif any(_matches(pattern, name) for pattern in patterns):
            return True
    return False


def _matches(pattern: str, name: str) -> bool:
    wanted = _labels(name)
    if not pattern.startswith("*."):
        return bool(wanted) and wanted == _labels(pattern)
    allowed = _labels(pattern[2:])
    # A whole top-level domain, as in `*.example`, is nobody's to certify.
    return len(allowed) > 1 and wanted[1:] == allowed


def _labels(name: str) -> list[str]:
    try:
        text = decode_host(encode_name(name))
    except ValueError:
        return []
    return text.split(".") if text else []


def _address(text: str) -> str:
    try:
        return parse_address(text.strip("[]").strip()).text
    except ValueError:
        return ""
