"""Changes single entries in the text of an alias table: all else stays, to the letter.

The text was accepted; what comes out is for the reader of tables to accept. A place is that of
`AliasTable.all_entries`.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from mailwarden.core.policy.aliases import AliasEntry
from mailwarden.core.policy.aliases_text import build_entry, split_comment

_BYTE_ORDER_MARK: Final = chr(0xFEFF)
NO_CONTEXT: Final = -1  # the global section


class _Entry(NamedTuple):
    context: int  # position of its context, or NO_CONTEXT
    start: int  # its first line, from 0
    end: int  # behind its last line with an address


class _Places(NamedTuple):
    lines: list[str]
    entries: list[_Entry]
    contexts: list[int]  # the lines of their heads


def add_entry(text: str, entry: AliasEntry, context: int = NO_CONTEXT) -> str:
    """Return `text` with one more entry, behind the others of its context.

    `context` is the position of one of `AliasTable.contexts`.
    """
    places = _find(text)
    at = _place_in(places, context)
    return _spliced(places, at, at, build_entry(entry))


def add_context(text: str, domains: Sequence[str], entry: AliasEntry) -> str:
    """Return `text` with a context at its end, and an entry in it."""
    places = _find(text)
    lines = [f"[ {', '.join(domains)} ]", *build_entry(entry)]
    if places.lines and places.lines[-1].strip():
        lines.insert(0, "")
    return _spliced(places, len(places.lines), len(places.lines), lines)


def replace_entry(text: str, place: int, entry: AliasEntry) -> str:
    """Return `text` with another entry in the place of one; comments in its lines stay."""
    places = _find(text)
    old = places.entries[place]
    comments = [split_comment(line)[2] for line in places.lines[old.start : old.end]]
    kept = " ".join(filter(None, comments))
    lines = build_entry(entry)
    if kept:
        lines[0] = f"{lines[0]}  {kept}"
    return _spliced(places, old.start, old.end, lines)


def remove_entry(text: str, place: int) -> str:
    """Return `text` without an entry; the head of its context stays."""
    places = _find(text)
    old = places.entries[place]
    return _spliced(places, old.start, old.end, [])


def _find(text: str) -> _Places:
    lines = text.removeprefix(_BYTE_ORDER_MARK).split("\n")
    if lines[-1] == "":
        lines.pop()
    places = _Places(lines, [], [])
    for number, line in enumerate(lines):
        _, masked, _ = split_comment(line.rstrip(" \t\r"))
        content = masked.strip(" \t")
        if content[:1] == "[":
            places.contexts.append(number)
        elif ":" in content:
            context = len(places.contexts) - 1
            places.entries.append(_Entry(context, number, number + 1))
        elif content:
            places.entries[-1] = places.entries[-1]._replace(end=number + 1)
    return places


def _place_in(places: _Places, context: int) -> int:
    """Return the line in front of which an entry is the last one of a context."""
    ends = [entry.end for entry in places.entries if entry.context == context]
    if ends:
        return ends[-1]
    if context != NO_CONTEXT:
        return places.contexts[context] + 1
    if not places.contexts:
        return len(places.lines)
    at = places.contexts[0]  # and the comment right above it
    while at and places.lines[at - 1].lstrip()[:1] == "#":
        at -= 1
    return at


def _spliced(places: _Places, start: int, end: int, lines: Sequence[str]) -> str:
    whole = [*places.lines[:start], *lines, *places.lines[end:]]
    return "".join(f"{line}\n" for line in whole)
