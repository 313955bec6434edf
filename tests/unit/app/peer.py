"""A worker that is no process: what a supervisor sees of one, led by a test."""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

from mailwarden.app.channel import Channel, Packet
from mailwarden.system.log.settings import LogSettings

PATIENCE_SECONDS = 10.0  # how long a test waits for what is to come before it fails


async def wait_until(condition: Callable[[], Any]) -> None:
    """Let the loop run until `condition` holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0)


class Peer:
    """The process and the worker's end of the channel."""

    def __init__(self, end: socket.socket, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.heard: list[Packet] = []
        self._ended = asyncio.Event()
        self._raw = end.dup()
        self._channel = Channel(end.dup(), self._packet, lambda: None)

    def _packet(self, packet: Packet, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            os.close(descriptor)
        self.heard.append(packet)
        if packet.get("do") == "stop":
            self.end(0)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        self.end(-9)

    def end(self, status: int) -> None:
        """The process is gone."""
        if self.returncode is None:
            self.returncode = status
            self._ended.set()
            self._channel.close()
            self._raw.close()

    def say(self, what: str, **more: Any) -> None:
        self._channel.send({"say": what, **more})

    def say_raw(self, data: bytes) -> None:
        self._raw.send(data)

    async def hears(self, what: str, count: int = 1) -> Packet:
        """Return the packet number `count` of those that tell it to do `what`."""
        await wait_until(lambda: len(self.told(what)) >= count)
        return self.told(what)[count - 1]

    def told(self, what: str) -> list[Packet]:
        return [packet for packet in self.heard if packet.get("do") == what]

    def answer(self, question: Packet, *answers: dict[str, Any], whole: bool = True) -> None:
        for data in answers:
            self.say("answer", id=question["id"], data=data)
        if whole:
            self.say("answered", id=question["id"])


class Peers:
    """Starts peers instead of processes."""

    def __init__(self) -> None:
        self.started: list[Peer] = []
        self.refusal: OSError | None = None
        self.indices: list[int] = []
        self.users: list[str] = []

    async def launch(self, end: socket.socket, index: int, count: int, user: str) -> Peer:
        if self.refusal is not None:
            raise self.refusal
        self.indices.append(index)
        self.users.append(user)
        self.started.append(Peer(end, 1000 + len(self.started)))
        return self.started[-1]

    async def next(self, number: int) -> Peer:
        """Return the peer that is started as `number`, from 1 on."""
        await wait_until(lambda: len(self.started) >= number)
        return self.started[number - 1]

    def end_all(self) -> None:
        for peer in self.started:
            peer.end(0)


class HeardLog:
    """The supervisor's log, as a list of what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.applied: list[LogSettings] = []
        self.refusal: OSError | None = None

    def info(self, text: str) -> None:
        self.lines.append(f"Info: {text}")

    def warning(self, text: str) -> None:
        self.lines.append(f"Warning: {text}")

    def critical(self, text: str) -> None:
        self.lines.append(f"Critical: {text}")

    def apply(self, settings: LogSettings, _host: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.applied.append(settings)

    def said(self, text: str) -> bool:
        return any(text in line for line in self.lines)
