"""Updates in the management process: they follow the configuration and the feature switches."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mailwarden.app.management.surroundings import Surroundings
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.operations.updates import components, update_plan
from mailwarden.core.features import Feature
from mailwarden.services.features.features import Features
from mailwarden.services.updates.component import Means
from mailwarden.services.updates.process import run_attempt
from mailwarden.services.updates.updates import Updates, UpdatesError

RETRY_SECONDS: Final = 60.0


class UpdateWay:
    """Keeps rules up to date. Where its folder cannot be used the rest of administration goes on.

    `config` is the configuration to begin with, `in_force` returns that of later.
    """

    def __init__(
        self,
        folder: Path,
        config: GatewayConfig,
        in_force: Callable[[], GatewayConfig],
        features: Features,
        surroundings: Surroundings,
    ) -> None:
        self._folder: Final = folder
        self._in_force: Final = in_force
        self._features: Final = features
        self._surroundings: Final = surroundings
        means = Means(surroundings.clock, surroundings.alerts, surroundings.inform, run_attempt)
        self.updates: Final = Updates(folder, components(in_force), update_plan(config), means)

    def follow(self) -> None:
        """Go on by the configuration in force, and by the feature switches."""
        is_active = self._features.is_active(Feature.UPDATES)
        self.updates.apply(update_plan(self._in_force()), is_active=is_active)

    async def load(self) -> None:
        """Find out what is installed."""
        try:
            await self.updates.load()
        except OSError as error:
            why = error.strerror or str(error)
            self._surroundings.warn(f"Updates: {self._folder} cannot be used: {why}")
        except UpdatesError as error:
            self._surroundings.warn(f"Updates: {error}")

    async def run(self) -> None:
        """Look for updates for ever."""
        while not self.updates.is_loaded:
            await asyncio.sleep(RETRY_SECONDS)
            await self.load()
        self.follow()
        await self.updates.run()
