"""Keeps the file of users for SMTP AUTH: `services/directory/local.py` says what is in it."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mailwarden.services.directory.local import (
    ITERATIONS,
    SALT_BYTES,
    encode_credentials,
    load_credentials,
    make_entry,
    parse_credentials,
    parse_user,
)

_MODE_NEW: Final = 0o600
_MODE_KEPT: Final = 0o640  # what the file may keep of its rights: its group may have been let read


def add_user(path: Path, user: str, password: str, *, iterations: int = ITERATIONS) -> bool:
    """Give `user` the password; return whether the user is new. Begins a file that is missing.

    Raises:
        ValueError: user or password cannot be, or the file is not one of users.
        OSError: it cannot be read or written.
    """
    name = parse_user(user)
    entry = make_entry(password, secrets.token_bytes(SALT_BYTES), iterations)
    line = encode_credentials([(name, entry)])
    with _locked(path):
        content = path.read_bytes() if path.exists() else b""
        is_new = name not in parse_credentials(content).entries
        _replace(path, _without(content, name) + line)
    return is_new


def remove_user(path: Path, user: str) -> bool:
    """Remove `user`; return whether there was one.

    Raises:
        ValueError: the file is not one of users.
        OSError: it cannot be read or written.
    """
    with _locked(path):
        content = path.read_bytes()
        name = parse_user(user)
        found = name in parse_credentials(content).entries
        if found:
            _replace(path, _without(content, name))
    return found


def list_users(path: Path) -> list[str]:
    """Return the users in the order of the file. Raises as `remove_user`."""
    return list(load_credentials(path).entries)


def verify_user(path: Path, user: str, password: str) -> bool:
    """Tell whether `password` is that of `user`. Raises as `remove_user`."""
    return load_credentials(path).verify(user, password)


def _without(content: bytes, user: str) -> bytes:
    """Return the lines of the file that are not about `user`; comments stay."""
    start = f"{user}:".encode()
    lines = content.splitlines(keepends=True)
    kept = b"".join(line for line in lines if not _is_about(line, start))
    return kept if not kept or kept.endswith(b"\n") else kept + b"\n"


def _is_about(line: bytes, start: bytes) -> bool:
    # The file may hold the name in another normal form than ours.
    name, colon, _ = line.partition(b":")
    if not colon or line.startswith(b"#"):
        return False
    return f"{parse_user(name.decode('utf-8'))}:".encode() == start


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let two administrators change the file one after the other.

    The folder is locked, because the file is replaced.
    """
    descriptor = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes, sync: Callable[[int], None] = os.fsync) -> None:
    """Put `content` in place of the file: whoever reads it sees the old or the new one."""
    target = path.resolve()  # a link stays a link
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _copy_rights(target, descriptor)
            file.write(content)
            file.flush()
            sync(descriptor)
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(folder)
    finally:
        os.close(folder)


def _copy_rights(target: Path, descriptor: int) -> None:
    try:
        status = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, _MODE_NEW)
        return
    own = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (own.st_uid, own.st_gid):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, (status.st_mode & _MODE_KEPT) | _MODE_NEW)
