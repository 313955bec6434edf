"""The floor: the least that a mail server in Python does, to see how much of the time is ours.

    python -m mailwarden.app.bench.floor PORT SINK_PORT FOLDER PROCESSES

It takes mail, appends it to a file, syncs, answers 250 and hands it on: what the kernel and the
event loop do for any such server. It is no mail server. It checks nothing, has no limits, no
time-outs, no TLS, no DNS and no log, knows one next hop, tries nothing twice and reads nothing back
after a crash. It shares the gateway's way of working: one protocol object a connection, one write
for the replies to one read, one sync (in a thread) for all messages that wait, connections to the
next hop that are kept, a whole message to it in one write, processes that share the port.
"""

import asyncio
import os
import signal
import sys
import threading
from collections import deque
from queue import SimpleQueue
from typing import Final, NamedTuple, cast

import uvloop

_END: Final = b"\r\n.\r\n"
_OUT_CONNECTIONS_MAX: Final = 50  # of all processes, as the servers that are compared have them
_PIECES_MAX: Final = 1000  # of one writev (IOV_MAX is 1024)
_BACKLOG: Final = 4096
_HEADER: Final = b"Received: from load.test by floor.test with ESMTP\r\n"
_REPLIES: Final = {
    b"EHLO": b"250-floor.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Message(NamedTuple):
    """A message that was taken."""

    client: asyncio.Transport
    sender: bytes  # as it stood in the command, with its brackets; the recipients likewise
    recipients: list[bytes]
    content: bytes  # dots unstuffed


class Spool:
    """A file of messages; a thread writes and syncs all that wait at once."""

    def __init__(self, folder: str, sender: "Sender") -> None:
        self._loop = asyncio.get_running_loop()
        self._file = os.open(f"{folder}/{os.getpid()}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._sender = sender
        self._waiting: list[Message] = []
        self._busy = False
        self._orders: SimpleQueue[tuple[list[Message], bytes]] = SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def put(self, message: Message) -> None:
        """Sync `message`, then answer its client and deliver it."""
        self._waiting.append(message)
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._begin)  # what else this turn of the loop brings goes along

    def _begin(self) -> None:
        batch, self._waiting = self._waiting, []
        self._orders.put((batch, self._sender.take_delivered()))

    def _work(self) -> None:
        while True:
            batch, delivered = self._orders.get()
            pieces = [delivered]
            for message in batch:
                pieces += (message.sender, *message.recipients, _HEADER, message.content)
            for at in range(0, len(pieces), _PIECES_MAX):
                os.writev(self._file, pieces[at : at + _PIECES_MAX])
            os.fdatasync(self._file)
            self._loop.call_soon_threadsafe(self._end, batch)

    def _end(self, batch: list[Message]) -> None:
        if self._waiting:
            self._begin()
        else:
            self._busy = False
        for message in batch:
            message.client.write(b"250 taken\r\n")
            self._sender.send(message)


class Receiver(asyncio.Protocol):
    """One client."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._received = b""
        self._searched = 0  # bytes of content in which there is no end of data
        self._in_content = False
        self._sender, self._recipients = b"", list[bytes]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 floor.test\r\n")

    def data_received(self, data: bytes) -> None:
        """Act on all that is whole, and answer at once."""
        received, replies = self._received + data, b""
        while received:
            end = received.find(*((_END, self._searched) if self._in_content else (b"\r\n",)))
            if end < 0:
                self._searched = max(len(received) - len(_END), 0)
                break
            if self._in_content:
                self._take(received[: end + 2])
                received = received[end + len(_END) :]
            else:
                replies += self._obey(received[:end])
                received = received[end + 2 :]
            self._searched = 0
        self._received = received
        if replies:
            self._transport.write(replies)
        if replies.endswith(_REPLIES[b"QUIT"]):
            self._transport.close()

    def _obey(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"MAIL":
            self._sender, self._recipients = line[10:].partition(b" ")[0], []
        elif verb == b"RCPT":
            self._recipients.append(line[8:])
        self._in_content = verb == b"DATA"
        return _REPLIES.get(verb, b"250 ok\r\n")

    def _take(self, content: bytes) -> None:
        self._in_content = False
        if content.startswith(b".") or b"\r\n." in content:  # RFC 5321, 4.5.2
            content = content[content.startswith(b".") :].replace(b"\r\n.", b"\r\n")
        self._spool.put(Message(self._transport, self._sender, self._recipients, content))


class Sender:
    """The connections to the next hop, and what waits for one."""

    def __init__(self, port: int, connections_max: int) -> None:
        self._port = port
        self._connections_left = connections_max
        self._waiting: deque[Message] = deque()
        self._free: list[Connection] = []
        self._opening: set[asyncio.Task[object]] = set()
        self._delivered: list[bytes] = []

    def send(self, message: Message) -> None:
        """Hand `message` to a connection that is free, or to the next one that is."""
        if self._free:
            self._free.pop().send(message)
            return
        self._waiting.append(message)
        if self._connections_left:
            self._connections_left -= 1
            loop = asyncio.get_running_loop()
            dial = loop.create_connection(lambda: Connection(self), "127.0.0.1", self._port)
            task = loop.create_task(dial)
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def rest(self, connection: "Connection", *, has_delivered: bool = True) -> None:
        """Take `connection` back; that it has delivered is written with the next batch."""
        if has_delivered:
            self._delivered.append(b"delivered\n")
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._free.append(connection)

    def take_delivered(self) -> bytes:
        """Return the record of what was delivered since the last call."""
        taken, self._delivered = self._delivered, []
        return b"".join(taken)


class Connection(asyncio.Protocol):
    """One connection to the next hop."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._received = b""
        self._replies_left = 1  # the greeting
        self._is_ready = self._is_greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the greeting."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, message: Message) -> None:
        """Send all of `message` in one write (RFC 2920, 3030)."""
        to = b"".join([b"RCPT TO:%s\r\n" % recipient for recipient in message.recipients])
        size = len(_HEADER) + len(message.content)
        front = b"MAIL FROM:%s BODY=8BITMIME\r\n%sBDAT %d LAST\r\n" % (message.sender, to, size)
        self._replies_left = 2 + len(message.recipients)
        self._transport.writelines([front, _HEADER, message.content])

    def data_received(self, data: bytes) -> None:
        """Count replies; a refusal ends the process, as nothing here would try again."""
        *lines, self._received = (self._received + data).split(b"\r\n")
        for line in lines:
            if not line.startswith(b"2"):
                raise SystemExit(f"floor: the next hop said {line!r}")
            self._replies_left -= line[3:4] != b"-"
        if self._replies_left:
            return
        if self._is_greeted:
            self._sender.rest(self, has_delivered=self._is_ready)
            self._is_ready = True
        else:
            self._is_greeted, self._replies_left = True, 1
            self._transport.write(b"EHLO floor.test\r\n")


async def _serve(port: int, sink_port: int, folder: str, processes: int) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    spool = Spool(folder, Sender(sink_port, max(_OUT_CONNECTIONS_MAX // processes, 1)))
    await loop.create_server(
        lambda: Receiver(spool), "127.0.0.1", port, reuse_port=True, backlog=_BACKLOG
    )
    await ended.wait()


def main() -> None:
    """Run until SIGTERM."""
    port, sink_port, folder, processes = sys.argv[1:]
    children: list[int] = []
    for _ in range(int(processes) - 1):  # before there is any loop or thread
        if not (child := os.fork()):
            children = []
            break
        children.append(child)
    uvloop.run(_serve(int(port), int(sink_port), folder, int(processes)))
    for child in children:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
