"""A resolver that answers from a table, for tests.

A zone maps names to their records as text, by type:

    {"partner.example": {"MX": ["10 mail.partner.example"], "TXT": ["v=spf1 -all"]},
     "mail.partner.example": {"A": ["192.0.2.25"], "AAAA": ["2001:db8::25"]},
     "25.2.0.192.in-addr.arpa": {"PTR": ["mail.partner.example"]},
     "www.partner.example": {"CNAME": ["mail.partner.example"]},
     "broken.example": {"SERVFAIL": []}}

A name that is missing does not exist. The type `SERVFAIL` makes every question fail for now.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mailwarden.core.problem import PermanentFailureError, TemporaryFailureError
from mailwarden.system.dns.resolver import MxHost, NameNotFoundError, ResolutionError

Zone = Mapping[str, Mapping[str, Sequence[str]]]

CNAME_MAX: Final = 8


class FakeResolver:
    """Answers from `zone`, which a test may change at any time.

    `peek_` methods know a name once it was asked for; with `warm`, from the start. `asked` lists
    the questions that had to be asked, as `(name, type)`.
    """

    def __init__(self, zone: Zone, *, warm: bool = False) -> None:
        self.zone = zone
        self.warm = warm
        self.asked: list[tuple[str, str]] = []
        self.closed = False

    async def resolve_mx(self, name: str) -> tuple[MxHost, ...]:
        """Return the mail exchangers of `name`, lowest preference first."""
        return self._mx(name, self._ask)

    async def resolve_addresses(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of `name`, then its IPv6 addresses."""
        return self._addresses(name, self._ask)

    async def resolve_reverse(self, address: str) -> tuple[str, ...]:
        """Return the names that an IP address claims to have."""
        return self._ask(ipaddress.ip_address(address).reverse_pointer, "PTR")

    async def verified_name(self, address: str) -> str:
        """Return a name of `address` that leads back to it, or `""`."""
        self.asked.append((address, "verified"))
        return self._verified(address)

    async def resolve_txt(self, name: str) -> tuple[bytes, ...]:
        """Return the TXT records of `name`."""
        return tuple(text.encode() for text in self._ask(name, "TXT"))

    def peek_mx(self, name: str) -> tuple[MxHost, ...] | None:
        """Return what `resolve_mx` would, if it is known."""
        return self._mx(name, self._records) if self._knows(name, "MX") else None

    def peek_addresses(self, name: str) -> tuple[str, ...] | None:
        """Return what `resolve_addresses` would, if it is known."""
        return self._addresses(name, self._records) if self._knows(name, "A") else None

    def peek_verified_name(self, address: str) -> str | None:
        """Return what `verified_name` would, if it is known."""
        return self._verified(address) if self._knows(address, "verified") else None

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def _knows(self, name: str, kind: str) -> bool:
        return self.warm or (_plain(name), kind) in self.asked

    def _ask(self, name: str, kind: str) -> tuple[str, ...]:
        self.asked.append((_plain(name), kind))
        return self._records(name, kind)

    def _records(self, name: str, kind: str) -> tuple[str, ...]:
        owner = _plain(name)
        for _ in range(CNAME_MAX + 1):
            records = self.zone.get(owner)
            if records is None:
                raise NameNotFoundError(name, kind)
            if "SERVFAIL" in records:
                raise ResolutionError(name, kind, "SERVFAIL from the fake resolver")
            if "CNAME" not in records:
                return tuple(records.get(kind, ()))
            owner = _plain(records["CNAME"][0])
        raise ResolutionError(name, kind, f"more than {CNAME_MAX} aliases")

    def _mx(self, name: str, ask: Callable[[str, str], tuple[str, ...]]) -> tuple[MxHost, ...]:
        pairs = (record.split() for record in ask(name, "MX"))
        hosts = (MxHost(int(preference), _plain(host)) for preference, host in pairs)
        return tuple(sorted(hosts, key=lambda host: host.preference))

    def _addresses(self, name: str, ask: Callable[[str, str], tuple[str, ...]]) -> tuple[str, ...]:
        return ask(name, "A") + ask(name, "AAAA")

    def _verified(self, address: str) -> str:
        try:
            names = self._records(ipaddress.ip_address(address).reverse_pointer, "PTR")
        except (PermanentFailureError, TemporaryFailureError):
            return ""
        for name in names:
            try:
                if address in self._addresses(name, self._records):
                    return _plain(name)
            except (PermanentFailureError, TemporaryFailureError):
                continue
        return ""


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")
