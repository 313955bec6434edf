"""The channel between supervisor and worker: JSON packets, with open files.

A SOCK_SEQPACKET pair keeps pieces whole and carries file descriptors: listening sockets, the
shared board, the configuration. Both ends notice at once when the other is gone. A packet goes in
as many pieces as it needs, since the kernel takes none that is larger than its buffer; the first
byte of a piece says whether it is the last one.
"""

import array
import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

PACKET_BYTES_MAX: Final = 64 * 1024 * 1024
PIECE_BYTES: Final = 64 * 1024
BUFFER_BYTES: Final = 10 * PIECE_BYTES
DESCRIPTORS_MAX: Final = 250  # the kernel's SCM_MAX_FD is 253

Packet = dict[str, Any]
OnPacket = Callable[[Packet, list[int]], None]
_MORE: Final = b"+"
_LAST: Final = b"."


def make_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends, not blocking."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    return ours, theirs


class Channel:
    """One end. Packets that the peer does not take at once wait here, in order.

    What is no packet comes as an empty one: whoever gets it decides what to do with such a peer.
    """

    def __init__(
        self, end: socket.socket, on_packet: OnPacket, on_closed: Callable[[], None]
    ) -> None:
        self._socket = end
        self._on_packet = on_packet
        self._on_closed = on_closed
        self._unsent: deque[tuple[bytes, list[int]]] = deque()
        self._pieces = bytearray()  # of a packet that is not whole yet
        self._descriptors: list[int] = []  # that came with them
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end.fileno(), self._readable)
        self._open = True
        self._idle = asyncio.Event()  # nothing waits to be sent

    async def drain(self) -> None:
        """Wait until the peer has taken what was sent, or is gone."""
        if self._unsent and self._open:
            self._idle.clear()
            await self._idle.wait()

    def send(self, packet: Packet, descriptors: Sequence[int] = ()) -> None:
        """Send `packet`; a closed channel swallows it. `descriptors` may be closed at once."""
        if not self._open:
            return
        data = _encode(packet)
        was_idle = not self._unsent
        # The peer may be slow to take them: those that wait here are ours.
        held = [os.dup(descriptor) for descriptor in descriptors]
        last = (len(data) - 1) // PIECE_BYTES
        for number in range(last + 1):
            piece = data[number * PIECE_BYTES : (number + 1) * PIECE_BYTES]
            mark = _LAST if number == last else _MORE
            self._unsent.append((mark + piece, [] if number else held))
        if was_idle:
            self._flush()

    def close(self) -> None:
        """Let go of the socket."""
        if self._open:
            self._open = False
            self._idle.set()
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()
            _close_all(self._descriptors)
            self._descriptors = []
            for _, held in self._unsent:
                _close_all(held)
            self._unsent.clear()

    def read_rest(self) -> None:
        """Read what a peer that is gone has left, down to its end."""
        while self._open and self._read():
            pass

    def _flush(self) -> None:
        while self._unsent:
            data, descriptors = self._unsent[0]
            rights = (
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
                if descriptors
                else []
            )
            try:
                self._socket.sendmsg([data], rights)
            except BlockingIOError:
                self._loop.add_writer(self._socket.fileno(), self._writable)
                return
            except OSError:
                self._gone()
                return
            self._unsent.popleft()
            _close_all(descriptors)
        self._idle.set()

    def _writable(self) -> None:
        self._loop.remove_writer(self._socket.fileno())
        self._flush()

    def _readable(self) -> None:
        self._read()

    def _read(self) -> bool:
        """Take a piece in; False when there is none."""
        room = socket.CMSG_LEN(DESCRIPTORS_MAX * array.array("i").itemsize)
        try:
            data, ancillary, _, _ = self._socket.recvmsg(2 * PIECE_BYTES, room)
        except BlockingIOError:
            return False
        except OSError:
            data, ancillary = b"", []
        if not data:
            self._gone()
            return False
        self._descriptors += _descriptors(ancillary)
        self._pieces += data[1:]
        if data[:1] == _MORE and len(self._pieces) <= PACKET_BYTES_MAX:
            return True
        pieces, self._pieces = self._pieces, bytearray()
        descriptors, self._descriptors = self._descriptors, []
        packet: Packet = {}
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            packet = msgspec.json.decode(pieces, type=Packet)
        self._on_packet(packet, descriptors)
        return True

    def _gone(self) -> None:
        if self._open:
            self.close()
            self._on_closed()


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            whole = len(content) - len(content) % descriptors.itemsize
            descriptors.frombytes(content[:whole])
    return list(descriptors)


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _encode(packet: Packet) -> bytes:
    try:
        return msgspec.json.encode(packet)
    except UnicodeEncodeError:  # a peer's text that was no UTF-8: its bytes are shown as such
        return msgspec.json.encode(_readable(packet))


def _readable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {_readable(name): _readable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(each) for each in value]
    return value
