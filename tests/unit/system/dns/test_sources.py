"""Who is asked about which name, and how long: priorities, dead servers, split DNS."""

import random
from collections import Counter
from typing import Any

import pytest

from mailwarden.system.dns.names import encode_name
from mailwarden.system.dns.resolver import ResolutionError
from mailwarden.system.dns.servers import DEAD_SECONDS
from mailwarden.system.dns.settings import DnsSettings, parse_dns_domain
from mailwarden.system.dns.sources import Sources, Tier
from mailwarden.system.dns.transport import Accept
from mailwarden.system.dns.wire import Message
from tests.unit.system.dns.simulated import Bench

ONE, TWO, THREE = "192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"
FOUND: dict[str, Any] = {"a.example": {"TXT": ["x"]}}
DEAD: dict[str, Any] = {"a.example": {"DROP": []}, "b.example": {"DROP": []}}


class Waiting:
    """Lets the time of a question that is not answered pass on the simulated clock."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._answer = bench.transport.ask_udp
        self._began = bench.clock.monotonic()
        self.asked: list[tuple[float, str]] = []  # after how many seconds, and whom
        bench.transport.ask_udp = self.ask  # type: ignore[method-assign]  # the same, but slower

    async def ask(self, server: Any, query: bytes, accept: Accept) -> Message:
        self.asked.append((self._bench.clock.monotonic() - self._began, server.name))
        try:
            return await self._answer(server, query, accept)
        except TimeoutError:
            self._bench.clock.advance(self._bench.settings.resend_seconds)
            raise


async def test_s_05_the_second_priority_is_asked_after_15_seconds() -> None:
    """SYS-11 as well."""
    bench = Bench(DEAD, FOUND)
    waiting = Waiting(bench)
    assert await bench.resolver.resolve_txt("a.example") == (b"x",)
    assert waiting.asked == [(0, ONE), (5, ONE), (10, ONE), (15, TWO)]


@pytest.mark.parametrize(
    ("priorities", "times"), [((0,), [60]), ((0, 3), [15, 45]), ((7, 9, 65535), [5, 10, 45])]
)
def test_sys_11_times_by_the_number_of_priorities(
    priorities: tuple[int, ...], times: list[float]
) -> None:
    servers = tuple(f"192.0.2.{n}/pri={priority}" for n, priority in enumerate(priorities, 1))
    tiers = Sources(DnsSettings(servers=servers)).tiers(encode_name("a.example"), 0)
    assert [sum(tier.waits) for tier in tiers] == pytest.approx(times)
    assert [server.name for tier in tiers for server in tier.servers] == [
        f"192.0.2.{n}:53" for n, _ in enumerate(priorities, 1)
    ]


async def test_sys_11_all_of_the_time_is_used() -> None:
    bench = Bench(DEAD, DEAD, DEAD)
    waiting = Waiting(bench)
    with pytest.raises(ResolutionError):
        await bench.resolver.resolve_txt("a.example")
    assert Counter(name for _, name in waiting.asked) == {ONE: 1, TWO: 2, THREE: 9}


def test_sys_11_equal_servers_are_asked_in_an_order_of_chance() -> None:
    (tier,) = _tiers("192.0.2.1", "192.0.2.2", "192.0.2.3")
    randomness = random.Random(3)
    first = Counter(tier.turn(randomness, 0)[0].name for _ in range(300))
    assert set(first) == {ONE, TWO, THREE}
    assert min(first.values()) > 60


async def test_an_equal_server_is_asked_once_the_question_may_be_lost() -> None:
    bench = Bench(DEAD, FOUND, servers=("192.0.2.1", "192.0.2.2"))
    waiting = Waiting(bench)
    for _ in range(20):
        bench.resolver.flush()
        await bench.resolver.resolve_txt("a.example")
    assert {ONE, TWO} == {name for _, name in waiting.asked}


def test_each_of_many_servers_is_asked() -> None:
    servers = tuple(f"192.0.2.{n}" for n in range(1, 21))
    settings = DnsSettings(servers=servers, timeout_seconds=1.0)
    ((_, waits),) = Sources(settings).tiers(encode_name("a.example"), 0)
    assert waits == (1.0,) * 20


def test_dead_servers_come_last() -> None:
    first, second = _tiers("192.0.2.1", "192.0.2.2", "192.0.2.3/pri=1")
    for server in (first.servers[0], first.servers[0]):
        server.failed(100)
    randomness = random.Random(3)
    for _ in range(20):
        assert [server.name for server in first.turn(randomness, 100)] == [TWO, ONE]
    one, two = first.servers
    two.failed(110)
    two.failed(110)
    assert first.turn(randomness, 111) == [one, two]  # it died first, and may be back
    assert len(second.servers) == 1


async def test_a_priority_of_dead_servers_is_asked_last() -> None:
    everything: dict[str, Any] = {"a.example": {"TXT": ["x"]}, "b.example": {"TXT": ["y"]}}
    bench = Bench(DEAD, everything)
    waiting = Waiting(bench)
    await bench.resolver.resolve_txt("a.example")
    waiting.asked.clear()
    assert await bench.resolver.resolve_txt("b.example") == (b"y",)
    assert [name for _, name in waiting.asked] == [TWO]
    waiting.asked.clear()
    bench.clock.advance(DEAD_SECONDS)
    bench.resolver.flush()
    await bench.resolver.resolve_txt("a.example")
    assert waiting.asked[0][1] == ONE


# Split DNS


SPLIT: dict[str, tuple[str, ...]] = {
    "corp.example": ("192.0.2.2",),
    "lab.corp.example": ("192.0.2.3",),
    "10.in-addr.arpa": ("192.0.2.3",),
}


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("example", ONE),
        ("xcorp.example", ONE),
        ("corp.example.org", ONE),
        ("corp.example", TWO),
        ("www.CORP.example.", TWO),
        ("a.b.corp.example", TWO),
        ("lab.corp.example", THREE),
        ("x.lab.corp.example", THREE),
        ("7.0.0.10.in-addr.arpa", THREE),
        ("7.0.0.110.in-addr.arpa", ONE),
    ],
)
async def test_sys_10_the_longest_domain_has_its_servers(name: str, server: str) -> None:
    zone: dict[str, Any] = {name.lower().removesuffix("."): {"TXT": ["x"]}}
    bench = Bench(zone, zone, zone, servers=("192.0.2.1",), domains=SPLIT)
    assert await bench.resolver.resolve_txt(name) == (b"x",)
    assert bench.asked == [server]


async def test_sys_10_reverse_names_of_inside_come_from_inside() -> None:
    inside: dict[str, Any] = {"7.0.0.10.in-addr.arpa": {"PTR": ["pc7.corp.example"]}}
    bench = Bench({}, {"pc7.corp.example": {"A": ["10.0.0.7"]}}, inside, domains=SPLIT)
    host = await bench.resolver.resolve_host_name("10.0.0.7")
    assert host.name == "pc7.corp.example"
    assert bench.asked == [THREE, TWO]


async def test_sys_10_an_alias_to_inside_is_asked_inside() -> None:
    outside: dict[str, Any] = {"a.example": {"CNAME": ["www.corp.example"], "CNAME_ONLY": []}}
    bench = Bench(outside, {"www.corp.example": {"TXT": ["x"]}}, {}, domains=SPLIT)
    assert await bench.resolver.resolve_txt("a.example") == (b"x",)
    assert bench.asked == [ONE, TWO]


async def test_servers_of_a_domain_prove_nothing() -> None:
    zone: dict[str, Any] = {"www.corp.example": {"TXT": ["x"], "SECURE": []}}
    bench = Bench(zone, zone, zone)
    settings = DnsSettings(trusted_servers=("192.0.2.1",), domains=SPLIT)
    bench.resolver.apply(settings)
    assert await bench.resolver.resolve_txt("www.corp.example") == (b"x",)
    (query,) = bench.transport.queries
    assert not query[3] & 0x20  # AD


async def test_other_domains_make_it_forget() -> None:
    bench = Bench({"www.corp.example": {"TXT": ["outside"]}}, {"www.corp.example": {"TXT": ["in"]}})
    assert await bench.resolver.resolve_txt("www.corp.example") == (b"outside",)
    bench.resolver.apply(DnsSettings(servers=("192.0.2.1",), domains=SPLIT))
    assert await bench.resolver.resolve_txt("www.corp.example") == (b"in",)
    bench.resolver.apply(DnsSettings(servers=("192.0.2.3",), domains=SPLIT))
    assert await bench.resolver.resolve_txt("www.corp.example") == (b"in",)
    assert bench.asked == [ONE, TWO]


async def test_sys_12_all_questions_come_from_the_source() -> None:
    bench = Bench({}, {}, domains={"corp.example": ("192.0.2.2",)})
    bench.resolver.apply(bench.settings, "203.0.113.5")
    sources = bench.resolver._sources
    for name in ("a.example", "corp.example"):
        for tier in sources.tiers(encode_name(name), 0):
            assert [server.source for server in tier.servers] == ["203.0.113.5"] * len(tier.servers)


# Settings


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"servers": ("192.0.2.1/pri=x",)}, "servers[0]", "no priority"),
        (
            {"servers": tuple(f"192.0.2.{n}/pri={n}" for n in range(4))},
            "servers",
            "more than 3 different priorities",
        ),
        ({"domains": {"corp.example": ()}}, "domains[corp.example]", "has no server"),
        ({"domains": {"corp.example": ("ns",)}}, "domains[corp.example][0]", "not an IP address"),
        ({"domains": {"corp": ("192.0.2.1/",)}}, "domains.corp[0]", "no priority"),
        (
            {"domains": {"corp.example": ("192.0.2.1",) * 21}},
            "domains[corp.example]",
            "more than 20 servers",
        ),
        ({"cache_ttl_max_seconds": 60.0}, "cache_ttl_min_seconds", "more than"),
    ],
)
def test_what_is_wrong(settings: dict[str, Any], path: str, message: str) -> None:
    (problem,) = DnsSettings(**settings).problems()
    assert problem.path == path
    assert message in problem.message


def test_four_priorities_cannot_be_used() -> None:
    servers = tuple(f"192.0.2.{n}/pri={n}" for n in range(4))
    with pytest.raises(ValueError, match="more than 3 priorities"):
        Sources(DnsSettings(servers=servers))


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Corp.Example.", "corp.example"),
        ("10.in-addr.arpa", "10.in-addr.arpa"),
        ("m\u00fcller.example", "xn--mller-kva.example"),
    ],
)
def test_domains_as_dns_knows_them(text: str, domain: str) -> None:
    assert parse_dns_domain(text) == domain


@pytest.mark.parametrize("text", ["", ".", "a b", "*.corp.example", "x" * 64, "a..b", "\0"])
def test_what_is_no_domain(text: str) -> None:
    with pytest.raises(ValueError, match="is not a domain"):
        parse_dns_domain(text)


def _tiers(*servers: str) -> list[Tier]:
    return list(Sources(DnsSettings(servers=servers)).tiers(encode_name("a.example"), 0))
