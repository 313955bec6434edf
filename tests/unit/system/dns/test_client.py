"""What the caching resolver remembers, and does about servers that fail, lie or are slow."""

import asyncio
from typing import Any

import pytest

from mailwarden.core.policy.host_forms import NameStatus
from mailwarden.system.dns.client import FAILURE_SECONDS, HALF_FAILURE_SECONDS
from mailwarden.system.dns.fake import Zone
from mailwarden.system.dns.resolver import (
    NULL_MX,
    HostName,
    MxHost,
    NameNotFoundError,
    ResolutionError,
)
from mailwarden.system.dns.servers import DEAD_SECONDS
from mailwarden.system.dns.settings import DnsSettings
from mailwarden.system.dns.wire import Kind
from tests.dns_server import NEGATIVE_TTL
from tests.unit.system.dns.simulated import Bench

ONE, TWO, THREE = "192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"
A_EXAMPLE = HostName("a.example", NameStatus.EXISTS)
FORGED = NameStatus.NOT_DOUBLE_VERIFIED
GOOD: dict[str, Any] = {"A": ["192.0.2.80"]}


async def addresses(bench: Bench, name: str = "a.example") -> tuple[str, ...]:
    return await bench.resolver.resolve_addresses(name)


async def texts(bench: Bench, name: str = "a.example") -> tuple[bytes, ...]:
    return await bench.resolver.resolve_txt(name)


# Memory


async def test_an_answer_is_remembered_for_its_ttl() -> None:
    bench = Bench({"a.example": {"TXT": ["x"], "TTL": ["100"]}})
    await texts(bench)
    bench.clock.advance(99)
    assert await texts(bench) == (b"x",)
    assert bench.asked == [ONE]
    bench.clock.advance(1)
    assert await texts(bench) == (b"x",)
    assert bench.asked == [ONE]


async def test_the_shortest_ttl_on_the_way_counts() -> None:
    zone = {
        "a.example": {"CNAME": ["b.example"], "TTL": ["10"]},
        "b.example": {"TXT": ["x"], "TTL": ["1000"]},
    }
    bench = Bench(zone)
    await texts(bench)
    bench.clock.advance(10)
    await texts(bench)
    assert bench.asked == [ONE, ONE]


async def test_an_answer_for_the_moment_is_shared_but_not_remembered() -> None:
    bench = Bench({"a.example": {"MX": ["10 m.example"], "TTL": ["0"]}})
    bench.transport.gate.clear()
    waiting = [asyncio.ensure_future(bench.resolver.resolve_mx("a.example")) for _ in range(3)]
    await asyncio.sleep(0)
    bench.transport.gate.set()
    assert await asyncio.gather(*waiting) == [(MxHost(10, "m.example"),)] * 3
    assert bench.asked == [ONE]
    assert bench.resolver.peek_mx("a.example") is None


@pytest.mark.parametrize(
    ("records", "seconds"),
    [
        ({"MX": ["10 m.example"]}, 1800),
        ({"A": ["192.0.2.80"]}, 1800),
        ({"PTR": ["m.example"]}, 1800),
        ({"MX": ["10 m.example"], "TTL": ["2000"]}, 2000),
        ({"MX": ["10 m.example"], "TTL": ["0"]}, 0),  # RFC 1035, 3.2.1: not to be kept
        ({"A": ["127.0.0.2"]}, 60),  # of a DNS list
        ({"TXT": ["x"]}, 60),
        ({"TLSA": ["3 1 1 " + "ab" * 32]}, 60),
        ({"MX": ["10 m.example"], "SECURE": []}, 60),
        ({"NS": ["m.example"]}, NEGATIVE_TTL),  # no such record
    ],
)
async def test_sys_14_the_least_time_in_memory(records: dict[str, Any], seconds: int) -> None:
    bench = Bench({"a.example": {"TTL": ["60"], **records}})
    if "SECURE" in records:
        bench.resolver.apply(DnsSettings(trusted_servers=("192.0.2.1",)))
    kind = next((Kind[name] for name in records if name in Kind.__members__), Kind.MX)
    finding = await bench.resolver.find(kind, "a.example")
    assert finding.expires_at - bench.clock.monotonic() == seconds


