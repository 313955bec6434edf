"""How many connections there are, which messages use them, and how they end."""

import asyncio
import dataclasses

from mailwarden.core.policy.destinations import DestinationIndex, DestinationRow, table_of
from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.delivery.settings import DeliverySettings
from tests.unit.mailflow.delivery.office import Office
from tests.unit.mailflow.delivery.servers import Act, Server


async def test_domains_behind_one_host_share_connections() -> None:
    server = await Server().start()
    rows = {"special.example": DestinationRow(max_host_concurrency=1)}
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}, destinations=rows) as office:
        for number in range(30):
            office.put(f"u@d{number}.example")
            await office.until(lambda n=number: len(server.received) > n)
        assert server.connections == 1
        office.put("u@special.example")
        await office.empty()
        assert server.connections == 2
        name = f"127.0.0.1:{server.port}"
        assert [row.name for row in office.delivery.destinations()] == [
            name,
            f"{name} (special.example)",
        ]
    await server.stop()


async def test_a_backlog_opens_connections_up_to_the_limit() -> None:
    server = await Server(answers={"LAST": [Act.HANG]}, repeat=True).start()
    rows = {"DEFAULT": DestinationRow(max_host_concurrency=3)}
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}, destinations=rows) as office:
        for _ in range(100):
            office.put("u@partner.example")
        await office.until(lambda: len(server.received) == 3)
        await office.pass_time(10)
        assert server.connections == 3
        name = f"destination:127.0.0.1:{server.port}"
        assert office.gauges.value(name) == office.gauges.value("outbound") == 3
        (row,) = office.delivery.destinations()
        assert (row.ready, row.connections) == (97, 3)
    await office.until(lambda: office.gauges.value("outbound") == 0)
    await server.stop()


async def test_a_slow_host_gets_more_connections_as_time_passes() -> None:
    server = await Server(answers={"LAST": [Act.HANG]}, repeat=True).start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        for _ in range(3):
            office.put("u@partner.example")
        await office.until(lambda: server.connections == 1)
        await office.pass_time(20, step=0.25)
        await office.until(lambda: len(server.received) == 3)
    await server.stop()


async def test_the_limit_holds_over_all_workers() -> None:
    server = await Server().start()
    rows = {"DEFAULT": DestinationRow(max_host_concurrency=1)}
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}, destinations=rows) as office:
        name = f"destination:127.0.0.1:{server.port}"
        assert office.gauges.try_acquire(name, 1)  # another worker has the only connection
        office.put("u@partner.example")
        await office.pass_time(5)
        await asyncio.sleep(0.02)
        assert server.connections == 0
        assert office.gauges.value("outbound") == 0
        office.gauges.release(name)
        await office.pass_time(1)
        await office.empty()
    await server.stop()


async def test_the_limit_of_all_connections() -> None:
    one, two = await Server().start(), await Server().start()
    routes = {"a.example": f"127.0.0.1:{one.port}", "b.example": f"127.0.0.1:{two.port}"}
    settings = DeliverySettings(max_connections=1)
    async with Office(routes=routes, settings=settings) as office:
        office.put("u@a.example")
        office.put("u@b.example")
        await office.until(lambda: one.received)
        assert two.connections == 0
        await office.pass_time(7)  # the first connection ends when it was idle for long enough
        await office.until(lambda: one.open_connections == 0)
        await office.pass_time(1)
        await office.empty()
    await one.stop()
    await two.stop()


async def test_a_host_that_refused_gives_way_when_there_is_room_for_one() -> None:
    """With one connection allowed, the next host still gets what the first one put off."""
    busy = await Server(answers={"MAIL": ["451 later"]}).start()
    good = await Server(address="127.0.0.2").start()
    rows = {"DEFAULT": DestinationRow(max_host_concurrency=1)}
    route = f"127.0.0.1:{busy.port}, 127.0.0.2:{good.port}/pri=10"
    async with Office(routes={"ALL": route}, destinations=rows) as office:
        office.put("u@partner.example")
        office.put("v@partner.example")
        await office.empty()
        assert good.received[0].recipients == ["u@partner.example"]
        assert office.delivery.counters["soft_bounced"] == 0
    await busy.stop()
    await good.stop()


async def test_all_hosts_say_not_now() -> None:
    servers = [
        await Server(answers={"MAIL": ["451 later"]}, address=f"127.0.0.{n}").start()
        for n in (1, 2)
    ]
    route = ", ".join(f"{server.address}:{server.port}" for server in servers)
    async with Office(routes={"ALL": route}) as office:
        office.put("u@partner.example")
        await office.logged("pending till")
        assert [server.connections for server in servers] == [1, 1]
        assert len(office.with_text("Delayed: ")) == 1
        await office.pass_time(62)
        await office.empty()
    for server in servers:
        await server.stop()


async def test_a_final_refusal_is_not_carried_elsewhere() -> None:
    first = await Server(answers={"RCPT": ["550 no"]}).start()
    second = await Server(address="127.0.0.2").start()
    route = f"127.0.0.1:{first.port}, 127.0.0.2:{second.port}/pri=10"
    async with Office(routes={"ALL": route}) as office:
        office.put("u@partner.example")
        await office.until(lambda: office.reports)
        assert second.connections == 0
    await first.stop()
    await second.stop()


