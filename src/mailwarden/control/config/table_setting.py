"""Reads a setting that is a table: a list of lines, a text, or the name of a file.

Whatever is wrong with a line is told with the place where it stands: the line of the
configuration file, or that of the table's own file.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from mailwarden.control.config.problems import Findings, join, locate
from mailwarden.control.config.tables import TableFileError, Tables, absolute, line_of
from mailwarden.control.config.tree import Items, Node, Place, Scalar, Table
from mailwarden.core.policy.text_table import TableForm, TextTable
from mailwarden.core.setting import Setting

FILE: Final = "file"
_FORMS: Final = "takes lines as a list or text, or `{file: NAME}`"

# Return place and path of a line, which counts from 1; 0 is the table.
Where = Callable[[int], tuple[Place, str]]


class TableReader:
    """Reads the tables of one configuration file. `base` is where relative paths count from."""

    def __init__(self, findings: Findings, base: str, tables: Tables) -> None:
        self._findings = findings
        self._base = base
        self._tables = tables

    def read(self, about: Setting, node: Node, path: str) -> TextTable[Any] | None:
        """Return the table, or None once all that is wrong with it is reported."""
        assert about.table is not None
        if isinstance(node, Table):
            return self._of_file(about.table, node, path)
        if isinstance(node, Items):
            return self._of_list(about, node, path)
        text = _whole_lines(node.text)
        return self._checked(about.table, text, path, _places_in(node, path))

    def _of_list(self, about: Setting, node: Items, path: str) -> TextTable[Any] | None:
        assert about.table is not None
        if len(node.items) > about.entries_max:
            what = f"has more than {about.entries_max} lines; put them into a file of their own"
            self._findings.add(node.place, path, what)
            return None
        lines: list[str] = []
        is_right = True
        for index, item in enumerate(node.items):
            if isinstance(item, Scalar) and "\n" not in item.text:
                lines.append("" if item.is_nothing else item.text)
                continue
            is_right = False
            what = (
                "is more than one line; write the whole table as a text behind a `|`"
                if isinstance(item, Scalar)
                else "takes a line of text; put it into quotes, or write the table behind a `|`"
            )
            self._findings.add(item.place, join(path, index), what)
        if not is_right:
            return None
        text = "".join(f"{line}\n" for line in lines)

        def where(line: int) -> tuple[Place, str]:
            if not line:
                return node.place, path
            index = min(line, len(node.items)) - 1
            return node.items[index].place, join(path, index)

        return self._checked(about.table, text, path, where)

    def _checked(
        self, form: TableForm, text: str, path: str, where: Where
    ) -> TextTable[Any] | None:
        if not text:
            return form.empty()  # as if it were not named
        table = self._tables.read(form, text, "")
        for problem in table.read.problems:
            self._findings.add(*where(line_of(problem)), problem.message)
        for warning in table.read.warnings:
            place, shown = where(line_of(warning))
            self._tables.warnings.append(locate(self._findings.file, place, shown, warning.message))
        self._findings.keep_lines(path, lambda line: (self._findings.file, *where(line)))
        return None if table.read.problems else table

    def _of_file(self, form: TableForm, node: Table, path: str) -> TextTable[Any] | None:
        is_right = True
        for name, (place, _) in node.entries.items():
            if name != FILE:
                is_right = False
                self._findings.add(place, join(path, name), f"is not known here; a table {_FORMS}")
        value = node.entries.get(FILE, (node.place, None))[1]
        if not (isinstance(value, Scalar) and value.text.strip() and not value.is_nothing):
            if is_right:
                where = node.place if value is None else value.place
                self._findings.add(where, path, "the name of the file is missing: `{file: NAME}`")
            return None
        return self._of_named(form, value, path) if is_right else None

    def _of_named(self, form: TableForm, name: Scalar, path: str) -> TextTable[Any] | None:
        file = absolute(self._base, name.text)
        shown = os.path.join(os.path.dirname(self._findings.file), name.text.strip())
        try:
            text = self._tables.text_of(file)
        except TableFileError as error:
            if error.line:
                self._findings.add_in_file(shown, error.line, path, error.message)
            else:
                self._findings.add(name.place, path, f"{shown} {error.message}")
            return None
        table = self._tables.read(form, text, file)
        for problem in table.read.problems:
            self._findings.add_in_file(shown, line_of(problem), path, problem.message)
        for warning in table.read.warnings:
            place = Place(line_of(warning), 0)
            self._tables.warnings.append(locate(shown, place, "", warning.message))
        self._findings.keep_lines(path, lambda line: (shown, Place(line, 0), ""))
        return None if table.read.problems else table


def _whole_lines(text: str) -> str:
    return f"{text}\n" if text and text[-1] != "\n" else text


def _places_in(node: Scalar, path: str) -> Where:
    """Return where the lines of a text stand; one in quotes is folded, and stands as a whole."""
    place = node.place

    def where(line: int) -> tuple[Place, str]:
        return (Place(place.line + line, 0) if node.literal and line else place), path

    return where
