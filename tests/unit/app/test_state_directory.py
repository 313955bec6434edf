"""Who may do what in the state directory."""

import os
from pathlib import Path

import pytest

from mailwarden.app.state_directory import StateDirectory

USERS = {"mail": (201, 201), "boss": (202, 202)}


@pytest.mark.parametrize(
    ("user", "mode", "owners"),
    [("", 0o750, []), ("mail", 0o750, [(201, 201)]), ("boss", 0o751, [(202, 202)])],
)
def test_updates_are_written_by_one_user_and_read_by_another(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    user: str,
    mode: int,
    owners: list[tuple[int, int]],
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(StateDirectory, "owner", staticmethod(USERS.get))
    monkeypatch.setattr(os, "chown", lambda _path, *owner: given.append(owner))
    tmp_path.chmod(0o750)
    state = StateDirectory(tmp_path, tmp_path / "log")
    worker_user = "mail" if user else ""
    for _ in range(2):
        state.prepare_updates(user, worker_user)
    assert state.updates.stat().st_mode & 0o777 == 0o755
    assert tmp_path.stat().st_mode & 0o777 == mode
    assert given == owners * 2
