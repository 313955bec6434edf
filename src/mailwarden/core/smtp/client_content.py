"""Brings content into the form that DATA wants (RFC 5321, 4.5.2)."""

from collections.abc import Iterable, Iterator
from typing import Final

END_OF_DATA: Final = b".\r\n"


def end_with_dot(pieces: Iterable[bytes], *, dotted: bool) -> Iterator[bytes]:
    """Yield `pieces` and then the final dot, on a line of its own.

    With `dotted`, each line that begins with a dot gets a second one; without, the caller knows
    that there is none. Only CRLF ends a line: bare CR and LF are content.
    """
    tail = b"\r\n"  # the last two bytes; an empty message needs no CRLF before the dot
    for piece in pieces:
        if not piece:
            continue
        stuffed = stuff_dots(piece, tail) if dotted else piece
        tail = (tail + piece[-2:])[-2:]
        yield stuffed
    yield END_OF_DATA if tail == b"\r\n" else b"\r\n" + END_OF_DATA


def stuff_dots(piece: bytes, tail: bytes) -> bytes:
    """Return `piece` with its dots doubled; `tail` is the two bytes before it."""
    stuffed = piece.replace(b"\r\n.", b"\r\n..")
    # A line end may lie across the border of two pieces.
    if piece[:1] == b"." and tail == b"\r\n":
        return b"." + stuffed
    if piece[:2] == b"\n." and tail[1:] == b"\r":
        return b"\n." + stuffed[1:]
    return stuffed
