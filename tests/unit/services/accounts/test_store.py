"""The file of accounts."""

import dataclasses
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.core.access.account import Account, count_failure
from mailwarden.core.access.password_hash import Cost, Scheme, make_password_hash
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.services.accounts.store import AccountStore, AccountStoreError

FEW = Cost(Scheme.PBKDF2, 1000)
HASHED = str(make_password_hash("secret", b"0123456789abcdef", FEW))
POLICY = PasswordPolicy(lock_after_failures=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts"


@pytest.fixture
def store(path: Path) -> Iterator[AccountStore]:
    store = AccountStore(path)
    yield store
    store.close()


def test_pwd_01_counts_are_kept_over_a_restart(store: AccountStore, path: Path) -> None:
    store.add("ann")
    for _ in range(5):
        store.change("ann", lambda account: count_failure(account, POLICY, 7.0))
    store.close()
    again = AccountStore(path)
    account = again.load("ann")
    again.close()
    assert account is not None
    assert account.is_locked
    assert account.failures == 5


def test_only_its_owner_may_read_it(store: AccountStore, path: Path) -> None:
    store.add("ann")
    assert [entry.stat().st_mode & 0o077 for entry in path.parent.iterdir()] == [0]


def test_adding_leaves_what_is_there(store: AccountStore) -> None:
    store.add("ann")
    changed = store.change("ann", lambda account: dataclasses.replace(account, password=HASHED))
    assert store.add("ann") == changed
    assert store.load("ann") == changed
    assert store.load("bob") is None
    store.add("Abe")
    assert [account.name for account in store.load_all()] == ["Abe", "ann"]


def test_what_is_removed_does_not_come_back(store: AccountStore, path: Path) -> None:
    store.add("ann")
    store.change("ann", lambda account: dataclasses.replace(account, password=HASHED))
    store.remove("ann")
    store.remove("ann")
    assert store.add("ann") == Account(name="ann")
    assert HASHED.encode() not in path.read_bytes()


def test_a_change_that_fails_changes_nothing(store: AccountStore) -> None:
    store.add("ann")

    def fail(account: Account) -> Account:
        raise ValueError(account.name)

    with pytest.raises(ValueError, match="ann"):
        store.change("ann", fail)
    with pytest.raises(KeyError):
        store.change("bob", lambda account: account)
    assert store.load_all() == [Account(name="ann")]


def test_what_the_passwords_cost(store: AccountStore, path: Path) -> None:
    assert store.costs() == frozenset()
    store.add("ann")
    store.change("ann", lambda account: dataclasses.replace(account, password=HASHED))
    assert store.costs() == {FEW}
    store.close()
    again = AccountStore(path)
    assert again.costs() == {FEW}
    again.close()


def test_strangers_are_counted_and_named_nowhere(store: AccountStore, path: Path) -> None:
    assert [store.count_stranger() for _ in range(3)] == [1, 2, 3]
    assert store.load_all() == []


def tamper(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


DAMAGES = [
    ("update accounts set account = x'7b7d' where name = 'ann'", "account of ann"),
    ("""update accounts set account = cast('{"name": "bob"}' as blob)""", "of another user"),
    ("update accounts set account = x'ff'", "account of ann"),
    ("pragma user_version = 2", "newer version"),
    ("drop table accounts", "cannot be used"),
]


@pytest.mark.parametrize(("statement", "part"), DAMAGES)
def test_what_was_tampered_with_is_not_believed(
    store: AccountStore, path: Path, statement: str, part: str
) -> None:
    store.add("ann")
    store.close()
    tamper(path, statement)
    with pytest.raises(AccountStoreError, match=part):
        AccountStore(path)


@pytest.mark.parametrize("content", [b"no database at all, but text" * 100, b"SQLite format 3\0x"])
def test_a_damaged_file_says_what_to_do(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(AccountStoreError, match="put back a copy"):
        AccountStore(path)
    assert path.read_bytes() == content


def test_a_file_cut_off_is_noticed(store: AccountStore, path: Path) -> None:
    for number in range(200):
        store.add(f"user{number}")
    store.close()
    os.truncate(path, path.stat().st_size - 4096)
    with pytest.raises(AccountStoreError, match="damaged"):
        AccountStore(path)


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AccountStoreError, match="cannot be opened"):
        AccountStore(path)


def test_a_closed_store_says_so(store: AccountStore) -> None:
    store.close()
    with pytest.raises(AccountStoreError, match="is closed"):
        store.load("ann")
