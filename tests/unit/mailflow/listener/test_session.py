"""A listener's sessions: decisions, limits, clocks and the order of replies."""

import asyncio

import pytest

from mailwarden.core.mail.envelope import Direction
from mailwarden.core.policy.hat_parameters import Demand
from mailwarden.mailflow.listener.settings import (
    InboundSettings,
    ListenerType,
    MailFlowPolicy,
)
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import SpoolFailure
from tests.unit.mailflow.listener.bench import Bench, Peer

NEW_SMTP = (
    "New SMTP ICID 1 interface Data1 (203.0.113.5) address 192.0.2.25 "
    "reverse dns host unknown verified no"
)


def test_a_message_is_answered_with_its_mid_and_lies_in_the_spool() -> None:
    bench = Bench()
    peer = bench.connect()
    assert peer.heard() == "220 gw1.corp.example ESMTP"
    assert peer.send_message() == "250 ok:  Message 1 accepted"
    (entry,) = bench.spool.entries()
    stored = bench.spool.load(entry)
    assert stored.content.read() == b"Subject: x\r\n\r\nbody\r\n"
    assert stored.header == (
        b"Received: from unknown (HELO mail.partner.example) ([192.0.2.25])\r\n"
        b"  by gw1.corp.example with ESMTP; 09 Nov 2010 10:15:02 +0000\r\n"
    )
    assert stored.envelope.direction is Direction.INCOMING
    assert peer.say("QUIT\r\n") == "221 gw1.corp.example"
    assert peer.transport.is_closed
    peer.vanish()
    assert bench.lines == [
        (NEW_SMTP),
        "ICID 1 ACCEPT SG None match ALL SBRS not enabled",
        "Start MID 1 ICID 1",
        "MID 1 ICID 1 From: <ann@partner.example>",
        "MID 1 ICID 1 RID 0 To: <bob@corp.example>",
        "MID 1 Subject 'x'",
        f"MID 1 ready {len(stored.header) + 20} bytes from <ann@partner.example>",
        "ICID 1 close",
    ]


def test_the_reply_waits_for_the_disk_and_pipelined_commands_wait_for_the_reply() -> None:
    spool = MemorySpool(deferred=True)
    bench = Bench(spool=spool)
    peer = bench.connect()
    peer.say("EHLO a\r\nMAIL FROM:<ann@partner.example>\r\nRCPT TO:<bob@corp.example>\r\nDATA\r\n")
    assert peer.say("\r\nbody\r\n.\r\nNOOP\r\nQUIT\r\n") == ""
    spool.commit()
    assert peer.heard() == "250 ok:  Message 1 accepted\n250 ok\n221 gw1.corp.example"


def test_a_client_that_closes_its_side_still_hears_the_reply() -> None:
    spool = MemorySpool(deferred=True)
    bench = Bench(spool=spool)
    peer = bench.connect()
    peer.say("EHLO a\r\nMAIL FROM:<ann@partner.example>\r\nRCPT TO:<bob@corp.example>\r\nDATA\r\n")
    peer.say("\r\nbody\r\n.\r\nQUIT\r\n")
    assert peer.session.eof_received() is True
    spool.commit()
    assert peer.heard() == "250 ok:  Message 1 accepted\n221 gw1.corp.example"
    assert peer.transport.is_closed


@pytest.mark.parametrize(
    ("failure", "reply"),
    [
        (SpoolFailure("no space", full=True), "452 #4.3.1 queue full"),
        (SpoolFailure("I/O error"), "451 #4.3.0 Server Error"),
    ],
)
def test_a_message_that_cannot_be_stored_is_refused(failure: SpoolFailure, reply: str) -> None:
    bench = Bench()
    bench.spool.failure = failure
    peer = bench.connect()
    assert peer.send_message() == reply
    assert "Message aborted MID 1 Receiving aborted" in bench.lines
    bench.spool.failure = None
    assert peer.send_message() == "250 ok:  Message 2 accepted"


def test_recipients_of_other_domains_are_refused_and_use_up_no_rid() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say("EHLO a\r\nMAIL FROM:<ann@partner.example>\r\n")
    assert peer.say("RCPT TO:<x@other.example>\r\n") == "550 #5.1.0 Address rejected."
    peer.say("RCPT TO:<bob@corp.example>\r\n")
    assert "MID 1 ICID 1 To: <x@other.example> Rejected by RAT" in bench.lines
    assert "MID 1 ICID 1 RID 0 To: <bob@corp.example>" in bench.lines


