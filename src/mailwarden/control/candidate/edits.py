"""Looks into trees and changes them: what comes out shares with the old tree all that is the same.

A member of a list has a name when all members have one of their own; then it is reached by it, and
else by its position from 0.
"""

from typing import Final

from mailwarden.control.candidate.paths import Path, format_path
from mailwarden.stores.configuration.tree import Tree, Value

NAME: Final = "name"


class EditError(ValueError):
    """The change cannot be made; the message says why."""


def names_of(value: Value) -> list[str] | None:
    """Return the names of the members of a list, in order; None when they have none."""
    if not isinstance(value, list) or not value:
        return None
    names: dict[str, None] = {}
    for member in value:
        name = member.get(NAME) if isinstance(member, dict) else None
        if not isinstance(name, str) or not name or name in names:
            return None
        names[name] = None
    return list(names)


def find(value: Value, path: Path) -> tuple[Value, bool]:
    """Return what stands at `path`, and whether anything does."""
    for step in path:
        if isinstance(value, dict):
            if step not in value:
                return None, False
            value = value[step]
        elif isinstance(value, list):
            position = position_of(value, step)
            if position < 0:
                return None, False
            value = value[position]
        else:
            return None, False
    return value, True


def get(tree: Tree, path: Path) -> Value:
    """Return what stands at `path`.

    Raises:
        EditError: nothing does.
    """
    value, is_there = find(tree, path)
    if not is_there:
        raise EditError(f"there is no {format_path(path)}")
    return value


def position_of(members: list[Value], step: str) -> int:
    """Return where in a list the member with that name or position is; -1 is nowhere."""
    names = names_of(members)
    if names is not None:
        return names.index(step) if step in names else -1
    is_number = step.isascii() and step.isdecimal() and len(step) < 10
    if is_number and str(int(step)) == step and int(step) < len(members):
        return int(step)
    return -1


def put(tree: Tree, path: Path, value: Value) -> Tree:
    """Return the tree with `value` at `path`; blocks on the way are made.

    Raises:
        EditError: something on the way is no block, or a member of a list that is not there.
    """
    return _block(_put(tree, path, 0, value))


def delete(tree: Tree, path: Path) -> Tree:
    """Return the tree without what stands at `path`; blocks around it stay, if empty.

    Raises:
        EditError: there is nothing.
    """
    around, last = _around(tree, path)
    if isinstance(around, dict):
        return put(tree, path[:-1], {name: each for name, each in around.items() if name != last})
    position = position_of(around, last)
    return put(tree, path[:-1], around[:position] + around[position + 1 :])


def insert(tree: Tree, path: Path, value: Value, position: int | None = None) -> Tree:
    """Return the tree with `value` in the list at `path`: before `position`, or at the end.

    Raises:
        EditError: there is something else at `path`, or a member of that name.
    """
    members, _ = find(tree, path)
    if members is None:
        members = []
    if not isinstance(members, list):
        raise EditError(f"{format_path(path)} is not a list")
    name = value.get(NAME) if isinstance(value, dict) else None
    if name is not None and name in (names_of(members) or ()):
        raise EditError(f"{format_path(path)} has {name!r} already")
    at = len(members) if position is None else max(0, min(position, len(members)))
    return put(tree, path, [*members[:at], value, *members[at:]])


def append(tree: Tree, path: Path, value: Value) -> Tree:
    """Return the tree with `value` at the end of the list at `path`; otherwise as `insert`."""
    return insert(tree, path, value)


def move(tree: Tree, path: Path, position: int) -> Tree:
    """Return the tree with what stands at `path` at another position, from 0, among the others.

    Raises:
        EditError: there is nothing, or what it stands in has no order.
    """
    around, last = _around(tree, path)
    if isinstance(around, dict):
        names = [name for name in around if name != last]
        names.insert(max(0, position), last)
        return put(tree, path[:-1], {name: around[name] for name in names})
    old = position_of(around, last)
    others = around[:old] + around[old + 1 :]
    others.insert(max(0, position), around[old])
    return put(tree, path[:-1], others)


def rename(tree: Tree, path: Path, name: str) -> Tree:
    """Return the tree with another name for what stands at `path`, in its place.

    Raises:
        EditError: there is nothing, it has no name, or something else has that one.
    """
    around, last = _around(tree, path)
    if name == last:
        return tree
    new = (*path[:-1], name)
    if find(tree, new)[1]:
        raise EditError(f"{format_path(new)} is there already")
    if isinstance(around, dict):
        renamed = {name if each == last else each: value for each, value in around.items()}
        return put(tree, path[:-1], renamed)
    member = around[position_of(around, last)]
    if names_of(around) is None or not isinstance(member, dict):
        raise EditError(f"{format_path(path)} has no name")
    return put(tree, path, {**member, NAME: name})


def _around(tree: Tree, path: Path) -> tuple[Tree | list[Value], str]:
    """Return what `path` ends in, which has it, and its last step."""
    if not path:
        raise EditError("the configuration as a whole is not one of its settings")
    get(tree, path)
    around = get(tree, path[:-1])
    assert isinstance(around, dict | list)
    return around, path[-1]


def _put(value: Value, path: Path, depth: int, new: Value) -> Value:
    if depth == len(path):
        return new
    step = path[depth]
    if value is None:
        value = {}
    if isinstance(value, dict):
        return {**value, step: _put(value.get(step), path, depth + 1, new)}
    if isinstance(value, list):
        position = position_of(value, step)
        if position < 0:
            raise EditError(f"there is no {format_path(path[: depth + 1])}")
        inner = _put(value[position], path, depth + 1, new)
        return [*value[:position], inner, *value[position + 1 :]]
    raise EditError(f"{format_path(path[:depth])} is a value: nothing can stand within it")


def _block(value: Value) -> Tree:
    if not isinstance(value, dict):
        raise EditError("a configuration is names with values")
    return value
