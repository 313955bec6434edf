"""Keeps MTA-STS policies over restarts, shares them between workers, and fetches them anew.

Every worker saves what it fetched and takes over what the others did; one of them fetches policies
that are in use anew before they expire (RFC 8461, 3.3), so that none is asked for twice.
"""

import asyncio
import time
from typing import Final

from mailwarden.services.transport_security.cache import PolicyCache, PolicyFile
from mailwarden.services.transport_security.policies import PolicySource
from mailwarden.system.log.maillog import MailLog

SAVE_SECONDS: Final = 60.0  # between looks at whether there is something to save or to take over
REFRESH_LOOK_SECONDS: Final = 300.0  # between looks at what is to be fetched anew


class PolicyKeeper:
    """Works beside the mail; nothing waits for it."""

    def __init__(
        self,
        cache: PolicyCache,
        file: PolicyFile,
        source: PolicySource,
        log: MailLog,
        *,
        is_refreshing: bool,
    ) -> None:
        """`is_refreshing` says that this is the worker which fetches policies anew."""
        self._cache: Final = cache
        self._file: Final = file
        self._source: Final = source
        self._log: Final = log
        self._is_refreshing: Final = is_refreshing
        self._is_broken = False  # the file, as far as was told

    def load(self) -> None:
        """Take over what is in the file."""
        try:
            damaged = self._file.load(self._cache)
        except OSError as error:
            self._complain(error)
            return
        if damaged:
            self._log.warning(f"{damaged} lines of the MTA-STS policies kept are damaged")

    def save(self) -> None:
        """Write what is new, and take over what others wrote."""
        try:
            self._file.save(self._cache)
        except OSError as error:
            self._complain(error)
        else:
            self._is_broken = False

    async def run(self) -> None:
        """Save and refresh now and then, until cancelled."""
        waited = 0.0
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            waited += SAVE_SECONDS
            self.save()
            if self._is_refreshing and waited >= REFRESH_LOOK_SECONDS:
                waited = 0.0
                await self.refresh()

    async def refresh(self) -> None:
        """Fetch anew what is due; failures go to the log (RFC 8461, 3.3)."""
        for failure in await self._source.refresh():
            until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(failure.expires_at))
            self._log.warning(
                f"MTA-STS policy of {failure.domain} could not be fetched anew: {failure.reason}; "
                f"it stays in use until {until}"
            )
        self.save()

    def close(self) -> None:
        """Save, and let go of the file."""
        self.save()
        self._file.close()

    def _complain(self, error: OSError) -> None:
        if not self._is_broken:
            self._log.warning(f"MTA-STS policies cannot be kept: {error}")
        self._is_broken = True
