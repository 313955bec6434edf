"""`nslookup`, `dig`, `netstat`, `ping` and `diagnostic` (admin 1.6.3)."""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.control.operations import diagnostics, network_state, ping, smtp_ping
from mailwarden.core.access.roles import Role
from mailwarden.system.dns.fake import FakeResolver
from mailwarden.system.dns.settings import DnsSettings
from tests.unit.control.commands.counter import Counter, run_line, sit

ZONE = {
    "partner.example": {"MX": ["10 mx.partner.example"], "TXT": ["v=spf1 \x1b -all"], "SECURE": []},
    "mx.partner.example": {"A": ["192.0.2.25"], "AAAA": ["2001:db8::25"]},
    "www.partner.example": {"CNAME": ["mx.partner.example"]},
    "25.2.0.192.in-addr.arpa": {"PTR": ["mx.partner.example"]},
    "broken.example": {"SERVFAIL": []},
}


class Names:
    """Makes resolvers with the zone; remembers for which settings."""

    def __init__(self) -> None:
        self.resolver = FakeResolver(ZONE)
        self.settings: list[tuple[DnsSettings, str]] = []

    def make(self, settings: DnsSettings, source: str) -> FakeResolver:
        self.settings.append((settings, source))
        return self.resolver


@pytest.fixture
def names(counter: Counter) -> Names:
    """What the gateway's name servers know."""
    names = Names()
    counter.administration.make_finder = names.make
    return names


LOOKUPS = [
    ("partner.example MX", ["MX=10 mx.partner.example", "DNSSEC proves it."]),
    ("partner.example. txt", ['TXT="v=spf1 \\x1b -all"']),
    ("mx.partner.example", ["A=192.0.2.25"]),
    ("WWW.partner.example aaaa", ["AAAA=2001:db8::25", "an alias of mx.partner.example"]),
    ("192.0.2.25", ["PTR=mx.partner.example"]),
    ("mx.partner.example mx", ["mx.partner.example MX: It has no such record."]),
    ("nowhere.example", ["nowhere.example A: There is no such name."]),
    ("broken.example", ["broken.example A: Nobody could say: SERVFAIL from the fake"]),
]


@pytest.mark.parametrize("command", ["nslookup", "dig"])
@pytest.mark.parametrize(("words", "lines"), LOOKUPS)
def test_names_are_looked_up(
    counter: Counter, names: Names, command: str, words: str, lines: list[str]
) -> None:
    sitting = run_line(counter.desk("rita", Role.READ_ONLY_OPERATOR), f"{command} {words}")
    assert sitting.status == 0, sitting.errors
    for line in lines:
        assert line in sitting.shown
    assert "Query time: 0 ms\n" in sitting.shown
    assert names.resolver.closed


def test_a_dialogue_and_json(counter: Counter, names: Names) -> None:
    sitting = sit(counter.desk(), "nslookup", "partner.example", "4")
    assert "Choose the query type:\n1. A\n2. AAAA\n3. CNAME\n4. MX\n5. PTR\n6. TXT\n[1]> " in (
        sitting.shown
    )
    data = json.loads(run_line(counter.desk(), "--json dig partner.example mx").shown)["data"]
    assert (data["state"], data["values"]) == ("found", ["10 mx.partner.example"])
    assert names.settings[0][0] is counter.administration.config.dns


def test_another_name_server_is_asked(counter: Counter, names: Names) -> None:
    assert run_line(counter.desk(), "dig partner.example mx @192.0.2.53").status == 0
    settings, _ = names.settings[0]
    assert settings.servers == ("192.0.2.53",)
    assert not settings.trusted_servers
    refused = run_line(counter.desk(), "dig partner.example mx nameserver")
    assert refused.errors.startswith("Error: server: ")


@pytest.mark.usefixtures("names")
def test_lookups_that_are_refused(counter: Counter) -> None:
    assert "is no name" in run_line(counter.desk(), "dig a..b").errors
    assert "type: 'SOA' is not in the list" in run_line(counter.desk(), "dig a.example SOA").errors
    refused = run_line(counter.desk("gus", Role.GUEST), "dig a.example")
    assert refused.errors == "You do not have permission to run dig\n"


