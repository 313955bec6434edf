"""Questions about settings, from the declarations of the settings themselves.

The bounds, the unit, the choices and what the setting is for are known there already. Answers are
what a configuration tree holds: text, numbers, switches, lists; not the typed values of classes.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Final

from mailwarden.control.config.dump import plain_scalar
from mailwarden.control.config.shape import Field, Form, Kind, fields_of
from mailwarden.control.dialogue.question import UNSET, AnyScope, Question, Unset
from mailwarden.control.dialogue.questions import (
    Choice,
    Number,
    Option,
    Quantity,
    Text,
    YesNo,
    read_list,
    read_text,
    write_list,
)
from mailwarden.core.setting import Setting

Plain = Any  # what a tree holds
Present = Callable[[Any], Mapping[str, Any] | None]  # gets the Scope; the section of the tree
NONE_WORD: Final = "none"


def ask_setting(
    section: type,
    name: str,
    *,
    present: Present,
    none_word: str = NONE_WORD,
    **more: Any,  # noqa: ANN401  other fields of a question: prompt, key, when, check, place
) -> Question[Plain]:
    """Return the question for one setting of a settings class.

    An empty line leaves what `present` has, or else the default of the setting; `none_word` answers
    None where the setting may be without a value.

    Raises:
        TypeError: the setting is a section, a table, or a list of them: it needs a menu.
    """
    field = fields_of(section)[name]
    doc = field.setting.doc
    given: dict[str, Any] = {
        "key": name,
        "doc": doc,
        "prompt": f"{doc.partition('. ')[0].removesuffix('.')}.",
        "none_word": none_word if field.kind.optional else "",
        **more,
    }
    question = _question(field.kind, field.setting, given)

    def default_from(scope: AnyScope) -> Plain | Unset:
        held = (present(scope) or {}).get(name, UNSET)
        if held is UNSET:
            return _default(field)
        return question.parse_word(held) if isinstance(held, str) else held

    given["default_from"] = default_from
    return _question(field.kind, field.setting, given)


def ask_settings(
    section: type, names: Iterable[str], *, present: Present, none_word: str = NONE_WORD
) -> tuple[Question[Plain], ...]:
    """Return the questions for several settings of a class, in this order."""
    return tuple(ask_setting(section, name, present=present, none_word=none_word) for name in names)


def _question(kind: Kind, about: Setting, given: Mapping[str, Any]) -> Question[Plain]:
    bounds: dict[str, Any] = {
        "minimum": about.minimum,
        "maximum": about.maximum,
        "unit": about.unit,
    }
    match kind.form:
        case Form.SWITCH:
            return YesNo(**given)
        case Form.CHOICE:
            options = tuple(Option(str(each.value), each.value) for each in kind.choices)
            return Choice(options=options, **given)
        case Form.INTEGER:
            return Number(**bounds, **given)
        case Form.NUMBER:
            return Quantity(**bounds, **given)
        case Form.TEXT:
            return Text(of=_reader(about), **given)
        case Form.LIST if kind.inner.form in (Form.TEXT, Form.CHOICE):
            of = _choice_reader(kind.inner.choices) if kind.inner.choices else _reader(about)
            items = read_list(of)
            return Text(
                of=lambda text: list(items(text)) if text.strip() else [],
                as_text=write_list,
                form="a list with commas",
                **given,
            )
    raise TypeError(f"{given['key']} is not asked in one line")


def _default(field: Field) -> Plain | Unset:
    """Return the default of a setting as a tree has it."""
    if field.required:
        return UNSET
    value = field.default()
    if isinstance(value, tuple):
        return [plain_scalar(item, field.setting) for item in value]
    return value.value if isinstance(value, Enum) else value


def _reader(about: Setting) -> Callable[[str], str]:
    """Return a reader that checks a text as the setting does; a text in another form is kept."""

    def read(text: str) -> str:
        stripped = read_text(text)
        if about.parse is None:
            return stripped
        parsed = about.parse(stripped)
        return parsed if isinstance(parsed, str) else stripped

    return read


def _choice_reader(choices: tuple[Enum, ...]) -> Callable[[str], str]:
    names = {str(each.value).casefold(): str(each.value) for each in choices}

    def read(text: str) -> str:
        if text.casefold() not in names:
            raise ValueError(f"{text!r} is none of {', '.join(names.values())}")
        return names[text.casefold()]

    return read
