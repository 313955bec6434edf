"""Builds settings objects out of a tree, and finds all that is wrong on the way.

A value that is wrong is reported and its default put in its place, so that reading can go on.
What comes out is only used when nothing was reported.
"""

import difflib
import os
from collections.abc import Iterable
from enum import Enum
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from mailwarden.control.config.problems import Findings, TooManyError, join
from mailwarden.control.config.scalars import (
    describe_bounds,
    read_integer,
    read_number,
    read_switch,
)
from mailwarden.control.config.shape import (
    MAY_BE_EMPTY,
    Field,
    Form,
    Kind,
    Value,
    fields_of,
)
from mailwarden.control.config.table_setting import TableReader
from mailwarden.control.config.tables import Tables
from mailwarden.control.config.tree import TEXT_LENGTH_MAX, Items, Node, Place, Scalar, Table
from mailwarden.core.setting import Checked, Setting, Unit

VISITS_MAX: Final = 500_000  # values read, those behind aliases counted each time
VALUE_LENGTH_MAX: Final = 32 * 1024  # letters in one value
NAMES_COMPARED_MAX: Final = 500  # when looking for what was meant
_NAMES: Final = {
    Form.TEXT: "text",
    Form.INTEGER: "a whole number",
    Form.NUMBER: "a number",
    Form.SWITCH: "on or off",
    Form.LIST: "a list",
    Form.TABLE: "names with values",
    Form.LINES: "a table: lines, or the file that has them",
    Form.SECTION: "a block of settings",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean x?` when `word` is close to one of `known`, else nothing."""
    names = {name.lower(): name for name in islice(known, NAMES_COMPARED_MAX)}
    close = difflib.get_close_matches(word[:64].lower(), names, n=1, cutoff=0.6)
    return f"; did you mean {names[close[0]]}?" if close else ""


def describe(kind: Kind, about: Setting) -> str:
    """Return in words what a setting takes: `a whole number from 1 to 64`."""
    if kind.form is Form.CHOICE:
        words = [str(choice.value) for choice in kind.choices]
        return f"{', '.join(words[:-1])} or {words[-1]}"
    if kind.form not in (Form.INTEGER, Form.NUMBER):
        return _NAMES[kind.form]
    units = {Unit.BYTES: "a size (512, 10k, 20M, 1G)", Unit.SECONDS: "a time (30s, 5m, 4h, 3d)"}
    return f"{units.get(about.unit, _NAMES[kind.form])} {describe_bounds(about)}".rstrip()


class Builder:
    """Reads one file's tree. `base` is the folder that relative paths count from."""

    def __init__(self, findings: Findings, base: str, tables: Tables) -> None:
        self._findings = findings
        self._base = base
        self._tables = TableReader(findings, base, tables)
        self._visits = 0

    def section(self, cls: type, node: Node, path: str) -> Value:
        """Return a `cls` from the settings in `node`."""
        fields = fields_of(cls)
        entries = self._entries(cls, node, path)
        values = {}
        for name, field in fields.items():
            if name in entries:
                place, value = entries[name]
                values[name] = self._setting(field, value, place, join(path, name))
            else:
                values[name] = self._missing(field, node.place, join(path, name))
        made = cls(**values)
        if isinstance(made, Checked) and not self._findings.has_wrong(path):
            for problem in made.problems():
                located = problem.under(path) if path else problem
                self._findings.add_at(located.path, located.message)
        return made

    def _entries(self, cls: type, node: Node, path: str) -> dict[str, tuple[Place, Node]]:
        self._visit(node.place)
        if isinstance(node, Table):
            known = fields_of(cls)
            for name, (place, _) in node.entries.items():
                if name and name not in known:
                    shown = f"is not a setting here{nearest(name, known)}"
                    self._findings.add(place, join(path, name), shown)
            return node.entries
        if not (isinstance(node, Scalar) and node.is_nothing):
            example = next(iter(fields_of(cls)))
            self._wrong(node.place, path, f"needs a block of settings, as in `{example}: ...`")
        return {}

    def _missing(self, field: Field, place: Place, path: str) -> Value:
        if not field.required:
            return field.default()
        if not self._findings.is_wrong(path):
            samples = [f", as in `{field.name}: {text}`" for text in field.setting.examples[:1]]
            what = f"is missing ({field.setting.doc.rstrip('.')})"
            self._findings.add(place, path, "".join([what, *samples]))
        return self._placeholder(field.kind)

    def _placeholder(self, kind: Kind) -> Value:
        match kind.form:
            case Form.CHOICE:
                return kind.choices[0]
            case Form.LIST:
                return ()
            case Form.TABLE:
                return MappingProxyType({})
            case Form.SECTION:
                assert kind.section is not None
                fields = kind.fields.items()
                return kind.section(
                    **{
                        name: self._placeholder(field.kind) if field.required else field.default()
                        for name, field in fields
                    }
                )
            case Form.SWITCH:
                return False
            case Form.INTEGER | Form.NUMBER:
                return 0
        return ""

    def _setting(self, field: Field, node: Node, place: Place, path: str) -> Value:
        if isinstance(node, Scalar) and node.is_nothing:
            if field.kind.optional:
                return None
            if field.kind.form in MAY_BE_EMPTY and not field.required:
                return field.default()  # every line of the block is commented out
            kind = describe(field.kind, field.setting)
            empty = ", or '' for none" if field.kind.form is Form.TEXT else ""
            self._wrong(place, path, f"has no value; it takes {kind}{empty}")
            return self._fallback(field)
        if isinstance(node, Scalar) and node.text == field.default_text:
            return node.text
        value = self._value(field.kind, field.setting, node, path)
        return self._fallback(field) if value is _WRONG else value

    def _fallback(self, field: Field) -> Value:
        return self._placeholder(field.kind) if field.required else field.default()

    def _value(self, kind: Kind, about: Setting, node: Node, path: str) -> Value:
        """Return the value of any kind, or _WRONG once a problem is reported."""
        if kind.form is Form.SECTION:
            assert kind.section is not None
            return self.section(kind.section, node, path)
        if kind.form is Form.LIST:
            return self._list(kind, about, node, path)
        if kind.form is Form.TABLE:
            return self._table(kind, about, node, path)
        self._visit(node.place)
        if kind.form is Form.LINES:
            table = self._tables.read(about, node, path)
            return _WRONG if table is None else table
        if not isinstance(node, Scalar):
            what = "a list" if isinstance(node, Items) else "a block"
            return self._wrong(node.place, path, f"takes {describe(kind, about)}, not {what}")
        try:
            return self._scalar(kind, about, node)
        except ValueError as error:
            return self._wrong(node.place, path, str(error))

    def _list(self, kind: Kind, about: Setting, node: Node, path: str) -> Value:
        self._visit(node.place)
        if isinstance(node, Scalar):
            return self._wrong(node.place, path, f"takes a list; write [{node.text[:40]}]")
        if not isinstance(node, Items):
            return self._wrong(node.place, path, "takes a list; begin each item with `- `")
        if len(node.items) > about.entries_max:
            return self._wrong(node.place, path, f"has more than {about.entries_max} items")
        values = [
            self._value(kind.inner, about, item, join(path, index))
            for index, item in enumerate(node.items)
        ]
        return tuple(value for value in values if value is not _WRONG)

    def _table(self, kind: Kind, about: Setting, node: Node, path: str) -> Value:
        self._visit(node.place)
        if not isinstance(node, Table):
            return self._wrong(node.place, path, "takes names with values, as in `name: value`")
        if len(node.entries) > about.entries_max:
            return self._wrong(node.place, path, f"has more than {about.entries_max} entries")
        values: dict[str, Any] = {}
        for name, (place, item) in node.entries.items():
            inside = join(path, name)
            key = self._key(name, about, values, place, inside)
            value = self._value(kind.inner, about, item, inside)
            if value is not _WRONG:
                values[key] = value
        return MappingProxyType(values)

    def _key(
        self, name: str, about: Setting, taken: dict[str, Any], place: Place, path: str
    ) -> str:
        try:
            key = about.parse_key(name) if about.parse_key else name
        except ValueError as error:
            self._wrong(place, path, str(error))
            return name
        if key in taken:
            self._wrong(place, path, f"is the same as {key}, which stands above")
        return key

    def _scalar(self, kind: Kind, about: Setting, node: Scalar) -> Value:
        text = node.text
        longest = TEXT_LENGTH_MAX if about.has_lines else VALUE_LENGTH_MAX
        if len(text) > longest:
            raise ValueError(f"is longer than {longest} letters")
        match kind.form:
            case Form.SWITCH:
                return read_switch(text)
            case Form.INTEGER:
                return read_integer(text, about)
            case Form.NUMBER:
                return read_number(text, about)
            case Form.CHOICE:
                return _choice(kind, text)
        if node.is_nothing:
            raise ValueError("has no value; write '' for an empty one")
        return self._text(about, text)

    def _text(self, about: Setting, text: str) -> Value:
        value = about.parse(text) if about.parse else text
        if isinstance(value, str):
            allowed = "\n\t" if about.has_lines else ""
            odd = next((c for c in value if not c.isprintable() and c not in allowed), None)
            if odd is not None:
                raise ValueError(f"the sign U+{ord(odd):04X} cannot stand in it")
        if about.is_path:
            if not text.strip():
                raise ValueError("the name of a file or folder is missing")
            return os.path.join(self._base, text.strip())
        return value

    def _visit(self, place: Place) -> None:
        self._visits += 1
        if self._visits > VISITS_MAX:
            self._findings.add(place, "", f"aliases repeat more than {VISITS_MAX} values")
            raise TooManyError

    def _wrong(self, place: Place, path: str, message: str) -> Value:
        self._findings.add(place, path, message)
        return _WRONG


_WRONG: Final = object()


def _choice(kind: Kind, text: str) -> Enum:
    word = text.strip().lower()
    names = {str(choice.value).lower(): choice for choice in kind.choices}
    if word in names:
        return names[word]
    known = ", ".join(str(choice.value) for choice in kind.choices)
    raise ValueError(f"{text[:40]!r} is none of {known}{nearest(word, names)}")
