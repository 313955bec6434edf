"""Reputation with a real name server, real files and real processes."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from mailwarden.services.engines.reputation.combined import CombinedReputation
from mailwarden.services.engines.reputation.dns_lists import DnsListReputation, Weights
from mailwarden.services.engines.reputation.dns_zone import DnsZone, question
from mailwarden.services.engines.reputation.feed_provider import FeedReputation
from mailwarden.services.engines.reputation.history import HistoryReputation
from mailwarden.services.engines.reputation.history_table import Traffic, make_history
from mailwarden.services.engines.reputation.signature import HmacVerifier
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.dns.settings import DnsSettings
from mailwarden.system.files.files import SystemFiles
from tests.dns_server import DnsServer, serving

BAD, DEAD = "bl.example.org", "dead.example.net"
SIX = "2001:db8::25"
KEY = b"k" * 32

CHILD = """
import sys
from mailwarden.services.engines.reputation.history import HistoryReputation
from mailwarden.services.engines.reputation.history_table import Traffic
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.files.files import SystemFiles
history = HistoryReputation(
    int(sys.argv[1]), SystemClock(), SystemFiles(), sys.argv[2], memory_days=7, warn=print
)
for number in range(200):
    history.record(f"198.51.100.{number}", Traffic(messages=1, recipients=1, spam=1))
"""


def make_lists(server: DnsServer, warned: list[str]) -> DnsListReputation:
    clock = SystemClock()
    resolver = CachingResolver(
        DnsSettings(servers=(server.address,), timeout_seconds=30),
        loop=asyncio.get_running_loop(),
        clock=clock,
        randomness=random.SystemRandom(),
    )
    zones = [
        DnsZone(
            zone, resolver, clock, warned.append,
            timeout_seconds=timeout, entries_max=1000, cache_seconds=300,
        )
        for zone, timeout in ((BAD, 30), (DEAD, 0.2))
    ]  # fmt: skip
    weights = Weights({"127.0.0.2": -6.0}, -4.0)
    return DnsListReputation([(zone, weights) for zone in zones])


async def _ask_lists(server: DnsServer) -> None:
    warned: list[str] = []
    lists = make_lists(server, warned)
    reputation = CombinedReputation(
        [lists], SystemClock(), warned.append,
        entries_max=1000, cache_seconds=300, timeout_seconds=60,
    )  # fmt: skip
    scores = await asyncio.gather(*[reputation.score("192.0.2.25") for _ in range(20)])
    assert {score.value for score in scores} == {-6.0}
    assert (await reputation.score(SIX)).value == -4.0
    nobody = await reputation.score("192.0.2.26")
    assert nobody.value is None
    assert nobody.why == f"dns_lists: {DEAD} does not answer within 0.2 seconds"
    before = len(server.questions)
    assert await reputation.score("192.0.2.26") is nobody
    assert reputation.peek("192.0.2.25") == scores[0]
    assert len(server.questions) == before
    assert warned == [f"Reputation: {DEAD} does not answer within 0.2 seconds"]
    for zone, questions in ((BAD, 1), (DEAD, 1)):  # however many asked
        name = f"25.2.0.192.{zone}"
        assert len([each for each in server.questions if each[0] == name]) == questions


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_lists_over_the_network(run: Callable[[object], None]) -> None:
    zone = {
        f"25.2.0.192.{BAD}": {"A": ["127.0.0.2"]},
        question(SIX, BAD): {"A": ["127.0.0.10"]},
        f"25.2.0.192.{DEAD}": {"DROP": []},
        f"26.2.0.192.{DEAD}": {"DROP": []},
        question(SIX, DEAD): {"DROP": []},
    }
    with serving(zone) as server:
        run(_ask_lists(server))


def publish(path: Path, content: bytes) -> None:
    """Put a feed and its signature in place, as a careful publisher does."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    Path(f"{path}.sig").write_text(HmacVerifier(KEY).sign(content))
    fresh.replace(path)


async def test_a_feed_of_many_lines_is_replaced_while_it_is_used(tmp_path: Path) -> None:
    path, key, told = tmp_path / "scores.txt", tmp_path / "key", asyncio.Queue[str]()
    key.write_bytes(KEY)
    lines = [b"10.%d.%d.0/24 -5\n" % (n >> 8, n & 255) for n in range(20_000)]
    publish(path, b"".join(lines))
    feed = FeedReputation(
        "local", str(path), str(key),
        check_seconds=0.05, inform=told.put_nowait, warn=told.put_nowait,
    )  # fmt: skip
    await feed.load()
    assert "20000 networks" in await told.get()
    watching = asyncio.create_task(feed.watch())
    publish(path, b"".join(reversed(lines)).replace(b"-5", b"+5"))
    async with asyncio.timeout(60):
        assert "20000 networks" in await told.get()
    assert feed.peek("10.78.31.9").value == 5.0
    publish(path, b"10.0.0.0/8 bad\n")
    async with asyncio.timeout(60):
        assert "the one before stays in use" in await told.get()
    assert feed.peek("10.78.31.9").value == 5.0
    watching.cancel()
    feed.close()


async def test_what_one_process_sees_the_others_know_and_the_next_start(tmp_path: Path) -> None:
    path = str(tmp_path / "history")

    def make(descriptor: int) -> HistoryReputation:
        return HistoryReputation(
            descriptor, SystemClock(), SystemFiles(), path, memory_days=7, warn=pytest.fail
        )

    descriptor = make_history(10_000)
    history = make(descriptor)
    await history.load()
    subprocess.run(
        [sys.executable, "-c", CHILD, str(descriptor), path],
        pass_fds=[descriptor], check=True, timeout=60,
    )  # fmt: skip
    os.close(descriptor)
    own, network = history.recall("198.51.100.7")
    assert own.messages == pytest.approx(1, abs=0.01)
    assert network.messages == pytest.approx(200, abs=0.01)
    history.record("192.0.2.1", Traffic(messages=100, clean=100))
    await history.save()

    descriptor = make_history(10_000)
    again = make(descriptor)
    os.close(descriptor)
    await again.load()
    assert again.peek("198.51.100.250").value == -3.8
    assert again.peek("192.0.2.1").value == 2.5
    assert os.listdir(tmp_path) == ["history"]
