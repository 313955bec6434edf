"""When two trees say the same, and what stays of a tree when another takes its place.

A tree may spell a value in several ways: `20M` or its bytes, a table as a text or as lines, a
default named or not. A file that is loaded spells them as XML does. Where it says nothing new, the
tree keeps its own words, so that loading what was saved changes nothing.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from mailwarden.control.config.shape import Field, Form, Kind, Value, fields_of
from mailwarden.control.xml.document import is_blank
from mailwarden.control.xml.fields import MISSING, amount_of, plain_default, scalar_of, text_of
from mailwarden.control.xml.names import FILE
from mailwarden.core.setting import Setting


def settled(tree: Mapping[str, Any], section: type) -> dict[str, Any]:
    """Return a tree as it reads back from XML."""
    settings: dict[str, Any] = {}
    for name, field in fields_of(section).items():
        value = tree.get(name, MISSING)
        if value is MISSING or (value is None and not keeps_none(field)):
            continue
        settings[name] = None if value is None else settled_value(value, field.kind, field.setting)
    return settings


def settled_value(value: Value, kind: Kind, about: Setting) -> Value:
    """Return a value of any kind as it reads back from XML."""
    match kind.form:
        case Form.SECTION:
            assert kind.section is not None
            return settled(value or {}, kind.section)
        case Form.LIST:
            return [settled_value(item, kind.inner, about) for item in value]
        case Form.TABLE:
            return {
                str(name): settled_value(item, kind.inner, about) for name, item in value.items()
            }
        case Form.LINES:
            return settled_table(value)
    return scalar_of(kind, about, text_of(kind, value))


def settled_table(value: Value) -> str | dict[str, str]:
    """Return a table as it reads back from XML: its text, or the name of its file."""
    if isinstance(value, Mapping):
        return {FILE: str(value.get(FILE, ""))}
    if isinstance(value, list | tuple):
        value = "".join(f"{'' if line is None else line}\n" for line in value)
    text = str(value)
    return "" if is_blank(text) else text


def keeps_none(field: Field) -> bool:
    """Tell whether `no value` says something of a setting: its default is another."""
    return field.kind.optional and field.default() is not None


def is_same(one: Value, other: Value, field: Field) -> bool:
    """Tell whether two values of a setting mean the same; MISSING means its default."""
    return bool(_meaning_of(one, field) == _meaning_of(other, field))


def kept(old: Value, new: Value, field: Field) -> Value:
    """Return `new`, in the words of `old` where they say the same; MISSING names no setting."""
    if is_same(old, new, field):
        return old
    if _meaning_of(new, field) == _meaning_of(MISSING, field):
        return MISSING
    if old is MISSING or not old or new is None:
        return _kept_value(None, new, field.kind)
    return _kept_value(old, new, field.kind)


def kept_section(old: Mapping[str, Any], new: Mapping[str, Any], section: type) -> dict[str, Any]:
    """Return the settings of `new`, in the words and the order of `old` where they are the same."""
    fields = fields_of(section)
    names = [name for name in old if name in fields]
    names += [name for name in new if name in fields and name not in old]
    values = {
        name: kept(old.get(name, MISSING), new.get(name, MISSING), fields[name]) for name in names
    }
    return {name: value for name, value in values.items() if value is not MISSING}


def _kept_value(old: Value, new: Value, kind: Kind) -> Value:
    if kind.form is Form.SECTION:
        assert kind.section is not None
        before = old if isinstance(old, Mapping) else {}
        return kept_section(before, new or {}, kind.section)
    if kind.form is Form.TABLE:
        before = old if isinstance(old, Mapping) else {}
        return {name: _kept_value(before.get(name), item, kind.inner) for name, item in new.items()}
    if kind.form is Form.LIST:
        partners = _partners(old if isinstance(old, list | tuple) else (), new)
        return [_kept_value(partner, item, kind.inner) for partner, item in partners]
    return new


def _partners(old: list[Any] | tuple[Any, ...], new: list[Any]) -> list[tuple[Value, Value]]:
    """Return the items of `new`, each with the one of `old` that has its name, or its place."""
    named = {item["name"]: item for item in old if _has_name(item)}
    return [
        (
            named.get(item["name"])
            if _has_name(item)
            else (old[index] if index < len(old) else None),
            item,
        )
        for index, item in enumerate(new)
    ]


def _has_name(item: Value) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("name"), str)


def _meaning_of(value: Value, field: Field) -> Value:
    """Return what can be compared; None is both `no value` and a required setting not named."""
    if value is MISSING or (value is None and not field.kind.optional):
        return _default_meaning(field)  # a block whose lines are all comments is None
    return None if value is None else _meaning(value, field.kind, field.setting)


@cache
def _default_meaning(field: Field) -> Value:
    value = plain_default(field)
    return None if value is MISSING else _meaning_of(value, field)


def _meaning(value: Value, kind: Kind, about: Setting) -> Value:
    """Return what can be compared; a value that is none of this setting is compared as it is."""
    match kind.form:
        case Form.SECTION if value is None or isinstance(value, Mapping):
            assert kind.section is not None
            tree = value or {}
            return {
                name: _meaning_of(tree.get(name, MISSING), field)
                for name, field in fields_of(kind.section).items()
            }
        case Form.LIST if isinstance(value, list | tuple):
            return [_meaning(item, kind.inner, about) for item in value]
        case Form.TABLE if isinstance(value, Mapping):  # in order, which may say something
            return [(name, _meaning(item, kind.inner, about)) for name, item in value.items()]
        case Form.LINES:
            table = settled_table(value)
            is_open = isinstance(table, str) and table and not table.endswith("\n")
            return f"{table}\n" if is_open else table
        case Form.SECTION | Form.LIST | Form.TABLE:
            return value
        case Form.INTEGER | Form.NUMBER:
            return amount_of(kind, about, value)
        case Form.SWITCH | Form.CHOICE:
            return scalar_of(kind, about, text_of(kind, value))
    return text_of(kind, value)
