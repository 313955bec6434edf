"""A mail policy table: finds the policy of a recipient (mailflow 1.3)."""

from collections.abc import Sequence
from typing import Final

from mailwarden.mailflow.workqueue.settings import MailPolicy

DEFAULT_POLICY: Final = "DEFAULT"


class AddressList:
    """Addresses in the forms `user@dom`, `user@`, `@dom`, `@.dom` (sub-domains); empty is all."""

    __slots__ = ("_domains", "_exact", "_locals", "_parents", "matches_all")

    def __init__(self, entries: Sequence[str]) -> None:
        self.matches_all = not entries
        lowered = [entry.strip().lower() for entry in entries]
        self._parents = frozenset(e[2:] for e in lowered if e.startswith("@."))
        self._domains = frozenset(
            e[1:] for e in lowered if e.startswith("@") and not e.startswith("@.")
        )
        self._locals = frozenset(e[:-1] for e in lowered if e.endswith("@"))
        self._exact = frozenset(lowered)

    def matches(self, address: str) -> bool:
        """Tell whether `address` is in the list."""
        if self.matches_all:
            return True
        local, _, domain = address.lower().rpartition("@")
        if f"{local}@{domain}" in self._exact or domain in self._domains or local in self._locals:
            return True
        while self._parents and "." in domain:
            domain = domain.partition(".")[2]
            if domain in self._parents:
                return True
        return False


class PolicyTable:
    """Policies in their order; the last one is DEFAULT and matches everybody."""

    def __init__(self, policies: Sequence[MailPolicy]) -> None:
        self.policies: Final = tuple(
            (policy.name, AddressList(policy.senders), AddressList(policy.recipients))
            for policy in policies
        )
        self.names: Final = (*(name for name, _, _ in self.policies), DEFAULT_POLICY)

    def match(self, sender: str, recipient: str) -> str:
        """Return the name of the first policy that sender and recipient match."""
        for name, senders, recipients in self.policies:
            if senders.matches(sender) and recipients.matches(recipient):
                return name
        return DEFAULT_POLICY
