"""Trees and records as bytes: canonical JSON, large texts under the hash of what they hold.

Names keep their order: in some tables the first entry is the one for everybody else. A value that
is kept elsewhere stands as `{"$": HASH}`; a name that begins with `$` gets a second one.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mailwarden.stores.configuration.errors import DamagedError
from mailwarden.stores.configuration.tree import Tree, TreeError, Value, check_tree

LARGE_LETTERS: Final = 4096  # from here on, a text is kept by itself
LARGE_ITEMS: Final = 64  # and a list of texts
_MARK: Final = "$"

Fetch = Callable[[str], bytes]  # returns what has that hash


class Encoded(NamedTuple):
    """A tree as bytes. `root` names the parts by their hashes, so that its own stands for all."""

    root: bytes
    parts: Mapping[str, bytes]  # by hash

    @property
    def hash(self) -> str:
        """The hash of the whole tree."""
        return hash_of(self.root)


def hash_of(data: bytes) -> str:
    """Return SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def encode_tree(tree: Tree) -> Encoded:
    """Return `tree` as bytes; the same tree always gives the same bytes.

    Raises:
        TreeError: it cannot be kept.
    """
    check_tree(tree)
    parts: dict[str, bytes] = {}
    return Encoded(canonical(_fold(tree, parts)), parts)


def decode_tree(root: bytes, fetch: Fetch) -> Tree:
    """Return the tree whose `root` is given.

    Raises:
        DamagedError: it is none, or `fetch` says so of a part.
    """
    tree = _unfold(parse_json(root), fetch)
    try:
        check_tree(tree)
    except TreeError as error:
        raise DamagedError(str(error)) from error
    assert isinstance(tree, dict)
    return tree


def canonical(value: Any) -> bytes:  # noqa: ANN401  whatever JSON has
    """Return `value` as JSON without blanks, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def parse_json(data: bytes) -> Any:  # noqa: ANN401  whatever JSON has
    """Return what `data` says.

    Raises:
        DamagedError: it is not JSON.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"is not JSON: {error}") from error


def _fold(value: Value, parts: dict[str, bytes]) -> Any:  # noqa: ANN401  as JSON has it
    if isinstance(value, str):
        return _part(value, parts) if len(value) > LARGE_LETTERS else value
    if isinstance(value, list):
        if len(value) > LARGE_ITEMS and all(isinstance(item, str) for item in value):
            return _part(value, parts)
        return [_fold(item, parts) for item in value]
    if isinstance(value, dict):
        return {
            f"{_MARK}{name}" if name[:1] == _MARK else name: _fold(item, parts)
            for name, item in value.items()
        }
    return value


def _part(value: Value, parts: dict[str, bytes]) -> dict[str, str]:
    data = canonical(value)
    key = hash_of(data)
    parts[key] = data
    return {_MARK: key}


def _unfold(value: Any, fetch: Fetch) -> Value:  # noqa: ANN401  as JSON has it
    if isinstance(value, list):
        return [_unfold(item, fetch) for item in value]
    if isinstance(value, dict):
        if _MARK in value:
            key = value[_MARK]
            if not isinstance(key, str) or len(value) != 1:
                raise DamagedError("names a part in a way that is not known")
            part: Value = parse_json(fetch(key))
            return part
        return {
            name[1:] if name[:1] == _MARK else name: _unfold(item, fetch)
            for name, item in value.items()
        }
    scalar: Value = value
    return scalar
