"""Unix sockets: who may open them, who is at the other end, and folders that lie deep."""

import os
import stat
from pathlib import Path

import pytest

from mailwarden.system.net.unix_socket import Peer, connect_unix, listen_unix, peer_of


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 6)
    folder.mkdir(parents=True)
    return folder


def test_a_socket_in_a_deep_folder_says_who_is_there(deep: Path) -> None:
    with listen_unix(deep, "x.sock") as listening:
        listening.listen()
        with connect_unix(deep, "x.sock") as near, listening.accept()[0] as far:
            own = Peer(os.getpid(), os.getuid(), os.getgid())
            assert (peer_of(near), peer_of(far)) == (own, own)


def test_only_the_owner_opens_it(deep: Path) -> None:
    with listen_unix(deep, "x.sock"):
        assert stat.S_IMODE((deep / "x.sock").stat().st_mode) == 0o600


def test_what_a_dead_process_left_is_replaced(deep: Path) -> None:
    listen_unix(deep, "x.sock").close()
    with pytest.raises(ConnectionRefusedError):
        connect_unix(deep, "x.sock")
    with listen_unix(deep, "x.sock") as listening:
        listening.listen()
        connect_unix(deep, "x.sock").close()


def test_nothing_is_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connect_unix(tmp_path, "x.sock")
    with pytest.raises(FileNotFoundError):
        listen_unix(tmp_path / "missing", "x.sock")
