"""What the event loop calls of whoever handles a connection.

The handlers do not inherit from `asyncio.Protocol`: a compiled class with an interpreted base
looks up each of its attributes in a dictionary, which is what compiling is to avoid.
"""

import asyncio
from typing import Protocol, cast


class StreamHandler(Protocol):
    """The callbacks of `asyncio.Protocol`, all of which the loop may call."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a fresh connection."""
        ...

    def data_received(self, data: bytes) -> None:
        """Take bytes from the wire."""
        ...

    def eof_received(self) -> bool | None:
        """Take it that the peer sends no more; true keeps the other direction open."""
        ...

    def connection_lost(self, exc: Exception | None) -> None:
        """Take it that the connection is gone."""
        ...

    def pause_writing(self) -> None:
        """Write no more for now: the peer does not read."""
        ...

    def resume_writing(self) -> None:
        """Write on."""
        ...


def as_protocol(handler: StreamHandler) -> asyncio.Protocol:
    """Return `handler` as what the signatures of asyncio ask for."""
    return cast("asyncio.Protocol", handler)
