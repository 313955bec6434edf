"""A table of the configuration as commands see it: its text in the draft, changed in single lines.

PRINT, IMPORT, EXPORT and CLEAR are the same for all tables.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.commands.exchanged_text import (
    EXPORTED,
    FILES,
    IMPORTED,
    check_import,
    export_text,
    imported_text,
    told,
)
from mailwarden.control.dialogue.declaration import Operation, RefusedError, Shown
from mailwarden.control.dialogue.questions import Confirm
from mailwarden.control.operations.exchange import SHOWN_AS
from mailwarden.core.policy.table_edit import (
    append_lines,
    delete_line,
    entry_line,
    insert_lines,
    line_at,
    replace_line,
)
from mailwarden.core.policy.text_table import TableForm, TextTable
from mailwarden.core.problem import Problem

NEW_WARNINGS_SHOWN_MAX: Final = 10
_NUMBER: Final = re.compile(r"\bline [0-9]+")


@dataclass(frozen=True, kw_only=True, eq=False)
class TablePlace:
    """Where a table stands, and what it is.

    `short_form` is the text that says the same as the settings `replaced`, which hold while the
    table is not set; once it is changed, it stands in their place.
    """

    form: TableForm
    path: Callable[[Settings], tuple[str, ...]]
    row: Callable[[Any], list[dict[str, object]]]  # what a table holds, for JSON
    short_form: Callable[[Settings], str] = lambda _: ""
    replaced: tuple[str, ...] = ()

    def text(self, scope: Settings) -> str:
        """Return the text of the table as it would be committed.

        Raises:
            RefusedError: it is not in the configuration, but in a file that this names.
        """
        held = scope.draft.get(*self.path(scope))
        if isinstance(held, dict):
            raise RefusedError(f"The {self.form.name} stands in a file of its own; change it there")
        if isinstance(held, list):
            held = "".join(f"{line}\n" for line in scope.draft.lines(*self.path(scope)))
        return held or self.short_form(scope)

    def read(self, scope: Settings, text: str | None = None) -> TextTable[Any]:
        """Return a table read; without a `text` that of the draft."""
        tables = scope.draft.desk.administration.tables
        return tables.look(self.form, self.text(scope) if text is None else text)

    def table(self, scope: Settings) -> Any:  # noqa: ANN401  of the kind that the form reads
        """Return what the table says."""
        return self.read(scope).table

    def change(self, scope: Settings, text: str) -> list[str]:
        """Put another text in its place; return what the administrator should know about it.

        Raises:
            RefusedError: it is not right; all that is wrong is said.
        """
        tables = scope.draft.desk.administration.tables
        before = self.read(scope)
        after = tables.look(self.form, text, before)
        if after.read.problems:
            raise RefusedError("\n".join(told(after.read.problems)))
        path = self.path(scope)
        if text:
            scope.draft.put(*path, value=text)
        elif scope.draft.has(*path):
            scope.draft.remove(*path)
        for name in self.replaced:
            if scope.draft.has(*path[:-1], name):
                scope.draft.remove(*path[:-1], name)
        return _news(before.read.warnings, after.read.warnings)

    # Tables with an entry a line. Positions count entries, from 0.

    def add_lines(self, scope: Settings, lines: Sequence[tuple[str, int | None]]) -> str:
        """Put entries in front of others and the comments right above them; None is at the end.

        Return what the administrator should know about it; raises as `change`.
        """
        text = self.text(scope)
        where = [(None if before is None else _above(text, before), line) for line, before in lines]
        text = append_lines(text, [line for number, line in where if number is None])
        for number in sorted({number for number, _ in where if number is not None}, reverse=True):
            text = insert_lines(text, number, [line for at, line in where if at == number])
        return told_news(self.change(scope, text))

    def put_line(self, scope: Settings, position: int, line: str) -> str:
        """Put another line in the place of an entry; otherwise as `add_lines`."""
        text = self.text(scope)
        return told_news(self.change(scope, replace_line(text, entry_line(text, position), line)))

    def drop_line(self, scope: Settings, position: int) -> str:
        """Take an entry away; otherwise as `add_lines`."""
        text = self.text(scope)
        return told_news(self.change(scope, delete_line(text, entry_line(text, position))))

    # What all tables can do.

    def print_operation(self, when: Callable[[Settings], bool] | None = None) -> Operation[Any]:
        """Return PRINT."""
        return Operation(
            name="PRINT", purpose="Display the table.", act=self._print, when=when
        )  # fmt: skip

    def import_operation(self) -> Operation[Any]:
        """Return IMPORT."""
        return Operation(
            name="IMPORT", purpose="Import a table from a file.", permission=FILES,
            questions=(IMPORTED,), act=self._import,
        )  # fmt: skip

    def export_operation(self, when: Callable[[Settings], bool] | None = None) -> Operation[Any]:
        """Return EXPORT."""
        return Operation(
            name="EXPORT", purpose="Export the table to a file.", permission=FILES,
            questions=(EXPORTED,), act=self._export, when=when,
        )  # fmt: skip

    def clear_operation(
        self,
        clear: Callable[[str], str] = lambda _: "",
        when: Callable[[Settings], bool] | None = None,
    ) -> Operation[Any]:
        """Return CLEAR; `clear` returns what is left of a text."""

        def act(scope: Settings) -> str:
            self.change(scope, clear(self.text(scope)))
            return "All entries are removed."

        return Operation(
            name="CLEAR", purpose="Remove all entries.", act=act, when=when,
            confirm=Confirm(
                key="sure", prompt="Are you sure you want to remove all entries of the table?"
            ),
        )  # fmt: skip

    def _print(self, scope: Settings) -> Shown:
        text = self.text(scope)
        data = {"text": text, "entries": self.row(self.read(scope, text).table)}
        return Shown(text.removesuffix("\n") or "The table is empty.", data)

    def _import(self, scope: Settings) -> str:
        text = imported_text(scope)
        read = self.read(scope, text).read
        check_import(read.problems)
        self.change(scope, text)
        where = f"{SHOWN_AS}/{scope[IMPORTED]}"
        return "\n".join([f"The table is imported from {where}.", *told(read.warnings)])

    def _export(self, scope: Settings) -> Shown:
        return export_text(scope, self.form.name, self.text(scope))


def place_among(
    places: Mapping[str, int], wider: Iterable[str], otherwise: int | None
) -> int | None:
    """Return where a new entry has an effect: in front of all that match whatever it matches.

    `places` are the positions of the entries there are, by their forms.
    """
    return min((places[form] for form in wider if form in places), default=otherwise)


def told_news(warnings: Sequence[str]) -> str:
    """Return what an edit has to say besides that it was done; mostly nothing."""
    return "\n".join(warnings)


def _above(text: str, position: int) -> int:
    """Return the line in front of an entry and the comment right above it."""
    number = entry_line(text, position)
    while number > 1 and line_at(text, number - 1).lstrip().startswith("#"):
        number -= 1
    return number


def _news(before: Sequence[Problem], after: Sequence[Problem]) -> list[str]:
    """Return warnings that were not there before, wherever their lines were."""
    known = {_NUMBER.sub("line", each.message) for each in before}
    news = [each for each in after if _NUMBER.sub("line", each.message) not in known]
    shown = [f"Warning: {each.path}: {each.message}" for each in news[:NEW_WARNINGS_SHOWN_MAX]]
    more = len(news) - len(shown)
    return [*shown, f"and {more} warnings more"] if more else shown
