"""Reads addresses from SMTP commands (RFC 5321, 4.1.2, with the allowances of mailflow 2.5)."""

import itertools
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from mailwarden.core.mail.address_rules import (
    AddressRules,
    IPAddress,
    ParserMode,
    SourceRouting,
    parse_ip_address,
)
from mailwarden.core.mail.address_scanner import (
    AddressError,
    Kind,
    Token,
    is_touching,
    split_loose,
    split_strict,
    tokens,
)
from mailwarden.core.mail.domain import (
    ASCII_LABEL,
    domain_to_ascii,
    matches_domain,
    normalize_domain,
    octets,
)
from mailwarden.core.mail.envelope import NULL_SENDER

__all__ = [
    "AddressError",
    "AddressRules",
    "ParserMode",
    "Path",
    "SourceRouting",
    "matches_domain",
    "parse_mailbox",
    "parse_path",
    "to_ascii",
]

LOCAL_PART_OCTETS_MAX: Final = 64  # RFC 5321, 4.5.3.1.1; see `_check_length`
PATH_OCTETS_MAX: Final = 256  # RFC 5321, 4.5.3.1.3: with the angle brackets
ADDRESS_OCTETS_MAX: Final = PATH_OCTETS_MAX - len("<>")
POSTMASTER: Final = "postmaster"  # RFC 5321, 4.5.1: taken without a domain, in any case

_CACHED_RULES_MAX: Final = 64  # sets of rules whose derived values are kept

_ATEXT: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~"
_ATOM: Final = r'[^\x00-\x20\x7f"(),.:;<>@\[\\\]]++'
_DOT_STRING: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")  # needs no quotes (RFC 5321, 4.1.2)
_ROUTE: Final = re.compile(r"@h(?:,@h)*")  # over the signs of its tokens
_AT: Final = Token(Kind.MARK, "@")
_COLON: Final = Token(Kind.MARK, ":")
_COMMA: Final = Token(Kind.MARK, ",")


class Path(NamedTuple):
    """What follows `MAIL FROM:` or `RCPT TO:`."""

    address: str  # as in an envelope; "" is the null reverse-path
    parameters: str  # ESMTP parameters, not parsed


def parse_path(
    argument: str, rules: AddressRules, *, sender: bool, default_domain: str = ""
) -> Path:
    """Return the path in `argument`, which is everything behind the colon of MAIL or RCPT.

    `argument` is decoded from UTF-8 with `surrogateescape`. `default_domain`, in lower case, is
    added to an address that has none.

    The address is in the one form that reads back as itself: the domain in lower case and NFC,
    a local part in quotes only where it needs them.

    Raises:
        AddressError: there is no address that `rules` let pass.
    """
    match = _plain_path(rules.reject_local_characters)(argument)
    if match is not None:
        local, domain, parameters = match.groups()
        address = f"{local}@{domain.lower()}"
        if len(address) <= ADDRESS_OCTETS_MAX:
            return Path(address, parameters.rstrip(" \t") if parameters else "")
    return _parse_unusual(argument, rules, sender=sender, default_domain=default_domain)


def parse_mailbox(text: str, rules: AddressRules | None = None) -> str:
    """Return the address that `text` is, for addresses in a configuration.

    Without `rules` it is read loosely, and must have a domain with a dot.

    Raises:
        AddressError: it is none, or there is more than an address.
    """
    path = parse_path(text.strip(), rules or AddressRules(allow_partial_domain=False), sender=False)
    if path.parameters:
        raise AddressError("text behind the address", path.parameters)
    return path.address


def to_ascii(address: str) -> str:
    """Return `address` with its domain in A-labels; the local part stays as it is.

    Raises:
        AddressError: the domain has no such form.
    """
    if address.isascii():
        return address
    local, at, domain = address.rpartition("@")
    return f"{local}@{domain_to_ascii(domain)}" if at else address


@lru_cache(_CACHED_RULES_MAX)
def _plain_path(rejected: str) -> Callable[[str], re.Match[str] | None]:
    """Return a matcher of `<local@domain>` without anything unusual.

    What it matches means the same in every mode and to all rules but the given one. It never
    tries a character twice.
    """
    letters = re.escape("".join(sorted(set(_ATEXT + ".") - set(rejected))))
    letter = f"[{letters}]" if letters else "[^\\s\\S]"  # which matches nothing
    return re.compile(
        rf"[ \t]*+<({letter}{{1,{LOCAL_PART_OCTETS_MAX}}}+)"
        rf"@((?:{ASCII_LABEL}\.)+{ASCII_LABEL})>(?:[ \t]++([^ \t(].*+)?)?\Z",
        re.DOTALL,
    ).match