async def test_sys_14_the_ttl_alone_counts_where_that_is_set() -> None:
    bench = Bench({"a.example": {"MX": ["10 m.example"], "TTL": ["60"]}}, cache_ttl_min_seconds=0.0)
    finding = await bench.resolver.find(Kind.MX, "a.example")
    assert finding.expires_at - bench.clock.monotonic() == 60


async def test_sys_14_flushing_forgets_everything() -> None:
    zone: dict[str, Any] = {"a.example": {"TXT": ["old"]}, "b.example": {"TXT": ["old"]}}
    bench = Bench(zone)
    assert (await texts(bench), await texts(bench, "b.example")) == ((b"old",), (b"old",))
    zone["a.example"] = {"TXT": ["new"]}
    assert await texts(bench) == (b"old",)
    assert bench.resolver.flush() == 2
    assert await texts(bench) == (b"new",)
    assert bench.resolver.flush() == 1
    assert bench.resolver.flush() == 0


async def test_sys_14_an_answer_from_before_a_flush_is_not_kept() -> None:
    zone: dict[str, Any] = {"a.example": {"TXT": ["old"]}}
    bench = Bench(zone)
    bench.transport.gate.clear()
    waiting = asyncio.ensure_future(texts(bench))
    await asyncio.sleep(0)
    bench.resolver.flush()
    bench.transport.gate.set()
    assert await waiting == (b"old",)
    zone["a.example"] = {"TXT": ["new"]}
    assert await texts(bench) == (b"new",)


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ({"DROP": []}, f"no answer within 5 seconds from {ONE}"),
        ({"GARBAGE": []}, f"nonsense: it has more than 512 records from {ONE}"),
        ({"A": ["192.0.2.1"]}, ""),
        ({"SERVFAIL": []}, ""),  # it lives
        (None, ""),
    ],
)
async def test_sys_14_no_server_answers_at_the_start(
    records: dict[str, Any] | None, why: str
) -> None:
    bench = Bench({} if records is None else {"gw.example": records})
    assert await bench.resolver.bootstrap("gw.example") == why


async def test_no_answer_is_remembered_longer_than_the_settings_say() -> None:
    zone = {"a.example": {"TXT": ["x"], "TTL": ["86400"]}}
    bench = Bench(zone, cache_ttl_max_seconds=60.0)
    await texts(bench)
    bench.clock.advance(60)
    await texts(bench)
    assert bench.asked == [ONE, ONE]


@pytest.mark.parametrize("name", ["empty.example", "missing.example"])
async def test_absence_is_remembered_as_the_soa_says(name: str) -> None:
    zone: dict[str, Any] = {"empty.example": GOOD}
    bench = Bench(zone)
    for _ in range(3):
        try:
            assert await bench.resolver.resolve_mx(name) == ()
        except NameNotFoundError:
            assert name == "missing.example"
    assert bench.asked == [ONE]
    zone[name] = {"MX": ["1 m.example"]}
    bench.clock.advance(NEGATIVE_TTL)
    assert await bench.resolver.resolve_mx(name) == (MxHost(1, "m.example"),)


async def test_absence_is_remembered_no_longer_than_the_settings_say() -> None:
    bench = Bench({}, negative_ttl_max_seconds=5.0)
    for _ in range(2):
        with pytest.raises(NameNotFoundError):
            await texts(bench)
        bench.clock.advance(5)
    assert bench.asked == [ONE, ONE]


async def test_absence_without_soa_is_not_remembered() -> None:
    """RFC 2308, 5."""
    bench = Bench({"a.example": {**GOOD, "NO_SOA": []}})
    assert await texts(bench) == ()
    assert await texts(bench) == ()
    assert bench.asked == [ONE, ONE]


