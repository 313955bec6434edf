"""How a question gets to a name server and its answer back: UDP, or TCP for long answers.

Each question over UDP has a socket of its own, so that its source port is as hard to guess as its
number, and the kernel lets through only what comes from the server asked (RFC 5452, 9.2).
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, Protocol

from mailwarden.system.dns.servers import Server
from mailwarden.system.dns.wire import UDP_BYTES_MAX, Message, WireError

IGNORED_MAX: Final = 32  # datagrams that answer something else, before the server is given up

Accept = Callable[[bytes], Message | None]


class Transport(Protocol):
    """Carries one question to one server. Whoever calls sets the time limit."""

    async def ask_udp(self, server: Server, query: bytes, accept: Accept) -> Message:
        """Return the first datagram that `accept` takes for the answer.

        Raises:
            OSError: the server cannot be reached.
            WireError: what came was no answer, too often or too long.
        """
        ...

    async def ask_tcp(self, server: Server, query: bytes, accept: Accept) -> Message:
        """Return the answer over a connection; raises as `ask_udp` does."""
        ...


class SocketTransport:
    """Over the network."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    async def ask_udp(self, server: Server, query: bytes, accept: Accept) -> Message:
        """Return the answer in a datagram."""
        bound = socket.socket(server.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            if server.source:
                bound.bind((server.source, 0))
            bound.connect(server.socket_address)
            bound.send(query)
            waiting: asyncio.Future[Message] = self._loop.create_future()
            self._loop.add_reader(bound.fileno(), _Listening(bound, waiting, accept).read)
            try:
                return await waiting
            finally:
                self._loop.remove_reader(bound.fileno())
        finally:
            bound.close()

    async def ask_tcp(self, server: Server, query: bytes, accept: Accept) -> Message:
        """Return the answer over a connection of its own (RFC 7766, 8: length, then message)."""
        connection = socket.socket(server.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            if server.source:
                connection.bind((server.source, 0))
            await self._loop.sock_connect(connection, server.socket_address)
            await self._loop.sock_sendall(connection, len(query).to_bytes(2, "big") + query)
            length = int.from_bytes(await self._read(connection, 2), "big")
            message = accept(await self._read(connection, length))
        finally:
            connection.close()
        if message is None:
            raise WireError("it answered another question")
        return message

    async def _read(self, connection: socket.socket, length: int) -> bytes:
        content = bytearray()
        while len(content) < length:
            part = await self._loop.sock_recv(connection, length - len(content))
            if not part:
                raise ConnectionResetError("it closed the connection")
            content += part
        return bytes(content)


class _Listening:
    """Waits on a socket for the datagram that answers."""

    __slots__ = ("_accept", "_bound", "_ignored", "_waiting")

    def __init__(
        self, bound: socket.socket, waiting: asyncio.Future[Message], accept: Accept
    ) -> None:
        self._bound = bound
        self._waiting = waiting
        self._accept = accept
        self._ignored = 0

    def read(self) -> None:
        """Look at the next datagram; the loop calls again when there are more."""
        if self._waiting.done():
            return
        try:
            datagram = self._bound.recv(UDP_BYTES_MAX + 1)
            if len(datagram) > UDP_BYTES_MAX:
                raise WireError(f"its answer has more than {UDP_BYTES_MAX} bytes")
            message = self._accept(datagram)
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, WireError) as error:  # also the server's host saying: nobody listens
            self._waiting.set_exception(error)
            return
        if message is not None:
            self._waiting.set_result(message)
            return
        self._ignored += 1
        if self._ignored >= IGNORED_MAX:
            self._waiting.set_exception(WireError(f"{IGNORED_MAX} answers to other questions"))
