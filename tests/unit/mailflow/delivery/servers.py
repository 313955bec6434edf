"""A mail server that behaves as a test scripts it, on 127.0.0.1."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

ALL = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 10000000")


class Act(Enum):
    """What a server may do instead of answering."""

    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


Answer = str | bytes | Act  # bytes go out as they are


@dataclass(eq=False)
class Received:
    """A message that the server took."""

    connection: int
    sender: str
    recipients: list[str]
    content: bytes
    mail: str  # the whole command
    rcpts: list[str]
    is_encrypted: bool


@dataclass(eq=False)
class Server:
    """`answers` lists for a command what is answered to the first, second, ... of its kind.

    Keys are verbs, `GREETING`, `END` (of DATA) and `LAST` (of BDAT). What is not listed, or when
    the list is used up and `repeat` is off, is answered as by a friendly server.
    """

    offers: Sequence[str] = ALL
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    repeat: bool = False  # the last answer of each list for ever
    address: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    port: int = 0
    commands: list[str] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    reads: list[bytes] = field(default_factory=list)
    connections: int = 0
    open_connections: int = 0

    async def start(self) -> "Server":
        self._server = await asyncio.start_server(
            self._serve, self.address, self.port, limit=1 << 20
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._tasks: set[asyncio.Task[None]] = set()
        RUNNING.add(self)
        return self

    async def stop(self) -> None:
        RUNNING.discard(self)
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        self.open_connections += 1
        try:
            await Session(self, reader, writer, self.connections).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self.open_connections -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    def answer(self, kind: str, friendly: str) -> Answer:
        scripted = self.answers.get(kind)
        if not scripted:
            return friendly
        if self.repeat and len(scripted) == 1:
            return scripted[0]
        return scripted.pop(0)


RUNNING: set["Server"] = set()


async def stop_all() -> None:
    """Stop what a failed test has left running."""
    for server in list(RUNNING):
        await server.stop()


class EndedError(Exception):
    """The session is over."""


class Session:
    def __init__(self, server, reader, writer, number) -> None:
        self.server, self.reader, self.writer, self.number = server, reader, writer, number
        self.is_encrypted = False
        self.clear()

    def clear(self) -> None:
        self.mail = ""
        self.rcpts: list[str] = []
        self.chunks: list[bytes] = []

    async def run(self) -> None:
        try:
            await self.say("GREETING", "220 fake.example ESMTP")
            while line := await self.reader.readline():
                text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
                self.server.commands.append(text)
                await self.command(text)
        except EndedError:
            return

    async def say(self, kind: str, friendly: str) -> bool:
        """Answer; return whether it was 2yz or 3yz."""
        answer = self.server.answer(kind, friendly)
        if answer is Act.HANG:
            await asyncio.sleep(3600)
        if answer is Act.RESET:
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if isinstance(answer, Act):
            raise EndedError
        data = answer if isinstance(answer, bytes) else f"{answer}\r\n".encode()
        self.writer.write(data)
        await self.writer.drain()
        if data.startswith(b"421"):
            raise EndedError
        return data[:1] in b"23"

    async def command(self, text: str) -> None:
        verb = text.partition(" ")[0].upper()
        match verb:
            case "EHLO":
                offers = [o for o in self.server.offers if o != "STARTTLS" or not self.is_encrypted]
                lines = ["fake.example", *offers]
                shown = [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]
                await self.say(verb, "\r\n".join(shown))
            case "MAIL":
                if await self.say(verb, "250 2.1.0 ok"):
                    self.mail = text
            case "RCPT":
                friendly = "250 2.1.5 ok" if self.mail else "503 MAIL first"
                if await self.say(verb, friendly):
                    self.rcpts.append(text)
            case "DATA":
                await self.data()
            case "BDAT":
                await self.bdat(text)
            case "RSET":
                self.clear()
                await self.say(verb, "250 reset")
            case "STARTTLS":
                if await self.say(verb, "220 go ahead") and self.server.tls is not None:
                    await self.writer.start_tls(self.server.tls)
                    self.is_encrypted = True
            case "QUIT":
                await self.say(verb, "221 bye")
                raise EndedError
            case _:
                await self.say(verb, "250 ok")

    async def data(self) -> None:
        friendly = "354 go ahead" if self.rcpts else "554 no valid recipients"
        if not await self.say("DATA", friendly):
            return
        lines: list[bytes] = []
        while (line := await self.reader.readline()) != b".\r\n":
            if not line:
                raise EndedError
            lines.append(line[1:] if line.startswith(b".") else line)
        self.chunks = lines
        await self.end("END")

    async def bdat(self, text: str) -> None:
        size = int(text.split(" ")[1])
        self.chunks.append(await self.reader.readexactly(size))
        if "LAST" in text:
            await self.end("LAST")
        else:
            await self.say("BDAT", "250 chunk ok")

    async def end(self, kind: str) -> None:
        if not self.rcpts:
            await self.say(kind, "554 no valid recipients")
            self.clear()
            return
        message = Received(
            self.number,
            self.mail.partition("<")[2].partition(">")[0],
            [rcpt.partition("<")[2].partition(">")[0] for rcpt in self.rcpts],
            b"".join(self.chunks),
            self.mail,
            self.rcpts,
            self.is_encrypted,
        )
        self.clear()
        # It counts as received even when the reply never comes: that is how duplicates show.
        self.server.received.append(message)
        if not await self.say(kind, "250 2.0.0 Ok: queued as 8F2C"):
            self.server.received.remove(message)
