"""The accounts of local users on disk: one SQLite file, in which each change is whole and synced.

SQLite rather than a file that is replaced: each wrong password changes one account, and many
users may be wrong at once. A name that is no user's changes as much as one that is, so that the
time taken does not tell which it was (PWD-05).
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mailwarden.core.access.account import Account
from mailwarden.core.access.account_text import encode_account, parse_account
from mailwarden.core.access.password_hash import Cost, parse_password_hash

VERSION: Final = 1  # of what is in the file
BUSY_SECONDS: Final = 5.0
_MODE: Final = 0o600
_TABLES: Final = """
create table accounts (
    name text primary key not null,
    account blob not null
) strict, without rowid;
create table strangers (
    id integer primary key check (id = 0),
    failures integer not null
) strict;
insert into strangers values (0, 0);
"""

AccountChange = Callable[[Account], Account]


class AccountStoreError(Exception):
    """The file is damaged, or not one of accounts; the message says what to do."""


class AccountStore:
    """Accounts by name. Calls take a disk's sync at most; they may come from one thread at a time.

    Raises:
        AccountStoreError: from all methods, when the file is damaged or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        try:
            # Made here and not by SQLite, which would let the group read it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE))
        except OSError as error:
            raise AccountStoreError(f"{path} cannot be opened: {error.strerror}") from error
        self._costs: set[Cost] = set()
        try:
            with self._explained():
                self._connection = sqlite3.connect(
                    path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
                )
                self._prepare(self._connection)
            self._costs = self._read_costs()
        except AccountStoreError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def load(self, name: str) -> Account | None:
        """Return an account; None if there is none of that name."""
        with self._explained():
            return self._load(name)

    def load_all(self) -> list[Account]:
        """Return all accounts, by name."""
        with self._explained():
            rows = self._open.execute("select name, account from accounts order by name").fetchall()
        return [self._parse(name, text) for name, text in rows]

    def add(self, name: str) -> Account:
        """Return the account of `name`; if there is none, make one without a password."""
        with self._transaction():
            held = self._load(name)
            if held is not None:
                return held
            account = Account(name=name)
            self._save(account)
            return account

    def remove(self, name: str) -> None:
        """Forget an account, if there is one: with its password, its codes and its counters."""
        with self._transaction():
            self._open.execute("delete from accounts where name = ?", (name,))

    def change(self, name: str, change: AccountChange) -> Account:
        """Change an account; return what it is now.

        `change` gets the account as it is at this moment, with nobody else in between.

        Raises:
            KeyError: there is none of that name.
        """
        with self._transaction():
            held = self._load(name)
            if held is None:
                raise KeyError(name)
            account = change(held)
            self._save(account)
            return account

    def count_stranger(self) -> int:
        """Count a wrong password for a name that is nobody's; return how many there were."""
        with self._transaction():
            self._open.execute("update strangers set failures = failures + 1")
            row = self._open.execute("select failures from strangers").fetchone()
            return int(row[0])

    def costs(self) -> frozenset[Cost]:
        """Return what the passwords of all accounts cost to try."""
        return frozenset(self._costs)

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise AccountStoreError(f"{self._path} is closed")
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("pragma synchronous = full")
        connection.execute("pragma secure_delete = on")  # old hashes do not stay in the file
        version = connection.execute("pragma user_version").fetchone()[0]
        if version > VERSION:
            raise AccountStoreError(f"{self._path} was written by a newer version of Mailwarden")
        if version == 0:
            with self._transaction():
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"pragma user_version = {VERSION}")
        found = connection.execute("pragma quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)

    def _read_costs(self) -> set[Cost]:
        # Only ever added to while the process runs: what is gone costs a little time, no more.
        return {
            parse_password_hash(account.password).cost
            for account in self.load_all()
            if account.password
        }

    def _load(self, name: str) -> Account | None:
        query = "select account from accounts where name = ?"
        row = self._open.execute(query, (name,)).fetchone()
        return self._parse(name, row[0]) if row is not None else None

    def _parse(self, name: str, text: bytes) -> Account:
        try:
            account = parse_account(text)
        except ValueError as error:
            raise AccountStoreError(f"{self._path}: the account of {name}: {error}") from error
        if account.name != name:
            raise AccountStoreError(f"{self._path}: the account of {name} is that of another user")
        return account

    def _save(self, account: Account) -> None:
        self._open.execute(
            "insert or replace into accounts values (?, ?)", (account.name, encode_account(account))
        )
        if account.password:
            self._costs.add(parse_password_hash(account.password).cost)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained():
            self._open.execute("begin immediate")
            try:
                yield
                self._open.execute("commit")
            except BaseException:
                if self._open.in_transaction:
                    self._open.execute("rollback")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise AccountStoreError(f"{self._path} cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            self.close()
            raise AccountStoreError(
                f"{self._path} is damaged ({error}): put back a copy, or move it away; "
                "then a new one-time password for admin is printed at the next start, and all "
                "other users need new passwords"
            ) from error
