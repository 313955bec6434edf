"""The management process and what it asks for, without a process."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from typing import Any

from mailwarden.app.accepted import texts_to_memory
from mailwarden.app.alert_relay import AlertRelay
from mailwarden.app.management_process import ManagementProcess
from tests.unit.app.peer import HeardLog, Peer, wait_until


class Slow:
    """A supervisor that works by a configuration only when it is let."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.go = asyncio.Event()

    async def command(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        await self.go.wait()
        yield request

    async def activate(self, number: int, texts: int) -> dict[str, Any]:
        os.close(texts)
        self.begun.append(number)
        await self.go.wait()
        self.ended.append(number)
        return {"problems": [], "notes": []}


async def test_an_activation_goes_on_when_whoever_asked_is_dead() -> None:
    peers: list[Peer] = []

    async def launch(end: socket.socket, _user: str) -> Any:
        peers.append(Peer(end, 4711))
        return peers[0]

    gateway = Slow()
    process = ManagementProcess(gateway, "", HeardLog(), AlertRelay(), launch)  # type: ignore[arg-type]
    await process.start()
    texts = texts_to_memory("hostname: a.example", {}, {})
    peers[0]._channel.send({"say": "activate", "id": 1, "number": 7}, [texts])
    os.close(texts)
    await wait_until(lambda: gateway.begun)
    peers[0].end(-9)
    assert await process.wait() == "signal SIGKILL"
    assert gateway.ended == []
    gateway.go.set()
    await wait_until(lambda: gateway.ended == [7])
