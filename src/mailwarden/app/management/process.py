"""The management process: started by the supervisor with one end of a channel."""

import argparse
import asyncio
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Final

from mailwarden.app.channel import Channel, Packet
from mailwarden.app.keeper import FOLDER
from mailwarden.app.management.manager import Manager
from mailwarden.app.management.supervisor_link import SupervisorLink
from mailwarden.system.net.privileges import forbid_new_privileges

EXIT_TROUBLE: Final = 70  # EX_SOFTWARE of sysexits.h


class Process:
    """Keeps the manager and the channel together."""

    def __init__(self, end: socket.socket) -> None:
        self._link = SupervisorLink(self._packet)
        self._link.use(Channel(end, self._link.take, self._orphaned))
        self._manager: Manager | None = None
        self._first: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._sockets: list[tuple[str, socket.socket]] = []

    async def run(self) -> None:
        """Run until the supervisor says stop, or is gone."""
        packet = await self._first
        directory, logs = (Path(each) for each in packet["state"])
        self._manager = Manager(
            directory / FOLDER, Path(packet["base"]), logs, self._link, packet["number"]
        )
        self._manager.listen(self._sockets)
        await self._manager.run(self._stop)

    def _packet(self, packet: Packet, descriptors: list[int]) -> None:
        sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        match packet.get("do"):
            case "listen":
                self._sockets = list(zip(packet["services"], sockets, strict=True))
                if self._manager is not None:
                    self._manager.listen(self._sockets)
            case "configure" if not self._first.done():
                self._first.set_result(packet)
            case "alert" if self._manager is not None:
                self._manager.alerting.take(packet)
            case "follow" if self._manager is not None:
                self._manager.follow_file()
            case "stop":
                self._leave()

    def _orphaned(self) -> None:
        self._leave()

    def _leave(self) -> None:
        self._stop.set()
        if not self._first.done():
            self._first.cancel()


async def _run(channel: int) -> None:
    await Process(socket.socket(fileno=channel)).run()


def main() -> int:
    """Run the management process as its command line says; return the exit status."""
    parser = argparse.ArgumentParser(description="Management; started by `mailwarden run`.")
    parser.add_argument("--channel", type=int, required=True)
    arguments = parser.parse_args()
    os.umask(0o077)
    forbid_new_privileges()
    try:
        asyncio.run(_run(arguments.channel))
    except asyncio.CancelledError:
        return 0
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        return EXIT_TROUBLE
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
