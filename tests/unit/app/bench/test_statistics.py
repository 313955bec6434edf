"""Ratios are taken within rounds, and their median counts."""

import pytest

from mailwarden.app.bench.statistics import (
    median,
    median_of_target,
    median_ratio,
    messages_for,
    order_of_round,
    spread,
)

# The second round ran on a machine half as fast: the ratios do not notice.
ROUNDS = [
    {"postfix": 1000.0, "ours": 8000.0},
    {"postfix": 500.0, "ours": 4500.0},
    {"postfix": 1000.0, "ours": 7000.0},
]


def test_rounds_alternate() -> None:
    assert order_of_round(["a", "b", "c"], 0) == ["a", "b", "c"]
    assert order_of_round(["a", "b", "c"], 1) == ["c", "b", "a"]
    assert order_of_round(["a", "b", "c"], 2) == ["a", "b", "c"]


def test_the_median_ratio_is_that_of_the_rounds_not_of_the_medians() -> None:
    rounds = [{"b": 10.0, "t": 10.0}, {"b": 20.0, "t": 100.0}, {"b": 30.0, "t": 60.0}]
    assert median_ratio(rounds, "t", "b") == 2.0  # of 1, 5, 2; that of the medians would be 3
    assert spread(rounds, "t", "b") == (1.0, 5.0)


def test_drift_between_rounds_does_not_matter() -> None:
    assert median_ratio(ROUNDS, "ours", "postfix") == 8.0
    assert median_of_target(ROUNDS, "postfix") == 1000.0


@pytest.mark.parametrize(
    "rounds",
    [[], [{"ours": 5.0}], [{"postfix": 5.0}], [{"postfix": 0.0, "ours": 5.0}]],
    ids=["none", "no baseline", "no target", "baseline failed"],
)
def test_rounds_without_a_pair_give_no_ratio(rounds: list[dict[str, float]]) -> None:
    assert median_ratio(rounds, "ours", "postfix") is None
    assert spread(rounds, "ours", "postfix") is None


def test_a_round_without_a_pair_is_passed_over() -> None:
    assert median_ratio([*ROUNDS, {"postfix": 1.0}], "ours", "postfix") == 8.0


def test_the_median_of_an_even_number_lies_between() -> None:
    assert median([1.0, 4.0]) == 2.5
    assert median([]) is None


@pytest.mark.parametrize(
    ("rate", "wanted"), [(1234.0, 6100), (7.0, 200), (1e6, 90_000), (0.0, 200), (99.9, 490)]
)
def test_runs_last_alike_whatever_the_rate(rate: float, wanted: int) -> None:
    assert messages_for(rate, 5.0, 200, 90_000) == wanted
