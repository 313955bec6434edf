"""How tables name addresses, and a search that finds the entry without walking the table.

A form is `user@dom.example`, `user@` (in any domain), one domain or everything below a domain. The
last two are written `dom.example` and `.dom.example` in some tables, `@dom.example` and
`@.dom.example` in others; the search takes both. An address literal, `[192.0.2.10]`, stands where
a domain does (RFC 5321, 4.1.3). `ALL` is every address.

Case never matters. Domains are compared by their A-labels (RFC 5891), local parts in Unicode's
form NFC (RFC 6532, 3.1).
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from mailwarden.core.hostport import SHOWN_LENGTH_MAX, parse_hostname
from mailwarden.core.mail.address import (
    ADDRESS_OCTETS_MAX,
    LOCAL_PART_OCTETS_MAX,
    AddressError,
    AddressRules,
    ParserMode,
    SourceRouting,
    parse_path,
)
from mailwarden.core.mail.domain import domain_to_ascii, octets

ALL: Final = "ALL"
NOWHERE: Final = -1  # no entry matches
FORM_LENGTH_MAX: Final = 1024  # letters as written; U-labels and quotes take more than their value

_PLAIN_LOCAL: Final = re.compile(rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,{LOCAL_PART_OCTETS_MAX}}}")
# What needs no quotes. The address parser leaves them where dots follow each other, and takes
# such a name without them too; both are one mailbox.
_WORD: Final = re.compile(r'[^\x00-\x20\x7f"(),:;<>@\[\\\]]++')
_LOCAL_RULES: Final = AddressRules(
    mode=ParserMode.STRICT,
    source_routing=SourceRouting.REJECT,
    reject_local_characters="",
)
_IPV6_TAG: Final = "ipv6:"


def parse_form(text: str) -> str:
    """Return `user@dom.example`, `user@`, `@dom.example` or `@.dom.example` in its one form.

    Raises:
        ValueError: it is none of them; the message says what would be right.
    """
    form = _checked(text)
    local, at, domain = form.rpartition("@")
    if not at or not (local or domain):
        raise ValueError(
            f"{_shown(form)} needs one of the forms user@dom.example, user@, @dom.example or "
            "@.dom.example"
        )
    if not local:
        return f"@{_parse_domain(domain, below=True)}"
    return f"{_parse_local(local)}@{_parse_domain(domain, below=False) if domain else ''}"


def parse_bare_form(text: str) -> str:
    """Return `user@dom.example`, `user@`, `dom.example`, `.dom.example` or `[192.0.2.10]`.

    Raises:
        ValueError: it is none of them; the message says what would be right.
    """
    form = _checked(text)
    if not form or form[0] == "@":
        raise ValueError(
            f"{_shown(form)} needs one of the forms dom.example, .dom.example, user@dom.example, "
            "user@ or [192.0.2.10]"
        )
    return parse_form(form) if "@" in form else _parse_domain(form, below=True)


def parse_form_or_ip(text: str) -> str:
    """Return an IP address, or one of the forms of `parse_form`, in its one form.

    Raises:
        ValueError: it is neither; the message says what would be right.
    """
    form = _checked(text)
    if "@" in form or "%" in form:
        return parse_form(form)
    try:
        return str(ipaddress.ip_address(form))
    except ValueError:
        raise ValueError(
            f"{_shown(form)} needs one of the forms user@dom.example, user@, @dom.example, "
            "@.dom.example or 192.0.2.40"
        ) from None


def is_ip_form(form: str) -> bool:
    """Whether a form that `parse_form_or_ip` returned is an IP address."""
    return "@" not in form


def build_form(form: str) -> str:
    """Return `form` as the first word of a line, where `#` begins a comment."""
    if form[:1] != "#":
        return form
    local, _, domain = form.rpartition("@")
    return f'"{local}"@{domain}'  # a local part, and a valid one: no domain begins so


def split_address(address: str) -> tuple[str, str]:
    """Return local part and domain of an address of an envelope in the form that is compared.

    The domain is "" where there is none, or none that DNS could hold. An address that is longer
    than any in an envelope has neither: it is nobody's.
    """
    if len(address) > ADDRESS_OCTETS_MAX:
        return "", ""
    if not address.isascii():
        return _split_international(address)
    text = address.lower()
    at = text.rfind("@")
    if at < 0 or text[-1] == '"':  # that @ stands in a quoted local part
        return _unquoted(text), ""
    domain = text[at + 1 :]
    return _unquoted(text[:at]), "" if domain[:1] == "." else domain


class AddressSearch:
    """Finds which of a table's forms an address falls under.

    Positions count from 0. The work is bounded by the length of an address, not by the size of
    the table.
    """

    __slots__ = ("_all", "_has_parents", "_positions")

    def __init__(self, forms: Iterable[str]) -> None:
        """Take forms as `parse_form` and `parse_bare_form` return them, or ALL, in order."""
        positions: dict[str, int] = {}
        for position, form in enumerate(forms):
            positions.setdefault(form[1:] if form[:1] == "@" else form, position)
        self._all: Final = positions.pop(ALL, NOWHERE)
        self._positions: Final = positions
        self._has_parents: Final = any(key[0] == "." and "@" not in key for key in positions)

    def find_first(self, address: str) -> int:
        """Return the position of the first form in the table that matches, or NOWHERE."""
        local, domain = split_address(address)
        found = NOWHERE
        if local or domain:
            get = self._positions.get
            found = _earlier(get(f"{local}@{domain}", NOWHERE), get(f"{local}@", NOWHERE))
            if domain:
                found = _earlier(found, get(domain, NOWHERE))
                if self._has_parents:
                    found = _earlier(found, self._find_parent(domain))
        return _earlier(found, self._all)

    def find_specific(self, address: str) -> int:
        """Return the position of the most specific kind of form that matches, or NOWHERE.

        The kinds are, in this order: the address, the user, the domain, what is above the domain,
        ALL. Among forms of one kind the first in the table wins.
        """
        local, domain = split_address(address)
        if local or domain:
            get = self._positions.get
            for key in (f"{local}@{domain}", f"{local}@", domain):
                found = get(key, NOWHERE)
                if found != NOWHERE:
                    return found
            if self._has_parents:
                found = self._find_parent(domain)
                if found != NOWHERE:
                    return found
        return self._all

    def _find_parent(self, domain: str) -> int:
        """Return the position of the first `.dom.example` that `domain` lies below."""
        get = self._positions.get
        found = NOWHERE
        dot = domain.find(".", 1)  # a domain does not lie below itself
        while dot > 0:
            found = _earlier(found, get(domain[dot:], NOWHERE))
            dot = domain.find(".", dot + 1)
        return found


def _earlier(one: int, other: int) -> int:
    """Return the lower of two positions; NOWHERE is behind all."""
    if one == NOWHERE:
        return other
    return one if other == NOWHERE or one < other else other


def _split_international(address: str) -> tuple[str, str]:
    if address[-1] == '"' or "@" not in address:
        return _fold(address), ""
    local, _, domain = address.rpartition("@")
    try:
        name = domain_to_ascii(domain.lower())
    except AddressError:  # DNS holds no such name, so neither does a table
        name = ""
    return _fold(local), "" if name[:1] == "." else name


def _fold(local: str) -> str:
    if local.isascii():
        return _unquoted(local.lower())
    # One by one, as in domains: a final sigma is no other letter than a sigma.
    return _unquoted(unicodedata.normalize("NFC", "".join(map(str.lower, local))))


def _unquoted(local: str) -> str:
    is_word = (
        local[:1] == local[-1:] == '"' and _WORD.fullmatch(local, 1, len(local) - 1) is not None
    )
    return local[1:-1] if is_word else local


def _checked(text: str) -> str:
    form = text.strip(" \t")
    if len(form) > FORM_LENGTH_MAX:
        raise ValueError(f"{_shown(form)}... is longer than {FORM_LENGTH_MAX} letters")
    if not form.isprintable():
        raise ValueError(f"{_shown(form)} has a character in it that cannot be shown")
    return form


def _parse_local(text: str) -> str:
    if _PLAIN_LOCAL.fullmatch(text):
        return text.lower()
    folded = _fold(text)
    try:
        local, rest = parse_path(f"<{folded}@>", _LOCAL_RULES, sender=False)
        if rest:
            raise AddressError("angle bracket in it", folded)
        local = _unquoted(local)
        # Without its quotes it may be another text in NFC, and then it could never be found.
        if _fold(local) != local or octets(local) > LOCAL_PART_OCTETS_MAX:
            raise AddressError("local part too long or not in one Unicode form", folded)
    except AddressError as error:
        raise ValueError(
            f"{_shown(text)} cannot stand before the @ ({error.reason}); a name with blanks or "
            'marks in it needs quotes, as in "joe doe"@dom.example'
        ) from None
    return local


def _parse_domain(text: str, *, below: bool) -> str:
    if text[:1] == "[":
        return _parse_literal(text)
    if below and text[:1] == ".":
        return f".{parse_hostname(text[1:])}"
    if (text[-1:].isdigit() or ":" in text) and _is_ip_address(text):
        raise ValueError(f"{_shown(text)} is an IP address; as a domain it is written [{text}]")
    return parse_hostname(text)


def _parse_literal(text: str) -> str:
    """Return an address literal as the address parser writes it; the IPv6 tag may be missing."""
    inner = text[1:-1].lower()
    is_tagged = inner.startswith(_IPV6_TAG)
    try:
        address = ipaddress.ip_address(inner.removeprefix(_IPV6_TAG))
        if text[-1] != "]" or "%" in inner or (is_tagged and address.version == 4):
            raise ValueError
    except ValueError:
        raise ValueError(
            f"{_shown(text)} is no address literal; write [192.0.2.10] or [IPv6:2001:db8::1]"
        ) from None
    return f"[{_IPV6_TAG}{address}]" if address.version == 6 else f"[{address}]"


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _shown(text: str) -> str:
    return repr(text[:SHOWN_LENGTH_MAX])
