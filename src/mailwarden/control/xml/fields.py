"""What the declarations of the settings say to XML: defaults and spellings as a file has them."""

import re
from enum import Enum
from typing import Any, Final

from mailwarden.control.config.dump import plain_scalar, plain_settings, plain_table
from mailwarden.control.config.scalars import SWITCHES, read_integer, read_number
from mailwarden.control.config.shape import Field, Form, Kind, Value
from mailwarden.core.setting import Setting

MISSING: Final = object()  # a setting that a tree does not name

_INTEGER: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,38})\Z")
_NUMBER: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,38})(?:\.[0-9]{1,38})?(?:e[+-]?[0-9]{1,3})?\Z")
_FINITE_MAX: Final = 1e300
_BITS: Final = {"1": True, "0": False}  # as the old product writes switches


def plain_default(field: Field) -> Value:
    """Return the default of a setting as a tree has it, or MISSING where there is none."""
    if field.required:
        return MISSING
    return _plain(field.default(), field.kind, field.setting)


def _plain(value: Value, kind: Kind, about: Setting) -> Value:
    if value is None:
        return None
    match kind.form:
        case Form.SECTION:
            return plain_settings(value, with_defaults=False)
        case Form.LIST:
            return [_plain(item, kind.inner, about) for item in value]
        case Form.TABLE:
            return {name: _plain(item, kind.inner, about) for name, item in value.items()}
        case Form.LINES:
            return plain_table(value)
    return plain_scalar(value, about)


def scalar_of(kind: Kind, about: Setting, text: str) -> Value:
    """Return what a text in XML stands for in a tree.

    What is no value of the setting stays as it is: the check of the tree says what is wrong.
    """
    if not about.has_lines and "\n" in text:
        text = text.strip()  # it was written on lines of its own
    match kind.form:
        case Form.SWITCH:
            word = text.strip().lower()
            return _BITS.get(word, SWITCHES.get(word, text))
        case Form.INTEGER:
            word = text.strip()
            return int(word) if _INTEGER.match(word) else text
        case Form.NUMBER:
            return _number(text.strip(), text)
        case Form.CHOICE:
            return _choice(kind, text)
    return text


def text_of(kind: Kind, value: Value) -> str:
    """Return how a scalar of a tree is written in XML."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float) and kind.form is not Form.TEXT:
        return repr(value)
    return str(value)


def amount_of(kind: Kind, about: Setting, value: Value) -> Value:
    """Return the number that a value says, `20M` as 20971520; what says none stays as it is."""
    try:
        if kind.form is Form.INTEGER:
            return read_integer(str(value), about)
        return read_number(str(value), about)
    except ValueError:
        return value


def _number(word: str, text: str) -> Value:
    if _INTEGER.match(word):
        return int(word)
    if not _NUMBER.match(word):
        return text
    number = float(word)
    return number if abs(number) <= _FINITE_MAX else text


def _choice(kind: Kind, text: str) -> Any:  # noqa: ANN401  the value of an Enum
    word = text.strip().lower()
    for choice in kind.choices:
        if str(choice.value).lower() == word:
            return choice.value
    return text
