"""DNS lists: questions, codes and weights, errors of lists, dead lists, what is remembered."""

import asyncio
from typing import Any

import pytest

from mailwarden.services.engines.reputation.dns_lists import DnsListReputation, Weights, weigh
from mailwarden.services.engines.reputation.dns_zone import DnsZone, question
from mailwarden.services.engines.reputation.score import FAILED, Score
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.fake import FakeResolver

ZONE = "bl.example.org"
GOOD = "wl.example.net"
HOST = "192.0.2.25"
NAME = f"25.2.0.192.{ZONE}"


class SilentResolver(FakeResolver):
    """Never answers."""

    async def resolve_a(self, name: str) -> tuple[str, ...]:
        self.asked.append((name, "A"))
        await asyncio.Event().wait()
        raise AssertionError


class Bench:
    """Lists over a fake resolver."""

    def __init__(self, zone: dict[str, dict[str, list[str]]], *, silent: bool = False) -> None:
        self.resolver = SilentResolver(zone) if silent else FakeResolver(zone)
        self.clock = SimulatedClock()
        self.warned: list[str] = []
        self.bad = self._zone(ZONE)
        self.good = self._zone(GOOD)
        self.lists = DnsListReputation(
            [(self.bad, Weights({"127.0.0.2": -6.0, "127.0.0.3": -2.0}, -4.0)),
             (self.good, Weights({}, 3.0))]
        )  # fmt: skip

    def _zone(self, zone: str) -> DnsZone:
        return DnsZone(
            zone, self.resolver, self.clock, self.warned.append,
            timeout_seconds=0 if isinstance(self.resolver, SilentResolver) else 3,
            entries_max=100, cache_seconds=300,
        )  # fmt: skip

    @property
    def questions(self) -> int:
        return len(self.resolver.asked)


QUESTIONS = [
    (HOST, NAME),
    ("::ffff:192.0.2.25", NAME),
    ("2001:db8::1", "1." + "0." * 23 + f"8.b.d.0.1.0.0.2.{ZONE}"),
    ("nonsense", ""),
    ("", ""),
]


@pytest.mark.parametrize(("address", "name"), QUESTIONS)
def test_questions(address: str, name: str) -> None:
    assert question(address, ZONE) == name


SCORES: list[tuple[dict[str, Any], float | None, str]] = [
    ({}, None, "not listed"),
    ({NAME: {"A": ["127.0.0.2"]}}, -6.0, "listed by bl.example.org -6.0 (127.0.0.2)"),
    ({NAME: {"A": ["127.0.0.9"]}}, -4.0, "listed by bl.example.org -4.0 (127.0.0.9)"),
    (
        {NAME: {"A": ["127.0.0.3", "127.0.0.2"]}},
        -6.0,
        "listed by bl.example.org -6.0 (127.0.0.3, 127.0.0.2)",
    ),
    (
        {NAME: {"A": ["127.0.0.3"]}, f"25.2.0.192.{GOOD}": {"A": ["127.0.5.1"]}},
        1.0,
        "listed by bl.example.org -2.0 (127.0.0.3), wl.example.net +3.0 (127.0.5.1)",
    ),
    ({NAME: {"TXT": ["no address"]}}, None, "not listed"),
    (
        {NAME: {"A": ["127.255.255.254"]}},
        None,
        "bl.example.org refuses to say: 127.255.255.254",
    ),
    (
        {NAME: {"A": ["127.0.0.2", "127.255.255.252"]}},
        None,
        "bl.example.org refuses to say: 127.255.255.252",
    ),
    (
        {NAME: {"A": ["203.0.113.80"]}},
        None,
        "bl.example.org answers 203.0.113.80, which is no code of a list",
    ),
    ({NAME: {"AAAA": ["2001:db8::80"]}}, None, "not listed"),  # RFC 5782, 2.1: A records say it
    (
        {NAME: {"SERVFAIL": []}, f"25.2.0.192.{GOOD}": {"A": ["127.0.5.1"]}},
        3.0,
        (
            "listed by wl.example.net +3.0 (127.0.5.1); bl.example.org does not answer: "
            "SERVFAIL from the fake resolver"
        ),
    ),
]


