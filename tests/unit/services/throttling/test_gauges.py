"""What every kind of gauge promises."""

import os
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwarden.services.throttling.board import BoardGauges, make_board
from mailwarden.services.throttling.gauges import LocalGauges, SharedGauges

MakeGauges = Callable[[], SharedGauges]


@pytest.fixture
def board() -> Iterator[int]:
    descriptor = make_board(3)
    yield descriptor
    os.close(descriptor)


@pytest.fixture(params=["local", "board"])
def gauges(request: pytest.FixtureRequest, board: int) -> SharedGauges:
    return LocalGauges() if request.param == "local" else BoardGauges(board, 1)


def test_limit_is_reached_and_not_passed(gauges: SharedGauges) -> None:
    assert [gauges.try_acquire("connections", 3) for _ in range(5)] == [True] * 3 + [False] * 2
    assert gauges.value("connections") == 3


def test_a_released_place_is_free_again(gauges: SharedGauges) -> None:
    assert gauges.try_acquire("tls", 1)
    assert not gauges.try_acquire("tls", 1)
    gauges.release("tls")
    assert gauges.value("tls") == 0
    assert gauges.try_acquire("tls", 1)


def test_keys_do_not_touch_one_another(gauges: SharedGauges) -> None:
    assert gauges.try_acquire("client:Public:192.0.2.1", 1)
    assert gauges.try_acquire("client:Public:192.0.2.2", 1)
    assert gauges.try_acquire("client:Private:192.0.2.1", 1)
    assert gauges.value("client:Public:192.0.2.1") == 1


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_lets_nobody_in(gauges: SharedGauges, limit: int) -> None:
    assert not gauges.try_acquire("x", limit)
    assert gauges.value("x") == 0


def test_a_lowered_limit_holds_at_once(gauges: SharedGauges) -> None:
    assert all(gauges.try_acquire("x", 5) for _ in range(5))
    assert not gauges.try_acquire("x", 2)
    gauges.release("x")
    assert gauges.value("x") == 4
    assert not gauges.try_acquire("x", 4)


def test_releasing_what_nobody_holds_is_a_mistake(gauges: SharedGauges) -> None:
    with pytest.raises(ValueError, match="more often than acquired"):
        gauges.release("x")
    gauges.try_acquire("x", 1)
    gauges.release("x")
    with pytest.raises(ValueError, match="more often than acquired"):
        gauges.release("x")


@pytest.mark.parametrize("key", ["", "ünï", "\udcff\udc00", "x" * 1000, "\0"])
def test_any_text_is_a_key(gauges: SharedGauges, key: str) -> None:
    assert gauges.try_acquire(key, 1)
    assert gauges.value(key) == 1
    gauges.release(key)


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(["a", "b", "c"]), st.sampled_from([1, 2, 4, None])
    ),
    max_size=60,
)


@given(STEPS)
def test_workers_in_turn_count_as_one(steps: list[tuple[int, str, int | None]]) -> None:
    """Without a race, three regions behave exactly as one counter; None is a release."""
    descriptor = make_board(3)
    try:
        workers = [BoardGauges(descriptor, index) for index in range(3)]
        held: Counter[tuple[int, str]] = Counter()
        for worker, key, limit in steps:
            total = sum(count for (_, name), count in held.items() if name == key)
            if limit is not None:
                assert workers[worker].try_acquire(key, limit) == (total < limit)
                held[worker, key] += total < limit
            elif held[worker, key]:
                workers[worker].release(key)
                held[worker, key] -= 1
            total = sum(count for (_, name), count in held.items() if name == key)
            assert {gauges.value(key) for gauges in workers} == {total}
    finally:
        os.close(descriptor)
