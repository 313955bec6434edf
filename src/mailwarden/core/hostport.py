"""Hosts as administrators write them: `name`, `name:port`, `address`, `[address]:port`."""

import ipaddress
import re
from typing import Final, NamedTuple

HOSTNAME_LENGTH_MAX: Final = 253  # RFC 1035, 2.3.4, without the length octets
SHOWN_LENGTH_MAX: Final = 80  # of what somebody wrote, in messages about it
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")


class HostPort(NamedTuple):
    """A host name in lower case or an IP address, and a port."""

    host: str
    port: int
    is_address: bool


def parse_hostname(text: str) -> str:
    """Return `text` as a host name in lower case, blanks around it and the final dot removed.

    Names that are not ASCII are turned into A-labels (RFC 5891).

    Raises:
        ValueError: it is not a host name; the message says why.
    """
    name = text.strip().removesuffix(".")
    shown = repr(text[:SHOWN_LENGTH_MAX])
    if not name:
        raise ValueError("a host name is missing")
    if len(name) <= HOSTNAME_LENGTH_MAX and not name.isascii():
        name = _to_ascii(name, shown)
    if len(name) > HOSTNAME_LENGTH_MAX:
        raise ValueError(f"the host name {shown}... is longer than {HOSTNAME_LENGTH_MAX} letters")
    labels = name.split(".")
    for label in labels:
        if not _LABEL.match(label):
            raise ValueError(f"{shown} is not a host name because of {_fault(label)} in it")
    if labels[-1].isdigit():  # RFC 3696, 2: no top level domain is a number
        raise ValueError(f"{shown} is neither an IP address nor a host name")
    return name.lower()


def _to_ascii(name: str, shown: str) -> str:
    if any(c.isspace() for c in name):
        raise ValueError(f"{shown} is not a host name because of a blank in it")
    import idna  # noqa: PLC0415  100 KB of tables that most runs never need

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError(f"{shown} is not a valid international host name: {error}") from error


def _fault(label: str) -> str:
    if not label:
        return "an empty part between dots"
    if any(c.isspace() for c in label):
        return "a blank"
    return f"the part {label[:SHOWN_LENGTH_MAX]!r}"


def parse_hostport(text: str, *, default_port: int, address_only: bool = False) -> HostPort:
    """Return the host and port that `text` names.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    rest = text.strip()
    shown = repr(text[:SHOWN_LENGTH_MAX])
    host, port = rest, None
    if rest.startswith("["):
        host, bracket, tail = rest[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise ValueError(f"{shown} needs the form [address] or [address]:port")
        port = tail[1:] if tail else None
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    number = default_port if port is None else _port(port, shown)
    try:
        return HostPort(str(ipaddress.ip_address(host)), number, is_address=True)
    except ValueError:
        if address_only or rest.startswith("["):
            raise ValueError(f"{shown} is not an IP address or address:port") from None
    return HostPort(parse_hostname(host), number, is_address=False)


def _port(digits: str, shown: str) -> int:
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:6]) <= 65535):
        raise ValueError(f"{shown} needs a port from 1 to 65535")
    return int(digits)
