"""The destination controls of a draft, in whichever of two settings has them (mailflow 7.2).

They stand as rows in `destinations`, or as a text in `destination_controls`; never in both. A text
is changed row by row, so that its comments stay. Rows are plain here: text, numbers, switches.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mailwarden.control.commands.draft import SettingsDraft
from mailwarden.control.config.dump import plain_settings
from mailwarden.control.config.shape import fields_of
from mailwarden.core.patterns import DEFAULT
from mailwarden.core.policy.destinations import (
    DEFAULT_MINUTES,
    NO_LIMIT,
    DestinationRow,
    DestinationTable,
    complete,
    table_of,
)
from mailwarden.core.policy.destinations_edit import DestinationText
from mailwarden.core.policy.destinations_text import DESTINATION_CONTROLS

ROWS: Final = "destinations"
CONTROLS: Final = "destination_controls"
_GLOBAL_DEFAULTS: Final = {"certificate": "", "send_tls_alert": False}
GLOBALS: Final = tuple(_GLOBAL_DEFAULTS)  # of `delivery`, and of DEFAULT in a text

Row = Mapping[str, Any]
DELIVERED: Final[Row] = {  # what DEFAULT is where nobody has said anything
    **plain_settings(complete(DestinationTable()).default, with_defaults=False),
    "recipient_limit": NO_LIMIT,
    "recipient_minutes": DEFAULT_MINUTES,
}


class DestinationRows:
    """The controls as they are in `draft`; changes go there."""

    def __init__(self, draft: SettingsDraft) -> None:
        self._draft: Final = draft
        held = draft.get(CONTROLS)
        self._text: Final = held if isinstance(held, str) else "\n".join(draft.lines(CONTROLS))

    @property
    def where(self) -> str:
        """The setting that has them."""
        return CONTROLS if self._text else ROWS

    @property
    def names(self) -> list[str]:
        """Destinations that have a row, in order, without DEFAULT."""
        if self._text:
            return [name for name, _ in self._written().rows]
        return [name for name in self._draft.section(ROWS) if name != DEFAULT]

    def row(self, name: str) -> Row:
        """Return what a row says itself; that of DEFAULT may be missing and is empty then."""
        if not self._text:
            return self._draft.section(ROWS, name)
        table = self._written()
        row = table.default if name == DEFAULT else dict(table.rows).get(name, DestinationRow())
        return plain_settings(row, with_defaults=False)

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield all rows, DEFAULT last and with nothing left open."""
        if self._text:
            for name, row in self._written().rows:
                yield name, plain_settings(row, with_defaults=False)
        else:
            for name in self.names:
                yield name, self.row(name)
        yield DEFAULT, self.default()

    def default(self) -> Row:
        """Return DEFAULT with nothing left open."""
        return {**DELIVERED, **self.row(DEFAULT)}

    def globals(self) -> Row:
        """Return what holds for all destinations."""
        delivery = self._draft.section("delivery")
        table = self._written() if self._text else DestinationTable()
        return {
            "certificate": table.certificate or delivery.get("certificate", ""),
            "send_tls_alert": table.send_tls_alert or delivery.get("send_tls_alert", False),
        }

    def table(self) -> DestinationTable:
        """Return the controls as a table."""
        rows = {name: typed_row(row) for name, row in self.rows() if name != DEFAULT}
        rows[DEFAULT] = typed_row(self.row(DEFAULT))
        return table_of(rows, **self.globals())

    def put(self, name: str, row: Row) -> None:
        """Put a row, that of DEFAULT included."""
        if not self._text:
            self._draft.put(ROWS, name, value=dict(row))
            return
        text = self._edited()
        text.set_row(name, typed_row(row))
        self._draft.put(CONTROLS, value=text.text)

    def remove(self, name: str) -> None:
        """Remove a row."""
        if not self._text:
            self._draft.remove(ROWS, name)
            return
        text = self._edited()
        text.remove_row(name)
        self._draft.put(CONTROLS, value=text.text)

    def clear(self) -> None:
        """Remove all rows but DEFAULT."""
        if not self._text:
            held = self._draft.section(ROWS)
            left = {DEFAULT: held[DEFAULT]} if DEFAULT in held else {}
            self._draft.put(ROWS, value=left)
            return
        text = self._edited()
        text.remove_rows()
        if text.text:
            self._draft.put(CONTROLS, value=text.text)
        else:
            self._draft.remove(CONTROLS)

    def put_globals(self, values: Row) -> None:
        """Put what holds for all destinations."""
        for name in GLOBALS:
            if values[name] != self._draft.section("delivery").get(name, _GLOBAL_DEFAULTS[name]):
                self._draft.put("delivery", name, value=values[name])
        if self._text:
            text = self._edited()
            text.set_globals(**values)
            self._draft.put(CONTROLS, value=text.text)

    def take(self, text: str, table: DestinationTable) -> None:
        """Take rows from a text without problems, and keep those that it does not name.

        Where nothing is set so far, the text stands as it is, with its comments.
        """
        has_default = table.default != DestinationRow()
        if not self._text and not self._draft.section(ROWS):
            self._draft.put(CONTROLS, value=text)
        elif self._text:
            edited = self._edited()
            if has_default:
                edited.set_row(DEFAULT, table.default)
            edited.set_rows(dict(table.rows))
            self._draft.put(CONTROLS, value=edited.text)
        else:
            found = dict(self._draft.section(ROWS))
            if has_default:
                found[DEFAULT] = plain_settings(table.default, with_defaults=False)
            for name, row in table.rows:
                found[name] = plain_settings(row, with_defaults=False)
            self._draft.put(ROWS, value=found)
        if has_default:
            values = {"certificate": table.certificate, "send_tls_alert": table.send_tls_alert}
            DestinationRows(self._draft).put_globals(values)

    def _written(self) -> DestinationTable:
        tables = self._draft.desk.administration.tables
        table: DestinationTable = tables.read(DESTINATION_CONTROLS, self._text, "").table
        return table

    def _edited(self) -> DestinationText:
        return DestinationText(self._text, self._written())


def typed_row(row: Row) -> DestinationRow:
    """Return a plain row, which is right, with the values that the gateway works with."""
    values: dict[str, Any] = {}
    for name, held in row.items():
        choices = {str(each.value): each for each in fields_of(DestinationRow)[name].kind.choices}
        values[name] = choices.get(str(held), held) if choices else held
    return DestinationRow(**values)
