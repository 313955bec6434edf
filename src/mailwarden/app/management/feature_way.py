"""Feature switches in the management process, and their way to the workers (admin 7)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailwarden.app.management.surroundings import Surroundings
from mailwarden.app.switches import SWITCH_FEATURES
from mailwarden.control.operations.gateway import Gateway, GatewayError
from mailwarden.core.features import Feature, dormant_names
from mailwarden.services.features.features import POLL_SECONDS, Features, Means

RECORD: Final = "features.json"
RETRY_SECONDS: Final = 60.0


class FeatureWay:
    """Sees to it that the gateway works without what is switched off."""

    def __init__(
        self,
        folder: Path,
        key_files: Path,
        gateway: Gateway,
        surroundings: Surroundings,
        on_change: Callable[[], None],
    ) -> None:
        """`folder` is for what is known; `on_change` is called when a feature was switched.

        Raises:
            OSError: the folder of key files cannot be made.
        """
        key_files.mkdir(mode=0o700, exist_ok=True)
        self._gateway: Final = gateway
        self._surroundings: Final = surroundings
        self._on_change: Final = on_change
        self._dormant: frozenset[Feature] = frozenset()
        self._changed: Final = asyncio.Event()
        self._is_loaded = False
        self.features: Final = Features(
            key_files,
            folder / RECORD,
            Means(surroundings.clock, surroundings.alerts, surroundings.inform, self._publish),
        )

    async def load(self) -> None:
        """Take up what is known; what the gateway works without stays as it is where that fails."""
        try:
            await self.features.load()
            self._is_loaded = True
        except OSError as error:
            self._surroundings.warn(f"Features: {RECORD} cannot be read: {error.strerror}")

    async def run(self) -> None:
        """Look for changes for ever, and hand them to the gateway."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hand_over())
            while not self._is_loaded:
                await asyncio.sleep(POLL_SECONDS)
                await self.load()
            await self.features.run()

    def _publish(self, dormant: frozenset[Feature]) -> None:
        self._dormant = dormant
        self._changed.set()
        self._on_change()

    async def _hand_over(self) -> None:
        """Tell the gateway what is off, until it has understood."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            why = await self._tell(self._dormant)
            if why:
                self._surroundings.warn(
                    f"Features: the gateway does not follow a switch: {why}; it is tried again"
                )
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_SECONDS):
                        await self._changed.wait()
                self._changed.set()

    async def _tell(self, dormant: frozenset[Feature]) -> str:
        """Return why that did not work; "" is that it did."""
        request = {"command": SWITCH_FEATURES, "dormant": dormant_names(dormant)}
        try:
            async for answer in self._gateway.ask(request):
                return str(answer.get("error", ""))
        except GatewayError as error:
            return str(error)
        return "it gave no answer"
