"""Domains of addresses: their one written form, their A-labels, and whether a pattern names them.

Characters beyond ASCII stand for themselves (U-labels, RFC 6531, 3.3); `domain_to_ascii` gives
the form that DNS and hosts without SMTPUTF8 understand (RFC 5891).
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from mailwarden.core.mail.address_scanner import AddressError

DOMAIN_OCTETS_MAX: Final = 255  # RFC 5321, 4.5.3.1.2
LABEL_OCTETS_MAX: Final = 63  # RFC 1035, 2.3.4
CACHED_DOMAINS_MAX: Final = 1024

# RFC 5321, 4.1.2: Let-dig and Ldh-str; the underscore is an allowance of mailflow 2.5.
ASCII_LABEL: Final = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}+(?<!-)"
_ASCII_DOMAIN: Final = re.compile(rf"(?:{ASCII_LABEL}\.)*{ASCII_LABEL}")
# The same with everything beyond ASCII, but for controls, blanks and the ideographic full stop.
_LABEL: Final = re.compile(r"(?!-)[^\x00-,./:-@\[-^`{-\x9f\s\u3002]++(?<!-)")


def normalize_domain(text: str) -> str:
    """Return `text` as the domain of an address: lower case, NFC, without a final dot.

    Raises:
        AddressError: it is no domain, or longer than DOMAIN_OCTETS_MAX octets.
    """
    name = text.removesuffix(".")
    if octets(name) > DOMAIN_OCTETS_MAX:
        raise AddressError("domain too long", text)
    if name.isascii():
        if not _ASCII_DOMAIN.fullmatch(name):
            raise AddressError(_what_is_wrong(name), text)
        domain = name.lower()
    else:
        domain = _normalize_international(name, text)
    if octets(domain) > DOMAIN_OCTETS_MAX:
        raise AddressError("domain too long", text)
    return domain


@lru_cache(CACHED_DOMAINS_MAX)
def domain_to_ascii(domain: str) -> str:
    """Return a domain in the form of `normalize_domain` with A-labels in place of U-labels.

    Raises:
        AddressError: a label has no such form, or the domain gets longer than DNS takes.
    """
    if domain.isascii():
        return domain
    import idna  # noqa: PLC0415  100 KB of tables that most runs never need

    try:
        labels = [
            label if label.isascii() else idna.alabel(label).decode("ascii")
            for label in domain.split(".")
        ]
    except UnicodeError as error:  # idna.IDNAError is one
        raise AddressError("not a valid international domain", domain) from error
    name = ".".join(labels)
    if len(name) > DOMAIN_OCTETS_MAX:
        raise AddressError("domain too long", domain)
    return name


def matches_domain(domain: str, pattern: str) -> bool:
    """Whether `pattern` names `domain`: `dom.example` itself, `.dom.example` what is below it.

    `domain` is in the form of `normalize_domain`, `pattern` in lower case and A-labels.
    """
    if not domain.isascii():
        try:
            domain = domain_to_ascii(domain)
        except AddressError:
            return False
    if pattern.startswith("."):
        return domain.endswith(pattern) and len(domain) > len(pattern)
    return domain == pattern


def octets(text: str) -> int:
    """Return how many bytes `text` has on the wire.

    Raises:
        AddressError: it has surrogates that stand for no byte.
    """
    if text.isascii():
        return len(text)
    try:
        return len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise AddressError("illegal character in the address", text) from error


def _normalize_international(name: str, text: str) -> str:
    # One by one, because a whole word's final sigma becomes another letter than UTS 46 makes it.
    lowered = unicodedata.normalize("NFC", "".join(map(str.lower, name)))
    # A character that only looks like another one, such as a full-width letter or dot, would
    # pass for a different domain here than in DNS. No U-label holds one (RFC 5892, 2.2).
    if unicodedata.normalize("NFKC", lowered.lower()) != lowered:
        raise AddressError("illegal character in the domain", text)
    for label in lowered.split("."):
        if not _LABEL.fullmatch(label) or (label.isascii() and len(label) > LABEL_OCTETS_MAX):
            raise AddressError(_what_is_wrong(lowered), text)
    return lowered


def _what_is_wrong(name: str) -> str:
    if not name or ".." in name or name.startswith(".") or name.endswith("."):
        return "empty label in the domain"
    if any(label.isascii() and len(label) > LABEL_OCTETS_MAX for label in name.split(".")):
        return "label of the domain too long"
    return "illegal character in the domain"
