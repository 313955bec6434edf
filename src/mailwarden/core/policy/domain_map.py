"""The domain map: recipients of old domains get addresses in new ones (mailflow 5.2)."""

from dataclasses import dataclass
from typing import Final

from mailwarden.core.policy.address_forms import NOWHERE
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.rewrite_sides import (
    SideReader,
    SideSearch,
    apply_right,
    build_line,
    read_sides,
    shown,
    split_words,
)
from mailwarden.core.policy.table_lines import LineNotes

DOMAIN_MAP_ENTRIES_MAX: Final = 20_000  # the limit of a later release
KINDS: Final = 4  # of left sides; see `_kind`


@dataclass(frozen=True, slots=True)
class DomainMap:
    """The table in the order of its file."""

    # Left and right sides as `rewrite_sides` has them. Plain tuples of strings, because the
    # garbage collector soon leaves those alone.
    entries: tuple[tuple[str, str], ...] = ()


class DomainMapIndex:
    """Rewrites recipients by a domain map, in constant time.

    The most specific kind of left side wins, and among equals the first in the file (the manual
    gives the kinds in this order, and does not say more).
    """

    __slots__ = ("_entries", "_search")

    def __init__(self, table: DomainMap) -> None:
        self._search: Final = SideSearch()
        self._entries: Final = sorted(table.entries, key=_kind_of_entry)  # stable
        for position, (left, _) in enumerate(self._entries):
            self._search.add(left, position)

    def rewrite(self, address: str) -> str | None:
        """Return the new address of an envelope recipient; None is no change.

        The new address is not looked up again.
        """
        position = self._search.find(address)
        return None if position == NOWHERE else apply_right(address, self._entries[position][1])

    def find_entry(self, address: str) -> tuple[str, str] | None:
        """Return the entry that decides about an envelope recipient, if there is one."""
        position = self._search.find(address)
        return None if position == NOWHERE else self._entries[position]


def parse_domain_map(text: str) -> Imported[DomainMap]:
    """Return the table in `text`: a left and a right side on each line.

    Warnings name entries that another one hides.
    """
    notes = LineNotes()
    entries, lines = read_sides(text, DOMAIN_MAP_ENTRIES_MAX, notes, _parse_entry)
    _note_hidden(entries, lines, notes)
    return notes.imported(DomainMap(tuple(entries)))


def build_domain_map(table: DomainMap) -> str:
    """Return `table` as text that `parse_domain_map` reads back as the same table."""
    return "".join(f"{build_line(left, right)}\n" for left, right in table.entries)


def _parse_entry(line: str, reader: SideReader) -> tuple[str, str]:
    words = split_words(line)
    if len(words) != 2:
        raise ValueError(
            f"{shown(line)} has not two words; write `@old.example @new.example`, a blank between"
        )
    left = reader.left(words[0])
    if words[1][0] != "@":
        return left, reader.address(words[1])
    if left[0] != "@":
        raise ValueError(
            f"{shown(words[1])} is not a full address, which {shown(words[0])} needs, since it is "
            "one user"
        )
    return left, f"@{reader.domain(words[1][1:])}"


def _note_hidden(entries: list[tuple[str, str]], lines: list[int], notes: LineNotes) -> None:
    # One search for each kind: only what is of the same kind hides a left side for good.
    searches = [SideSearch() for _ in range(KINDS)]
    for position, (left, _) in enumerate(entries):
        search = searches[_kind(left)]
        hiding = search.find_hiding(left)
        if hiding == NOWHERE:
            search.add(left, position)
        else:
            notes.warning(
                lines[position],
                f"{shown(left)} has no effect, as {shown(entries[hiding][0])} in line "
                f"{lines[hiding]} comes first",
            )


def _kind_of_entry(entry: tuple[str, str]) -> int:
    return _kind(entry[0])


def _kind(left: str) -> int:
    """Return the place of a left side in the order of the manual; the lowest wins."""
    is_below = "@." in left and left[left.rfind("@") + 1] == "."
    return (2 if left[0] == "@" else 0) + (1 if is_below else 0)
