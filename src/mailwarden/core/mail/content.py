"""A message's content as it will leave: header and body, CRLF line ends, not dot-stuffed."""

from collections.abc import Iterator
from typing import Final, Protocol


class Content(Protocol):
    """Bytes of a message, in memory or on disk. Never changed once made.

    `dotted` says whether a line begins with a dot, so that DATA must stuff it (RFC 5321, 4.5.2);
    it may be True without need, never False wrongly.
    """

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def dotted(self) -> bool:
        """Whether DATA must look for dots to stuff."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in pieces of bounded size. May read the disk."""
        ...

    def read(self, limit: int = -1) -> bytes:
        """Return the first `limit` bytes, or all. May read the disk."""
        ...


class InlineContent:
    """Content that is held in memory."""

    __slots__ = ("data", "dotted")

    def __init__(self, data: bytes, *, dotted: bool = True) -> None:
        self.data: Final = data
        self.dotted: Final = dotted

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        """Yield the content whole."""
        yield self.data

    def read(self, limit: int = -1) -> bytes:
        """Return the first `limit` bytes, or all."""
        return self.data if limit < 0 else self.data[:limit]
