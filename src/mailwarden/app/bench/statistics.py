"""Paired comparison: targets run in turn, and what counts is their ratio within a round."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

Round = Mapping[str, float]  # a figure of one round, by target

_SAMPLES_OF_THIRD_MIN: Final = 3


def order_of_round(targets: Sequence[str], number: int) -> list[str]:
    """Return the targets in the order of round `number`: A B C, then C B A, and so on.

    Whatever drifts while the rounds go on (a disk that fills, a machine that warms up) so hits
    all of them alike.
    """
    return list(targets) if number % 2 == 0 else list(reversed(targets))


def median(values: Iterable[float]) -> float | None:
    """Return the median, None of no values."""
    known = list(values)
    return statistics.median(known) if known else None


def median_of_target(rounds: Sequence[Round], target: str) -> float | None:
    """Return the median of a target's figure over the rounds that have it."""
    return median(figures[target] for figures in rounds if target in figures)


def median_ratio(rounds: Sequence[Round], target: str, baseline: str) -> float | None:
    """Return the median over the rounds of `target` divided by `baseline` in the same round.

    Rounds in which one is missing, or the baseline is 0, do not count.
    """
    return median(
        figures[target] / figures[baseline]
        for figures in rounds
        if target in figures and figures.get(baseline)
    )


def spread(rounds: Sequence[Round], target: str, baseline: str) -> tuple[float, float] | None:
    """Return the least and the greatest ratio of a round."""
    ratios = [
        figures[target] / figures[baseline]
        for figures in rounds
        if target in figures and figures.get(baseline)
    ]
    return (min(ratios), max(ratios)) if ratios else None


def growth_of(samples: Sequence[tuple[int, int]], first: int) -> int | None:
    """Return by how much the bytes grow over the samples, (messages, bytes) in order.

    Compared are the medians of the last and of the first third of those from `first` messages on.
    None: there are too few to say.
    """
    settled = [size for count, size in samples if count >= first]
    third = len(settled) // 3
    if third < _SAMPLES_OF_THIRD_MIN:
        return None
    return int(statistics.median(settled[-third:]) - statistics.median(settled[:third]))


def messages_for(rate: float, seconds: float, least: int, most: int) -> int:
    """Return how many messages make a run of `seconds` at `rate` a second, a round number.

    Targets that differ by a factor of ten get loads that last alike, so that start-up and
    tail weigh alike.
    """
    wanted = int(rate * seconds)
    step = int(10 ** max(len(str(wanted)) - 2, 0))
    return max(least, min(most, wanted // step * step))
