"""What is found out about a client: only what is needed, all at once, whatever others do."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from mailwarden.core.policy.hat_index import Needs
from mailwarden.core.policy.host_forms import HostFacts, NameStatus
from mailwarden.mailflow.listener.hosts import (
    NO_NAME_ASKED,
    NOT_ENABLED,
    Known,
    Question,
    find_host,
    peek_host,
)
from mailwarden.services.engines.reputation.score import PRIVATE, Score
from mailwarden.system.dns.fake import FakeResolver
from mailwarden.system.dns.resolver import HostName
from tests.unit.mailflow.listener.bench import Bench

HOST = "192.0.2.25"
NAME = "mail.partner.example"
LISTED = {"25.2.0.192.bl.example.org": {"A": ["127.0.0.2"]}}


class Scores:
    """Knows a score at once, or after somebody waited for it."""

    def __init__(self, score: Score, *, is_known: bool = False) -> None:
        self._score = score
        self.is_known = is_known
        self.asked = 0

    def peek(self, _address: str) -> Score | None:
        return self._score if self.is_known else None

    async def score(self, _address: str) -> Score:
        self.asked += 1
        await asyncio.sleep(0)
        self.is_known = True
        return self._score


def question(needs: Needs = Needs(), name: HostName | None = None) -> Question:  # noqa: B008  never changed
    return Question(HOST, needs, name, True)


def bench(reputation: Any = None, **zone: Any) -> Bench:
    made = Bench(reputation=reputation)
    made.resolver.zone = {**made.resolver.zone, **LISTED, **zone}
    return made


async def test_a_name_is_asked_for_once() -> None:
    parts = bench().parts
    assert peek_host(parts, question()) is None
    known = Known(HostFacts(HOST, NAME, NameStatus.EXISTS), NOT_ENABLED)
    assert await find_host(parts, question()) == known
    assert peek_host(parts, question()) == known


def test_a_name_that_is_known_is_not_asked_for() -> None:
    made = bench()
    known = peek_host(made.parts, question(name=NO_NAME_ASKED))
    assert known == Known(HostFacts(HOST), NOT_ENABLED)
    assert made.resolver.asked == []


class Silent(FakeResolver):
    """Never answers for a host's name."""

    async def resolve_host_name(self, address: str) -> HostName:
        self.asked.append((address, "host name"))
        return await asyncio.Future()


async def test_sys_13_a_name_is_waited_for_as_long_as_it_is_set() -> None:
    made = bench()
    silent = Silent({})
    parts = replace(made.parts, resolver=silent)
    known = await find_host(parts, question()._replace(reverse_seconds=0.001))
    assert known == Known(HostFacts(HOST, "", NameStatus.SERV_FAIL), NOT_ENABLED)
    assert silent.asked == [(HOST, "host name")]


async def test_lists_are_asked_only_where_they_are_needed() -> None:
    made = bench()
    needs = Needs(dnslists=("bl.example.org", "wl.example.org"))
    asked = question(needs, NO_NAME_ASKED)
    assert peek_host(made.parts, asked) is None
    known = Known(HostFacts(HOST, dnslists=("bl.example.org",)), NOT_ENABLED)
    assert await find_host(made.parts, asked) == known
    assert peek_host(made.parts, asked) == known
    assert peek_host(made.parts, question(name=NO_NAME_ASKED)) == Known(
        HostFacts(HOST), "not enabled"
    )


@pytest.mark.parametrize(
    ("score", "sbrs"),
    [(Score(-6.1, "x", "bad"), -6.1), (Score(None, "x", "new"), None),
     (Score(None, "x", "inside", word=PRIVATE), "rfc1918")],
)  # fmt: skip
async def test_scores_are_waited_for_only_where_they_are_needed(
    score: Score, sbrs: float | str | None
) -> None:
    scores = Scores(score)
    parts = bench(scores).parts
    unneeded = question(name=NO_NAME_ASKED)
    assert peek_host(parts, unneeded) == Known(HostFacts(HOST), None)
    assert await find_host(parts, unneeded) == Known(HostFacts(HOST), None)
    assert scores.asked == 0
    needed = question(Needs(score=True), NO_NAME_ASKED)
    assert peek_host(parts, needed) is None
    known = Known(HostFacts(HOST, score=score.value), sbrs)
    assert await find_host(parts, needed) == known
    assert scores.asked == 1
    assert peek_host(parts, unneeded) == known


def test_a_listener_that_uses_no_scores() -> None:
    parts = bench(Scores(Score(1.0, "x", "y"), is_known=True)).parts
    known = peek_host(parts, question(name=NO_NAME_ASKED)._replace(uses_reputation=False))
    assert known == Known(HostFacts(HOST), NOT_ENABLED)
