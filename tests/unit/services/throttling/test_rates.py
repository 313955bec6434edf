"""What every kind of rates promises."""

import os
from collections.abc import Callable, Iterator

import pytest

from mailwarden.services.throttling.rate_table import RateTable, make_rate_table
from mailwarden.services.throttling.rates import (
    COUNT_MAX,
    UNLIMITED,
    LocalRates,
    Rates,
    Taken,
    Windows,
    carried,
)

TEN = 10 * 3600.0  # o'clock
KEY = b"4 192.0.2.1"
MakeRates = Callable[[Windows], Rates]


@pytest.fixture(params=["local", "table"])
def make(request: pytest.FixtureRequest) -> Iterator[MakeRates]:
    """Return what makes rates; those of a table all on the same memory."""
    descriptor = make_rate_table(8)
    made: list[RateTable] = []

    def make_rates(windows: Windows) -> Rates:
        if request.param == "local":
            return LocalRates(windows=windows)
        made.append(RateTable(descriptor, windows=windows))
        return made[-1]

    yield make_rates
    for table in made:
        table.close()
    os.close(descriptor)


@pytest.fixture
def rates(make: MakeRates) -> Rates:
    return make(Windows.CLOCK)


@pytest.fixture
def sliding(make: MakeRates) -> Rates:
    return make(Windows.SLIDING)


def test_row_32_the_fourth_of_three_recipients_is_refused_until_the_hour(rates: Rates) -> None:
    taken = [rates.take(KEY, 1, 3, TEN + second) for second in (0, 1, 2, 3, 3599.9)]
    assert taken == [Taken(1, 1), Taken(1, 2), Taken(1, 3), Taken(0, 3), Taken(0, 3)]
    assert rates.take(KEY, 1, 3, TEN + 3600) == Taken(1, 1)


def test_row_32_a_second_listener_compares_the_same_count_with_its_own_limit(rates: Rates) -> None:
    assert rates.take(KEY, 3, 3, TEN) == Taken(3, 3)
    assert rates.take(KEY, 1, 3, TEN) == Taken(0, 3)
    assert rates.take(KEY, 1, 4, TEN) == Taken(1, 4)


def test_as_many_as_still_fit_are_allowed(rates: Rates) -> None:
    assert rates.take(KEY, 5, 8, TEN) == Taken(5, 5)
    assert rates.take(KEY, 5, 8, TEN) == Taken(3, 8)
    assert rates.take(KEY, 5, 8, TEN) == Taken(0, 8)


def test_a_changed_limit_holds_at_once(rates: Rates) -> None:
    assert rates.take(KEY, 10, 10, TEN) == Taken(10, 10)
    assert rates.take(KEY, 1, 5, TEN) == Taken(0, 10)  # lowered below the count
    assert rates.take(KEY, 5, 12, TEN) == Taken(2, 12)


def test_the_unlimited_are_counted(rates: Rates) -> None:
    assert rates.take(KEY, 5000, UNLIMITED, TEN) == Taken(5000, 5000)
    assert rates.take(KEY, 1, 5000, TEN) == Taken(0, 5000)


@pytest.mark.parametrize("limit", [UNLIMITED, COUNT_MAX, 2**70])
def test_a_count_stays_at_its_highest_and_lets_through(rates: Rates, limit: int) -> None:
    assert rates.take(KEY, 2**60, limit, TEN) == Taken(2**60, COUNT_MAX)
    assert rates.take(KEY, 1, limit, TEN) == Taken(1, COUNT_MAX)
    assert rates.take(KEY, 1, COUNT_MAX - 1, TEN) == Taken(0, COUNT_MAX)
    assert rates.tell(KEY, TEN)
    assert rates.peek(KEY, TEN) == COUNT_MAX
    assert rates.take(KEY, 1, 1, TEN + 3600) == Taken(1, 1)


def test_a_limit_of_zero_lets_nothing_through(rates: Rates) -> None:
    assert rates.take(KEY, 1, 0, TEN) == Taken(0, 0)
    assert rates.peek(KEY, TEN) == 0


def test_nothing_wanted_is_nothing_counted(rates: Rates) -> None:
    rates.take(KEY, 2, 3, TEN)
    assert rates.take(KEY, 0, 3, TEN) == Taken(0, 2)
    assert rates.take(KEY, 0, UNLIMITED, TEN) == Taken(0, 2)


def test_keys_do_not_touch_one_another(rates: Rates) -> None:
    for number in range(200):
        assert rates.take(b"%d" % number, 1, 1, TEN) == Taken(1, 1)
    for number in range(200):
        assert rates.peek(b"%d" % number, TEN) == 1


def test_what_is_given_back_can_be_taken_again(rates: Rates) -> None:
    rates.take(KEY, 3, 3, TEN)
    rates.give_back(KEY, 2, TEN)
    assert rates.take(KEY, 5, 3, TEN) == Taken(2, 3)


def test_it_is_given_back_to_the_hour_it_was_taken_in(rates: Rates) -> None:
    rates.take(KEY, 3, 3, TEN)
    rates.take(KEY, 3, 3, TEN + 3600)
    rates.give_back(KEY, 2, TEN + 3599)
    assert rates.peek(KEY, TEN + 3600) == 3
    assert rates.peek(KEY, TEN) == 1


