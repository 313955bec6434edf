"""XCLIENT: a trusted peer says who the real client is (Postfix, XCLIENT_README)."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final

from mailwarden.core.smtp.limits import XCLIENT_VALUE_CHARACTERS_MAX

_UNKNOWN: Final = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")
_CODE: Final = re.compile(r"\+([0-9A-Fa-f]{2})")
_IPV6: Final = "IPV6:"


def parse_xclient(argument: str) -> dict[str, str | None]:
    """Return the attributes by name in upper case; None for what the peer does not know.

    Addresses come without `IPV6:`, in their usual form.

    Raises:
        ValueError: an attribute is not known or has no possible value; the message is for the
            client.
    """
    attributes: dict[str, str | None] = {}
    for word in argument.split():
        name, equals, value = word.partition("=")
        name = name.upper()
        read = _ATTRIBUTES.get(name)
        if read is None or not equals or name in attributes:
            raise ValueError(f"XCLIENT attribute {name[:64]}")
        try:
            attributes[name] = None if value.upper() in _UNKNOWN else read(_decode(value))
        except ValueError:
            raise ValueError(f"XCLIENT value of {name}") from None
    if not attributes:
        raise ValueError("XCLIENT attributes missing")
    return attributes


def _decode(value: str) -> str:
    decoded = _CODE.sub(lambda match: chr(int(match[1], 16)), value)
    if not (0 < len(decoded) <= XCLIENT_VALUE_CHARACTERS_MAX and decoded.isprintable()):
        raise ValueError(value)
    return decoded


def _text(value: str) -> str:
    return value


def _address(value: str) -> str:
    if value[:5].upper() == _IPV6:
        return str(ipaddress.IPv6Address(value[5:]))
    return str(ipaddress.ip_address(value))


def _port(value: str) -> str:
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= 65535):
        raise ValueError(value)
    return value


def _protocol(value: str) -> str:
    if value.upper() not in ("SMTP", "ESMTP"):
        raise ValueError(value)
    return value.upper()


_ATTRIBUTES: Final[Mapping[str, Callable[[str], str]]] = {
    "NAME": _text,
    "ADDR": _address,
    "PORT": _port,
    "PROTO": _protocol,
    "HELO": _text,
    "LOGIN": _text,
    "DESTADDR": _address,
    "DESTPORT": _port,
}