# netstat

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:09DD 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 1 1
   1: 0100007F:1F90 0200007F:C350 01 0000000A:00000005 00:00000000 00000000 54321        0 2 1
   2: 0100007F:1F91 0200007F:C350 06 00000000:00000000 00:00000000 00000000 54322        0 3 1
   x: nonsense
"""
TCP6 = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:0019 0000000000000000FFFF00000100007F:D431 01 0:0 0:0 0 54321
"""
DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:  100 2 3 0 0 0 0 0 400 5 6 0 0 0 0 0
  bad: x
"""
ROUTE = """\
Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0
eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0
eth0 zz
"""


def test_sockets_of_the_gateway_alone() -> None:
    rows = list(network_state.read_connections(TCP, {54321}, {2525}))
    assert [row[:3] for row in rows] == [
        ("0.0.0.0:2525", "*", "LISTEN"),
        ("127.0.0.1:8080", "127.0.0.2:50000", "ESTABLISHED"),
    ]
    assert (rows[1].receive_queue, rows[1].send_queue) == (5, 10)
    (six,) = network_state.read_connections(TCP6, {54321}, set())
    assert six[:2] == ("[::1]:25", "127.0.0.1:54321")


def test_interfaces_and_routes() -> None:
    (row,) = network_state.read_interfaces(DEV)
    assert row == ("lo", 100, 2, 3, 400, 5, 6)
    assert list(network_state.read_routes(ROUTE)) == [
        ("0.0.0.0/0", "192.0.2.1", "eth0"),
        ("192.0.2.0/24", "", "eth0"),
    ]


def test_netstat(counter: Counter, tmp_path: Path) -> None:
    sitting = sit(counter.desk(), "netstat", "2")
    assert "1. List of active sockets.\n2. State of network interfaces.\n" in sitting.shown
    assert "Packets In" in sitting.shown
    data = json.loads(run_line(counter.desk(), "--json netstat interfaces").shown)["data"]
    assert "lo" in [row["name"] for row in data]
    assert run_line(counter.desk(), "netstat routes").status == 0
    assert network_state.connections(counter.desk(), tmp_path) == []
    assert "permission" in run_line(counter.desk("gus", Role.GUEST), "netstat sockets").errors


# ping


class FakePing(socket.socket):
    """A socket whose other end answers, or does not."""

    def connect(self, _address: object, /) -> None:
        pass


@pytest.fixture
def echoes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What comes instead of an answer, before it."""
    before: list[bytes] = []
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def answer() -> None:
        while packet := theirs.recv(2048):
            for other in before:
                theirs.send(other)
            theirs.send(b"\0" + packet[1:])

    thread = threading.Thread(target=answer)
    thread.start()

    def make(*_: object) -> FakePing:
        made = FakePing(socket.AF_UNIX, socket.SOCK_DGRAM, 0, ours.detach())
        made.setblocking(False)
        return made

    monkeypatch.setattr(ping, "open_socket", make)
    yield before
    monkeypatch.undo()
    with socket.socket(fileno=theirs.detach()) as end:
        end.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_host_answers(counter: Counter, names: Names, echoes: list[bytes]) -> None:
    echoes += [b"", b"\0" * 7, struct.pack("!BBHHH", 0, 0, 0, 0, 9) + b"x" * 56]
    sitting = run_line(counter.desk(), "ping mx.partner.example count 1")
    assert sitting.shown.startswith("64 bytes from 192.0.2.25: icmp_seq=0 time=")
    assert sitting.shown.endswith("1 packets transmitted, 1 packets received\n")
    assert names.resolver.closed


def test_a_host_that_is_unknown(counter: Counter, names: Names) -> None:
    assert "cannot be looked up: NXDomain" in run_line(counter.desk(), "ping no.example").errors
    assert run_line(counter.desk(), "ping a/b").errors.startswith("Error: host: ")
    assert names.resolver.closed


