"""Units that wait come back in time, each once."""

import random

from mailwarden.mailflow.delivery.queue import DestinationQueue, Unit
from mailwarden.mailflow.delivery.wheel import TICK_SECONDS, Wheel
from mailwarden.stores.spool.spool import Entry, State


def unit(queue: DestinationQueue | None = None) -> Unit:
    return Unit(Entry(1, State.QUEUED, 0.0, 1, 1), (0,), queue)


def test_never_early_and_at_most_a_tick_late() -> None:
    wheel, due = Wheel(), {}
    for _ in range(200):
        one = unit()
        due[one] = random.Random(len(due)).uniform(0, 50)
        wheel.add(one, due[one])
    now = 0.0
    while now < 51:
        for one in wheel.pop_due(now, 1000):
            assert due[one] <= now < due[one] + 2 * TICK_SECONDS
            del due[one]
        now += TICK_SECONDS
    assert not due
    assert len(wheel) == 0


def test_no_more_at_once_than_wanted() -> None:
    wheel = Wheel()
    units = [unit() for _ in range(10)]
    for number, one in enumerate(units):
        wheel.add(one, 1.0 if number < 7 else 2.0)
    taken = [wheel.pop_due(5.0, 4) for _ in range(4)]
    assert [len(some) for some in taken] == [4, 4, 2, 0]
    assert {one for some in taken for one in some} == set(units)


def test_extract() -> None:
    wheel = Wheel()
    units = [unit() for _ in range(6)]
    for number, one in enumerate(units):
        wheel.add(one, number // 2)
    wanted = {units[0], units[1], units[2]}
    assert set(wheel.extract(wanted.__contains__)) == wanted
    assert len(wheel) == 3
    assert set(wheel.pop_due(10, 10)) == set(units) - wanted
    assert wheel.extract(lambda one: True) == []


def test_the_soonest_of_each_queue() -> None:
    wheel, (one, two, three) = Wheel(), [object() for _ in range(3)]
    for queue, due in ((one, 5.0), (one, 3.0), (two, 4.0), (None, 1.0)):
        wheel.add(unit(queue), due)
    assert wheel.soonest([one, two, three]) == {one: 3.0, two: 4.0}
    assert wheel.soonest([]) == {}


def test_a_large_bucket_is_taken_in_slices() -> None:
    wheel, one = Wheel(), unit()
    for _ in range(100_000):
        wheel.add(one, 1.0)
    count = 0
    while some := wheel.pop_due(2.0, 100):
        count += len(some)
    assert count == 100_000
