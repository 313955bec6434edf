"""A folder of files that administrators fetch and put: flat, and with nothing else in it.

Names are plain words, so there is no way to say anything outside; only whole files count: a link,
a second name of a file (a hard link), a device or a pipe is treated as if it were not there. All
is opened beneath the folder's own descriptor and looked at before it is used.
"""

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.control.operations.exchange import FILE_NAME

_SAFE: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MODE: Final = 0o600


class FolderLimits(NamedTuple):
    """How much may be put; reading has no limits."""

    file_bytes: int = 64 * 1024 * 1024
    folder_bytes: int = 512 * 1024 * 1024
    files: int = 1000


LIMITS: Final = FolderLimits()


class Entry(NamedTuple):
    """A file. Times are seconds since the epoch."""

    name: str
    size: int
    modified_at: float


class FullError(OSError):
    """There is no room; the message says of what."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EDQUOT, message)


class Folder:
    """One folder, shared by all sessions: the room in it is counted here."""

    def __init__(self, path: Path, *, is_writable: bool, limits: FolderLimits = LIMITS) -> None:
        self.is_writable: Final = is_writable
        self._path = path
        self._limits = limits
        self._used = 0  # bytes, while files are open for writing
        self._open: Counter[str] = Counter()  # for writing

    def entries(self) -> list[Entry]:
        """Return the files, by name.

        Raises:
            OSError: the folder cannot be read.
        """
        with self._opened() as folder:
            found = (_entry(folder, name) for name in sorted(os.listdir(folder)))
            return [each for each in found if each is not None]

    def entry(self, name: str) -> Entry:
        """Return one file.

        Raises:
            FileNotFoundError: there is none. Besides: as `entries`.
        """
        with self._opened() as folder:
            return _existing(folder, name)

    def open_to_read(self, name: str) -> int:
        """Return a descriptor, which is the caller's to close; raises as `entry`."""
        with self._opened() as folder:
            return _open(folder, name, os.O_RDONLY)

    def open_to_write(
        self, name: str, *, creates: bool, is_new: bool, truncates: bool, reads: bool = False
    ) -> int:
        """Return a descriptor, to be closed by `close_written`.

        Raises:
            FileExistsError: the file is there, and was to be new.
            PermissionError: nothing may be written here.
            FullError: there are too many files. Besides: as `entry`.
        """
        self._check_writable()
        with self._opened() as folder:
            if _entry(folder, name) is None and creates:
                _check_free(folder, name)
                if len(os.listdir(folder)) >= self._limits.files:
                    raise FullError(f"there are {self._limits.files} files already")
                flags = os.O_CREAT | os.O_EXCL
            elif is_new:
                raise _exists()
            else:
                flags = 0
            if not self._open:
                self._used = sum(each.size for each in self._listed(folder))
            descriptor = _open(folder, name, flags | (os.O_RDWR if reads else os.O_WRONLY))
        self._open[name] += 1
        if truncates:
            self.resize(descriptor, 0)
        return descriptor

    def close_written(self, name: str, descriptor: int) -> None:
        """Close what `open_to_write` opened."""
        os.close(descriptor)
        self._open[name] -= 1
        self._open += Counter()  # drops what is at zero

    def reserve(self, descriptor: int, end: int) -> None:
        """Take room for a file that is to reach up to `end`.

        Raises:
            FullError: there is none.
        """
        if end > self._limits.file_bytes:
            raise FullError(f"a file may have {self._limits.file_bytes} bytes")
        growth = max(end - os.fstat(descriptor).st_size, 0)
        if self._used + growth > self._limits.folder_bytes:
            raise FullError(f"the folder may hold {self._limits.folder_bytes} bytes")
        if growth:
            os.truncate(descriptor, end)  # so that what comes next counts from there
        self._used += growth

    def resize(self, descriptor: int, size: int) -> None:
        """Cut a file, or let it grow; raises as `reserve`."""
        self.reserve(descriptor, size)
        self._used -= os.fstat(descriptor).st_size - size
        os.truncate(descriptor, size)

    def remove(self, name: str) -> None:
        """Remove a file; raises as `open_to_write`, or PermissionError while it is written."""
        self._check_writable(name)
        with self._opened() as folder:
            _existing(folder, name)
            os.unlink(name, dir_fd=folder)

    def rename(self, old: str, new: str, *, replaces: bool) -> None:
        """Give a file another name; raises as `open_to_write` and `remove`."""
        self._check_writable(old, new)
        with self._opened() as folder:
            _existing(folder, old)
            if _entry(folder, new) is None:
                _check_free(folder, new)
            elif not replaces:
                raise _exists()
            os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    def _check_writable(self, *names: str) -> None:
        if not self.is_writable:
            raise _denied("nothing can be changed here")
        # Its bytes would stay on the disk, and be counted no more.
        if any(self._open[name] for name in names):
            raise _denied("the file is being written")

    def _listed(self, folder: int) -> Iterator[Entry]:
        return (each for name in os.listdir(folder) if (each := _entry(folder, name)))

    @contextmanager
    def _opened(self) -> Iterator[int]:
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield folder
        finally:
            os.close(folder)


def _entry(folder: int, name: str) -> Entry | None:
    """Return a file that counts; None for all else."""
    if not FILE_NAME.fullmatch(name):
        return None
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return Entry(name, status.st_size, status.st_mtime) if _counts(status) else None


def _existing(folder: int, name: str) -> Entry:
    found = _entry(folder, name)
    if found is None:
        raise _missing()
    return found


def _check_free(folder: int, name: str) -> None:
    """Make sure that a new file can have that name."""
    if not FILE_NAME.fullmatch(name):
        raise _denied("names have letters, digits and . _ + @ , = - only")
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise _denied("something else has that name")


def _open(folder: int, name: str, flags: int) -> int:
    if not FILE_NAME.fullmatch(name):
        raise _missing()
    try:
        descriptor = os.open(name, flags | _SAFE, _MODE, dir_fd=folder)
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise _missing() from error  # a link, a socket, a device that is not there
    if not _counts(os.fstat(descriptor)):
        os.close(descriptor)
        raise _missing()
    return descriptor


def _counts(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


# With a number, by which clients are told what kind of error it is.
def _missing() -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "No such file")


def _exists() -> FileExistsError:
    return FileExistsError(errno.EEXIST, "The file exists")


def _denied(message: str) -> PermissionError:
    return PermissionError(errno.EACCES, message)
