"""Questions and answers as bytes (RFC 1035, 4; EDNS0: RFC 6891).

The gateway asks for seven types of record. Reading their answers here costs a tenth of what a
general library takes, and each limit is in sight. Only what was asked for is looked at; of the
authority section the SOA, of the additional section the OPT record.
"""

import socket
import struct
from enum import IntEnum
from typing import Final, NamedTuple

from mailwarden.system.dns.names import decode_host, read_name
from mailwarden.system.dns.resolver import MxHost

UDP_PAYLOAD_BYTES: Final = 1232  # what we announce: it passes every path unfragmented
UDP_BYTES_MAX: Final = 4096  # what we read of servers that do not care
RECORDS_MAX: Final = 512  # in one message; more is taken for an attack

_HEADER: Final = struct.Struct("!HHHHHH")
_RECORD: Final = struct.Struct("!HHIH")
_SOA_NUMBERS: Final = struct.Struct("!IIIII")
_OPT: Final = b"\0" + _RECORD.pack(41, UDP_PAYLOAD_BYTES, 0, 0)
_IN: Final = b"\0\1"
_FLAG_RESPONSE: Final = 0x8000
_FLAG_AUTHORITATIVE: Final = 0x0400
_FLAG_TRUNCATED: Final = 0x0200
_FLAG_RECURSION_DESIRED: Final = 0x0100
_FLAG_RECURSION_AVAILABLE: Final = 0x0080
_FLAG_AUTHENTIC: Final = 0x0020
_OPCODE: Final = 0x7800


class Kind(IntEnum):
    """Types of records that are asked for or understood."""

    A = 1
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    OPT = 41
    TLSA = 52


class Rcode(IntEnum):
    """How an answer turned out; others are written as their number."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16


class WireError(ValueError):
    """Bytes that are no proper answer; the message says why."""


class Record(NamedTuple):
    """A record, its data still in the message."""

    owner: bytes  # wire form, lower case
    kind: int
    ttl: int  # seconds
    start: int
    end: int


class Message(NamedTuple):
    """An answer. When it `is_truncated`, nothing but the header and question was read."""

    wire: bytes
    number: int
    rcode: int
    is_truncated: bool
    is_authoritative: bool
    is_recursive: bool  # the server is willing to ask others
    name: bytes  # of the question; empty when the server did not repeat it
    kind: int
    answers: tuple[Record, ...] = ()
    soa: Record | None = None
    is_authentic: bool = False  # the server says that DNSSEC proves the answer (RFC 4035, 3.2.3)


def build_query(
    number: int, name: bytes, kind: int, *, with_edns: bool, with_ad: bool = False
) -> bytes:
    """Return a question for records `kind` of `name`, which is in wire form.

    `with_ad` asks whether DNSSEC proves the answer, without the signatures (RFC 6840, 5.7).
    """
    flags = _FLAG_RECURSION_DESIRED | (_FLAG_AUTHENTIC if with_ad else 0)
    header = _HEADER.pack(number, flags, 1, 0, 0, int(with_edns))
    question = name + kind.to_bytes(2, "big") + _IN
    return header + question + _OPT if with_edns else header + question


def parse_message(wire: bytes) -> Message:
    """Return the answer that `wire` is.

    Raises:
        WireError: it is none.
    """
    try:
        return _parse(wire)
    except WireError:
        raise
    except (ValueError, struct.error) as error:
        raise WireError(str(error)) from error


def _parse(wire: bytes) -> Message:
    number, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(wire)
    if not flags & _FLAG_RESPONSE or flags & _OPCODE:
        raise WireError("it is not an answer")
    if questions > 1:
        raise WireError("it has several questions")
    if answers + authorities + additionals > RECORDS_MAX:
        raise WireError(f"it has more than {RECORDS_MAX} records")
    name, kind, at = b"", 0, _HEADER.size
    if questions:
        name, at = read_name(wire, at)
        kind = int.from_bytes(wire[at : at + 2], "big")
        if wire[at + 2 : at + 4] != _IN:
            raise WireError("its question is not of the Internet class")
        at += 4
    message = Message(
        wire,
        number,
        flags & 15,
        bool(flags & _FLAG_TRUNCATED),
        bool(flags & _FLAG_AUTHORITATIVE),
        bool(flags & _FLAG_RECURSION_AVAILABLE),
        name,
        kind,
    )
    if message.is_truncated:
        return message
    found, at = _read_records(wire, at, answers)
    authority, at = _read_records(wire, at, authorities)
    additional, at = _read_records(wire, at, additionals)
    soa = next((record for record in authority if record.kind == Kind.SOA), None)
    # The upper bits of the code are in the place of OPT's TTL (RFC 6891, 6.1.3).
    upper = next((record.ttl >> 24 for record in additional if record.kind == Kind.OPT), 0)
    return message._replace(
        answers=tuple(found),
        soa=soa,
        rcode=upper << 4 | flags & 15,
        is_authentic=bool(flags & _FLAG_AUTHENTIC),
    )


def _read_records(wire: bytes, at: int, count: int) -> tuple[list[Record], int]:
    records = []
    for _ in range(count):
        owner, at = read_name(wire, at)
        kind, class_, ttl, length = _RECORD.unpack_from(wire, at)
        start = at + _RECORD.size
        at = start + length
        if at > len(wire):
            raise WireError("a record is cut off")
        if kind == Kind.OPT:
            records.append(Record(owner, kind, ttl, start, at))
        elif class_ == 1:
            # A TTL with its top bit set is zero (RFC 2181, 8).
            records.append(Record(owner, kind, ttl if ttl < 1 << 31 else 0, start, at))
    return records, at


def read_target(wire: bytes, record: Record) -> bytes:
    """Return the name that a CNAME or PTR record leads to, in wire form."""
    name, behind = read_name(wire, record.start)
    if behind != record.end:
        raise WireError("a record has the wrong length")
    return name


def read_address(wire: bytes, record: Record) -> str:
    """Return the address of an A or AAAA record."""
    family = socket.AF_INET if record.kind == Kind.A else socket.AF_INET6
    try:
        return socket.inet_ntop(family, wire[record.start : record.end])
    except ValueError:
        raise WireError("a record has the wrong length") from None


def read_mx(wire: bytes, record: Record) -> MxHost | None:
    """Return the host of an MX record, `""` for the root; None if no host is called so."""
    if record.end - record.start < 3:
        raise WireError("a record has the wrong length")
    name, behind = read_name(wire, record.start + 2)
    if behind != record.end:
        raise WireError("a record has the wrong length")
    host = decode_host(name)
    if host is None:
        return None
    return MxHost(int.from_bytes(wire[record.start : record.start + 2], "big"), host)


def read_txt(wire: bytes, record: Record) -> bytes:
    """Return the strings of a TXT record, joined."""
    strings = []
    at = record.start
    while at < record.end:
        behind = at + 1 + wire[at]
        strings.append(wire[at + 1 : behind])
        at = behind
    if at != record.end:
        raise WireError("a record has the wrong length")
    return b"".join(strings)


def read_negative_ttl(wire: bytes, record: Record) -> int:
    """Return for how many seconds a SOA record lets a name count as missing (RFC 2308, 5)."""
    _, at = read_name(wire, record.start)
    _, at = read_name(wire, at)
    if at + _SOA_NUMBERS.size != record.end:
        raise WireError("a record has the wrong length")
    minimum: int = _SOA_NUMBERS.unpack_from(wire, at)[4]
    return min(record.ttl, minimum)