def test_a_system_that_lets_nobody_ping(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(ping, "open_socket", make)
    sitting = sit(counter.desk("rita", Role.READ_ONLY_OPERATOR), "ping", "192.0.2.1")
    assert "is not in net.ipv4.ping_group_range." in sitting.errors


def test_only_an_answer_is_one() -> None:
    packet = struct.pack("!BBHHH", 0, 0, 0, 7, 3) + b"mark" + b"rest"
    assert ping.is_answer(packet, 0, 3, b"mark")
    assert not ping.is_answer(packet, 129, 3, b"mark")
    assert not ping.is_answer(packet, 0, 4, b"mark")
    assert not ping.is_answer(packet, 0, 3, b"mork")
    assert not ping.is_answer(packet[:9], 0, 3, b"mark")


# diagnostic


def test_disks(counter: Counter) -> None:
    counter.gateway.answers["status"] = [{"spool": {"bytes_on_disk": 2048, "bytes_free": 4096}}]
    sitting = sit(counter.desk(), "diagnostic", "disk", "")
    assert "- DISK - Show how full the disks are.\n- NETWORK - Network" in sitting.shown
    assert "Queue: 2k on disk, 4k may still be used\n" in sitting.shown
    data = json.loads(run_line(counter.desk(), "--json diagnostic disk").shown)["data"]
    assert [disk["what"] for disk in data["disks"]] == ["Logs", "Configuration"]
    counter.administration.logs.rmdir()
    assert "Logs" not in run_line(counter.desk(), "diagnostic disk").shown


def test_caches_are_flushed(counter: Counter) -> None:
    counter.gateway.answers["dnsflush"] = [
        {"workers": [{"flushed": 3}, {"flushed": 4}], "unanswered": []}
    ]
    sitting = run_line(counter.desk(), "--json diagnostic network flush")
    assert json.loads(sitting.shown)["data"] == {"flushed": 7}
    assert counter.administration.versions.store.audit(1)[0].action == "dnsflush"
    refused = run_line(counter.desk("rita", Role.READ_ONLY_OPERATOR), "diagnostic network flush")
    assert "permission" in refused.errors


def test_neighbours(counter: Counter, tmp_path: Path) -> None:
    table = tmp_path / "arp"
    table.write_text("IP HW Flags\n192.0.2.1 0x1 0x2 52:54:00:12:34:56 * eth0\nbad\n")
    rows = diagnostics.neighbours(counter.desk(), table)
    assert rows == [("192.0.2.1", "52:54:00:12:34:56", "eth0")]
    assert diagnostics.neighbours(counter.desk(), tmp_path / "none") == []
    assert run_line(counter.desk(), "diagnostic network arpshow").status == 0


REPLIES = [
    (b"220 mx\r\n", ["220 mx"]),
    (b"250-mx\r\n250 \x1b[2J\xff\r\n", ["250-mx", "250 \\x1b[2J\ufffd"]),
    (b"SSH-2.0-OpenSSH\r\n", "That is no SMTP: SSH-2.0-OpenSSH"),
    (b"220 mx", "The server has closed the connection."),
    (b"", "The server has closed the connection."),
    (b"x" * 5000, "A line of the reply has no end."),
    (b"250-x\r\n" * 101, "The reply has no end."),
]


@pytest.mark.parametrize(("data", "expected"), REPLIES)
async def test_replies_of_any_kind(data: bytes, expected: list[str] | str) -> None:
    reader = asyncio.StreamReader(limit=smtp_ping.LINE_BYTES_MAX)
    reader.feed_data(data)
    reader.feed_eof()
    if isinstance(expected, list):
        assert await smtp_ping._reply(reader) == expected
        return
    with pytest.raises(smtp_ping._BrokenError) as error:
        await smtp_ping._reply(reader)
    assert str(error.value) == expected


@pytest.mark.usefixtures("names")
def test_a_server_without_an_address(counter: Counter) -> None:
    sitting = sit(counter.desk(), "diagnostic", "network", "smtpping", "no.example", "", "", "")
    assert "Enter the port. [25]> no.example cannot be looked up: NXDomain" in sitting.shown
    stopped = sit(counter.desk(), "diagnostic", "network", "smtpping", Key.CTRL_C)
    assert "Abandoned." in stopped.shown
