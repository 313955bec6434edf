"""Lists of messages, page by page: a queue may hold a million, and mail goes on in between.

A page without messages says only that there is more to come.
"""

import base64
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Final

from mailwarden.core.mail.received import UNDECIDED, resolve_by
from mailwarden.mailflow.delivery.queue import open_rids
from mailwarden.mailflow.delivery.selection import Selection
from mailwarden.mailflow.listener.listeners import Listeners
from mailwarden.stores.spool.spool import Entry, Spool, State, Stored

PAGE_ENTRIES: Final = 200  # entries in one packet, and looked at before others get their turn
GLANCES: Final = 20_000  # entries that are only glanced at before others get their turn
PIECE_BYTES: Final = 48 * 1024  # of a message, in one packet

Answer = dict[str, Any]
Row = Callable[[Entry], Answer]
Load = Callable[[Entry], Stored | None]


def list_pages(
    entries: Iterable[Entry], selection: Selection, load: Load, row: Row, limit: int
) -> Iterator[Answer]:
    """Yield pages with the rows of what `selection` means; a `limit` of 0 is none.

    The last page has `more` where the limit kept rows back: how many of those that were not looked
    at are meant is not known.
    """
    shown = 0
    page: list[Answer] = []
    looked_at = 0
    for entry in entries:
        looked_at += 1
        if looked_at % PAGE_ENTRIES == 0:
            yield {"messages": page}
            page = []
        if entry.state is State.FINISHED or not is_meant(entry, selection, load):
            continue
        if limit and shown >= limit:
            yield {"messages": page, "more": True}
            return
        shown += 1
        page.append(row(entry))
    if page:
        yield {"messages": page}


def is_meant(entry: Entry, selection: Selection, load: Load) -> bool:
    """Whether `selection` means any recipient of `entry` that is still to be served."""
    if not selection.wants(entry):
        return False
    if not selection.needs_envelope:
        return True
    stored = load(entry)
    return stored is not None and bool(selection.wanted(stored.envelope, open_rids(entry)))


def find_oldest(entries: Iterable[Entry], show: Callable[[int], Answer]) -> Iterator[Answer]:
    """Yield the message that waits for delivery for the longest time, at the end."""
    oldest: Entry | None = None
    for looked_at, entry in enumerate(entries, 1):
        if looked_at % GLANCES == 0:
            yield {}
        if entry.state is State.QUEUED and (
            oldest is None or entry.received_at < oldest.received_at
        ):
            oldest = entry
    if oldest is not None:
        yield {"message": show(oldest.mid)}


def archive(spool: Spool, mid: int, *, has_own_header: bool = True) -> Iterator[Answer]:
    """Yield the bytes of a message in base64; `done` is at the end.

    It is as it would leave, or without the header lines that the gateway put on top.

    Raises:
        DamagedError: they do not match their checksum.
        SpoolFailure: the disk could not be read.
    """
    entry = spool.get(mid)
    if entry is None:
        yield {"found": False}
        return
    stored = spool.load(entry)
    size = 0
    header = resolve_by(stored.header, UNDECIDED) if has_own_header else b""
    for chunk in chain((header,), stored.content.chunks()):
        for start in range(0, len(chunk), PIECE_BYTES):
            piece = chunk[start : start + PIECE_BYTES]
            size += len(piece)
            yield {"found": True, "data": base64.b64encode(piece).decode("ascii")}
    yield {"found": True, "done": True, "size": size}


def client_pages(listeners: Listeners) -> Iterator[list[Answer]]:
    """Yield the clients that are connected now, page by page, in no order."""
    page: list[Answer] = []
    for client in listeners.clients():
        page.append(client._asdict())
        if len(page) == PAGE_ENTRIES:
            yield page
            page = []
    if page:
        yield page


class Pace:
    """Tells which of many empty pages are to be sent, so that whoever waits hears something."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._told_at = monotonic()

    def is_told(self, answer: Answer) -> bool:
        """Whether `answer` is to be sent."""
        is_empty = not answer or answer == {"messages": []}
        if is_empty and self._monotonic() - self._told_at < self._seconds:
            return False
        self._told_at = self._monotonic()
        return True
