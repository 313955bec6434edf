"""What an answer says about the name that was asked for.

Aliases are followed inside the answer. Only records that belong to the name, or to a name that it
is an alias of, are believed; everything else in the message might be poison.
"""

import math
from enum import Enum
from typing import Any, Final, NamedTuple

from mailwarden.system.dns.names import decode_host
from mailwarden.system.dns.resolver import NULL_MX, MxHost
from mailwarden.system.dns.wire import (
    Kind,
    Message,
    Rcode,
    Record,
    WireError,
    read_address,
    read_mx,
    read_negative_ttl,
    read_target,
    read_txt,
)

ALIASES_MAX: Final = 8
ADDRESSES_MAX: Final = 64  # of each family; more are left out
MX_HOSTS_MAX: Final = 64  # the most preferred ones are kept
REVERSE_NAMES_MAX: Final = 16
TLSA_RECORDS_MAX: Final = 64
TXT_BYTES_MAX: Final = 16_384  # of all records; more is refused, as a part might mean the opposite

_KEPT_LONGER: Final = (Kind.A, Kind.AAAA, Kind.MX, Kind.PTR)
_LISTED: Final = "127."  # how DNS lists answer (RFC 5782, 2.1)


class State(Enum):
    """What is known of a name and type."""

    FOUND = "found"
    EMPTY = "empty"  # the name exists, without such records
    MISSING = "missing"  # the name does not exist
    ALIAS = "alias"  # `values` holds the name to ask for instead, in wire form
    FAILED = "failed"  # nobody can say at the moment


class Finding(NamedTuple):
    """An answer, ready for use."""

    state: State
    expires_at: float  # monotonic seconds
    values: tuple[Any, ...] = ()  # addresses, names as str; MxHost, HostName; TXT, TLSA as bytes
    detail: str = ""  # why it failed or is missing, for the log
    canonical: str = ""  # where aliases lead; "" when the name is none, or leads to no host name
    is_secure: bool = False  # a trusted server says that DNSSEC proves all of it, aliases included


class Lifetimes(NamedTuple):
    """How long answers may be remembered at most, in seconds."""

    found_max: float
    missing_max: float
    found_min: float = 0.0  # of what `_may_be_kept_longer`


def find(message: Message, now: float, lifetimes: Lifetimes) -> Finding:
    """Return what `message` says about its own question; its code is NOERROR or NXDOMAIN.

    Raises:
        WireError: a record of the answer is malformed.
    """
    try:
        return _find(message, now, lifetimes)._replace(is_secure=message.is_authentic)
    except WireError:
        raise
    except ValueError as error:
        raise WireError(str(error)) from error


def _find(message: Message, now: float, lifetimes: Lifetimes) -> Finding:
    records, owner, ttl = _follow(message)
    if records is None:
        return Finding(State.FAILED, now, detail=f"more than {ALIASES_MAX} aliases")
    if records:
        ttl = min(ttl, *(record.ttl for record in records))
        values = _read(message.wire, records)
        if isinstance(values, str):
            return Finding(State.FAILED, now, detail=values)
        state = State.FOUND if values else State.EMPTY
        canonical = _canonical(message, owner)
        if 0 < ttl < lifetimes.found_min and _may_be_kept_longer(message, values):
            ttl = lifetimes.found_min
        return Finding(state, now + min(ttl, lifetimes.found_max), values, canonical=canonical)
    missing_until = now + min(ttl, _missing_seconds(message, owner), lifetimes.missing_max)
    if message.rcode == Rcode.NXDOMAIN:
        return Finding(State.MISSING, missing_until, detail="NXDomain")
    if owner != message.name and message.soa is None:
        return Finding(State.ALIAS, now + min(ttl, lifetimes.found_max), (owner,))
    return Finding(State.EMPTY, missing_until, canonical=_canonical(message, owner))


def _may_be_kept_longer(message: Message, values: tuple[Any, ...]) -> bool:
    """Tell whether it does no harm to remember an answer for longer than its owner says.

    Mail that goes to where a host was half an hour ago is tried again. What is proved is not to
    be believed after its time, and who was taken off a DNS list must not be refused any longer.
    """
    if message.kind not in _KEPT_LONGER or message.is_authentic:
        return False
    return not (message.kind == Kind.A and any(value.startswith(_LISTED) for value in values))


def _canonical(message: Message, owner: bytes) -> str:
    return "" if owner == message.name else decode_host(owner) or ""


def _follow(message: Message) -> tuple[list[Record] | None, bytes, float]:
    """Return the records wanted, the name that has them, and the lowest TTL on the way.

    No records mean that the way ends at that name, None that it is too long.
    """
    aliases: dict[bytes, Record] = {}
    wanted: dict[bytes, list[Record]] = {}
    for record in message.answers:
        if record.kind == message.kind:
            wanted.setdefault(record.owner, []).append(record)
        elif record.kind == Kind.CNAME:
            aliases.setdefault(record.owner, record)
    owner, ttl = message.name, math.inf
    for _ in range(ALIASES_MAX + 1):
        if owner in wanted:
            return wanted[owner], owner, ttl
        alias = aliases.get(owner)
        if alias is None:
            return [], owner, ttl
        owner, ttl = read_target(message.wire, alias), min(ttl, alias.ttl)
    return None, owner, ttl


def _read(wire: bytes, records: list[Record]) -> tuple[Any, ...] | str:
    """Return the values of `records`, or why they cannot be used."""
    match records[0].kind:
        case Kind.A | Kind.AAAA:
            addresses = [read_address(wire, record) for record in records]
            return tuple(dict.fromkeys(addresses))[:ADDRESSES_MAX]
        case Kind.MX:
            return _usable_mx([read_mx(wire, record) for record in records])
        case Kind.PTR | Kind.CNAME:
            names = [decode_host(read_target(wire, record)) for record in records]
            return tuple(name for name in names if name)[:REVERSE_NAMES_MAX]
        case Kind.TLSA:
            return tuple(wire[record.start : record.end] for record in records[:TLSA_RECORDS_MAX])
        case _:
            texts = tuple(read_txt(wire, record) for record in records)
            if sum(map(len, texts)) > TXT_BYTES_MAX:
                return f"more than {TXT_BYTES_MAX} bytes of text"
            return texts


def _usable_mx(hosts: list[MxHost | None]) -> tuple[MxHost, ...] | str:
    named = [host for host in hosts if host is not None and host.host]
    if named:  # RFC 7505, 3: a null MX beside others is a mistake
        return tuple(sorted(named, key=lambda host: host.preference)[:MX_HOSTS_MAX])
    if any(host is not None for host in hosts):
        return (NULL_MX,)
    return "no mail exchanger has a usable name"


def _missing_seconds(message: Message, name: bytes) -> float:
    """Return how long `name` counts as missing; without a SOA not at all (RFC 2308, 5)."""
    soa = message.soa
    if soa is None or not name.endswith(soa.owner):
        return 0
    return read_negative_ttl(message.wire, soa)
