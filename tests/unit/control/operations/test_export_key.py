"""The node's export key: made once, for its owner only."""

import stat
from pathlib import Path

import pytest

from mailwarden.control.operations.export_key import (
    ExportKeyError,
    load_export_key,
    need_export_key,
)


def zeros(count: int) -> bytes:
    return bytes(count)


def test_it_is_made_when_it_is_needed_first(tmp_path: Path) -> None:
    assert load_export_key(tmp_path) is None
    assert need_export_key(tmp_path, lambda count: b"k" * count) == b"k" * 32
    assert need_export_key(tmp_path, zeros) == load_export_key(tmp_path) == b"k" * 32
    assert stat.S_IMODE((tmp_path / "export.key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "mode"), [(b"short", 0o600), (bytes(33), 0o600), (bytes(32), 0o640)]
)
def test_one_that_cannot_be_trusted_is_refused(tmp_path: Path, content: bytes, mode: int) -> None:
    path = tmp_path / "export.key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ExportKeyError):
        need_export_key(tmp_path, zeros)
    assert path.read_bytes() == content


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "export.key").symlink_to("/dev/zero")
    with pytest.raises(ExportKeyError):
        load_export_key(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ExportKeyError):
        need_export_key(tmp_path / "missing", zeros)