@pytest.mark.parametrize("windows", Windows)
def test_what_is_reset_begins_anew(make: MakeRates, windows: Windows) -> None:
    rates = make(windows)
    rates.take(KEY, 5, 5, TEN - 60)
    rates.take(KEY, 5, 5, TEN + 60)
    rates.take(b"other", 2, 5, TEN + 60)
    assert rates.tell(KEY, TEN + 60)
    rates.reset(KEY, TEN + 61)
    assert rates.take(KEY, 5, 5, TEN + 62) == Taken(5, 5)
    assert rates.tell(KEY, TEN + 62)
    assert rates.peek(b"other", TEN + 62) == 2
    rates.reset(b"nobody", TEN + 62)


def test_no_more_is_given_back_than_there_is(rates: Rates) -> None:
    rates.take(KEY, 3, 3, TEN)
    rates.tell(KEY, TEN)
    rates.give_back(KEY, 2**80, TEN)
    rates.give_back(b"unknown", 1, TEN)
    assert rates.peek(KEY, TEN) == rates.peek(b"unknown", TEN) == 0
    assert not rates.tell(KEY, TEN)


def test_negative_amounts_are_mistakes(rates: Rates) -> None:
    with pytest.raises(ValueError, match="cannot be taken"):
        rates.take(KEY, -1, 5, TEN)
    with pytest.raises(ValueError, match="cannot be given back"):
        rates.give_back(KEY, -1, TEN)


def test_it_is_told_once_a_window(rates: Rates) -> None:
    assert [rates.tell(KEY, TEN + second) for second in (0, 5, 3599)] == [True, False, False]
    assert rates.tell(b"other", TEN)
    assert [rates.tell(KEY, TEN + 3600), rates.tell(KEY, TEN + 3601)] == [True, False]
    assert rates.take(KEY, 2, 2, TEN + 3602) == Taken(2, 2)  # it is not counted
    assert not rates.tell(KEY, TEN + 3603)


@pytest.mark.parametrize("key", [b"", b"\0", bytes(1000), "ünï".encode(), b"\xff" * 8])
def test_any_bytes_are_a_key(rates: Rates, key: bytes) -> None:
    assert rates.take(key, 1, 1, TEN) == Taken(1, 1)
    assert rates.take(key, 1, 1, TEN) == Taken(0, 1)


def test_a_sliding_window_gives_back_bit_by_bit(sliding: Rates) -> None:
    assert sliding.take(KEY, 20, 20, TEN + 3599) == Taken(20, 20)
    assert sliding.take(KEY, 1, 20, TEN + 3600) == Taken(0, 20)  # the hour alone frees nobody
    assert sliding.take(KEY, 1, 20, TEN + 3600 + 179) == Taken(0, 20)
    assert sliding.take(KEY, 2, 20, TEN + 3600 + 180) == Taken(1, 20)
    assert sliding.take(KEY, 20, 20, TEN + 3600 + 1800) == Taken(9, 20)
    assert sliding.peek(KEY, TEN + 7199) == 11
    assert sliding.peek(KEY, TEN + 7200) == 10
    assert sliding.peek(KEY, TEN + 10800) == 0


def test_both_kinds_of_window_read_the_same_counts() -> None:
    descriptor = make_rate_table(1)
    clock = RateTable(descriptor, windows=Windows.CLOCK)
    sliding = RateTable(descriptor, windows=Windows.SLIDING)
    clock.take(KEY, 4, 10, TEN)
    sliding.take(KEY, 4, 10, TEN)
    assert clock.peek(KEY, TEN) == sliding.peek(KEY, TEN) == 8
    assert clock.peek(KEY, TEN + 3600) == 0
    assert sliding.peek(KEY, TEN + 3600) == 8
    clock.close()
    sliding.close()
    os.close(descriptor)


@pytest.mark.parametrize(
    ("count", "into", "share"), [(20, 0, 20), (20, 1, 20), (20, 180, 19), (1, 3599, 1), (0, 9, 0)]
)
def test_the_share_of_the_last_window_is_rounded_up(count: int, into: int, share: int) -> None:
    assert carried(count, into, 3600) == share


def test_a_clock_set_back_blocks_nobody_beyond_a_window(make: MakeRates) -> None:
    """It was a year ahead by mistake when a host reached its limit."""
    for windows in Windows:
        rates = make(windows)
        key = windows.name.encode()
        assert rates.take(key, 3, 3, TEN + 365 * 86400) == Taken(3, 3)
        assert rates.take(key, 3, 3, TEN) == Taken(3, 3)
        assert rates.take(key, 1, 3, TEN) == Taken(0, 3)
        assert rates.take(key, 3, 3, TEN + 7200) == Taken(3, 3)


def test_a_clock_set_back_over_the_hour_finds_the_old_count(rates: Rates) -> None:
    rates.take(KEY, 3, 3, TEN + 3590)
    rates.take(KEY, 2, 3, TEN + 3610)
    assert rates.take(KEY, 1, 3, TEN + 3580) == Taken(0, 3)  # it frees nobody
    assert rates.take(KEY, 2, 3, TEN + 3610) == Taken(1, 3)  # and the hour goes on with its count
    assert rates.take(KEY, 3, 3, TEN + 7200) == Taken(3, 3)


def test_local_rates_forget_the_hours_that_are_gone() -> None:
    rates = LocalRates()
    for hour in range(100):
        rates.take(KEY, 1, 5, TEN + 3600 * hour)
        rates.tell(KEY, TEN + 3600 * hour)
    assert len(rates._counts) == len(rates._told) == 2
