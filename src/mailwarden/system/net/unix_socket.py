"""Unix sockets in folders of any depth, and who is at the other end of one."""

import os
import socket
import struct
from pathlib import Path
from typing import Final, NamedTuple

_CREDENTIALS: Final = "=iII"  # process, user and group id (unix(7), SO_PEERCRED)
_MODE: Final = 0o600


class Peer(NamedTuple):
    """Ids of the process at the other end, as the kernel knows them."""

    process: int
    user: int
    group: int


def listen_unix(folder: Path, name: str) -> socket.socket:
    """Return a socket that is bound to `name` in `folder`, for our own user only.

    A file that a dead process left there is replaced.

    Raises:
        OSError: it cannot be made.
    """
    path = folder / name
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        with _ShortPath(folder, name) as short:
            listening.bind(short)
        path.chmod(_MODE)
    except OSError:
        listening.close()
        raise
    return listening


def connect_unix(folder: Path, name: str, timeout_seconds: float | None = None) -> socket.socket:
    """Return a connection to `name` in `folder`, whose calls then wait for so long.

    Raises:
        OSError: nobody listens there, or we may not.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout_seconds)
    try:
        with _ShortPath(folder, name) as short:
            connection.connect(short)
    except OSError:
        connection.close()
        raise
    return connection


def peer_of(connection: socket.socket) -> Peer:
    """Return who was at the other end when the connection was made."""
    size = struct.calcsize(_CREDENTIALS)
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    process, user, group = struct.unpack(_CREDENTIALS, data)
    return Peer(process, user, group)


class _ShortPath:
    """A path to the socket that fits into the 108 bytes of a socket address, however deep."""

    def __init__(self, folder: Path, name: str) -> None:
        self._descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._name = name

    def __enter__(self) -> str:
        return f"/proc/self/fd/{self._descriptor}/{self._name}"

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
