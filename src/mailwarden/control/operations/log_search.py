"""Searches the files of the logs: lines by a pattern, and all that is said of a message.

The files may be large, and their names and lines come from elsewhere: all is read piece by piece,
and every function yields now and then, also where nothing was found.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailwarden.control.operations.linear_pattern import Search
from mailwarden.system.log.logs import BOUNCE_LOG, MAIL_EVENTS, MAIL_LOG

LINE_BYTES_MAX: Final = 256 * 1024  # longer ones are taken for several
BLOCK_BYTES: Final = 1024 * 1024  # that are read before others get their turn
FOUND_MAX: Final = 100_000  # messages with a part of what is looked for
LINES_OF_MESSAGE_MAX: Final = 1000
LOGS_MAX: Final = 200  # files that are looked at
_PRODUCT_NAMES: Final = {
    MAIL_LOG: "mail_logs",
    BOUNCE_LOG: "bounces",
    MAIL_EVENTS: "mail_events",
}
_LOG: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\.(?:log|json)\Z")

_FROM: Final = re.compile(rb"MID (\d{1,19}) ICID \d+ From: <(.*)>")
_TO: Final = re.compile(rb"MID (\d{1,19}) ICID \d+ (?:RID \d+ )?To: <([^>]*)>")
_SUBJECT: Final = re.compile(rb"MID (\d{1,19}) Subject (.*)")
_MID: Final = re.compile(rb"\bMID (\d{1,19})\b")
_ICID: Final = re.compile(rb"\bICID (\d{1,19})\b")
_DCID: Final = re.compile(rb"\bDCID:? (\d{1,19})\b")

Block = list[bytes]  # lines without their ends


def log_names(folder: Path) -> dict[str, str]:
    """Return the names of the logs in `folder`, as the product calls them, and their files.

    The mail log comes first. Raises OSError where the folder cannot be read.
    """
    files = sorted(path.name for path in folder.iterdir() if _LOG.match(path.name))[:LOGS_MAX]
    files.sort(key=lambda name: name != MAIL_LOG)
    return {_PRODUCT_NAMES.get(name, name.rpartition(".")[0]): name for name in files}


def files_of(folder: Path, name: str) -> list[Path]:
    """Return the files of the log `name`, the oldest one first, and the current one last."""
    older = sorted(folder.glob(f"{name}.2*"))
    return [*older, folder / name] if (folder / name).exists() else older


def blocks(files: Sequence[Path]) -> Iterator[Block]:
    """Yield the lines of `files`; a file that is gone meanwhile is left out.

    Raises:
        OSError: a file cannot be read.
    """
    for path in files:
        with suppress(FileNotFoundError), path.open("rb") as file:
            block: Block = []
            room = BLOCK_BYTES
            while line := file.readline(LINE_BYTES_MAX):
                block.append(line.rstrip(b"\r\n"))
                room -= len(line)
                if room <= 0:
                    yield block
                    block, room = [], BLOCK_BYTES
            yield block


def matching(files: Sequence[Path], search: Search, *, invert: bool) -> Iterator[Block]:
    """Yield the lines that match, or that do not, of one block after the other."""
    for block in blocks(files):
        yield [line for line in block if search(line) is not invert]


class Wanted:
    """Which messages are looked for, by parts of what the mail log says in any case.

    All that is given has to be true of a message. Remembers of which how much was found.
    """

    def __init__(
        self,
        *,
        sender: str | None = None,
        recipient: str | None = None,
        subject: str | None = None,
        mid: int | None = None,
    ) -> None:
        self._texts = [
            (pattern, text.lower())
            for pattern, text in ((_FROM, sender), (_TO, recipient), (_SUBJECT, subject))
            if text is not None
        ]
        self._found: dict[int, set[int]] = {}
        self._mid = mid
        self.has_any = bool(self._texts) or mid is not None

    def take(self, line: bytes) -> None:
        """Look at a line."""
        for place, (pattern, text) in enumerate(self._texts):
            match = pattern.search(line)
            if match is not None and text in match[2].decode("utf-8", "replace").lower():
                self._add(int(match[1]), place)
        if self._mid is not None and not self._texts and self._mid in _mids(line):
            self._add(self._mid, 0)

    def _add(self, mid: int, place: int) -> None:
        if self._mid is not None and mid != self._mid:
            return
        if mid not in self._found and len(self._found) >= FOUND_MAX:
            del self._found[next(iter(self._found))]
        self._found.setdefault(mid, set()).add(place)

    def mids(self, limit: int) -> list[int]:
        """Return the messages of which all is true, the latest `limit` ones; 0 is all."""
        needed = len(self._texts) or 1
        mids = [mid for mid, places in self._found.items() if len(places) == needed]
        return mids[-limit:] if limit else mids


class MessageLines:
    """What was said of each message, once a search is through."""

    def __init__(self) -> None:
        self.lines: dict[int, list[str]] = {}


def find_messages(
    files: Sequence[Path], wanted: Wanted, limit: int, found: MessageLines
) -> Iterator[None]:
    """Fill `found` with the lines of what is wanted and of its connections, block by block."""
    for block in blocks(files):
        for line in block:
            wanted.take(line)
        yield
    mids = wanted.mids(limit)
    if not mids:
        return
    connections: _Connections = {}
    chosen = set(mids)
    for block in blocks(files):
        for line in block:
            _connect(line, chosen, connections)
        yield
    found.lines = {mid: [] for mid in mids}
    for block in blocks(files):
        for line in block:
            for mid in _owners(line, found.lines, connections):
                if len(found.lines[mid]) < LINES_OF_MESSAGE_MAX:
                    found.lines[mid].append(line.decode("utf-8", "replace"))
        yield


_Connections = dict[tuple[str, int], set[int]]  # which messages came or left by which


def _mids(line: bytes) -> set[int]:
    return {int(number) for number in _MID.findall(line)}


def _connect(line: bytes, mids: set[int], connections: _Connections) -> None:
    match = _MID.search(line)
    if match is None or int(match[1]) not in mids:
        return
    mid = int(match[1])
    for kind, pattern in (("ICID", _ICID), ("DCID", _DCID)):
        number = pattern.search(line)
        if number is not None and int(number[1]):
            connections.setdefault((kind, int(number[1])), set()).add(mid)


def _owners(line: bytes, mids: dict[int, list[str]], connections: _Connections) -> set[int]:
    """Return the messages that a line is about."""
    named = _mids(line)
    if named:
        return {mid for mid in named if mid in mids}
    owners: set[int] = set()
    for kind, pattern in (("ICID", _ICID), ("DCID", _DCID)):
        number = pattern.search(line)
        if number is not None:
            owners |= connections.get((kind, int(number[1])), set())
    return owners
