"""The rows of mailflow 9 that delivery answers for alone, against scripted servers."""

import asyncio

import pytest

from mailwarden.core.mail.envelope import Recipient
from mailwarden.core.policy.bounce_profile import BounceProfile
from mailwarden.core.policy.destinations import DestinationRow, DestinationTls
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.stores.spool.spool import ReportKind
from tests.unit.mailflow.delivery.office import CONTENT, HEADER, Office
from tests.unit.mailflow.delivery.servers import Act, Server

OFF = DeliverySettings(possible_delivery=False)


async def closed_port() -> int:
    server = await Server().start()
    await server.stop()
    return server.port


async def test_row_64_the_most_specific_route_wins() -> None:
    inside, exchanger, smart = [await Server().start() for _ in range(3)]
    routes = {
        "ALL": f"127.0.0.1:{smart.port}",
        ".corp.example": "USEDNS",
        "corp.example": f"127.0.0.1:{inside.port}",
    }
    zone = {
        "eu.corp.example": {"MX": ["10 mx.eu.corp.example"]},
        "mx.eu.corp.example": {"A": ["127.0.0.1"]},
    }
    async with Office(routes=routes, zone=zone, port=exchanger.port) as office:
        office.put("u@corp.example")
        office.put("u@eu.corp.example")
        office.put("u@else.example")
        await office.empty()
    assert [m.recipients for m in inside.received] == [["u@corp.example"]]
    assert [m.recipients for m in exchanger.received] == [["u@eu.corp.example"]]
    assert [m.recipients for m in smart.received] == [["u@else.example"]]
    for server in (inside, exchanger, smart):
        await server.stop()


async def test_row_65_equal_hosts_take_turns_and_the_worse_one_stands_in() -> None:
    one, two, worse = [await Server().start() for _ in range(3)]
    route = f"127.0.0.1:{one.port}, 127.0.0.1:{two.port}, 127.0.0.1:{worse.port}/pri=10"
    once = {"DEFAULT": DestinationRow(max_messages_per_connection=1, max_host_concurrency=1)}
    async with Office(routes={"partner.example": route}, destinations=once) as office:
        for number in range(4):
            office.put(f"u{number}@partner.example")
        await office.empty()
        assert len(one.received) == len(two.received) == 2
        await one.stop()
        await two.stop()
        office.put("late@partner.example")
        await office.empty()
        assert [m.recipients for m in worse.received] == [["late@partner.example"]]
        await worse.stop()
        entry = office.put("never@partner.example")
        await office.logged("pending till")
        assert office.resolver.asked == []  # never by MX
        assert entry.progress[0].reason.startswith("4.4.0 - Other network problem")


async def test_row_66_dev_null_drops() -> None:
    async with Office(routes={"trap.example": "/dev/null"}) as office:
        office.put("u@trap.example", Recipient("v@trap.example"))
        await office.empty()
        assert office.lines == [
            "Delivery start DCID 88 MID 7001 to RID [0, 1]",
            "Message done DCID 88 MID 7001 to RID [0, 1]",
            "Dropped: MID 7001 to RID [0, 1] by SMTP route /dev/null",
            "Message finished MID 7001 done",
        ]
        assert office.reports == []
        assert office.delivery.counters["dropped"] == 2


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "LAST", "GREETING", "EHLO"])
async def test_row_67_a_452_moves_on_to_the_next_host(command: str) -> None:
    full = await Server(answers={command: ["452 4.3.1 full"]}, repeat=True).start()
    good = await Server().start()
    route = f"127.0.0.1:{full.port}, 127.0.0.2:{good.port}/pri=10"
    good.address = "127.0.0.2"
    await good.stop()
    await good.start()
    async with Office(routes={"ALL": route}) as office:
        office.put("u@partner.example")
        await office.empty()
        assert len(good.received) == 1
        assert full.connections == 1
        assert office.reports == []
        assert office.delivery.counters["soft_bounced"] == 0
    await full.stop()
    await good.stop()


async def test_row_68_ten_recipients_are_one_transaction() -> None:
    server = await Server().start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        office.put(*(f"u{number}@partner.example" for number in range(10)))
        await office.empty()
        assert server.connections == 1
        assert len(server.received) == 1
        assert len(server.received[0].recipients) == 10
        assert server.received[0].content == HEADER + CONTENT
        for number in range(10):  # ten MIDs, as after splintering: ten transactions, one DCID
            office.put(f"v{number}@partner.example")
            await office.until(lambda n=number: len(server.received) == n + 2)
        await office.empty()
        assert server.connections == 1
        assert len(office.with_text("Delivery start DCID 88 MID")) == 11
    await server.stop()


