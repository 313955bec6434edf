"""The management process as the supervisor sees it: a child process and a channel to it.

It takes what administrators type, so what it says is looked at as closely as what a worker says.
"""

import asyncio
import os
import pwd
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, Final, Protocol

from mailwarden.app.alert_relay import AlertRelay
from mailwarden.app.channel import Channel, Packet, make_pair
from mailwarden.app.process import Child
from mailwarden.app.supervisor_log import SupervisorLog
from mailwarden.core.alerts import CRITICAL, SYSTEM

QUESTIONS_MAX: Final = 100  # under way at a time
TEXT_CHARACTERS_MAX: Final = 2000
LEAVE_SECONDS: Final = 10.0  # that it gets to end in order
MODULE: Final = "mailwarden.app.management.process"

# Starts the process: its end of the channel, the user that it runs as.
LaunchManagement = Callable[[socket.socket, str], Awaitable[Child]]


class Governed(Protocol):
    """What the management process wants of the supervisor."""

    def command(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the answers to a request, as the control socket gives them."""
        ...

    async def activate(self, number: int, texts: int) -> dict[str, Any]:
        """Work by version `number`, whose texts are in the file; return problems and notes."""
        ...


class ManagementProcess:
    """One run of it; the supervisor makes another when it has ended."""

    def __init__(
        self,
        governed: Governed,
        user: str,
        log: SupervisorLog,
        alerts: AlertRelay,
        launch: LaunchManagement,
    ) -> None:
        self._governed: Final = governed
        self._user: Final = user
        self._log: Final = log
        self._alerts: Final = alerts
        self._launch: Final = launch
        self.pid = 0
        self.is_ready = self.was_ready = False
        self._child: Child | None = None
        self._channel: Channel | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # Go on when it has died: the next one has to hear how they ended.
        self._activations: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start the process.

        Raises:
            OSError: the system starts none.
        """
        ours, theirs = make_pair()
        try:
            self._child = await self._launch(theirs, self._user)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.pid = self._child.pid
        self._channel = Channel(ours, self._packet, self._closed)

    async def wait(self) -> str:
        """Return how it ended, in words."""
        assert self._child is not None
        status = await self._child.wait()
        if self._channel is not None:
            self._channel.read_rest()
        self._closed()
        if status < 0:
            return f"signal {signal.Signals(-status).name}"
        return f"exit status {status}"

    async def stop(self) -> None:
        """Let it end in order, and see that it does."""
        self.send({"do": "stop"})
        assert self._child is not None
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._child.wait()
        except TimeoutError:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()

    def send(self, packet: Packet, descriptors: Sequence[int] = ()) -> None:
        """Send a packet; one that has gone swallows it."""
        if self._channel is not None:
            self._channel.send(packet, descriptors)

    def _packet(self, packet: Packet, descriptors: list[int]) -> None:
        taken = False
        match packet:
            case {"say": "ready"}:
                self.is_ready = self.was_ready = True
                self._log.info(f"Management process {self.pid} is ready")
                self._alerts.begin(self.send)
            case {"say": "log", "text": str(text)}:
                self._log.info(text[:TEXT_CHARACTERS_MAX])
            case {"say": "warn", "text": str(text)}:
                self._log.warning(text[:TEXT_CHARACTERS_MAX])
            case {"say": "show", "text": str(text)}:  # for whoever stands at the console
                print(text[:TEXT_CHARACTERS_MAX], file=sys.stderr, flush=True)
            case {"say": "kept", "number": int(number)}:
                self._alerts.kept(number)
            case {"say": "ask", "id": int(number), "request": dict(request)}:
                self._do(self._answer(number, request), self._tasks)
            case {"say": "activate", "id": int(number), "number": int(version)} if descriptors:
                taken = True
                self._do(self._activate(number, version, descriptors.pop(0)), self._activations)
            case _:
                text = f"Management process {self.pid} says what makes no sense: it is ended"
                self._log.critical(text)
                self._alerts.alert(CRITICAL, SYSTEM, text, "management nonsense")
                self.kill()
                self._closed()
        if not taken or descriptors:
            for descriptor in descriptors:
                os.close(descriptor)

    def _do(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if len(self._tasks) > QUESTIONS_MAX:
            self.kill()
            self._closed()

    async def _answer(self, number: int, request: dict[str, Any]) -> None:
        try:
            async with aclosing(self._governed.command(request)) as answers:
                async for answer in answers:
                    self.send({"do": "answer", "id": number, "data": answer})
                    if self._channel is not None:
                        await self._channel.drain()
        except Exception as error:
            data = {"error": f"the gateway has a fault: {type(error).__name__}: {error}"}
            self.send({"do": "answer", "id": number, "data": data})
            text = f"A request cannot be answered: {type(error).__name__}: {error}"
            self._log.critical(text)
            self._alerts.alert(CRITICAL, SYSTEM, text, "request")
        finally:
            self.send({"do": "answered", "id": number})

    async def _activate(self, number: int, version: int, texts: int) -> None:
        found = await self._governed.activate(version, texts)
        self.send({"do": "activated", "id": number, **found})

    def _closed(self) -> None:
        self.is_ready = False
        self._alerts.end()
        if self._channel is not None:
            self._channel.close()
        for task in self._tasks:
            task.cancel()


async def launch_management(end: socket.socket, user: str) -> Child:
    """Start the management process, as `user` where one is set and this one may choose.

    Raises:
        OSError: the system does not start it.
    """
    identity: dict[str, Any] = {}
    if user and os.geteuid() == 0:
        identity = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        MODULE,
        "--channel",
        str(end.fileno()),
        stdin=asyncio.subprocess.DEVNULL,
        pass_fds=[end.fileno()],
        start_new_session=True,
        **identity,
    )
