"""How a session is admitted under the host access table; the rows are in tests/end_to_end."""

import asyncio
from dataclasses import replace
from typing import Any

from mailwarden.mailflow.listener.settings import MailFlowPolicy
from mailwarden.mailflow.listener.tables import HOST_ACCESS
from mailwarden.services.engines.reputation.score import Score
from tests.unit.mailflow.listener.bench import Bench, Peer

ALL = "ALL\n    ACCEPT\n"


def bench(table: str, **settings: Any) -> Bench:
    return Bench(host_access=HOST_ACCESS.of(table), reverse_dns=True, **settings)


async def connected(made: Bench, address: str = "192.0.2.25") -> Peer:
    """Return a client once it was greeted, refused or cut."""
    peer = made.connect(address)
    for _ in range(20):
        await asyncio.sleep(0)
    return peer


async def test_a_cut_connection_gives_back_all_that_it_held() -> None:
    made = bench(f"192.0.2.25\n    TCPREFUSE\n{ALL}")
    peer = await connected(made)
    assert peer.transport.is_aborted
    assert peer.heard() == ""
    peer.vanish()
    assert made.lines == ["ICID 0 TCPREFUSE SG None match 192.0.2.25 SBRS not enabled"]
    for key in ("connections", "listener:In", "client:In:192.0.2.25"):
        assert made.gauges.value(key) == 0
    assert made.counters == {"connections_cut": 1}


async def test_what_comes_early_waits_for_the_decision() -> None:
    made = bench(f"mail.partner.example\n    REJECT\n{ALL}")
    peer = made.connect()
    assert peer.say("EHLO early\r\nQUIT\r\n") == ""
    for _ in range(20):
        await asyncio.sleep(0)
    banner, ehlo, bye = peer.heard().rsplit("\n", 2)
    assert banner.startswith("554-gw1.corp.example\n554 Access")
    assert ehlo.startswith("503 ")
    assert bye == "221 gw1.corp.example"


async def test_s_06_no_name_is_looked_up_without_time_for_it() -> None:
    """It is as if the lookup took too long (SYS-13): only addresses match."""
    table = (
        "mail.partner.example\n    REJECT\n192.0.2.66\n    REJECT\n"
        'ILL:\n        dns_host_verification = "serv_fail"\n        RELAY\n' + ALL
    )
    made = bench(table)
    made.context = replace(made.context, reverse_seconds=0.0)
    first, second = await connected(made), await connected(made, "192.0.2.66")
    assert (first.heard()[:4], second.heard()[:4]) == ("220 ", "554-")
    assert made.resolver.asked == []
    assert [line.split(" ", 2)[2] for line in made.lines if " SG " in line] == [
        "RELAY SG ILL match serv.fail SBRS not enabled",
        "REJECT SG None match 192.0.2.66 SBRS not enabled",
    ]


async def test_a_client_that_leaves_early_is_told_with_the_time_it_waited() -> None:
    made = bench(ALL)
    peer = made.connect()
    made.clock.advance(61)
    peer.vanish()
    for _ in range(20):
        await asyncio.sleep(0)
    assert made.lines == [
        (
            "ICID 1 Connection from 192.0.2.25 on interface Data1 (203.0.113.5) lost after "
            "61 seconds (DNS query took 61 seconds), before any commands were received"
        ),
        "ICID 1 close",
    ]


async def test_a_peer_that_is_gone_before_it_was_looked_at() -> None:
    peer = await connected(bench(ALL), "")
    assert peer.heard().startswith("220 ")


class Broken:
    """A provider with a fault in it."""

    def peek(self, _address: str) -> Score | None:
        return None

    async def score(self, _address: str) -> Score:
        raise RuntimeError("a fault")


async def test_a_fault_of_ours_is_no_fault_of_the_client() -> None:
    made = bench(f"sbrs[-10.0:-3.0]\n    REJECT\n{ALL}", reputation=Broken())
    peer = await connected(made)
    assert peer.heard().startswith("220 ")
    assert made.lines[0].startswith("Nothing was found out about 192.0.2.25: ")
    assert made.lines[2] == "ICID 1 ACCEPT SG None match ALL SBRS unable to retrieve"


async def test_xclient_names_are_believed_or_looked_up() -> None:
    table = f"mail.partner.example\n    RELAY\n.known.example\n    RELAY\n{ALL}"
    made = bench(table, xclient_from=("10.0.0.1",))
    for attributes, match in (
        ("ADDR=192.0.2.25", "RELAY SG None match mail.partner.example"),
        ("ADDR=198.51.100.9 NAME=a.known.example", "RELAY SG None match .known.example"),
        ("ADDR=192.0.2.25 NAME=[UNAVAILABLE]", "ACCEPT SG None match ALL"),
        ("HELO=x", "ACCEPT SG None match ALL"),
    ):
        peer = await connected(made, "10.0.0.1")
        peer.say("EHLO a\r\n")
        peer.say(f"XCLIENT {attributes}\r\n")
        for _ in range(20):
            await asyncio.sleep(0)
        assert made.lines[-1] == f"ICID {peer.session.icid} {match} SBRS not enabled"
        peer.vanish()


async def test_xclient_moves_the_place_of_the_client() -> None:
    table = f"192.0.2.77\n    ACCEPT {{\n max_concurrency = 1\n }}\n{ALL}"
    made = bench(table, xclient_from=("10.0.0.1",))
    first, second = await connected(made, "10.0.0.1"), await connected(made, "10.0.0.1")
    for peer in (first, second):
        peer.say("EHLO a\r\n")
    assert first.say("XCLIENT ADDR=192.0.2.77 NAME=x.example\r\n").startswith("220 ")
    assert made.gauges.value("client:In:10.0.0.1") == 1
    refused = second.say("XCLIENT ADDR=192.0.2.77 NAME=x.example\r\n")
    assert refused == "421 #4.4.5 Too many connections from your host"
    assert second.transport.is_closed
    for peer in (first, second):
        peer.vanish()
    for key in ("connections", "client:In:10.0.0.1", "client:In:192.0.2.77"):
        assert made.gauges.value(key) == 0


async def test_relay_hosts_are_not_asked_for_a_sender_that_exists() -> None:
    policy = MailFlowPolicy(envelope_sender_verification=True)
    made = Bench(relay_hosts=("192.0.2.25",), policy=policy)
    peer = made.connect()
    peer.say("EHLO a\r\n")
    assert peer.say("MAIL FROM:<root@inside.invalid>\r\n").startswith("250 ")