@pytest.mark.parametrize(("zone", "value", "why"), SCORES)
async def test_scores(zone: dict[str, dict[str, list[str]]], value: float, why: str) -> None:
    bench = Bench(zone)
    word = FAILED if value is None and why != "not listed" else ""
    assert await bench.lists.score(HOST) == Score(value, "dns_lists", why, word=word)
    assert bench.lists.peek(HOST) == Score(value, "dns_lists", why, word=word)
    is_fault = "refuses" in why or "answer" in why
    assert bool(bench.warned) == is_fault


async def test_ipv6() -> None:
    bench = Bench({question("2001:db8::1", ZONE): {"A": ["127.0.0.2"]}})
    assert (await bench.lists.score("2001:db8::1")).value == -6.0


async def test_what_is_no_address_is_not_asked_for() -> None:
    bench = Bench({})
    score = await bench.lists.score("nonsense")
    assert score == Score(None, "dns_lists", "not an IP address", word=FAILED)
    assert bench.questions == 0


async def test_answers_are_remembered_also_that_it_is_not_listed() -> None:
    bench = Bench({NAME: {"A": ["127.0.0.2"]}})
    assert bench.lists.peek(HOST) is None
    for _ in range(3):
        await bench.lists.score(HOST)
        await bench.lists.score("192.0.2.26")
    assert bench.questions == 4
    assert bench.lists.peek("192.0.2.26") is not None
    bench.clock.advance(300)
    assert bench.lists.peek(HOST) is None
    await bench.lists.score(HOST)
    assert bench.questions == 6


async def test_a_dead_list_costs_its_timeout_once_for_an_address() -> None:
    bench = Bench({}, silent=True)
    for _ in range(3):
        score = await bench.lists.score(HOST)
    assert score == Score(
        None,
        "dns_lists",
        "bl.example.org does not answer within 0 seconds; "
        "wl.example.net does not answer within 0 seconds",
        word=FAILED,
    )
    assert bench.questions == 2
    await bench.lists.score("192.0.2.26")
    assert bench.questions == 4
    assert bench.warned == [
        "Reputation: bl.example.org does not answer within 0 seconds",
        "Reputation: wl.example.net does not answer within 0 seconds",
    ]


async def test_a_dead_list_is_left_alone_for_a_while() -> None:
    bench = Bench({}, silent=True)
    for number in range(20):
        await bench.bad.find(f"192.0.2.{number}")
    assert bench.questions == 5
    listing = bench.bad.peek("192.0.2.99")
    assert listing is not None
    assert listing.fault == "bl.example.org is not asked for now, as it does not answer"
    bench.clock.advance(30)
    assert bench.bad.peek("192.0.2.99") is None
    await bench.bad.find("192.0.2.99")
    assert bench.questions == 6


async def test_a_list_that_answers_again_has_no_failures() -> None:
    bench = Bench({f"{n}.2.0.192.{ZONE}": {"SERVFAIL": []} for n in range(1, 5)})
    for _ in range(3):
        for number in range(5):  # four failures, and an answer
            await bench.bad.find(f"192.0.2.{number}")
        bench.clock.advance(300)
    assert bench.questions == 15


def test_the_worst_code_counts() -> None:
    weights = Weights({"127.0.0.2": -6.0}, -1.0)
    assert weigh(["127.0.0.2", "127.0.0.7"], weights) == -6.0
    assert weigh(["127.0.0.7"], weights) == -1.0


async def test_the_sum_is_a_score() -> None:
    zones = [(Bench({NAME: {"A": ["127.0.0.2"]}}).bad, Weights({}, -6.0)) for _ in range(2)]
    assert (await DnsListReputation(zones).score(HOST)).value == -10.0
