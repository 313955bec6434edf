"""Commands for tables with a left and a right side a line: domain map and masquerading."""

from collections.abc import Callable, Sequence
from typing import Any

from mailwarden.control.commands.draft import Settings
from mailwarden.control.commands.entry_name import EntryName
from mailwarden.control.commands.table_place import TablePlace
from mailwarden.control.dialogue.declaration import Menu, Operation, RefusedError
from mailwarden.control.dialogue.question import Place, Question
from mailwarden.control.dialogue.questions import Text, read_name
from mailwarden.core.policy.address_forms import NOWHERE
from mailwarden.core.policy.text_table import TextTable


def rows(table: Any) -> list[dict[str, object]]:  # noqa: ANN401  one of two tables
    """Return the entries of a table."""
    return [{"left": left, "right": right} for left, right in table.entries]


class TwoColumns:
    """NEW, EDIT and DELETE of such a table, and what all tables have.

    `left` and `right` are what the prompts ask for; `more` stands behind the others in the menu.
    `hiding` returns the position of an entry that a new one has to stand in front of, or NOWHERE.
    """

    def __init__(
        self,
        place: TablePlace,
        left: str,
        right: str,
        hiding: Callable[[TextTable[Any], str], int],
        more: Sequence[Operation[Any]] = (),
    ) -> None:
        self._place = place
        self._hiding = hiding
        self._left: Question[str] = Text(
            key="left", prompt=left, of=_read_side, place=Place.WORD, form="the left side"
        )
        self._right: Question[str] = Text(
            key="right", prompt=right, of=_read_side, place=Place.WORD, form="the right side",
            default_from=None,
        )  # fmt: skip
        self._entry = EntryName(
            key="left", prompt="Enter the left side of the entry.", names_from=self._lefts,
            of=str.casefold, place=Place.WORD, form="the left side of an entry",
        )  # fmt: skip
        self.menu: Menu[Any] = Menu(
            summary=self._summary,
            operations=(
                Operation(name="NEW", purpose="Create a new entry.", act=self._add,
                          questions=(self._left, self._right)),
                Operation(name="EDIT", purpose="Modify an entry.", act=self._edit,
                          questions=(self._entry, self._right), when=self._has_entries),
                Operation(name="DELETE", purpose="Remove an entry.", act=self._remove,
                          questions=(self._entry,), when=self._has_entries),
                place.print_operation(self._has_entries),
                place.import_operation(),
                place.export_operation(self._has_entries),
                *more,
                place.clear_operation(when=self._has_entries),
            ),
        )  # fmt: skip

    def _lefts(self, scope: Settings) -> list[str]:
        return [left for left, _ in self._place.table(scope).entries]

    def _has_entries(self, scope: Settings) -> bool:
        return bool(self._place.table(scope).entries)

    def _summary(self, scope: Settings) -> str:
        return f"Entries: {len(self._place.table(scope).entries)}"

    def _line(self, scope: Settings, left: str) -> tuple[str, str]:
        """Return a line for the answers, and its left side as the table has it."""
        line = f"{left:<27} {scope[self._right]}"
        read = self._place.form.parse(line)
        if read.problems:
            raise RefusedError(read.problems[0].message, self._right)
        return line, read.table.entries[0][0]

    def _add(self, scope: Settings) -> str:
        line, left = self._line(scope, scope[self._left])
        if left in self._lefts(scope):
            raise RefusedError(
                f"There is an entry for {left} already; EDIT changes it.", self._left
            )
        before = self._hiding(self._place.read(scope), left)
        return self._place.add_lines(scope, [(line, None if before == NOWHERE else before)])

    def _edit(self, scope: Settings) -> str:
        at = self._lefts(scope).index(scope[self._entry])
        line, _ = self._line(scope, self._written(scope))
        return self._place.put_line(scope, at, line)

    def _remove(self, scope: Settings) -> str:
        return self._place.drop_line(scope, self._lefts(scope).index(scope[self._entry]))

    def _written(self, scope: Settings) -> str:
        """Return the left side of the entry that was chosen as a line has it."""
        from_table: str = scope[self._entry]
        return f'"{from_table}"' if from_table.startswith("#") else from_table


def _read_side(text: str) -> str:
    side = text.strip()
    return side if '"' in side else read_name(side)
