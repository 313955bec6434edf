"""The JSON Schema (2020-12) of the configuration file, for editors that complete and check.

It says what a file may hold, not what is wrong between its parts: `mailwarden check` does that.
"""

from typing import Any, Final

from mailwarden.control.config.dump import plain_scalar, plain_settings
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.scalars import SIZE_PATTERN, SWITCHES, TIME_PATTERN
from mailwarden.control.config.shape import (
    MAY_BE_EMPTY,
    Field,
    Form,
    Kind,
    Value,
    fields_of,
)
from mailwarden.core.setting import Setting, Unit

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FILE_DOC: Final = "File that holds the table; relative to the folder of this file."
_PATTERNS: Final = {Unit.BYTES: SIZE_PATTERN, Unit.SECONDS: TIME_PATTERN}

Schema = dict[str, Any]


def build_schema() -> Schema:
    """Return the schema as plain dicts and lists, ready for `json.dumps`."""
    sections: dict[str, Schema] = {}
    root = _section(GatewayConfig, sections)
    return {
        "$schema": DIALECT,
        "title": "Mailwarden configuration",
        **root,
        "$defs": dict(sorted(sections.items())),
    }


def _section(section: type, sections: dict[str, Schema]) -> Schema:
    fields = fields_of(section)
    schema: Schema = {
        "type": "object",
        "description": (section.__doc__ or "").partition("\n")[0],
        "properties": {name: _setting(field, sections) for name, field in fields.items()},
        "additionalProperties": False,
    }
    required = [name for name, field in fields.items() if field.required]
    return {**schema, "required": required} if required else schema


def _setting(field: Field, sections: dict[str, Schema]) -> Schema:
    about = field.setting
    schema: Schema = {"description": about.doc, **_kind(field.kind, about, sections)}
    has_value = not field.required and field.default() is not None
    if has_value and field.kind.form not in (Form.SECTION, Form.LINES):
        schema["default"] = _default(field)
    if about.examples and field.kind.form is not Form.TABLE:
        is_list = field.kind.form in (Form.LIST, Form.LINES)
        schema["examples"] = [[text] if is_list else text for text in about.examples]
    may_be_empty = field.kind.optional or (not field.required and field.kind.form in MAY_BE_EMPTY)
    if may_be_empty:
        described = {"description": schema.pop("description")}
        return {**described, "anyOf": [schema, {"type": "null"}]}
    return schema


def _default(field: Field) -> Value:
    value = field.default()
    if field.kind.form is Form.LIST:
        return [plain_scalar(item, field.setting) for item in value]
    if field.kind.form is Form.TABLE:
        return {name: plain_settings(item, with_defaults=False) for name, item in value.items()}
    return plain_scalar(value, field.setting)


def _kind(kind: Kind, about: Setting, sections: dict[str, Schema]) -> Schema:
    match kind.form:
        case Form.SECTION:
            assert kind.section is not None
            name = kind.section.__name__
            if name not in sections:
                sections[name] = _section(kind.section, sections)
            return {"$ref": f"#/$defs/{name}"}
        case Form.LIST:
            items = _kind(kind.inner, about, sections)
            return {"type": "array", "items": items, "maxItems": about.entries_max}
        case Form.TABLE:
            values = _kind(kind.inner, about, sections)
            return {
                "type": "object",
                "additionalProperties": values,
                "maxProperties": about.entries_max,
            }
        case Form.LINES:
            return _lines(about)
        case Form.CHOICE:
            return {"enum": _choices([choice.value for choice in kind.choices])}
        case Form.SWITCH:
            return {"anyOf": [{"type": "boolean"}, {"enum": list(SWITCHES)}]}
        case Form.INTEGER | Form.NUMBER:
            return _number(kind, about)
    return {"type": "string"}


def _lines(about: Setting) -> Schema:
    """Return what stands for a table: its lines as a list or text, or the name of its file."""
    return {
        "anyOf": [
            {"type": "array", "items": {"type": "string"}, "maxItems": about.entries_max},
            {"type": "string"},
            {
                "type": "object",
                "properties": {"file": {"type": "string", "description": FILE_DOC}},
                "required": ["file"],
                "additionalProperties": False,
            },
        ]
    }


def _choices(words: list[str]) -> list[str | bool]:
    """Return `words`, and what YAML 1.1 makes of `on` and `off` among them."""
    switches = {"on": True, "off": False}
    return [*words, *(switches[word] for word in words if word in switches)]


def _number(kind: Kind, about: Setting) -> Schema:
    number: Schema = {"type": "integer" if kind.form is Form.INTEGER else "number"}
    if about.minimum is not None:
        number["minimum"] = about.minimum
    if about.maximum is not None:
        number["maximum"] = about.maximum
    pattern = _PATTERNS.get(about.unit)
    if pattern is None:
        return number
    return {"anyOf": [number, {"type": "string", "pattern": f"^{pattern}$"}]}
