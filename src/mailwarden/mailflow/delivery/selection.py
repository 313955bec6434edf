"""Which of the mail that waits for delivery an administrator means (mailflow 7.3)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mailwarden.core.mail.envelope import Envelope, domain_of
from mailwarden.stores.spool.spool import Entry

ITEMS_MAX: Final = 10_000  # names of each kind, and MIDs, in one selection
_NAME_LENGTH_MAX: Final = 1000
_NOBODY: Final[frozenset[str]] = frozenset()
_NO_MIDS: Final[frozenset[int]] = frozenset()
_KEYS: Final = ("recipient_hosts", "senders", "recipients", "mids", "older_than_seconds")


class Selection(NamedTuple):
    """What has to be true of a recipient; whatever is left empty is true of all.

    Names are in lower case. A host `.dom.example` stands for the sub-domains of dom.example, an
    address `@dom.example` for all of that domain, the sender `<>` for the null sender.
    """

    hosts: frozenset[str] = _NOBODY  # domains of recipients
    senders: frozenset[str] = _NOBODY
    recipients: frozenset[str] = _NOBODY
    mids: frozenset[int] = _NO_MIDS
    received_before: float = math.inf  # seconds since the epoch

    @property
    def needs_envelope(self) -> bool:
        """Whether a message has to be read to tell."""
        return bool(self.hosts or self.senders or self.recipients)

    def wants(self, entry: Entry) -> bool:
        """Whether `entry` may be meant, by what is known without its envelope."""
        if entry.received_at > self.received_before:
            return False
        return not self.mids or entry.mid in self.mids

    def wanted(self, envelope: Envelope, rids: Sequence[int]) -> tuple[int, ...]:
        """Return those of `rids` that are meant."""
        if self.senders and not _is_named(envelope.sender.lower() or "<>", self.senders):
            return ()
        if not self.hosts and not self.recipients:
            return tuple(rids)
        return tuple(rid for rid in rids if self._is_wanted(envelope.recipients[rid].address))

    def _is_wanted(self, address: str) -> bool:
        lower = address.lower()
        if self.recipients and not _is_named(lower, self.recipients):
            return False
        return not self.hosts or self._has_host(domain_of(lower))

    def _has_host(self, domain: str) -> bool:
        hosts = self.hosts
        if domain in hosts:
            return True
        dot = domain.find(".", 1)  # `.dom.example` is for sub-domains, not for itself
        while dot >= 0:
            if domain[dot:] in hosts:
                return True
            dot = domain.find(".", dot + 1)
        return False


def _is_named(address: str, names: frozenset[str]) -> bool:
    return address in names or f"@{domain_of(address)}" in names


def read_selection(tree: Mapping[str, Any], now: float) -> Selection:
    """Return the selection that a request tells of; `now` is in seconds since the epoch.

    Raises:
        ValueError: it makes no sense.
    """
    unknown = [str(key) for key in tree if key not in _KEYS]
    if unknown:
        raise ValueError(f"a selection has no {', '.join(unknown)[:100]}")
    older = tree.get("older_than_seconds")
    if older is not None and not (isinstance(older, int | float) and 0 <= older < math.inf):
        raise ValueError("older_than_seconds is no number of seconds")
    return Selection(
        _names(tree, "recipient_hosts"),
        _names(tree, "senders"),
        _names(tree, "recipients"),
        _mids(tree),
        math.inf if older is None else now - older,
    )


def build_selection(selection: Selection) -> dict[str, Any]:
    """Return the names in `selection` as a request holds them; the age is left out."""
    return {
        "recipient_hosts": sorted(selection.hosts),
        "senders": sorted(selection.senders),
        "recipients": sorted(selection.recipients),
        "mids": sorted(selection.mids),
    }


def _names(tree: Mapping[str, Any], key: str) -> frozenset[str]:
    names: list[str] = []
    for item in _items(tree, key):
        if not isinstance(item, str) or not item or len(item) > _NAME_LENGTH_MAX:
            raise ValueError(f"{key} is no list of names")
        names.append(item.lower())
    return frozenset(names)


def _mids(tree: Mapping[str, Any]) -> frozenset[int]:
    mids: list[int] = []
    for item in _items(tree, "mids"):
        if not isinstance(item, int):
            raise ValueError("mids is no list of numbers")
        mids.append(item)
    return frozenset(mids)


def _items(tree: Mapping[str, Any], key: str) -> Iterable[Any]:
    items = tree.get(key)
    if items is None:
        return ()
    if not isinstance(items, list) or len(items) > ITEMS_MAX:
        raise ValueError(f"{key} is no list of at most {ITEMS_MAX} items")
    return items
