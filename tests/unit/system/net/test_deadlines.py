"""The timer wheel: never early, at most a tick late, each item once."""

import gc
import math
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.net.deadlines import Deadlines


class Item:
    def __init__(self, name: str = "") -> None:
        self.name = name
        self.deadline = math.inf
        self.deadline_tick = -1


@pytest.fixture
def clock() -> SimulatedClock:
    clock = SimulatedClock()
    clock.advance(1000.25)
    return clock


@pytest.fixture
def deadlines(clock: SimulatedClock) -> Deadlines[Item]:
    return Deadlines(clock)


def due(deadlines: Deadlines[Item], now: float) -> list[str]:
    return [item.name for item in deadlines.sweep(now)]


def test_an_item_is_due_at_its_deadline(deadlines: Deadlines[Item]) -> None:
    deadlines.set(Item("a"), 1005)
    assert due(deadlines, 1004.9) == []
    assert due(deadlines, 1005) == ["a"]
    assert due(deadlines, 1100) == []
    assert len(deadlines) == 0


def test_an_item_is_at_most_one_tick_late(deadlines: Deadlines[Item]) -> None:
    deadlines.set(Item("a"), 1005.01)
    assert due(deadlines, 1005.99) == []
    assert due(deadlines, 1006) == ["a"]


def test_extending_does_not_move_the_item_until_its_bucket_comes_up(
    deadlines: Deadlines[Item],
) -> None:
    item = Item("a")
    deadlines.set(item, 1010)
    first = item.deadline_tick
    for second in range(1011, 1300):
        deadlines.set(item, second)
    assert item.deadline_tick == first
    assert due(deadlines, 1298) == []
    assert item.deadline_tick == 1299
    assert due(deadlines, 1299) == ["a"]


def test_extending_the_attribute_alone_is_enough(deadlines: Deadlines[Item]) -> None:
    item = Item("a")
    deadlines.set(item, 1010)
    item.deadline = 1020
    assert due(deadlines, 1019) == []
    assert due(deadlines, 1020) == ["a"]


def test_an_earlier_deadline_moves_the_item(deadlines: Deadlines[Item]) -> None:
    item = Item("a")
    deadlines.set(item, 2000)
    deadlines.set(item, 1002)
    assert due(deadlines, 1002) == ["a"]
    assert due(deadlines, 3000) == []


def test_a_deadline_in_the_past_is_due_with_the_next_tick(deadlines: Deadlines[Item]) -> None:
    deadlines.set(Item("a"), 3)
    assert due(deadlines, 1000.9) == []
    assert due(deadlines, 1001) == ["a"]


def test_removed_items_are_forgotten_at_once(deadlines: Deadlines[Item]) -> None:
    item = Item("a")
    deadlines.set(item, 1500)
    deadlines.remove(item)
    deadlines.remove(item)
    assert len(deadlines) == 0
    gone = weakref.ref(item)
    del item
    gc.collect()
    assert gone() is None
    assert due(deadlines, 9999) == []


def test_infinity_is_no_deadline(deadlines: Deadlines[Item]) -> None:
    never, later = Item("never"), Item("later")
    deadlines.set(never, math.inf)
    deadlines.set(later, 1002)
    deadlines.set(later, math.inf)
    assert due(deadlines, 10_000) == []
    assert len(deadlines) == 0
    deadlines.set(later, 10_001)
    assert due(deadlines, 10_001) == ["later"]


def test_a_jump_over_many_ticks_finds_all_in_order(deadlines: Deadlines[Item]) -> None:
    for second in (1400, 1002, 1003, 1200):
        deadlines.set(Item(str(second)), second)
    assert due(deadlines, 1_000_000) == ["1002", "1003", "1200", "1400"]


def test_the_caller_may_change_everything_while_it_sweeps(deadlines: Deadlines[Item]) -> None:
    items = {name: Item(name) for name in "abcdef"}
    for item in items.values():
        deadlines.set(item, 1002)
    deadlines.set(items["f"], 1003)
    seen = []
    for item in deadlines.sweep(1003):
        seen.append(item.name)
        if item.name == "a":
            deadlines.remove(items["b"])
            deadlines.set(items["c"], 1005)
            deadlines.set(items["a"], 1001)  # again, and at once: with the next tick
            deadlines.remove(items["f"])
    assert seen == ["a", "d", "e"]
    assert due(deadlines, 1004) == ["a"]
    assert due(deadlines, 1005) == ["c"]


def test_an_abandoned_sweep_loses_nobody(deadlines: Deadlines[Item]) -> None:
    for name in "abc":
        deadlines.set(Item(name), 1002)
    assert next(deadlines.sweep(1002)).name == "a"
    assert due(deadlines, 1002) == ["b", "c"]


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 4), st.floats(-2, 50)),
        st.tuples(st.just("remove"), st.integers(0, 4), st.just(0.0)),
        st.tuples(st.just("advance"), st.just(0), st.floats(0, 30)),
    ),
    max_size=80,
)


@given(ACTIONS, st.sampled_from([0.1, 0.5, 1.0, 7.0]))
def test_a_wheel_is_a_table_of_deadlines(
    actions: list[tuple[str, int, float]], tick: float
) -> None:
    clock = SimulatedClock()
    wheel: Deadlines[Item] = Deadlines(clock, tick)
    items = [Item(str(number)) for number in range(5)]
    expected: dict[int, float] = {}
    since: dict[int, float] = {}  # when it was first both set and due
    for action, number, amount in actions:
        if action == "set":
            wheel.set(items[number], clock.monotonic() + amount)
            expected[number] = clock.monotonic() + amount
            since[number] = max(expected[number], clock.monotonic())
        elif action == "remove":
            wheel.remove(items[number])
            expected.pop(number, None)
        else:
            clock.advance(amount)
            for item in wheel.sweep(clock.monotonic()):
                at = expected.pop(int(item.name))  # once each
                assert at <= clock.monotonic()
            # What is left over is due in the future, or for less than a tick.
            assert all(since[n] > clock.monotonic() - tick * 1.001 for n in expected)
        assert len(wheel) == len(expected)
    clock.advance(100)
    assert {int(item.name) for item in wheel.sweep(clock.monotonic())} == set(expected)
