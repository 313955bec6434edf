"""A simulated disk that knows by which name the documentation calls each of its operations."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mailwarden.stores.spool.journal import FRAME_HEAD_SIZE, SNAPSHOT, VOID
from mailwarden.stores.spool.record import (
    COPY,
    HEAD_SIZE,
    HEADER_SIZE,
    RECORD_MAGIC,
)
from mailwarden.system.files.simulated import SimulatedDisk

DOCUMENT = Path(__file__).parents[2] / "docs" / "developer" / "spool.md"
SYNCED = {
    "segment-created": "segment-synced",
    "message-written": "message-synced",
    "copy-written": "copy-synced",
    "segment-sealed": "segment-sealed",
    "segment-cut": "segment-cut",
    "tail-cut": "tail-cut",
    "journal-written": "journal-synced",
    "snapshot-written": "snapshot-synced",
    "journal-rewritten": "journal-rewritten",
    "journal-mended": "journal-mended",
}


def documented() -> set[str]:
    """Return the names in the table of instants."""
    table = DOCUMENT.read_text().partition("## Instants")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([a-z-]+)`", row.split("|")[1])}


class NamingDisk(SimulatedDisk):
    """Notes the name of each operation that changes something."""

    def __init__(self) -> None:
        super().__init__()
        self.names_of: dict[int, str] = {}
        self.is_starting = False
        self._last: dict[str, str] = {}  # name of the last change, by path
        self._directory_name = "part-made"

    def _note(self, path: str, name: str) -> None:
        self.names_of[self.operations] = name
        self._last[path] = name

    def open(self, path: str, *, write: bool = False, create: bool = False) -> int:
        if create:
            self._note(path, self._created(path))
        return super().open(path, write=write, create=create)

    def _created(self, path: str) -> str:
        if path.endswith((".seg", ".state")):
            self._directory_name = "segment-named"
            return "journal-mended" if self.is_starting else "segment-created"
        if path.endswith(".state.new"):
            return "journal-rewritten"
        return "large-written" if "/large/" in path else "part-made"

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        path = self._opened(fd)[1]
        data = b"".join(buffers)
        if path.endswith(".seg"):
            self._note(path, self._segment_written(data, offset))
        elif path.endswith(".state"):
            self._note(path, self._journal_written(data, offset))
        else:
            self._note(path, self._created(path))
        return super().pwritev(fd, buffers, offset)

    def _segment_written(self, data: bytes, offset: int) -> str:
        if self.is_starting:
            return "tail-cut"
        if offset < HEADER_SIZE:
            return "segment-created"
        if len(data) == HEAD_SIZE and data.startswith(RECORD_MAGIC):
            return "segment-sealed"
        return "copy-written" if int.from_bytes(data[6:8], "little") & COPY else "message-written"

    def _journal_written(self, data: bytes, offset: int) -> str:
        if self.is_starting:
            return "journal-mended"
        if offset < HEADER_SIZE:
            return "segment-created"
        length = int.from_bytes(data[4:8], "little")
        records = msgspec.msgpack.decode(data[FRAME_HEAD_SIZE : FRAME_HEAD_SIZE + length])
        kinds = {record[0] for record in records}
        return "snapshot-written" if kinds & {SNAPSHOT, VOID} else "journal-written"

    def fdatasync(self, fd: int) -> None:
        path = self._opened(fd)[1]
        if "/large/" in path:
            self._note(path, "large-synced")
        elif self.is_starting and path.endswith((".seg", ".state")):
            self._note(path, "tail-cut" if path.endswith(".seg") else "journal-mended")
        else:
            self._note(path, SYNCED.get(self._last.get(path, ""), "part-made"))
        super().fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        path = self._opened(fd)[1]
        if path.endswith(".seg"):
            self._note(path, "tail-cut" if self.is_starting else "segment-cut")
        else:
            self._note(path, "journal-mended" if path.endswith(".state") else "part-made")
        super().truncate(fd, size)

    def sync_directory(self, path: str) -> None:
        if path.endswith("/large"):
            self._note(path, "part-made" if self.is_starting else "large-named")
        else:
            self._note(path, "part-made" if self.is_starting else self._directory_name)
        super().sync_directory(path)

    def unlink(self, path: str) -> None:
        if path.endswith(".seg"):
            self._directory_name = "segment-gone"
            self._note(path, "segment-unlinked")
        elif path.endswith(".state"):
            self._note(path, "journal-unlinked")
        elif path.endswith(".state.new"):
            self._note(path, "journal-rewritten")
        else:
            self._note(path, "large-unlinked" if "/large/" in path else "part-made")
        super().unlink(path)

    def rename(self, path: str, target: str) -> None:
        is_journal = target.endswith(".state")
        if is_journal:
            self._directory_name = "journal-renamed"
        self._note(target, "journal-renamed" if is_journal else "part-made")
        super().rename(path, target)

    def link(self, path: str, target: str) -> None:
        self._note(target, "large-synced")
        super().link(path, target)

    def make_directory(self, path: str) -> None:
        self._note(path, "part-made")
        super().make_directory(path)

    def remove_directory(self, path: str) -> None:
        self._note(path, "part-made")
        super().remove_directory(path)
