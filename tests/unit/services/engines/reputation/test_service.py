"""Reputation as a worker uses it: what a reload changes, and what it keeps."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailwarden.services.engines.reputation.dns_zone import FAILURES_BEFORE_REST
from mailwarden.services.engines.reputation.gathering import GATHER_SECONDS, HOSTS_MAX
from mailwarden.services.engines.reputation.history_table import Traffic, make_history
from mailwarden.services.engines.reputation.score import FAILED, PRIVATE
from mailwarden.services.engines.reputation.service import Health, Means, ReputationService
from mailwarden.services.engines.reputation.settings import (
    DnsListSettings,
    FeedSettings,
    HistorySettings,
    Provider,
    ReputationSettings,
)
from mailwarden.services.engines.reputation.signature import HmacVerifier
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.fake import FakeResolver
from mailwarden.system.files.files import SystemFiles

KEY = b"k" * 32
BAD = "198.51.100.7"
LISTED = "192.0.2.66"


class Bench:
    """Services that share a memory, as workers do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.memory = make_history(1000)
        self.said: list[str] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.services: list[ReputationService] = []
        self.resolver = FakeResolver({"66.2.0.192.bl.example.org": {"A": ["127.0.0.2"]}})
        (folder / "key").write_bytes(KEY)

    def feed(self, name: str, content: bytes) -> FeedSettings:
        path = self.folder / name
        path.write_bytes(content)
        Path(f"{path}.sig").write_text(HmacVerifier(KEY).sign(content))
        return FeedSettings(name=name, path=str(path), key_file=str(self.folder / "key"))

    async def make(
        self, settings: ReputationSettings, *, is_keeper: bool = True
    ) -> ReputationService:
        service = ReputationService(
            settings,
            Means(
                resolver=self.resolver,
                clock=SimulatedClock(),
                files=SystemFiles(),
                later=lambda seconds, call: self.later.append((seconds, call)),
                inform=self.said.append,
                warn=self.said.append,
                memory=self.memory,
                path=str(self.folder / "reputation"),
                is_keeper=is_keeper,
            ),
        )
        self.services.append(service)
        await service.start()
        return service


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    for service in bench.services:
        await service.close()
    os.close(bench.memory)


async def test_the_order_says_who_is_asked_first(bench: Bench) -> None:
    feed = bench.feed("own", b"192.0.2.66 4.5\n")
    lists = (DnsListSettings(zone="bl.example.org"),)
    settings = ReputationSettings(feeds=(feed,), dns_lists=lists)
    service = await bench.make(settings)
    assert (await service.score(LISTED)).value == 4.5
    await service.apply(replace(settings, order=(Provider.DNS_LISTS, Provider.FEEDS)))
    assert (await service.score(LISTED)).value == -4.0
    assert [each.provider for each in await service.explain(LISTED)] == ["dns_lists", "own"]


async def test_a_reload_keeps_a_feed_that_it_does_not_change(bench: Bench) -> None:
    first = bench.feed("first", b"192.0.2.1 -1\n")
    service = await bench.make(ReputationSettings(feeds=(first,)))
    said = len(bench.said)
    second = bench.feed("second", b"192.0.2.1 -2\n192.0.2.2 -3\n")
    await service.apply(ReputationSettings(feeds=(first, second)))
    assert [line.split(":")[1] for line in bench.said[said:]] == [" feed second"]
    assert (await service.score("192.0.2.2")).value == -3.0
    await service.apply(ReputationSettings(feeds=(second,)))
    assert (await service.score("192.0.2.1")).value == -2.0


async def test_a_reload_that_changes_nothing_forgets_nothing(bench: Bench) -> None:
    settings = ReputationSettings(dns_lists=(DnsListSettings(zone="bl.example.org"),))
    service = await bench.make(settings)
    score = await service.score(LISTED)
    await service.apply(replace(settings))
    assert service.peek(LISTED) is score


async def test_the_log_has_words_for_why_there_is_no_score(bench: Bench) -> None:
    feed = FeedSettings(name="lost", path=str(bench.folder / "no"), key_file=str(bench.folder))
    service = await bench.make(ReputationSettings(feeds=(feed,)))
    assert (await service.score("192.0.2.9")).logged == FAILED
    for private in ("10.1.2.3", "172.31.0.1", "192.168.7.7", "fd00::1", "::ffff:10.0.0.1"):
        assert (await service.score(private)).logged == PRIVATE
    await service.apply(ReputationSettings())
    for public in ("192.0.2.9", "172.32.0.1", "192.169.0.1", "2001:db8::1"):
        assert (await service.score(public)).logged is None


