"""Messages that wait: many of them, after a restart, for many destinations."""

import asyncio

import pytest

from mailwarden.mailflow.delivery import delivery
from mailwarden.mailflow.delivery.settings import BounceProfile
from tests.unit.mailflow.delivery.office import Office
from tests.unit.mailflow.delivery.servers import Server


async def test_queues_with_nothing_to_do_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "QUEUES_MAX", 3)
    server = await Server().start()
    zone = {f"d{n}.example": {"SERVFAIL": []} for n in range(20)}
    async with Office(zone=zone, port=server.port) as office:
        for number in range(20):
            office.put(f"u@d{number}.example")
        await office.logged("pending till", 20)
        assert len(office.delivery.destinations()) <= 4
        office.resolver.zone = {f"d{n}.example": {"A": ["127.0.0.1"]} for n in range(20)}
        await office.pass_time(62)
        await office.empty()
        await office.pass_time(10)
        await office.until(lambda: server.open_connections == 0)
        await office.pass_time(2)
        assert len(office.delivery.destinations()) <= 4
        assert len(server.received) == 20
    await server.stop()


async def test_retry_of_one_domain_after_a_restart() -> None:
    server = await Server(answers={"MAIL": ["451 later"] * 3}).start()
    zone = {f"{name}.example": {"A": ["127.0.0.1"]} for name in "abc"}
    async with Office(zone=zone, port=server.port) as office:
        office.put("u@a.example")
        office.put("u@b.example", "u@c.example")
        await office.logged("pending till", 3)
        await office.stop()
        office.start()
        await asyncio.sleep(0)
        office.delivery.retry_now("b.example")
        await office.until(lambda: server.received)
        await office.pass_time(30)
        await asyncio.sleep(0.02)
        assert [m.recipients for m in server.received] == [["u@b.example"]]
        await office.pass_time(32)
        await office.empty()
        assert len(server.received) == 3
    await server.stop()


async def test_a_long_queue_is_taken_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "DUE_AT_ONCE", 7)
    server = await Server().start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        await office.stop()
        for _ in range(100):
            office.put("u@partner.example").stored = None
        office.start()
        await asyncio.sleep(0)
        await office.pass_time(1)
        await office.empty()
        assert len(server.received) == 100
    await server.stop()


async def test_held_while_nobody_has_looked_at_it() -> None:
    server = await Server().start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        await office.stop()
        entry = office.put("u@partner.example")
        entry.stored = None
        office.start()
        await asyncio.sleep(0)
        office.spool.hold(entry, "operator", "test")
        await office.pass_time(2)
        await asyncio.sleep(0.02)
        assert server.connections == 0
    await server.stop()


async def test_expiry_of_messages_nobody_has_looked_at() -> None:
    server = await Server(answers={"MAIL": ["451 later"]}).start()
    profile = BounceProfile(max_queue_time_seconds=100)
    routes = {"ALL": f"127.0.0.1:{server.port}"}
    async with Office(routes=routes, profiles={"Default": profile}) as office:
        office.put("u@partner.example")
        await office.logged("pending till")
        await office.stop()
        office.clock.advance(1000)
        office.start()
        await asyncio.sleep(0)
        await office.pass_time(1)
        await office.until(lambda: office.reports)
        assert office.reports[0].reason.startswith("5.4.7")
        assert server.received == []
    await server.stop()
