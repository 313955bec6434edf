"""Files that are replaced whole: after a crash there is the old one or the new one."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from mailwarden.system.files.files import Files, try_unlink, write_fully

_LINES_WRITTEN: Final = 1000  # at a time


def write_whole(files: Files, path: str, write: Callable[[int], None]) -> int:
    """Put what `write` writes to a descriptor in the place of `path`; return the descriptor.

    It is durable then, and open: it is to be closed.

    Raises:
        OSError: it cannot be written; the old file is still there.
    """
    draft = f"{path}.new"
    try_unlink(files, draft)
    fd = files.open(draft, write=True, create=True)
    is_done = False
    try:
        write(fd)
        files.fdatasync(fd)
        files.rename(draft, path)
        files.sync_directory(path.rpartition("/")[0] or ".")
        is_done = True
    finally:
        if not is_done:
            files.close(fd)
    return fd


def replace_file(files: Files, path: str, lines: Iterable[bytes]) -> int:
    """Put a file of `lines` in the place of `path`; returns and raises as `write_whole`."""

    def write(fd: int) -> None:
        offset = 0
        for batch in _batches(iter(lines)):
            offset = write_fully(files, fd, batch, offset)

    return write_whole(files, path, write)


def _batches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(lines, _LINES_WRITTEN)):
        yield batch
