"""Everything that can go wrong with a next hop: right retry, right log, at most one duplicate."""

import asyncio
import dataclasses
import socket
import threading

import pytest

from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.delivery.hosts import Ourselves
from mailwarden.mailflow.delivery.settings import DeliverySettings
from tests.unit.mailflow.delivery.office import CONTENT, HEADER, Office
from tests.unit.mailflow.delivery.servers import ALL, Act, Server

LARGE = b"Subject: large\r\n\r\n" + b"x" * 78 * 2000 + b"\r\n"
OLD = ("8BITMIME",)  # neither PIPELINING nor CHUNKING
DATA_ONLY = ("PIPELINING",)


def office_for(server: Server, **more: object) -> Office:
    return Office(routes={"ALL": f"127.0.0.1:{server.port}"}, **more)


async def recovers(office: Office, server: Server, details: str) -> None:
    """The message was delayed for `details`, and the next attempt brings it through."""
    await office.logged("pending till")
    assert len(office.with_text("Delayed: ")) == 1
    assert details in office.with_text("Delayed: ")[0]
    assert " 4.4.0 - Other network problem " in office.with_text("Delayed: ")[0]
    await office.pass_time(62)
    await office.empty()
    assert office.reports == []
    assert office.lines[-1] == "Message finished MID 7001 done"
    assert len(office.with_text("Message done")) == 1


async def test_refuses_the_connection() -> None:
    server = await Server().start()
    await server.stop()
    async with office_for(server) as office:
        office.put("u@partner.example")
        await office.logged("Connection Error: DCID: 88 IP: 127.0.0.1 details: Connection refused")
        await server.start()
        await recovers(office, server, "Connection refused")
        assert len(server.received) == 1
        assert office.with_text("pending till") == [
            "MID 7001 to RID [0] pending till Tue Nov  9 10:16:02 2010 [Default]"
        ] or office.with_text("pending till")[0].endswith("[Default]")
    await server.stop()


@pytest.mark.parametrize(
    ("stage", "seconds"),
    [("GREETING", 300), ("EHLO", 300), ("MAIL", 300), ("RCPT", 300), ("DATA", 120)],
)
async def test_hangs(stage: str, seconds: float) -> None:
    server = await Server(OLD, answers={stage: [Act.HANG]}).start()
    async with office_for(server) as office:
        office.put("u@partner.example")
        await office.until(lambda: server.connections)
        if stage != "GREETING":
            await office.until(lambda: any(stage in command for command in server.commands))
        await asyncio.sleep(0.02)
        await office.pass_time(seconds - 1, step=10)
        assert office.with_text("Connection Error") == []
        await office.pass_time(2)
        await office.logged(
            "Connection Error: connection timed out DCID: 88 IP: 127.0.0.1 details: timeout"
            " interface: 127.0.0.1"
        )
        await recovers(office, server, "timeout")
        assert len(server.received) == 1
    await server.stop()


@pytest.mark.parametrize(("possible", "copies"), [(True, 1), (False, 2)])
async def test_hangs_after_the_final_dot(possible: bool, copies: int) -> None:
    server = await Server(answers={"LAST": [Act.HANG]}).start()
    settings = DeliverySettings(possible_delivery=possible)
    async with office_for(server, settings=settings) as office:
        office.put("u@partner.example")
        await office.until(lambda: server.received)
        await asyncio.sleep(0.02)
        await office.pass_time(599, step=10)
        assert office.with_text("Connection Error") == []
        await office.pass_time(2)
        if not possible:
            await recovers(office, server, "timeout")
        await office.empty()
        assert len(server.received) == copies
    await server.stop()


