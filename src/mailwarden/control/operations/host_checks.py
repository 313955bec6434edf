"""What the gateway finds out of hosts and recipients by asking others: call-ahead, DNS lists."""

from mailwarden.control.operations.asking import first_of, of_workers
from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.gateway import Answer


async def try_call_ahead(desk: Desk, profile: str, address: str) -> Answer:
    """Return what a server of a profile in force says of a recipient; nothing is remembered."""
    desk.require("callaheadconfig test")
    desk.record("callaheadconfig test", f"{profile} {address}")
    return await first_of(
        desk, {"command": "call_ahead_test", "profile": profile, "address": address}
    )


async def flush_call_ahead(desk: Desk, profile: str = "") -> int:
    """Forget what servers said, of one profile or of all; return how many answers that were."""
    desk.require("callaheadconfig flushcache")
    rows = await of_workers(desk, {"command": "call_ahead_flush", "profile": profile})
    desk.record("callaheadconfig flushcache", profile)
    return _flushed(rows)


async def flush_dns_lists(desk: Desk) -> int:
    """Forget what DNS lists said; return of how many lists that was, over all workers."""
    desk.require("dnslistflush")
    rows = await of_workers(desk, {"command": "dnslistflush"})
    desk.record("dnslistflush", "")
    return _flushed(rows)


async def try_dns_list(desk: Desk, zone: str, address: str) -> Answer:
    """Return what a DNS list says of an address now.

    The answer has `question`, `codes` (none: not listed) and `fault` (why it could not say).
    """
    desk.require("dnslisttest")
    desk.record("dnslisttest", f"{zone} {address}")
    return await first_of(desk, {"command": "dnslist_test", "zone": zone, "address": address})


async def reputation_health(desk: Desk) -> list[Answer]:
    """Return each provider with `name`, `is_well` and `detail`; a fault of any worker counts."""
    desk.require("sbstatus")
    found: dict[str, Answer] = {}
    for row in await of_workers(desk, {"command": "reputation_status"}):
        for provider in row.get("providers") or ():
            known = found.setdefault(str(provider["name"]), provider)
            if known["is_well"] and not provider["is_well"]:
                found[str(provider["name"])] = provider
    return list(found.values())


def _flushed(rows: list[Answer]) -> int:
    return sum(int(row.get("flushed") or 0) for row in rows)
