"""Messages that wait: many of them, after a restart, for many destinations."""

import asyncio
import gc
from dataclasses import replace

import pytest

from mailwarden.core.policy.bounce_profile import BounceProfile
from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.delivery import delivery
from mailwarden.mailflow.delivery.queue import Unit
from mailwarden.stores.spool.spool import Progress, State
from tests.unit.mailflow.delivery.office import Office
from tests.unit.mailflow.delivery.servers import Act, Server


@pytest.mark.interpreted
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


async def test_released_in_the_middle_of_a_transaction_for_which_there_is_a_connection() -> None:
    server = await Server(answers={"LAST": [Act.HANG]}).start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        entry = office.put("u@partner.example")
        await office.until(lambda: server.received)
        office.spool.hold(entry, "operator", "test")
        office.spool.release(entry, State.QUEUED)
        for _ in range(10):  # until another connection would be opened for it
            await office.pass_time(2)
            await asyncio.sleep(0.005)
        assert (server.connections, len(server.received)) == (1, 1)
        await office.pass_time(600, step=100)
        await office.logged("Possible Delivery")
        await office.empty()
        assert len(server.received) == 1
    await server.stop()


async def test_what_waits_is_no_more_than_its_entry() -> None:
    server = await Server(answers={"MAIL": ["451 later"] * 2}).start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        office.put("u@partner.example")
        office.put("u@partner.example", "v@partner.example")
        await office.logged("pending till", 2)
        gc.collect()
        assert not [one for one in gc.get_objects() if isinstance(one, Unit)]
        (row,) = office.delivery.destinations()
        assert (row.waiting, row.ready) == (2, 0)
        await office.pass_time(62)
        await office.empty()
        assert [m.recipients for m in server.received] == [
            ["u@partner.example"],
            ["u@partner.example", "v@partner.example"],
        ]
    await server.stop()


async def test_a_long_queue_of_one_domain_keeps_no_other_waiting() -> None:
    server = await Server(answers={"MAIL": [Act.HANG]}, repeat=True).start()
    other = await Server().start()
    routes = {"ALL": f"127.0.0.1:{server.port}", "b.example": f"127.0.0.1:{other.port}"}
    async with Office(routes=routes) as office:
        await office.stop()
        for number in range(1000):
            domain = "b.example" if number % 100 == 99 else "a.example"
            office.put(f"u{number}@{domain}").stored = None
        office.start()
        await asyncio.sleep(0)
        await office.pass_time(1)
        await office.until(lambda: len(other.received) == 10)
        assert [m.recipients[0] for m in other.received] == [
            f"u{number}@b.example" for number in range(99, 1000, 100)
        ]
    await server.stop()
    await other.stop()


async def test_retry_after_the_route_has_changed() -> None:
    old = await Server(answers={"MAIL": ["451 later"]}, repeat=True).start()
    new = await Server().start()
    routes = {"ALL": f"127.0.0.1:{old.port}"}
    async with Office(routes=routes) as office:
        office.put("u@a.example")
        office.put("u@b.example", "u@a.example")
        office.put("u@b.example")
        await office.logged("pending till", 4)
        office.delivery.apply(
            replace(
                office.plan,
                routes=RouteTable({**routes, "a.example": f"127.0.0.1:{new.port}"}),
            )
        )
        assert office.delivery.retry_now("A.example") == (2, 0)
        await office.until(lambda: len(new.received) == 2)
        await office.pass_time(10)
        assert office.delivery.retry_now("a.example") == (0, 0)
        waiting = {row.name: row.waiting for row in office.delivery.destinations()}
        assert waiting == {f"127.0.0.1:{old.port}": 2, f"127.0.0.1:{new.port}": 0}
        assert office.delivery.retry_now("b.example") == (2, 0)
    await old.stop()
    await new.stop()


async def test_retry_leaves_held_messages_alone() -> None:
    server = await Server(answers={"MAIL": ["451 later"] * 3}).start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        entries = [office.put("u@a.example"), office.put("u@a.example", "u@b.example")]
        await office.logged("pending till", 3)
        for entry in entries:
            office.spool.hold(entry, "operator", "test")
        assert office.delivery.retry_now("a.example") == (0, 0)
        assert office.delivery.retry_now() == (0, 0)
        office.spool.release(entries[0], State.QUEUED)
        assert office.delivery.retry_now("a.example") == (1, 0)
        await office.until(lambda: server.received)
    await server.stop()


async def test_retry_with_more_than_can_be_looked_at_at_once() -> None:
    more = delivery.COUNTED_AT_ONCE // 2
    many = delivery.TAKEN_AT_ONCE + more
    routes = {"a.example": "null:", "b.example": "127.0.0.1:1"}
    async with Office(routes=routes) as office:
        await office.stop()
        later = Progress(1, office.clock.time() + 1000, 0, "4.4.0")
        for number in range(many):
            office.spool.retry(office.put(f"u@{'ab'[number % 2]}.example"), (0,), later)
        office.start()
        await asyncio.sleep(0)
        assert office.delivery.retry_now("a.example") == (more, many - delivery.COUNTED_AT_ONCE)
        await office.until(lambda: len(list(office.spool.entries())) == many // 2)
        assert len(office.with_text("Message finished")) == many // 2
        await office.pass_time(900, step=100)
        (waiting,) = [row.waiting for row in office.delivery.destinations() if row.waiting]
        assert waiting == many // 2
        assert not office.with_text("Delayed")
        await office.pass_time(110)
        await office.logged("Delayed", many // 2)


async def test_retry_reaches_mail_that_requires_tls() -> None:
    server = await Server(answers={"MAIL": ["451 later"]}).start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        office.put("u@a.example", requiretls=True)
        await office.logged("pending till")
        assert office.delivery.retry_now("a.example") == (1, 0)
    await server.stop()
