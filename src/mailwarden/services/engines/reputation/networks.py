"""Addresses as bytes, and the networks that they are in."""

import socket
from typing import Final

ADDRESS_LENGTH_MAX: Final = 64  # of text; the longest with a zone (RFC 4007, 11) is shorter
_MAPPED: Final = bytes(10) + b"\xff\xff"  # IPv4 in IPv6 clothes (RFC 4291, 2.5.5.2)


def pack_address(text: str) -> bytes:
    """Return an address as 4 or 16 bytes, `b""` if `text` is none; IPv4 in IPv6 is IPv4."""
    if len(text) > ADDRESS_LENGTH_MAX:
        return b""
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return b""
    return packed[12:] if packed.startswith(_MAPPED) else packed


def is_private(packed: bytes) -> bool:
    """Whether an address is of a private network (RFC 1918, 3; RFC 4193, 3)."""
    if len(packed) == 16:
        return packed[0] & 0xFE == 0xFC
    first = packed[:1]
    return (
        first == b"\x0a"
        or (first == b"\xac" and packed[1] & 0xF0 == 0x10)
        or packed[:2] == b"\xc0\xa8"
    )


def address_key(packed: bytes) -> bytes:
    """Return 16 bytes that no other address has."""
    return packed if len(packed) == 16 else _MAPPED + packed


def network_key(packed: bytes) -> bytes:
    """Return 16 bytes for the /24 or /64 that an address is in."""
    return packed[:8] + bytes(8) if len(packed) == 16 else _MAPPED + packed[:3] + b"\0"


def describe_network(packed: bytes) -> str:
    """Return the /24 or /64 that an address is in, as text."""
    if len(packed) == 16:
        return f"{socket.inet_ntop(socket.AF_INET6, packed[:8] + bytes(8))}/64"
    return f"{packed[0]}.{packed[1]}.{packed[2]}.0/24"
