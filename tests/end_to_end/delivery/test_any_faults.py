"""Servers that do anything at any time: every message ends delivered or reported, none is lost."""

import asyncio
import random

import pytest

from mailwarden.core.policy.bounce_profile import BounceProfile
from mailwarden.core.policy.destinations import DestinationRow
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.stores.spool.spool import ReportKind
from tests.unit.mailflow.delivery.office import Office
from tests.unit.mailflow.delivery.servers import ALL, Act, Answer, Server

STAGES = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END", "LAST", "RSET", "QUIT")
# Not among them: two good replies to one command. They shift all replies behind them, so that a
# refusal looks like an acceptance; no client can tell.
TROUBLE: tuple[Answer, ...] = (
    "451 later",
    "452 4.5.3 too many",
    "421 closing",
    "550 no",
    "554 never",
    Act.CLOSE,
    Act.RESET,
    b"what?\r\n",
    b"250 ok\r\n421 and goodbye\r\n",
)
OFFERS = (ALL, (), ("PIPELINING",), ("CHUNKING",), (*ALL, "LIMITS RCPTMAX=2 MAILMAX=3"))


class Moody(Server):
    """Answers as a seeded random source says, mostly kindly."""

    def mood(self, seed: int) -> "Moody":
        self.random = random.Random(seed)
        self.offers = self.random.choice(OFFERS)
        return self

    def answer(self, kind: str, friendly: str) -> Answer:
        if kind in STAGES and self.random.random() < 0.12:
            return self.random.choice(TROUBLE)
        return friendly


@pytest.mark.parametrize("seed", range(25))
async def test_nothing_is_lost(seed: int) -> None:
    servers = [await Moody(address=f"127.0.0.{n + 1}").mood(seed * 3 + n).start() for n in range(3)]
    names = [f"{server.address}:{server.port}" for server in servers]
    routes = {"a.example": f"{names[0]}, {names[1]}", "b.example": f"{names[1]}, {names[2]}/pri=5"}
    routes["c.example"] = names[2]
    chance = random.Random(seed)
    limit = chance.choice((1, 3, 500))
    office = Office(
        routes=routes,
        settings=DeliverySettings(possible_delivery=False, host_down_seconds=1),
        destinations={"DEFAULT": DestinationRow(max_host_concurrency=limit)},
        profiles={"Default": BounceProfile(max_retries=20, max_retry_seconds=60)},
    )
    async with office:
        sent: set[str] = set()
        for number in range(40):
            made = [
                f"u{number}x{n}@{chance.choice('abc')}.example"
                for n in range(chance.choice((1, 1, 4)))
            ]
            sent.update(made)
            size = chance.choice((10, 1000, 70_000))
            office.put(*made, content=b"Subject: x\r\n\r\n" + b".\r\n" * size)
        for _ in range(3000):
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            if not any(entry.has_waiting() for entry in office.spool.entries()):
                break
            await office.pass_time(5, step=2.5)
        waiting = [entry for entry in office.spool.entries() if entry.has_waiting()]
        assert not waiting, (waiting[0].progress, office.delivery.destinations())
        got = {address for server in servers for m in server.received for address in m.recipients}
        reported = {
            address
            for entry in office.spool.entries()
            for report in entry.reports or ()
            if report.kind is ReportKind.FAILED
            for rid in report.rids
            for address in [office.spool.load(entry).envelope.recipients[rid].address]
        }
        assert got | reported == sent
        assert len(office.with_text("Message done")) + len(office.with_text("Bounced: ")) > 0
    await office.until(lambda: office.gauges.value("outbound") == 0)
    assert office.delivery._shared.flying == {}
    for server in servers:
        await server.stop()
