"""Counting sessions for TLS reports, and finding out who wants them (RFC 8460, 3)."""

import pytest

from mailwarden.core.policy.tls_report import (
    DAY_SECONDS,
    DAYS_MAX,
    DESTINATIONS_MAX,
    DETAILS_PER_POLICY_MAX,
    POLICIES_PER_DOMAIN_MAX,
    POLICY_CHARACTERS_MAX,
    RECORD_BYTES_MAX,
    URI_CHARACTERS_MAX,
    AppliedPolicy,
    Destinations,
    DomainResults,
    PolicyResults,
    PolicyType,
    ReportCollector,
    ResultType,
    SessionFailure,
    parse_destinations,
)

MALFORMED = Destinations(defect="the record is malformed")
NOWHERE = Destinations(defect="it names nowhere that reports can be sent to")


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([b"v=TLSRPTv1;rua=mailto:a@b.example"], Destinations(("a@b.example",))),
        (
            [b"v=TLSRPTv1; rua=https://b.example/v1?x=1"],
            Destinations((), ("https://b.example/v1?x=1",)),
        ),
        (
            [b"v=TLSRPTv1 ; rua=mailto:a@b.example , https://b.example,MAILTO:c@B.example ;"],
            Destinations(("a@b.example", "c@b.example"), ("https://b.example",)),
        ),
        (
            [b"v=TLSRPTv1;rua=mailto:a@b.example;rua=mailto:c@b.example,mailto:a@b.example"],
            Destinations(("a@b.example", "c@b.example")),
        ),
        ([b"v=spf1 -all", b"v=TLSRPTv1; more=x; rua=mailto:a@b.example"],
         Destinations(("a@b.example",))),
        ([b"v=TLSRPTv1;rua=mailto:a%2Bb@b.example?subject=x"], Destinations(("a+b@b.example",))),
        ([], Destinations()),
        ([b"v=TLSRPTv2;rua=mailto:a@b.example"], Destinations()),
        ([b"v=TLSRPTv1"], Destinations()),
        ([b"v=TLSRPTv1;rua=mailto:a@b.example"] * 2, Destinations(defect="2 records")),
        ([b"v=TLSRPTv1;"], NOWHERE),
        ([b"v=TLSRPTv1;rua="], NOWHERE),
        ([b"v=TLSRPTv1;rua=mailto:"], NOWHERE),
        ([b"v=TLSRPTv1;rua=mailto:a"], NOWHERE),
        ([b"v=TLSRPTv1;rua=mailto:a@b.example!10m"], NOWHERE),
        ([b"v=TLSRPTv1;rua=mailto:a@b.example%0D%0ABcc:x@y.example"], NOWHERE),
        ([b"v=TLSRPTv1;rua=http://b.example/"], NOWHERE),
        ([b"v=TLSRPTv1;rua=https:///path"], NOWHERE),
        ([b"v=TLSRPTv1;rua=https://user@b.example/"], NOWHERE),
        ([b"v=TLSRPTv1;rua=https://b.example/a b"], NOWHERE),
        ([b"v=TLSRPTv1;rua=https://b.example/" + b"x" * URI_CHARACTERS_MAX], NOWHERE),
        ([b"v=TLSRPTv1;rua=mailto:\xff@b.example"], NOWHERE),
        ([b"v=TLSRPTv1;rua=mailto:a@b.example;more"], MALFORMED),
        ([b"v=TLSRPTv1;rua=mailto:a@b.example; =x"], MALFORMED),
        ([b"v=TLSRPTv1;" + b" " * RECORD_BYTES_MAX], Destinations(defect="the record is too long")),
    ],
)  # fmt: skip
def test_records(texts: list[bytes], found: Destinations) -> None:
    assert parse_destinations(texts) == found


def test_the_number_of_destinations_is_limited() -> None:
    uris = b",".join(b"mailto:a%d@b.example" % n for n in range(DESTINATIONS_MAX + 5))
    assert len(parse_destinations([b"v=TLSRPTv1;rua=" + uris]).mail) == DESTINATIONS_MAX


