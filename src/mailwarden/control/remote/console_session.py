"""A session at the machine, which may outlive the connection that it began on."""

import asyncio
from contextlib import suppress
from typing import Final, Protocol

from mailwarden.control.dialogue.session import FAILED
from mailwarden.control.dialogue.terminal import ClosedError, Size, Terminal
from mailwarden.control.remote.console_link import Cable, Link
from mailwarden.control.remote.greeting import greeting
from mailwarden.control.remote.session_host import Access, AccessEvent, Opened, Origin, SessionHost
from mailwarden.control.remote.sessions import Sessions
from mailwarden.control.remote.watched_terminal import WatchedTerminal
from mailwarden.services.accounts.answers import Admitted

GRACE_SECONDS: Final = 5.0  # for work that does not notice that its terminal is closed
HUNG_UP: Final = "the client went away"


class FedTerminal(Terminal, Protocol):
    """A Terminal whose other end is a stream that somebody else reads."""

    def feed(self, data: bytes) -> None:
        """Take input."""
        ...

    def end(self) -> None:
        """Note that the input is at its end."""
        ...

    def close(self) -> None:
        """Note that the other side is gone."""
        ...

    def resize(self, size: Size) -> None:
        """Go on with another size of the screen."""
        ...


class ConsoleSession:
    """A session and the task that runs it. `line` is what to carry out instead of a dialogue.

    Raises:
        TooManySessionsError: there is no place for it.
    """

    def __init__(
        self, host: SessionHost, sessions: Sessions, admitted: Admitted, origin: Origin,
        terminal: FedTerminal, cable: Cable, line: str | None = None,
    ) -> None:  # fmt: skip
        self.terminal: Final = terminal
        self.cable: Final = cable
        self._host = host
        self._sessions = sessions
        self._opened: Opened | None = None
        self._reason = ""  # for which it ends, if not by itself
        self._seat = sessions.enter(admitted, origin, self._pending_changes, self._end)
        try:
            self._opened = host.open_session(
                admitted, origin, WatchedTerminal(terminal, self._tell), self._seat.number
            )
        except BaseException:
            sessions.leave(self._seat)
            raise
        self._record(Access.ADMITTED, detail=admitted.detail)
        self.task: Final = asyncio.create_task(self._run(self._opened, line))

    @property
    def number(self) -> int:
        """Of its place among the living sessions."""
        return self._seat.number

    @property
    def status(self) -> int:
        """How it ended; asked when it has."""
        is_whole = not self.task.cancelled() and self.task.exception() is None
        return self.task.result() if is_whole else FAILED

    def feed(self, data: bytes) -> None:
        """Take what was typed."""
        self._seat.touch()
        self.terminal.feed(data)

    def detach(self) -> None:
        """Go on without anybody, for a while."""
        self.cable.unplug()
        if not self.task.done():
            self._seat.detach()
            self._record(Access.HUNG_UP)

    def attach(self, link: Link, size: Size, admitted: Admitted, origin: Origin) -> None:
        """Go on with somebody who has signed in again; raises OSError when that one is gone."""
        self.cable.plug(link, size.lines)
        self._seat.attach(admitted, origin)
        self.terminal.resize(size)
        self._record(Access.RETURNED)

    def stop(self, reason: str) -> None:
        """Let it end, as nobody is there to tell."""
        self._reason = self._reason or reason
        self.terminal.close()
        asyncio.get_running_loop().call_later(GRACE_SECONDS, self.task.cancel)

    def _end(self, reason: str) -> None:
        """Let it end, and tell whoever is there."""
        pending = self._pending_changes()
        lost = f" Changes lost: {pending}." if pending else ""
        with suppress(ClosedError):  # nobody is there
            self.terminal.write_error(f"\n{reason}{lost}\n")
        self.stop(reason)

    async def _run(self, opened: Opened, line: str | None) -> int:
        try:
            if line is not None:
                return await opened.session.run_once(line)
            if self.terminal.is_interactive:
                self._greet()
            return await opened.session.run()
        except ClosedError:
            return FAILED
        finally:
            discarded = opened.pending_changes()
            self._sessions.leave(self._seat)
            opened.close()
            access = Access.ENDED if self._reason else Access.LEFT
            self._record(access, self._reason, discarded)

    def _greet(self) -> None:
        changes = self._sessions.changes_elsewhere(self.number)
        for line in greeting(self._seat.admitted, self._host.product(), changes):
            self.terminal.write(f"{line}\n")

    def _tell(self, begins: bool) -> None:
        self._seat.wait(begins=begins)
        link = self.cable.link
        if begins and link is not None:
            with suppress(OSError):  # it is noticed where frames are read
                link.want()

    def _pending_changes(self) -> int:
        return self._opened.pending_changes() if self._opened is not None else 0

    def _record(self, access: Access, detail: str = "", discarded: int = 0) -> None:
        self._host.record(
            AccessEvent(access, self._seat.user, self._seat.origin, detail, discarded)
        )
