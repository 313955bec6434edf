"""Makes what asks name servers for administrators."""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.dns.answers import Finding
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.dns.settings import DnsSettings
from mailwarden.system.dns.wire import Kind


class Finder(Protocol):
    """What is asked; `FakeResolver` is one as well."""

    async def find(self, kind: Kind, name: str) -> Finding:
        """Return what is known of records `kind` of `name`."""
        ...

    def close(self) -> None:
        """Give up what is under way."""
        ...


MakeFinder = Callable[[DnsSettings, str], Finder]  # gets the address that questions come from


def make_finder(settings: DnsSettings, source: str) -> Finder:
    """Return a resolver that remembers nothing of before."""
    return CachingResolver(
        settings,
        loop=asyncio.get_running_loop(),
        clock=SystemClock(),
        randomness=random.SystemRandom(),
        source=source,
    )
