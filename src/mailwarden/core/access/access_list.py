"""From where administrators may come: the network access list (admin 3.4).

The serial console is never subject to it (ACC-05): nobody asks here for the console.
"""

import ipaddress
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.core.patterns import parse_field_name
from mailwarden.core.policy.host_forms import HostKind, address_number
from mailwarden.core.problem import Problem
from mailwarden.core.setting import setting

ENTRIES_MAX: Final = 10_000
PROXIES_MAX: Final = 1000
HOPS_MAX: Final = 30  # addresses looked at in the header of a proxy
HEADER_LENGTH_MAX: Final = 4096
CONFIRM_SECONDS: Final = 300  # ACC-04: a change that shuts its maker out holds so long unconfirmed
DEFAULT_HEADER: Final = "x-forwarded-for"
_SHORT_RANGE: Final = re.compile(r"((?:[0-9]{1,3}\.){3})([0-9]{1,3})\s*-\s*([0-9]{1,3})")


class AccessMode(Enum):
    """How connections are chosen, in the words of the Network Access page."""

    ANY = "Allow Any Connection"
    DIRECT = "Only Allow Specific Connections"
    PROXY = "Only Allow Specific Connections Through Proxy"
    DIRECT_OR_PROXY = "Only Allow Specific Connections Directly or Through Proxy"

    @property
    def takes_direct(self) -> bool:
        """Whether somebody may come without a proxy."""
        return self is not AccessMode.PROXY

    @property
    def takes_proxies(self) -> bool:
        """Whether proxies are believed whom they come for."""
        return self in (AccessMode.PROXY, AccessMode.DIRECT_OR_PROXY)


class _Span(NamedTuple):
    """Addresses of one family, both ends included."""

    kind: HostKind
    low: int
    high: int


def parse_source(text: str) -> str:
    """Return an address, a range or a network in its shortest form.

    `10.1.2.3`, `10.1.2.3-10.1.2.9`, `10.1.2.3-9`, `10.1.2.0/24`, and the same with IPv6.

    Raises:
        ValueError: it is none of them.
    """
    value = text.strip()
    span = _parse_span(value)
    if "/" in value:
        return str(ipaddress.ip_network(value))
    low, high = _address(span.kind, span.low), _address(span.kind, span.high)
    return low if low == high else f"{low}-{high}"


def parse_sources(text: str) -> tuple[str, ...]:
    """Return the entries of a list with commas between them, each once.

    Raises:
        ValueError: one of them is wrong, or there are too many.
    """
    words = [word for word in text.split(",") if word.strip()]
    if len(words) > ENTRIES_MAX:
        raise ValueError(f"a list takes up to {ENTRIES_MAX} entries")
    return tuple(dict.fromkeys(map(parse_source, words)))


def parse_header_name(text: str) -> str:
    """Return the name of the origin header, in lower case.

    Raises:
        ValueError: it is none.
    """
    return parse_field_name(text).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAccess:
    """The Network Access page."""

    mode: AccessMode = setting(AccessMode.ANY, "Which connections of administrators are taken.")
    addresses: tuple[str, ...] = setting(
        (),
        "Addresses that administrators come from: single ones, ranges, networks.",
        examples=("10.0.0.0/8", "192.0.2.10-192.0.2.20"),
        parse=parse_source,
        entries_max=ENTRIES_MAX,
    )
    proxies: tuple[str, ...] = setting(
        (),
        "Proxies that are believed for whom they ask.",
        parse=parse_source,
        entries_max=PROXIES_MAX,
    )
    header: str = setting(
        DEFAULT_HEADER, "Header in which a proxy names its client.", parse=parse_header_name
    )

    def problems(self) -> Iterator[Problem]:
        """Yield what would shut everybody out."""
        if self.mode is AccessMode.ANY:
            return
        if not self.addresses:
            yield Problem("addresses", "is empty: nobody could connect")
        if self.mode.takes_proxies and not self.proxies:
            yield Problem("proxies", "is empty: nobody could connect through one")


class Origin(NamedTuple):
    """Where somebody comes from.

    `address` is the peer of the connection. `forwarded` are the values of the origin header, in
    the order of the lines; None where a connection has no header at all, as with SSH.
    """

    address: str
    forwarded: Sequence[str] | None = None


