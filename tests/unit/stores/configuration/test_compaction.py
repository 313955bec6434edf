"""The store stays small, and the chain can still be verified."""

import sqlite3

import pytest

from mailwarden.stores.configuration.errors import CorruptStoreError, ForgottenVersionError
from mailwarden.stores.configuration.limits import StoreLimits
from tests.unit.stores.configuration.conftest import FEW
from tests.unit.stores.configuration.places import BERT, Place, draft, fill, tree


def test_old_versions_keep_their_record_only(place: Place) -> None:
    place.limits = FEW
    store = place.store()
    fill(store, 6)
    assert [each.number for each in store.history()] == [6, 5, 4, 3, 2, 1]
    assert store.read(4).tree == tree(4)
    for number in (1, 2, 3):
        with pytest.raises(ForgottenVersionError, match=f"version {number} is too old"):
            store.read(number)
    assert store.verify() is None
    place.store()


def test_many_records_are_cut_off_in_front(place: Place) -> None:
    place.limits = FEW
    store = place.store()
    for number in range(1, 30):
        store.commit(number - 1, draft(number))
        store.record(BERT, "login", str(number))
        assert store.verify() is None
    rows = store._database.row("SELECT count(*), min(seq) FROM chain")
    assert rows is not None
    assert rows[0] <= FEW.records_max + 2
    assert rows[1] > 20
    assert [each.detail for each in store.audit(3)] == ["29", "28", "27"]
    assert store.read(29).tree == tree(29)
    place.close()
    assert place.store().verify() is None


def test_versions_are_kept_whose_neighbours_are_gone(compacted: Place) -> None:
    store = compacted.store()
    assert [each.number for each in store.history()] == [3, 2, 1]
    assert [store.read(number).tree for number in (1, 2, 3)] == [tree(1), tree(2), tree(3)]
    assert store.verify() is None
    fill(store, 3)
    assert store.verify() is None


def replaced(old: str, new: str, where: str) -> str:
    return f"UPDATE chain SET body = CAST(replace(body, '{old}', '{new}') AS BLOB) WHERE {where}"


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        (replaced("anna", "bert", "version = 2"), "was changed"),
        ("DELETE FROM chain WHERE version = 1", "is missing"),
        ("UPDATE chain SET version = 9 WHERE version = 1", "filed as something else"),
        (replaced("login", "logon", "seq = (SELECT max(seq) - 2 FROM chain)"), "does not fit"),
        (replaced('"records_to":', '"records_to":1', "kind = 'compaction'"), "was changed"),
        ("UPDATE chain SET body = x'7b7d' WHERE kind = 'compaction'", "no record of a compaction"),
        ("DELETE FROM chain WHERE kind = 'compaction'", "is missing"),
    ],
)
def test_tampering_is_seen_all_the_same(compacted: Place, statement: str, part: str) -> None:
    connection = sqlite3.connect(compacted.database)
    assert connection.execute(statement).rowcount
    connection.commit()
    connection.close()
    with pytest.raises(CorruptStoreError, match=part):
        compacted.store()


def test_the_version_to_fall_back_to_is_kept(place: Place) -> None:
    place.limits = StoreLimits(versions_kept=1)
    store = place.store()
    fill(store, 3)
    store.commit(3, draft(4, confirm_seconds=60))
    assert store.read(3).tree == tree(3)
    store.confirm(4, BERT)
    store.commit(4, draft(5))
    with pytest.raises(ForgottenVersionError):
        store.read(3)


def test_trees_are_bounded_by_their_size_too(place: Place) -> None:
    place.limits = StoreLimits(trees_bytes_max=1)
    store = place.store()
    fill(store, 3)
    assert store.read(3).tree == tree(3)
    with pytest.raises(ForgottenVersionError):
        store.read(2)


def test_parts_that_versions_share_are_kept_once_and_as_long_as_needed(place: Place) -> None:
    place.limits = FEW
    store = place.store()
    fill(store, 5)
    assert store._database.row("SELECT count(*) FROM parts") == (4,)  # three roots, one table
    with store._database.transaction():
        orphans = store._database.rows(
            "SELECT hash FROM parts WHERE hash NOT IN (SELECT hash FROM uses)"
        )
    assert orphans == []
