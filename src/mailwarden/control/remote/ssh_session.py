"""A session over SSH: the prompt, one command, or files."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, cast

import asyncssh
from asyncssh.channel import SSHChannel

from mailwarden.control.dialogue.session import FAILED
from mailwarden.control.dialogue.terminal import ClosedError, Size
from mailwarden.control.dialogue.text import neutralise
from mailwarden.control.remote.file_area import FileArea
from mailwarden.control.remote.file_folder import Folder
from mailwarden.control.remote.greeting import greeting
from mailwarden.control.remote.key_terminal import KeyTerminal
from mailwarden.control.remote.pipe_terminal import PipeTerminal
from mailwarden.control.remote.session_host import (
    Access,
    AccessEvent,
    Opened,
    Origin,
    SessionHost,
)
from mailwarden.control.remote.sessions import Seat, Sessions, TooManySessionsError
from mailwarden.control.remote.ssh_connection import Connection
from mailwarden.control.remote.watched_terminal import WatchedTerminal
from mailwarden.services.accounts.answers import Admitted

GRACE_SECONDS: Final = 5.0  # for work that does not notice that its terminal is closed
_SFTP: Final = "sftp"
_SFTP_VERSION: Final = 3
_INTERRUPT: Final = "INT"  # RFC 4254, 6.10
_SIZE_MAX: Final = 10_000  # columns or lines; what is more is no screen


class Company(NamedTuple):
    """Who has the session, and what it works with."""

    admitted: Admitted
    origin: Origin
    host: SessionHost
    sessions: Sessions
    folders: Mapping[str, Folder]  # those that this user may use
    left: Callable[[int], None]  # called when the session is over, with what was not committed


class ChannelSink:
    """Sends bytes on a channel; as asked for by `StreamTerminal` and `KeyTerminal`."""

    def __init__(self, session: "AdminSession", kind: int | None = None) -> None:
        self._session = session
        self._kind = kind

    def write(self, data: bytes) -> None:
        """Send; raises OSError when the client is gone."""
        self._session.send(data, self._kind)

    async def drain(self) -> None:
        """Wait until client and network have taken enough; raises as `write`."""
        await self._session.wait_room()
        self._session.check_open()


class AdminSession(asyncssh.SSHServerProcess[bytes]):
    """One channel. SFTP and SCP are asyncssh's, on our `FileArea`."""

    def __init__(self, company: Company, connection: Connection) -> None:
        super().__init__(
            self._serve, self._open_files if company.folders else None, _SFTP_VERSION,
            allow_scp=True,
        )  # fmt: skip
        self._company = company
        self._connection = connection
        self._own: asyncssh.SSHServerChannel[bytes] | None = None
        self._terminal: KeyTerminal | PipeTerminal | None = None
        self._screen: Size | None = None
        self._seat: Seat | None = None
        self._opened: Opened | None = None
        self._task: asyncio.Task[object] | None = None
        self._end_reason = ""
        self._has_left = False
        self._room = asyncio.Event()  # in the window that the client has given
        self._room.set()

    def connection_made(self, chan: SSHChannel[Any]) -> None:
        self._own = cast("asyncssh.SSHServerChannel[bytes]", chan)
        super().connection_made(chan)

    def connection_lost(self, exc: Exception | None) -> None:
        self._own = None
        self._room.set()
        if self._terminal is not None:
            self._stop()
        else:  # files, or nothing was asked for
            self._leave(0)
        super().connection_lost(exc)

    def pty_requested(self, _term: str, size: tuple[int, int, int, int], _modes: object) -> bool:
        self._screen = _size(size[0], size[1])
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        return self._enter_files() if self._is_copy(command) else True

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == _SFTP and bool(self._company.folders) and self._enter_files()

    def session_started(self) -> None:
        assert self._own is not None
        if self._own.get_subsystem() != _SFTP and not self._is_copy(self.command or ""):
            self._terminal = self._make_terminal(self._own)
        super().session_started()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self._seat is not None:
            self._seat.touch()
        if self._terminal is not None:
            self._terminal.feed(data)
        else:
            super().data_received(data, datatype)

    def eof_received(self) -> bool:
        if self._terminal is None:
            return bool(super().eof_received())
        self._terminal.end()
        return True  # what is shown goes on

    def pause_writing(self) -> None:
        self._room.clear()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._room.set()
        super().resume_writing()

    def terminal_size_changed(
        self, width: int, height: int, _pixwidth: int, _pixheight: int
    ) -> None:
        if self._terminal is not None:
            self._terminal.resize(_size(width, height))

    def signal_received(self, signal: str) -> None:
        if signal == _INTERRUPT and self._terminal is not None:
            self._terminal.interrupt()

    def break_received(self, _msec: int) -> bool:
        if self._terminal is not None:
            self._terminal.interrupt()
        return True

    def send(self, data: bytes, kind: int | None) -> None:
        """Send bytes, as standard error if `kind` says so; raises OSError."""
        self.check_open()
        assert self._own is not None
        self._own.write(data, kind)

    async def wait_room(self) -> None:
        """Wait until client and network have taken enough, or are gone."""
        await self._room.wait()
        await self._connection.writable.wait()

    def check_open(self) -> None:
        """Raise OSError if nothing can be sent any more."""
        if self._own is None or self._own.is_closing():
            raise ConnectionResetError

    async def _serve(self, _process: object) -> None:
        """Do what a shell or a command is for, and say how it ended."""
        self._task = asyncio.current_task()
        assert self._terminal is not None
        status = FAILED
        try:
            status = await self._talk(self._terminal)
        finally:
            discarded = self._pending_changes()
            if self._opened is not None:
                self._opened.close()
            self._leave(discarded)
            if self._own is not None:
                self._own.exit(status)

    async def _talk(self, terminal: KeyTerminal | PipeTerminal) -> int:
        company, command = self._company, self.command
        try:
            seat = self._enter()
        except TooManySessionsError as error:
            terminal.write_error(f"{error}\n")
            return FAILED
        self._opened = company.host.open_session(
            company.admitted,
            company.origin,
            WatchedTerminal(terminal, self._tell),
            seat.number,
        )
        session = self._opened.session
        try:
            if command is not None:
                return await session.run_once(command)
            if terminal.is_interactive:
                self._greet(terminal, seat.number)
            return await session.run()
        except ClosedError:
            return FAILED

    def _greet(self, terminal: KeyTerminal | PipeTerminal, number: int) -> None:
        company = self._company
        changes = company.sessions.changes_elsewhere(number)
        for line in greeting(company.admitted, company.host.product(), changes):
            terminal.write(f"{neutralise(line)}\n")

    def _enter(self) -> Seat:
        company = self._company
        self._seat = company.sessions.enter(
            company.admitted, company.origin, self._pending_changes, self._end
        )
        return self._seat

    def _enter_files(self) -> bool:
        try:
            self._enter()
        except TooManySessionsError:
            return False
        return True

    def _leave(self, discarded: int) -> None:
        if self._has_left:
            return
        self._has_left = True
        company = self._company
        if self._seat is not None:
            company.sessions.leave(self._seat)
        if not self._end_reason:
            company.left(discarded)
            return
        user, origin = company.admitted.user, company.origin
        company.host.record(AccessEvent(Access.ENDED, user, origin, self._end_reason, discarded))
        company.left(0)

    def _tell(self, begins: bool) -> None:
        if self._seat is not None:
            self._seat.wait(begins=begins)

    def _end(self, reason: str) -> None:
        """End the session from outside, and tell whoever is there."""
        self._end_reason = reason
        if self._terminal is None:
            if self._own is not None:
                self._own.close()
            return
        pending = self._pending_changes()
        lost = f" Changes lost: {pending}." if pending else ""
        with suppress(ClosedError):
            self._terminal.write_error(f"\n{reason}{lost}\n")
        self._stop()

    def _stop(self) -> None:
        if self._terminal is not None:
            self._terminal.close()
        if self._task is not None and not self._task.done():
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._task.cancel)

    def _pending_changes(self) -> int:
        return self._opened.pending_changes() if self._opened is not None else 0

    def _open_files(self, chan: SSHChannel[bytes]) -> FileArea:
        return FileArea(chan, self._company.folders, self.wait_room)

    def _is_copy(self, command: str) -> bool:
        return bool(self._company.folders) and command.startswith("scp ")

    def _make_terminal(
        self, chan: "asyncssh.SSHServerChannel[bytes]"
    ) -> KeyTerminal | PipeTerminal:
        output = ChannelSink(self)

        def hold(is_full: bool) -> None:
            if self._own is not None:
                chan.pause_reading() if is_full else chan.resume_reading()

        if self._screen is not None:
            return KeyTerminal(output, self._screen, hold)
        errors = ChannelSink(self, asyncssh.EXTENDED_DATA_STDERR)
        return PipeTerminal(output, errors, hold)


def _size(columns: int, lines: int) -> Size:
    return Size(min(columns, _SIZE_MAX), min(lines, _SIZE_MAX))
