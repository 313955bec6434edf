"""The file operations that a store needs, and nothing more.

`SystemFiles` is the machine's file system. `SimulatedDisk` in `simulated.py` is one that knows what
has been synced, and that breaks on demand; both are held to the same tests.

Paths are `str`. Everything raises OSError, as the system call says it.
"""

import fcntl
import os
from collections.abc import Sequence
from typing import Final, Protocol

BUFFERS_MAX: Final = 1024  # IOV_MAX of Linux


class Files(Protocol):
    """A file system."""

    def open(self, path: str, *, write: bool = False, create: bool = False) -> int:
        """Return a descriptor; with `create` of a new, empty file that was not there before."""
        ...

    def close(self, fd: int) -> None:
        """Let go of a descriptor, and of the locks that hang on it."""
        ...

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        """Write at `offset`; return how many bytes were taken, which may be fewer."""
        ...

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Return up to `size` bytes from `offset`; fewer only where the file ends."""
        ...

    def fdatasync(self, fd: int) -> None:
        """Make durable what was written to the file, and its length."""
        ...

    def sync_directory(self, path: str) -> None:
        """Make durable which names are in a directory."""
        ...

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file to `size` bytes."""
        ...

    def size(self, path: str) -> int:
        """Return the bytes of a file."""
        ...

    def names(self, path: str) -> list[str]:
        """Return what is in a directory, sorted."""
        ...

    def rename(self, path: str, target: str) -> None:
        """Move a file, over another one if there is one."""
        ...

    def link(self, path: str, target: str) -> None:
        """Give a file a second name."""
        ...

    def unlink(self, path: str) -> None:
        """Take a name away."""
        ...

    def make_directory(self, path: str) -> None:
        """Make a directory, for its owner only."""
        ...

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory."""
        ...

    def bytes_free(self, path: str) -> int:
        """Return how much the file system of `path` can still take."""
        ...

    def lock(self, fd: int, *, wait: bool = False) -> bool:
        """Take the file for this descriptor alone; False when another has it."""
        ...

    def unlock(self, fd: int) -> None:
        """Give up the lock."""
        ...

    def is_at(self, fd: int, path: str) -> bool:
        """Whether `path` still names the file of the descriptor."""
        ...


class SystemFiles:
    """The machine's file system."""

    close = staticmethod(os.close)
    pwritev = staticmethod(os.pwritev)
    fdatasync = staticmethod(os.fdatasync)
    truncate = staticmethod(os.ftruncate)
    rename = staticmethod(os.replace)
    unlink = staticmethod(os.unlink)
    size = staticmethod(os.path.getsize)
    remove_directory = staticmethod(os.rmdir)

    def open(self, path: str, *, write: bool = False, create: bool = False) -> int:
        """Return a descriptor that no child process inherits."""
        flags = os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_RDWR if write or create else os.O_RDONLY)
        if create:
            flags |= os.O_CREAT | os.O_EXCL
        return os.open(path, flags, 0o600)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Return up to `size` bytes from `offset`; fewer only where the file ends."""
        data = os.pread(fd, size, offset)
        if len(data) == size or not data:
            return data
        pieces = [data]
        missing = size - len(data)
        while missing and (data := os.pread(fd, missing, offset + size - missing)):
            pieces.append(data)
            missing -= len(data)
        return b"".join(pieces)

    def sync_directory(self, path: str) -> None:
        """Make durable which names are in a directory."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def names(self, path: str) -> list[str]:
        """Return what is in a directory, sorted."""
        return sorted(os.listdir(path))

    def link(self, path: str, target: str) -> None:
        """Give a file a second name."""
        os.link(path, target, follow_symlinks=False)

    def make_directory(self, path: str) -> None:
        """Make a directory, for its owner only."""
        os.mkdir(path, 0o700)

    def bytes_free(self, path: str) -> int:
        """Return how much an ordinary user can still write to the file system of `path`."""
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize

    def lock(self, fd: int, *, wait: bool = False) -> bool:
        """Take the file for this descriptor alone; False when another has it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def unlock(self, fd: int) -> None:
        """Give up the lock."""
        fcntl.flock(fd, fcntl.LOCK_UN)

    def is_at(self, fd: int, path: str) -> bool:
        """Whether `path` still names the file of the descriptor."""
        try:
            return os.path.samestat(os.fstat(fd), os.lstat(path))
        except FileNotFoundError:
            return False


def write_fully(files: Files, fd: int, buffers: Sequence[bytes], offset: int) -> int:
    """Write all of `buffers` at `offset`; return the offset behind them.

    Raises OSError when the system takes no more: what was written before stays written.
    """
    for start in range(0, len(buffers), BUFFERS_MAX):
        part = buffers[start : start + BUFFERS_MAX]
        total = sum(map(len, part))
        written = files.pwritev(fd, part, offset)
        offset += written
        if written < total:
            offset = _write_rest(files, fd, b"".join(part)[written:], offset)
    return offset


def _write_rest(files: Files, fd: int, rest: bytes, offset: int) -> int:
    view = memoryview(rest)
    while view:
        written = files.pwritev(fd, [view], offset)
        view = view[written:]
        offset += written
    return offset


def try_unlink(files: Files, path: str) -> bool:
    """Take a name away if it is there; True if it was."""
    try:
        files.unlink(path)
    except FileNotFoundError:
        return False
    return True
