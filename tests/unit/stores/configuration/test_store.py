"""Commits, the history, preparation and confirmation."""

import os
import stat
from typing import Any

import pytest

from mailwarden.stores.configuration.errors import (
    AwaitingConfirmationError,
    CommitUnderWayError,
    HeadMovedError,
    StoreError,
    UnknownVersionError,
)
from mailwarden.stores.configuration.limits import StoreLimits
from mailwarden.stores.configuration.record import Source
from mailwarden.stores.configuration.tree import TreeError
from tests.unit.stores.configuration.places import ANNA, BERT, Place, draft, fill, tree


def test_c_06_a_commit_has_who_when_where_why_and_what(place: Place) -> None:
    store = place.store()
    store.commit(0, draft(1))
    place.clock.advance(60)
    what = "~ hostname: mail1.example.com -> mail2.example.com"
    committed = store.commit(1, draft(2, BERT, comment="rename\n", summary=what))
    assert committed.copy_problem == ""
    version = committed.version
    assert (version.number, version.parent, version.time) == (2, 1, place.clock.time())
    assert (version.author, version.comment, version.summary) == (BERT, "rename", what)
    assert version.sections == ("hostname",)
    assert place.store().head() == version
    assert place.store().read(2).tree == tree(2)
    assert place.store().read(1).tree == tree(1)


def test_a_new_store_is_empty(place: Place) -> None:
    store = place.store()
    assert store.head() is None
    assert store.history() == []
    assert store.recover() is None
    assert store.verify() is None
    with pytest.raises(UnknownVersionError):
        store.read(1)


def test_its_files_are_for_their_owner_alone(place: Place) -> None:
    os.umask(0o022)
    store = place.store()
    fill(store, 2)
    for path in place.folder.rglob("*"):
        rights = stat.S_IMODE(path.stat().st_mode)
        assert rights == (0o700 if path.is_dir() else 0o600), path
    place.close()
    place.database.chmod(0o644)
    place.store()
    assert stat.S_IMODE(place.database.stat().st_mode) == 0o600


def test_history(place: Place) -> None:
    store = place.store()
    fill(store, 5)
    assert [each.number for each in store.history()] == [5, 4, 3, 2, 1]
    assert [each.number for each in store.history(2)] == [5, 4]
    assert [each.number for each in store.history(2, before=4)] == [3, 2]
    assert [each.number for each in store.since(3)] == [4, 5]
    assert store.since(5) == []


def test_whoever_comes_second_has_to_merge(place: Place) -> None:
    one, other = place.store(), place.store()
    fill(one, 1)
    one.commit(1, draft(2))
    with pytest.raises(HeadMovedError) as caught:
        other.commit(1, draft(3))
    assert (caught.value.expected, caught.value.head) == (1, 2)
    with pytest.raises(HeadMovedError):
        other.commit(5, draft(3))
    other.commit(2, draft(3))
    assert one.read(3).tree == tree(3)


def test_a_tree_that_cannot_be_kept_changes_nothing(place: Place) -> None:
    store = place.store()
    fill(store, 1)
    bad: Any = {"a": {1}}
    with pytest.raises(TreeError):
        store.commit(1, draft(2, tree=bad))
    head = store.head()
    assert head is not None
    assert head.number == 1


# COM-05: what is prepared is not in force.


def test_what_is_prepared_is_seen_by_nobody_until_it_is_finished(place: Place) -> None:
    store = place.store()
    fill(store, 1)
    before = store.chain_hash()
    prepared = store.prepare(1, draft(2))
    assert [each.number for each in store.history()] == [1]
    assert store.chain_hash() == before
    with pytest.raises(UnknownVersionError):
        store.read(2)
    with pytest.raises(CommitUnderWayError, match="anna"):
        store.commit(1, draft(2, BERT))
    place.clock.advance(5)
    assert store.finish(prepared).version.time == place.clock.time()
    assert store.read(2).tree == tree(2)
    with pytest.raises(StoreError, match="no longer prepared"):
        store.finish(prepared)


def test_com_05_what_is_abandoned_was_never_there(place: Place) -> None:
    store = place.store()
    fill(store, 1)
    parts = store._database.row("SELECT count(*) FROM parts")
    prepared = store.prepare(1, draft(2, tree=tree(2, other=["x"] * 100)))
    store.abandon(prepared)
    store.abandon(prepared)
    assert store._database.row("SELECT count(*) FROM parts") == parts
    assert store.read(1).tree == tree(1)
    with pytest.raises(StoreError, match="no longer prepared"):
        store.finish(prepared)
    store.commit(1, draft(2, BERT))
    assert store.verify() is None


def test_a_start_forgets_what_was_only_prepared(place: Place) -> None:
    store = place.store()
    fill(store, 1)
    store.prepare(1, draft(2))
    again = place.store()
    assert again.prepared() is not None
    recovered = again.recover()
    assert recovered is not None
    assert recovered.version.number == 1
    assert again.prepared() is None
    again.commit(1, draft(2))