class Decision(NamedTuple):
    """Whether somebody may connect; `client` is whose address counts, `""` if it is not known."""

    is_allowed: bool
    client: str
    reason: str


class AccessList:
    """A network access list, made ready to be asked."""

    def __init__(self, settings: NetworkAccess) -> None:
        self.mode: Final = settings.mode
        self._clients = _Spans(settings.addresses)
        self._proxies = _Spans(settings.proxies)

    def decide(self, origin: Origin) -> Decision:
        """Tell whether somebody may connect."""
        if self.mode is AccessMode.ANY:
            return Decision(True, origin.address, "any connection is allowed")
        if self.mode.takes_proxies and origin.address in self._proxies:
            client = self._client_behind(origin)
            if client in self._clients:
                return Decision(True, client, "through a proxy")
            # With `directly or through proxy` a proxy's own address may be in the list as well;
            # what it asks for others is theirs nevertheless, so that nobody slips in behind it.
            if origin.forwarded:
                reason = "the proxy names no address, or one that is not in the list"
                return Decision(False, client, reason)
        if not self.mode.takes_direct:
            return Decision(False, origin.address, "only connections through a proxy are allowed")
        if origin.address in self._clients:
            return Decision(True, origin.address, "in the list")
        return Decision(False, origin.address, "not in the list")

    def _client_behind(self, origin: Origin) -> str:
        """Return the address that the last proxy of ours saw; "" if the header does not say.

        Each proxy adds to the end of the list; what stands before the last address that is none of
        our proxies' was written by the client, who may write anything.
        """
        joined = ",".join(origin.forwarded or ())
        if len(joined) > HEADER_LENGTH_MAX:
            return ""
        for word in reversed(joined.split(",")[-HOPS_MAX:]):
            address = word.strip()
            if address_number(address) is None:
                return ""
            if address not in self._proxies:
                return address
        return ""


def shut_out(settings: NetworkAccess, origin: Origin) -> str:
    """Return why whoever comes from `origin` could not come again; "" if that is possible."""
    decision = AccessList(settings).decide(origin)
    if decision.is_allowed:
        return ""
    who = decision.client or origin.address
    return f"your connection from {who} would be refused: {decision.reason}"


class _Spans:
    """A set of addresses."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._starts: dict[HostKind, list[int]] = {}
        self._ends: dict[HostKind, list[int]] = {}
        for kind, low, high in sorted(map(_parse_span, entries), key=lambda span: span[1:]):
            starts, ends = self._starts.setdefault(kind, []), self._ends.setdefault(kind, [])
            if ends and low <= ends[-1] + 1:
                ends[-1] = max(ends[-1], high)
            else:
                starts.append(low)
                ends.append(high)

    def __contains__(self, address: str) -> bool:
        found = address_number(address)
        if found is None or found[0] not in self._starts:
            return False
        place = bisect_right(self._starts[found[0]], found[1])
        return place > 0 and found[1] <= self._ends[found[0]][place - 1]


def _parse_span(value: str) -> _Span:
    shown = repr(value[:SHOWN_LENGTH_MAX])
    if "/" in value:
        return _parse_network(value, shown)
    if match := _SHORT_RANGE.fullmatch(value):
        value = f"{match[1]}{match[2]}-{match[1]}{match[3]}"
    first, dash, last = value.partition("-")
    low = _number(first.strip())
    high = _number(last.strip()) if dash else low
    if low is None or high is None:
        raise ValueError(
            f"{shown} is not an address, a range or a network; write 10.1.2.3, "
            "10.1.2.3-10.1.2.9 or 10.1.2.0/24"
        )
    if low[0] is not high[0] or low[1] > high[1]:
        raise ValueError(f"{shown} is not a range: the lower address stands first")
    return _Span(low[0], low[1], high[1])


def _parse_network(value: str, shown: str) -> _Span:
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        raise ValueError(
            f"{shown} is not a network, or has bits set behind its prefix; write 10.1.2.0/24"
        ) from None
    kind = HostKind.IPV4 if network.version == 4 else HostKind.IPV6
    return _Span(kind, int(network.network_address), int(network.broadcast_address))


def _number(address: str) -> tuple[HostKind, int] | None:
    return None if "%" in address else address_number(address)


def _address(kind: HostKind, number: int) -> str:
    if kind is HostKind.IPV4:
        return str(ipaddress.IPv4Address(number))
    return str(ipaddress.IPv6Address(number))
