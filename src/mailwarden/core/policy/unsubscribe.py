"""The global unsubscribe list: recipients that get no mail from here at all (mailflow 7.7).

It is asked right before each delivery attempt: `find` with the address, then `find_host` with the
IP address that mail would go to. All mail falls under it, also our own bounces. In a file, each
entry is a line.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailwarden.core.policy.address_forms import (
    AddressSearch,
    build_form,
    is_ip_form,
    parse_form_or_ip,
)
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.table_lines import LineNotes, numbered_lines

UNSUBSCRIBE_ENTRIES_MAX: Final = 10_000  # unconfirmed


class UnsubscribeAction(Enum):
    """What becomes of a recipient on the list."""

    DROP = "drop"
    BOUNCE = "bounce"

    @property
    def log_word(self) -> str:
        """What stands behind `Action` in the log."""
        return "dropped" if self is UnsubscribeAction.DROP else "bounced"


DEFAULT_ACTION: Final = UnsubscribeAction.DROP  # unconfirmed


@dataclass(frozen=True, slots=True)
class UnsubscribeList:
    """All entries, in order and as `parse_form_or_ip` returns them."""

    entries: tuple[str, ...] = ()


class UnsubscribeIndex:
    """Finds the entry for a recipient or a host; made once of a list."""

    __slots__ = ("_forms", "_hosts", "_search")

    def __init__(self, table: UnsubscribeList) -> None:
        self._hosts: Final = frozenset(filter(is_ip_form, table.entries))
        self._forms: Final = tuple(form for form in table.entries if not is_ip_form(form))
        self._search: Final = AddressSearch(self._forms)

    def find(self, recipient: str) -> str | None:
        """Return the first entry that names `recipient`, an address as in an envelope."""
        position = self._search.find_first(recipient)
        return self._forms[position] if position >= 0 else None

    def find_host(self, address: str) -> str | None:
        """Return the entry that names the IP address of the next hop, in its shortest form."""
        return address if address in self._hosts else None


def parse_unsubscribe(
    text: str, entries_max: int = UNSUBSCRIBE_ENTRIES_MAX
) -> Imported[UnsubscribeList]:
    """Return the list in `text`; a warning names an entry that stands there twice."""
    notes = LineNotes()
    entries: list[str] = []
    for number, line in numbered_lines(text, notes):
        try:
            form = parse_form_or_ip(line)
        except ValueError as error:
            notes.problem(number, str(error))
            continue
        if len(entries) == entries_max:
            notes.problem(number, f"the list has more than {entries_max} entries")
            break
        entries.append(form)
        notes.form(number, form)
    return notes.imported(UnsubscribeList(tuple(entries)))


def build_unsubscribe(table: UnsubscribeList) -> str:
    """Return `table` as text that `parse_unsubscribe` reads back as the same list."""
    return "".join(f"{build_form(form)}\n" for form in table.entries)
