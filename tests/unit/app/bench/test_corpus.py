"""Messages come out of folders and tar files, whatever their names."""

import io
import tarfile
from pathlib import Path

import pytest

from mailwarden.app.bench.corpus import _messages
from mailwarden.app.bench.workplace import BenchError


def tar_of(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


def test_members_are_unpacked_under_names_of_our_own(tmp_path: Path) -> None:
    evil = {"../../evil.eml": b"A: b\n\nc\n", "/abs.eml": b"D: e\n\nf\n", "ham/1.eml": b"g"}
    folder = tmp_path / "out"
    folder.mkdir()
    found = _messages(tar_of(tmp_path / "m.tar.xz", evil), folder)
    assert {name: path.read_bytes() for name, path in found} == evil
    assert all(path.parent == folder for _, path in found)


def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/2.eml", "a.eml", "b/1.eml"):
        (tmp_path / name).write_text(name, encoding="ascii")
    names = [name for name, _ in _messages(tmp_path, tmp_path / "out")]
    assert names == ["a.eml", "b/1.eml", "b/2.eml"]


def test_no_messages_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no messages"):
        _messages(tmp_path, tmp_path / "out")


def test_what_is_no_archive_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"not a tar file")
    with pytest.raises(BenchError, match="cannot read"):
        _messages(tmp_path / "x.tar", tmp_path)


def test_names_that_would_break_the_list_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a\nb.eml").touch()
    with pytest.raises(BenchError, match="line ends"):
        _messages(tmp_path, tmp_path / "out")
