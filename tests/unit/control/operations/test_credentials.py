"""The file of users: written whole or not at all, with its comments and rights."""

import os
import stat
from pathlib import Path

import pytest

from mailwarden.control.operations import private_file
from mailwarden.control.operations.credentials import (
    add_user,
    list_users,
    remove_user,
    verify_user,
)

FEW = 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_the_owner_s_alone(path: Path) -> None:
    assert add_user(path, "ann", "secret", iterations=FEW)
    assert mode(path) == 0o600
    assert verify_user(path, "ann", "secret")
    assert b"secret" not in path.read_bytes()


def test_the_same_password_never_has_the_same_entry(path: Path) -> None:
    add_user(path, "ann", "secret", iterations=FEW)
    add_user(path, "bob", "secret", iterations=FEW)
    assert len({line.partition(b":")[2] for line in path.read_bytes().splitlines()}) == 2


def test_a_new_password_takes_the_place_of_the_old_one(path: Path) -> None:
    add_user(path, "ann", "old", iterations=FEW)
    add_user(path, "bob", "secret", iterations=FEW)
    assert not add_user(path, "ann", "new", iterations=FEW)
    assert sorted(list_users(path)) == ["ann", "bob"]
    assert verify_user(path, "ann", "new")
    assert not verify_user(path, "ann", "old")


def test_other_lines_stay_as_they_are(path: Path) -> None:
    path.write_text("# ann: the office\n\n#ann:x", encoding="utf-8")
    add_user(path, "ann", "secret", iterations=FEW)
    add_user(path, "annette", "secret", iterations=FEW)
    assert remove_user(path, "ann")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ann: the office\n\n#ann:x\nannette:")
    assert list_users(path) == ["annette"]


def test_names_are_compared_in_their_normal_form(path: Path) -> None:
    add_user(path, "rene\u0301", "secret", iterations=FEW)
    assert not add_user(path, "ren\u00e9", "new", iterations=FEW)
    path.write_text(path.read_text("utf-8").replace("\u00e9", "e\u0301"), encoding="utf-8")
    assert remove_user(path, "ren\u00e9")
    assert list_users(path) == []


def test_rights_are_kept_but_for_strangers(path: Path) -> None:
    add_user(path, "ann", "secret", iterations=FEW)
    path.chmod(0o664)
    add_user(path, "bob", "secret", iterations=FEW)
    assert mode(path) == 0o640


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere"
    real.mkdir()
    path.symlink_to(real / "users")
    add_user(path, "ann", "secret", iterations=FEW)
    assert path.is_symlink()
    assert list_users(real / "users") == ["ann"]


def test_a_user_who_is_not_there(path: Path) -> None:
    add_user(path, "ann", "secret", iterations=FEW)
    before = path.stat()
    assert not remove_user(path, "bob")
    assert path.stat() == before


def test_a_file_that_is_something_else_is_not_touched(path: Path) -> None:
    path.write_bytes(b"precious\n")
    with pytest.raises(ValueError, match="line 1"):
        add_user(path, "ann", "secret", iterations=FEW)
    assert path.read_bytes() == b"precious\n"


def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_user(path, "ann", "secret", iterations=FEW)
    before = path.read_bytes()

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        add_user(path, "bob", "secret", iterations=FEW)
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == [".users.lock", "users"]


def test_what_is_written_is_synced_before_it_is_named(path: Path) -> None:
    synced: list[str] = []

    def sync(descriptor: int) -> None:
        synced.append(f"{os.readlink(f'/proc/self/fd/{descriptor}')} {path.exists()}")

    private_file.replace(path, b"", sync)
    assert synced[0].endswith(" False")
    assert synced[1] == f"{path.parent} True"
