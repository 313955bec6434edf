"""Follows a log: its last lines, and what is added to it, through rotations."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Self

from mailwarden.control.operations.log_search import LINE_BYTES_MAX

END_BYTES: Final = 1024 * 1024  # of a file that are looked at for its last lines
READ_BYTES: Final = 256 * 1024  # at one look


class LogTail:
    """A log that is read while others write to it; `close` it.

    Raises OSError where it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._file: BinaryIO = path.open("rb")
        self._rest = b""  # of a line that has not ended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def last(self, count: int) -> list[bytes]:
        """Return the last lines, `count` at most, without their ends; what follows is new."""
        size = self._file.seek(0, os.SEEK_END)
        start = max(0, size - END_BYTES)
        self._file.seek(start)
        lines = list(self._lines(self._file.read(size - start)))
        if start and lines:
            del lines[0]  # its beginning is not there
        return lines[-count:] if count else []

    def fresh(self) -> list[bytes]:
        """Return lines that came since the last look; some of them when they are many."""
        data = self._file.read(READ_BYTES)
        if not data:
            self._follow()
        return list(self._lines(data))

    def _lines(self, data: bytes) -> Iterator[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            lines.append(self._rest)
            self._rest = b""
        return iter(lines)

    def _follow(self) -> None:
        """Go on with another file once the log was begun anew, and this one is at its end."""
        with suppress(OSError):
            now, ours = self._path.stat(), os.fstat(self._file.fileno())
            if self._file.tell() > ours.st_size:  # somebody has emptied it
                self._file.seek(0)
            if (now.st_dev, now.st_ino) == (ours.st_dev, ours.st_ino):
                return
            if self._file.tell() >= ours.st_size:
                fresh = self._path.open("rb")
                self._file.close()
                self._file = fresh
