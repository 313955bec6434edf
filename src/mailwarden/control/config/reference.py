"""The reference of all settings as Markdown, from their declarations."""

import re
from collections.abc import Iterator
from typing import Any, Final

from mailwarden.control.config.dump import plain_scalar
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.scalars import describe_bounds
from mailwarden.control.config.shape import MAY_BE_EMPTY, Field, Form, Kind, fields_of
from mailwarden.core.setting import Setting, Unit

_INTRODUCTION: Final = """\
# Settings

All settings of the configuration file, in the order in which the file is best written. This page
is generated from the program.

- A **size** is a number of bytes, or a number with `k`, `M`, `G` or `T` (powers of 1024): `20M`.
- A **time** is a number of seconds, or a number with `ms`, `s`, `m`, `h`, `d` or `w`: `5m`.
- A **switch** is `on` or `off`; `yes`, `no`, `true` and `false` are the same.
- A **path** is absolute, or counts from the folder of the configuration file.
- A **table** is a list of lines, a text of several lines, or `{file: NAME}` with the path of a
  file; see the guide on tables.
- `[]` stands for each item of a list, `NAME` for a name that you choose.
"""
_SPECIFICATION: Final = re.compile(r" \(mailflow [0-9., -]+\)")
_WORDS: Final = {
    Form.TEXT: "text",
    Form.INTEGER: "whole number",
    Form.NUMBER: "number",
    Form.SWITCH: "switch",
}
_UNITS: Final = {Unit.BYTES: "size", Unit.SECONDS: "time"}


def settings_reference() -> str:
    """Return the page."""
    return _INTRODUCTION + "".join(_section(GatewayConfig, "", "The whole file"))


def _section(section: type, path: str, title: str) -> Iterator[str]:
    """Yield a section's heading, sentence and table, then those of the sections within it."""
    inner: list[tuple[type, str]] = []
    yield f"\n## {title}\n\n{_plain_words(section.__doc__ or '')}\n\n"
    yield "| Setting | Value | Default | Meaning |\n|---|---|---|---|\n"
    for name, field in fields_of(section).items():
        full = f"{path}.{name}" if path else name
        yield _row(full, field)
        inner += _within(field.kind, full)
    for cls, where in inner:
        yield from _section(cls, where, f"`{where}`")


def _plain_words(doc: str) -> str:
    """Return the first line of `doc` without its references to the specification."""
    return _SPECIFICATION.sub("", doc.partition("\n")[0])


def _within(kind: Kind, path: str) -> list[tuple[type, str]]:
    if kind.form is Form.SECTION:
        assert kind.section is not None
        return [(kind.section, path)]
    if kind.form is Form.LIST:
        return _within(kind.inner, f"{path}[]")
    if kind.form is Form.TABLE:
        return _within(kind.inner, f"{path}.NAME")
    return []


def _row(path: str, field: Field) -> str:
    about = field.setting
    meaning = _plain_words(about.doc)
    if about.examples:
        meaning += f" Example: {', '.join(f'`{text}`' for text in about.examples)}."
    cells = (f"`{path}`", _value(field.kind, about), _default(field), meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _value(kind: Kind, about: Setting) -> str:
    match kind.form:
        case Form.SECTION:
            return "block, see below"
        case Form.LIST:
            return f"list of {_plural(kind.inner, about)}"
        case Form.TABLE:
            return f"names, each with a {_value(kind.inner, about)}"
        case Form.CHOICE:
            return ", ".join(f"`{choice.value}`" for choice in kind.choices)
        case Form.LINES:
            return "table"
    if about.is_path:
        return "path"
    bounds = describe_bounds(about)
    return f"{_UNITS.get(about.unit, _WORDS[kind.form])}{', ' if bounds else ''}{bounds}"


def _plural(kind: Kind, about: Setting) -> str:
    return "blocks, see below" if kind.form is Form.SECTION else f"{_value(kind, about)}s"


def _default(field: Field) -> str:
    if field.required:
        return "**required**"
    value: Any = field.default()
    if field.kind.form is Form.SWITCH:
        return "`on`" if value else "`off`"
    if value is None or field.kind.form in MAY_BE_EMPTY:
        return "–"
    shown = plain_scalar(value, field.setting)
    return "empty" if shown == "" else f"`{shown}`"
