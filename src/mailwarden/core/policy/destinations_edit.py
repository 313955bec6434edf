"""Changes single rows in the text of the destination controls: all else stays, to the letter.

The text was accepted; what comes out is for the reader of tables to accept.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from mailwarden.core.patterns import DEFAULT, parse_destination
from mailwarden.core.policy.destinations import (
    DestinationRow,
    DestinationTable,
    complete,
    complete_row,
)
from mailwarden.core.policy.destinations_text import global_lines, row_lines

_BYTE_ORDER_MARK: Final = chr(0xFEFF)


class _Section(NamedTuple):
    name: str
    lines: list[str]  # the first is its head; comments and blank lines behind it are in here too


class DestinationText:
    """The text of a table, by its sections; any number of changes take linear time."""

    __slots__ = ("_before", "_by_name", "_sections", "_table")

    def __init__(self, text: str, table: DestinationTable) -> None:
        """`table` is what the text says."""
        self._table = table
        self._before: Final[list[str]] = []
        self._sections: Final[list[_Section]] = []
        lines = text.removeprefix(_BYTE_ORDER_MARK).split("\n")
        if lines[-1] == "":
            lines.pop()
        current = self._before
        for line in lines:
            words = line.strip()
            if words[:1] == "[":
                current = []
                self._sections.append(_Section(parse_destination(words[1:-1]), current))
            current.append(line)
        self._by_name: Final = {section.name: section for section in self._sections}

    @property
    def text(self) -> str:
        """The text as it is now."""
        lines = list(self._before)
        for section in self._sections:
            lines += section.lines
        return "".join(f"{line}\n" for line in lines)

    @property
    def table(self) -> DestinationTable:
        """What it says now."""
        return self._table

    def set_row(self, name: str, row: DestinationRow) -> None:
        """Put a row, which may be DEFAULT, in the place of the one of that name, or at the end."""
        if name == DEFAULT:
            self._set_default(row)
        else:
            self.set_rows({name: row})

    def set_rows(self, rows: Mapping[str, DestinationRow]) -> None:
        """Put several rows, none of them DEFAULT; as `set_row`, at once."""
        found = dict(self._table.rows)
        for name, row in rows.items():
            whole = complete_row(row, self._table.default)
            section = self._by_name.get(name)
            if section is None:
                self._append(name, row_lines(whole))
            else:
                _rewrite(section.lines, row_lines(found[name]), row_lines(whole), _ROW_KEYS)
            found[name] = whole
        self._table = replace(self._table, rows=tuple(found.items()))

    def remove_row(self, name: str) -> None:
        """Take a row away; comments in front of the next one stay."""
        section = self._by_name.pop(name)
        at = self._sections.index(section)
        del self._sections[at]
        rest = section.lines[_end(section.lines) :]
        above = self._sections[at - 1].lines if at else self._before
        if rest and not rest[0].strip() and (not above or not above[-1].strip()):
            del rest[0]  # two blank lines would be left of one and one
        above += rest
        rows = tuple(row for row in self._table.rows if row[0] != name)
        self._table = replace(self._table, rows=rows)

    def remove_rows(self) -> None:
        """Take all rows away but DEFAULT; comments in front of the others go with them."""
        default = self._by_name.get(DEFAULT)
        self._sections[:] = [] if default is None else [default]
        self._by_name.clear()
        if default is not None:
            del default.lines[_end(default.lines) :]
            self._by_name[DEFAULT] = default
        self._table = replace(self._table, rows=())

    def set_globals(self, *, send_tls_alert: bool, certificate: str) -> None:
        """Put what holds for all destinations, where the text has a section for it."""
        before = global_lines(self._table)
        self._table = replace(self._table, send_tls_alert=send_tls_alert, certificate=certificate)
        section = self._by_name.get(DEFAULT)
        if section is not None:
            _rewrite(section.lines, before, global_lines(self._table), _GLOBAL_KEYS)

    def _set_default(self, row: DestinationRow) -> None:
        before = _default_lines(self._table.default)
        self._table = replace(self._table, default=row)
        lines = _default_lines(row)
        section = self._by_name.get(DEFAULT)
        if section is not None:
            _rewrite(section.lines, before, lines, _ROW_KEYS)
            return
        head = [f"[{DEFAULT}]", *lines, *global_lines(self._table), ""]
        section = self._by_name[DEFAULT] = _Section(DEFAULT, head)
        self._sections.insert(0, section)

    def _append(self, name: str, lines: list[str]) -> None:
        last = self._sections[-1].lines if self._sections else self._before
        if last and last[-1].strip():
            last.append("")
        section = self._by_name[name] = _Section(name, [f"[{name}]", *lines])
        self._sections.append(section)


def _default_lines(row: DestinationRow) -> list[str]:
    return row_lines(complete(DestinationTable(default=row)).default)


def _rewrite(lines: list[str], before: list[str], after: list[str], keys: frozenset[str]) -> None:
    """Change the lines of a section with one of `keys`; those that say it already stay."""
    values = dict(map(_split, after))
    same = values.items() & dict(map(_split, before)).items()
    changed: list[str] = []
    for line in lines:
        key = _split(line)[0]
        if key not in keys:
            changed.append(line)
        elif key in values:
            value = values.pop(key)
            changed.append(line if (key, value) in same else _line(key, value))
    at = _end(changed)
    lines[:] = [*changed[:at], *(_line(*pair) for pair in values.items()), *changed[at:]]


def _end(lines: list[str]) -> int:
    """Return where behind the last key of a section its comments begin, which may be the next's."""
    at = len(lines)
    while at > 1 and not _split(lines[at - 1])[0]:
        at -= 1
    return at


def _split(line: str) -> tuple[str, str]:
    """Return key and value of a line; other lines have no key."""
    text = line.strip()
    if not text or text[0] in "#;[":
        return "", ""
    key, _, value = text.partition("=")
    return key.rstrip().lower(), value.lstrip()


def _line(key: str, value: str) -> str:
    return f"{key} = {value}".rstrip()


_GLOBAL_KEYS: Final = frozenset(("send_tls_req_alert", "certificate"))
_ROW_KEYS: Final = frozenset(
    (
        "max_host_concurrency",
        "max_messages_per_connection",
        "recipient_minutes",
        "recipient_limit",
        "limit_type",
        "limit_apply",
        "bounce_validation",
        "table_tls",
        "bounce_profile",
    )
)
