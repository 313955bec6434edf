"""The chain: each record's hash has that of the one before in it, so that no change goes unseen.

`hash = SHA-256(hash of the record before || body)`. What was removed to bound the store is named
by a record of the chain itself, with the hash that the next one builds on. The chain shows what was
changed, removed or put in between; against somebody who computes all of it anew, compare its last
hash with one that was kept elsewhere. Columns are cast, as somebody may have put anything there.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from mailwarden.stores.configuration.codec import canonical, parse_json
from mailwarden.stores.configuration.database import Database, Row
from mailwarden.stores.configuration.errors import Broken, DamagedError

START: Final = bytes(32)  # what the first record builds on
COMPACTION: Final = "compaction"
_ROWS_EACH: Final = 1000  # read at a time


class Compaction(NamedTuple):
    """What is no longer there: records up to a number, trees before a version."""

    records_to: int = 0
    hash: str = START.hex()  # of record `records_to`
    trees_from: int = 0
    islands: Mapping[str, str] = {}  # records further back that were kept: body's hash by number


def link(previous: bytes, body: bytes) -> bytes:
    """Return the hash of a record."""
    return hashlib.sha256(previous + body).digest()


def append(database: Database, body: Mapping[str, Any], version: int | None = None) -> int:
    """Put a record at the end, within a transaction; return its number."""
    last = database.row("SELECT seq, CAST(hash AS BLOB) FROM chain ORDER BY seq DESC LIMIT 1")
    seq, previous = (0, START) if last is None else (last[0], last[1])
    data = canonical(body)
    database.run(
        "INSERT INTO chain(seq, kind, version, body, hash) VALUES(?, ?, ?, ?, ?)",
        seq + 1, body["kind"], version, data, link(previous, data),
    )  # fmt: skip
    return seq + 1


def last_hash(database: Database) -> str:
    """Return the hash that stands for the whole chain."""
    last = database.row("SELECT CAST(hash AS BLOB) FROM chain ORDER BY seq DESC LIMIT 1")
    return START.hex() if last is None else last[0].hex()


def last_compaction(database: Database) -> Compaction:
    """Return what was removed so far.

    Raises:
        DamagedError: the record of it makes no sense.
    """
    statement = "SELECT CAST(body AS BLOB) FROM chain WHERE kind = ? ORDER BY seq DESC LIMIT 1"
    row = database.row(statement, COMPACTION)
    if row is None:
        return Compaction()
    body = parse_json(row[0])
    try:
        names = [body[name] for name in Compaction._fields]
        found = Compaction(*names)
        bytes.fromhex(found.hash)
        return found._replace(islands=dict(found.islands), records_to=int(found.records_to))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"is no record of a compaction: {error!r}") from error


def compaction_body(compaction: Compaction, now: float) -> dict[str, Any]:
    """Return what the chain keeps of a compaction."""
    return {"kind": COMPACTION, "time": now, **compaction._asdict()}


def first_broken(database: Database) -> Broken | None:
    """Return the first record that is not what it was, or that is missing."""
    try:
        start = last_compaction(database)
    except DamagedError as error:
        return Broken(0, str(error))
    return _broken_island(database, start) or _broken_link(database, start)


def _broken_link(database: Database, start: Compaction) -> Broken | None:
    previous, number = bytes.fromhex(start.hash), start.records_to
    for seq, kind, version, body, kept in _rows(database, start.records_to):
        if seq != number + 1:
            return Broken(number + 1, "is missing")
        number = seq
        if link(previous, body) != kept:
            return Broken(seq, "does not fit to the one before it: one of both was changed")
        previous = kept
        wrong = _wrong_columns(kind, version, body)
        if wrong:
            return Broken(seq, wrong)
    return None


def _broken_island(database: Database, start: Compaction) -> Broken | None:
    statement = (
        "SELECT seq, kind, version, CAST(body AS BLOB) FROM chain WHERE seq <= ? ORDER BY seq"
    )
    there = set()
    for seq, kind, version, body in database.rows(statement, start.records_to):
        if start.islands.get(str(seq)) != hashlib.sha256(body).hexdigest():
            return Broken(seq, "was changed")
        wrong = _wrong_columns(kind, version, body)
        if wrong:
            return Broken(seq, wrong)
        there.add(str(seq))
    missing = [int(name) for name in start.islands.keys() - there]
    return Broken(min(missing), "is missing") if missing else None


def _wrong_columns(kind: str, version: int | None, body: bytes) -> str:
    try:
        said = parse_json(body)
    except DamagedError as error:
        return str(error)
    number = said.get("number") if kind == "version" else None
    if (said.get("kind"), number) != (kind, version):
        return "is filed as something else"
    return ""


def _rows(database: Database, after: int) -> Iterator[Row]:
    statement = (
        "SELECT seq, kind, version, CAST(body AS BLOB), CAST(hash AS BLOB) FROM chain"
        " WHERE seq > ? ORDER BY seq LIMIT ?"
    )
    while rows := database.rows(statement, after, _ROWS_EACH):
        yield from rows
        after = rows[-1][0]
