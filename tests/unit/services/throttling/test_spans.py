"""Rates by windows of so many minutes: each limit has its own, in one table."""

import os
from collections.abc import Iterator

import pytest

from mailwarden.services.throttling.spans import (
    LocalSpans,
    Spans,
    TableSpans,
    make_span_table,
    window_end,
)

NOW = 1_800_000_000.0  # an hour begins


@pytest.fixture(params=["local", "table"])
def spans(request: pytest.FixtureRequest) -> Iterator[Spans]:
    if request.param == "local":
        yield LocalSpans()
        return
    descriptor = make_span_table(1)
    yield TableSpans(descriptor, lambda: None, lambda: None)
    os.close(descriptor)


@pytest.mark.parametrize("minutes", [1, 7, 15, 45, 60])
def test_a_window_of_any_length(spans: Spans, minutes: int) -> None:
    start = NOW // (60 * minutes) * (60 * minutes)
    end = start + 60 * minutes
    rates = spans.of(minutes)
    assert window_end(start, minutes) == end == window_end(end - 1, minutes)
    assert rates.take(b"a", 8, 10, start).allowed == 8
    assert rates.take(b"a", 8, 10, end - 1).allowed == 2
    assert rates.take(b"a", 1, 10, end - 1).allowed == 0
    assert rates.take(b"a", 8, 10, end).allowed == 8
    assert rates.peek(b"a", end) == 8
    rates.give_back(b"a", 3, end)
    assert rates.peek(b"a", end) == 5
    assert spans.of(minutes) is rates


def test_a_short_window_pushes_out_no_count_of_a_long_one() -> None:
    """A table of 64 keys: none is given up while there is room, however old its window looks."""
    descriptor = make_span_table(1)
    full: list[int] = []
    spans = TableSpans(descriptor, lambda: full.append(1), lambda: None)
    long, short = spans.of(60), spans.of(1)
    for number in range(30):
        assert long.take(b"60 %d" % number, 5, 5, NOW).allowed == 5
    for minute in range(34):  # each minute another one
        short.take(b"1 %d" % minute, 1, 9, NOW + 60 * minute)
    for number in range(30):
        assert long.take(b"60 %d" % number, 1, 5, NOW + 3599).allowed == 0
    assert not full
    os.close(descriptor)
