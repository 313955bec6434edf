"""The memory for answers: how long, how many, how big."""

import pytest

from mailwarden.system.dns.answers import Finding, State
from mailwarden.system.dns.cache import Cache


def finding(expires_at: float = 100, *values: str) -> Finding:
    return Finding(State.FOUND, expires_at, values)


def test_an_entry_lives_until_it_expires() -> None:
    cache = Cache(10)
    cache.put((1, "a"), finding(100), 0)
    assert cache.get((1, "a"), 99.9) == finding(100)
    assert cache.get((1, "a"), 100) is None
    assert cache.get((2, "a"), 0) is None


def test_what_has_expired_is_not_put() -> None:
    cache = Cache(10)
    cache.put((1, "a"), finding(100), 0)
    cache.put((1, "a"), finding(5), 5)
    assert cache.get((1, "a"), 5) is None
    assert len(cache) == 0


def test_the_oldest_go_first_and_in_batches() -> None:
    cache = Cache(160)
    for number in range(161):
        cache.put((1, str(number)), finding(), 0)
    assert len(cache) == 151
    assert cache.get((1, "9"), 0) is None
    assert cache.get((1, "10"), 0) is not None
    assert cache.get((1, "160"), 0) is not None


def test_a_renewed_entry_is_young_again() -> None:
    cache = Cache(16)
    for number in range(16):
        cache.put((1, str(number)), finding(), 0)
    cache.put((1, "0"), finding(200), 0)
    cache.put((1, "new"), finding(), 0)
    assert cache.get((1, "0"), 0) == finding(200)
    assert cache.get((1, "1"), 0) is None


def test_big_answers_count_as_several() -> None:
    cache = Cache(100)
    for number in range(50):
        cache.put((1, str(number)), finding(100, "x" * 5000), 0)
    assert len(cache) <= 10
    cache.put((1, "big"), finding(100, "x" * 60_000), 0)
    assert cache.get((1, "big"), 0) is None


@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_smaller_limit_holds_at_once(size: int) -> None:
    cache = Cache(100)
    for number in range(100):
        cache.put((1, str(number)), finding(), 0)
    cache.resize(size)
    assert len(cache) <= size
    cache.put((1, "x"), finding(), 0)
    assert len(cache) <= size
