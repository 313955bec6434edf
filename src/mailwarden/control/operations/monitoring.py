"""What the gateway does now, and what it has counted (admin 1.6.5)."""

from collections.abc import AsyncIterator
from typing import Final

from mailwarden.control.answers.hosts import Row, merge_hosts
from mailwarden.control.answers.rates import merge_clients
from mailwarden.control.operations.asking import answers, first_of
from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.gateway import Answer

PAGES_MAX: Final = 100_000  # of destinations or clients; a page has up to some hundred


async def status(desk: Desk) -> Answer:
    """Return what the gateway says of itself."""
    desk.require("status")
    return await first_of(desk, {"command": "status"})


async def rate(desk: Desk, command: str) -> Answer:
    """Return gauges and counters alone, which are cheap to have, for `command`."""
    desk.require(command)
    return await first_of(desk, {"command": "rate"})


async def hosts(desk: Desk, command: str, domain: str = "") -> list[Row]:
    """Return all destinations, or with all details those that mail for `domain` goes to."""
    desk.require(command)
    request: Answer = {"command": "queue_hosts"}
    if domain:
        request["domain"] = domain
    return merge_hosts(await _pages(desk, request))


async def clients(desk: Desk) -> list[Row]:
    """Return who is connected, the most connections first."""
    desk.require("topin")
    return merge_clients(await _pages(desk, {"command": "queue_top_in"}))


async def reset_counters(desk: Desk) -> None:
    """Begin anew with the counters that can be reset."""
    desk.require("resetcounters")
    await first_of(desk, {"command": "reset_counters"})
    desk.record("resetcounters", "")


async def verify_tls(desk: Desk, domain: str, host: str = "") -> AsyncIterator[Answer]:
    """Yield the steps of speaking TLS with the hosts of `domain`, or with `host` alone."""
    desk.require("tlsverify")
    desk.record("tlsverify", f"{domain} {host}".rstrip())
    async for step in answers(desk, {"command": "tls_verify", "domain": domain, "host": host}):
        if step:
            yield step


async def _pages(desk: Desk, request: Answer) -> list[Answer]:
    pages: list[Answer] = []
    async for page in answers(desk, request):
        if page and len(pages) < PAGES_MAX:
            pages.append(page)
    return pages