async def test_row_69_a_new_connection_after_fifty_messages() -> None:
    server = await Server().start()
    destinations = {"DEFAULT": DestinationRow(max_host_concurrency=1)}
    routes = {"ALL": f"127.0.0.1:{server.port}"}
    async with Office(routes=routes, destinations=destinations) as office:
        for number in range(51):
            office.put(f"u{number}@partner.example")
        await office.empty()
        assert [m.connection for m in server.received] == [1] * 50 + [2]
        assert len(office.with_text("Delivery start DCID 88 ")) == 50
        assert len(office.with_text("Delivery start DCID 89 ")) == 1
        lines = list(office.lines)
        assert lines.index("DCID 88 close") < lines.index(
            "Delivery start DCID 89 MID 7051 to RID [0]"
        )
    await server.stop()


async def test_row_71_tls_required_is_never_sent_in_clear() -> None:
    server = await Server().start()
    rows = {"partner.example": DestinationRow(tls=DestinationTls.REQUIRED)}
    routes = {"ALL": f"127.0.0.1:{server.port}"}
    async with Office(routes=routes, destinations=rows) as office:
        office.put("u@partner.example")
        await office.logged("Delayed: ")
        assert server.received == []
        assert (
            "DCID 88 IP 127.0.0.1 TLS was required but could not be successfully negotiated"
            in office.lines
        )
        assert not office.alerts.told  # it is not asked for
    async with Office(routes=routes, destinations=rows, send_tls_alert=True) as office:
        office.put("u@partner.example")
        await office.logged("Delayed: ")
        alert = "mail waits, as TLS with 127.0.0.1 (127.0.0.1) did not come about: STARTTLS is not"
        (told,) = office.alerts.told
        assert told[:2] == ("Warning", "System")
        assert told.text.startswith(f"Required TLS connection failed: {alert}")
        assert told.key == "required TLS 127.0.0.1"
        office.put("v@partner.example")
        await office.logged("Delayed: ", 2)
        await office.pass_time(61)
        await office.logged("Delayed: ", 4)
        assert server.received == []
        assert len(office.alerts.told) == 1  # one an hour
        office.clock.advance(3600)
        office.put("w@partner.example")
        await office.until(lambda: len(office.alerts.told) == 2)
    rows = {"partner.example": DestinationRow(tls=DestinationTls.PREFERRED)}
    async with Office(routes=routes, destinations=rows) as office:
        office.put("u@partner.example")
        await office.empty()
        assert len(server.received) == 1
    await server.stop()


async def test_row_72_one_of_two_is_refused() -> None:
    server = await Server(answers={"RCPT": ["250 ok", "550 no such user"]}).start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        entry = office.put("good@partner.example", "bad@partner.example")
        await office.until(lambda: office.reports)
        (report,) = office.reports
        assert report.kind is ReportKind.FAILED
        assert report.rids == (1,)
        assert report.reason == "5.1.0 - Unknown address error"
        assert report.response == "550-'no such user'"
        assert report.remote == "127.0.0.1"
        assert report.attempts == 0
        assert entry.settled == {0}
        assert office.lines[-3:] == [
            "Message done DCID 88 MID 7001 to RID [0]",
            "MID 7001 RID [0] Response 2.0.0 Ok: queued as 8F2C",
            (
                "Bounced: DCID 88 MID 7001 to RID 1 - 5.1.0 - Unknown address error"
                " ('550', ['no such user']) []"
            ),
        ]
        assert server.received[0].recipients == ["good@partner.example"]
    await server.stop()


async def test_row_73_two_retries() -> None:
    server = await Server(answers={"MAIL": ["451 try later"]}, repeat=True).start()
    profile = BounceProfile(max_retries=2, initial_retry_seconds=60, max_retry_seconds=60)
    routes = {"ALL": f"127.0.0.1:{server.port}"}
    async with Office(routes=routes, profiles={"Default": profile}) as office:
        office.put("u@partner.example")
        await office.logged("Delayed: ", 1)
        await office.pass_time(59)
        assert len(list(office.attempts())) == 1
        await office.pass_time(2)
        await office.logged("Delayed: ", 2)
        await office.pass_time(61)
        await office.logged("Bounced: ")
        assert len(list(office.attempts())) == 3
        assert office.reports[0].attempts == 2
        assert office.with_text("Bounced: ")[0].endswith(
            "- 5.1.0 - Unknown address error ('451', ['try later']) []"
        )
    await server.stop()


async def test_row_73_max_time_bounces_without_another_attempt() -> None:
    server = await Server(answers={"MAIL": ["451 try later"]}, repeat=True).start()
    profile = BounceProfile(
        initial_retry_seconds=60, max_retry_seconds=60, max_queue_time_seconds=100
    )
    routes = {"ALL": f"127.0.0.1:{server.port}"}
    async with Office(routes=routes, profiles={"Default": profile}) as office:
        office.put("u@partner.example")
        await office.logged("Delayed: ", 1)
        await office.pass_time(61)
        await office.logged("Delayed: ", 2)
        await office.pass_time(58)
        assert office.reports == []
        await office.pass_time(3)
        await office.until(lambda: office.reports)
        assert len(list(office.attempts())) == 2
        assert office.reports[0].reason == "5.4.7 - Delivery expired (message too old)"
        assert "Bounced: DCID 0 MID 7001 to RID 0 - 5.4.7 - Delivery" in office.lines[-1]
    await server.stop()


