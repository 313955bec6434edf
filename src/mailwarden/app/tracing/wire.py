"""A connection without a network: a session of a listener on one side, a client on the other."""

import asyncio
import ssl
from time import perf_counter
from typing import Final

from mailwarden.app.tracing.report import Exchange
from mailwarden.mailflow.listener.session import Session
from mailwarden.system.crypto.tls_layer import TlsLayer

PIECE_BYTES: Final = 64 * 1024  # of content, handed over at once
CLOSED: Final = 0  # code of an exchange that ended the connection without a reply
_CLIENT_PORT: Final = 49152
_POLL_SECONDS: Final = 0.001


class ClientTlsError(Exception):
    """The client and the session came to no TLS; the message says why."""


class Wire(asyncio.Transport):
    """The session's end: keeps what the session writes, and closes when it wants."""

    def __init__(self, client_address: str) -> None:
        super().__init__({"peername": (client_address, _CLIENT_PORT)})
        self.written: Final = bytearray()
        self.is_reading_now = True
        self.is_closed = False
        self.changed: Final = asyncio.Event()
        self.session: Session | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes from the session."""
        self.written.extend(data)
        self.changed.set()

    def pause_reading(self) -> None:
        """The session has enough for now."""
        self.is_reading_now = False

    def resume_reading(self) -> None:
        """The session goes on."""
        self.is_reading_now = True
        self.changed.set()

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self.is_closed

    def close(self) -> None:
        """End the connection; the session hears of it a moment later, as from a socket."""
        if not self.is_closed:
            self.is_closed = True
            asyncio.get_running_loop().call_soon(self._lost)

    def abort(self) -> None:
        """End the connection."""
        self.close()

    def _lost(self) -> None:
        if self.session is not None:
            self.session.connection_lost(None)
        self.changed.set()


class Client:
    """The client's end: says one thing at a time and waits for the reply."""

    def __init__(self, session: Session, client_address: str) -> None:
        self._session: Final = session
        self._wire: Final = Wire(client_address)
        self._layer: TlsLayer | None = None
        self._clear: Final = bytearray()  # replies that were not yet read
        self.exchanges: Final[list[Exchange]] = []

    @property
    def _has_spoken(self) -> bool:
        return bool(self.exchanges)

    @property
    def is_closed(self) -> bool:
        """Whether the session has ended the connection."""
        return self._wire.is_closed

    async def connect(self, first: bytes = b"", *, is_encrypted: bool = False) -> Exchange:
        """Connect, say `first` (a PROXY header), and wait for the greeting.

        Raises:
            ClientTlsError: TLS comes first, and failed.
        """
        started = perf_counter()
        self._wire.session = self._session
        self._session.connection_made(self._wire)
        if first:
            self._session.data_received(first)
        if is_encrypted:
            while self._session.is_waiting and not self.is_closed:  # noqa: ASYNC110  no event
                await asyncio.sleep(_POLL_SECONDS)  # it says nothing when it is ready
            if not self.is_closed:
                await self.begin_tls()
        return await self._reply("(connects)", started)

    async def say(self, line: str, shown: str = "") -> Exchange:
        """Say one command; `shown` stands in the report instead."""
        started = perf_counter()
        self._send(f"{line}\r\n".encode("utf-8", "surrogateescape"))
        return await self._reply(shown or line, started)

    async def send_content(self, content: bytes) -> Exchange:
        """Send a message, and the dot behind it."""
        started = perf_counter()
        stuffed = content.replace(b"\r\n.", b"\r\n..")
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        if not stuffed.endswith(b"\r\n"):
            stuffed += b"\r\n"
        stuffed += b".\r\n"
        for at in range(0, len(stuffed), PIECE_BYTES):
            while not self._wire.is_reading_now and not self.is_closed:
                await self._pause()
            if self.is_closed:
                break
            self._send(stuffed[at : at + PIECE_BYTES])
            await asyncio.sleep(0)  # others on this loop get their turn
        return await self._reply(f"({len(content)} bytes of content)", started)

    async def begin_tls(self) -> None:
        """Do the client's part of a handshake.

        Raises:
            ClientTlsError: it failed.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        layer = TlsLayer(context, server_side=False)
        self._session.data_received(layer.begin())
        try:
            while True:
                data, clear, out = self._take(), b"", b""
                if data:
                    clear, out = layer.feed(data)
                self._clear.extend(clear)
                if out:
                    self._session.data_received(out)
                elif layer.is_established and self._session.cipher:
                    break
                elif self.is_closed:
                    raise ClientTlsError("the session closed the connection")
                elif not data:
                    await self._pause()
        except ssl.SSLError as error:
            raise ClientTlsError(error.reason or "TLS failed") from error
        self._layer = layer

    async def leave(self) -> None:
        """End the connection, if it is open."""
        if not self.is_closed and not self._session.is_waiting and self._has_spoken:
            await self.say("QUIT")
            self.exchanges.pop()
        if not self.is_closed:
            self._wire.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _send(self, data: bytes) -> None:
        if self._layer is not None:
            data = self._layer.encrypt(data)
        if not self.is_closed:
            self._session.data_received(data)

    def _take(self) -> bytes:
        data = bytes(self._wire.written)
        self._wire.written.clear()
        return data

    async def _pause(self) -> None:
        """Wait until the session does something."""
        await self._wire.changed.wait()
        self._wire.changed.clear()

    async def _reply(self, said: str, started: float) -> Exchange:
        while (lines := self._whole_reply()) is None:
            if self.is_closed and not self._wire.written:
                break
            if not self._wire.written:
                await self._pause()
            self._read()
        code = int(lines[0][:3]) if lines else CLOSED
        texts = tuple(line[4:] for line in lines or ())
        made = Exchange(said, code, texts, (perf_counter() - started) * 1e6)
        self.exchanges.append(made)
        return made

    def _read(self) -> None:
        data = self._take()
        if self._layer is not None and data:
            data, _ = self._layer.feed(data)
        self._clear.extend(data)

    def _whole_reply(self) -> list[str] | None:
        """Take a reply out of what came; None while it is not all there."""
        self._read()
        lines: list[str] = []
        at = 0
        while (end := self._clear.find(b"\r\n", at)) >= 0:
            line = bytes(self._clear[at:end]).decode("utf-8", "surrogateescape")
            at = end + 2
            lines.append(line)
            if line[3:4] != "-":
                del self._clear[:at]
                return lines
        return None
