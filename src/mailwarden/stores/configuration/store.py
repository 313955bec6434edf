"""The configuration store: versions, one after the other, and the chain that they are in.

A version comes about in one transaction. Where something has to be done between writing it and
working by it, `prepare` and `finish` stand around that: what is only prepared is not there for
anybody, and is forgotten by the next start. Whoever is killed leaves the old version or the new.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.stores.configuration.chain import append, last_hash
from mailwarden.stores.configuration.codec import Encoded, canonical, encode_tree, parse_json
from mailwarden.stores.configuration.compaction import compact
from mailwarden.stores.configuration.copies import Copies
from mailwarden.stores.configuration.database import Database
from mailwarden.stores.configuration.errors import (
    AwaitingConfirmationError,
    Broken,
    CommitUnderWayError,
    CorruptStoreError,
    DamagedError,
    ForgottenVersionError,
    HeadMovedError,
    StoreError,
    UnknownVersionError,
)
from mailwarden.stores.configuration.integrity import broken_anywhere, broken_at_start
from mailwarden.stores.configuration.limits import StoreLimits
from mailwarden.stores.configuration.pending import PendingSets
from mailwarden.stores.configuration.record import (
    AuditRecord,
    Author,
    Awaiting,
    Configuration,
    Draft,
    Version,
    audit_body,
    check_field,
    cut_detail,
    read_audit,
    read_version,
    version_body,
)
from mailwarden.stores.configuration.tree import Tree
from mailwarden.stores.configuration.trees import drop_tree, get_tree, has_tree, put_tree
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files, SystemFiles

DATABASE: Final = "configuration.db"
COPIES: Final = "configuration-copies"
PAGE_MAX: Final = 10_000  # records returned at once


class Prepared(NamedTuple):
    """A version that is written and not in force."""

    version: Version


class Committed(NamedTuple):
    """A version that is in force now; `copy_problem` says why there is no copy of it, or ""."""

    version: Version
    copy_problem: str


class ConfigurationStore:
    """The store in one folder. Any thread may use it, and several processes at the same time."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        limits: StoreLimits | None = None,
        files: Files | None = None,
        *,
        is_restored: bool = False,
    ) -> None:
        """Open the store, or make a new one, and look whether it is whole.

        An empty store beside copies of versions is a damaged one, unless it `is_restored`.

        Raises:
            CorruptStoreError: it is not; `restore` in `restore.py` goes back to the last copy.
            StoreError: it cannot be opened.
        """
        self._limits: Final = limits or StoreLimits()
        self._clock: Final = clock
        self._path: Final = folder / DATABASE
        self._last_tree: tuple[str, Tree] = "", {}  # with its hash
        files = files or SystemFiles()
        self._copies: Final = Copies(folder / COPIES, files, self._limits.copies_kept)
        try:
            self._database: Final = Database(self._path, self._limits.busy_seconds)
        except DamagedError as error:
            raise self._corrupt(Broken(0, str(error))) from error
        self.pending: Final = PendingSets(self._database, self._limits)
        broken = broken_at_start(self._database, self._copies, self._tree, is_restored=is_restored)
        if broken:
            self._database.close()
            raise self._corrupt(broken)

    def recover(self) -> Committed | None:
        """Clear up what a process left that died: for whoever alone commits, at its start.

        What was only prepared is forgotten. Return the version in force.
        """
        left = self.prepared()
        if left is not None:
            self.abandon(left)
        head = self.head()
        return None if head is None else Committed(head, self._copy(head))

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    # Versions.

    def head(self) -> Version | None:
        """Return the version in force; None before the first commit."""
        found = self._versions("ORDER BY version DESC LIMIT 1")
        return found[0] if found else None

    def read(self, number: int) -> Configuration:
        """Return a version with its tree.

        Raises:
            UnknownVersionError: there is none of that number.
            ForgottenVersionError: its tree is no longer kept.
            DamagedError: it is not what it was.
        """
        with self._database.snapshot():
            found = self._versions("AND version = ?", number)
            if not found:
                raise UnknownVersionError(number)
            if not has_tree(self._database, number):
                raise ForgottenVersionError(number)
            return Configuration(found[0], self._tree(found[0].tree_hash))

    def history(self, limit: int = 20, before: int = 0) -> Sequence[Version]:
        """Return versions, the newest first; with `before`, those older than that one."""
        latest = before or 2**62
        count = min(limit, PAGE_MAX)
        return self._versions("AND version < ? ORDER BY version DESC LIMIT ?", latest, count)

    def since(self, number: int) -> Sequence[Version]:
        """Return the versions after `number`, the oldest first."""
        return self._versions("AND version > ? ORDER BY version LIMIT ?", number, PAGE_MAX)

    # Commit.

    def commit(self, expected: int, draft: Draft) -> Committed:
        """Make a version of `draft`, whose author knew `expected` as the last one; 0 is none.

        Raises:
            HeadMovedError, CommitUnderWayError, AwaitingConfirmationError: it has to wait.
            TreeError: the tree cannot be kept.
            StoreError: it cannot be written; then nothing has changed.
        """
        encoded = encode_tree(draft.tree)
        with self._database.transaction():
            version = self._write(expected, draft, encoded)
            self._put_in_force(version)
        return self._committed(version)

    def prepare(self, expected: int, draft: Draft) -> Prepared:
        """Write a version that is not in force; otherwise as `commit`."""
        encoded = encode_tree(draft.tree)
        with self._database.transaction():
            version = self._write(expected, draft, encoded)
            statement = "INSERT INTO prepared(number, body) VALUES(?, ?)"
            self._database.run(statement, version.number, canonical(version_body(version)))
        return Prepared(version)

    def prepared(self) -> Prepared | None:
        """Return what somebody prepared and neither finished nor abandoned."""
        row = self._database.row("SELECT CAST(body AS BLOB) FROM prepared")
        return None if row is None else Prepared(read_version(parse_json(row[0])))

    def finish(self, prepared: Prepared) -> Committed:
        """Put a prepared version in force.

        Raises:
            StoreError: it is no longer prepared, or cannot be written; then nothing has changed.
        """
        version = replace(prepared.version, time=self._clock.time())
        with self._database.transaction():
            if not self._forget_prepared(prepared):
                raise StoreError(f"version {version.number} is no longer prepared")
            self._put_in_force(version)
        return self._committed(version)

    def abandon(self, prepared: Prepared) -> None:
        """Forget a prepared version, as if it had never been."""
        with self._database.transaction():
            if self._forget_prepared(prepared):
                drop_tree(self._database, prepared.version.number)

    # Confirmation.

    def awaiting(self) -> Awaiting | None:
        """Return the last version if it still waits for somebody to confirm it."""
        statement = "SELECT number, fallback, since, seconds, user FROM awaiting"
        row = self._database.row(statement)
        return None if row is None else Awaiting(*row)

    def confirm(self, number: int, author: Author) -> bool:
        """Let a version hold for good; False when it does not wait for that (any more)."""
        with self._database.transaction():
            if not self._database.run("DELETE FROM awaiting WHERE number = ?", number):
                return False
            self._append_audit(author, "confirm", f"version {number}", was_allowed=True)
        return True

    # Audit.

    def record(self, author: Author, action: str, detail: str, *, was_allowed: bool = True) -> int:
        """Put into the chain what somebody did or tried; return the record's number."""
        check_field(action)
        with self._database.transaction():
            number = self._append_audit(author, action, cut_detail(detail), was_allowed=was_allowed)
        if number % 1000 == 0:
            compact(self._database, self._limits, self._clock.time())
        return number

    def audit(self, limit: int = 100, before: int = 0) -> Sequence[AuditRecord]:
        """Return audit records, the newest first; with `before`, those older than that one."""
        rows = self._database.rows(
            "SELECT seq, CAST(body AS BLOB) FROM chain WHERE kind = 'audit' AND seq < ?"
            " ORDER BY seq DESC LIMIT ?",
            before or 2**62, min(limit, PAGE_MAX),
        )  # fmt: skip
        return [read_audit(number, parse_json(body)) for number, body in rows]

    # Whether it is whole.

    def chain_hash(self) -> str:
        """Return the hash that stands for everything so far, to be kept elsewhere."""
        return last_hash(self._database)

    def verify(self) -> Broken | None:
        """Return the first thing that is wrong: with the file, the chain, any tree or copy."""
        return broken_anywhere(self._database, self._copies)

    # Parts.

    def _write(self, expected: int, draft: Draft, encoded: Encoded) -> Version:
        self._check_turn(expected, draft)
        version = Version(
            number=max(expected, draft.restores) + 1,
            parent=expected,
            time=self._clock.time(),
            author=draft.author,
            comment=draft.comment,
            sections=draft.sections,
            summary=draft.summary,
            schema=draft.schema,
            tree_hash=encoded.hash,
            restores=draft.restores,
            confirm_seconds=draft.confirm_seconds,
        )
        put_tree(self._database, version.number, encoded)
        self._last_tree = encoded.hash, draft.tree
        return version

    def _tree(self, tree_hash: str) -> Tree:
        """Return a tree; the last one is remembered, as large ones take long to read."""
        remembered, tree = self._last_tree
        if remembered != tree_hash:
            tree = get_tree(self._database, tree_hash)
            self._last_tree = tree_hash, tree
        return tree

    def _put_in_force(self, version: Version) -> None:
        append(self._database, version_body(version), version.number)
        self._database.run("DELETE FROM awaiting")
        if version.confirm_seconds and version.parent:
            self._database.run(
                "INSERT INTO awaiting(number, fallback, since, seconds, user)"
                " VALUES(?, ?, ?, ?, ?)",
                version.number, version.parent, version.time, version.confirm_seconds,
                version.author.user,
            )  # fmt: skip

    def _committed(self, version: Version) -> Committed:
        problem = self._copy(version)
        compact(self._database, self._limits, self._clock.time())
        return Committed(version, problem)

    def _check_turn(self, expected: int, draft: Draft) -> None:
        other = self.prepared()
        if other is not None:
            raise CommitUnderWayError(other.version.author.user, other.version.number)
        head = self.head()
        number = 0 if head is None else head.number
        if number != expected:
            raise HeadMovedError(expected, number)
        waiting = self.awaiting()
        if waiting is not None and draft.restores != waiting.fallback:
            raise AwaitingConfirmationError(waiting.user, waiting.number)

    def _forget_prepared(self, prepared: Prepared) -> bool:
        body = canonical(version_body(prepared.version))
        statement = "DELETE FROM prepared WHERE number = ? AND body = ?"
        return bool(self._database.run(statement, prepared.version.number, body))

    def _append_audit(self, author: Author, action: str, detail: str, *, was_allowed: bool) -> int:
        entry = AuditRecord(0, self._clock.time(), author, action, detail, was_allowed)
        return append(self._database, audit_body(entry))

    def _versions(self, clause: str, *values: object) -> list[Version]:
        rows = self._database.rows(
            f"SELECT CAST(body AS BLOB) FROM chain WHERE version IS NOT NULL {clause}",  # noqa: S608  our words
            *values,
        )
        return [read_version(parse_json(body)) for (body,) in rows]

    def _hash_of(self, number: int) -> str:
        row = self._database.row("SELECT CAST(hash AS BLOB) FROM chain WHERE version = ?", number)
        return "" if row is None else row[0].hex()

    def _copy(self, version: Version) -> str:
        configuration = Configuration(version, self._tree(version.tree_hash))
        try:
            self._copies.put(configuration, self._hash_of(version.number))
        except OSError as error:
            return f"no copy of version {version.number} could be written: {error.strerror}"
        return ""

    def _corrupt(self, broken: Broken) -> CorruptStoreError:
        copy = self._copies.last_good()
        last = 0 if copy is None else copy.configuration.version.number
        return CorruptStoreError(str(self._path), broken, last)
