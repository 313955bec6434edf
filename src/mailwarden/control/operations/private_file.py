"""Changes a file, by default one of secrets: one administrator at a time, whole or not at all."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_MODE_NEW: Final = 0o600
_MODE_KEPT: Final = 0o640  # what the file may keep of its rights: its group may have been let read

Owner = tuple[int, int]  # user and group


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let two administrators change the file one after the other.

    A file beside it is locked: the file itself is replaced, and its folder may be that of a gateway
    that runs.
    """
    target = path.resolve()
    lock = target.with_name(f".{target.name}.lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE_NEW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace(
    path: Path,
    content: bytes,
    sync: Callable[[int], None] = os.fsync,
    *,
    new_owner: Owner | None = None,
    mode_new: int = _MODE_NEW,
    mode_kept: int = _MODE_KEPT,
) -> None:
    """Put `content` in place of the file: whoever reads it sees the old or the new one.

    Owner and rights stay, as far as `mode_kept` allows; a new file is for `new_owner` alone, or for
    whoever makes it, unless `mode_new` says otherwise.
    """
    target = path.resolve()  # a link stays a link
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _copy_rights(target, descriptor, new_owner, mode_new, mode_kept)
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


def _copy_rights(
    target: Path, descriptor: int, new_owner: Owner | None, mode_new: int, mode_kept: int
) -> None:
    try:
        status = target.stat()
    except FileNotFoundError:
        if new_owner is not None:
            os.fchown(descriptor, *new_owner)
        os.fchmod(descriptor, mode_new)
        return
    own = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (own.st_uid, own.st_gid):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, (status.st_mode & mode_kept) | _MODE_NEW)
