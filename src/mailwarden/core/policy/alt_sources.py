"""The `altsrchost` table: which virtual gateway mail leaves from, by client or sender (7.4).

It is asked before masquerading, with the envelope sender as it was received. The IP address of
the client comes first, then the sender's address, its user, its domain and what is above its
domain. Among entries of one kind the first in the table wins.
"""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, NamedTuple

from mailwarden.core.patterns import parse_name
from mailwarden.core.policy.address_forms import (
    AddressSearch,
    build_form,
    is_ip_form,
    parse_form_or_ip,
)
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.table_lines import BLANKS, WORD, LineNotes, numbered_lines
from mailwarden.core.policy.text_table import NameInText

GATEWAYS: Final = ("interfaces", "interface_groups")  # where virtual gateways are defined
ALT_SOURCES_MAX: Final = 100_000  # unconfirmed
_BYTE_ORDER_MARK: Final = chr(0xFEFF)
_LINE: Final = re.compile(rf"{WORD}[ \t]++(\S.*+)")


class AltSource(NamedTuple):
    """One entry; `key` is as `parse_form_or_ip` returns it."""

    key: str
    gateway: str  # name of an interface or of a group of them; case matters


@dataclass(frozen=True, slots=True)
class AltSources:
    """All entries, in order."""

    entries: tuple[AltSource, ...] = ()

    def without(self, gateway: str) -> "AltSources":
        """Return the table as it is once the interface or group `gateway` is deleted."""
        return AltSources(tuple(entry for entry in self.entries if entry.gateway != gateway))


class AltSourceIndex:
    """Finds the entry for a message; made once of a table."""

    __slots__ = ("_by_client", "_search", "_senders")

    def __init__(self, table: AltSources) -> None:
        by_client: dict[str, AltSource] = {}
        senders: list[AltSource] = []
        for entry in table.entries:
            if is_ip_form(entry.key):
                by_client.setdefault(entry.key, entry)
            else:
                senders.append(entry)
        self._by_client: Final = by_client
        self._senders: Final = tuple(senders)
        self._search: Final = AddressSearch(entry.key for entry in senders)

    def find(self, sender: str, client: str) -> AltSource | None:
        """Return the entry that decides, if any.

        `sender` is as in an envelope. `client` is an IP address in its shortest form; it is "" for
        mail that the gateway made.
        """
        entry = self._by_client.get(client)
        if entry is not None:
            return entry
        position = self._search.find_specific(sender)
        return self._senders[position] if position >= 0 else None


def parse_alt_sources(
    text: str, known: AbstractSet[str] | None = None, entries_max: int = ALT_SOURCES_MAX
) -> Imported[AltSources]:
    """Return the table in `text`.

    With `known`, the names of all interfaces and groups, any other name is a problem. A warning
    names a key that stands there twice.
    """
    notes = LineNotes()
    entries: list[AltSource] = []
    for number, line in numbered_lines(text, notes):
        try:
            entry = parse_alt_source(line)
        except ValueError as error:
            notes.problem(number, str(error))
            continue
        if known is not None and entry.gateway not in known:
            notes.problem(number, f"there is no interface or group {entry.gateway!r}")
        if len(entries) == entries_max:
            notes.problem(number, f"the table has more than {entries_max} entries")
            break
        entries.append(entry)
        notes.form(number, entry.key)
    return notes.imported(AltSources(tuple(entries)))


def build_alt_sources(table: AltSources) -> str:
    """Return `table` as text that `parse_alt_sources` reads back as the same table."""
    return "".join(f"{build_form(entry.key)} {entry.gateway}\n" for entry in table.entries)


def alt_source_names(text: str) -> Iterator[NameInText]:
    """Yield the interfaces and groups that `text` names, whatever else is wrong with it."""
    at = 0
    for line in text.split("\n"):
        content = (line if at else line.removeprefix(_BYTE_ORDER_MARK)).strip(BLANKS)
        match = None if content[:1] == "#" else _LINE.fullmatch(content)
        if match is not None:
            start = at + line.index(content) + match.start(2)
            yield NameInText(GATEWAYS, match[2], start, start + len(match[2]))
        at += len(line) + 1


def parse_alt_source(text: str) -> AltSource:
    """Return the entry in one line.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    match = _LINE.fullmatch(text.strip(BLANKS))
    if match is None:
        raise ValueError("needs the form `key interface`, as in `@dom.example Outside`")
    return AltSource(parse_form_or_ip(match[1]), parse_name(match[2]))
