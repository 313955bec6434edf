"""A worker: receives, keeps, works on and delivers its own part of the mail.

It is started by the supervisor with one end of a channel, already without privileges. Everything
else, listening sockets included, comes over the channel.
"""

import argparse
import asyncio
import gc
import os
import socket
import sys
import traceback
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import uvloop

from mailwarden.app.accepted import HandedTexts, from_memory
from mailwarden.app.channel import Channel, Packet
from mailwarden.app.commands import Commands
from mailwarden.app.post import Post
from mailwarden.app.shared_memory import SharedMemory, close_all
from mailwarden.app.state_directory import StateDirectory
from mailwarden.app.wiring import Gateway
from mailwarden.control.config.features import without_features
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import parse_config
from mailwarden.control.config.tables import Tables
from mailwarden.core.alerts import CRITICAL, SYSTEM
from mailwarden.core.features import dormant_in
from mailwarden.services.alerts.wire import SentAlerts
from mailwarden.system.crypto.tls import CertificateError
from mailwarden.system.net.privileges import forbid_new_privileges

GIL_SECONDS: Final = 0.001  # that mail waits for a thread that reads a configuration
GC_THRESHOLDS: Final = (50_000, 20, 100)  # most garbage here is freed by counting references
EXIT_TROUBLE: Final = 70  # EX_SOFTWARE of sysexits.h


class Worker:
    """The process: keeps the gateway's parts and the channel together."""

    def __init__(self, index: int, count: int, end: socket.socket) -> None:
        self._index = index
        self._count = count
        self._channel = Channel(end, self._packet, self._orphaned)
        self._alerts = SentAlerts(lambda alert: self._channel.send({"say": "alert", **alert}))
        self._gateway: Gateway | None = None
        self._commands: Commands | None = None
        self._switches: dict[str, Any] | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._stop_seconds = 0.0
        self._error: BaseException | None = None
        self._handed = HandedTexts()
        self._tables = Tables(self._handed.read)
        self._configured: asyncio.Queue[tuple[Packet, list[int]]] = asyncio.Queue()

    async def run(self) -> None:
        """Run until the supervisor says stop, or is gone."""
        try:
            await self._run()
        except* Exception as group:
            for error in group.exceptions:
                text = f"A worker ends because of {type(error).__name__}: {error}"
                self._alerts.alert(CRITICAL, SYSTEM, text, f"worker {self._index}")
            raise

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            follow = group.create_task(self._follow_configuration())
            await self._stop.wait()
            follow.cancel()
            if self._error is not None:
                raise self._error
            counters: dict[str, int] = {}
            if self._gateway is not None:
                await self._gateway.stop(self._stop_seconds)
                counters = self._gateway.all_counters()
            self._channel.send({"say": "stopped", "counters": counters})
            self._channel.close()

    async def _follow_configuration(self) -> None:
        while True:
            packet, descriptors = await self._configured.get()
            texts, *descriptors = descriptors
            memory = SharedMemory(*descriptors[: len(SharedMemory._fields)])
            ports = descriptors[len(memory) :]
            base = Path(packet["base"])
            # Large tables take a second to read, in which mail goes on.
            whole, pairs = await asyncio.to_thread(self._read, texts, packet["name"], base)
            config = without_features(whole, dormant_in(packet["switches"]))
            sockets = {
                name: socket.socket(fileno=port)
                for name, port in zip(packet["listeners"], ports, strict=True)
            }
            if self._gateway is None:
                gc.disable()  # a million messages that stay are no garbage to look through
                self._gateway = Gateway(
                    Post(
                        self._index,
                        self._count,
                        base,
                        StateDirectory(*map(Path, packet["state"])),
                    ),
                    config,
                    pairs=pairs,
                    memory=memory,
                    alerts=self._alerts,
                    progress=self._progress,
                    failed=self._failed,
                    switches=packet["switches"],
                )
                self._commands = Commands(self._gateway)
                if self._switches is not None:  # switched while the spool was being read
                    self._gateway.switch(self._switches)
                await self._gateway.start(sockets)
                gc.collect()
                gc.freeze()
                gc.enable()
                self._channel.send({"say": "ready"})
            else:
                close_all(memory)
                try:
                    await self._gateway.apply(config, sockets, pairs)
                except (OSError, ValueError, CertificateError) as error:
                    # Most likely a file that only the supervisor may read: go on as before.
                    self._channel.send({"say": "refused", "text": str(error)})
                else:
                    self._channel.send({"say": "followed"})

    def _read(self, texts: int, name: str, base: Path) -> tuple[GatewayConfig, Mapping[str, str]]:
        """Return the configuration in `texts`, its tables ready to be asked, and kept pairs.

        The supervisor has looked at all files; this process may not have the rights to.
        """
        text, self._handed.texts, pairs = from_memory(texts)
        config = parse_config(text, name, base, look_at_files=False, tables=self._tables)
        self._handed.texts = {}
        self._tables.index()
        return config, pairs

    def _packet(self, packet: Packet, descriptors: list[int]) -> None:
        match packet.get("do"):
            case "configure":
                self._configured.put_nowait((packet, descriptors))
            case "command":
                self._command(packet)
            case "switches":
                self._switches = packet["switches"]
                if self._gateway is not None:
                    self._gateway.switch(self._switches, packet.get("grace_seconds"))
            case "reopen" if self._gateway is not None:
                self._gateway.reopen_logs()
            case "stop":
                self._stop_seconds = packet["seconds"]
                self._stop.set()

    def _command(self, packet: Packet) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(packet))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, packet: Packet) -> None:
        """Answer one question; a long list goes page by page, with mail in between."""
        number, request = packet["id"], packet["request"]
        try:
            if self._commands is not None:
                async with aclosing(self._commands.answers(request)) as answers:
                    async for data in answers:
                        self._channel.send({"say": "answer", "id": number, "data": data})
                        await asyncio.sleep(0)
                        await self._channel.drain()
                        if self._stop.is_set():
                            break
        except Exception as error:  # a question must not end what carries mail
            # Not the request: it may hold a mail, or secrets.
            text = f"cannot answer {request.get('command')!r}: {type(error).__name__}: {error}"
            self._alerts.alert(CRITICAL, SYSTEM, f"A worker {text}", "request")
            data = {"error": f"the gateway has a fault: {type(error).__name__}: {error}"}
            self._channel.send({"say": "answer", "id": number, "data": data})
        finally:  # whoever asked does not wait for an answer that is not to come
            self._channel.send({"say": "answered", "id": number})

    def _progress(self, text: str) -> None:
        self._channel.send({"say": "progress", "text": text})

    def _failed(self, error: BaseException) -> None:
        self._error = error
        self._stop.set()

    def _orphaned(self) -> None:
        """The supervisor is gone: finish what can be finished quickly, and end."""
        self._stop_seconds = 5.0
        self._stop.set()


async def _run(index: int, count: int, channel: int) -> None:
    await Worker(index, count, socket.socket(fileno=channel)).run()


def main() -> int:
    """Run a worker as its command line says; return the exit status."""
    parser = argparse.ArgumentParser(description="A worker; started by `mailwarden run`.")
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--index", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    arguments = parser.parse_args()
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(GIL_SECONDS)
    os.umask(0o027)
    forbid_new_privileges()
    try:
        uvloop.run(_run(arguments.index, arguments.count, arguments.channel))
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        return EXIT_TROUBLE
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
