"""Differences of long lists of lines."""

from random import Random

import pytest

from mailwarden.control.candidate.lines import Block, differences, longest_rising

CASES = [
    ("", "", []),
    ("abc", "abc", []),
    ("", "ab", [Block(0, 0, 0, 2)]),
    ("ab", "", [Block(0, 2, 0, 0)]),
    ("abc", "aXc", [Block(1, 2, 1, 2)]),
    ("abc", "abXc", [Block(2, 2, 2, 3)]),
    ("aab", "ab", [Block(1, 2, 1, 1)]),
    ("abcdef", "aXcdYf", [Block(1, 2, 1, 2), Block(4, 5, 4, 5)]),
    ("abcd", "bcda", [Block(0, 1, 0, 0), Block(4, 4, 3, 4)]),
]


@pytest.mark.parametrize(("before", "after", "blocks"), CASES)
def test_differences(before: str, after: str, blocks: list[Block]) -> None:
    assert differences(before, after) == blocks


def test_a_hundred_thousand_lines_with_a_few_that_differ() -> None:
    before = [f"user{number}@corp.example ACCEPT" for number in range(100_000)]
    after = [*before]
    for number in (17, 50_000, 99_998):
        after[number] = f"other{number}"
    del after[70_000]
    assert [(each.before, each.before_end) for each in differences(before, after)] == [
        (17, 18), (50_000, 50_001), (70_000, 70_001), (99_998, 99_999),
    ]  # fmt: skip


def test_many_equal_lines_take_no_time() -> None:
    before, after = ["same"] * 50_000, ["same"] * 60_000
    assert differences(before, after) == [Block(50_000, 50_000, 50_000, 60_000)]
    shuffled = [str(number % 7) for number in range(50_000)]
    Random(1).shuffle(shuffled)
    assert differences(["x", *shuffled[::-1], "x"], ["x", *shuffled, "x"])


def test_longest_rising() -> None:
    assert longest_rising([]) == []
    assert [[3, 1, 2, 5, 4][at] for at in longest_rising([3, 1, 2, 5, 4])] in ([1, 2, 4], [1, 2, 5])
