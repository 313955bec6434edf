"""What waits comes back in time, each once."""

import random
from typing import Any

from mailwarden.core.policy.destinations import DestinationLimits
from mailwarden.mailflow.delivery.nexthop import HopKind, NextHop
from mailwarden.mailflow.delivery.queue import DestinationQueue, QueueKey, Unit
from mailwarden.mailflow.delivery.tally import Tally
from mailwarden.mailflow.delivery.wheel import TICK_SECONDS, Bucket, Wheel
from mailwarden.stores.spool.spool import Entry, State


def a_queue() -> DestinationQueue:
    key = QueueKey(NextHop(HopKind.NULL, "null:"), "")
    return DestinationQueue(key, DestinationLimits(), Tally("null:"))


def entry() -> Entry:
    return Entry(1, State.QUEUED, 0.0, 1, 1)


def unit(queue: DestinationQueue | None = None) -> Unit:
    one = Unit(entry(), (0,), queue, object())
    one.entry.tag = one.ticket
    return one


def drained(bucket: Bucket) -> list[Any]:
    return [item for item, _ in bucket.pairs()]


def popped(wheel: Wheel, now: float, limit: int = 1000) -> list[Any]:
    return [item for item, _ in wheel.pop_due(now, limit)]


def test_never_early_and_at_most_a_tick_late() -> None:
    wheel, due = Wheel(), {}
    for number in range(200):
        one = unit() if number % 2 else entry()
        due[one] = random.Random(number).uniform(0, 50)
        wheel.add(one, due[one], None)
    now = 0.0
    while now < 51:
        for one in popped(wheel, now):
            assert due[one] <= now < due[one] + 2 * TICK_SECONDS
            del due[one]
        now += TICK_SECONDS
    assert not due
    assert len(wheel) == 0
    assert not wheel.is_due(100.0)


def test_no_more_at_once_than_wanted_and_in_order() -> None:
    wheel = Wheel()
    entries = [entry() for _ in range(10)]
    for number, one in enumerate(entries):
        wheel.add(one, 1.0 if number < 7 else 2.0, None)
    taken = [popped(wheel, 5.0, 4) for _ in range(4)]
    assert [len(some) for some in taken] == [4, 4, 2, 0]
    assert [one for some in taken for one in some] == entries


def test_what_was_held_is_passed_over_and_what_was_added_again_comes_once() -> None:
    wheel, queue = Wheel(), a_queue()
    held, again, gone, part = entry(), entry(), entry(), unit()
    for one in (held, again, gone, part):
        wheel.add(one, 1.0, queue)
    held.state = State.HELD
    gone.state = State.FINISHED
    part.entry.tag = None
    wheel.add(again, 2.0, queue)
    assert queue.waiting == len(wheel) == 5
    assert popped(wheel, 1.0) == []
    assert popped(wheel, 2.0) == [again]
    assert queue.waiting == len(wheel) == 0


def test_extract() -> None:
    wheel, wanted, other = Wheel(), a_queue(), a_queue()
    entries = [entry() for _ in range(8)]
    for number, one in enumerate(entries):
        wheel.add(one, number // 2, other if number > 3 else wanted)
    entries[1].state = State.HELD
    entries[5].state = State.HELD
    found = wheel.extract(lambda queue: queue is wanted)
    assert drained(found) == [entries[0], entries[2], entries[3]]
    assert all(found.has(one) for one in drained(found))
    assert len(wheel) == 3
    assert (wanted.waiting, other.waiting) == (0, 3)
    assert popped(wheel, 10) == [entries[4], entries[6], entries[7]]
    assert wheel.extract(lambda _: True).items == []


def test_extract_while_a_bucket_is_being_emptied() -> None:
    wheel, entries = Wheel(), [entry() for _ in range(6)]
    for one in entries:
        wheel.add(one, 1.0, None)
    assert popped(wheel, 1.0, 2) == entries[:2]
    assert wheel.extract(lambda queue: queue is not None).items == []
    assert popped(wheel, 1.0, 2) == entries[2:4]
    assert drained(wheel.extract(lambda _: True)) == entries[4:]


def test_the_soonest_of_each_queue() -> None:
    wheel, (one, two, three) = Wheel(), [a_queue() for _ in range(3)]
    held = entry()
    wheel.add(held, 2.0, one)
    held.state = State.HELD
    for queue, due in ((one, 5.0), (one, 3.0), (two, 4.0), (None, 1.0)):
        wheel.add(entry(), due, queue)
    assert wheel.soonest([one, two, three]) == {one: 3.0, two: 4.0}
    assert wheel.soonest([]) == {}


def test_a_large_bucket_is_taken_in_slices() -> None:
    wheel, one = Wheel(), unit()
    for _ in range(100_000):
        wheel.add(one, 1.0, None)
    count = 0
    while some := wheel.pop_due(2.0, 100):
        count += len(some)
    assert count == 100_000
