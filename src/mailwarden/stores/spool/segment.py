"""What the event loop knows of one segment file."""

import secrets
from typing import Any, Final

from mailwarden.stores.spool.part import Part
from mailwarden.stores.spool.record import HEADER_SIZE

RECORD_OVERHEAD: Final = 300  # about what a record takes besides header and content


class Segment:
    """Counters of one segment, and what its journal has still to be given."""

    __slots__ = (
        "cut",
        "damaged",
        "journal_size",
        "live",
        "live_bytes",
        "moved",
        "nonce",
        "part",
        "pins",
        "recorded",
        "records",
        "removed",
        "removing",
        "sealed",
        "sequence",
        "size",
        "targets",
        "void",
    )

    def __init__(self, part: Part, sequence: int, nonce: int, size: int) -> None:
        self.part = part
        self.sequence = sequence
        self.nonce = nonce
        self.size = size  # bytes whose messages have entries
        self.live = 0  # messages that are not finished
        self.live_bytes = 0
        self.sealed = False  # nothing is appended to it any more
        self.damaged = False  # keep the file, whatever becomes of its messages
        self.pins = 0  # reasons to keep it even when it is empty
        self.targets: list[
            Segment
        ] = []  # pinned: have copies that must not go before the originals
        self.removing = False  # goes as soon as the journals are synced
        self.removed = False  # the keeper has taken the files away
        self.cut: int | None = None  # offset from which on nothing counts
        self.records: list[tuple[Any, ...]] = []  # for the journal; handed over in this loop turn
        self.moved: list[int] = []  # MIDs of which there is a copy elsewhere that counts
        self.void: list[int] = []  # MIDs whose record here does not count
        self.recorded = 0  # records in the journal
        self.journal_size = HEADER_SIZE  # bytes of the journal when it was found or begun

    @property
    def path(self) -> str:
        """The file of the messages."""
        return self.part.segment_path(self.sequence)

    @property
    def journal_path(self) -> str:
        """The file of what happened to them."""
        return self.part.journal_path(self.sequence)


def random_nonce() -> int:
    """Return what marks the records of a new segment; zero marks what was never written."""
    return secrets.randbits(32) or 1
