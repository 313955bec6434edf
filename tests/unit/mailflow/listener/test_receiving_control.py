"""Recipients that are refused because of what their host or sender did within the hour."""

from dataclasses import replace

import pytest

from mailwarden.core.policy.aliases import EXPANSION_MAX, AliasEntry, AliasIndex, AliasTable
from mailwarden.mailflow.listener.settings import ListenerType, MailFlowPolicy
from mailwarden.mailflow.listener.tables import HOST_ACCESS, RECIPIENT_ACCESS
from mailwarden.services.engines.reputation.history_table import Traffic
from mailwarden.services.engines.reputation.score import Score
from mailwarden.services.throttling.rate_keys import harvest_key, host_key
from tests.unit.mailflow.listener.bench import Bench, Peer

HOST = "192.0.2.25"
REJECTED = "550 #5.1.0 Address rejected."
STOPPED = "550 Too many invalid recipients"
FULL = "452 Too many recipients received this hour"


class Memory:
    """A reputation that only remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Traffic]] = []

    def peek(self, address: str) -> Score:
        return Score(None, "memory", f"nothing of {address}")

    def note(self, address: str, messages: int, recipients: int, bad_recipients: int) -> None:
        self.seen.append((address, Traffic(messages, recipients, bad_recipients)))


def begun(bench: Bench, address: str = HOST) -> Peer:
    peer = bench.connect(address)
    peer.say("EHLO mail.partner.example\r\nMAIL FROM:<ann@partner.example>\r\n")
    return peer


def rcpt(peer: Peer, *names: str) -> list[str]:
    commands = "".join(f"RCPT TO:<{name}>\r\n" for name in names)
    return peer.say(commands).split("\n")


def counted(bench: Bench, address: str = HOST) -> tuple[int, int]:
    key, now = host_key(address), bench.clock.time()
    return bench.rates.peek(key, now), bench.rates.peek(harvest_key(key), now)


def test_the_end_of_a_harvest_answers_nothing_behind_it() -> None:
    bench = Bench(policy=MailFlowPolicy(dhap_limit=1))
    peer = begun(bench)
    heard = rcpt(peer, "a@x.example", "b@x.example", "bob@corp.example", "c@x.example")
    assert heard == [REJECTED, STOPPED]
    assert peer.transport.is_closed
    peer.vanish()
    assert bench.lines[-1].endswith("ICID 1 close")
    assert not any("lost" in line for line in bench.lines)
    (alert,) = bench.alerts.told
    assert alert[:2] == ("Warning", "Directory Harvest Attack Prevention")
    assert alert.key == f"harvest {HOST}"
    assert alert.text.startswith(
        f"Potential Directory Harvest Attack: {HOST} asked listener In for"
    )
    assert rcpt(begun(bench), "bob@corp.example", "a@x.example") == [STOPPED, STOPPED]
    bench.clock.advance(3600)
    assert rcpt(begun(bench), "bob@corp.example")[0].startswith("250")
    assert len(bench.alerts.told) == 1
    assert counted(bench) == (0, 0)


def test_recipients_that_are_always_taken_are_not_counted_and_not_refused() -> None:
    bench = Bench(
        accepted_domains=(),
        recipient_access=RECIPIENT_ACCESS.of(
            "postmaster@corp.example ACCEPT bypass_throttle\n"
            "old@corp.example REJECT bypass_throttle\ncorp.example ACCEPT\n"
        ),
        policy=MailFlowPolicy(dhap_limit=1, max_rcpts_per_hour=1),
    )
    peer = begun(bench)
    free = ["postmaster@corp.example", "old@corp.example"] * 2
    assert [reply[:3] for reply in rcpt(peer, *free)] == ["250", "550"] * 2
    assert counted(bench) == (0, 0)
    assert rcpt(peer, "bob@corp.example", "eve@corp.example")[1] == FULL
    assert rcpt(peer, "a@x.example", "b@x.example") == [REJECTED, STOPPED]
    assert rcpt(begun(bench), *free[:2])[0].startswith("250")


def test_a_recipient_that_is_refused_after_all_is_counted_out() -> None:
    targets = tuple(f"u{number}@corp.example" for number in range(EXPANSION_MAX + 1))
    aliases = AliasIndex(AliasTable((AliasEntry(("all",), targets),)))
    bench = Bench(policy=MailFlowPolicy(max_rcpts_per_hour=1))
    bench.context = replace(bench.context, aliases=aliases)
    peer = begun(bench)
    assert rcpt(peer, "all@corp.example")[0].startswith("452 #4.5.3")
    assert counted(bench) == (0, 0)
    assert rcpt(peer, "bob@corp.example")[0].startswith("250")


def test_relay_hosts_have_limits_as_well_but_ask_for_whom_they_like() -> None:
    policy = MailFlowPolicy(max_rcpts_per_hour=5, dhap_limit=1)
    bench = Bench(host_access=HOST_ACCESS.of("ALL\n    RELAY\n"), policy=policy)
    peer = begun(bench)
    assert [r[:3] for r in rcpt(peer, *(f"{n}@x.example" for n in range(6)))] == ["250"] * 5 + [
        "452"
    ]
    assert counted(bench) == (5, 0)


def test_nothing_is_counted_without_limits() -> None:
    bench = Bench(ListenerType.PRIVATE, relay_hosts=("192.0.2.0/24",), accepted_domains=())
    peer = begun(bench)
    assert rcpt(peer, "bob@x.example")[0].startswith("250")
    assert counted(bench) == (0, 0)


def test_a_connection_tells_the_history_what_it_was() -> None:
    memory = Memory()
    bench = Bench(reputation=memory)
    peer = begun(bench)
    rcpt(peer, "bob@corp.example", "eve@corp.example", "a@x.example")
    peer.say("DATA\r\n")
    assert peer.say(b"Subject: x\r\n\r\nbody\r\n.\r\n").startswith("250")
    assert memory.seen == []
    peer.vanish()
    assert memory.seen == [(HOST, Traffic(messages=1, recipients=2, bad_recipients=1))]


def test_who_only_knocks_is_no_history() -> None:
    memory = Memory()
    bench = Bench(reputation=memory)
    begun(bench).vanish()
    assert memory.seen == []


def test_relay_hosts_are_no_strangers() -> None:
    memory = Memory()
    bench = Bench(reputation=memory, relay_hosts=("192.0.2.0/24",))
    peer = begun(bench)
    rcpt(peer, "bob@x.example")
    peer.vanish()
    assert memory.seen == []


@pytest.mark.parametrize("messages", [0, 1])
def test_clients_of_one_connection_are_told_apart(messages: int) -> None:
    memory = Memory()
    bench = Bench(reputation=memory, xclient_from=(HOST,), policy=MailFlowPolicy(dhap_limit=9))
    peer = begun(bench)
    rcpt(peer, "bob@corp.example")
    for _ in range(messages):
        peer.say("DATA\r\n")
        assert peer.say(b"Subject: x\r\n\r\nbody\r\n.\r\n").startswith("250")
    peer.say("RSET\r\nXCLIENT ADDR=198.51.100.7 NAME=[UNAVAILABLE]\r\n")
    peer.say("EHLO other.example\r\nMAIL FROM:<bill@other.example>\r\n")
    rcpt(peer, "a@x.example", "b@x.example")
    assert counted(bench, "198.51.100.7") == (0, 2)
    peer.vanish()
    assert memory.seen == [
        (HOST, Traffic(messages=messages, recipients=1)),
        ("198.51.100.7", Traffic(bad_recipients=2)),
    ]