async def test_failures_are_remembered_for_a_moment() -> None:
    zone: dict[str, Any] = {"a.example": {"SERVFAIL": []}}
    bench = Bench(zone)
    for _ in range(3):
        with pytest.raises(ResolutionError):
            await texts(bench)
    assert bench.asked == [ONE]
    zone["a.example"] = {"TXT": ["x"]}
    bench.clock.advance(FAILURE_SECONDS)
    assert await texts(bench) == (b"x",)


async def test_errors_do_not_pile_up_tracebacks() -> None:
    bench = Bench({})
    caught = []
    for _ in range(2):
        with pytest.raises(NameNotFoundError) as error:
            await texts(bench)
        caught.append(error.value)
    assert caught[0] is not caught[1]


async def test_memory_is_bounded() -> None:
    zone = {f"{number}.example": {"TXT": [str(number)]} for number in range(500)}
    bench = Bench(zone, cache_entries_max=100)
    for name in zone:
        await texts(bench, name)
    assert len(bench.resolver._cache) <= 100
    bench.transport.asked.clear()
    await texts(bench, "499.example")
    assert bench.asked == []
    await texts(bench, "0.example")
    assert bench.asked == [ONE]


async def test_without_memory_every_name_is_asked_for() -> None:
    bench = Bench({"a.example": {"TXT": ["x"]}}, cache_entries_max=0)
    await texts(bench)
    await texts(bench)
    assert bench.asked == [ONE, ONE]
    assert not bench.resolver._asking


# Many who ask


async def test_a_thousand_askers_make_one_question() -> None:
    bench = Bench({"a.example": {"TXT": ["x"]}})
    bench.transport.gate.clear()
    waiting = [asyncio.ensure_future(texts(bench)) for _ in range(1000)]
    await asyncio.sleep(0)
    bench.transport.gate.set()
    assert await asyncio.gather(*waiting) == [(b"x",)] * 1000
    assert bench.asked == [ONE]


