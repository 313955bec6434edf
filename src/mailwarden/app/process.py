"""One worker as the supervisor sees it: a child process and a channel to it."""

import asyncio
import os
import pwd
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from mailwarden.app.channel import Channel, Packet, make_pair
from mailwarden.app.supervisor_log import SupervisorLog


class WorkerProcess:
    """Started by exec, never by fork: a hardware token allows no other way."""

    def __init__(
        self,
        index: int,
        count: int,
        user: str,
        log: SupervisorLog,
        on_refused: Callable[[str], None],
    ) -> None:
        """`on_refused` is told when the worker cannot follow a configuration, and why."""
        self._on_refused = on_refused
        self.index = index
        self.pid = 0
        self.is_ready = False
        self.was_ready = False
        self.progress = ""
        self._count = count
        self._user = user
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._channel: Channel | None = None
        self._answers: dict[int, asyncio.Queue[Packet | None]] = {}
        self._requests = 0

    async def start(self) -> None:
        """Start the process, as `user` where one is set."""
        ours, theirs = make_pair()
        identity: dict[str, Any] = {}
        if self._user and os.geteuid() == 0:
            identity = {"user": self._user, "group": _group_of(self._user), "extra_groups": []}
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "mailwarden.app.worker",
                "--channel",
                str(theirs.fileno()),
                "--index",
                str(self.index),
                "--count",
                str(self._count),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops them in order
                **identity,
            )
        except PermissionError as error:
            raise OSError(
                f"user {self._user!r} may not run {sys.executable}: install Mailwarden where that "
                "user can read it, such as /opt/mailwarden"
            ) from error
        finally:
            theirs.close()
        self.pid = self._process.pid
        self._channel = Channel(ours, self._packet, self._closed)

    async def wait(self) -> str:
        """Return how the process ended, in words."""
        assert self._process is not None
        status = await self._process.wait()
        self._closed()
        if status < 0:
            return f"signal {signal.Signals(-status).name}"
        return f"exit status {status}"

    def send(self, packet: Packet, descriptors: Sequence[int] = ()) -> None:
        """Send a packet; one that has gone swallows it."""
        if self._channel is not None:
            self._channel.send(packet, descriptors)

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def ask(self, request: Packet) -> AsyncIterator[Packet]:
        """Yield the worker's answers to `request` until it says that there are no more."""
        self._requests += 1
        number = self._requests
        answers: asyncio.Queue[Packet | None] = asyncio.Queue()
        self._answers[number] = answers
        try:
            self.send({"do": "command", "id": number, "request": request})
            while (answer := await answers.get()) is not None:
                yield answer
        finally:
            del self._answers[number]

    def _packet(self, packet: Packet, descriptors: list[int]) -> None:
        for descriptor in descriptors:  # a worker has none to give
            os.close(descriptor)
        match packet.get("say"):
            case "ready":
                self.is_ready = self.was_ready = True
                self._log.info(f"Worker {self.index} (process {self.pid}) is ready")
                self.progress = ""
            case "progress":
                self.progress = str(packet.get("text", ""))
                self._log.info(f"Worker {self.index}: {self.progress}")
            case "refused":
                self._on_refused(str(packet.get("text", "")))
            case "alert":
                self._log.critical(f"Worker {self.index}: {packet.get('text', '')}")
            case "answer":
                queue = self._answers.get(packet["id"])
                if queue is not None:
                    queue.put_nowait(packet["data"])
            case "answered":
                queue = self._answers.get(packet["id"])
                if queue is not None:
                    queue.put_nowait(None)

    def _closed(self) -> None:
        self.is_ready = False
        if self._channel is not None:
            self._channel.close()
        for queue in self._answers.values():
            queue.put_nowait(None)


def _group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
