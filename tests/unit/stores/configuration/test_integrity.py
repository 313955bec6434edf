"""Damage and tampering: what is found, what is said, and how the last good version comes back."""

import json
import sqlite3
from collections.abc import Callable

import pytest

from mailwarden.stores.configuration.chain import START, link
from mailwarden.stores.configuration.codec import hash_of
from mailwarden.stores.configuration.copies import Copies
from mailwarden.stores.configuration.errors import CorruptStoreError, DamagedError, StoreError
from mailwarden.stores.configuration.restore import restore
from mailwarden.system.files.files import SystemFiles
from tests.unit.stores.configuration.places import BERT, Place, draft, fill, tree


def tamper(place: Place, *statements: str) -> None:
    connection = sqlite3.connect(place.database)
    for statement in statements:
        assert connection.execute(statement).rowcount
    connection.commit()
    connection.close()


CHANGES = [
    (
        "UPDATE chain SET body = CAST(replace(body, 'anna', 'bert') AS BLOB) WHERE seq = 2",
        2,
        "does not fit",
    ),
    (
        "UPDATE chain SET body = CAST(replace(body, 'login', 'logon') AS BLOB) WHERE seq = 3",
        3,
        "does not fit",
    ),
    ("UPDATE chain SET hash = zeroblob(32) WHERE seq = 4", 4, "does not fit"),
    ("UPDATE chain SET body = 'text' WHERE seq = 2", 2, "does not fit"),
    ("UPDATE chain SET body = 5 WHERE seq = 2", 2, "does not fit"),
    ("UPDATE chain SET hash = 5.5 WHERE seq = 2", 2, "does not fit"),
    ("DELETE FROM chain WHERE seq = 1", 1, "is missing"),
    ("DELETE FROM chain WHERE seq = 3", 3, "is missing"),
    ("UPDATE chain SET seq = 30 WHERE seq = 3", 3, "is missing"),
    ("UPDATE chain SET kind = 'login' WHERE seq = 3", 3, "filed as something else"),
    ("UPDATE chain SET version = 7 WHERE seq = 4", 4, "filed as something else"),
    ("UPDATE chain SET version = NULL WHERE seq = 4", 4, "filed as something else"),
]


@pytest.mark.parametrize(("statement", "number", "part"), CHANGES)
def test_the_first_broken_link_is_named(
    filled: Place, statement: str, number: int, part: str
) -> None:
    store = filled.store()
    tamper(filled, statement)
    broken = store.verify()
    assert broken is not None
    assert broken.number == number
    assert part in broken.what
    with pytest.raises(CorruptStoreError, match=rf"record {number} .*version 4 can be restored"):
        filled.store()


def test_a_record_that_is_put_in_between_or_exchanged(filled: Place) -> None:
    tamper(
        filled,
        "UPDATE chain SET seq = 100 WHERE seq = 3",
        "UPDATE chain SET seq = 3 WHERE seq = 6",
        "UPDATE chain SET seq = 6 WHERE seq = 100",
    )
    with pytest.raises(CorruptStoreError, match="record 3 does not fit"):
        filled.store()


def test_a_history_that_was_computed_anew_is_told_by_the_copies(filled: Place) -> None:
    connection = sqlite3.connect(filled.database)
    previous = START
    for seq, body in connection.execute("SELECT seq, body FROM chain ORDER BY seq").fetchall():
        forged = body.replace(b"anna", b"bert")
        previous = link(previous, forged)
        connection.execute(
            "UPDATE chain SET body = ?, hash = ? WHERE seq = ?", (forged, previous, seq)
        )
    connection.commit()
    connection.close()
    broken = filled.store().verify()
    assert broken is not None
    assert "its copy says something else" in broken.what


def test_a_chain_whose_end_was_cut_off_is_told_by_the_copies(filled: Place) -> None:
    store = filled.store()
    tamper(filled, "DELETE FROM chain WHERE seq >= 5")
    broken = store.verify()
    assert broken is not None
    assert "version 4 is missing" in broken.what


def test_a_tree_that_was_changed(filled: Place) -> None:
    store = filled.store()
    (key,) = store._database.rows("SELECT tree_hash FROM (SELECT json_extract(body, '$.tree_hash')"
                                  " AS tree_hash FROM chain WHERE version = 2)")  # fmt: skip
    tamper(filled, f"DELETE FROM parts WHERE hash = '{key[0]}'")
    broken = store.verify()
    assert broken is not None
    assert (broken.number, "version 2" in broken.what) == (2, True)
    with pytest.raises(DamagedError, match="missing"):
        store.read(2)
    filled.store()  # the last version is whole, and that is what is worked by


