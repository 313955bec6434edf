"""Writes a configuration as the YAML text that reads back as the same value."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import yaml

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.scalars import write_number
from mailwarden.control.config.shape import Form, Kind, Value, fields_of
from mailwarden.core.policy.text_table import TextTable
from mailwarden.core.setting import ENTRIES_MAX, Setting

_DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LINE_WIDTH: Final = 100


def dump_config(config: GatewayConfig, *, with_defaults: bool = False) -> str:
    """Return `config` as YAML; settings that hold their defaults only `with_defaults`.

    Settings without a value are left out in either case. Paths are absolute.
    """
    return yaml.dump(
        plain_settings(config, with_defaults=with_defaults),
        Dumper=_DUMPER,
        sort_keys=False,
        allow_unicode=True,
        width=_LINE_WIDTH,
    )


def plain_settings(value: Value, *, with_defaults: bool) -> dict[str, Any]:
    """Return a settings object as text, numbers, switches, lists and dicts."""
    section: type = type(value)
    plain: dict[str, Any] = {}
    for name, field in fields_of(section).items():
        held = getattr(value, name)
        if held is None:
            continue
        is_default = not field.required and held == field.default()
        if is_default and not with_defaults:
            continue
        plain[name] = _plain(held, field.kind, field.setting, with_defaults=with_defaults)
    return plain


def plain_scalar(value: Value, about: Setting) -> Value:
    """Return a value that is neither list, table nor section, as it stands in a file."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return write_number(value, about.unit)


def _plain(value: Value, kind: Kind, about: Setting, *, with_defaults: bool) -> Value:
    if kind.form is Form.SECTION:
        return plain_settings(value, with_defaults=with_defaults)
    if kind.form is Form.LIST:
        return [_plain(item, kind.inner, about, with_defaults=with_defaults) for item in value]
    if kind.form is Form.TABLE:
        assert isinstance(value, Mapping)
        return {
            name: _plain(item, kind.inner, about, with_defaults=with_defaults)
            for name, item in value.items()
        }
    if kind.form is Form.LINES:
        return plain_table(value)
    return plain_scalar(value, about)


def plain_table(table: TextTable[Any]) -> str | list[str] | dict[str, str]:
    """Return a table as it stands in a file: the name of its own, or its lines."""
    if table.file:
        return {"file": table.file}
    lines = table.text.removesuffix("\n").split("\n") if table.text else []
    return lines if len(lines) <= ENTRIES_MAX else table.text
