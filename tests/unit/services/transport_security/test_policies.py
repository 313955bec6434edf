"""Which policy a domain has now, whatever DNS and the policy host do (RFC 8461, 3 and 5.1)."""

import asyncio
from typing import Any

import pytest

from mailwarden.core.policy.mta_sts import Mode, StsPolicy, build_policy
from mailwarden.core.policy.tls_report import ResultType
from mailwarden.services.transport_security.cache import REFRESH_SECONDS, PolicyCache
from mailwarden.services.transport_security.fetcher import FakePolicyFetcher, FetchError
from mailwarden.services.transport_security.policies import (
    CHECK_SECONDS,
    PolicyAnswer,
    PolicySource,
)
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.fake import FakeResolver

DOMAIN = "partner.example"
WEEK = 7 * 86400
POLICY = StsPolicy(Mode.ENFORCE, WEEK, ("mx.partner.example",))
TESTING = POLICY._replace(mode=Mode.TESTING)
OFF = POLICY._replace(mode=Mode.NONE)
FETCH_ERROR = ResultType.STS_POLICY_FETCH_ERROR


class Bench:
    """A source, and what it depends on."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.cache = PolicyCache(self.clock)
        self.zone: dict[str, Any] = {}
        self.resolver = FakeResolver(self.zone)
        self.files: dict[str, bytes | FetchError] = {}
        self.fetcher = FakePolicyFetcher(self.files)
        self.source = PolicySource(self.cache, self.resolver, self.fetcher, self.clock)

    def publish(self, policy: StsPolicy | bytes | FetchError, id_: str = "1") -> None:
        self.record(f"v=STSv1; id={id_}")
        is_policy = isinstance(policy, StsPolicy)
        self.files[DOMAIN] = build_policy(policy).encode() if is_policy else policy

    def record(self, *texts: str) -> None:
        self.zone[f"_mta-sts.{DOMAIN}"] = {"TXT": list(texts)}

    def break_dns(self) -> None:
        self.zone[f"_mta-sts.{DOMAIN}"] = {"SERVFAIL": []}

    @property
    def asked(self) -> tuple[int, int]:
        """Return how many questions went to DNS and to the host; forgets them."""
        counts = len(self.resolver.asked), len(self.fetcher.asked)
        self.resolver.asked.clear()
        self.fetcher.asked.clear()
        return counts


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_policy_is_found_and_remembered(bench: Bench) -> None:
    bench.publish(POLICY)
    assert bench.source.peek(DOMAIN) is None
    assert await bench.source.find(DOMAIN) == PolicyAnswer(POLICY)
    assert bench.asked == (1, 1)
    assert bench.source.peek(DOMAIN) == PolicyAnswer(POLICY)
    assert await bench.source.find(DOMAIN) == PolicyAnswer(POLICY)
    assert bench.asked == (0, 0)


async def test_the_record_is_looked_at_now_and_then(bench: Bench) -> None:
    bench.publish(POLICY)
    await bench.source.find(DOMAIN)
    bench.files[DOMAIN] = build_policy(TESTING).encode()
    bench.clock.advance(CHECK_SECONDS)
    assert bench.source.peek(DOMAIN) is None
    bench.asked  # noqa: B018  forgets
    assert await bench.source.find(DOMAIN) == PolicyAnswer(POLICY)
    assert bench.asked == (1, 0)
    bench.publish(TESTING, "2")
    bench.clock.advance(CHECK_SECONDS)
    assert await bench.source.find(DOMAIN) == PolicyAnswer(TESTING)
    assert bench.asked == (1, 1)


async def test_before_mail_is_returned_a_new_policy_is_looked_for(bench: Bench) -> None:
    """RFC 8461, 5.1, step 3."""
    bench.publish(POLICY)
    await bench.source.find(DOMAIN)
    bench.publish(OFF, "2")
    assert await bench.source.find(DOMAIN) == PolicyAnswer(POLICY)
    assert await bench.source.renew(DOMAIN) == PolicyAnswer(OFF)
    assert await bench.source.find(DOMAIN) == PolicyAnswer(OFF)


async def test_a_domain_without_a_record(bench: Bench) -> None:
    assert await bench.source.find(DOMAIN) == PolicyAnswer()
    assert await bench.source.find(DOMAIN) == PolicyAnswer()
    assert bench.asked == (1, 0)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["v=spf1 -all"], ""),
        (["v=STSv1; id=1", "v=STSv1; id=2"], "2 records"),
        (["v=STSv1; id=-"], "the record is malformed"),
    ],
)
async def test_a_record_of_no_use(bench: Bench, texts: list[str], reason: str) -> None:
    bench.record(*texts)
    assert await bench.source.find(DOMAIN) == PolicyAnswer(reason=reason)
    assert bench.asked == (1, 0)


async def test_dns_that_fails_means_no_policy(bench: Bench) -> None:
    bench.break_dns()
    answer = await bench.source.find(DOMAIN)
    assert (answer.policy, answer.failure) == (None, None)
    assert "SERVFAIL" in answer.reason


@pytest.mark.parametrize("domain", ["[192.0.2.1]", "a b.example", "", "\udcff.example"])
async def test_what_is_no_domain_has_no_policy(bench: Bench, domain: str) -> None:
    assert (await bench.source.find(domain)).policy is None
    assert bench.fetcher.asked == []


async def test_an_international_domain(bench: Bench) -> None:
    bench.zone["_mta-sts.xn--mller-kva.example"] = {"TXT": ["v=STSv1; id=1"]}
    bench.files["xn--mller-kva.example"] = build_policy(POLICY).encode()
    assert await bench.source.find("müller.example") == PolicyAnswer(POLICY)


BAD = FetchError("the server answers 404")
UNTRUSTED = FetchError("self-signed certificate", ResultType.STS_WEBPKI_INVALID)


@pytest.mark.parametrize(
    ("file", "answer"),
    [
        (BAD, PolicyAnswer(None, FETCH_ERROR, "the server answers 404")),
        (UNTRUSTED, PolicyAnswer(None, ResultType.STS_WEBPKI_INVALID, "self-signed certificate")),
        (
            b"<html>",
            PolicyAnswer(
                None,
                ResultType.STS_POLICY_INVALID,
                "line 1 is not a key and a value",
                ("<html>",),
            ),
        ),
    ],
)
async def test_a_policy_that_cannot_be_had(
    bench: Bench, file: bytes | FetchError, answer: PolicyAnswer
) -> None:
    bench.publish(file)
    assert await bench.source.find(DOMAIN) == answer
    assert bench.asked == (1, 1)
    # RFC 8461, 3.3: not tried again for five minutes, unless there is another version.
    assert await bench.source.renew(DOMAIN) == answer
    assert bench.asked == (1, 0)
    bench.publish(POLICY, "2")
    assert await bench.source.renew(DOMAIN) == PolicyAnswer(POLICY)
    assert bench.asked == (1, 1)


async def test_a_fetch_is_tried_again_after_five_minutes(bench: Bench) -> None:
    bench.publish(BAD)
    await bench.source.find(DOMAIN)
    bench.publish(POLICY)
    bench.clock.advance(300)
    assert await bench.source.find(DOMAIN) == PolicyAnswer(POLICY)


async def test_a_policy_that_is_known_stays_when_its_record_goes(bench: Bench) -> None:
    bench.publish(POLICY)
    await bench.source.find(DOMAIN)
    bench.zone.clear()
    gone = PolicyAnswer(POLICY, FETCH_ERROR, "its TXT record is gone")
    assert await bench.source.renew(DOMAIN) == gone
    bench.break_dns()
    broken = await bench.source.renew(DOMAIN)
    assert (broken.policy, broken.failure) == (POLICY, FETCH_ERROR)


@pytest.mark.parametrize("file", [BAD, UNTRUSTED, b"", b"version: STSv1\nmode: none\n"])
async def test_a_policy_that_is_known_stays_when_a_fetch_fails(
    bench: Bench, file: bytes | FetchError
) -> None:
    """RFC 8461, 3.3 and 5.1."""
    bench.publish(POLICY)
    await bench.source.find(DOMAIN)
    bench.publish(file, "2")
    for _ in range(2):
        answer = await bench.source.renew(DOMAIN)
        assert answer.policy == POLICY
        assert answer.failure is not None
    bench.clock.advance(WEEK)
    answer = await bench.source.find(DOMAIN)
    assert answer.policy is None
    assert answer.failure is not None


async def test_a_policy_of_mode_none_may_go_without_a_word(bench: Bench) -> None:
    bench.publish(OFF)
    await bench.source.find(DOMAIN)
    bench.zone.clear()
    assert await bench.source.renew(DOMAIN) == PolicyAnswer(OFF)


async def test_an_answer_does_not_outlive_its_policy(bench: Bench) -> None:
    bench.publish(POLICY._replace(max_age_seconds=100))
    await bench.source.find(DOMAIN)
    bench.zone.clear()
    bench.clock.advance(100)
    assert bench.source.peek(DOMAIN) is None
    assert (await bench.source.find(DOMAIN)).policy is None


async def test_a_policy_for_no_time_is_for_this_mail_only(bench: Bench) -> None:
    policy = POLICY._replace(max_age_seconds=0)
    bench.publish(policy)
    assert await bench.source.find(DOMAIN) == PolicyAnswer(policy)
    assert bench.source.peek(DOMAIN) is None


class SlowFetcher(FakePolicyFetcher):
    def __init__(self, files: dict[str, bytes | FetchError]) -> None:
        super().__init__(files)
        self.gate = asyncio.Event()

    async def fetch(self, domain: str) -> bytes:
        found = await super().fetch(domain)
        await self.gate.wait()
        return found


async def test_many_who_ask_share_one_fetch(bench: Bench) -> None:
    bench.publish(POLICY)
    slow = SlowFetcher(bench.files)
    source = PolicySource(bench.cache, bench.resolver, slow, bench.clock)
    waiting = [asyncio.ensure_future(source.find(DOMAIN)) for _ in range(5)]
    for _ in range(5):
        await asyncio.sleep(0)
    waiting[0].cancel()  # he who asks: the next one takes over
    for _ in range(5):
        await asyncio.sleep(0)
    slow.gate.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [PolicyAnswer(POLICY)] * 4
    assert len(slow.asked) == 2


async def test_refresh(bench: Bench) -> None:
    bench.publish(POLICY)
    await bench.source.find(DOMAIN)
    assert await bench.source.refresh() == []
    bench.clock.advance(REFRESH_SECONDS)
    bench.files[DOMAIN] = build_policy(TESTING).encode()  # though the id is the same
    assert await bench.source.refresh() == []
    assert await bench.source.find(DOMAIN) == PolicyAnswer(TESTING)
    bench.clock.advance(WEEK - 1)
    assert (await bench.source.find(DOMAIN)).policy == TESTING


async def test_a_refresh_that_fails_is_told_and_ends_nothing(bench: Bench) -> None:
    bench.publish(POLICY)
    await bench.source.find(DOMAIN)
    fetched_at = bench.clock.time()
    bench.clock.advance(REFRESH_SECONDS)
    bench.publish(BAD)
    (failure,) = await bench.source.refresh()
    assert failure == (DOMAIN, "the server answers 404", fetched_at + WEEK)
    assert await bench.source.refresh() == []  # not at once again
    assert (await bench.source.find(DOMAIN)).policy == POLICY
    bench.clock.advance(3600)
    bench.zone.clear()
    (failure,) = await bench.source.refresh()
    assert failure.reason == "its TXT record is gone"


async def test_a_refresh_of_mode_none_may_fail(bench: Bench) -> None:
    bench.publish(OFF)
    await bench.source.find(DOMAIN)
    bench.clock.advance(REFRESH_SECONDS)
    bench.zone.clear()
    assert await bench.source.refresh() == []


async def test_memory_is_limited(bench: Bench) -> None:
    source = PolicySource(bench.cache, bench.resolver, bench.fetcher, bench.clock, answers_max=32)
    for number in range(100):
        await source.find(f"d{number}.example")
    known = [n for n in range(100) if source.peek(f"d{n}.example") is not None]
    assert len(known) <= 32
    assert known[-1] == 99
