"""How two long lists of lines differ: fast, whatever their size, and for people to read.

Lines that both have once each hold the lists together; between them, short stretches are compared
line by line. So it takes hardly longer than to sort the lines.
"""

import bisect
import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

CLOSE_MAX: Final = 200  # lines of a stretch that is compared line by line


class Block(NamedTuple):
    """A stretch of `before` that became one of `after`; one of both may be empty."""

    before: int  # position of its first line, from 0
    before_end: int
    after: int
    after_end: int


def differences(before: Sequence[str], after: Sequence[str]) -> list[Block]:
    """Return what differs, in order; what is between the blocks is the same in both."""
    blocks: list[Block] = []
    for found in _between_anchors(before, after):
        blocks += _compare(before, after, found)
    return _joined(blocks)


def longest_rising(numbers: Sequence[int]) -> list[int]:
    """Return the positions of a longest part of `numbers` that rises; all of them differ."""
    tails: list[int] = []  # the smallest last number of rising parts, by their length
    at: list[int] = []  # and its position
    before: list[int] = []  # the position of what stands before each in such a part
    for position, number in enumerate(numbers):
        length = bisect.bisect_left(tails, number)
        before.append(at[length - 1] if length else -1)
        tails[length : length + 1] = [number]
        at[length : length + 1] = [position]
    part = []
    position = at[-1] if at else -1
    while position >= 0:
        part.append(position)
        position = before[position]
    return part[::-1]


def _between_anchors(before: Sequence[str], after: Sequence[str]) -> Iterator[Block]:
    """Yield the stretches between lines that both have once, in the same order."""
    start, end = _same_at_ends(before, after, Block(0, len(before), 0, len(after)))
    if set(before[start : len(before) - end]).isdisjoint(after[start : len(after) - end]):
        yield Block(start, len(before) - end, start, len(after) - end)
        return
    counts = Counter(before[start : len(before) - end])
    others = Counter(after[start : len(after) - end])
    where = {before[at]: at for at in range(start, len(before) - end) if counts[before[at]] == 1}
    pairs = [
        (where[after[at]], at)
        for at in range(start, len(after) - end)
        if others[after[at]] == 1 and after[at] in where
    ]
    i = j = start
    for position in longest_rising([old for old, _ in pairs]):
        old, new = pairs[position]
        if old > i or new > j:
            yield Block(i, old, j, new)
        i, j = old + 1, new + 1
    yield Block(i, len(before) - end, j, len(after) - end)


def _compare(before: Sequence[str], after: Sequence[str], block: Block) -> Iterator[Block]:
    start, end = _same_at_ends(before, after, block)
    i, i_end = block.before + start, block.before_end - end
    j, j_end = block.after + start, block.after_end - end
    if i == i_end and j == j_end:
        return
    if i == i_end or j == j_end or max(i_end - i, j_end - j) > CLOSE_MAX:
        yield Block(i, i_end, j, j_end)
        return
    matcher = difflib.SequenceMatcher(None, before[i:i_end], after[j:j_end], autojunk=False)
    for tag, old, old_end, new, new_end in matcher.get_opcodes():
        if tag != "equal":
            yield Block(i + old, i + old_end, j + new, j + new_end)


def _same_at_ends(before: Sequence[str], after: Sequence[str], block: Block) -> tuple[int, int]:
    """Return how many lines are the same at the beginning, and at the end of a stretch."""
    most = min(block.before_end - block.before, block.after_end - block.after)
    start = 0
    while start < most and before[block.before + start] == after[block.after + start]:
        start += 1
    end = 0
    while (
        end < most - start
        and before[block.before_end - 1 - end] == after[block.after_end - 1 - end]
    ):
        end += 1
    return start, end


def _joined(blocks: list[Block]) -> list[Block]:
    """Return blocks with those made one that touch."""
    joined: list[Block] = []
    for block in blocks:
        if joined and (joined[-1].before_end, joined[-1].after_end) == (block.before, block.after):
            last = joined[-1]
            joined[-1] = Block(last.before, block.before_end, last.after, block.after_end)
        else:
            joined.append(block)
    return joined