async def test_what_one_worker_saw_all_know_and_the_next_start(bench: Bench) -> None:
    keeper = await bench.make(ReputationSettings())
    other = await bench.make(ReputationSettings(), is_keeper=False)
    other.record(BAD, Traffic(bad_recipients=600))
    assert (await keeper.score(BAD)).value == -9.4
    await other.apply(ReputationSettings(history=HistorySettings(memory_days=1)))
    assert "in 1 days" in (await other.score(BAD)).why
    await keeper.close()

    os.close(bench.memory)
    bench.memory = make_history(1000)
    again = await bench.make(ReputationSettings())
    assert (await again.score(BAD)).value == -9.4
    again.record("198.51.100.8", Traffic(bad_recipients=5, messages=2))
    again.forget(BAD)
    own, network = again.recall(BAD)
    assert own == Traffic()
    assert network == pytest.approx((2, 0, 5, 0, 0))
    assert (await again.score(BAD)).value is None


async def test_what_connections_show_is_gathered_for_a_second(bench: Bench) -> None:
    service = await bench.make(ReputationSettings())
    other = await bench.make(ReputationSettings(), is_keeper=False)
    service.note(BAD, 1, 2, 0)
    service.note(BAD, 0, 0, 598)
    assert other.recall(BAD)[0] == Traffic()
    ((seconds, hand_over),) = bench.later
    assert seconds == GATHER_SECONDS
    hand_over()
    assert other.recall(BAD)[0] == Traffic(messages=1, recipients=2, bad_recipients=598)
    service.note(BAD, 1, 1, 0)
    assert len(bench.later) == 2


async def test_gathering_takes_no_more_hosts_than_are_written_at_once(bench: Bench) -> None:
    service = await bench.make(ReputationSettings())
    other = await bench.make(ReputationSettings(), is_keeper=False)
    for number in range(HOSTS_MAX + 1):
        service.note(f"198.51.100.{number}", 1, 1, 0)
    assert len(bench.later) == 1
    assert other.recall("198.51.100.0")[1].messages == HOSTS_MAX


async def test_what_was_gathered_is_seen_by_whoever_asks_and_saved_at_the_end(bench: Bench) -> None:
    service = await bench.make(ReputationSettings())
    service.note(BAD, 3, 3, 0)
    assert service.recall(BAD)[0].messages == 3
    service.note(BAD, 1, 1, 0)
    service.forget(BAD)
    assert service.recall(BAD)[0] == Traffic()
    service.note(BAD, 5, 5, 0)
    await service.close()
    os.close(bench.memory)
    bench.memory = make_history(1000)
    assert (await bench.make(ReputationSettings())).recall(BAD)[0].messages == 5


async def test_a_damaged_history_is_told_and_begun_anew(bench: Bench) -> None:
    (bench.folder / "reputation").write_bytes(b"mwhist\x01\nnonsense" * 9)
    service = await bench.make(ReputationSettings())
    assert "not loaded, it starts empty" in bench.said[0]
    service.record(BAD, Traffic(bad_recipients=600))
    assert (await service.score(BAD)).value == -9.4


async def test_a_worker_that_does_not_keep_the_history_leaves_its_file_alone(bench: Bench) -> None:
    service = await bench.make(ReputationSettings(), is_keeper=False)
    service.record(BAD, Traffic(bad_recipients=600))
    await asyncio.sleep(0)
    await service.close()
    assert not (bench.folder / "reputation").exists()


async def test_a_list_is_asked_anew_and_nothing_is_remembered(bench: Bench) -> None:
    service = await bench.make(ReputationSettings())
    assert (await service.ask_list("bl.example.org", LISTED)).codes == ("127.0.0.2",)
    assert (await service.ask_list("bl.example.org", BAD)).codes == ()
    assert service.health() == [Health("history", True, "what this gateway saw itself")]


async def test_answers_of_lists_are_forgotten(bench: Bench) -> None:
    settings = ReputationSettings(dns_lists=(DnsListSettings(zone="bl.example.org"),))
    service = await bench.make(settings)
    await service.score(LISTED)
    assert service.flush_lists() == 1
    assert service.peek(LISTED) is None
    assert (await service.score(LISTED)).value == -4.0


async def test_how_well_each_source_of_scores_is(bench: Bench) -> None:
    lost = FeedSettings(name="lost", path=str(bench.folder / "no"), key_file=str(bench.folder))
    feeds = (bench.feed("own", b"192.0.2.66 4.5\n"), lost)
    lists = (DnsListSettings(zone="bl.example.org"), DnsListSettings(zone="dead.example.org"))
    bench.resolver.zone = {f"{at}.2.0.192.dead.example.org": {"SERVFAIL": []} for at in range(5)}
    settings = ReputationSettings(
        feeds=feeds, dns_lists=lists, order=(Provider.FEEDS, Provider.DNS_LISTS)
    )
    service = await bench.make(settings)
    for at in range(FAILURES_BEFORE_REST):
        await service.explain(f"192.0.2.{at}")
    found = {each.name: each for each in service.health()}
    assert found["feed own"] == Health("feed own", True, "1 networks")
    assert not found["feed lost"].is_well
    assert found["DNS list bl.example.org"].is_well
    assert not found["DNS list dead.example.org"].is_well