def test_relay_hosts_send_to_anybody_and_their_mail_gets_a_message_id() -> None:
    bench = Bench(relay_hosts=("192.0.2.0/24",))
    peer = bench.connect()
    peer.say("EHLO a\r\nMAIL FROM:<ann@corp.example>\r\n")
    assert peer.say("RCPT TO:<x@other.example>\r\n").startswith("250")
    peer.say("DATA\r\n")
    peer.say("Subject: y\r\n\r\nbody\r\n.\r\n")
    (entry,) = bench.spool.entries()
    stored = bench.spool.load(entry)
    assert b"\r\nMessage-ID: <" in stored.header
    assert stored.envelope.direction is Direction.OUTGOING


def test_content_without_a_header_stays_body() -> None:
    bench = Bench()
    bench.connect().send_message(b" looks like a continuation line\r\n")
    (entry,) = bench.spool.entries()
    stored = bench.spool.load(entry)
    assert stored.header.endswith(b"\r\n\r\n")
    assert stored.content.read() == b" looks like a continuation line\r\n"


def test_a_mailbox_line_on_top_becomes_a_field_of_ours() -> None:
    bench = Bench()
    bench.connect().send_message(b"From ann Tue Nov  9 10:15:02 2010\r\nSubject: x\r\n\r\nb\r\n")
    (entry,) = bench.spool.entries()
    stored = bench.spool.load(entry)
    lines = (stored.header + stored.content.read()).split(b"\r\n")
    assert lines[2].endswith(b": From ann Tue Nov  9 10:15:02 2010")


def test_private_listener_refuses_strangers() -> None:
    bench = Bench(ListenerType.PRIVATE, relay_hosts=("10.0.0.0/8",))
    peer = bench.connect()
    assert peer.heard().startswith("554-gw1.corp.example\n554 ")
    assert peer.say("EHLO a\r\n").startswith("503")
    assert peer.say("QUIT\r\n").startswith("221")


@pytest.mark.parametrize("kind", [ListenerType.BLACKHOLE, ListenerType.BLACKHOLE_NON_QUEUEING])
def test_blackholes_take_everything_and_keep_nothing(kind: ListenerType) -> None:
    bench = Bench(kind)
    taken: list[int] = []
    bench.spool.take_received(lambda entry: taken.append(entry.mid))
    bench.spool.take_queued(lambda entry: taken.append(entry.mid))
    assert bench.connect().send_message() == "250 ok:  Message 1 accepted"
    assert list(bench.spool.entries()) == []
    assert taken == []
    assert bench.counters["dropped"] == 1


def test_connection_limits() -> None:
    bench = Bench(
        inbound=InboundSettings(max_connections=3, max_tls_connections=1),
        max_connections=2,
        policy=MailFlowPolicy(max_concurrency=1),
    )
    first = bench.connect()
    second = bench.connect()
    assert second.heard() == "421 #4.4.5 Too many connections from your host"
    second.vanish()
    other = bench.connect("192.0.2.26")
    assert other.heard().startswith("220")
    third = bench.connect("192.0.2.27")
    assert third.heard() == "421 #4.4.5 Too many connections to this listener"
    third.vanish()
    first.vanish()
    assert bench.connect().heard().startswith("220")
    assert "ICID 2 Receiving Failed: Connection limit exceeded" in bench.lines
    refused = [line for line in bench.lines if " refused: " in line]
    assert refused == [
        "ICID 2 refused: 1 connections from 192.0.2.25 to In are open (max_concurrency)",
        "ICID 4 refused: 2 connections to In are open (max_connections)",
    ]


def test_row_30_messages_of_a_session() -> None:
    bench = Bench(policy=MailFlowPolicy(max_msgs_per_session=1))
    peer = bench.connect()
    peer.send_message()
    assert (
        peer.say("MAIL FROM:<ann@partner.example>\r\n")
        == "421 #4.x.2 Too many messages for this session"
    )
    assert peer.transport.is_closed
    assert "ICID 1 Receiving Failed: Too Many Messages" in bench.lines


def test_row_29_recipients_of_a_message() -> None:
    bench = Bench(policy=MailFlowPolicy(max_rcpts_per_msg=2))
    peer = bench.connect()
    peer.say("EHLO a\r\nMAIL FROM:<ann@partner.example>\r\n")
    peer.say("RCPT TO:<a@corp.example>\r\nRCPT TO:<b@corp.example>\r\n")
    assert peer.say("RCPT TO:<c@corp.example>\r\n") == "452 #4.5.3 Too many recipients"
    peer.say("DATA\r\n")
    assert peer.say("\r\nx\r\n.\r\n").startswith("250")
    (entry,) = bench.spool.entries()
    assert entry.pending == 2


