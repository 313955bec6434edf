"""Bounds the store: trees of old versions go, then the oldest records; the chain stays whole."""

import hashlib
from typing import Final

from mailwarden.stores.configuration.chain import (
    COMPACTION,
    Compaction,
    append,
    compaction_body,
    last_compaction,
)
from mailwarden.stores.configuration.database import Database
from mailwarden.stores.configuration.limits import StoreLimits
from mailwarden.stores.configuration.trees import drop_tree, trees_bytes

_SLACK: Final = 4  # a quarter of the records goes at once, as each time leaves a record


def compact(database: Database, limits: StoreLimits, now: float) -> bool:
    """Remove what is beyond the limits; tell whether anything was."""
    if not (_has_many_trees(database, limits) or _has_many_records(database, limits)):
        return False
    with database.transaction():
        before = last_compaction(database)
        after = before._replace(trees_from=_drop_trees(database, limits, before.trees_from))
        if _has_many_records(database, limits):
            after = _drop_records(database, limits, after)
        if after != before:
            append(database, compaction_body(after, now))
    database.shrink()
    return after != before


def _has_many_trees(database: Database, limits: StoreLimits) -> bool:
    numbers = _with_trees(database)
    is_many = len(numbers) > limits.versions_kept
    return is_many or (len(numbers) > 1 and trees_bytes(database) > limits.trees_bytes_max)


def _has_many_records(database: Database, limits: StoreLimits) -> bool:
    row = database.row("SELECT count(*) FROM chain")
    assert row is not None
    return int(row[0]) > limits.records_max


def _with_trees(database: Database) -> list[int]:
    return [number for (number,) in database.rows("SELECT DISTINCT version FROM uses ORDER BY 1")]


def _drop_trees(database: Database, limits: StoreLimits, trees_from: int) -> int:
    """Forget trees, the oldest first; return the version from which on all are there."""
    head = database.row("SELECT max(version) FROM chain")
    fallback = database.row("SELECT fallback FROM awaiting")
    first_needed = min((row[0] for row in (head, fallback) if row and row[0]), default=0)
    numbers = _with_trees(database)
    left = len(numbers)
    for number in numbers:
        is_over = left > limits.versions_kept or trees_bytes(database) > limits.trees_bytes_max
        if number >= first_needed or not is_over:
            break
        drop_tree(database, number)
        trees_from = max(trees_from, number + 1)
        left -= 1
    return trees_from


def _drop_records(database: Database, limits: StoreLimits, before: Compaction) -> Compaction:
    """Remove the oldest records, but for those of versions that still have their trees."""
    kept = limits.records_max - limits.records_max // _SLACK
    cut = database.row(
        "SELECT seq, CAST(hash AS BLOB) FROM chain ORDER BY seq DESC LIMIT 1 OFFSET ?", kept
    )
    if cut is None or cut[0] <= before.records_to:
        return before
    records_to, last = cut
    islands = {
        str(seq): hashlib.sha256(body).hexdigest()
        for seq, body in database.rows(
            "SELECT seq, CAST(body AS BLOB) FROM chain"
            " WHERE seq <= ? AND version >= ? AND kind <> ?",
            records_to, before.trees_from, COMPACTION,
        )
    }  # fmt: skip
    database.run(
        "DELETE FROM chain WHERE seq <= ? AND (version IS NULL OR version < ?)",
        records_to, before.trees_from,
    )  # fmt: skip
    return before._replace(records_to=records_to, hash=last.hex(), islands=islands)
