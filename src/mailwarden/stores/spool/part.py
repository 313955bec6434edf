"""The directory of one worker's spool: names of its files, its owner, its format version.

```text
<state>/spool/<n>/lock                taken by the process that owns the part
                  format              text: `mailwarden spool 1`
                  <sequence>.seg      messages
                  <sequence>.state    what happened to them
                  large/<name>        content too large for a segment
                  damaged/            what a repair has put aside
```
"""

import errno
import os
from contextlib import suppress
from typing import Final

from mailwarden.stores.spool.spool import SpoolFailure
from mailwarden.system.files.files import Files, try_unlink, write_fully

FORMAT: Final = b"mailwarden spool 1\n"
SEGMENT_END: Final = ".seg"
JOURNAL_END: Final = ".state"
NEW_END: Final = ".new"  # behind another one: being written, takes its place when complete
_LOCK_TRIES: Final = 10
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def failure(doing: str, error: OSError) -> SpoolFailure:
    """Return what went wrong, in words for the log."""
    reason = error.strerror or os.strerror(error.errno or 0)
    return SpoolFailure(f"{doing}: {reason}", full=error.errno in _FULL)


class Part:
    """One worker's directory."""

    def __init__(self, files: Files, path: str) -> None:
        self.files = files
        self.path = path
        name = path.rstrip("/").rpartition("/")[2]
        self.number = int(name) if name.isdecimal() else 0
        self._lock: int | None = None

    def segment_path(self, sequence: int) -> str:
        """Return the path of the segment `sequence`."""
        return f"{self.path}/{sequence:016x}{SEGMENT_END}"

    def journal_path(self, sequence: int) -> str:
        """Return the path of its journal."""
        return f"{self.path}/{sequence:016x}{JOURNAL_END}"

    @property
    def large_directory(self) -> str:
        """The directory of content that lies in files of its own."""
        return f"{self.path}/large"

    @property
    def damaged_directory(self) -> str:
        """The directory of what cannot be trusted."""
        return f"{self.path}/damaged"

    def large_path(self, name: str) -> str:
        """Return the path of content that lies in a file of its own."""
        return f"{self.path}/large/{name}"

    def open(self) -> None:
        """Make the directory if there is none, and take it for this process.

        Raises:
            SpoolFailure: another process has it, it cannot be written to, or a newer program
                made it.
        """
        try:
            self._make()
            self._take()
            self._check_format()
        except OSError as error:
            self.close()
            raise failure(f"Spool {self.path} cannot be used", error) from error
        except SpoolFailure:
            self.close()
            raise

    def _make(self) -> None:
        above = self.path.rstrip("/").rpartition("/")[0] or "/"
        for path, parent in ((self.path, above), (self.large_directory, self.path)):
            with suppress(FileExistsError):
                self.files.make_directory(path)
            # Also when it was there: whoever made it may have died before this.
            self.files.sync_directory(parent)

    def _take(self) -> None:
        """Lock the part; the file that is locked must still be the one in the directory."""
        path = f"{self.path}/lock"
        for _ in range(_LOCK_TRIES):
            try:
                fd = self.files.open(path, create=True)
            except FileExistsError:
                fd = self.files.open(path, write=True)
            self._lock = fd
            if not self.files.lock(fd):
                owner = self.files.pread(fd, 20, 0).strip().decode("ascii", "replace")
                detail = f"Spool {self.path} is in use by another process ({owner})"
                raise SpoolFailure(detail)
            if self.files.is_at(fd, path):
                self.files.truncate(fd, 0)
                write_fully(self.files, fd, [b"%d\n" % os.getpid()], 0)
                return
            self.close()  # its last owner removed the empty part at this very moment
        detail = f"Spool {self.path} is being removed by another process"
        raise SpoolFailure(detail)

    def _check_format(self) -> None:
        path = f"{self.path}/format"
        try:
            fd = self.files.open(path)
        except FileNotFoundError:
            self._write_format(path)
            return
        found = self.files.pread(fd, 100, 0)
        self.files.close(fd)
        if found != FORMAT:
            version = found.strip().decode("ascii", "replace")
            detail = (
                f"Spool {self.path} has format {version!r}; this program knows "
                f"{FORMAT.strip().decode()!r}"
            )
            raise SpoolFailure(detail)

    def _write_format(self, path: str) -> None:
        new = path + NEW_END
        try_unlink(self.files, new)
        fd = self.files.open(new, create=True)
        write_fully(self.files, fd, [FORMAT], 0)
        self.files.fdatasync(fd)
        self.files.close(fd)
        self.files.rename(new, path)
        self.files.sync_directory(self.path)

    def sequences(self) -> list[int]:
        """Return the numbers of the segments, oldest first. Raises OSError."""
        return [
            int(name.removesuffix(SEGMENT_END), 16)
            for name in self.files.names(self.path)
            if is_segment_name(name)
        ]

    def remove_leftovers(self, live_names: set[str]) -> None:
        """Remove what a process that died had begun or not yet cleared away. Raises OSError.

        `live_names` are the files in `large` that messages refer to.
        """
        names = self.files.names(self.path)
        segments = {name.removesuffix(SEGMENT_END) for name in names if is_segment_name(name)}
        for name in names:
            journal = name.endswith(JOURNAL_END) and name.removesuffix(JOURNAL_END) not in segments
            if journal or name.endswith(NEW_END):
                self.files.unlink(f"{self.path}/{name}")
        for name in self.files.names(self.large_directory):
            if name not in live_names:
                self.files.unlink(self.large_path(name))

    def remove(self) -> bool:
        """Remove the part if nothing is in it; True if it is gone. Raises OSError."""
        kept = set(self.files.names(self.path)) - {"lock", "format", "large"}
        if kept or self.files.names(self.large_directory):
            return False
        self.files.remove_directory(self.large_directory)
        try_unlink(self.files, f"{self.path}/format")
        try_unlink(self.files, f"{self.path}/lock")
        self.files.remove_directory(self.path)
        self.close()
        return True

    def close(self) -> None:
        """Give the part up."""
        if self._lock is not None:
            self.files.close(self._lock)
            self._lock = None


def is_segment_name(name: str) -> bool:
    """Whether a file of this name is a segment."""
    stem = name.removesuffix(SEGMENT_END)
    return name.endswith(SEGMENT_END) and len(stem) == 16 and set(stem) <= _HEX


_HEX: Final = set("0123456789abcdef")