def test_row_12_unsuccessful_connections_end_on_public_listeners_only() -> None:
    bench = Bench()
    peer = bench.connect()
    for _ in range(4):
        bench.pass_time(70)
        assert peer.say("NOOP\r\n").endswith("250 ok")
    bench.pass_time(25)
    assert peer.heard() == "421 Timed out waiting for successful message injection, disconnecting."
    assert (
        "ICID 1 disconnected address 192.0.2.25, no messages injected within timeout period"
        in bench.lines
    )
    private = Bench(ListenerType.PRIVATE, relay_hosts=("192.0.2.0/24",))
    peer = private.connect()
    for _ in range(5):
        private.pass_time(70)
        assert peer.say("NOOP\r\n").endswith("250 ok")


def test_row_13_total_time_ends_a_session_at_the_next_command_and_then_at_once() -> None:
    bench = Bench(ListenerType.PRIVATE, relay_hosts=("192.0.2.0/24",))
    early, late = bench.connect(), bench.connect()
    for peer in (early, late):
        peer.send_message()
    for _ in range(4):
        bench.pass_time(170)
        for peer in (early, late):
            assert peer.say("NOOP\r\n") == "250 ok"
    bench.pass_time(60)  # 740 of 900 seconds
    assert early.say("NOOP\r\n") == "421 Exceeded allowable connection time, disconnecting."
    assert early.transport.is_closed
    bench.pass_time(170)
    assert late.heard() == "421 Exceeded allowable connection time, disconnecting."
    assert late.transport.is_closed
    assert (
        "ICID 2 disconnected address 192.0.2.25, exceeded allowable connection time" in bench.lines
    )


def test_row_16_a_client_that_stalls_within_content_hears_421() -> None:
    bench = Bench(policy=MailFlowPolicy(max_message_size=2048))
    peer = bench.connect()
    peer.say("EHLO a\r\nMAIL FROM:<ann@partner.example>\r\nRCPT TO:<bob@corp.example>\r\nDATA\r\n")
    peer.say("x" * 10_000)
    bench.pass_time(301)
    assert peer.heard().startswith("421 ")
    assert peer.transport.is_closed
    peer.vanish()
    assert bench.lines[-3:] == [
        "Message aborted MID 1 Receiving aborted",
        "Message finished MID 1 aborted",
        "ICID 1 close",
    ]
    assert list(bench.spool.entries()) == []


def test_a_client_that_does_not_take_the_end_is_cut_off() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say("QUIT\r\n")
    bench.pass_time(12)
    assert peer.transport.is_aborted


def test_a_client_that_vanishes_is_lost_then_closed() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say("EHLO a\r\nMAIL FROM:<ann@partner.example>\r\n")
    peer.vanish()
    assert bench.lines[-4:] == [
        "ICID 1 lost",
        "Message aborted MID 1 Receiving aborted",
        "Message finished MID 1 aborted",
        "ICID 1 close",
    ]


def test_a_looping_message_is_refused() -> None:
    bench = Bench(inbound=InboundSettings(max_received_headers=3))
    peer = bench.connect()
    assert peer.send_message(b"Received: x\r\n" * 4 + b"\r\nbody\r\n") == "554 Too many hops"
    assert "ICID 1 Receiving Failed: Message loop" in bench.lines


def test_oversize_is_logged_with_its_bytes() -> None:
    bench = Bench(policy=MailFlowPolicy(max_message_size=1024))
    peer = bench.connect()
    assert peer.send_message(b"y" * 5000 + b"\r\n") == "552 #5.3.4 message size exceeds limit"
    assert "ICID 1 Receiving Failed: Message size exceeds limit" in bench.lines
    assert "ICID 1 5002 bytes received of the refused message" in bench.lines
    assert peer.send_message() == "250 ok:  Message 2 accepted"


def test_large_content_is_spilled_and_comes_out_whole() -> None:
    bench = Bench(policy=MailFlowPolicy(max_message_size=10_000_000))
    peer = bench.connect()
    body = b"Subject: big\r\n\r\n" + b"0123456789" * 7 + b"\r\n"
    content = body * 3000
    peer.say("EHLO a\r\nMAIL FROM:<ann@partner.example>\r\nRCPT TO:<bob@corp.example>\r\nDATA\r\n")
    for start in range(0, len(content), 5000):
        peer.say(content[start : start + 5000])
    assert peer.say(".\r\n").startswith("250")
    (entry,) = bench.spool.entries()
    assert bench.spool.load(entry).content.read() == content


def test_pressure_slows_then_refuses() -> None:
    bench = Bench(policy=MailFlowPolicy(max_concurrency=100))
    for _ in range(20):
        peer = bench.connect()
        if not peer.send_message().startswith("250"):
            break
    bench.clock.advance(1)
    peer = bench.connect()
    peer.say("EHLO a\r\n")
    assert (
        peer.say("MAIL FROM:<ann@partner.example>\r\n")
        == "452 #4.3.1 server resources low - try again later"
    )
    bench.spool.bytes_free = 0
    bench.clock.advance(1)
    assert peer.say("MAIL FROM:<ann@partner.example>\r\n") == "452 #4.3.1 queue full"


