"""What can be kept, and how it becomes bytes."""

from typing import Any

import pytest

from mailwarden.stores.configuration.codec import (
    LARGE_ITEMS,
    LARGE_LETTERS,
    DamagedError,
    decode_tree,
    encode_tree,
)
from mailwarden.stores.configuration.tree import (
    DEPTH_MAX,
    INTEGER_MAX,
    LETTERS_MAX,
    NODES_MAX,
    TreeError,
    check_tree,
)


def nested(depth: int) -> Any:
    tree: Any = {}
    for _ in range(depth):
        tree = {"a": tree}
    return tree


REFUSED: list[tuple[Any, str]] = [
    ([], "names with values"),
    (None, "names with values"),
    ({1: 2}, "is not text"),
    ({"a": (1,)}, "tuple"),
    ({"a": {1}}, "set"),
    ({"a": b"x"}, "bytes"),
    ({"a": float("nan")}, "nan"),
    ({"a": [float("inf")]}, "inf"),
    ({"a": INTEGER_MAX + 1}, "too large"),
    ({"a": chr(0xD800)}, "surrogate"),
    ({chr(0xD800): 1}, "surrogate"),
    (nested(DEPTH_MAX + 1), "nested"),
    ({"a": "x" * (LETTERS_MAX + 1)}, "letters"),
    ({"a": [None] * NODES_MAX}, "values"),
]


@pytest.mark.parametrize(("tree", "part"), REFUSED)
def test_what_cannot_be_kept(tree: Any, part: str) -> None:
    with pytest.raises(TreeError, match=part):
        check_tree(tree)


TREES: list[Any] = [
    {},
    nested(DEPTH_MAX),
    {"a": None, "b": True, "c": 1, "d": 1.5, "e": "", "f": [], "g": {}},
    {"$": 1, "$$": {"$": "x"}, "$a": "y"},
    {"text": "ü" * (LARGE_LETTERS + 1), "lines": ["x"] * (LARGE_ITEMS + 1)},
    {"mixed": [1] * (LARGE_ITEMS + 1)},
    {"b": 1, "a": 2},
]


@pytest.mark.parametrize("tree", TREES)
def test_there_and_back(tree: Any) -> None:
    encoded = encode_tree(tree)
    back = decode_tree(encoded.root, encoded.parts.__getitem__)
    assert repr(back) == repr(tree)  # types and order too
    assert encode_tree(back) == encoded


def test_large_values_are_kept_by_themselves_and_once() -> None:
    lines: Any = ["x"] * (LARGE_ITEMS + 1)
    encoded = encode_tree({"one": lines, "two": [*lines], "text": "y" * (LARGE_LETTERS + 1)})
    assert len(encoded.parts) == 2
    assert len(encoded.root) < 400


@pytest.mark.parametrize(
    "root",
    [b"", b"[]", b"1", b"{", b'{"$":1}', b'{"a":{"$":"x","b":1}}', b'{"a":NaN}', b"[" * 100_000,
     b'{"a":' * 30 + b"1" + b"}" * 30],
)  # fmt: skip
def test_damaged_bytes(root: bytes) -> None:
    with pytest.raises(DamagedError):
        decode_tree(root, lambda _: b"1")
