"""The one file of the store: an SQLite database whose transactions survive anything or never were.

A write-ahead log with `synchronous=FULL`: a commit has returned when it is on the disk, and
whoever reads sees the state before or after it.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mailwarden.stores.configuration.errors import Broken, DamagedError, StoreError

FORMAT: Final = 1  # of the file; another one is not read
MODE: Final = 0o600
_APPLICATION: Final = 0x4D57434F  # MWCO
_TABLES: Final = """
CREATE TABLE chain(
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, version INTEGER, body BLOB NOT NULL,
  hash BLOB NOT NULL);
CREATE UNIQUE INDEX chain_version ON chain(version) WHERE version IS NOT NULL;
CREATE INDEX chain_kind ON chain(kind, seq);
CREATE TABLE parts(hash TEXT PRIMARY KEY, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE uses(version INTEGER, hash TEXT, PRIMARY KEY(version, hash)) WITHOUT ROWID;
CREATE INDEX uses_hash ON uses(hash);
CREATE TABLE prepared(number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE awaiting(
  number INTEGER PRIMARY KEY, fallback INTEGER, since REAL, seconds REAL, user TEXT);
CREATE TABLE pending(
  user TEXT, source TEXT, saved REAL, data BLOB, PRIMARY KEY(user, source)) WITHOUT ROWID
"""

Row = tuple[Any, ...]


class Database:
    """A connection that any thread may use, one at a time."""

    def __init__(self, path: Path, busy_seconds: float) -> None:
        """Open the file, or make it.

        Raises:
            DamagedError: it is no database of ours, or broken.
            StoreError: it cannot be opened.
        """
        self.path: Final = path
        self._lock: Final = threading.RLock()
        try:
            _make_private(path)
        except OSError as error:
            raise StoreError(f"{path} cannot be opened: {error.strerror}") from error
        with _named_errors(path):
            self._connection: Final = sqlite3.connect(
                path, isolation_level=None, timeout=busy_seconds, check_same_thread=False
            )
        try:
            with _named_errors(path):
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def rows(self, statement: str, *values: object) -> list[Row]:
        """Return what a query finds."""
        with self._lock, _named_errors(self.path):
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: object) -> Row | None:
        """Return the first row that a query finds."""
        with self._lock, _named_errors(self.path):
            found: Row | None = self._connection.execute(statement, values).fetchone()
            return found

    def run(self, statement: str, *values: object) -> int:
        """Change something; return how many rows. Only within `transaction`."""
        with _named_errors(self.path):
            return self._connection.execute(statement, values).rowcount

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do everything within or nothing of it; it is on the disk when this ends."""
        with self._lock, _named_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reading within see one state, whoever writes meanwhile."""
        with self._lock, _named_errors(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def broken(self) -> Broken | None:
        """Return what SQLite finds wrong with the file."""
        try:
            found = self.rows("PRAGMA integrity_check(1)")
        except DamagedError as error:
            return Broken(0, str(error))
        return None if found == [("ok",)] else Broken(0, str(found[0][0]))

    def shrink(self) -> None:
        """Give pages that are free back to the file system."""
        self.rows("PRAGMA incremental_vacuum")

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA trusted_schema=OFF")
        execute("PRAGMA cell_size_check=ON")
        is_new = execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        if is_new:  # whatever is damaged is not written to
            execute("PRAGMA auto_vacuum=INCREMENTAL")  # only heard before the first table
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=FULL")
        execute("PRAGMA secure_delete=FAST")  # old versions hold secrets
        execute("BEGIN IMMEDIATE")
        try:
            if execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                for statement in _TABLES.split(";"):
                    execute(statement)
                execute(f"PRAGMA application_id={_APPLICATION}")
                execute(f"PRAGMA user_version={FORMAT}")
            _check_format(self._connection)
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                execute("ROLLBACK")
            raise


def _check_format(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA application_id").fetchone() != (_APPLICATION,):
        raise DamagedError("is a database of something else")
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found != FORMAT:
        raise StoreError(f"the store has format {found}; this version of the gateway has {FORMAT}")


def _make_private(path: Path) -> None:
    """Make the file if it is missing; whatever SQLite puts beside it gets the same rights."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, MODE)
    try:
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, MODE)
    finally:
        os.close(descriptor)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:  # locked, full, read-only: it may pass
        code = error.sqlite_errorcode & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            raise DamagedError(str(error)) from error
        raise StoreError(f"{path} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DamagedError(str(error)) from error
