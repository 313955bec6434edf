"""Scores for a trace that is not within a gateway: found out anew, and forgotten."""

import asyncio
import os
from typing import Final

from mailwarden.services.engines.reputation.history_table import make_history
from mailwarden.services.engines.reputation.service import Means, ReputationService
from mailwarden.services.engines.reputation.settings import Provider, ReputationSettings
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import Resolver
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.log.maillog import MailLog

_HISTORY_ADDRESSES: Final = 16  # the least: nothing is put in


class Scores:
    """The providers of a configuration. Its history is empty, and nothing is saved."""

    def __init__(
        self, settings: ReputationSettings, resolver: Resolver, clock: Clock, log: MailLog
    ) -> None:
        self._settings: Final = settings
        memory = make_history(_HISTORY_ADDRESSES)
        try:
            means = Means(
                resolver=resolver,
                clock=clock,
                files=SystemFiles(),
                later=asyncio.get_running_loop().call_later,
                inform=log.info,
                warn=log.warning,
                memory=memory,
                path="",
                is_keeper=False,  # nothing is loaded or saved
            )
            self.service: Final = ReputationService(settings, means)
        finally:
            os.close(memory)

    async def start(self) -> list[str]:
        """Read what feeds hold; return what has to be said about the scores."""
        await self.service.start()
        if Provider.HISTORY in self._settings.order:
            return ["What the gateway has seen of the client is not known here; give its score."]
        return []

    async def close(self) -> None:
        """Let everything go."""
        await self.service.close()
