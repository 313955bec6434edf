"""The alias table: one recipient becomes others, in chains, or none (mailflow 5.3).

The manual leaves open how aliases meet; this is what holds here (unconfirmed):

- The first entry in the file that matches counts, the global section standing first.
- A name without a domain on the right is an alias in the domain of the address that is expanded.
- A full address on the right is looked up as well. One that its own entry matches is final:
  `admin: admin@corp.example` is no cycle.
- A recipient that is reached twice is kept once; case does not tell recipients apart.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from mailwarden.core.policy.address_forms import NOWHERE, split_address
from mailwarden.core.policy.rewrite_sides import SideSearch, is_bare

DEV_NULL: Final = "/dev/null"  # as a target: the recipient is taken, and goes nowhere
EXPANSION_MAX: Final = 5_000  # addresses that one recipient may become
EXPANSION_STEPS_MAX: Final = 50_000  # targets that are looked at for that


class AliasEntry(NamedTuple):
    """Names and what they stand for. Neither is empty."""

    names: tuple[str, ...]  # user, or a left side as `rewrite_sides` has them
    targets: tuple[str, ...]  # full addresses, names of aliases without a domain, DEV_NULL


class AliasContext(NamedTuple):
    """Entries whose names without a domain are users of these domains."""

    domains: tuple[str, ...]  # `dom.example`, or `.dom.example` for its sub-domains
    entries: tuple[AliasEntry, ...]


@dataclass(frozen=True, slots=True)
class AliasTable:
    """The table in the order of its file."""

    entries: tuple[AliasEntry, ...] = ()  # global: names without a domain are users of any domain
    contexts: tuple[AliasContext, ...] = ()

    def all_entries(self) -> list[tuple[AliasEntry, tuple[str, ...]]]:
        """Return each entry with the domains of its context, which for global ones are none."""
        found: list[tuple[AliasEntry, tuple[str, ...]]] = [(entry, ()) for entry in self.entries]
        for context in self.contexts:
            found += [(entry, context.domains) for entry in context.entries]
        return found


class Expansion(NamedTuple):
    """What became of a recipient."""

    addresses: tuple[str, ...]  # in the order of the table; the recipient itself without a match
    is_dropped: bool  # there are none, since all ended in DEV_NULL
    matched: str  # the left side that matched the recipient, with its domain; "" is none
    is_too_large: bool = False  # more than EXPANSION_MAX: `addresses` is the recipient itself


class AliasIndex:
    """Expands recipients by an alias table.

    A look-up takes constant time, an expansion at most EXPANSION_STEPS_MAX of them.
    """

    __slots__ = ("_entries", "_search", "_sides", "_targets")

    def __init__(self, table: AliasTable) -> None:
        self._search: Final = SideSearch()
        self._sides: Final[list[str]] = []  # by position
        self._entries: Final[list[int]] = []  # by position, the place of the entry
        self._targets: Final[list[tuple[str, ...]]] = []  # by place
        for place, (entry, domains) in enumerate(table.all_entries()):
            self._targets.append(entry.targets)
            for side in implied_sides(entry.names, domains):
                self._search.add(side, len(self._sides))
                self._sides.append(side)
                self._entries.append(place)

    def find_entry(self, address: str) -> int:
        """Return the place in `AliasTable.all_entries` of the entry for `address`, or NOWHERE."""
        position = self._search.find(address)
        return NOWHERE if position == NOWHERE else self._entries[position]

    def expand(self, address: str) -> Expansion:
        """Return what becomes of an envelope recipient, each address once.

        Where a chain comes back to an address that it has been at, it stops there. That a table
        has none such `alias_check` sees before it is put to use.
        """
        position = self._search.find(address)
        if position == NOWHERE:
            return Expansion((address,), False, "")
        matched = self._sides[position]
        found = self._collect(address, self._entries[position])
        if found is None:
            return Expansion((address,), False, matched, is_too_large=True)
        return Expansion(found, not found, matched)

    def _collect(self, address: str, place: int) -> tuple[str, ...] | None:
        """Return the addresses at the ends of all chains; None is too many."""
        found: dict[str, str] = {}  # by what tells recipients apart
        seen = {address.lower()}
        has_null = False
        steps = 0
        stack = self._steps(address, place)
        while stack:
            target, origin = stack.pop()
            steps += 1
            if target == DEV_NULL:
                has_null = True
                continue
            entry = self.find_entry(target)
            key = target.lower()
            if entry in (NOWHERE, origin):
                found.setdefault(key, target)
            elif key not in seen:
                seen.add(key)
                stack += self._steps(target, entry)
            if len(found) > EXPANSION_MAX or steps + len(stack) > EXPANSION_STEPS_MAX:
                return None
        if not found and not has_null:  # nothing but a cycle
            return (address,)
        return tuple(found.values())

    def _steps(self, address: str, place: int) -> list[tuple[str, int]]:
        """Return the targets of an entry, the last first, each with the place of the entry."""
        domain = "" if is_bare(address) else split_address(address)[1]
        return [(with_domain(target, domain), place) for target in reversed(self._targets[place])]


def implied_sides(names: tuple[str, ...], domains: tuple[str, ...]) -> list[str]:
    """Return all left sides that the names of an entry stand for, in order."""
    sides: list[str] = []
    for name in names:
        if not is_bare(name):
            sides.append(name)
        elif domains:
            sides += [f"{name}@{domain}" for domain in domains]
        else:
            sides.append(f"{name}@")
    return sides


def is_alias_name(target: str) -> bool:
    """Whether `target` is the name of an alias without a domain."""
    return target != DEV_NULL and is_bare(target)


def with_domain(target: str, domain: str) -> str:
    """Return `target` in `domain` if it has none itself."""
    return f"{target}@{domain}" if domain and is_alias_name(target) else target
