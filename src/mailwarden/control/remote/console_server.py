"""The local way to the command line: sessions for whoever opens the console's socket.

Only root and the owner of the folder are let in, by what the kernel says of them. At a tty they
may be a line at which anybody sits: then user and password are asked for. No access list applies.
"""

import asyncio
import socket
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, cast

from mailwarden.control.dialogue.session import FAILED
from mailwarden.control.dialogue.terminal import ClosedError, EndOfTextError, InterruptError
from mailwarden.control.remote.console_frames import (
    SOCKET_NAME,
    Frame,
    FrameError,
    Hello,
    Kind,
    Mode,
    parse_hello,
    parse_size,
)
from mailwarden.control.remote.console_link import Cable, Link
from mailwarden.control.remote.console_login import Door, choose_seat, log_in
from mailwarden.control.remote.console_session import HUNG_UP, ConsoleSession, FedTerminal
from mailwarden.control.remote.key_terminal import KeyTerminal
from mailwarden.control.remote.line_terminal import LineTerminal
from mailwarden.control.remote.password_change import ChangesPasswords, change_first
from mailwarden.control.remote.pipe_terminal import PipeTerminal
from mailwarden.control.remote.session_host import Access, AccessEvent, Origin, SessionHost
from mailwarden.control.remote.sessions import Sessions, TooManySessionsError
from mailwarden.core.access.account import Channel
from mailwarden.core.access.roles import ADMIN
from mailwarden.services.accounts.answers import Admitted, Refused
from mailwarden.services.accounts.store import AccountStoreError
from mailwarden.system.net.unix_socket import listen_unix, peer_of

CONNECTIONS_MAX: Final = 128
HELLO_SECONDS: Final = 10.0
STOP_SECONDS: Final = 5.0
STOPPING: Final = "The session has ended, as the gateway's administration stops."
_ROOT: Final = 0


class TrustingDoor(Door, Protocol):
    """Who gets in, also without a password."""

    def by_trust(self, user: str = ADMIN, /) -> Admitted | Refused:
        """Let somebody in for whom the operating system vouches; raises AccountStoreError."""
        ...


class ConsoleParts(NamedTuple):
    """What the console works with."""

    host: SessionHost
    door: TrustingDoor
    passwords: ChangesPasswords
    sessions: Sessions


class ConsoleServer:
    """Listens on SOCKET_NAME in `folder`."""

    def __init__(self, folder: Path, parts: ConsoleParts) -> None:
        self._folder = folder
        self._parts = parts
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._living: dict[int, ConsoleSession] = {}

    async def start(self) -> None:
        """Listen; raises OSError when that is not possible."""
        listening = listen_unix(self._folder, SOCKET_NAME)
        self._server = await asyncio.start_unix_server(self._accept, sock=listening)

    async def close(self) -> None:
        """Stop listening, and end all sessions."""
        if self._server is not None:
            self._server.close()
            (self._folder / SOCKET_NAME).unlink(missing_ok=True)
        for number in list(self._living):
            self._parts.sessions.end(number, STOPPING)
        running = {session.task for session in self._living.values()}
        if running:
            await asyncio.wait(running, timeout=STOP_SECONDS)
        for task in (*running, *self._tasks):
            task.cancel()
        await asyncio.gather(*running, *self._tasks, return_exceptions=True)

    def find(self, number: int) -> ConsoleSession | None:
        """Return one of the living sessions."""
        return self._living.get(number)

    def keep(self, session: ConsoleSession) -> None:
        """Look after a session while it lives."""
        self._living[session.number] = session

        def forget(task: asyncio.Task[Any]) -> None:
            del self._living[session.number]
            _report(task)

        session.task.add_done_callback(forget)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= CONNECTIONS_MAX:
            writer.close()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_report)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        try:
            peer = peer_of(cast("socket.socket", writer.get_extra_info("socket")))
            if peer.user not in (_ROOT, self._folder.stat().st_uid):
                event = AccessEvent(Access.REFUSED, "", _origin(""), f"user id {peer.user}")
                self._parts.host.record(event)
                return
            async with asyncio.timeout(HELLO_SECONDS):
                frame = await link.next_frame()
            if frame is not None:
                await _Connection(self, self._parts, link, parse_hello(frame)).serve()
        except (FrameError, OSError):  # TimeoutError is one
            pass  # whoever that was, it is not our client
        finally:
            await link.close()


