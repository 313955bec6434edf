"""Messages with many recipients, and trouble of our own."""

import asyncio
import socket

from mailwarden.core.interface import Interface
from mailwarden.core.mail.envelope import Notify, Recipient
from mailwarden.core.policy.bounce_profile import BounceProfile
from mailwarden.core.policy.destinations import DestinationRow
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.stores.spool.spool import DamagedError, ReportKind, Settlement, State, Stored
from tests.unit.mailflow.delivery.office import Office
from tests.unit.mailflow.delivery.servers import ALL, Act, Server

LARGE = b"Subject: large\r\n\r\n" + b"x" * 78 * 2000 + b"\r\n"


def office_for(server: Server, **more: object) -> Office:
    return Office(routes={"ALL": f"127.0.0.1:{server.port}"}, **more)


# Recipients


async def test_too_many_recipients_follow_at_once() -> None:
    """Those that a 452 4.5.3 left over are not late (RFC 5321, 4.5.3.1.10)."""
    crowded = ["250 ok", "250 ok", "452 4.5.3 Too many recipients"]
    server = await Server(answers={"RCPT": [*crowded, *crowded]}).start()
    async with office_for(server) as office:
        office.put(*(f"u{number}@partner.example" for number in range(3)))
        await office.empty()
        assert [len(m.recipients) for m in server.received] == [2, 1]
        assert office.with_text("Delayed: ") == []
    await server.stop()


async def test_recipients_of_one_message_fare_differently() -> None:
    server = await Server(answers={"RCPT": ["250 ok", "451 later", "550 never", "250 ok"]}).start()
    async with office_for(server) as office:
        entry = office.put(*(f"u{number}@partner.example" for number in range(4)))
        await office.logged("pending till")
        assert entry.settled == {0, 3}
        assert [report.rids for report in office.reports] == [(2,)]
        assert set(entry.progress) == {1}
        await office.pass_time(62)
        await office.until(lambda: len(server.received) == 2)
        assert server.received[1].recipients == ["u1@partner.example"]
    await server.stop()


async def test_recipients_are_divided_by_the_limits() -> None:
    server = await Server((*ALL, "LIMITS RCPTMAX=2 MAILMAX=2")).start()
    async with office_for(server) as office:
        office.put(*(f"u{number}@partner.example" for number in range(5)))
        await office.empty()
        assert [len(m.recipients) for m in server.received] == [2, 2, 1]
        assert [m.connection for m in server.received] == [1, 1, 2]
    await server.stop()


async def test_destinations_of_one_message_go_their_own_ways() -> None:
    good = await Server().start()
    bad = await Server(answers={"RCPT": ["451 later"]}).start()
    routes = {"good.example": f"127.0.0.1:{good.port}", "bad.example": f"127.0.0.1:{bad.port}"}
    async with Office(routes=routes) as office:
        entry = office.put("a@good.example", "b@bad.example", "c@good.example")
        await office.logged("pending till")
        await office.until(lambda: entry.settled == {0, 2})
        assert good.received[0].recipients == ["a@good.example", "c@good.example"]
        await office.pass_time(62)
        await office.empty()
        assert bad.received[0].recipients == ["b@bad.example"]
    await good.stop()
    await bad.stop()


# Trouble of our own


async def test_a_damaged_message_is_held() -> None:
    server = await Server().start()
    async with office_for(server) as office:
        office.spool.damaged.add(7001)
        entry = office.put("u@partner.example")
        office.put("v@partner.example")
        await office.until(lambda: server.received)
        assert entry.state is State.HELD
        assert any("MID 7001 is damaged" in line for line in office.lines)
    await server.stop()


