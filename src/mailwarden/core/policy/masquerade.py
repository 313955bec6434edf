"""Static masquerading: inner addresses of senders and headers become outer ones (mailflow 5.4)."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from mailwarden.core.policy.address_forms import ALL, NOWHERE, split_address
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.rewrite_sides import (
    SideReader,
    SideSearch,
    apply_right,
    build_line,
    is_bare,
    read_sides,
    shown,
    split_words,
)
from mailwarden.core.policy.table_lines import LineNotes

MASQUERADE_ENTRIES_MAX: Final = 400_000  # the limit of a later release


@dataclass(frozen=True, slots=True)
class MasqueradeTable:
    """The table in the order of its file."""

    # Left and right sides: `rewrite_sides` has them, and besides, left may stand a user name or
    # ALL. Plain tuples of strings, because the garbage collector soon leaves those alone.
    entries: tuple[tuple[str, str], ...] = ()

    @property
    def has_all(self) -> bool:
        """Whether there is an entry ALL, for private listeners only (unconfirmed)."""
        return any(left == ALL for left, _ in self.entries)


class MasqueradeIndex:
    """Rewrites addresses by a masquerade table, in constant time; the first match wins."""

    __slots__ = ("_all", "_rights", "_search", "_users")

    def __init__(self, table: MasqueradeTable) -> None:
        self._search: Final = SideSearch()
        self._users: Final[dict[str, str]] = {}  # addresses without a domain
        self._rights: Final = [right for _, right in table.entries]
        self._all = ""
        lefts = [left for left, _ in table.entries]
        if all("@" in left and left[-1] != '"' for left in lefts):  # as in most tables
            self._search.add_all(lefts)
            return
        for position, (left, right) in enumerate(table.entries):
            if not is_bare(left):
                self._search.add(left, position)
            elif left != ALL:
                self._users.setdefault(left, right)
            elif not self._all:
                self._all = right

    def rewrite(self, address: str) -> str | None:
        """Return the new address of a sender, or of somebody in a header; None is no change.

        `address` is as in an envelope. The null reverse-path never changes.
        """
        if not address:
            return None
        if is_bare(address):
            right = self._users.get(split_address(address)[0], self._all)
            return apply_right(address, right) if right else None
        position = self._search.find(address)
        return None if position == NOWHERE else apply_right(address, self._rights[position])

    def find_entry(self, address: str) -> int:
        """Return the place in the table of the entry for `address`, or NOWHERE.

        Nothing is said of addresses without a domain: they have entries of their own kind.
        """
        return NOWHERE if not address or is_bare(address) else self._search.find(address)

    def find_hiding(self, left: str) -> int:
        """Return the place of an entry that matches whatever `left` does, or NOWHERE.

        Of left sides without a domain nothing is said: only the same one matches as much.
        """
        return NOWHERE if is_bare(left) else self._search.find_hiding(left)


class MasqueradeRules(NamedTuple):
    """What a listener does with its table. The three are as its settings say."""

    table: MasqueradeIndex
    fields: tuple[str, ...]  # names of header fields
    sender: bool  # the envelope sender as well


def parse_masquerade(text: str) -> Imported[MasqueradeTable]:
    """Return the table in `text`: a left and a right side on each line.

    Warnings name entries that an earlier one hides.
    """
    notes = LineNotes()
    entries, lines = read_sides(text, MASQUERADE_ENTRIES_MAX, notes, _parse_entry)
    _note_hidden(entries, lines, notes)
    return notes.imported(MasqueradeTable(tuple(entries)))


def build_masquerade(table: MasqueradeTable) -> str:
    """Return `table` as text that `parse_masquerade` reads back as the same table."""
    return "".join(f"{build_line(left, right)}\n" for left, right in table.entries)


def _parse_entry(line: str, reader: SideReader) -> tuple[str, str]:
    plain = reader.plain_line(line)
    if plain is not None and _is_possible(plain[0], plain[1]):
        return plain
    words = split_words(line)
    if len(words) != 2:
        raise ValueError(
            f"{shown(line)} has not two words; write `joe@int.example joe@corp.example`, a blank "
            "between"
        )
    left, right = words
    if left == ALL or left[0] == "@":
        if right[0] != "@":
            raise ValueError(
                f"{shown(right)} has to be a domain, as in `@corp.example`, since {shown(left)} is "
                "more than one user"
            )
        new = f"@{reader.domain(right[1:])}"
        return (ALL, new) if left == ALL else (reader.left(left), new)
    if right[0] == "@":
        capitals = " (to mean all bare addresses, write ALL)" if left.upper() == ALL else ""
        raise ValueError(
            f"{shown(right)} is not a full address, which {shown(left)} needs, since it is one "
            f"user{capitals}"
        )
    return _parse_user(left, reader), _parse_address(right, reader)


def _is_possible(left: str, right: str) -> bool:
    """Whether two sides, ALL not among them, may stand beside one another."""
    if left[0] == "@":
        return right[0] == "@"
    return right[0] != "@" and "@." not in left


def _parse_user(left: str, reader: SideReader) -> str:
    if is_bare(left):
        return reader.user(left)
    side = reader.left(left)
    if side[side.rfind("@") + 1] == ".":
        raise ValueError(
            f"{shown(left)} is one user in many domains, which is not possible here; write "
            "`@.dom.example` or one line for each domain"
        )
    return side


def _parse_address(right: str, reader: SideReader) -> str:
    address = reader.address(right)
    if not address.isascii():
        # Into a header of a message without SMTPUTF8 it may not go (RFC 6532, 3.2).
        raise ValueError(f"{shown(right)} has to be in ASCII letters before the @")
    return address


def _note_hidden(entries: list[tuple[str, str]], lines: list[int], notes: LineNotes) -> None:
    if _are_exact_and_different(entries):
        return
    search = SideSearch()
    bare: dict[str, int] = {}
    for position, (left, _) in enumerate(entries):
        if is_bare(left):
            hiding = bare.get(left, NOWHERE)
            bare.setdefault(left, position)
        else:
            hiding = search.add_or_find_hiding(left, position)
        if hiding != NOWHERE:
            notes.warning(
                lines[position],
                f"{shown(left)} has no effect, as {shown(entries[hiding][0])} in line "
                f"{lines[hiding]} comes first",
            )


def _are_exact_and_different(entries: list[tuple[str, str]]) -> bool:
    """Whether no left side can hide another one: a quick look, as most large tables are so."""
    lefts = [left for left, _ in entries]
    are_exact = all(
        "@" in left and left[0] != "@" and "@." not in left and left[-1] != '"' for left in lefts
    )
    return are_exact and len(set(lefts)) == len(lefts)
