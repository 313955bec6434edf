"""Content that is too large for a segment: a file of its own, written while it is received."""

import zlib
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from mailwarden.stores.spool.codec import LargeFile
from mailwarden.stores.spool.part import Part, failure
from mailwarden.stores.spool.spool import DamagedError
from mailwarden.system.files.files import try_unlink, write_fully

CHUNK_SIZE: Final = 256 * 1024  # bytes read at once
SYNC_SIZE: Final = 8 * 1024 * 1024  # bytes written after which a sync in the background begins


class LargeContent:
    """Content in a file. Reading it may raise DamagedError or OSError at any chunk.

    The last chunk is only given out when the checksum of all is right.
    """

    __slots__ = ("dotted", "fd", "file", "owned", "part", "tell")

    def __init__(
        self, part: Part, file: LargeFile, *, dotted: bool, tell: Callable[[], None] | None = None
    ) -> None:
        self.part = part
        self.file = file
        self.dotted = dotted
        self.fd = -1  # through which it was written, until it is durable
        self.owned = False  # a message in the spool refers to the file
        self.tell = tell  # called when the file turns out to be damaged

    @property
    def size(self) -> int:
        """Bytes."""
        return self.file.size

    @property
    def path(self) -> str:
        """Where the file is."""
        return self.part.large_path(self.file.name)

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in pieces."""
        files = self.part.files
        try:
            fd = files.open(self.path)
        except FileNotFoundError:
            self._damaged("is missing")
        try:
            crc = 0
            for offset in range(0, self.file.size, CHUNK_SIZE):
                size = min(CHUNK_SIZE, self.file.size - offset)
                data = files.pread(fd, size, offset)
                crc = zlib.crc32(data, crc)
                last = offset + size == self.file.size
                if len(data) < size or (last and crc != self.file.crc):
                    self._damaged("does not match its checksum")
                yield data
        finally:
            files.close(fd)

    def read(self, limit: int = -1) -> bytes:
        """Return the first `limit` bytes, or all; all are checked, a part is not."""
        if limit < 0 or limit >= self.file.size:
            return b"".join(self.chunks())
        files = self.part.files
        try:
            fd = files.open(self.path)
        except FileNotFoundError:
            self._damaged("is missing")
        try:
            return files.pread(fd, limit, 0)
        finally:
            files.close(fd)

    def release(self) -> None:
        """Close the descriptor through which the file was written."""
        if self.fd >= 0:
            self.part.files.close(self.fd)
            self.fd = -1

    def _damaged(self, what: str) -> NoReturn:
        if self.tell is not None:
            self.tell()
        detail = f"Content {self.path} {what}"
        raise DamagedError(detail)


class LargeSpill:
    """Writes content to a file while it is received."""

    def __init__(
        self, part: Part, name: str, background: Callable[[Callable[[], None]], None]
    ) -> None:
        self._part = part
        self._path = part.large_path(name)
        self._name = name
        self._background = background
        self._size = 0
        self._crc = 0
        self._unsynced = 0
        self._content: LargeContent | None = None
        try:
            self._fd = part.files.open(self._path, create=True)
        except OSError as error:
            raise failure(f"{part.large_directory} takes no file", error) from error

    def write(self, data: bytes) -> None:
        """Append `data`. Raises SpoolFailure when the disk does not take it."""
        try:
            write_fully(self._part.files, self._fd, [data], self._size)
        except OSError as error:
            raise failure(f"{self._path} cannot be written", error) from error
        self._size += len(data)
        self._crc = zlib.crc32(data, self._crc)
        self._unsynced += len(data)
        if self._unsynced >= SYNC_SIZE:
            # So that little is left to sync when the sender waits for its 250.
            self._unsynced = 0
            self._background(self._sync)

    def _sync(self) -> None:
        """Start the disk early. Runs in the background, on a descriptor of its own.

        Should it fail, the commit's own sync says so too: its descriptor is older than the error.
        """
        files = self._part.files
        try:
            fd = files.open(self._path, write=True)
            try:
                files.fdatasync(fd)
            finally:
                files.close(fd)
        except OSError:
            return

    def finish(self, *, dotted: bool) -> LargeContent:
        """Return what was written, ready for `put`, which makes it durable."""
        content = LargeContent(
            self._part, LargeFile(self._name, self._size, self._crc), dotted=dotted
        )
        content.fd = self._fd
        self._content = content
        return content

    def abandon(self) -> None:
        """Remove what was written; harmless when `finish` and `put` have happened."""
        if self._content is None:
            if self._fd >= 0:
                self._part.files.close(self._fd)
                self._fd = -1
        elif self._content.owned:
            return
        else:
            self._content.release()
        try:
            try_unlink(self._part.files, self._path)
        except OSError:
            return  # the next start removes it
