"""The server's end of the console's socket, and the cable from it to a session."""

import asyncio
from typing import Final

from mailwarden.control.remote.console_frames import (
    Frame,
    FrameDecoder,
    Kind,
    encode_frame,
    encode_text,
)

RECENT_BYTES_MAX: Final = 16 * 1024  # of output; shown again to who goes on with a session
RECENT_LINES_MAX: Final = 23
_READ_BYTES: Final = 64 * 1024
_CLOSE_SECONDS: Final = 5.0  # until what the client does not read is thrown away
_LINE_END: Final = b"\r\n"


class Link:
    """A connection. Writing raises OSError once the client is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = FrameDecoder()
        self._frames: list[Frame] = []
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._is_wanting = False

    async def next_frame(self) -> Frame | None:
        """Return the next frame; None when the client has hung up.

        Raises:
            FrameError: what came is none.
        """
        await self._has_room.wait()
        while not self._frames:
            try:
                data = await self._reader.read(_READ_BYTES)
            except OSError:
                return None
            if not data:
                return None
            self._frames.extend(self._decoder.feed(data))
        return self._frames.pop(0)

    def send(self, kind: Kind, data: bytes) -> None:
        """Send octets of any number."""
        self._check()
        self._writer.write(encode_text(kind, data))

    def want(self) -> None:
        """Let the client send input, from the first call on."""
        if not self._is_wanting:
            self._is_wanting = True
            self._check()
            self._writer.write(encode_frame(Kind.WANT))

    def hold(self, is_full: bool) -> None:
        """Take no more frames while `is_full`."""
        if is_full:
            self._has_room.clear()
        else:
            self._has_room.set()

    async def drain(self) -> None:
        """Wait until there is room for more output."""
        self._check()
        await self._writer.drain()

    async def leave(self, status: int) -> None:
        """Tell the client that this is all, and close."""
        if not self._writer.is_closing():
            self._writer.write(encode_frame(Kind.EXIT, bytes([status & 0xFF])))
        await self.close()

    async def close(self) -> None:
        """Close the connection, with what was sent before if the client reads it in time."""
        self._writer.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._writer.wait_closed()
        except OSError:  # TimeoutError is one
            self._writer.transport.abort()

    def _check(self) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError


class Cable:
    """A Sink: what a session writes to, whoever is connected.

    Where the session is kept without anybody (`is_kept`), what it writes is remembered as far as
    it fits on a screen. Else writing raises OSError when nobody is connected.
    """

    def __init__(self, link: Link, *, is_kept: bool) -> None:
        self._link: Link | None = link
        self._is_kept = is_kept
        self._is_full = False
        self._recent = bytearray()
        self.errors: Final = _Errors(self)

    @property
    def link(self) -> Link | None:
        """Who is connected."""
        return self._link

    def write(self, data: bytes) -> None:
        self.send(Kind.OUTPUT, data)

    def send(self, kind: Kind, data: bytes) -> None:
        """Write to either of the outputs."""
        if self._is_kept:
            self._recent += data
            del self._recent[:-RECENT_BYTES_MAX]
        if self._link is not None:
            try:
                self._link.send(kind, data)
            except OSError:
                self._lose()
        elif not self._is_kept:
            raise ConnectionResetError

    async def drain(self) -> None:
        if self._link is not None:
            try:
                await self._link.drain()
            except OSError:
                self._lose()

    def hold(self, is_full: bool) -> None:
        """Take no more input while `is_full`."""
        self._is_full = is_full
        if self._link is not None:
            self._link.hold(is_full)

    def unplug(self) -> None:
        """Go on without anybody."""
        self._link = None

    def plug(self, link: Link, lines: int) -> None:
        """Go on with somebody whose screen has so many lines; 0 is not known."""
        self._link = link
        link.hold(self._is_full)
        count = min(lines - 1, RECENT_LINES_MAX) if lines > 0 else RECENT_LINES_MAX
        lines_kept = bytes(self._recent).split(_LINE_END)
        if len(self._recent) == RECENT_BYTES_MAX:
            del lines_kept[0]  # it may begin in the middle of a sequence
        self._link.send(Kind.OUTPUT, _LINE_END + _LINE_END.join(lines_kept[-max(count, 1) :]))

    def _lose(self) -> None:
        self._link = None
        if not self._is_kept:
            raise ConnectionResetError


class _Errors:
    """A Sink: standard error, where that is not the screen."""

    def __init__(self, cable: Cable) -> None:
        self._cable = cable

    def write(self, data: bytes) -> None:
        self._cable.send(Kind.ERRORS, data)

    async def drain(self) -> None:
        await self._cable.drain()
