"""Finds header fields for the log."""

from collections.abc import Sequence
from typing import Final

from mailwarden.stores.spool.spool import Stored

SEARCHED_BYTES_MAX: Final = 64 * 1024
VALUE_LENGTH_MAX: Final = 200
MISSING: Final = "None"


def header_values(stored: Stored, names: Sequence[str]) -> Sequence[tuple[str, str]]:
    """Return each name with the value of the first such field, unfolded; `None` where missing."""
    head = stored.header + stored.content.read(SEARCHED_BYTES_MAX)
    head = b"\r\n" + head.partition(b"\r\n\r\n")[0] + b"\r\n"
    lowered = head.lower()
    return [(name, _value(head, lowered, name)) for name in names]


def _value(head: bytes, lowered: bytes, name: str) -> str:
    mark = f"\r\n{name.lower()}:".encode("utf-8", "replace")
    start = lowered.find(mark)
    if start < 0:
        return MISSING
    start += len(mark)
    end = head.find(b"\r\n", start)
    while head[end + 2 : end + 3] in (b" ", b"\t") and end >= 0:  # RFC 5322, 2.2.3: folded
        end = head.find(b"\r\n", end + 2)
    value = b" ".join(head[start:end].split())
    return value.decode("utf-8", "replace")[:VALUE_LENGTH_MAX]