async def test_content_that_cannot_be_read_to_its_end() -> None:
    class Torn:
        size = len(LARGE)
        dotted = True

        def chunks(self):
            yield LARGE[:100]
            raise DamagedError("torn")

        def read(self, limit: int = -1) -> bytes:
            return LARGE[:100]

    server = await Server().start()
    async with office_for(server) as office:
        entry = office.put("u@partner.example", content=LARGE)
        stored = office.spool.load(entry)
        office.spool._messages[entry.mid] = Stored(stored.envelope, stored.header, Torn())
        await office.logged("pending till")
        assert server.received == []
        assert "4.3.0 - Other mail system problem" in office.with_text("Delayed: ")[0]
        assert any("cannot be read" in line for line in office.lines)
    await server.stop()


async def test_settled_by_an_administrator_meanwhile() -> None:
    server = await Server(answers={"MAIL": ["451 later"]}).start()
    async with office_for(server) as office:
        entry = office.put("u@partner.example", "v@partner.example")
        await office.logged("pending till")
        office.spool.settle(entry, (0,), Settlement.DROPPED)
        await office.pass_time(62)
        await office.empty()
        assert server.received[0].recipients == ["v@partner.example"]
    await server.stop()


async def test_held_and_released_while_it_waits() -> None:
    server = await Server(answers={"MAIL": ["451 later"]}).start()
    async with office_for(server) as office:
        entry = office.put("u@partner.example")
        await office.logged("pending till")
        office.spool.hold(entry, "operator", "test")
        await office.pass_time(62)
        await asyncio.sleep(0.02)
        assert server.received == []
        office.spool.release(entry, State.QUEUED)
        await office.empty()
        await office.pass_time(120)
        assert len(server.received) == 1
    await server.stop()


async def test_held_and_released_in_the_middle_of_a_transaction() -> None:
    server = await Server(answers={"LAST": [Act.HANG]}).start()
    async with office_for(server) as office:
        entry = office.put("u@partner.example")
        await office.until(lambda: server.received)
        office.spool.hold(entry, "operator", "test")
        office.spool.release(entry, State.QUEUED)
        await asyncio.sleep(0.02)
        assert len(server.received) == 1  # it is not sent twice
        await office.pass_time(601, step=100)
        await office.logged("Possible Delivery")
        await office.empty()
        assert len(server.received) == 1
    await server.stop()


async def test_the_wall_clock_is_set_back_and_forth() -> None:
    server = await Server(answers={"MAIL": ["451 later", "451 later"]}).start()
    profile = BounceProfile(max_queue_time_seconds=1000)
    async with office_for(server, profiles={"Default": profile}) as office:
        office.put("u@partner.example")
        await office.logged("pending till")
        office.clock.step(-86400)
        await office.pass_time(62)
        await office.logged("pending till", 2)
        office.clock.step(10 * 86400)
        await office.pass_time(121)
        await office.empty()
        assert office.reports == []
    await server.stop()


async def test_a_clock_set_back_before_a_restart_does_not_stall_retries() -> None:
    server = await Server(answers={"MAIL": ["451 later"]}).start()
    async with office_for(server) as office:
        office.put("u@partner.example")
        await office.logged("pending till")
        await office.stop()
        office.clock.step(-10 * 86400)
        office.start()
        await asyncio.sleep(0.01)  # what waits is taken over in slices
        await office.pass_time(3601, step=100)
        await office.empty()
        assert len(server.received) == 1
    await server.stop()


async def test_restart_goes_on_where_it_was() -> None:
    server = await Server(answers={"RCPT": ["250 ok", "451 later", "550 no"]}).start()
    async with office_for(server) as office:
        entry = office.put(*(f"u{number}@partner.example" for number in range(3)))
        await office.logged("pending till")
        await office.stop()
        assert entry.stored is None
        office.start()
        await office.pass_time(50)
        await asyncio.sleep(0.02)
        assert len(server.received) == 1
        await office.pass_time(12)
        await office.until(lambda: len(server.received) == 2)
        assert server.received[1].recipients == ["u1@partner.example"]
        assert [report.rids for report in office.reports] == [(2,)]  # not bounced again
    await server.stop()


