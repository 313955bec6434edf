"""Reads a file of any size through a window of bounded size."""

from typing import Final

from mailwarden.system.files.files import Files

WINDOW_SIZE: Final = 256 * 1024


class Window:
    """The bytes of an open file; what was read last is kept."""

    __slots__ = ("_data", "_fd", "_files", "_start", "size")

    def __init__(self, files: Files, fd: int, size: int) -> None:
        self._files = files
        self._fd = fd
        self.size = size  # bytes of the file
        self._data = b""
        self._start = 0

    def at(self, offset: int, size: int) -> tuple[bytes, int]:
        """Return bytes and the index in them at which `offset` lies.

        Behind the index there are `size` bytes or all to the end of the file. Raises OSError.
        """
        index = offset - self._start
        if index < 0 or index + size > len(self._data):
            self._data = self._files.pread(self._fd, max(size, WINDOW_SIZE), offset)
            self._start = offset
            index = 0
        return self._data, index

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer where the file ends. Raises OSError."""
        data, index = self.at(offset, size)
        return data[index : index + size]

    def find(self, pattern: bytes, offset: int) -> int:
        """Return where `pattern` is found next from `offset` on; -1 if nowhere. Raises OSError."""
        while offset < self.size:
            data, index = self.at(offset, len(pattern))
            found = data.find(pattern, index)
            if found >= 0:
                return self._start + found
            # The pattern may lie across the end of the window.
            offset = max(offset + 1, self._start + len(data) - len(pattern) + 1)
        return -1


def read_start(files: Files, path: str) -> bytes:
    """Return the first bytes of a file; none if there is no file. Raises OSError."""
    try:
        fd = files.open(path)
    except FileNotFoundError:
        return b""
    try:
        return files.pread(fd, 4096, 0)
    finally:
        files.close(fd)
