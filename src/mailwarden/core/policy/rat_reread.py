"""Reads a recipient access table again of which some lines have changed.

What comes out is what reading the whole text would give, in a small part of the time: a table of
100,000 entries is edited line by line.
"""

import re
from collections.abc import Iterable
from typing import Final

from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.rat import RAT_ENTRIES_MAX, Rat, RatEntry
from mailwarden.core.policy.rat_text import parse_rat, parse_rat_entry, wider_forms
from mailwarden.core.policy.table_lines import BLANKS, LINE_LENGTH_MAX, TEXT_LENGTH_MAX

LINES_MAX: Final = 1000  # that have changed; with more, all are read
_NO_ENTRY: Final = re.compile(r"^[ \t\r]*(?:#|$)", re.MULTILINE)
_ALL: Final = "ALL"


def reread_rat(before_text: str, before: Imported[Rat], text: str) -> Imported[Rat]:
    """Return what `parse_rat` returns for `text`; `before` is what it returned for another."""
    changed = None if before.problems or before.warnings else _reread(before_text, before, text)
    return parse_rat(text) if changed is None else changed


def _reread(before_text: str, before: Imported[Rat], text: str) -> Imported[Rat] | None:
    """Return the table, or None where all of the text has to be read."""
    if chr(0xFEFF) in (before_text[:1], text[:1]):  # which hides what the first line is
        return None
    start, old_end, new_end = _changed(before_text, text)
    gone, come = before_text[start:old_end], text[start:new_end]
    if max(gone.count("\n"), come.count("\n")) >= LINES_MAX or len(text) > TEXT_LENGTH_MAX:
        return None
    taken = _entries_in(come)
    removed = _entries_in(gone)
    if taken is None or removed is None:
        return None
    first = _count_entries(text, start)
    entries = before.table.entries
    above, below = entries[:first], entries[first + len(removed) :]
    if first > len(entries) or entries[first : first + len(removed)] != tuple(removed):
        return None
    if len(entries) - len(removed) + len(taken) > RAT_ENTRIES_MAX or _hides(above, taken, below):
        return None
    return Imported(Rat((*above, *taken, *below), before.table.default))


def _changed(before: str, after: str) -> tuple[int, int, int]:
    """Return where the first line that differs begins, and where the last one ends in each."""
    start = before.rfind("\n", 0, _same_letters(before, after)) + 1
    room = min(len(before), len(after)) - start
    same = _same_at_end(before, after, room)
    old_end, new_end = len(before) - same, len(after) - same
    if not (_begins_line(before, old_end, start) and _begins_line(after, new_end, start)):
        rest = before.find("\n", old_end) + 1  # of a line that differs in its beginning
        if not rest:
            return start, len(before), len(after)
        new_end += rest - old_end
        old_end = rest
    return start, old_end, new_end


def _begins_line(text: str, at: int, start: int) -> bool:
    return at == start or text[at - 1] == "\n"


def _same_letters(one: str, other: str) -> int:
    """Return how many letters are the same at the beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _same_at_end(one: str, other: str, most: int) -> int:
    """Return how many letters are the same at the end; no more than `most`."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _entries_in(text: str) -> list[RatEntry] | None:
    """Return the entries in some lines; None where one is wrong, or is ALL."""
    entries: list[RatEntry] = []
    for line in text.split("\n"):
        content = line.strip(BLANKS)
        if not content or content[0] == "#":
            continue
        try:
            entry = parse_rat_entry(content)
        except ValueError:
            return None
        if entry.form == _ALL or len(content) > LINE_LENGTH_MAX:
            return None
        entries.append(entry)
    return entries


def _count_entries(text: str, end: int) -> int:
    """Return how many entries there are in the lines before `end`, where a line begins."""
    lines = text.count("\n", 0, end)
    others = sum(1 for match in _NO_ENTRY.finditer(text, 0, end) if match.start() < end)
    return lines - others


def _hides(above: Iterable[RatEntry], taken: list[RatEntry], below: Iterable[RatEntry]) -> bool:
    """Return whether a new entry is hidden, or hides one: then there are warnings to write."""
    new = {entry.form for entry in taken}
    if len(new) < len(taken):
        return True
    hiding: set[str] = set()
    for form in new:
        wider = set(wider_forms(form))
        if len(wider & new) > 1:
            return True
        hiding |= wider
    if hiding and any(entry.form in hiding for entry in above):
        return True
    tails = tuple(_tail(form) for form in new if not form.endswith("@"))
    heads = tuple(form for form in new if form.endswith("@"))
    for entry in below:
        form = entry.form
        if form in new or (heads and form.startswith(heads)) or (tails and form.endswith(tails)):
            return True
    return False


def _tail(form: str) -> str:
    """Return what the forms end with that `form` hides, though not only they."""
    return form if form[0] == "." or "@" in form else f"@{form}"
