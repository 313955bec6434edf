"""Versions on disk: switched whole, and put right after a crash."""

from pathlib import Path

import msgspec
import pytest

from mailwarden.services.updates.record import (
    Record,
    RecordError,
    parse_record,
    version_of,
)
from mailwarden.services.updates.store import CURRENT, RECORD, ComponentStore


def staged(store: ComponentStore, content: str) -> Path:
    folder = store.make_staging()
    (folder / "file").write_text(content)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ComponentStore:
    made = ComponentStore(tmp_path / "rules")
    made.load()
    return made


def installed(store: ComponentStore, *versions: str) -> Record:
    record = Record()
    for version in versions:
        record = store.install(staged(store, version), version, record)
        store.save(record)
    return record


def in_use(store: ComponentStore) -> str:
    return (store.folder / CURRENT / "file").read_text()


def folders(store: ComponentStore) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir() if path.is_dir())


def test_a_new_version_takes_the_place_of_the_old_one(store: ComponentStore) -> None:
    record = installed(store, "1", "2", "3")
    store.tidy(record)
    assert in_use(store) == "3"
    assert (version_of(record.current), version_of(record.previous)) == ("3", "2")
    assert [version_of(name) for name in folders(store) if name != CURRENT] == ["2", "3"]
    assert ComponentStore(store.folder).load().record == record


def test_the_same_version_again_is_another_folder(store: ComponentStore) -> None:
    record = installed(store, "1", "1")
    assert record.current != record.previous
    assert version_of(record.current) == version_of(record.previous) == "1"


def test_back_to_the_version_before(store: ComponentStore) -> None:
    record = store.go_back(installed(store, "1", "2"))
    assert in_use(store) == "1"
    with pytest.raises(ValueError, match="no previous version"):
        store.go_back(record)


def test_back_to_none(store: ComponentStore) -> None:
    record = store.take_out(installed(store, "1"))
    assert record.current == ""
    assert not (store.folder / CURRENT).exists()


def test_a_crash_behind_the_switch_is_put_right(store: ComponentStore) -> None:
    installed(store, "1")
    record = store.load().record
    new = store.install(staged(store, "2"), "2", record)  # and the record of it is lost
    store.drop_staging(staged(store, "3"))
    staged(store, "4")  # an attempt that was killed
    found = ComponentStore(store.folder).load()
    assert found.record == new
    assert found.fault == ""
    assert [name for name in folders(store) if name.startswith("staging")] == []


def test_a_crash_behind_a_way_back_is_put_right(store: ComponentStore) -> None:
    record = installed(store, "1", "2")
    back = store.go_back(record)  # and the record of it is lost
    assert ComponentStore(store.folder).load().record == back


def test_a_damaged_record_costs_what_was_known_but_no_version(store: ComponentStore) -> None:
    installed(store, "1", "2")
    (store.folder / RECORD).write_bytes(b"{")
    found = store.load()
    assert "is no record of updates" in found.fault
    assert version_of(found.record.current) == "2"
    assert found.record.installs == 2
    assert in_use(store) == "2"


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"failures": "x"}', b'{"failures": -1}', b'{"serial": 1e99}',
     b'{"last_success": -1}', b'{"next_attempt": 1e300}', b" " * 70_000, b"\xff"],
)  # fmt: skip
def test_what_is_no_record(content: bytes) -> None:
    with pytest.raises(RecordError):
        parse_record(content)


def test_a_record_is_read_as_it_was_written() -> None:
    record = Record(current="000001-1", installs=1, serial=5, last_error="x", failures=2)
    assert parse_record(msgspec.json.encode(record)) == record