async def test_no_pause_between_messages() -> None:
    """Messages follow one another without waiting for ticks, in the order of their arrival."""
    server = await Server().start()
    rows = {"DEFAULT": DestinationRow(max_host_concurrency=1, max_messages_per_connection=1000)}
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}, destinations=rows) as office:
        for number in range(300):
            office.put(f"u{number}@partner.example")
        await office.empty()
        found = [m.recipients[0] for m in server.received]
        assert found == [f"u{number}@partner.example" for number in range(300)]
        assert server.connections == 1
    await server.stop()


# Swapping the configuration


async def test_open_connections_finish_under_the_old_configuration() -> None:
    old = await Server(answers={"MAIL": ["250 ok", "451 later", "250 ok"]}).start()
    new = await Server().start()
    async with Office(routes={"ALL": f"127.0.0.1:{old.port}"}) as office:
        office.put("a@partner.example")
        await office.empty()
        office.put("b@partner.example")
        await office.logged("pending till")
        old.answers["LAST"] = ["250 slow"]
        office.put("c@partner.example")
        await office.until(lambda: len(old.received) == 2)
        routes = RouteTable({"ALL": f"127.0.0.1:{new.port}"})
        office.delivery.apply(dataclasses.replace(office.plan, routes=routes))
        await office.until(lambda: old.open_connections == 0)
        assert old.commands[-1] == "QUIT"
        await office.pass_time(62)
        await office.empty()
        assert [m.recipients[0] for m in new.received] == ["b@partner.example"]
        assert office.with_text("Delayed: ")[1:] == []
    await old.stop()
    await new.stop()


async def test_the_transaction_under_way_ends_before_its_connection_does() -> None:
    old = await Server().start()
    old.answers["LAST"] = [Act.HANG]
    new = await Server().start()
    async with Office(routes={"ALL": f"127.0.0.1:{old.port}"}) as office:
        office.put("a@partner.example")
        office.put("b@partner.example")
        await office.until(lambda: old.received)
        routes = RouteTable({"ALL": f"127.0.0.1:{new.port}"})
        office.delivery.apply(dataclasses.replace(office.plan, routes=routes))
        await office.pass_time(1)
        await office.until(lambda: new.received)
        assert old.open_connections == 1
        assert [m.recipients[0] for m in new.received] == ["b@partner.example"]
        await office.pass_time(601, step=50)
        await office.logged("Possible Delivery")
        await office.logged("DCID 88 close")
        await office.empty()
        await office.pass_time(2)
        assert [row.name for row in office.delivery.destinations()] == [f"127.0.0.1:{new.port}"]
    await old.stop()
    await new.stop()


async def test_a_unit_is_divided_anew_under_new_routes() -> None:
    first = await Server(answers={"MAIL": ["451 later", "451 later"]}).start()
    second = await Server().start()
    async with Office(routes={"ALL": f"127.0.0.1:{first.port}"}) as office:
        office.put("a@one.example", "b@two.example", "c@one.example")
        await office.logged("pending till", 2)
        routes = RouteTable(
            {"one.example": f"127.0.0.1:{second.port}", "ALL": f"127.0.0.1:{first.port}"}
        )
        table = DestinationIndex(table_of({"two.example": DestinationRow(max_host_concurrency=1)}))
        plan = dataclasses.replace(office.plan, routes=routes, destinations=table)
        office.delivery.apply(plan)
        await office.pass_time(62)
        await office.empty()
        assert [m.recipients for m in second.received] == [["a@one.example", "c@one.example"]]
        assert [m.recipients for m in first.received] == [["b@two.example"]]
    await first.stop()
    await second.stop()


# Suspending and stopping


async def test_suspension_lets_the_open_transaction_finish() -> None:
    server = await Server().start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        office.put("a@partner.example")
        await office.empty()
        office.put("b@partner.example")
        office.delivery.suspend()
        office.put("c@partner.example")
        await office.until(lambda: server.open_connections == 0)
        await asyncio.sleep(0.02)
        assert [m.recipients[0] for m in server.received] == [
            "a@partner.example",
            "b@partner.example",
        ]
        assert office.delivery.is_suspended
        office.delivery.resume()
        await office.empty()
    await server.stop()


async def test_stop_finishes_what_is_open() -> None:
    server = await Server().start()
    office = Office(routes={"ALL": f"127.0.0.1:{server.port}"})
    office.start()
    office.put("a@partner.example")
    await office.until(lambda: server.connections)
    await office.until(lambda: "finished" in office.lines[-1])
    office.put("b@partner.example")
    stopping = asyncio.create_task(office.delivery.stop(5))
    await office.until(lambda: office.lines[-1] == "DCID 88 close")
    await stopping
    await office._task
    assert len(server.received) == 2
    assert list(office.spool.entries()) == []
    await server.stop()


async def test_stop_at_its_deadline_leaves_the_rest_in_the_spool() -> None:
    server = await Server(answers={"LAST": [Act.HANG]}).start()
    office = Office(routes={"ALL": f"127.0.0.1:{server.port}"})
    office.start()
    entry = office.put("a@partner.example")
    await office.until(lambda: server.received)
    await office.delivery.stop(0)
    await office._task
    await office.logged("DCID 88 close")
    assert entry.pending == 1
    assert entry.progress is None  # it counts as no attempt
    assert office.gauges.value("outbound") == 0
    await server.stop()
