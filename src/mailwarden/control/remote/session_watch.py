"""Looks every few seconds which sessions have to end."""

import asyncio
from collections.abc import Callable

from mailwarden.control.remote.sessions import SWEEP_SECONDS, Sessions
from mailwarden.services.accounts.answers import Admitted
from mailwarden.services.accounts.store import AccountStoreError


async def watch_sessions(
    sessions: Sessions,
    still_holds: Callable[[Admitted], bool],
    idle_seconds: Callable[[], float | None],
    unreadable: Callable[[AccountStoreError], None],
) -> None:
    """Watch until cancelled. Accounts that cannot be read end no session: `unreadable` is told."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            sessions.sweep(still_holds, idle_seconds())
        except AccountStoreError as error:
            unreadable(error)
