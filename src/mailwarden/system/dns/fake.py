"""A resolver that answers from a table, for tests.

A zone maps names to their records as text, by type:

    {"partner.example": {"MX": ["10 mail.partner.example"], "TXT": ["v=spf1 -all"]},
     "mail.partner.example": {"A": ["192.0.2.25"], "AAAA": ["2001:db8::25"]},
     "25.2.0.192.in-addr.arpa": {"PTR": ["mail.partner.example"]},
     "www.partner.example": {"CNAME": ["mail.partner.example"]},
     "broken.example": {"SERVFAIL": []}}

A name that is missing does not exist. The type `SERVFAIL` makes every question fail for now; with
the type `SECURE`, DNSSEC proves what is said of the name. TLSA records are `3 1 1` and hex digits.
"""

import math
from collections.abc import Mapping, Sequence

from mailwarden.core.policy.host_forms import NameStatus
from mailwarden.system.dns.answers import ALIASES_MAX, Finding, State
from mailwarden.system.dns.names import (
    LOOPBACK,
    decode_host,
    encode_name,
    is_localhost,
    parse_address,
)
from mailwarden.system.dns.resolver import HostName, MxHost, NameNotFoundError, ResolutionError
from mailwarden.system.dns.wire import Kind

Zone = Mapping[str, Mapping[str, Sequence[str]]]


