"""Looks whether a store is whole: the file, the chain, the trees of versions and their copies."""

from collections.abc import Callable

from mailwarden.stores.configuration.chain import first_broken, last_compaction
from mailwarden.stores.configuration.codec import parse_json
from mailwarden.stores.configuration.copies import Copies
from mailwarden.stores.configuration.database import Database
from mailwarden.stores.configuration.errors import Broken, DamagedError
from mailwarden.stores.configuration.record import read_version
from mailwarden.stores.configuration.tree import Tree
from mailwarden.stores.configuration.trees import get_tree

EMPTY: Broken = Broken(0, "it is empty, but there are copies of versions beside it")


def broken_at_start(
    database: Database, copies: Copies, read_tree: Callable[[str], Tree], *, is_restored: bool
) -> Broken | None:
    """Return what keeps a gateway from starting with this store: all but older trees and copies.

    `read_tree` returns the tree with a hash, or raises DamagedError.
    """
    try:
        broken = database.broken() or first_broken(database)
        if broken:
            return broken
        statement = (
            "SELECT CAST(body AS BLOB) FROM chain WHERE version IS NOT NULL"
            " ORDER BY version DESC LIMIT 1"
        )
        head = database.row(statement)
        if head is None:
            return EMPTY if copies.numbers() and not is_restored else None
        read_tree(read_version(parse_json(head[0])).tree_hash)
    except DamagedError as error:
        return Broken(0, str(error))
    return None


def broken_anywhere(database: Database, copies: Copies) -> Broken | None:
    """Return the first thing that is wrong with anything that is kept."""
    try:
        broken = database.broken() or first_broken(database)
        return broken or _broken_tree(database, copies)
    except DamagedError as error:
        return Broken(0, str(error))


def _broken_tree(database: Database, copies: Copies) -> Broken | None:
    """Return the first version whose tree is not what it was, or whose copy is another."""
    trees_from = last_compaction(database).trees_from
    statement = (
        "SELECT seq, CAST(body AS BLOB), CAST(hash AS BLOB) FROM chain"
        " WHERE version >= ? ORDER BY seq"
    )
    hashes = {}
    for number, body, link in database.rows(statement, trees_from):
        version = read_version(parse_json(body))
        hashes[version.number] = link.hex()
        try:
            get_tree(database, version.tree_hash)
        except DamagedError as error:
            return Broken(number, f"is of version {version.number}: {error}")
    for copied in copies.numbers():
        wrong = _wrong_copy(copies, copied, hashes)
        if wrong:
            return Broken(0, wrong)
    return None


def _wrong_copy(copies: Copies, number: int, hashes: dict[int, str]) -> str:
    try:
        copy = copies.read(number)
    except (DamagedError, OSError) as error:
        return f"the copy of version {number}: {error}"
    if number > max(hashes, default=0):
        return f"version {number} is missing: there is a copy of it"
    if hashes.get(number, copy.chain) != copy.chain:
        return f"version {number} was changed: its copy says something else"
    return ""
