"""A configuration as the store keeps it: a plain tree, as YAML gives it, never changed in place."""

import math
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = "Scalar | list[Value] | dict[str, Value]"
Tree: TypeAlias = dict[str, Value]

DEPTH_MAX: Final = 20  # blocks within blocks
NODES_MAX: Final = 500_000  # values of one tree
LETTERS_MAX: Final = 64 * 1024 * 1024  # of all names and texts of one tree
INTEGER_MAX: Final = 2**63 - 1


class TreeError(ValueError):
    """The value is no tree that can be kept; the text says why."""


def check_tree(tree: object) -> None:
    """Look whether `tree` can be kept.

    Raises:
        TreeError: it holds what YAML does not, or more than the limits allow.
    """
    if type(tree) is not dict:
        raise TreeError("a configuration is names with values")
    letters = nodes = 0
    level: list[object] = [tree]
    for _ in range(DEPTH_MAX + 1):  # level by level, so that depth costs no stack
        below: list[object] = []
        for value in level:
            if type(value) is dict:
                letters += _count_names(value)
                below.extend(value.values())
            elif type(value) is list:
                below.extend(value)
            else:
                letters += _count_letters(value)
        nodes += len(level)
        if nodes > NODES_MAX:
            raise TreeError(f"has more than {NODES_MAX} values")
        if letters > LETTERS_MAX:
            raise TreeError(f"has more than {LETTERS_MAX} letters")
        if not below:
            return
        level = below
    raise TreeError(f"is nested more than {DEPTH_MAX} deep")


def _count_names(block: dict[object, object]) -> int:
    count = 0
    for name in block:
        if type(name) is not str:
            raise TreeError(f"the name {name!r:.40} is not text")
        _check_text(name)
        count += len(name)
    return count


def _count_letters(value: object) -> int:
    if type(value) is str:
        _check_text(value)
        return len(value)
    if type(value) is int:
        if abs(value) > INTEGER_MAX:
            raise TreeError("a number is too large")
    elif type(value) is float:
        if not math.isfinite(value):
            raise TreeError(f"{value} is not a number")
    elif value is not None and type(value) is not bool:
        raise TreeError(f"{type(value).__name__} is no kind of value")
    return 0


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TreeError("a text holds half of a surrogate pair") from None