NOW = 1_500_000_000.0
TODAY = int(NOW // DAY_SECONDS)
STS = AppliedPolicy(PolicyType.STS, "a.example", ("version: STSv1",), ("mx.a.example",))
NONE = AppliedPolicy(PolicyType.NONE, "a.example")
EXPIRED = SessionFailure(ResultType.CERTIFICATE_EXPIRED, "192.0.2.1", "mx.a.example")
NO_TLS = SessionFailure(ResultType.STARTTLS_NOT_SUPPORTED, "192.0.2.1", "mx.a.example")


def filled() -> ReportCollector:
    collector = ReportCollector()
    collector.add_success(STS, NOW)
    collector.add_success(STS, NOW, 4)
    collector.add_failure(STS, EXPIRED, NOW)
    collector.add_failure(STS, NO_TLS, NOW)
    collector.add_failure(STS, EXPIRED, NOW)
    collector.add_success(NONE, NOW)
    collector.add_success(NONE._replace(domain="b.example"), NOW + DAY_SECONDS)
    return collector


TODAYS = DomainResults(
    TODAY,
    "a.example",
    (
        PolicyResults(STS, 5, 3, ((EXPIRED, 2), (NO_TLS, 1))),
        PolicyResults(NONE, 1, 0, ()),
    ),
)


def test_sessions_are_counted_by_day_domain_and_policy() -> None:
    collector = filled()
    assert collector.days() == (TODAY, TODAY + 1)
    assert collector.results(TODAY) == (TODAYS,)
    assert [found.domain for found in collector.results(TODAY + 1)] == ["b.example"]
    assert collector.take(TODAY) == (TODAYS,)
    assert collector.take(TODAY) == ()
    assert collector.days() == (TODAY + 1,)
    assert collector.left_out == 0


def test_results_from_elsewhere_are_added() -> None:
    collector = filled()
    for results in TODAYS.policies:
        collector.add_results(TODAY, results)
    policies = collector.results(TODAY)[0].policies
    assert policies[0] == PolicyResults(STS, 10, 6, ((EXPIRED, 4), (NO_TLS, 2)))
    assert policies[1].successes == 2


def test_days_are_those_of_utc() -> None:
    collector = ReportCollector()
    midnight = (TODAY + 1) * DAY_SECONDS
    collector.add_success(NONE, midnight - 0.001)
    collector.add_success(NONE, midnight)
    assert collector.days() == (TODAY, TODAY + 1)


def test_only_the_last_days_are_held() -> None:
    collector = ReportCollector()
    for day in range(DAYS_MAX + 2):
        collector.add_success(NONE, NOW + day * DAY_SECONDS)
    assert collector.days() == tuple(TODAY + n for n in range(2, DAYS_MAX + 2))
    collector.add_success(NONE, NOW)  # the clock was set back
    collector.add_failure(NONE, EXPIRED, NOW)
    assert len(collector.days()) == DAYS_MAX
    assert collector.left_out == 2


def test_a_policy_that_changes_all_the_time() -> None:
    collector = ReportCollector()
    for number in range(POLICIES_PER_DOMAIN_MAX + 3):
        collector.add_success(STS._replace(strings=(f"max_age: {number}",)), NOW)
    assert len(collector.results(TODAY)[0].policies) == POLICIES_PER_DOMAIN_MAX
    assert collector.left_out == 3


def test_failures_that_are_all_different_are_still_counted() -> None:
    collector = ReportCollector()
    for number in range(DETAILS_PER_POLICY_MAX + 3):
        collector.add_failure(NONE, EXPIRED._replace(reason_code=str(number)), NOW)
    (results,) = collector.results(TODAY)[0].policies
    assert len(results.details) == DETAILS_PER_POLICY_MAX
    assert results.failures == DETAILS_PER_POLICY_MAX + 3


def test_memory_is_limited_and_comes_back() -> None:
    collector = ReportCollector(weight_max=100_000)
    for number in range(1000):
        policy = NONE._replace(domain=f"d{number}.example")
        collector.add_success(policy, NOW)
        collector.add_failure(policy, EXPIRED, NOW)
    held = len(collector.results(TODAY))
    assert 50 < held < 200
    assert collector.left_out == 2 * (1000 - held)
    collector.take(TODAY)
    for number in range(held):
        collector.add_success(NONE._replace(domain=f"d{number}.example"), NOW)
    assert len(collector.results(TODAY)) == held


def test_what_peers_say_is_made_fit_for_a_report() -> None:
    collector = ReportCollector()
    collector.add_failure(
        STS._replace(strings=("a\udcff", "x" * POLICY_CHARACTERS_MAX, "b")),
        EXPIRED._replace(receiving_mx_helo="a\r\nb\udcff" + "x" * 5000),
        NOW,
    )
    (results,) = collector.results(TODAY)[0].policies
    assert results.policy.strings == ("a?",)
    assert results.details[0][0].receiving_mx_helo.startswith("a b?xxx")
    assert len(results.details[0][0].receiving_mx_helo) <= 400
    collector.add_success(STS._replace(strings=("a\udcff", "x" * POLICY_CHARACTERS_MAX, "b")), NOW)
    assert len(collector.results(TODAY)[0].policies) == 1
