"""The text file of the alias table (mailflow 5.3).

A line with a colon begins an entry, a line in square brackets a context. A line without a colon
that begins with a blank goes on with the targets of the entry above. `#` begins a comment where a
word could begin.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from mailwarden.core.policy.address_forms import NOWHERE
from mailwarden.core.policy.alias_check import find_alias_faults
from mailwarden.core.policy.aliases import (
    DEV_NULL,
    EXPANSION_MAX,
    AliasContext,
    AliasEntry,
    AliasIndex,
    AliasTable,
    implied_sides,
)
from mailwarden.core.policy.breath import breathe
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.rewrite_sides import (
    QUOTED,
    SideReader,
    SideSearch,
    build_side,
    is_bare,
    shown,
)
from mailwarden.core.policy.table_lines import LINES_A_BREATH, TEXT_LENGTH_MAX, LineNotes

ALIAS_SIDES_MAX: Final = 200_000  # names, those without a domain once for each of their domains
ALIAS_CONTEXTS_MAX: Final = 10_000
CONTEXT_DOMAINS_MAX: Final = 1_000
ENTRY_NAMES_MAX: Final = 1_000
ENTRY_TARGETS_MAX: Final = EXPANSION_MAX

_COLUMNS: Final = 17  # of names, so that most targets stand in line
_LINE_COLUMNS: Final = 78  # behind which the targets go on in the next line
_BYTE_ORDER_MARK: Final = chr(0xFEFF)  # which some editors put first
_COMMENT: Final = re.compile(r"(?:^|(?<=[ \t,:]))#")


def parse_aliases(text: str) -> Imported[AliasTable]:
    """Return the table in `text`.

    Problems include cycles, and names on the right that no entry has. Warnings name entries that
    an earlier one hides, wholly or in one of their domains.
    """
    notes = LineNotes()
    reader = _Reader(notes)
    for number, line in _lines(text, notes):
        reader.take(number, line)
        if reader.is_full:
            break
    table = reader.finish()
    lines = reader.entry_lines
    _note_hidden(table, lines, notes)
    result = notes.imported(table)
    if result.problems:  # what is missing would only be told of a second time
        return result
    for fault in find_alias_faults(table, AliasIndex(table)):
        notes.problem(lines[fault.place], fault.message)
    return notes.imported(table)


def build_aliases(table: AliasTable) -> str:
    """Return `table` as text that `parse_aliases` reads back as the same table."""
    lines: list[str] = []
    for entry in table.entries:
        lines += build_entry(entry)
    for context in table.contexts:
        if lines:
            lines.append("")
        lines.append(f"[ {', '.join(context.domains)} ]")
        for entry in context.entries:
            lines += build_entry(entry)
    return "".join(f"{line}\n" for line in lines)


def split_comment(line: str) -> tuple[str, str, str]:
    """Return what stands before the comment of a line, the same without what quotes hide, and it.

    A comment begins with its `#`; "" is none.
    """
    masked = QUOTED.sub(_mask, line) if '"' in line else line
    if "#" in masked and (comment := _COMMENT.search(masked)):
        at = comment.start()
        return line[:at], masked[:at], line[at:]
    return line, masked, ""


def parse_alias_names(text: str) -> tuple[str, ...]:
    """Return names with commas between them, as they stand before a colon.

    Raises:
        ValueError: one of them is none.
    """
    return _read_words(text, _read_name, ENTRY_NAMES_MAX)


def parse_alias_targets(text: str) -> tuple[str, ...]:
    """Return addresses with commas between them, as they stand behind a colon.

    Raises:
        ValueError: one of them is none.
    """
    return _read_words(text, _read_target, ENTRY_TARGETS_MAX)


def _read_words(
    text: str, read: Callable[[SideReader, str], str], words_max: int
) -> tuple[str, ...]:
    line, masked, comment = split_comment(text.strip())
    if comment or ":" in masked or masked[:1] == "[":
        raise ValueError(f"{shown(text)} has what cannot stand in a list of addresses")
    words = [word.strip(" \t") for word in _split(line, masked)]
    if not all(words):
        raise ValueError("a comma stands where an address is missing")
    if len(words) > words_max:
        raise ValueError(f"there are more than {words_max}")
    sides = SideReader()
    return tuple(dict.fromkeys([read(sides, word) for word in words]))


def build_entry(entry: AliasEntry) -> list[str]:
    """Return the lines of an entry."""
    line = f"{', '.join(map(build_side, entry.names))}:"
    line = f"{line:<{_COLUMNS}}"
    lines = []
    comma = ""
    for target in map(build_side, entry.targets):
        line += comma
        if comma and len(line) + len(target) >= _LINE_COLUMNS:
            lines.append(line)
            line = " " * _COLUMNS
        line += f" {target}"
        comma = ","
    lines.append(line)
    return lines


def _lines(text: str, notes: LineNotes) -> Iterator[tuple[int, str]]:
    """Yield each line with its number; other than in most tables, a blank in front means something.

    A line may be of any length: what is in it has limits of its own.
    """
    if len(text) > TEXT_LENGTH_MAX:
        notes.problem(1, f"the text has {len(text)} letters; at most {TEXT_LENGTH_MAX} are read")
        return
    at = 1 if text[:1] == _BYTE_ORDER_MARK else 0
    number = 0
    while at < len(text):  # a list of all lines would double the memory
        number += 1
        if not number & LINES_A_BREATH:
            breathe()
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield number, text[at:end].rstrip(" \t\r")
        at = end + 1


class _Reader:
    """Takes one line after the other, and knows the entry and the context that it is in."""

    __slots__ = (
        "_domains", "_entries", "_has_comma", "_line", "_names", "_notes", "_side_count",
        "_sides", "_tables", "_targets", "entry_lines", "is_full",
    )  # fmt: skip

    def __init__(self, notes: LineNotes) -> None:
        self._notes: Final = notes
        self._sides: Final = SideReader()
        self._tables: Final[list[AliasContext]] = []
        self._domains: tuple[str, ...] = ()  # of the context
        self._entries: list[AliasEntry] = []  # of the context
        self._line = 0  # where the entry begins; 0 is no entry
        self._names: tuple[str, ...] = ()
        self._targets: list[str] = []
        self._has_comma = False  # another target is to come
        self._side_count = 0  # implied sides so far
        self.entry_lines: Final[list[int]] = []  # by place
        self.is_full = False

    def take(self, number: int, line: str) -> None:
        line, masked, _ = split_comment(line)
        content = masked.strip(" \t")
        if not content:
            return
        if content[0] == "[":
            self._end_entry()
            self._begin_context(number, line.strip(" \t"))
            return
        colon = masked.find(":")
        if colon >= 0:
            self._end_entry()
            self._begin_entry(number, line[:colon], masked[:colon])
            self._take_targets(number, line[colon + 1 :], masked[colon + 1 :])
        elif line[0] in " \t" and self._line:
            self._take_targets(number, line, masked)
        else:
            self._notes.problem(
                number,
                f"{shown(line)} has no colon; write `name: address`, and begin a line that goes on "
                "with the addresses above with a blank",
            )

    def finish(self) -> AliasTable:
        """Return everything read."""
        self._end_entry()
        self._end_context()
        return AliasTable(self._tables[0].entries, tuple(self._tables[1:]))

    def _begin_context(self, number: int, line: str) -> None:
        self._end_context()
        self._domains = ()
        if line[-1] != "]":
            self._notes.problem(
                number, f"{shown(line)} needs the form `[ dom.example, .dom.example ]`"
            )
            return
        domains: list[str] = []
        for text in line[1:-1].split(","):
            word = text.strip(" \t")
            try:
                below = "." if word[:1] == "." else ""
                domains.append(below + self._sides.domain(word.removeprefix(".")))
            except ValueError as error:
                self._notes.problem(number, str(error))
        if len(domains) > CONTEXT_DOMAINS_MAX:
            self._notes.problem(number, f"lists more than {CONTEXT_DOMAINS_MAX} domains")
            del domains[CONTEXT_DOMAINS_MAX:]
        if len(self._tables) > ALIAS_CONTEXTS_MAX:
            self._notes.problem(number, f"there are more than {ALIAS_CONTEXTS_MAX} contexts")
            self.is_full = True
        self._domains = tuple(dict.fromkeys(domains))

    def _end_context(self) -> None:
        self._tables.append(AliasContext(self._domains, tuple(self._entries)))
        self._entries = []

    def _begin_entry(self, number: int, line: str, masked: str) -> None:
        self._line = number
        self._targets = []
        self._has_comma = True
        names: list[str] = []
        for text in _split(line, masked):
            try:
                names.append(_read_name(self._sides, text.strip(" \t")))
            except ValueError as error:
                self._notes.problem(number, str(error))
        if len(names) > ENTRY_NAMES_MAX:
            self._notes.problem(number, f"has more than {ENTRY_NAMES_MAX} names")
            del names[ENTRY_NAMES_MAX:]
        self._names = tuple(dict.fromkeys(names))

    def _take_targets(self, number: int, line: str, masked: str) -> None:
        for place, text in enumerate(_split(line, masked)):
            word = text.strip(" \t")
            if place > 0:
                if self._has_comma:
                    self._notes.problem(number, "an address is missing before a comma")
                self._has_comma = True
            if not word:
                continue
            if not self._has_comma:
                self._notes.problem(number, f"a comma is missing before {shown(word)}")
            self._has_comma = False
            try:
                self._targets.append(_read_target(self._sides, word))
            except ValueError as error:
                self._notes.problem(number, str(error))
                self._targets.append(DEV_NULL)  # so that the entry is not empty

    def _end_entry(self) -> None:
        if not self._line:
            return
        if self._has_comma:
            self._notes.problem(
                self._line, "ends where an address should follow; write /dev/null to drop its mail"
            )
        if len(self._targets) > ENTRY_TARGETS_MAX:
            self._notes.problem(self._line, f"has more than {ENTRY_TARGETS_MAX} addresses")
            del self._targets[ENTRY_TARGETS_MAX:]
        if self._names and self._targets:
            self._entries.append(AliasEntry(self._names, tuple(self._targets)))
            self.entry_lines.append(self._line)
            self._side_count += sum(
                len(self._domains) or 1 for name in self._names if is_bare(name)
            )
            self._side_count += sum(not is_bare(name) for name in self._names)
        if self._side_count > ALIAS_SIDES_MAX and not self.is_full:
            self._notes.problem(
                self._line,
                f"the table has more than {ALIAS_SIDES_MAX} names, those without a domain counted "
                "once for each domain",
            )
            self.is_full = True
        self._line = 0


def _read_name(sides: SideReader, text: str) -> str:
    if not text:
        raise ValueError("a name is missing before the colon")
    if text == DEV_NULL:
        raise ValueError(f"{DEV_NULL} cannot be the name of an alias")
    return sides.user(text) if is_bare(text) else sides.left(text)


def _read_target(sides: SideReader, text: str) -> str:
    if text == DEV_NULL:
        return DEV_NULL
    return sides.user(text) if is_bare(text) else sides.address(text)


def _note_hidden(table: AliasTable, lines: list[int], notes: LineNotes) -> None:
    search = SideSearch()
    sides: list[tuple[str, int]] = []
    for place, (entry, domains) in enumerate(table.all_entries()):
        for side in implied_sides(entry.names, domains):
            hiding = search.find_hiding(side)
            if hiding == NOWHERE:
                search.add(side, len(sides))
                sides.append((side, lines[place]))
            else:
                other, line = sides[hiding]
                notes.warning(
                    lines[place],
                    f"{shown(side.removesuffix('@'))} has no effect, as "
                    f"{shown(other.removesuffix('@'))} in line {line} comes first",
                )


def _split(line: str, masked: str) -> list[str]:
    """Return what stands between the commas of `line` that `masked` shows."""
    if line == masked:
        return line.split(",")
    parts: list[str] = []
    at = 0
    for part in masked.split(","):
        parts.append(line[at : at + len(part)])
        at += len(part) + 1
    return parts


def _mask(match: re.Match[str]) -> str:
    return "_" * len(match[0])