async def test_row_74_451_for_ever() -> None:
    server = await Server(answers={"RCPT": ["451 try later"]}, repeat=True).start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        entry = office.put("u@partner.example")
        attempts, hours = 0, 0.0
        while not office.reports:
            attempts += 1
            await office.logged("pending till", attempts)
            wait = entry.progress[0].next_attempt_at - office.clock.time()
            assert wait <= 3600
            await office.pass_time(wait + 1, step=wait + 1)
            hours += (wait + 1) / 3600
            await office.until(
                lambda n=attempts: len(office.with_text("pending till")) > n or office.reports
            )
        assert 72 <= hours < 74
        assert office.reports[0].reason.startswith("5.4.7")
        assert all(report.kind is ReportKind.FAILED for report in office.reports)  # no warning
    await server.stop()


async def test_row_75_the_null_sender_is_reported_for_origination_to_drop() -> None:
    server = await Server(answers={"RCPT": ["550 no such user"]}).start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        office.put("u@partner.example", sender="")
        await office.until(lambda: office.reports)
        assert server.commands[1].startswith("MAIL FROM:<>")
        assert office.reports[0].kind is ReportKind.FAILED
    await server.stop()


async def test_row_77_nxdomain_bounces_at_once() -> None:
    async with Office() as office:
        office.put("u@nope.example")
        await office.until(lambda: office.reports)
        answer = "('000', ['DNS Hard Error looking up nope.example (MX):  NXDomain'])"
        reason = "5.1.2 - Bad destination host"
        assert office.lines == [f"Bounced: DCID 0 MID 7001 to RID 0 - {reason} {answer} []"]
        assert len(office.bounces) == 1
        assert office.bounces[0] == (
            f"Bounced: 7001:0 From:<ann@corp.example> To:<u@nope.example> "
            f'Reason: "{reason}" Response: "{answer}"'
        )


async def test_row_82_a_blank_behind_the_alternate_host() -> None:
    server = await Server().start()
    zone = {"mail.int.example": {"A": ["127.0.0.1"]}}
    async with Office(zone=zone, port=server.port) as office:
        office.put(Recipient("u@partner.example", mailhost="mail.int.example "))
        await office.empty()
        assert server.received[0].recipients == ["u@partner.example"]
        office.put(Recipient("u@partner.example", mailhost="not a host"))
        await office.logged("Delayed: ")
        office.put(Recipient("u@partner.example", mailhost="nope.example"))
        await office.logged("Delayed: ", 2)
    await server.stop()


async def test_row_83_suspended_deliveries_wait() -> None:
    server = await Server().start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        office.delivery.suspend()
        office.put("u@partner.example")
        await asyncio.sleep(0.01)
        assert server.connections == 0
        office.delivery.resume()
        await office.empty()
        assert len(server.received) == 1
    await server.stop()


async def test_row_83_delivernow() -> None:
    server = await Server(answers={"MAIL": ["451 later"]}).start()
    other = await Server(answers={"MAIL": ["451 later"]}).start()
    routes = {
        "partner.example": f"127.0.0.1:{server.port}",
        "other.example": f"127.0.0.1:{other.port}",
    }
    async with Office(routes=routes) as office:
        office.put("u@partner.example")
        office.put("u@other.example")
        await office.logged("pending till", 2)
        assert office.delivery.retry_now("partner.example") == (1, 0)
        await office.pass_time(1)
        await office.until(lambda: server.received)
        assert other.received == []
        assert office.delivery.retry_now() == (1, 0)
        await office.pass_time(1)
        await office.empty()
    await server.stop()
    await other.stop()


@pytest.mark.parametrize("command", ["LAST", "END"])
async def test_row_86_cut_after_the_final_dot(command: str) -> None:
    offers = ("PIPELINING", "CHUNKING") if command == "LAST" else ("PIPELINING",)
    server = await Server(offers, answers={command: [Act.CLOSE]}).start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}) as office:
        office.put("u@partner.example", "v@partner.example")
        await office.empty()
        assert len(server.received) == 1
        assert "Possible Delivery: DCID: 88 MID 7001 to [0, 1]" in office.lines
        assert office.lines[-1] == "DCID 88 close" or "finished" in office.lines[-1]
        assert office.delivery.counters["delivered"] == 2
    await server.stop()


async def test_row_86_cut_after_the_final_dot_and_tried_again() -> None:
    server = await Server(answers={"LAST": [Act.CLOSE]}).start()
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}, settings=OFF) as office:
        office.put("u@partner.example")
        await office.logged("pending till")
        assert office.with_text("Possible Delivery") == []
        await office.pass_time(61)
        await office.empty()
        assert len(server.received) == 2  # one duplicate, not more
    await server.stop()
