"""Keeps the management process running beside the workers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from mailwarden.app.alert_relay import AlertRelay
from mailwarden.app.channel import Packet
from mailwarden.app.management_ports import ManagementPorts
from mailwarden.app.management_process import Governed, LaunchManagement, ManagementProcess
from mailwarden.app.supervisor_log import SupervisorLog, in_seconds
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.alerts import CRITICAL, SYSTEM


class ManagementKeeper:
    """Starts the process, and starts it anew whenever it dies.

    `describe` returns the packet that it is configured with, once no change is under way.
    """

    def __init__(
        self,
        governed: Governed,
        launch: LaunchManagement,
        waits: Sequence[float],
        describe: Callable[[], Awaitable[Packet]],
        alerts: AlertRelay,
    ) -> None:
        self._governed: Final = governed
        self._launch: Final = launch
        self._waits: Final = waits
        self._describe: Final = describe
        self._alerts: Final = alerts
        self._process: ManagementProcess | None = None
        self.ports: Final = ManagementPorts()

    @property
    def ready_pid(self) -> int:
        """Process id; 0 while there is none that administrators can come to."""
        return self._process.pid if self._process is not None and self._process.is_ready else 0

    def follow(self) -> None:
        """Tell it that another version is in force."""
        if self._process is not None:
            self._process.send({"do": "follow"})

    def bind(self, config: GatewayConfig) -> None:
        """Let it listen where `config` says; raises OSError when a port cannot be had."""
        if self.ports.bind(config) and self._process is not None:
            self._hand_over(self._process)

    def _hand_over(self, process: ManagementProcess) -> None:
        packet: Packet = {"do": "listen", "services": self.ports.services()}
        process.send(packet, self.ports.descriptors())

    async def run(self, user: str, log: SupervisorLog, stopping: asyncio.Event) -> None:
        """Keep it running, as `user`, until the gateway stops."""
        failures = 0
        while not stopping.is_set():
            process = ManagementProcess(self._governed, user, log, self._alerts, self._launch)
            try:
                await process.start()
                self._process = process
                process.send({"do": "configure", **await self._describe()})
                self._hand_over(process)
                ended = f"ended with {await _until_ended(process, stopping)}"
            except OSError as error:
                ended = f"cannot be started: {error}"
            self._process = None
            if stopping.is_set():
                return
            failures = 0 if process.was_ready else failures
            wait = self._waits[min(failures, len(self._waits) - 1)]
            failures += 1
            text = f"Management process {process.pid} {ended}; it is restarted {in_seconds(wait)}"
            log.critical(text)
            self._alerts.alert(CRITICAL, SYSTEM, text, "management")
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await stopping.wait()


async def _until_ended(process: ManagementProcess, stopping: asyncio.Event) -> str:
    """Return how it ended, by itself or as the gateway stops."""
    gone = asyncio.ensure_future(process.wait())
    stop = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({gone, stop}, return_when=asyncio.FIRST_COMPLETED)
    if not gone.done():
        await process.stop()
    stop.cancel()
    return await gone
