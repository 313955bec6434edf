"""Rates against a plain account of what was counted, whatever the clock does."""

import os
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from mailwarden.services.throttling.rate_keys import host_key
from mailwarden.services.throttling.rate_table import RateTable, make_rate_table
from mailwarden.services.throttling.rates import LocalRates, Rates, Windows

HOUR = 3600
LIMIT = 10

keys = st.sampled_from([b"a", b"b", b"c"])
amounts = st.integers(0, 7)
steps_on = st.integers(0, 2 * HOUR)  # seconds that pass
steps_any = st.integers(-3 * HOUR, 3 * HOUR)
kinds = st.sampled_from(Windows)


def steps(passing: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, str, bytes, int]]]:
    doing = st.sampled_from(["take", "take", "take", "any", "back", "tell"])
    return st.lists(st.tuples(passing, doing, keys, amounts), max_size=40)


class Account:
    """What a table ought to know: for each key the last even and the last odd hour."""

    def __init__(self, is_sliding: bool) -> None:
        self.is_sliding = is_sliding
        self.known: dict[tuple[bytes, int], tuple[int, int, bool]] = {}

    def hour(self, key: bytes, hour: int) -> tuple[int, bool]:
        there, count, told = self.known.get((key, hour % 2), (-1, 0, False))
        return (count, told) if there == hour else (0, False)

    def count(self, key: bytes, now: int) -> int:
        hour, into = divmod(now, HOUR)
        count = self.hour(key, hour)[0]
        if self.is_sliding:
            left = self.hour(key, hour - 1)[0] * (HOUR - into)
            count += left // HOUR + (left % HOUR > 0)
        return count

    def add(self, key: bytes, amount: int, now: int, is_told: bool = False) -> None:
        hour = now // HOUR
        count, told = self.hour(key, hour)
        self.known[key, hour % 2] = hour, max(0, count + amount), told or is_told


@given(kinds, steps(steps_any))
def test_two_workers_keep_the_same_account(
    kind: Windows, todo: list[tuple[int, str, bytes, int]]
) -> None:
    descriptor = make_rate_table(2)
    workers = [RateTable(descriptor, windows=kind) for _ in range(2)]
    account = Account(kind is Windows.SLIDING)
    now = 1000 * HOUR
    for key in (b"a", b"b", b"c"):  # all have their places: none gives one up, whatever the hour
        account.add(key, workers[0].take(key, 1, LIMIT, now).allowed, now)
    for number, (passed, do, key, amount) in enumerate(todo):
        now += passed
        worker, hour = workers[number % 2], now // HOUR
        if do == "take" or do == "any":
            limit = LIMIT if do == "take" else -1
            room = max(0, limit - account.count(key, now)) if limit >= 0 else amount
            if min(amount, room):
                account.add(key, min(amount, room), now)
            taken = worker.take(key, amount, limit, now)
            assert (taken.allowed, taken.count) == (min(amount, room), account.count(key, now))
        elif do == "back":
            if account.hour(key, hour) != (0, False):
                account.add(key, -amount, now)
            worker.give_back(key, amount, now)
        else:
            told = account.hour(key, hour)[1]
            account.add(key, 0, now, is_told=True)
            assert worker.tell(key, now) is not told
        for other in workers:
            assert other.peek(key, now) == account.count(key, now)
    for worker in workers:
        worker.close()
    os.close(descriptor)


@given(kinds, steps(steps_on))
def test_table_and_local_rates_answer_alike(
    kind: Windows, todo: list[tuple[int, str, bytes, int]]
) -> None:
    descriptor = make_rate_table(1)
    table = RateTable(descriptor, windows=kind)
    both: list[Rates] = [LocalRates(windows=kind), table]
    now = 1000 * HOUR
    for passed, do, key, amount in todo:
        now += passed
        if do == "tell":
            one, two = (rates.tell(key, now) for rates in both)
        elif do == "back":
            for rates in both:
                rates.give_back(key, amount, now)
            one, two = (rates.peek(key, now) for rates in both)
        else:
            limit = LIMIT if do == "take" else -1
            one, two = (rates.take(key, amount, limit, now) for rates in both)
        assert one == two
    table.close()
    os.close(descriptor)


@given(kinds, st.lists(st.tuples(steps_on, amounts), max_size=40))
def test_no_clock_hour_lets_more_through_than_the_limit(
    kind: Windows, wishes: list[tuple[int, int]]
) -> None:
    rates = LocalRates(windows=kind)
    now, through = 0, Counter[int]()
    for passed, amount in wishes:
        now += passed
        through[now // HOUR] += rates.take(b"a", amount, LIMIT, now).allowed
    assert max(through.values(), default=0) <= LIMIT


@given(st.lists(st.tuples(steps_any, amounts), max_size=20))
def test_wherever_the_clock_was_two_hours_hold_all_counts(wishes: list[tuple[int, int]]) -> None:
    """So nobody is blocked for long by what a wrong clock has counted."""
    descriptor = make_rate_table(1)
    table = RateTable(descriptor)
    now, lowest = 1000 * HOUR, 900
    for passed, amount in wishes:
        now += passed
        table.take(b"a", amount, LIMIT, now)
    assert sum(table.peek(b"a", hour * HOUR) > 0 for hour in range(lowest, lowest + 200)) <= 2
    assert table.take(b"a", LIMIT, LIMIT, now + 200 * HOUR).allowed == LIMIT
    table.close()
    os.close(descriptor)


@given(st.text(max_size=300), st.integers(0, 32), st.integers(0, 128))
@settings(max_examples=200)
def test_any_text_is_a_host(text: str, ipv4_bits: int, ipv6_bits: int) -> None:
    key = host_key(text, ipv4_bits, ipv6_bits)
    assert key[:1] in (b"4", b"6", b"?")


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 32))
def test_hosts_share_a_key_when_they_share_the_bits(one: object, two: object, bits: int) -> None:
    def network(address: object) -> tuple[int, int]:
        value = int(address)  # type: ignore[call-overload]  # of ipaddress
        if address.version == 6:  # type: ignore[attr-defined]  # of ipaddress
            mapped = address.ipv4_mapped  # type: ignore[attr-defined]  # of ipaddress
            return (4, int(mapped) >> 32 - bits) if mapped else (6, value >> 64)
        return 4, value >> 32 - bits

    is_same = network(one) == network(two)
    assert (host_key(str(one), bits) == host_key(str(two), bits)) == is_same