class FakeResolver:
    """Answers from `zone`, which a test may change at any time.

    `peek_` methods know a name once it was asked for; with `warm`, from the start. `asked` lists
    what was asked for, as `(name, type)`; the type of `resolve_host_name` is `host name`.
    """

    def __init__(self, zone: Zone, *, warm: bool = False) -> None:
        self.zone = zone
        self.warm = warm
        self.asked: list[tuple[str, str]] = []
        self.closed = False

    async def resolve_mx(self, name: str) -> tuple[MxHost, ...]:
        """Return the mail exchangers of `name`, lowest preference first."""
        self.asked.append((_plain(name), "MX"))
        return self._mx(name)

    async def resolve_addresses(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of `name`, then its IPv6 addresses."""
        self.asked.append((_plain(name), "A"))
        return self._addresses(name)

    async def resolve_reverse(self, address: str) -> tuple[str, ...]:
        """Return the names that an IP address claims to have."""
        name = parse_address(address).reverse_name
        self.asked.append((name, "PTR"))
        return tuple(map(_plain, self._records(name, "PTR")))

    async def resolve_host_name(self, address: str) -> HostName:
        """Return a name of `address` that leads back to it, or why there is none."""
        self.asked.append((address, "host name"))
        return self._host_name(address)

    async def resolve_a(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of `name` alone."""
        self.asked.append((_plain(name), "A alone"))
        return self._a(name)

    async def resolve_txt(self, name: str) -> tuple[bytes, ...]:
        """Return the TXT records of `name`."""
        self.asked.append((_plain(name), "TXT"))
        return tuple(text.encode() for text in self._records(name, "TXT"))

    async def find(self, kind: Kind, name: str) -> Finding:
        """Return what is known of records `kind` of `name`, failures and DNSSEC included."""
        self.asked.append((_plain(name), kind.name))
        owner, is_secure = _plain(name), True
        for _ in range(ALIASES_MAX + 1):
            records = self.zone.get(owner, {})
            is_secure = is_secure and "SECURE" in records
            if kind is Kind.CNAME or "CNAME" not in records:
                break
            owner = _plain(records["CNAME"][0])
        else:
            return Finding(State.FAILED, math.inf, detail=f"more than {ALIASES_MAX} aliases")
        canonical = "" if owner == _plain(name) else owner
        if "SERVFAIL" in records:
            return Finding(State.FAILED, math.inf, detail="SERVFAIL from the fake resolver")
        if owner not in self.zone:
            return Finding(State.MISSING, math.inf, detail="NXDomain", is_secure=is_secure)
        values = tuple(_value(kind, text) for text in records.get(kind.name, ()))
        state = State.FOUND if values else State.EMPTY
        return Finding(state, math.inf, values, canonical=canonical, is_secure=is_secure)

    def peek_mx(self, name: str) -> tuple[MxHost, ...] | None:
        """Return what `resolve_mx` would, if it is known."""
        return self._mx(name) if self._knows(_plain(name), "MX") else None

    def peek_addresses(self, name: str) -> tuple[str, ...] | None:
        """Return what `resolve_addresses` would, if it is known."""
        if self._knows(_plain(name), "A") or is_localhost(name):
            return self._addresses(name)
        return None

    def peek_host_name(self, address: str) -> HostName | None:
        """Return what `resolve_host_name` would, if it is known."""
        return self._host_name(address) if self._knows(address, "host name") else None

    def peek_a(self, name: str) -> tuple[str, ...] | None:
        """Return what `resolve_a` would, if it is known."""
        is_known = self._knows(_plain(name), "A alone") or self._knows(_plain(name), "A")
        return self._a(name) if is_known or is_localhost(name) else None

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def _knows(self, name: str, kind: str) -> bool:
        return self.warm or (name, kind) in self.asked

    def _records(self, name: str, kind: str) -> tuple[str, ...]:
        owner = _plain(name)
        for _ in range(ALIASES_MAX + 1):
            records = self.zone.get(owner)
            if records is None:
                raise NameNotFoundError(name, kind)
            if "SERVFAIL" in records:
                raise ResolutionError(name, kind, "SERVFAIL from the fake resolver")
            if "CNAME" not in records:
                return tuple(records.get(kind, ()))
            owner = _plain(records["CNAME"][0])
        raise ResolutionError(name, kind, f"more than {ALIASES_MAX} aliases")

    def _mx(self, name: str) -> tuple[MxHost, ...]:
        if is_localhost(name):
            return ()
        pairs = (record.split() for record in self._records(name, "MX"))
        hosts = (MxHost(int(preference), _plain(host)) for preference, host in pairs)
        return tuple(sorted(hosts, key=lambda host: host.preference))

    def _addresses(self, name: str) -> tuple[str, ...]:
        if is_localhost(name):
            return LOOPBACK
        return self._records(name, "A") + self._records(name, "AAAA")

    def _a(self, name: str) -> tuple[str, ...]:
        return LOOPBACK[:1] if is_localhost(name) else self._records(name, "A")

    def _host_name(self, address: str) -> HostName:
        try:
            names = self._records(parse_address(address).reverse_name, "PTR")
        except ResolutionError:
            return HostName("", NameStatus.SERV_FAIL)
        except NameNotFoundError:
            names = ()
        if not names:
            return HostName("", NameStatus.NX_DOMAIN)
        host = HostName(_plain(names[0]), NameStatus.NOT_DOUBLE_VERIFIED)
        for name in names:
            try:
                if parse_address(address).text in self._addresses(name):
                    return HostName(_plain(name), NameStatus.EXISTS)
            except NameNotFoundError:
                continue
            except ResolutionError:
                host = HostName("", NameStatus.SERV_FAIL)
        return host


def _value(kind: Kind, text: str) -> str | bytes | MxHost:
    """Return a record as the real resolver does."""
    match kind:
        case Kind.MX:
            preference, host = text.split()
            return MxHost(int(preference), _plain(host))
        case Kind.TLSA:
            usage, selector, matching_type, data = text.split()
            return bytes((int(usage), int(selector), int(matching_type))) + bytes.fromhex(data)
        case Kind.TXT:
            return text.encode()
        case Kind.CNAME | Kind.PTR:
            return _plain(text)
        case _:
            return text


def _plain(name: str) -> str:
    try:
        return decode_host(encode_name(name)) or ""
    except ValueError:  # no zone has it
        return name.lower().removesuffix(".")