async def test_a_cancelled_asker_does_not_harm_the_others() -> None:
    bench = Bench({"a.example": {"TXT": ["x"]}})
    bench.transport.gate.clear()
    first, second, third = (asyncio.ensure_future(texts(bench)) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()  # waits for the first
    await asyncio.sleep(0)
    first.cancel()  # the third takes over
    await asyncio.sleep(0.001)
    bench.transport.gate.set()
    assert await third == (b"x",)
    assert first.cancelled()
    assert second.cancelled()
    assert not bench.resolver._asking


async def test_closing_ends_what_is_under_way() -> None:
    bench = Bench({"a.example": {"TXT": ["x"]}}, {"a.example": {"TXT": ["x"]}})
    bench.transport.gate.clear()
    waiting = [asyncio.ensure_future(texts(bench, f"{n}.example")) for n in range(5)]
    await asyncio.sleep(0)
    bench.resolver.close()
    bench.resolver.close()
    for task in waiting:
        with pytest.raises(ResolutionError, match="closed"):
            await task
    with pytest.raises(ResolutionError, match="closed"):
        await texts(bench, "later.example")
    assert len(bench.asked) == 5


# Servers


async def test_each_server_says_no_once() -> None:
    bench = Bench({"a.example": {"SERVFAIL": []}}, {"a.example": {"REFUSED": []}})
    with pytest.raises(ResolutionError) as caught:
        await texts(bench)
    assert bench.asked == [ONE, TWO]
    assert caught.value.detail == f"REFUSED from {TWO}"


@pytest.mark.parametrize(
    "trouble",
    [
        {"SERVFAIL": []},
        {"REFUSED": []},
        {"NOTIMP": []},
        {"FORMERR": []},
        {"DROP": []},
        {"GARBAGE": []},
        {"HUGE": ["5000"]},
        {"LAME": []},
        {"RAW": ["05"]},
        {"CNAME": ["a.example"]},
    ],
    ids=lambda trouble: next(iter(trouble)),
)
async def test_the_next_server_helps_out(trouble: dict[str, list[str]]) -> None:
    bench = Bench({"a.example": trouble}, {"a.example": {"TXT": ["x"]}})
    assert await texts(bench) == (b"x",)
    assert set(bench.asked) == {ONE, TWO}


async def test_a_server_that_is_gone_is_asked_last() -> None:
    zone: Zone = {f"{n}.example": {"TXT": ["x"]} for n in range(20)}
    bench = Bench(zone, zone)
    first = bench.transport.servers.pop(ONE)
    for number in range(2):
        assert await texts(bench, f"{number}.example") == (b"x",)
    assert bench.asked == [ONE, TWO, ONE, TWO]
    assert await texts(bench, "2.example") == (b"x",)
    assert bench.asked == [TWO]
    bench.transport.servers[ONE] = first
    bench.clock.advance(DEAD_SECONDS)
    await texts(bench, "3.example")
    assert bench.asked == [ONE]
    await texts(bench, "4.example")
    assert bench.asked == [ONE]


async def test_dead_servers_are_tried_when_there_is_no_other() -> None:
    zone: Zone = {f"{n}.example": {"TXT": ["x"]} for n in range(20)}
    bench = Bench(zone)
    server = bench.transport.servers.pop(ONE)
    with pytest.raises(ResolutionError, match=f"Connection refused from {ONE}"):
        await texts(bench, "1.example")
    bench.transport.servers[ONE] = server
    assert await texts(bench, "2.example") == (b"x",)


async def test_silence_is_told_from_refusal() -> None:
    bench = Bench({"a.example": {"DROP": []}}, timeout_seconds=10.0, resend_seconds=4.0)
    with pytest.raises(ResolutionError) as caught:
        await texts(bench)
    assert caught.value.detail == f"no answer within 2 seconds from {ONE}"
    assert bench.asked == [ONE] * 3


async def test_other_settings_take_effect_at_once_and_memory_stays() -> None:
    bench = Bench({"a.example": {"TXT": ["x"]}}, {"b.example": {"TXT": ["y"]}})
    await texts(bench)
    assert bench.asked == [ONE]
    bench.resolver.apply(DnsSettings(servers=("192.0.2.2",)))
    assert await texts(bench) == (b"x",)
    assert await texts(bench, "b.example") == (b"y",)
    assert bench.asked == [TWO]
    with pytest.raises(ValueError, match="not an IP address"):
        bench.resolver.apply(DnsSettings(servers=("ns.example",)))
    bench.resolver.apply(DnsSettings(servers=("192.0.2.2",), cache_entries_max=1))
    assert len(bench.resolver._cache) == 1


async def test_slow_servers_are_given_up_in_time() -> None:
    slow: list[Zone] = [{"a.example": {"SERVFAIL": []}} for _ in range(20)]
    servers = tuple(f"192.0.2.{number}" for number in range(1, 21))
    bench = Bench(*slow, servers=servers, timeout_seconds=100.0)
    answer = bench.transport.ask_udp

    async def slowly(*arguments: Any) -> Any:
        bench.clock.advance(25)
        return await answer(*arguments)

    bench.transport.ask_udp = slowly  # type: ignore[method-assign]  # the same, but slower
    with pytest.raises(ResolutionError, match="SERVFAIL"):
        await texts(bench)
    assert len(bench.asked) == 8  # within 200 seconds


# Ways of asking


async def test_long_answers_come_over_tcp() -> None:
    bench = Bench({"a.example": {"TXT": [f"{n:0200}" for n in range(20)]}})
    assert len(await texts(bench)) == 20
    assert [over for _, _, over in bench.transport.asked] == ["udp", "tcp"]


async def test_edns_is_given_up_for_servers_that_do_not_know_it() -> None:
    bench = Bench({f"{n}.example": {"TXT": ["x"], "NO_EDNS": []} for n in range(3)})
    for number in range(3):
        assert await texts(bench, f"{number}.example") == (b"x",)
    with_edns = [query[11] for query in bench.transport.queries]
    assert with_edns == [1, 0, 0, 0]


async def test_edns_is_not_blamed_for_other_faults() -> None:
    bench = Bench({"a.example": {"FORMERR": []}, "b.example": {"TXT": ["x"]}})
    with pytest.raises(ResolutionError, match="FORMERR"):
        await texts(bench)
    await texts(bench, "b.example")
    assert [query[11] for query in bench.transport.queries] == [1, 0, 1]


async def test_each_question_has_a_number_of_its_own() -> None:
    zone: Zone = {f"{n}.example": {"TXT": ["x"]} for n in range(50)}
    bench = Bench(zone)
    for name in zone:
        await texts(bench, name)
    numbers = {query[:2] for query in bench.transport.queries}
    assert len(numbers) > 45


async def test_answers_to_other_questions_are_ignored() -> None:
    bench = Bench({"a.example": {**GOOD, "POISON": []}})
    assert await addresses(bench) == ("192.0.2.80",)


async def test_poison_is_not_remembered() -> None:
    bench = Bench({"a.example": {**GOOD, "POISON": []}})
    await addresses(bench)
    assert bench.resolver.peek_addresses("other.example") is None
    assert bench.resolver.peek_addresses("a.example") == ("192.0.2.80",)


async def test_aliases_that_the_server_leaves_to_us() -> None:
    zone = {
        "a.example": {"CNAME": ["b.example"], "CNAME_ONLY": [], "NO_SOA": []},
        "b.example": {"CNAME": ["c.example"], "CNAME_ONLY": [], "NO_SOA": []},
        "c.example": {"TXT": ["x"]},
    }
    bench = Bench(zone)
    assert await texts(bench) == (b"x",)
    assert bench.transport.names() == ["a.example", "b.example", "c.example"]


async def test_a_chain_of_aliases_ends_somewhere() -> None:
    zone = {
        f"{n}.example": {"CNAME": [f"{n + 1}.example"], "CNAME_ONLY": [], "NO_SOA": []}
        for n in range(100)
    }
    bench = Bench(zone)
    with pytest.raises(ResolutionError, match="aliases"):
        await texts(bench, "0.example")
    assert len(bench.asked) == 4


# Halves of an answer


@pytest.mark.parametrize(("silent", "found"), [("AAAA", "192.0.2.80"), ("A", "2001:db8::80")])
async def test_one_kind_of_address_is_enough(silent: str, found: str) -> None:
    zone = {"a.example": {"A": ["192.0.2.80"], "AAAA": ["2001:db8::80"], "DROP": [silent]}}
    bench = Bench(zone, timeout_seconds=5.0)
    assert await addresses(bench) == (found,)
    assert len(bench.asked) == 2
    bench.clock.advance(min(HALF_FAILURE_SECONDS, 300) - 1)
    assert bench.resolver.peek_addresses("a.example") == (found,)
    assert await addresses(bench) == (found,)
    assert bench.asked == []


async def test_no_address_and_half_an_answer_is_a_failure_for_now() -> None:
    bench = Bench({"a.example": {"TXT": ["x"], "DROP": ["AAAA"]}})
    with pytest.raises(ResolutionError) as caught:
        await addresses(bench)
    assert caught.value.kind == "AAAA"


async def test_a_host_name_takes_the_kind_of_address_that_is_asked_about() -> None:
    zone = {
        "80.2.0.192.in-addr.arpa": {"PTR": ["a.example"]},
        "a.example": {"A": ["192.0.2.80"], "DROP": ["AAAA"]},
    }
    bench = Bench(zone)
    assert await bench.resolver.resolve_host_name("192.0.2.80") == A_EXAMPLE
    assert len(bench.asked) == 2


async def test_host_names_are_as_fresh_as_what_they_rest_on() -> None:
    zone: dict[str, Any] = {
        "80.2.0.192.in-addr.arpa": {"PTR": ["a.example"], "TTL": ["1000"]},
        "a.example": {"A": ["192.0.2.80"], "TTL": ["10"]},
    }
    bench = Bench(zone, cache_ttl_min_seconds=0.0)
    assert await bench.resolver.resolve_host_name("192.0.2.80") == A_EXAMPLE
    zone["a.example"] = {"A": ["203.0.113.1"]}
    bench.clock.advance(10)
    assert bench.resolver.peek_host_name("192.0.2.80") is None
    assert (await bench.resolver.resolve_host_name("192.0.2.80")).status is FORGED


async def test_only_a_few_names_of_an_address_are_looked_at() -> None:
    zone: dict[str, Any] = {
        "80.2.0.192.in-addr.arpa": {"PTR": [f"{n}.example" for n in range(10)]},
        **{f"{n}.example": {"A": ["203.0.113.1"]} for n in range(9)},
        "9.example": {"A": ["192.0.2.80"]},
    }
    bench = Bench(zone)
    assert (await bench.resolver.resolve_host_name("192.0.2.80")).status is FORGED
    assert len(bench.asked) == 5


# Hostile records


@pytest.mark.parametrize(
    ("records", "hosts"),
    [
        (["10 a\\032b.example", "20 good.example"], [(20, "good.example")]),
        (["0 .", "20 good.example"], [(20, "good.example")]),
        (["10 ."], [NULL_MX]),
        (["10 a\\.b.example", "5 _x-1.example"], [(5, "_x-1.example")]),
    ],
)
async def test_unusable_mail_exchangers_are_left_out(
    records: list[str], hosts: list[tuple[int, str]]
) -> None:
    bench = Bench({"a.example": {"MX": records}})
    assert list(await bench.resolver.resolve_mx("a.example")) == hosts


async def test_only_unusable_mail_exchangers_are_a_failure_for_now() -> None:
    bench = Bench({"a.example": {"MX": ["10 mail.int.example\\032"]}})
    with pytest.raises(ResolutionError, match="no mail exchanger has a usable name"):
        await bench.resolver.resolve_mx("a.example")


async def test_unusable_reverse_names_are_left_out() -> None:
    ptr = ["evil\\013\\010name.example", "good.example", "."]
    bench = Bench({"80.2.0.192.in-addr.arpa": {"PTR": ptr}})
    assert await bench.resolver.resolve_reverse("192.0.2.80") == ("good.example",)


async def test_reverse_zones_of_less_than_an_octet() -> None:
    """RFC 2317: the alias leads through a name that no host could have."""
    zone = {
        "80.2.0.192.in-addr.arpa": {
            "CNAME": ["80.64/26.2.0.192.in-addr.arpa"],
            "CNAME_ONLY": [],
            "NO_SOA": [],
        },
        "80.64/26.2.0.192.in-addr.arpa": {"PTR": ["a.example"]},
    }
    bench = Bench(zone)
    assert await bench.resolver.resolve_reverse("192.0.2.80") == ("a.example",)


async def test_too_much_of_everything() -> None:
    many = [f"10.0.{n // 250}.{n % 250}" for n in range(400)]
    zone = {
        "a.example": {"A": many, "MX": [f"{n} {n}.example" for n in range(300)]},
        "80.2.0.192.in-addr.arpa": {"PTR": [f"{n}.example" for n in range(300)]},
        "t.example": {"TXT": ["x" * 250] * 100},
        "flood.example": {"A": many * 2},
    }
    bench = Bench(zone)
    assert len(await addresses(bench)) == 64
    hosts = await bench.resolver.resolve_mx("a.example")
    assert [host.preference for host in hosts] == list(range(64))
    assert len(await bench.resolver.resolve_reverse("192.0.2.80")) == 16
    with pytest.raises(ResolutionError, match="more than 16384 bytes of text"):
        await texts(bench, "t.example")
    with pytest.raises(ResolutionError, match="more than 512 records"):
        await addresses(bench, "flood.example")


async def test_long_texts_are_joined() -> None:
    bench = Bench({"a.example": {"TXT": ['"v=DKIM1; " "p=abc" "def"', '""']}})
    assert await texts(bench) == (b"v=DKIM1; p=abcdef", b"")
