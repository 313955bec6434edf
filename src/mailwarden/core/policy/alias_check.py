"""Looks for what makes an alias table unusable: cycles, loose ends, expansions without bounds.

Each left side is followed with an address that stands for all it matches: with `ANYTHING` in
place of what it leaves open. Domains are carried along a chain, and the first entry that matches
counts. So whatever chain a real address takes, some left side on it takes the same one; a cycle
is found, and a name without an entry.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from mailwarden.core.policy.address_forms import NOWHERE, split_address
from mailwarden.core.policy.aliases import (
    EXPANSION_MAX,
    AliasIndex,
    AliasTable,
    implied_sides,
    is_alias_name,
    with_domain,
)
from mailwarden.core.policy.rewrite_sides import ANYTHING, is_bare, shown

CHECK_STEPS_MAX: Final = 200_000  # names that are followed, each in each of its domains
FAULTS_MAX: Final = 100
CYCLE_SHOWN_MAX: Final = 10  # addresses of a cycle that a message names
COUNTED_MAX: Final = 20  # expansions that look too large and are carried out to see

_OPEN: Final = -1  # in place of a size: it is on the chain that is being followed
_ENTRY: Final = "\0\0"  # begins the node of an entry, which all its addresses share


class AliasFault(NamedTuple):
    """One thing wrong with an alias table."""

    place: int  # of the entry in `AliasTable.all_entries`
    message: str


@dataclass(slots=True)
class _Node:
    """Something on the chain: an address, or the full addresses of an entry."""

    name: str
    place: int
    children: list[str]
    size: int  # addresses that it becomes, as far as they are counted


def find_alias_faults(table: AliasTable, index: AliasIndex) -> list[AliasFault]:
    """Return what keeps `table` from being used; at most FAULTS_MAX."""
    check = _Check(table, index)
    for place, (entry, domains) in enumerate(table.all_entries()):
        if check.is_end(place) and len(entry.targets) <= EXPANSION_MAX:
            continue
        for side in implied_sides(entry.names, domains):
            check.follow(_representative(side))
            if check.is_over:
                return check.faults
    return check.faults


class _Check:
    """Walks all chains, each piece of them once."""

    def __init__(self, table: AliasTable, index: AliasIndex) -> None:
        self.faults: Final[list[AliasFault]] = []
        self.is_over = False
        self._entries: Final = [entry for entry, _ in table.all_entries()]
        self._index: Final = index
        self._sizes: Final[dict[str, int]] = {}
        self._ends: Final[dict[int, bool]] = {}  # by place
        self._unknown: Final[set[tuple[int, str]]] = set()
        self._steps = 0
        self._counted = 0

    def follow(self, root: str) -> None:
        """Follow the chains from `root`, an address that an entry matches."""
        if root in self._sizes:
            return
        chain = [self._node(root, self._index.find_entry(root))]
        while chain and not self.is_over:
            node = chain[-1]
            if node.children:
                self._take_child(chain, node.children.pop())
                continue
            chain.pop()
            self._sizes[node.name] = size = min(node.size, EXPANSION_MAX + 1)
            if chain:
                chain[-1].size += size
        if not self.is_over and self._sizes[root] > EXPANSION_MAX:
            self._count(root)

    def is_end(self, place: int) -> bool:
        """Whether no target of an entry leads on to another entry, as with most of them."""
        known = self._ends.get(place)
        if known is None:
            has_names = any(map(is_alias_name, self._entries[place].targets))
            self._ends[place] = known = not has_names and not self._leading_on(place)
        return known

    def _take_child(self, chain: list[_Node], name: str) -> None:
        node = chain[-1]
        known = self._sizes.get(name)
        if known == _OPEN:
            self._fault(node.place, f"is a cycle: {_cycle([each.name for each in chain], name)}")
            return
        if known is None:
            place = int(name[len(_ENTRY) :]) if name.startswith(_ENTRY) else self._find(node, name)
            if place == NOWHERE:
                return
            if not self.is_end(place):
                chain.append(self._node(name, place))
                return
            self._sizes[name] = known = self._count_full(place)
        node.size += known

    def _find(self, node: _Node, name: str) -> int:
        """Return the place of the entry for an alias that `node` names; NOWHERE is a fault."""
        place = self._index.find_entry(name)
        if place == NOWHERE and (node.place, name) not in self._unknown:
            self._unknown.add((node.place, name))
            self._fault(
                node.place, f"{shown(_readable(name))} is neither a full address nor a known alias"
            )
        return place

    def _node(self, name: str, place: int) -> _Node:
        self._sizes[name] = _OPEN
        targets = self._entries[place].targets
        if not name.startswith(_ENTRY):
            domain = split_address(name)[1]
            names = [with_domain(each, domain) for each in targets if is_alias_name(each)]
            self._steps += len(names)
            if self._steps > CHECK_STEPS_MAX:
                self._fault(place, "the aliases refer to one another more often than is followed")
                self.is_over = True
            return _Node(name, place, [f"{_ENTRY}{place}", *reversed(names)], 0)
        on = self._leading_on(place)
        return _Node(
            name, place, [*map(str.lower, reversed(on))], self._count_full(place) - len(on)
        )

    def _count_full(self, place: int) -> int:
        return sum(not is_bare(each) for each in self._entries[place].targets)

    def _leading_on(self, place: int) -> list[str]:
        """Return the full addresses in an entry that another entry matches."""
        return [
            each
            for each in self._entries[place].targets
            if not is_bare(each) and self._index.find_entry(each) not in (NOWHERE, place)
        ]

    def _count(self, root: str) -> None:
        """Say so if `root` is too large also without those that were counted twice."""
        self._counted += 1
        if self._counted <= COUNTED_MAX and self._index.expand(root).is_too_large:
            self._fault(
                self._index.find_entry(root),
                f"{shown(_readable(root))} becomes more than {EXPANSION_MAX} addresses, or passes "
                "too many aliases",
            )

    def _fault(self, place: int, message: str) -> None:
        self.faults.append(AliasFault(place, message))
        self.is_over = self.is_over or len(self.faults) >= FAULTS_MAX


def _representative(side: str) -> str:
    """Return an address that stands for all that `side` matches."""
    local, _, domain = side.rpartition("@")
    if domain[:1] == ".":
        domain = f"{ANYTHING}{domain}"
    return f"{local or ANYTHING}@{domain or ANYTHING}"


def _cycle(chain: list[str], name: str) -> str:
    names = [_readable(each) for each in chain[chain.index(name) :] if each[:2] != _ENTRY]
    names.append(names[0])
    if len(names) > CYCLE_SHOWN_MAX:
        names[CYCLE_SHOWN_MAX - 1 : -1] = ["..."]
    return " -> ".join(names)


def _readable(name: str) -> str:
    return name.replace(f"{ANYTHING}.", ".").replace(f"@{ANYTHING}", "").replace(ANYTHING, "")
