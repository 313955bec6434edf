"""The channel between supervisor and worker: one JSON packet a message, with open files.

A SOCK_SEQPACKET pair keeps packets whole and carries file descriptors: listening sockets, the
shared board, the configuration. Both ends notice at once when the other is gone.
"""

import array
import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

PACKET_BYTES_MAX: Final = 160 * 1024
DESCRIPTORS_MAX: Final = 250  # the kernel's SCM_MAX_FD is 253

Packet = dict[str, Any]
OnPacket = Callable[[Packet, list[int]], None]


def make_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends, not blocking."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * PACKET_BYTES_MAX)
    return ours, theirs


class Channel:
    """One end. Packets that the peer does not take at once wait here, in order."""

    def __init__(
        self, end: socket.socket, on_packet: OnPacket, on_closed: Callable[[], None]
    ) -> None:
        self._socket = end
        self._on_packet = on_packet
        self._on_closed = on_closed
        self._unsent: list[tuple[bytes, list[int]]] = []
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end.fileno(), self._readable)
        self._open = True

    def send(self, packet: Packet, descriptors: Sequence[int] = ()) -> None:
        """Send `packet`; a closed channel swallows it."""
        if not self._open:
            return
        self._unsent.append((msgspec.json.encode(packet), list(descriptors)))
        if len(self._unsent) == 1:
            self._flush()

    def close(self) -> None:
        """Let go of the socket."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()

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
            self._unsent.pop(0)

    def _writable(self) -> None:
        self._loop.remove_writer(self._socket.fileno())
        self._flush()

    def _readable(self) -> None:
        room = socket.CMSG_LEN(DESCRIPTORS_MAX * array.array("i").itemsize)
        try:
            data, ancillary, _, _ = self._socket.recvmsg(4 * PACKET_BYTES_MAX, room)
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        if not data:
            self._gone()
            return
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                whole = len(content) - len(content) % descriptors.itemsize
                descriptors.frombytes(content[:whole])
        self._on_packet(msgspec.json.decode(data), list(descriptors))

    def _gone(self) -> None:
        if self._open:
            self.close()
            self._on_closed()
