"""Who may send through a listener (mailflow 3), and for whom it takes mail (mailflow 4)."""

import ipaddress
from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.policy.address_forms import ALL, parse_bare_form
from mailwarden.core.policy.rat import DEFAULT_ENTRY, Rat, RatAction, RatEntry, RatIndex
from mailwarden.core.policy.rat_text import parse_rat_entry
from mailwarden.mailflow.listener.settings import Listener, ListenerType

KNOWN_HOSTS_MAX: Final = 10_000  # whose access is remembered


class Rule(Enum):
    """Access rules of a host (mailflow 3.3)."""

    ACCEPT = "ACCEPT"
    RELAY = "RELAY"
    REJECT = "REJECT"


class Access(NamedTuple):
    """What was decided about a host, and by which entry."""

    rule: Rule
    group: str
    match: str


class Networks:
    """A set of addresses and networks; looking one up takes one step a prefix length."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._nets: dict[tuple[int, int], dict[int, str]] = {}
        for entry in entries:
            net = ipaddress.ip_network(entry.strip(), strict=False)
            shift = net.max_prefixlen - net.prefixlen
            table = self._nets.setdefault((net.version, shift), {})
            table[int(net.network_address) >> shift] = entry
        self._order = sorted(self._nets, key=lambda key: key[1])

    def find(self, address: str) -> str | None:
        """Return the most specific entry that `address` falls under."""
        if not self._order:
            return None
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return None
        if ip.version == 6 and (mapped := ip.ipv4_mapped) is not None:
            ip = mapped
        number = int(ip)
        for key in self._order:
            if key[0] == ip.version and (entry := self._nets[key].get(number >> key[1])):
                return entry
        return None


class HostAccess:
    """Decides by a client's address."""

    def __init__(self, listener: Listener) -> None:
        self._relay = Networks(listener.relay_hosts)
        self._private = listener.type is ListenerType.PRIVATE
        self._known: dict[str, Access] = {}

    def decide(self, address: str) -> Access:
        """Return the rule for `address` (2.1: private listeners refuse all but relay hosts)."""
        access = self._known.get(address)
        if access is None:
            if len(self._known) >= KNOWN_HOSTS_MAX:
                self._known.clear()
            access = self._known[address] = self._find(address)
        return access

    def _find(self, address: str) -> Access:
        entry = self._relay.find(address)
        if entry is not None:
            return Access(Rule.RELAY, "RELAYLIST", entry)
        if self._private:
            return Access(Rule.REJECT, "None", "ALL")
        return Access(Rule.ACCEPT, "None", "ALL")


def make_recipient_access(listener: Listener) -> RatIndex:
    """Return the recipient access table of `listener` (mailflow 4), ready to be asked."""
    entries = [parse_rat_entry(line) for line in listener.recipient_access]
    entries += [
        RatEntry(ALL if domain == ALL else parse_bare_form(domain), RatAction.ACCEPT)
        for domain in listener.accepted_domains
    ]
    default = next((entry for entry in entries if entry.form == ALL), DEFAULT_ENTRY)
    return RatIndex(Rat(tuple(entry for entry in entries if entry.form != ALL), default))