def test_a_start_makes_the_copy_that_is_missing(place: Place) -> None:
    store = place.store()
    fill(store, 1)
    for path in place.copies.iterdir():
        path.unlink()
    store.recover()
    assert sorted(path.name for path in place.copies.iterdir()) == ["1.json", "1.json.sha256"]


# Commit-confirmed.


def test_a_version_that_waits_to_be_confirmed_survives_restarts(place: Place) -> None:
    fill(place.store(), 1)
    place.store().commit(1, draft(2, confirm_seconds=300))
    waiting = place.store().awaiting()
    assert waiting is not None
    assert (waiting.number, waiting.fallback, waiting.user) == (2, 1, "anna")
    place.clock.advance(299)
    assert waiting.remaining(place.clock.time()) == 1
    place.clock.advance(2)
    assert waiting.remaining(place.clock.time()) == 0


def test_confirmed(place: Place) -> None:
    store = place.store()
    fill(store, 1)
    store.commit(1, draft(2, confirm_seconds=300))
    assert not store.confirm(1, BERT)
    assert store.confirm(2, BERT)
    assert not store.confirm(2, BERT)
    assert store.awaiting() is None
    (entry,) = store.audit()
    assert (entry.author, entry.action, entry.detail) == (BERT, "confirm", "version 2")
    store.commit(2, draft(3))


def test_c_35_nobody_confirms(place: Place) -> None:
    store = place.store()
    fill(store, 1)
    store.commit(1, draft(2, confirm_seconds=300))
    with pytest.raises(AwaitingConfirmationError, match="version 2 of anna"):
        store.commit(2, draft(3, BERT))
    waiting = store.awaiting()
    assert waiting is not None
    back = store.read(waiting.fallback)
    fallen = store.commit(2, draft(0, tree=back.tree, restores=waiting.fallback)).version
    assert (fallen.number, fallen.parent, fallen.restores) == (3, 2, 1)
    assert store.read(3).tree == tree(1)
    assert store.awaiting() is None
    assert store.verify() is None


def test_the_first_version_has_nothing_to_fall_back_to(place: Place) -> None:
    store = place.store()
    store.commit(0, draft(1, confirm_seconds=300))
    assert store.awaiting() is None


# Audit and pending sets.


def test_audit_records(place: Place) -> None:
    store = place.store()
    fill(store, 1)
    store.record(ANNA, "login", "from the office")
    place.clock.advance(1)
    store.record(BERT, "resetconfig", "x" * 10_000, was_allowed=False)
    last, first = store.audit()
    assert (first.action, first.detail, first.was_allowed) == ("login", "from the office", True)
    assert (last.author, last.was_allowed, len(last.detail)) == (BERT, False, 4096)
    assert [each.action for each in store.audit(5, before=last.number)] == ["login"]
    assert [each.number for each in store.history()] == [1]
    with pytest.raises(ValueError, match="longer"):
        store.record(ANNA, "x" * 300, "")


def test_com_07_pending_sets(place: Place) -> None:
    pending = place.store().pending
    now = place.clock.time()
    pending.save("anna", Source.GUI, b"one", now)
    pending.save("anna", Source.GUI, b"two", now)
    pending.save("bert", Source.GUI, b"three", now)
    again = place.store().pending
    assert again.load("anna", Source.GUI, now + 86_400, 86_400) == b"two"
    assert again.load("anna", Source.CLI, now, 86_400) is None
    assert again.load("bert", Source.GUI, now + 86_401, 86_400) is None
    assert again.load("bert", Source.GUI, now, 86_400) is None  # forgotten
    again.drop("anna", Source.GUI)
    assert again.load("anna", Source.GUI, now, 86_400) is None


def test_pending_sets_are_bounded(place: Place) -> None:
    place.limits = StoreLimits(pending_kept=3, pending_bytes_max=100)
    pending = place.store().pending
    for number in range(5):
        pending.save(f"user{number}", Source.GUI, b"x", float(number))
    kept = [n for n in range(5) if pending.load(f"user{n}", Source.GUI, 0.0, 10.0)]
    assert kept == [2, 3, 4]
    with pytest.raises(StoreError, match="larger"):
        pending.save("anna", Source.GUI, b"x" * 101, 0.0)


def test_a_pending_set_that_is_damaged_is_lost_and_nothing_else(place: Place) -> None:
    store = place.store()
    store.pending.save("anna", Source.GUI, b"one", 0.0)
    with store._database.transaction():
        store._database.run("UPDATE pending SET data = x'00'")
    assert store.pending.load("anna", Source.GUI, 0.0, 10.0) is None


def test_a_store_that_another_process_holds(place: Place) -> None:
    place.limits = StoreLimits(busy_seconds=0.01)
    one, other = place.store(), place.store()
    fill(one, 1)
    with one._database.transaction(), pytest.raises(StoreError, match="locked"):
        other.commit(1, draft(2))
    other.commit(1, draft(2))


def test_a_folder_that_is_not_there(place: Place) -> None:
    place.folder = place.folder / "missing"
    with pytest.raises(StoreError, match="cannot be opened"):
        place.store()
