"""What is remembered of recipients, and for how long."""

import pytest

from mailwarden.core.smtp.client_replies import PeerReply
from mailwarden.services.call_ahead.answers import (
    FAILURE_SECONDS,
    TEMPORARY_SECONDS_MAX,
    Answer,
    AnswerCache,
    Finding,
    answer_of,
)


@pytest.mark.parametrize(
    ("code", "finding"),
    [(250, Finding.ACCEPTED), (251, Finding.ACCEPTED), (450, Finding.TEMPORARY),
     (550, Finding.PERMANENT)],
)  # fmt: skip
def test_replies_are_told_apart(code: int, finding: Finding) -> None:
    answer = answer_of(PeerReply(code, ("a", "b")), "192.0.2.1:25")
    assert answer == Answer(finding, f"{code} a b", "192.0.2.1:25")


@pytest.mark.parametrize(
    ("finding", "seconds"),
    [
        (Finding.ACCEPTED, 900.0),
        (Finding.PERMANENT, 300.0),
        (Finding.TEMPORARY, TEMPORARY_SECONDS_MAX),
        (Finding.FAILED, FAILURE_SECONDS),
    ],
)
def test_each_counts_for_its_time(finding: Finding, seconds: float) -> None:
    cache = AnswerCache(10, 900.0, 300.0)
    answer = Answer(finding, "x")
    cache.keep("a@b", answer, 100.0)
    assert cache.find("a@b", 99.9 + seconds) == answer
    assert cache.find("a@b", 100.0 + seconds) is None
    assert len(cache) == 0


def test_the_oldest_is_forgotten_when_there_is_no_room() -> None:
    cache = AnswerCache(2, 900.0, 300.0)
    for number in range(3):
        cache.keep(f"{number}", Answer(Finding.ACCEPTED, ""), number)
    assert cache.find("0", 3.0) is None
    assert len(cache) == 2
    assert cache.clear() == 2


@pytest.mark.parametrize("cache", [AnswerCache(0, 900, 300), AnswerCache(5, 0, 0)])
def test_nothing_is_kept_where_nothing_is_to_be(cache: AnswerCache) -> None:
    cache.keep("a", Answer(Finding.PERMANENT, ""), 0.0)
    assert len(cache) == 0
