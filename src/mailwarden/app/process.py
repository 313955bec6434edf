"""One worker as the supervisor sees it: a child process and a channel to it.

A worker parses what strangers send, so what it says is believed no more than theirs: one that says
what makes no sense is ended, and the next one goes on with its mail.
"""

import asyncio
import os
import pwd
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from mailwarden.app.alert_relay import AlertRelay
from mailwarden.app.channel import Channel, Packet, make_pair
from mailwarden.app.supervisor_log import SupervisorLog
from mailwarden.core.alerts import CRITICAL, SYSTEM
from mailwarden.services.alerts.alert import Severity
from mailwarden.services.alerts.wire import parse_packet

LEAVE_SECONDS: Final = 20.0  # what a worker gets to end once its channel is closed
TEXT_CHARACTERS_MAX: Final = 2000  # of what a worker wants to be told


class Child(Protocol):
    """A process that was started. A test has one that is none."""

    @property
    def pid(self) -> int:
        """Process id."""
        ...

    @property
    def returncode(self) -> int | None:
        """Exit status, or the negative signal; None while it runs."""
        ...

    async def wait(self) -> int:
        """Return the exit status once it has ended."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


# Starts the process of a worker: its end of the channel, index, how many there are, user.
Launch = Callable[[socket.socket, int, int, str], Awaitable[Child]]


class NoAnswerError(Exception):
    """A worker did not answer; the text says why, as `worker 1 is still starting`."""


class WorkerProcess:
    """Started by exec, never by fork: a hardware token allows no other way."""

    def __init__(
        self,
        index: int,
        count: int,
        user: str,
        log: SupervisorLog,
        alerts: AlertRelay,
        on_refused: Callable[[str], None],
        launch: Launch,
    ) -> None:
        """`on_refused` is told when the worker cannot follow a configuration, and why."""
        self._alerts = alerts
        self._on_refused = on_refused
        self.index = index
        self.pid = 0
        self.is_ready = False
        self.was_ready = False
        self.is_gone = False  # has ended, or is about to
        self.progress = ""
        self.last_alert = ""
        self.last_counters: Packet = {}  # at its orderly end
        self._count = count
        self._user = user
        self._log = log
        self._launch = launch
        self._child: Child | None = None
        self._channel: Channel | None = None
        self._answers: dict[int, asyncio.Queue[Packet | None]] = {}
        self._requests = 0
        self._leaving: asyncio.TimerHandle | None = None
        self._follows = 0  # configurations that it has not answered yet
        self._followed = asyncio.Event()

    @property
    def state(self) -> str:
        """What it is about, for status."""
        if self.is_gone:
            return "restarting"
        return "not answering" if self.is_ready else "starting"

    async def start(self) -> None:
        """Start the process, as the user that is set.

        Raises:
            OSError: the system starts none; the message says what helps where that is known.
        """
        ours, theirs = make_pair()
        try:
            self._child = await self._launch(theirs, self.index, self._count, self._user)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.pid = self._child.pid
        self._channel = Channel(ours, self._packet, self._closed)

    async def wait(self) -> str:
        """Return how the process ended, in words."""
        assert self._child is not None
        status = await self._child.wait()
        if self._channel is not None:
            self._channel.read_rest()  # the last words say why
        self._closed()
        if self._leaving is not None:
            self._leaving.cancel()
        if status < 0:
            return f"signal {signal.Signals(-status).name}"
        return f"exit status {status}"

    def send(self, packet: Packet, descriptors: Sequence[int] = ()) -> None:
        """Send a packet; one that has gone swallows it."""
        if self._channel is not None:
            self._channel.send(packet, descriptors)

    def configure(self, packet: Packet, descriptors: Sequence[int]) -> None:
        """Hand over a configuration; `wait_followed` waits until the worker works by it."""
        if not self.is_gone:
            self._follows += 1
            self._followed.clear()
            self.send({"do": "configure", **packet}, descriptors)

    async def wait_followed(self) -> None:
        """Wait until the worker has followed or refused all configurations, or has ended."""
        if self._follows:
            await self._followed.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()

    async def ask(self, request: Packet, seconds: float) -> AsyncGenerator[Packet, None]:
        """Yield the worker's answers to `request` until it says that there are no more.

        Raises:
            NoAnswerError: it is not ready, ended meanwhile, or took longer than `seconds` for one.
        """
        if not self.is_ready:  # it is busy reading its spool, and would answer much later
            raise NoAnswerError(self._absence())
        self._requests += 1
        number = self._requests
        answers: asyncio.Queue[Packet | None] = asyncio.Queue()
        self._answers[number] = answers
        try:
            self.send({"do": "command", "id": number, "request": request})
            while (answer := await self._next(answers, seconds)) is not None:
                yield answer
        finally:
            del self._answers[number]

    async def _next(self, answers: "asyncio.Queue[Packet | None]", seconds: float) -> Packet | None:
        try:
            async with asyncio.timeout(seconds):
                answer = await answers.get()
        except TimeoutError:
            raise NoAnswerError(
                f"worker {self.index} does not answer within {seconds:g} seconds"
            ) from None
        if answer is None and self.is_gone:
            raise NoAnswerError(f"worker {self.index} ended while it answered")
        return answer

    def _absence(self) -> str:
        if self.is_gone:
            return f"worker {self.index} has ended and is being restarted"
        return f"worker {self.index} is still starting"

    def _packet(self, packet: Packet, descriptors: list[int]) -> None:
        for descriptor in descriptors:  # a worker has none to give
            os.close(descriptor)
        match packet:
            case {"say": "ready"}:
                self.is_ready = self.was_ready = True
                self._log.info(f"Worker {self.index} (process {self.pid}) is ready")
                self.progress = ""
                self._has_followed()
            case {"say": "progress", "text": str(text)}:
                self.progress = text[:TEXT_CHARACTERS_MAX]
                self._log.info(f"Worker {self.index}: {self.progress}")
            case {"say": "followed"}:
                self._has_followed()
            case {"say": "refused", "text": str(text)}:
                self._on_refused(text[:TEXT_CHARACTERS_MAX])
                self._has_followed()
            case {"say": "alert", "text": str()}:
                self._alert(packet)
            case {"say": "answer", "id": int(number), "data": dict(answer)}:
                self._answered(number, answer)
            case {"say": "answered", "id": int(number)}:
                self._answered(number, None)
            case {"say": "stopped", "counters": dict(counters)}:  # it ends in a moment
                self.last_counters = counters
            case _:
                self._nonsense()

    def _alert(self, packet: Packet) -> None:
        alert = parse_packet(packet)
        if alert is None:  # it has no words
            self._nonsense()
            return
        text = f"Worker {self.index}: {alert.text[:TEXT_CHARACTERS_MAX]}"
        match alert.severity:
            case Severity.CRITICAL:
                self.last_alert = alert.text[:TEXT_CHARACTERS_MAX]
                self._log.critical(text)
            case Severity.WARNING:
                self._log.warning(text)
            case Severity.INFORMATION:
                self._log.info(text)
        whose = f"(worker {self.index}, process {self.pid})"
        self._alerts.take(replace(alert, text=f"{alert.text}\n{whose}"))

    def _answered(self, number: int, answer: Packet | None) -> None:
        queue = self._answers.get(number)
        if queue is not None:  # else it comes too late: nobody waits any more
            queue.put_nowait(answer)

    def _has_followed(self) -> None:
        self._follows = max(0, self._follows - 1)
        if not self._follows:
            self._followed.set()

    def _nonsense(self) -> None:
        text = f"Worker {self.index} (process {self.pid}) says what makes no sense: it is ended"
        self._log.critical(text)
        self._alerts.alert(CRITICAL, SYSTEM, text, f"worker {self.index} nonsense")
        self.kill()
        self._closed()

    def _closed(self) -> None:
        self.is_ready = False
        self.is_gone = True
        self._follows = 0
        self._followed.set()
        if self._channel is not None:
            self._channel.close()
        for queue in self._answers.values():
            queue.put_nowait(None)
        if self._leaving is None:
            self._leaving = asyncio.get_running_loop().call_later(LEAVE_SECONDS, self.kill)


async def launch_worker(end: socket.socket, index: int, count: int, user: str) -> Child:
    """Start a worker's process, as `user` where one is set and this one may choose.

    Raises:
        OSError: the system does not start it; the message says what helps where that is known.
    """
    identity: dict[str, Any] = {}
    if user and os.geteuid() == 0:
        group = pwd.getpwnam(user).pw_gid
        identity = {"user": user, "group": group, "extra_groups": []}
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mailwarden.app.worker",
            "--channel",
            str(end.fileno()),
            "--index",
            str(index),
            "--count",
            str(count),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[end.fileno()],
            start_new_session=True,  # Ctrl-C is for the supervisor, which stops them in order
            **identity,
        )
    except PermissionError as error:
        raise OSError(
            f"user {user!r} may not run {sys.executable}: install Mailwarden where that "
            "user can read it, such as /opt/mailwarden"
        ) from error