async def test_a_slowed_client_waits_for_its_reply() -> None:
    bench = Bench(policy=MailFlowPolicy(max_concurrency=100))
    for _ in range(11):
        bench.connect().send_message()
    bench.clock.advance(1)
    peer = bench.connect()
    peer.say("EHLO a\r\n")
    assert peer.say("MAIL FROM:<ann@partner.example>\r\n") == ""
    while not peer.transport.written:
        await asyncio.sleep(0.01)
    assert peer.heard() == "250 sender <ann@partner.example> ok"


async def test_the_clients_name_is_looked_up_and_verified() -> None:
    bench = Bench(reverse_dns=True)
    peer = bench.connect()
    while not peer.transport.written:
        await asyncio.sleep(0)
    peer.send_message()
    assert "reverse dns host mail.partner.example verified yes" in bench.lines[0]
    (entry,) = bench.spool.entries()
    assert bench.spool.load(entry).header.startswith(
        b"Received: from mail.partner.example ([192.0.2.25])\r\n  by gw1.corp.example with ESMTP;"
    )


def _login(peer: Peer) -> str:
    peer.say("EHLO a\r\n")
    return peer.say("AUTH PLAIN AGFubgBzZWNyZXQ=\r\n")


@pytest.mark.parametrize(
    ("right", "reply"),
    [(True, "235 #2.0.0 OK Authenticated"), (False, "535 #5.7.8 Authentication failed")],
)
async def test_auth(right: bool, reply: str) -> None:
    policy = MailFlowPolicy(smtp_auth=Demand.PREFERRED, require_tls_for_auth=False)
    bench = Bench(policy=policy, verify=lambda _user, _password: right)
    peer = bench.connect()
    assert _login(peer) == ""
    while not peer.transport.written:
        await asyncio.sleep(0.001)
    assert peer.heard() == reply
    peer.say("MAIL FROM:<ann@corp.example>\r\n")
    taken = peer.say("RCPT TO:<x@other.example>\r\n")
    assert taken.startswith("250" if right else "550")
    word = "succeeded" if right else "failed"
    line = f"{word} for user: ann using AUTH mechanism: PLAIN with profile: local"
    assert any(line in logged for logged in bench.lines)


def test_proxy_header_names_the_client() -> None:
    bench = Bench(proxy_protocol_from=("10.0.0.0/8",))
    peer = bench.connect("10.0.0.1")
    assert peer.heard() == ""
    heard = peer.say("PROXY TCP4 192.0.2.99 203.0.113.5 40000 25\r\nEHLO early\r\n")
    assert heard.startswith("220 gw1.corp.example ESMTP\n250-gw1.corp.example")
    assert "address 192.0.2.99" in bench.lines[0]
    nonsense = bench.connect("10.0.0.1")
    nonsense.say("EHLO a\r\n")
    assert nonsense.transport.is_closed
    direct = bench.connect("192.0.2.1")
    assert direct.heard().startswith("220")


def test_xclient_from_trusted_peers_only() -> None:
    bench = Bench(xclient_from=("10.0.0.1",), relay_hosts=("192.0.2.77",))
    peer = bench.connect("10.0.0.1")
    assert "XCLIENT" in peer.say("EHLO a\r\n")
    assert peer.say("XCLIENT ADDR=192.0.2.77 NAME=laptop.example\r\n").startswith("220")
    assert "ICID 1 RELAY SG RELAYLIST match 192.0.2.77 SBRS not enabled" in bench.lines
    stranger = bench.connect("10.0.0.2")
    assert "XCLIENT" not in stranger.say("EHLO a\r\n")
    assert stranger.say("XCLIENT ADDR=192.0.2.77\r\n").startswith("5")


def test_reading_stops_while_a_flood_waits_for_the_disk() -> None:
    spool = MemorySpool(deferred=True)
    bench = Bench(spool=spool)
    peer = bench.connect()
    peer.say("EHLO a\r\nMAIL FROM:<ann@partner.example>\r\nRCPT TO:<bob@corp.example>\r\nDATA\r\n")
    peer.say("\r\nx\r\n.\r\n")
    for _ in range(40):
        peer.say("NOOP\r\n" * 2000)
        if not peer.transport.is_reading_now:
            break
    assert not peer.transport.is_reading_now
    spool.commit()
    assert peer.heard().startswith("250 ok:  Message 1 accepted\n250 ok")


def test_gauges_are_given_back() -> None:
    bench = Bench()
    peers = [bench.connect() for _ in range(5)]
    for peer in peers:
        peer.vanish()
    for key in ("connections", "listener:In", "client:In:192.0.2.25"):
        assert bench.gauges.value(key) == 0
    assert bench.sessions == set()
    assert len(bench.deadlines) == 0
