"""Hosts as administrators write them: `name`, `name:port`, `address`, `[address]:port`."""

import ipaddress
import re
from typing import Final, NamedTuple

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
    if not name:
        raise ValueError("a host name is missing")
    if not name.isascii():
        import idna  # noqa: PLC0415  100 KB of tables that most runs never need

        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise ValueError(f"{text!r} is not a valid international host name: {error}") from error
    if len(name) > 253:
        raise ValueError(f"the host name {text[:40]!r}... is longer than 253 letters")
    for label in name.split("."):
        if not _LABEL.match(label):
            what = "a blank" if any(c.isspace() for c in label) else f"the part {label!r}"
            raise ValueError(f"{text!r} is not a host name because of {what} in it")
    return name.lower()


def parse_hostport(text: str, *, default_port: int, address_only: bool = False) -> HostPort:
    """Return the host and port that `text` names.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    rest = text.strip()
    host, port = rest, ""
    if rest.startswith("["):
        host, bracket, tail = rest[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise ValueError(f"{text!r} needs the form [address] or [address]:port")
        port = tail[1:]
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    number = _port(port, text) if port else default_port
    try:
        return HostPort(str(ipaddress.ip_address(host)), number, is_address=True)
    except ValueError:
        if address_only or rest.startswith("["):
            raise ValueError(f"{text!r} is not an IP address or address:port") from None
    return HostPort(parse_hostname(host), number, is_address=False)


def _port(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:6]) <= 65535):
        raise ValueError(f"{text!r} needs a port from 1 to 65535")
    return int(digits)
