"""Names and addresses, as text and in wire form (RFC 1035, 3.1).

The wire form used here has no compression, ends with the root and is in lower case, so that equal
names are equal bytes. Length octets are below the letters, so lower case leaves them alone.
"""

import re
import socket
from typing import Final, NamedTuple

LABEL_BYTES_MAX: Final = 63  # RFC 1035, 2.3.4
NAME_BYTES_MAX: Final = 255  # in wire form, root included

LOOPBACK: Final = ("127.0.0.1", "::1")  # what `localhost` means

_HOST: Final = re.compile(rb"[a-z0-9_-]+\Z")
_SPOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\Z")
_MAPPED: Final = bytes(10) + b"\xff\xff"


class Address(NamedTuple):
    """An IP address in its one canonical form, and the name that its PTR records stand at."""

    text: str
    reverse_name: str
    is_ipv6: bool


def encode_name(text: str) -> bytes:
    """Return the wire form of a name; names that are not ASCII become A-labels (RFC 5891).

    Raises:
        ValueError: no host or domain can have this name; the message says why.
    """
    name = text.removesuffix(".")
    if len(name) > 4 * NAME_BYTES_MAX:
        raise ValueError("longer than a name can be")
    if not name.isascii():
        name = _to_ascii(name)
    if not _SPOKEN.match(name):
        raise ValueError("not a host name")
    if len(name) + 2 > NAME_BYTES_MAX:
        raise ValueError("longer than a name can be")
    labels = name.lower().encode("ascii").split(b".")
    return b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"


def _to_ascii(name: str) -> str:
    import idna  # noqa: PLC0415  100 KB of tables that most runs never need

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError(f"not an international host name: {error}") from error


def decode_host(name: bytes) -> str | None:
    """Return a name in wire form as text, the root as `""`; None if no host is called so."""
    labels = []
    at = 0
    while length := name[at]:
        label = name[at + 1 : at + 1 + length]
        if not _HOST.match(label):
            return None
        labels.append(label)
        at += 1 + length
    return b".".join(labels).decode("ascii")


def is_localhost(text: str) -> bool:
    """Tell whether a name always means this machine (RFC 6761, 6.3)."""
    return f".{text.lower().removesuffix('.')}".endswith(".localhost")


def read_name(wire: bytes, at: int) -> tuple[bytes, int]:
    """Return the name that a message has at `at`, and the place behind it.

    Raises:
        ValueError: there is no proper name.
    """
    parts: list[bytes] = []
    behind = -1
    size = 1
    lowest = at  # each pointer leads further back: no loops (RFC 1035, 4.1.4)
    try:
        while length := wire[at]:
            if length <= LABEL_BYTES_MAX:
                parts.append(wire[at : at + 1 + length])
                at += 1 + length
                size += 1 + length
                if size > NAME_BYTES_MAX or at > len(wire):
                    raise ValueError("a name is too long")
                continue
            if length < 0xC0:
                raise ValueError("a name has a label of unknown type")
            target = (length & 0x3F) << 8 | wire[at + 1]
            if behind < 0:
                behind = at + 2
            if target >= lowest:
                raise ValueError("a name points forward")
            at = lowest = target
    except IndexError:
        raise ValueError("a name is cut off") from None
    return b"".join(parts).lower() + b"\0", behind if behind >= 0 else at + 1


def parse_address(text: str) -> Address:
    """Return an IP address in its canonical form; IPv4 in IPv6 clothes becomes IPv4.

    Raises:
        ValueError: it is not an IP address.
    """
    try:
        if ":" not in text:
            packed = socket.inet_pton(socket.AF_INET, text)
        else:
            packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError) as error:
        raise ValueError(f"{text!r} is not an IP address") from error
    if packed.startswith(_MAPPED) and len(packed) == 16:
        packed = packed[12:]
    if len(packed) == 4:
        reverse = ".".join(str(octet) for octet in reversed(packed))
        return Address(socket.inet_ntoa(packed), f"{reverse}.in-addr.arpa", is_ipv6=False)
    nibbles = ".".join(reversed(packed.hex()))  # RFC 3596, 2.5
    return Address(socket.inet_ntop(socket.AF_INET6, packed), f"{nibbles}.ip6.arpa", is_ipv6=True)
