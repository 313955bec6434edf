"""What becomes of a section of the configuration by the answers to questions about its settings."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from mailwarden.control.commands.draft import Settings
from mailwarden.control.config.shape import Form, fields_of
from mailwarden.control.dialogue.question import Question

Plain = Mapping[str, Any]  # a section as a tree has it


def merged(scope: Settings, questions: Iterable[Question[Any]], own: Plain, standing: Plain) -> Any:  # noqa: ANN401  a section
    """Return the section `own` with what was answered; what is the same stays as it was written.

    `standing` is what holds where the section says nothing: an answer that is just that is not
    put down. An answer of None, and a question that had no meaning, take the setting away.
    """
    section = dict(own)
    for question in questions:
        key, answer = question.key, scope.get(question)
        if answer is None:
            section.pop(key, None)
        elif key not in own:
            if answer != standing.get(key):
                section[key] = answer
        elif _read(question, own[key]) != answer:
            section[key] = answer
    return section


def put_answers(
    scope: Settings, path: tuple[str, ...], questions: Iterable[Question[Any]], standing: Plain
) -> None:
    """Put what was answered into the section at `path`, which need not be there."""
    own = scope.draft.section(*path)
    section = merged(scope, questions, own, standing)
    if section != own:
        scope.draft.put(*path, value=section)


def defaults_of(section: type) -> Plain:
    """Return what the settings of a class are where nothing is said, those on a line."""
    values = {
        name: field.default()
        for name, field in fields_of(section).items()
        if not field.required and field.kind.form in _ON_A_LINE
    }
    return {
        name: value.value if isinstance(value, Enum) else value for name, value in values.items()
    }


_ON_A_LINE = (Form.SWITCH, Form.CHOICE, Form.INTEGER, Form.NUMBER, Form.TEXT)


def _read(question: Question[Any], held: object) -> object:
    """Return what a setting is: a text such as `3d` is what it would be as an answer."""
    if not isinstance(held, str):
        return held
    try:
        return question.parse_word(held)
    except ValueError:
        return held
