"""Brings values into the form in which they are kept, whichever way they came (COM-14).

Blanks around names, hosts, addresses and files go; a switch is true or false, a plain number a
number. What is wrong stays as it is: to say so is for the check of the whole configuration.
"""

import re
from typing import Final

from mailwarden.control.candidate.model import Declared
from mailwarden.control.config.scalars import INTEGER_MAX, SWITCHES
from mailwarden.control.config.shape import Form
from mailwarden.stores.configuration.tree import Scalar, Value

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,15}")


def tidy(value: Value, declared: Declared | None) -> Value:
    """Return `value` as it is kept; the same object where nothing is to be done."""
    if declared is None or value is None:
        return value
    if isinstance(value, dict):
        return _block(value, declared)
    if isinstance(value, list):
        if declared.kind.form is not Form.LIST:
            return value
        inner = declared.inner("")
        members = [tidy(each, inner) for each in value]
        return value if all(map(_is, members, value)) else members
    return _scalar(value, declared)


def _block(block: dict[str, Value], declared: Declared) -> Value:
    if declared.kind.form not in (Form.SECTION, Form.TABLE):
        return block
    has_names = declared.kind.form is Form.TABLE
    tidied: dict[str, Value] = {}
    for name, each in block.items():
        shorter = name.strip() if has_names else name
        key = name if shorter != name and shorter in block else shorter
        tidied[key] = tidy(each, declared.inner(key))
    is_same = list(tidied) == list(block) and all(map(_is, tidied.values(), block.values()))
    return block if is_same else tidied


def _scalar(value: Scalar, declared: Declared) -> Value:
    about, kind = declared.about, declared.kind
    if about is None:
        return value
    if isinstance(value, str):
        if kind.form is Form.LINES or about.has_lines or about.secret:
            return value
        text = value.strip()
        return _read(text, declared) if text else text
    if kind.form is Form.NUMBER and isinstance(value, float) and value.is_integer():
        return int(value) if abs(value) <= INTEGER_MAX else value
    if isinstance(value, bool) and kind.form is Form.CHOICE:  # what YAML 1.1 makes of a word
        return "on" if value else "off"
    if kind.form is Form.TEXT and type(value) is int:
        return str(value)
    return value


def _read(text: str, declared: Declared) -> Value:
    match declared.kind.form:
        case Form.SWITCH:
            return SWITCHES.get(text.lower(), text)
        case Form.INTEGER | Form.NUMBER:
            if _INTEGER.fullmatch(text):
                return int(text) if abs(int(text)) <= INTEGER_MAX else text
            is_decimal = declared.kind.form is Form.NUMBER and _DECIMAL.fullmatch(text)
            return _number(float(text)) if is_decimal else text
        case Form.CHOICE:
            word = text.lower()
            known = (str(choice.value) for choice in declared.kind.choices)
            return next((each for each in known if each.lower() == word), text)
    return text


def _number(value: float) -> float:
    return int(value) if value.is_integer() else value


def _is(one: object, other: object) -> bool:
    return one is other