PART_CHANGES = [
    "UPDATE parts SET data = x'00'",
    "UPDATE parts SET data = 7, size = 'x'",
    "UPDATE parts SET size = 0",
    "UPDATE parts SET size = size - 1",
    "UPDATE parts SET data = (SELECT data FROM parts ORDER BY size LIMIT 1)",
    "DELETE FROM parts",
]


@pytest.mark.parametrize("statement", PART_CHANGES)
def test_a_last_version_that_is_not_what_it_was(filled: Place, statement: str) -> None:
    tamper(filled, statement)
    with pytest.raises(CorruptStoreError, match=r"part .* of a configuration"):
        filled.store()


def spoil_header(content: bytes) -> bytes:
    return b"not a database at all" + content[21:]


def spoil_pages(content: bytes) -> bytes:
    return content[:4096] + b"\xff" * (len(content) - 4096)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def empty(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("spoil", [spoil_header, spoil_pages, cut, empty])
def test_a_corrupt_file_is_told_and_the_last_good_version_comes_back(
    filled: Place, spoil: Callable[[bytes], bytes]
) -> None:
    content = filled.database.read_bytes()
    filled.database.write_bytes(spoil(content))
    with pytest.raises(CorruptStoreError) as caught:
        filled.store()
    assert caught.value.last_good == 4
    assert "version 4 can be restored from its copy" in str(caught.value)
    restored = restore(filled.folder, BERT, filled.clock)
    assert (restored.version.number, restored.version.restores) == (5, 4)
    assert restored.version.comment == "Restored version 4"
    store = filled.store()
    assert store.read(5).tree == tree(4)
    assert store.verify() is None
    store.commit(5, draft(6))
    (aside,) = filled.folder.glob("configuration.db.damaged-*")
    assert aside.read_bytes() == spoil(content) or spoil is empty


def test_the_file_of_something_else(place: Place) -> None:
    connection = sqlite3.connect(place.database)
    connection.execute("CREATE TABLE other(a)")
    connection.close()
    with pytest.raises(CorruptStoreError, match="something else; there is no copy"):
        place.store()


def test_a_store_of_a_later_format(filled: Place) -> None:
    connection = sqlite3.connect(filled.database)
    connection.execute("PRAGMA user_version=2")
    connection.close()
    with pytest.raises(StoreError, match="has format 2") as caught:
        filled.store()
    assert not isinstance(caught.value, CorruptStoreError)


def test_a_file_that_is_missing_is_not_a_new_store(filled: Place) -> None:
    for path in filled.folder.glob("configuration.db*"):
        path.unlink()
    with pytest.raises(CorruptStoreError, match="it is empty, but there are copies"):
        filled.store()
    restore(filled.folder, BERT, filled.clock)
    assert filled.store().read(5).tree == tree(4)


def copies_of(place: Place) -> Copies:
    return Copies(place.copies, SystemFiles(), 5)


def test_copies_without_a_right_checksum_do_not_count(filled: Place) -> None:
    path = filled.copies / "4.json"
    path.write_bytes(path.read_bytes().replace(b"mail4", b"mail5"))
    (filled.copies / "3.json.sha256").unlink()
    (filled.copies / "9.json").write_bytes(b"{}")
    copy = copies_of(filled).last_good()
    assert copy is not None
    assert copy.configuration.version.number == 2
    broken = filled.store().verify()
    assert broken is not None
    assert "the copy of version 9" in broken.what


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format":2}', b"\xff", b"[" * 100_000])
def test_copies_that_make_no_sense_do_not_count(filled: Place, content: bytes) -> None:
    (filled.copies / "9.json").write_bytes(content)
    (filled.copies / "9.json.sha256").write_text(f"{hash_of(content)}  9.json\n")
    copy = copies_of(filled).last_good()
    assert copy is not None
    assert copy.configuration.version.number == 4


def test_copies_are_json_for_people_too(filled: Place) -> None:
    content = json.loads((filled.copies / "4.json").read_text(encoding="utf-8"))
    assert content["tree"] == tree(4)
    assert content["version"]["user"] == "anna"


def test_their_number_is_bounded(place: Place) -> None:
    fill(place.store(), 8)
    assert copies_of(place).numbers() == [8, 7, 6, 5, 4]
    assert len(list(place.copies.iterdir())) == 10


def test_without_copies_there_is_nothing_to_restore(place: Place) -> None:
    place.store()
    place.close()
    with pytest.raises(StoreError, match="no copy of any version"):
        restore(place.folder, BERT, place.clock)


def test_a_copy_that_cannot_be_written_does_not_keep_a_commit_back(place: Place) -> None:
    place.copies.write_text("in the way")
    committed = place.store().commit(0, draft(1))
    assert committed.copy_problem.startswith("no copy of version 1 could be written: ")
    place.copies.unlink()
    assert place.store().read(1).tree == tree(1)
