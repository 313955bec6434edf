"""Where the entry of a table stands: its file and line, or the setting that it stands in."""

from itertools import islice
from typing import Any, Final

from mailwarden.core.policy.hat_index import Match
from mailwarden.core.policy.host_forms import NameStatus, parse_host_form
from mailwarden.core.policy.table_lines import LineNotes, numbered_lines
from mailwarden.core.policy.text_table import TextTable

_UNVERIFIED: Final = frozenset(status.value for status in NameStatus)


def entry_place(table: TextTable[Any], setting: str, position: int) -> str:
    """Return where entry `position` of a table with an entry on each line stands; -1 is the last.

    `setting` is what the table is called in the configuration.
    """
    lines = numbered_lines(table.text, LineNotes())
    if position < 0:
        return _place(table, setting, max((number for number, _ in lines), default=0))
    found = next(islice(lines, position, None), None)
    return _place(table, setting, found[0] if found else 0)


def host_place(table: TextTable[Any], setting: str, match: Match) -> str:
    """Return where what matched a host stands in a host access table."""
    is_inside = False  # of the group
    for number, line in enumerate(table.text.split("\n"), start=1):
        text = line.partition("(")[0].strip()
        if not text or text[0] == "#":
            continue
        if line[0] not in " \t":
            if match.group is None and _is_host(text, match.entry):
                return _place(table, setting, number)
            is_inside = text.endswith(":") and text[:-1].rstrip() == match.group
            if is_inside and match.entry in _UNVERIFIED:
                return _place(table, setting, number)
        elif is_inside and _is_host(text, match.entry):
            return _place(table, setting, number)
    return _place(table, setting, 0)


def _is_host(text: str, entry: str) -> bool:
    if text.upper() == "ALL":
        return entry == "ALL"
    try:
        return parse_host_form(text).text == entry
    except ValueError:
        return False


def _place(table: TextTable[Any], setting: str, line: int) -> str:
    where = f"{setting} ({table.file})" if table.file else setting
    return f"{where}, line {line}" if line else where
