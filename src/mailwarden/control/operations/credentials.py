"""Keeps the file of users for SMTP AUTH: `services/directory/local.py` says what is in it."""

import secrets
from pathlib import Path

from mailwarden.control.operations.private_file import locked, replace
from mailwarden.core.access.password_hash import ITERATIONS, SALT_BYTES
from mailwarden.services.directory.local import (
    encode_credentials,
    load_credentials,
    make_entry,
    parse_credentials,
    parse_user,
)


def add_user(path: Path, user: str, password: str, *, iterations: int = ITERATIONS) -> bool:
    """Give `user` the password; return whether the user is new. Begins a file that is missing.

    Raises:
        ValueError: user or password cannot be, or the file is not one of users.
        OSError: it cannot be read or written.
    """
    name = parse_user(user)
    entry = make_entry(password, secrets.token_bytes(SALT_BYTES), iterations)
    line = encode_credentials([(name, entry)])
    with locked(path):
        content = path.read_bytes() if path.exists() else b""
        is_new = name not in parse_credentials(content).entries
        replace(path, _without(content, name) + line)
    return is_new


def remove_user(path: Path, user: str) -> bool:
    """Remove `user`; return whether there was one.

    Raises:
        ValueError: the file is not one of users.
        OSError: it cannot be read or written.
    """
    with locked(path):
        content = path.read_bytes()
        name = parse_user(user)
        found = name in parse_credentials(content).entries
        if found:
            replace(path, _without(content, name))
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