async def test_ipv6_and_the_chosen_interface() -> None:
    server = Server(address="::1")
    try:
        await server.start()
    except OSError:
        server = Server(address="127.0.0.1")
        await server.start()
    host = f"[{server.address}]:{server.port}"
    interfaces = {
        "six": Interface(address="::1", hostname="six.corp.example"),
        "four": Interface(address="127.0.0.9", hostname="four.corp.example"),
    }
    family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
    name = "six" if family == socket.AF_INET6 else "four"
    settings = DeliverySettings(interface=name)
    async with Office(routes={"ALL": host}, settings=settings, interfaces=interfaces) as office:
        office.put("u@partner.example")
        await office.empty()
        assert server.commands[0] == f"EHLO {name}.corp.example"
        shown = interfaces[name].address
        assert office.lines[0].startswith(f"New SMTP DCID 88 interface {shown} address ")
    other = DeliverySettings(interface="four" if name == "six" else "six")
    async with Office(routes={"ALL": host}, settings=other, interfaces=interfaces) as office:
        office.put("u@partner.example")
        await office.logged("pending till")
        assert "cannot reach" in office.with_text("Delayed: ")[0]
    await server.stop()


async def test_reports_of_success() -> None:
    knows = await Server().start()
    knows_not = await Server(("PIPELINING",)).start()
    routes = {"a.example": f"127.0.0.1:{knows.port}", "b.example": f"127.0.0.1:{knows_not.port}"}
    wants = Notify.SUCCESS | Notify.FAILURE
    async with Office(routes=routes) as office:
        office.put(
            Recipient("u@a.example", wants, "rfc822;u@a.example"),
            Recipient("u@b.example", wants),
            Recipient("v@b.example", Notify.NEVER),
            envelope_id="id1",
            return_full=True,
        )
        await office.until(lambda: knows.received and knows_not.received and office.reports)
        assert [(report.kind, report.rids) for report in office.reports] == [
            (ReportKind.RELAYED, (1,))
        ]
        assert knows.received[0].mail.endswith("RET=FULL ENVID=id1")
        assert knows.received[0].rcpts == [
            "RCPT TO:<u@a.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;u@a.example"
        ]
    await knows.stop()
    await knows_not.stop()


async def test_whoever_wants_no_report_gets_none() -> None:
    server = await Server(answers={"RCPT": ["550 no"]}, repeat=True).start()
    async with office_for(server) as office:
        office.put(Recipient("u@partner.example", Notify.NEVER))
        office.put(Recipient("u@partner.example", Notify.SUCCESS))
        await office.empty()
        assert office.reports == []
        assert len(office.with_text("Bounced: ")) == 2
        assert office.lines[-1] == "Message finished MID 7002 done"
    await server.stop()


async def test_no_bounces_by_profile() -> None:
    server = await Server(answers={"RCPT": ["550 no"]}, repeat=True).start()
    profiles = {"Default": BounceProfile(), "quiet": BounceProfile(send_bounces=False)}
    rows = {"partner.example": DestinationRow(bounce_profile="quiet")}
    async with office_for(server, profiles=profiles, destinations=rows) as office:
        office.put("u@partner.example", bounce_profile="Default")
        await office.empty()
        assert office.reports == []
    await server.stop()


async def test_delay_warnings() -> None:
    server = await Server(answers={"MAIL": ["451 later"]}, repeat=True).start()
    profile = BounceProfile(
        send_delay_warnings=True,
        delay_interval_seconds=100,
        delay_count_max=2,
        max_retry_seconds=60,
    )
    async with office_for(server, profiles={"Default": profile}) as office:
        entry = office.put("u@partner.example")
        for attempt in range(1, 8):
            await office.logged("pending till", attempt)
            assert len(office.reports) == (0, 0, 1, 1, 2, 2, 2)[attempt - 1]
            await office.pass_time(61)
        assert {report.kind for report in office.reports} == {ReportKind.DELAYED}
        assert entry.progress[0].warnings == 2
        office.put("u@partner.example", sender="")
        await office.logged("Delayed: ", 9)
    await server.stop()