@pytest.mark.parametrize("stage", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("act", [Act.CLOSE, Act.RESET])
async def test_drops_the_connection(stage: str, act: Act) -> None:
    server = await Server(OLD, answers={stage: [act]}).start()
    async with office_for(server) as office:
        office.put("u@partner.example")
        details = "EOF" if act is Act.CLOSE else "reset by peer"
        await office.logged("Connection Error: DCID: 88 IP: 127.0.0.1 details: ")
        assert office.with_text("Connection Error")[0].endswith(
            f"{details} interface: 127.0.0.1 reason: network error"
        )
        await recovers(office, server, details)
        assert len(server.received) == 1
    await server.stop()


class HalfReader(threading.Thread):
    """A server that closes in the middle of the content, without reading the rest of it."""

    def __init__(self, offers: tuple[str, ...], commands: int) -> None:
        super().__init__()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._offers, self._commands = offers, commands

    def run(self) -> None:
        connection, _ = self._socket.accept()
        with self._socket, connection:
            connection.sendall(b"220 x\r\n")
            self.line(connection)
            connection.sendall("".join(f"250-{o}\r\n" for o in ("x", *self._offers)).encode())
            connection.sendall(b"250 HELP\r\n")
            for _ in range(self._commands):
                reply = b"354 go\r\n" if self.line(connection) == b"DATA" else b"250 ok\r\n"
                connection.sendall(reply)
            connection.recv(20, socket.MSG_WAITALL)

    def line(self, connection: socket.socket) -> bytes:
        line = b""
        while not line.endswith(b"\r\n"):
            line += connection.recv(1)
        return line.strip()


@pytest.mark.parametrize(("offers", "commands"), [((), 3), (DATA_ONLY, 3), (ALL, 2)])
@pytest.mark.parametrize("content", [CONTENT, LARGE])
async def test_drops_inside_the_content(
    offers: tuple[str, ...], commands: int, content: bytes
) -> None:
    """Even with possible delivery on: the peer has not read the whole message."""
    half = HalfReader(offers, commands)
    half.start()
    whole = await Server(offers).start()
    async with Office(routes={"ALL": f"127.0.0.1:{half.port}"}) as office:
        office.put("u@partner.example", content=content)
        await office.logged("pending till")
        assert office.with_text("Possible Delivery") == []
        assert office.with_text("Message done") == []
        routes = RouteTable({"ALL": f"127.0.0.1:{whole.port}"})
        office.delivery.apply(dataclasses.replace(office.plan, routes=routes))
        await office.pass_time(62)
        await office.empty()
        assert [m.content for m in whole.received] == [HEADER + content]
    half.join()
    await whole.stop()


NONSENSE = [b"hello there\r\n", b"\x00\xff\xfe\r\n", b"250-a\r\n551 b\r\n", b"9" * 5000]


@pytest.mark.parametrize("stage", ["GREETING", "EHLO", "MAIL", "LAST"])
@pytest.mark.parametrize("words", NONSENSE)
async def test_answers_nonsense(stage: str, words: bytes) -> None:
    server = await Server(answers={stage: [words]}).start()
    async with office_for(server) as office:
        office.put("u@partner.example")
        await office.logged("Connection Error: DCID: 88 IP: 127.0.0.1 details: ")
        await office.logged("pending till")
        assert office.with_text("Message done") == []
        await office.pass_time(62)
        await office.empty()
        assert len(office.with_text("Message done")) == 1
        # One write carries all: the server may have taken the message behind its bad words.
        assert 1 <= len(server.received) <= 2
    await server.stop()


async def test_refuses_with_a_greeting_that_looks_final() -> None:
    server = await Server(answers={"GREETING": ["554 your address is on a list"]}).start()
    async with office_for(server) as office:
        office.put("u@partner.example")
        await recovers(office, server, "'your address is on a list'")
    await server.stop()


async def test_421_after_the_reply_does_not_undo_it() -> None:
    server = await Server(answers={"LAST": [b"250 ok\r\n421 enough for now\r\n"]}).start()
    async with office_for(server) as office:
        office.put("u@partner.example")
        await office.empty()
        office.put("v@partner.example")
        await office.empty()
        assert [m.connection for m in server.received] == [1, 2]
        assert office.with_text("Connection Error") == []
    await server.stop()


async def test_an_idle_connection_that_the_peer_closed_costs_no_attempt() -> None:
    server = await Server(answers={"MAIL": ["250 ok", Act.CLOSE]}).start()
    async with office_for(server) as office:
        office.put("u@partner.example")
        await office.empty()
        office.put("v@partner.example")
        await office.empty()
        assert [m.connection for m in server.received] == [1, 2]
        assert office.with_text("Delayed: ") == []
        assert office.delivery.counters["soft_bounced"] == 0
    await server.stop()


async def test_an_idle_connection_is_ended_after_a_while() -> None:
    server = await Server().start()
    async with office_for(server) as office:
        office.put("u@partner.example")
        await office.empty()
        await office.pass_time(4)
        assert server.open_connections == 1
        await office.pass_time(2)
        await office.until(lambda: server.open_connections == 0)
        assert server.commands[-1] == "QUIT"
        await office.until(lambda: office.lines[-1] == "DCID 88 close")
    await server.stop()


async def test_goodbye_to_an_idle_connection() -> None:
    server = await Server(answers={"LAST": [b"250 ok\r\n"]}).start()
    async with office_for(server) as office:
        office.put("u@partner.example")
        await office.empty()
        await server.stop()
        await office.logged("DCID 88 close")
        assert office.with_text("Connection Error") == []
        await server.start()
        office.put("v@partner.example")
        await office.empty()
    await server.stop()


async def test_a_quit_that_is_not_answered() -> None:
    server = await Server(answers={"QUIT": [Act.HANG]}).start()
    async with office_for(server) as office:
        office.put("u@partner.example")
        await office.empty()
        await office.pass_time(6)
        await office.until(lambda: server.commands[-1] == "QUIT")
        await office.pass_time(6)
        await office.logged("DCID 88 close")
        assert office.gauges.value("outbound") == 0
    await server.stop()


# DNS


async def test_dns_is_dead() -> None:
    server = await Server().start()
    zone = {"partner.example": {"SERVFAIL": []}}
    async with Office(zone=zone, port=server.port) as office:
        office.put("u@partner.example")
        await office.logged("pending till")
        said = "DNS Soft Error looking up partner.example (MX):  SERVFAIL from the fake resolver"
        assert office.with_text("Delayed: ")[0] == (
            "Delayed: DCID 0 MID 7001 to RID 0 - 4.1.2 - Bad destination host "
            f"('000', ['{said}']) []"
        )
        office.resolver.zone = {"partner.example": {"A": ["127.0.0.1"]}}
        await office.pass_time(62)
        await office.empty()
        assert len(server.received) == 1
    await server.stop()


async def test_the_route_names_no_host_that_exists() -> None:
    async with Office(routes={"ALL": "gone.int.example"}) as office:
        office.put("u@partner.example")
        await office.logged("pending till")
        assert "4.1.2 - Bad destination host" in office.with_text("Delayed: ")[0]
        assert office.reports == []


async def test_null_mx() -> None:
    async with Office(zone={"partner.example": {"MX": ["0 ."]}}) as office:
        office.put("u@partner.example")
        await office.until(lambda: office.reports)
        assert office.reports[0].reason == "5.1.10 - Recipient address has null MX"


async def test_mx_that_is_this_gateway() -> None:
    zone = {"partner.example": {"MX": ["10 gw1.corp.example"]}, "gw1.corp.example": {"A": []}}
    ourselves = Ourselves(frozenset({"gw1.corp.example"}))
    async with Office(zone=zone, ourselves=ourselves) as office:
        office.put("u@partner.example")
        await office.until(lambda: office.reports)
        assert office.reports[0].reason == "5.4.6 - Routing loop detected"


async def test_an_address_without_a_domain_bounces() -> None:
    async with Office() as office:
        office.put("u", "v@-.example")
        await office.until(lambda: len(office.reports) == 2)
        assert {report.reason for report in office.reports} == {"5.1.2 - Bad destination host"}


# Many units


async def test_a_destination_that_is_down_delays_all_that_waits_for_it() -> None:
    server = await Server().start()
    await server.stop()
    async with office_for(server) as office:
        for _ in range(250):
            office.put("u@partner.example")
        await office.logged("pending till", 250)
        assert len(office.with_text("Connection Error")) == 1
        office.put("late@partner.example")  # within host_down_seconds: an attempt that counts
        await office.logged("pending till", 251)
        assert len(office.with_text("Connection Error")) == 1
        assert "host down: Connection refused" in office.with_text("Delayed: ")[-1]
        (row,) = office.delivery.destinations()
        assert (row.status.value, row.ready, row.waiting) == ("down", 0, 251)
        assert row.next_attempt_at == pytest.approx(office.clock.time() + 60, abs=1)
        await server.start()
        await office.pass_time(62)
        await office.empty()
        (row,) = office.delivery.destinations()
        assert (row.status.value, row.ready, row.waiting) == ("up", 0, 0)
        assert len(server.received) == 251
    await server.stop()


async def test_a_host_that_takes_few_connections_keeps_those_it_has() -> None:
    server = await Server(answers={"GREETING": ["220 x", "421 too many"]}, repeat=True).start()
    async with office_for(server) as office:
        for _ in range(50):
            office.put("u@partner.example")
        await office.empty()
        assert office.with_text("Delayed: ") == []
        assert {m.connection for m in server.received} == {1}
    await server.stop()