def _parse_unusual(
    argument: str, rules: AddressRules, *, sender: bool, default_domain: str
) -> Path:
    loose = rules.mode is ParserMode.LOOSE
    text, parameters = split_loose(argument) if loose else split_strict(argument)
    found = tokens(text, loose=loose)
    if not found:
        if not sender:
            raise AddressError("address missing", argument)
        return Path(NULL_SENDER, parameters)
    local, domain = _split_mailbox(_without_route(found, rules, text), rules)
    if not domain and default_domain and rules.allow_partial_domain:
        domain = default_domain
    if not rules.allow_partial_domain and "." not in domain and not domain.startswith("["):
        # mailflow 2.5; a sender without a domain could not be answered, postmaster or not
        if domain or sender or local.lower() != POSTMASTER:
            raise AddressError("domain missing or without a dot", text)
        domain = default_domain
    address = f"{local}@{domain}" if domain else local
    _check_length(local, address, rules)
    return Path(address, parameters)


def _check_length(local: str, address: str, rules: AddressRules) -> None:
    """Refuse what is too long.

    RFC 5321, 4.5.3.1 gives the least that must be taken, and senders that code a recipient into
    the return path go beyond 64. Only strict holds them to it; loose has the limit of the path.
    """
    if rules.mode is ParserMode.STRICT and octets(local) > LOCAL_PART_OCTETS_MAX:
        raise AddressError("local part too long", local)
    if octets(address) > ADDRESS_OCTETS_MAX:
        raise AddressError("address too long", address)


def _without_route(found: list[Token], rules: AddressRules, text: str) -> list[Token]:
    """Return `found` without its source route (RFC 5321, 4.1.2 and appendix C)."""
    if found[0] != _AT:
        return found
    try:
        end = found.index(_COLON)
    except ValueError:
        raise AddressError("local part missing", text) from None
    if not _ROUTE.fullmatch("".join(map(_sign, found[:end]))):
        raise AddressError("source route malformed", text)
    if rules.source_routing is SourceRouting.REJECT:
        raise AddressError("source routes are not allowed", text)
    return found[end + 1 :]


def _sign(token: Token) -> str:
    """Return one letter that says what `token` is."""
    if token.kind is Kind.MARK:
        return token.text
    return "h" if token.kind in (Kind.WORD, Kind.LITERAL) else "?"


def _split_mailbox(found: list[Token], rules: AddressRules) -> tuple[str, str]:
    """Return local part and domain, both as they go into the address; the latter may be empty."""
    at = max((i for i, token in enumerate(found) if token == _AT), default=len(found))
    return _local_part(found[:at], rules), _domain(found[at + 1 :], rules)


def _local_part(found: list[Token], rules: AddressRules) -> str:
    if not found:
        raise AddressError("local part missing", "")
    value = "".join(token.text for token in found)
    if not rules.allow_8bit_local and not value.isascii():
        raise AddressError("8-bit characters in the local part", value)
    for character in rules.reject_local_characters:
        if character in value:
            raise AddressError(f"{character!r} is not allowed in the local part", value)
    if len(found) == 1 and found[0].kind is Kind.WORD:
        return value
    if len(found) > 1:
        _check_pieces(found, value, rules)
    elif found[0].kind is not Kind.QUOTED:
        raise AddressError("illegal character in the local part", value)
    return value if _DOT_STRING.fullmatch(value) else _quote(value)


def _check_pieces(found: list[Token], value: str, rules: AddressRules) -> None:
    """Refuse a local part of several tokens that even loose does not take.

    It takes quoted strings between dots (RFC 5322, 4.4: obs-local-part), and `@` and `:` where
    the rules allow them. Those come out in quotes, as every other host wants them.
    """
    is_legal = rules.mode is ParserMode.LOOSE and not any(
        token.kind is Kind.LITERAL or token == _COMMA for token in found
    )
    pairs = itertools.pairwise(found)
    if not is_legal or not all(is_touching(left, right) for left, right in pairs):
        raise AddressError("illegal character in the local part", value)


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _domain(found: list[Token], rules: AddressRules) -> str:
    if not found:
        return ""
    text = "".join(token.text for token in found)
    if len(found) == 1 and found[0].kind is Kind.LITERAL:
        return _literal(text, rules)
    if any(token.kind is not Kind.WORD for token in found):
        raise AddressError("illegal character in the domain", text)
    if rules.mode is ParserMode.STRICT and text.endswith("."):
        raise AddressError("dot at the end of the domain", text)
    if not rules.allow_8bit_domain and not text.isascii():
        raise AddressError("8-bit characters in the domain", text)
    return normalize_domain(text)


def _literal(text: str, rules: AddressRules) -> str:
    """Return an address literal of ours in its one form (RFC 5321, 4.1.3)."""
    inner = text[1:-1].lower()
    address = parse_ip_address(inner.removeprefix("ipv6:"))
    if address is None or (address.version == 6) != inner.startswith("ipv6:"):
        raise AddressError("address literal malformed", text)
    if address not in _own_literals(rules.address_literals):
        raise AddressError("unknown address literal", text)
    return f"[ipv6:{address}]" if address.version == 6 else f"[{address}]"


@lru_cache(_CACHED_RULES_MAX)
def _own_literals(texts: tuple[str, ...]) -> frozenset[IPAddress | None]:
    return frozenset(map(parse_ip_address, texts))
