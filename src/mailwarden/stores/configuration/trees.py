"""The trees of versions in the database: each part once, whichever versions have it."""

import zlib
from typing import Final

from mailwarden.stores.configuration.codec import (
    Encoded,
    decode_tree,
    hash_of,
)
from mailwarden.stores.configuration.database import Database
from mailwarden.stores.configuration.errors import DamagedError
from mailwarden.stores.configuration.tree import LETTERS_MAX, Tree

PART_BYTES_MAX: Final = 8 * LETTERS_MAX  # JSON at its widest
_LEVEL: Final = 1  # tables of hosts shrink to a fifth even so


def put_tree(database: Database, number: int, encoded: Encoded) -> None:
    """Keep the tree of a version, within a transaction."""
    for key, data in {encoded.hash: encoded.root, **encoded.parts}.items():
        if database.row("SELECT 1 FROM parts WHERE hash = ?", key) is None:
            database.run(
                "INSERT INTO parts(hash, size, data) VALUES(?, ?, ?)",
                key, len(data), zlib.compress(data, _LEVEL),
            )  # fmt: skip
        database.run("INSERT OR IGNORE INTO uses(version, hash) VALUES(?, ?)", number, key)


def drop_tree(database: Database, number: int) -> None:
    """Forget the tree of a version, within a transaction; parts that others have stay."""
    keys = database.rows("SELECT hash FROM uses WHERE version = ?", number)
    database.run("DELETE FROM uses WHERE version = ?", number)
    for (key,) in keys:
        database.run(
            "DELETE FROM parts WHERE hash = ?1 AND NOT EXISTS"
            " (SELECT 1 FROM uses WHERE hash = ?1)",
            key,
        )  # fmt: skip


def has_tree(database: Database, number: int) -> bool:
    """Tell whether the tree of a version is kept."""
    return database.row("SELECT 1 FROM uses WHERE version = ? LIMIT 1", number) is not None


def get_tree(database: Database, tree_hash: str) -> Tree:
    """Return the tree with that hash.

    Raises:
        DamagedError: it is missing, or not what it was.
    """

    def fetch(key: str) -> bytes:
        return get_part(database, key)

    return decode_tree(fetch(tree_hash), fetch)


def get_part(database: Database, key: str) -> bytes:
    """Return the part with that hash.

    Raises:
        DamagedError: it is missing, or not what it was.
    """
    row = database.row(
        "SELECT CAST(size AS INTEGER), CAST(data AS BLOB) FROM parts WHERE hash = ?", key
    )
    if row is None:
        raise DamagedError(f"the part {key[:16]} of a configuration is missing")
    size, packed = row
    if not 0 < size <= PART_BYTES_MAX:
        raise DamagedError(f"the part {key[:16]} of a configuration has an impossible size")
    try:
        data = zlib.decompressobj().decompress(packed, size)
    except zlib.error as error:
        raise DamagedError(f"the part {key[:16]} of a configuration: {error}") from error
    if hash_of(data) != key:
        raise DamagedError(f"the part {key[:16]} of a configuration was changed")
    return data


def trees_bytes(database: Database) -> int:
    """Return how much all trees take."""
    row = database.row("SELECT coalesce(sum(length(data)), 0) FROM parts")
    assert row is not None
    return int(row[0])
