"""Who may send through a listener (mailflow 3), and for whom it takes mail (mailflow 4)."""

import ipaddress
from collections.abc import Iterable
from typing import Final, NamedTuple

from mailwarden.core.policy.address_forms import ALL, parse_bare_form
from mailwarden.core.policy.hat import HostAccessTable, LastEntry, SenderGroup, list_hosts
from mailwarden.core.policy.hat_index import HatIndex, Match, Needs
from mailwarden.core.policy.hat_policy import EffectivePolicy, HatPolicy, Rule
from mailwarden.core.policy.hat_predefined import ACCEPTED, BLOCKED, RELAYED, RELAYLIST
from mailwarden.core.policy.host_forms import HostFacts
from mailwarden.core.policy.rat import DEFAULT_ENTRY, Rat, RatAction, RatEntry, RatIndex
from mailwarden.mailflow.listener.grants import Grant, Grants
from mailwarden.mailflow.listener.settings import Listener, ListenerType

KNOWN_HOSTS_MAX: Final = 10_000  # whose access is remembered

# Hosts inside are seldom known to the DNS by their senders' names; a table can say otherwise.
_UNCHECKED: Final = (("envelope_sender_verification", False), ("use_exception_table", False))


class Access(NamedTuple):
    """What was decided about a host, and by which entry."""

    rule: Rule
    match: Match
    grant: Grant


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
    """The host access table of a listener, asked for every connection.

    What was decided is remembered by all that was known of the host. A host of which other things
    are known, or the same host once they have changed, is looked up anew: nothing here gets stale.
    """

    __slots__ = ("_decided", "_grants", "_hosts_max", "_index", "_needs")

    def __init__(
        self, table: HostAccessTable, grants: Grants, hosts_max: int = KNOWN_HOSTS_MAX
    ) -> None:
        """Read `table`; what its policies leave open is as in the defaults of `grants`.

        Raises:
            ValueError: it names a policy that it does not have.
        """
        self._index: Final = HatIndex(table, grants.defaults)
        self._grants: Final = grants
        self._hosts_max: Final = hosts_max
        self._needs: Final[dict[str, Needs]] = {}
        self._decided: Final[dict[HostFacts, Access]] = {}

    @property
    def policies(self) -> list[EffectivePolicy]:
        """All policies that a host can come under."""
        return self._index.policies

    def needs_of(self, address: str) -> Needs:
        """Return what has to be known of the host at `address` before `decide`."""
        needs = self._needs.get(address)
        if needs is None:
            if len(self._needs) >= self._hosts_max:
                self._needs.clear()
            needs = self._needs[address] = self._index.needs_of(address)
        return needs

    def decide(self, facts: HostFacts) -> Access:
        """Return what holds for a host of which `facts` are known."""
        access = self._decided.get(facts)
        if access is None:
            if len(self._decided) >= self._hosts_max:
                self._decided.clear()
            match = self._index.find(facts)
            access = Access(match.rule, match, self._grants.of(match.policy))
            self._decided[facts] = access
        return access


def make_host_access(listener: Listener) -> HostAccessTable:
    """Return the host access table of `listener`, or what its relay hosts come to (2.1)."""
    if listener.host_access:
        return listener.host_access.table
    last = BLOCKED if listener.type is ListenerType.PRIVATE else ACCEPTED
    relayed = HatPolicy(Rule.RELAY, RELAYED.parameters + _UNCHECKED, RELAYED.name)
    group = SenderGroup(RELAYLIST, relayed.name, list_hosts(*listener.relay_hosts))
    entries = (group,) if listener.relay_hosts else ()
    return HostAccessTable((relayed, last), entries, LastEntry(last.name))


def make_recipient_access(listener: Listener) -> RatIndex:
    """Return the recipient access table of `listener` (mailflow 4), ready to be asked."""
    if listener.recipient_access:
        return listener.recipient_access.indexed(RatIndex)
    domains = listener.accepted_domains
    forms = [parse_bare_form(domain) for domain in domains if domain != ALL]
    default = RatEntry(ALL, RatAction.ACCEPT) if ALL in domains else DEFAULT_ENTRY
    return RatIndex(Rat(tuple(RatEntry(form, RatAction.ACCEPT) for form in forms), default))
