"""Counts that outlive a restart."""

import json

import pytest

from mailwarden.core.policy.tls_report import (
    AppliedPolicy,
    PolicyType,
    ReportCollector,
    ResultType,
    SessionFailure,
)
from mailwarden.core.policy.tls_report_state import absorb_results, encode_results
from tests.unit.core.policy.test_tls_report import TODAY, filled


def held(collector: ReportCollector) -> list[object]:
    return [collector.results(day) for day in collector.days()]


def encoded(collector: ReportCollector) -> bytes:
    return b"".join(encode_results(collector.results(day)) for day in collector.days())


def test_there_and_back() -> None:
    collector = filled()
    other = ReportCollector()
    assert absorb_results(other, encoded(collector)) == 0
    assert held(other) == held(collector)
    absorb_results(other, encoded(collector))
    assert other.results(TODAY)[0].policies[0].successes == 10


def test_any_text_there_and_back() -> None:
    collector = ReportCollector()
    policy = AppliedPolicy(PolicyType.TLSA, "mx.example", ("3 1 1 é\n\0",), ("mx.example",))
    failure = SessionFailure(ResultType.TLSA_INVALID, reason_code="é\u2028")
    collector.add_failure(policy, failure, 0.0)
    other = ReportCollector()
    assert absorb_results(other, encoded(collector)) == 0
    assert held(other) == held(collector)


LINE = json.loads(encode_results(filled().results(TODAY)).split(b"\n")[0])


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"\xff",
        b"[]",
        b"{}",
        b"1",
        b"null",
        b"[" * 100_000,
        *(
            json.dumps([*LINE[:place], value, *LINE[place + 1 :]]).encode()
            for place, value in [
                (0, -1), (0, 1.5), (0, True), (0, "1"), (0, 1 << 60), (1, "other"), (1, 1),
                (2, 1), (3, "text"), (3, [1]), (3, {}), (4, None), (5, -1), (6, 1 << 54),
                (7, 1), (7, [1]), (7, [["other", "", "", "", "", "", "", 1]]),
                (7, [["tlsa-invalid", "", "", "", "", "", 1]]),
                (7, [["tlsa-invalid", "", "", "", "", "", "", -1]]),
                (7, [["tlsa-invalid", "", "", "", "", "", 1, 1]]), (7, [[]]),
            ]
        ),
    ],
)  # fmt: skip
def test_a_damaged_line_costs_no_more_than_itself(line: bytes) -> None:
    good = encoded(filled())
    collector = ReportCollector()
    assert absorb_results(collector, line + b"\n" + good) == 1
    assert held(collector) == held(filled())


def test_too_much() -> None:
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        absorb_results(ReportCollector(), bytes(11), bytes_max=10)
