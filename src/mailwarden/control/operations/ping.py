"""Asks a host for an echo (RFC 792, RFC 4443), without rights: the kernel does what needs any.

Linux lets groups in `net.ipv4.ping_group_range` have such sockets, for IPv6 as well. It puts its
own number of the socket into each question, and hands over only answers with it.
"""

import asyncio
import os
import socket
import struct
import time
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.lookups import addresses_of

WAIT_SECONDS: Final = 5.0  # for an answer
PAUSE_SECONDS: Final = 1.0  # between two questions
PAYLOAD: Final = bytes(range(56))
ANSWER_BYTES: Final = 2048
_ECHO: Final = struct.Struct("!BBHHH")  # type, code, checksum, number of the socket, sequence
_FAMILIES: Final = {
    socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0),
    socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129),
}


class Echo(NamedTuple):
    """What came of one question; no `seconds` means that no answer came."""

    address: str
    sequence: int
    size: int = 0  # bytes of the answer
    seconds: float | None = None
    error: str = ""


async def ping(desk: Desk, host: str, count: int) -> AsyncIterator[Echo]:
    """Yield what comes of `count` questions, of any number where that is 0.

    Raises:
        RefusedOperationError: the host has no address, or the system lets nobody ask.
    """
    desk.require("ping")
    address = (await addresses_of(desk, "ping", host))[0]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        asking = open_socket(family)
    except PermissionError as error:
        raise RefusedOperationError(
            "The system does not let the gateway ping: the group that its administration runs as "
            "is not in net.ipv4.ping_group_range."
        ) from error
    except OSError as error:
        raise RefusedOperationError(f"The system cannot ping: {error.strerror}") from error
    with asking:
        try:
            asking.connect((address, 0))
        except OSError as error:
            raise RefusedOperationError(f"{address}: {error.strerror}") from error
        sequence = 0
        while not count or sequence < count:
            if sequence:
                await asyncio.sleep(PAUSE_SECONDS)
            yield await _ask(asking, family, address, sequence & 0xFFFF)
            sequence += 1


def open_socket(family: int) -> socket.socket:
    """Return a socket for echoes; raises OSError."""
    protocol, _, _ = _FAMILIES[socket.AddressFamily(family)]
    return socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol)


async def _ask(asking: socket.socket, family: int, address: str, sequence: int) -> Echo:
    loop = asyncio.get_running_loop()
    _, question, wanted = _FAMILIES[socket.AddressFamily(family)]
    mark = os.urandom(8)  # an answer to what was asked before is none
    packet = _ECHO.pack(question, 0, 0, 0, sequence) + mark + PAYLOAD[len(mark) :]
    began = time.monotonic()
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await loop.sock_sendall(asking, packet)
            while True:
                answer = await loop.sock_recv(asking, ANSWER_BYTES)
                seconds = time.monotonic() - began
                if is_answer(answer, wanted, sequence, mark):
                    return Echo(address, sequence, len(answer), seconds)
    except TimeoutError:
        return Echo(address, sequence, error="no answer")
    except OSError as error:
        return Echo(address, sequence, error=error.strerror or str(error))


def is_answer(packet: bytes, kind: int, sequence: int, mark: bytes) -> bool:
    """Tell whether a packet, which is without an IP header, answers a question."""
    if len(packet) < _ECHO.size + len(mark):
        return False
    found, code, _, _, number = _ECHO.unpack_from(packet)
    return (found, code, number) == (kind, 0, sequence) and packet[_ECHO.size :].startswith(mark)