class _Connection:
    """One client's visit: reads what comes, for whoever is to get it at the time."""

    def __init__(
        self, server: ConsoleServer, parts: ConsoleParts, link: Link, hello: Hello
    ) -> None:
        self._server = server
        self._parts = parts
        self._link = link
        self._hello = hello
        self._origin = _origin(hello.device)
        self._size = hello.size
        self._cable = Cable(link, is_kept=hello.mode is Mode.LOGIN)
        self._terminal: FedTerminal = self._make_terminal()
        self._session: ConsoleSession | None = None

    async def serve(self) -> None:
        """Serve up to the end of the session, or of the connection."""
        pump = asyncio.create_task(self._pump())
        try:
            if self._hello.mode is Mode.LOGIN:
                await self._serve_login(pump)
            else:
                await self._serve_trusted(pump)
        except (ClosedError, EndOfTextError):
            pass  # hung up before there was a session
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _serve_login(self, pump: "asyncio.Task[None]") -> None:
        if not self._hello.is_terminal:
            await self._refuse("The console needs a terminal.")
            return
        self._link.want()
        while self._session is None:
            await self._log_in()
        if not await self._is_over(self._session, pump):
            self._session.detach()

    async def _log_in(self) -> None:
        """Bring whoever is there to a session, or fail to."""
        parts, terminal = self._parts, self._terminal
        signed_in = await log_in(terminal, parts.host, parts.door, self._origin)
        try:
            admitted = await change_first(terminal, signed_in, parts.passwords)
            if admitted is None:
                return
            while seats := parts.sessions.detached(admitted.user):
                seat = await choose_seat(terminal, seats)
                if seat is None:
                    break
                if seat in parts.sessions.detached(admitted.user):
                    self._go_on(seat.number, admitted)
                    return
                terminal.write("That session is not there any more.\n")
            self._session = self._begin(admitted)
        except (InterruptError, EndOfTextError):
            terminal.write("\n")
        except (TooManySessionsError, AccountStoreError) as error:
            terminal.write(f"{error}\n")

    def _go_on(self, number: int, admitted: Admitted) -> None:
        session = self._server.find(number)
        if session is not None:
            session.attach(self._link, self._size, admitted, self._origin)
            self._session = session

    async def _serve_trusted(self, pump: "asyncio.Task[None]") -> None:
        if self._hello.line is None:
            self._link.want()
        try:
            admitted = self._parts.door.by_trust(self._hello.user or ADMIN)
            if isinstance(admitted, Refused):
                detail = admitted.reason.value
                event = AccessEvent(Access.REFUSED, self._hello.user, self._origin, detail)
                self._parts.host.record(event)
                await self._refuse(admitted.message)
                return
            self._session = self._begin(admitted)
        except (TooManySessionsError, AccountStoreError) as error:
            await self._refuse(str(error))
            return
        if not await self._is_over(self._session, pump):
            self._session.stop(HUNG_UP)

    def _begin(self, admitted: Admitted) -> ConsoleSession:
        session = ConsoleSession(
            self._parts.host, self._parts.sessions, admitted, self._origin,
            self._terminal, self._cable, self._hello.line,
        )  # fmt: skip
        self._server.keep(session)
        return session

    async def _is_over(self, session: ConsoleSession, pump: "asyncio.Task[None]") -> bool:
        """Return whether the session has ended, rather than the connection."""
        await asyncio.wait({session.task, pump}, return_when=asyncio.FIRST_COMPLETED)
        if not session.task.done():
            return False
        await self._link.leave(session.status)
        return True

    async def _refuse(self, text: str) -> None:
        self._link.send(Kind.ERRORS, f"{text}\n".encode())
        await self._link.leave(FAILED)

    async def _pump(self) -> None:
        try:
            while (frame := await self._link.next_frame()) is not None:
                self._take(frame)
        except FrameError:
            pass  # as if it had hung up
        if self._session is None:
            self._terminal.close()

    def _take(self, frame: Frame) -> None:
        terminal = self._session.terminal if self._session is not None else self._terminal
        match frame.kind:
            case Kind.INPUT if self._session is not None:
                self._session.feed(frame.payload)
            case Kind.INPUT:
                terminal.feed(frame.payload)
            case Kind.SIZE:
                self._size = parse_size(frame.payload)
                terminal.resize(self._size)
            case Kind.END:
                terminal.end()
            case _:
                raise FrameError(f"{frame.kind.name} is not for us")

    def _make_terminal(self) -> FedTerminal:
        cable = self._cable
        if not self._hello.is_terminal:
            return PipeTerminal(cable, cable.errors, cable.hold)
        if self._hello.line is not None:
            return LineTerminal(cable, cable.errors, self._size, cable.hold)
        return KeyTerminal(cable, self._size, cable.hold)


def _origin(device: str) -> Origin:
    return Origin(Channel.CONSOLE, "", device)


def _report(task: "asyncio.Task[Any]") -> None:
    """Hand an error of ours to whoever logs those; other sessions go on."""
    if not task.cancelled() and (error := task.exception()) is not None:
        task.get_loop().call_exception_handler(
            {"message": "a session at the console failed", "exception": error, "task": task}
        )
