"""Several providers as one: order, memory, failures, one question at a time."""

import asyncio

from mailwarden.core.problem import TemporaryFailureError
from mailwarden.services.engines.reputation.cache import TimedCache
from mailwarden.services.engines.reputation.combined import CombinedReputation
from mailwarden.services.engines.reputation.complaints import Complaints
from mailwarden.services.engines.reputation.score import FAILED, Score, bounded
from mailwarden.system.clock.clock import SimulatedClock

HOST = "192.0.2.25"


class Known:
    """A provider that answers from a table, at once or when `gate` is open."""

    def __init__(self, name: str, values: dict[str, float], *, waits: bool = False) -> None:
        self.name = name
        self.values = values
        self.waits = waits
        self.gate = asyncio.Event()
        self.fault: Exception | None = None
        self.asked: list[str] = []

    def _score(self, address: str) -> Score:
        self.asked.append(address)
        value = self.values.get(address)
        return Score(value, self.name, "unheard of" if value is None else f"{self.name} knows")

    def peek(self, address: str) -> Score | None:
        return None if self.waits else self._score(address)

    async def score(self, address: str) -> Score:
        if self.waits:
            self.asked.append(address)
            await self.gate.wait()
            self.asked.pop()
        if self.fault is not None:
            raise self.fault
        return self._score(address)


def combine(
    *providers: Known, clock: SimulatedClock | None = None, warnings: list[str] | None = None,
    timeout_seconds: float = 3.0,
) -> CombinedReputation:  # fmt: skip
    return CombinedReputation(
        providers,
        clock or SimulatedClock(),
        (warnings if warnings is not None else []).append,
        entries_max=100,
        cache_seconds=60,
        timeout_seconds=timeout_seconds,
    )


def test_the_first_that_knows_wins_and_the_others_are_kept() -> None:
    last = Known("c", {HOST: 9.0})
    score = combine(Known("a", {}), Known("b", {HOST: -4.5}), last).peek(HOST)
    assert score == Score(-4.5, "b", "b knows", (Score(None, "a", "unheard of"),))
    assert last.asked == []


def test_nobody_knows() -> None:
    score = combine(Known("a", {}), Known("b", {})).peek(HOST)
    assert score is not None
    assert score.value is None
    assert score.why == "a: unheard of; b: unheard of"
    assert [other.provider for other in score.others] == ["a", "b"]


def test_without_providers_there_is_no_score() -> None:
    assert combine().peek(HOST) == Score(None, "reputation", "no provider")


async def test_a_score_is_remembered_for_its_time() -> None:
    clock, provider = SimulatedClock(), Known("a", {HOST: 1.0})
    reputation = combine(provider, clock=clock)
    for _ in range(3):
        assert (await reputation.score(HOST)).value == 1.0
    clock.advance(59)
    assert reputation.peek(HOST) is not None
    assert provider.asked == [HOST]
    clock.advance(1)
    await reputation.score(HOST)
    assert provider.asked == [HOST] * 2
    reputation.forget()
    await reputation.score(HOST)
    assert provider.asked == [HOST] * 3


async def test_a_provider_that_has_to_be_waited_for_is_not_known_at_once() -> None:
    slow = Known("slow", {HOST: 2.0}, waits=True)
    reputation = combine(Known("a", {}), slow)
    assert reputation.peek(HOST) is None
    slow.gate.set()
    assert (await reputation.score(HOST)).value == 2.0
    known = reputation.peek(HOST)
    assert known is not None
    assert known.value == 2.0


async def test_many_who_ask_at_the_same_time_ask_once() -> None:
    slow = Known("slow", {HOST: 2.0}, waits=True)
    reputation = combine(slow)
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(reputation.score(HOST)) for _ in range(20)]
        await asyncio.sleep(0)
        assert slow.asked == [HOST]
        slow.gate.set()
    assert {task.result().value for task in asking} == {2.0}
    assert slow.asked == [HOST]


async def test_when_he_who_asked_is_cancelled_the_next_one_asks() -> None:
    slow = Known("slow", {HOST: 2.0}, waits=True)
    reputation = combine(slow)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(reputation.score(HOST))
        await asyncio.sleep(0)
        second = group.create_task(reputation.score(HOST))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        slow.gate.set()
    assert first.cancelled()
    assert second.result().value == 2.0


async def test_a_dead_provider_costs_its_timeout_once_and_is_none() -> None:
    warnings: list[str] = []
    dead = Known("dead", {}, waits=True)
    reputation = combine(dead, Known("b", {}), warnings=warnings, timeout_seconds=0)
    score = await reputation.score(HOST)
    assert score.value is None
    assert score.why == "dead: no answer within 0 seconds; b: unheard of"
    assert await reputation.score(HOST) is score
    assert dead.asked == [HOST]
    await reputation.score("192.0.2.26")
    assert warnings == ["Reputation: dead failed for 192.0.2.25: no answer within 0 seconds"]


async def test_the_next_one_is_asked_when_one_fails() -> None:
    warnings: list[str] = []
    faulty = Known("faulty", {}, waits=True)
    faulty.gate.set()
    faulty.fault = TemporaryFailureError("out of order")
    score = await combine(faulty, Known("b", {HOST: 3.0}), warnings=warnings).score(HOST)
    assert score.value == 3.0
    assert score.others == (Score(None, "faulty", "out of order", word=FAILED),)
    assert len(warnings) == 1


def test_text_that_is_no_address_is_not_remembered() -> None:
    provider = Known("a", {})
    reputation = combine(provider)
    for _ in range(2):
        assert reputation.peek("x" * 1000) is not None
    assert len(provider.asked) == 2


def test_a_score_in_one_line() -> None:
    assert Score(-4.25, "a", "many reasons").describe() == "-4.2: many reasons"
    assert Score(None, "a", "unheard of").describe() == "none: unheard of"
    assert [bounded(value) for value in (-11, 10.04, 0.05, -0.04)] == [-10.0, 10.0, 0.1, 0.0]
    assert str(bounded(-0.01)) == "0.0"


def test_the_cache_holds_no_more_than_it_may() -> None:
    cache: TimedCache[int] = TimedCache(32)
    for number in range(1000):
        cache.put(str(number), number, 10.0)
        assert len(cache) <= 32
    assert cache.get("999", 9.0) == 999
    assert cache.get("999", 10.0) is None
    assert cache.get("0", 9.0) is None
    cache.clear()
    assert len(cache) == 0


def test_a_value_put_again_becomes_the_youngest() -> None:
    cache: TimedCache[int] = TimedCache(2)
    for key in ("a", "b", "a", "c"):
        cache.put(key, 1, 10.0)
    assert [cache.get(key, 0.0) for key in "abc"] == [1, None, 1]


def test_one_complaint_a_minute() -> None:
    told: list[str] = []
    complaints = Complaints(told.append)
    for now in (0.0, 1.0, 59.0, 60.0, 61.0, 200.0):
        complaints.complain(f"at {now:g}", now)
    assert told == [
        "at 0",
        "at 60 (2 more such failures before)",
        "at 200 (1 more such failures before)",
    ]
