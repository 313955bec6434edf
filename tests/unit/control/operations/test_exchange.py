"""Files that administrators import and export: by plain names, and nothing else."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.control.operations.desk import RefusedOperationError
from mailwarden.control.operations.exchange import parse_file_name, read_import, write_export
from tests.unit.control.commands.counter import Counter


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    counter = Counter(tmp_path)
    yield counter
    counter.close()


def test_what_is_written_is_read(counter: Counter) -> None:
    path = write_export(counter.desk(), "hat.txt", b"old\n")
    assert path == counter.administration.files / "hat.txt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_export(counter.desk(), "hat.txt", b"new\n")
    assert read_import(counter.desk(), "hat.txt") == b"new\n"
    assert [each.name for each in path.parent.iterdir()] == ["hat.txt"]


def test_a_file_may_be_kept(counter: Counter) -> None:
    write_export(counter.desk(), "hat.txt", b"old\n")
    with pytest.raises(RefusedOperationError, match=r"/configuration/hat\.txt: File exists"):
        write_export(counter.desk(), "hat.txt", b"new\n", replaces=False)
    assert read_import(counter.desk(), "hat.txt") == b"old\n"


def test_the_folder_in_front_is_dropped() -> None:
    assert parse_file_name(" /configuration/a.xml ") == "a.xml"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "../accounts.db", "a/b", "/etc/passwd", "a\0b", "ä", "x" * 129],
)
def test_names_that_no_file_has(counter: Counter, name: str) -> None:
    with pytest.raises(RefusedOperationError):
        read_import(counter.desk(), name)
    with pytest.raises(RefusedOperationError):
        write_export(counter.desk(), name, b"")
    assert list(counter.administration.files.iterdir()) == []


def test_only_whole_files_count(counter: Counter) -> None:
    files = counter.administration.files
    (files / "folder").mkdir()
    (files / "link").symlink_to("/etc/passwd")
    os.mkfifo(files / "pipe")
    for name in ("folder", "link", "pipe", "missing"):
        with pytest.raises(RefusedOperationError):
            read_import(counter.desk(), name)
    for name in ("folder", "link", "pipe"):
        with pytest.raises(RefusedOperationError):
            write_export(counter.desk(), name, b"")


def test_a_large_file(counter: Counter) -> None:
    write_export(counter.desk(), "large", b"12345")
    assert read_import(counter.desk(), "large", bytes_max=5) == b"12345"
    with pytest.raises(RefusedOperationError, match="large is larger than 4 bytes"):
        read_import(counter.desk(), "large", bytes_max=4)
