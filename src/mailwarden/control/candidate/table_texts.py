"""Texts of tables in a configuration: taken out of their files, and put beside a configuration.

A version holds the text of each table, so that it can be gone back to whatever has become of the
files. A configuration that is handed to other processes has long ones beside it, as files that are
named after the setting, so that each process reads a table only when its text is another one.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from mailwarden.control.candidate.model import Declared, Model
from mailwarden.control.candidate.paths import Path, format_path
from mailwarden.control.config.table_setting import FILE
from mailwarden.stores.configuration.tree import Tree, Value

LONG: Final = 2000  # letters of a text that is put beside
_Turn = Callable[[Value, Path], Value]


class SetAside(NamedTuple):
    """A configuration, and the long texts of its tables by the names that stand in it for them."""

    tree: Tree
    texts: Mapping[str, str]


def take_in(tree: Tree, model: Model, text_of: Callable[[str], str]) -> Tree:
    """Return `tree` with the texts of tables instead of `{file: NAME}`.

    `text_of` returns the text of a file; what it raises comes through.
    """

    def turn(value: Value, _path: Path) -> Value:
        name = value.get(FILE) if isinstance(value, dict) else None
        return text_of(name) if isinstance(name, str) else value

    return _turned(tree, model, turn)


def set_aside(tree: Tree, model: Model) -> SetAside:
    """Return `tree` with the long texts of its tables set aside."""
    texts: dict[str, str] = {}

    def turn(value: Value, path: Path) -> Value:
        if not isinstance(value, str) or len(value) < LONG:
            return value
        name = f"/{format_path(path)}"
        texts[name] = value
        return {FILE: name}

    return SetAside(_turned(tree, model, turn), texts)


def _turned(tree: Tree, model: Model, turn: _Turn) -> Tree:
    turned = _walk(tree, model.root, (), turn)
    assert isinstance(turned, dict)
    return turned


def _walk(value: Value, declared: Declared | None, path: Path, turn: _Turn) -> Value:
    if declared is None:
        return value
    if declared.is_table_text:
        return turn(value, path)
    if isinstance(value, dict):
        return {
            name: _walk(each, declared.inner(name), (*path, name), turn)
            for name, each in value.items()
        }
    if isinstance(value, list):
        inner = declared.inner("")
        return [_walk(each, inner, (*path, _step(each, at)), turn) for at, each in enumerate(value)]
    return value


def _step(member: Value, position: int) -> str:
    name = member.get("name") if isinstance(member, dict) else None
    return name if isinstance(name, str) else str(position)
