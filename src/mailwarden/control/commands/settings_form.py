"""Stores settings that a command has asked for; what was not asked stays as it is."""

from collections.abc import Iterable
from typing import Any

from mailwarden.control.commands.draft import Settings
from mailwarden.control.config.shape import fields_of
from mailwarden.control.dialogue.question import Question


def store_answers(
    scope: Settings, section: type, questions: Iterable[Question[Any]], *path: str
) -> list[str]:
    """Store the answers that differ from what holds in the block at `path`; return their names.

    The keys of the questions are names of settings of `section`. None takes a setting away.
    """
    changed = []
    fields = fields_of(section)
    for question in questions:
        name = question.key
        if not scope.has(question):
            continue
        answer = scope[question]
        if answer == question.at(scope).default_in(scope):
            continue
        changed.append(name)
        if answer is not None or fields[name].default() is not None:
            scope.draft.put(*path, name, value=answer)
        elif scope.draft.has(*path, name):
            scope.draft.remove(*path, name)
    return changed
