"""Keys of what is counted by the hour: hosts, networks, owners of networks, senders.

A key is a few bytes that begin with their kind, so that no key of one kind is one of another.
Nothing in it need be secret or evenly spread: the table hashes it.
"""

import socket
from typing import Final

IPV4_BITS: Final = 32  # significant bits: each host for itself
IPV4_BITS_GROUPED: Final = 24  # where hosts are grouped (mailflow 3.5, `significant_bits`)
IPV6_BITS: Final = 64  # a customer has at least so much to choose addresses from (RFC 6177)

_IPV4: Final = b"4"
_IPV6: Final = b"6"
_OTHER: Final = b"?"
_OWNER: Final = b"o"
_SENDER: Final = b"s"
_HARVEST: Final = b"h"
_MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:192.0.2.1 is 192.0.2.1 (RFC 4291, 2.5.5.2)


def host_key(address: str, ipv4_bits: int = IPV4_BITS, ipv6_bits: int = IPV6_BITS) -> bytes:
    """Return the key of the host, or of its network by so many significant bits.

    Any text has a key; one that is no address, such as that of a client without any, its own.

    Raises:
        ValueError: the bits are not within 0 to 32, or 0 to 128.
    """
    if not (0 <= ipv4_bits <= 32 and 0 <= ipv6_bits <= 128):
        raise ValueError(f"an address has no {ipv4_bits} or {ipv6_bits} significant bits")
    try:
        if ":" not in address:
            return _prefix(_IPV4, socket.inet_pton(socket.AF_INET, address), ipv4_bits)
        packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):  # ValueError: characters that no address has
        return _OTHER + address.encode("utf-8", "surrogatepass")
    if packed.startswith(_MAPPED):
        return _prefix(_IPV4, packed[12:], ipv4_bits)
    return _prefix(_IPV6, packed, ipv6_bits)


def owner_key(owner: str) -> bytes:
    """Return the key of a network's owner, under whose name all his hosts count as one."""
    return _OWNER + owner.encode("utf-8", "surrogatepass")


def sender_key(sender: str) -> bytes | None:
    """Return the key of an envelope sender; upper and lower case make no difference.

    None for the null sender: it is that of everybody's bounces (RFC 5321, 4.5.5).
    """
    return _SENDER + sender.lower().encode("utf-8", "surrogatepass") if sender else None


def harvest_key(host: bytes) -> bytes:
    """Return the key of the invalid recipients that a host or network asked for."""
    return _HARVEST + host


def _prefix(family: bytes, packed: bytes, bits: int) -> bytes:
    size = len(packed)
    spare = 8 * size - bits
    masked = int.from_bytes(packed, "big") >> spare << spare
    return family + bits.to_bytes(1, "big") + masked.to_bytes(size, "big")
