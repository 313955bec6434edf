"""What administrators write to say whose mail is meant: networks, domains, addresses."""

import ipaddress
import re
from typing import Final

from mailwarden.core.hostport import SHOWN_LENGTH_MAX, parse_hostname

ALL: Final = "ALL"
DEFAULT: Final = "DEFAULT"
LOCAL_LENGTH_MAX: Final = 64  # RFC 5321, 4.5.3.1.1
NAME_LENGTH_MAX: Final = 64
_FIELD_NAME: Final = re.compile(r"[!-9;-~]{1,64}\Z")  # RFC 5322, 3.6.8
_NAME: Final = re.compile(r"\w(?:[\w .@+-]*\w)?\Z")


def parse_ip_address(text: str) -> str:
    """Return the IP address in `text` in its shortest form.

    Raises:
        ValueError: it is none.
    """
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise ValueError(f"{_shown(text)} is not an IP address; write 203.0.113.5") from None


def parse_network(text: str) -> str:
    """Return the IP address or network in `text` in its shortest form.

    Raises:
        ValueError: it is neither; the message says what would be right.
    """
    value = text.strip()
    if "/" not in value:
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            raise ValueError(
                f"{_shown(text)} is neither an IP address nor a network; write 10.1.2.3, "
                "10.0.0.0/8 or 2001:db8::/32"
            ) from None
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        pass
    try:
        wider = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{_shown(text)} is not a network; write 10.0.0.0/8") from None
    raise ValueError(f"{_shown(text)} has bits set behind its prefix; write {wider}")


def parse_domain(text: str) -> str:
    """Return `dom.example`, or `.dom.example` for its sub-domains, in lower case.

    Raises:
        ValueError: it is neither.
    """
    value = text.strip()
    if value.startswith("."):
        return f".{parse_hostname(value[1:])}"
    return parse_hostname(value)


def parse_destination(text: str) -> str:
    """Return `dom.example`, `.dom.example` or `DEFAULT`: a key of the destination controls.

    Raises:
        ValueError: it is none of them.
    """
    return DEFAULT if text.strip().upper() == DEFAULT else parse_domain(text)


def parse_accepted(text: str) -> str:
    """Return `dom.example`, `.dom.example`, `user@dom.example` or `ALL` (mailflow 4).

    Raises:
        ValueError: it is none of them.
    """
    value = text.strip()
    if value.upper() == ALL:
        return ALL
    return parse_mailbox(value) if "@" in value else parse_domain(value)


def parse_mailbox(text: str) -> str:
    """Return `user@dom.example`, the domain in lower case.

    Raises:
        ValueError: it is not an address.
    """
    local, at, domain = text.strip().rpartition("@")
    if not at:
        raise ValueError(f"{_shown(text)} is not an address; write user@dom.example")
    return f"{_local(local, text)}@{parse_hostname(domain)}"


def parse_address_pattern(text: str) -> str:
    """Return `user@dom.example`, `user@`, `@dom.example` or `@.dom.example`.

    Raises:
        ValueError: it is none of them.
    """
    local, at, domain = text.strip().rpartition("@")
    if not at or not (local or domain):
        raise ValueError(
            f"{_shown(text)} needs one of the forms user@dom.example, user@, @dom.example or "
            "@.dom.example"
        )
    if not local:
        return f"@{parse_domain(domain)}"
    return f"{_local(local, text)}@{parse_hostname(domain) if domain else ''}"


def parse_field_name(text: str) -> str:
    """Return the name of a header field, without a colon.

    Raises:
        ValueError: it is none.
    """
    name = text.strip().removesuffix(":")
    if not _FIELD_NAME.match(name):
        raise ValueError(f"{_shown(text)} is not the name of a header field; write X-Name")
    return name


def parse_name(text: str) -> str:
    """Return a name that an administrator gives to a thing, as it is to show in logs.

    Raises:
        ValueError: it is empty, long, or has signs in it that would make a log line ambiguous.
    """
    name = text.strip()
    if len(name) > NAME_LENGTH_MAX or not _NAME.match(name):
        raise ValueError(
            f"{_shown(text)} is no name: it takes up to {NAME_LENGTH_MAX} letters, digits and any "
            "of `_ . @ + -` and blanks between them"
        )
    return name


def _local(local: str, text: str) -> str:
    if (
        not 0 < len(local.encode("utf-8", "surrogatepass")) <= LOCAL_LENGTH_MAX
        or not local.isprintable()
        or any(c in local for c in ' <>"')
    ):
        raise ValueError(f"{_shown(text)} is not an address because of what stands before the @")
    return local


def _shown(text: str) -> str:
    return repr(text[:SHOWN_LENGTH_MAX])
