"""What the gateway saw itself: counting, decay, full buckets, scores, saving and loading."""

import math
import os
import random

import pytest

from mailwarden.services.engines.reputation.history import HistoryReputation
from mailwarden.services.engines.reputation.history_file import load_history, save_history
from mailwarden.services.engines.reputation.history_score import judge
from mailwarden.services.engines.reputation.history_table import (
    COUNT_MAX,
    NOTHING,
    WAYS,
    Entry,
    HistoryMemory,
    Traffic,
    make_history,
)
from mailwarden.services.engines.reputation.networks import address_key
from mailwarden.services.engines.reputation.score import Score
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.files.files import write_fully
from mailwarden.system.files.simulated import Faults, SimulatedDisk, Stopped

DAY = 86400.0
WEEK = 7 * DAY
NOW = 1_700_000_000.0
PATH = "/state/history"
ONE = Traffic(messages=1, recipients=2, bad_recipients=3, spam=4, clean=5)


def make_memory(addresses_max: int = 1000) -> HistoryMemory:
    descriptor = make_history(addresses_max)
    try:
        return HistoryMemory(descriptor, WEEK)
    finally:
        os.close(descriptor)


def make_disk(faults: Faults | None = None) -> SimulatedDisk:
    disk = SimulatedDisk()
    disk.make_directory("/state")
    disk.sync_directory("/")
    disk.faults = faults or Faults()
    return disk


def key(number: int) -> bytes:
    return address_key(number.to_bytes(4, "big"))


def rest() -> None:
    """Go on at once."""


class Gateway:
    """A history with its clock and disk."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.disk = make_disk()
        self.warned: list[str] = []
        self.history = self.start()

    def start(self) -> HistoryReputation:
        descriptor = make_history(1000)
        try:
            return HistoryReputation(
                descriptor, self.clock, self.disk, PATH, memory_days=7, warn=self.warned.append
            )
        finally:
            os.close(descriptor)


def test_counts_fall_exponentially() -> None:
    table = make_memory().addresses
    table.add(key(1), ONE, NOW)
    assert table.find(key(1), NOW) == ONE
    assert table.find(key(1), NOW + WEEK) == pytest.approx([x / math.e for x in ONE])
    table.add(key(1), ONE, NOW + WEEK)
    assert table.find(key(1), NOW + WEEK) == pytest.approx([x + x / math.e for x in ONE])
    assert table.find(key(2), NOW) == NOTHING


def test_a_steady_sender_comes_to_what_he_sends_in_the_time() -> None:
    table = make_memory().addresses
    for hour in range(24 * 70):
        table.add(key(1), Traffic(messages=10), NOW + 3600 * hour)
    week = table.find(key(1), NOW + 3600 * 24 * 70).messages
    assert week == pytest.approx(10 * 24 * 7, rel=0.01)


def test_many_messages_in_a_second_do_not_wear_each_other_out() -> None:
    table = make_memory().addresses
    for number in range(1000):
        table.add(key(1), Traffic(messages=1), NOW + number / 1000)
    assert table.find(key(1), NOW + 0.999).messages == 1000


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    table = make_memory().addresses
    table.add(key(1), ONE, NOW)
    table.add(key(1), ONE, NOW - WEEK)
    assert table.find(key(1), NOW - WEEK) == pytest.approx([2 * x for x in ONE])


def test_counts_stay_finite() -> None:
    table = make_memory().addresses
    for _ in range(3):
        table.add(key(1), Traffic(*[0.9e9] * 5), NOW)
    assert table.find(key(1), NOW) == Traffic(*[COUNT_MAX] * 5)


def test_all_addresses_that_there_is_room_for_are_remembered() -> None:
    table = make_memory(3000).addresses
    for number in range(3000):
        table.add(key(number), Traffic(messages=number + 1), NOW + number)
    found = [table.find(key(number), NOW + number).messages for number in range(3000)]
    kept = [number for number, messages in enumerate(found) if messages == number + 1]
    assert len(kept) > 2850
    assert all(messages in (0, number + 1) for number, messages in enumerate(found))


def test_memory_is_bounded_and_the_oldest_go() -> None:
    table = make_memory(1000).addresses
    for number in range(20_000):
        table.add(key(number), Traffic(messages=1), NOW + number)
    held = {entry.key for entry in table.entries()}
    assert len(held) == math.ceil(1300 / WAYS) * WAYS
    assert all(key(number) in held for number in range(19_700, 20_000))
    assert not any(key(number) in held for number in range(15_000))


def test_an_active_address_outlives_a_flood_of_others() -> None:
    table = make_memory(1000).addresses
    for number in range(1, 20_000):
        table.add(key(number), Traffic(messages=1), NOW + number)
        if number % 50 == 0:
            table.add(key(0), Traffic(spam=1), NOW + number)
    assert table.find(key(0), NOW + 20_000).spam > 350


@pytest.mark.parametrize(
    "odd", [bytes(15) + b"\1", b"\1" + bytes(15), b"\xff" * 16, b"\0\1" * 8, bytes(8) + b"\xff" * 8]
)
def test_keys_that_look_alike_in_memory(odd: bytes) -> None:
    table = make_memory().addresses
    others = [odd[shift:] + odd[:shift] for shift in range(1, 16)]
    for other in others:
        table.add(other, Traffic(spam=1), NOW)
    if odd not in others:
        assert table.find(odd, NOW) == NOTHING
    table.add(odd, Traffic(clean=1), NOW)
    assert table.find(odd, NOW).clean == 1
    assert {entry.key for entry in table.entries()} == {odd, *others}


def test_two_workers_see_the_same() -> None:
    descriptor = make_history(1000)
    first, second = HistoryMemory(descriptor, WEEK), HistoryMemory(descriptor, WEEK)
    os.close(descriptor)
    first.addresses.add(key(1), ONE, NOW)
    second.addresses.add(key(1), ONE, NOW)
    second.networks.add(key(1), ONE, NOW)
    assert first.addresses.find(key(1), NOW) == Traffic(*[2 * x for x in ONE])
    assert first.networks.find(key(1), NOW) == ONE
    assert not first.is_loaded
    second.set_loaded()
    assert first.is_loaded


def test_another_descriptor_is_refused() -> None:
    for size in (0, 100, 8192):
        descriptor = os.memfd_create("test")
        os.ftruncate(descriptor, size)
        with pytest.raises(ValueError, match="no memory of a history"):
            HistoryMemory(descriptor, WEEK)
        os.close(descriptor)


SCORES = [
    (NOTHING, NOTHING, None, "too little was seen of it"),
    (Traffic(messages=2, recipients=2, clean=2), NOTHING, None, "too little was seen of it"),
    (Traffic(messages=3, recipients=3, spam=3), NOTHING, -1.3, "3 messages in 7 days, 100 % spam"),
    (
        Traffic(messages=310, recipients=200, bad_recipients=313, spam=60, clean=200),
        NOTHING,
        -0.4,
        "310 messages in 7 days, 61 % bad recipients, 23 % spam",
    ),
    (Traffic(bad_recipients=600), NOTHING, -9.4, "0 messages in 7 days, 100 % bad recipients"),
    (Traffic(messages=1, spam=1), NOTHING, None, "too little was seen of it"),
    (Traffic(messages=1000, recipients=1000, clean=1000), NOTHING, 2.9, "1000 messages in 7 days"),
    (
        Traffic(messages=1000, recipients=980, bad_recipients=20, clean=1000),
        NOTHING,
        2.9,
        "1000 messages in 7 days, 2 % bad recipients",
    ),
    (NOTHING, Traffic(messages=90, spam=90), -3.0, "0 messages in 7 days, network N -3.0"),
    (
        Traffic(messages=1, recipients=1, clean=1),
        Traffic(messages=90, spam=90),
        -2.9,
        "1 message in 7 days, network N -3.0",
    ),
    (NOTHING, Traffic(clean=1e6), 1.5, "0 messages in 7 days, network N +1.5"),
    (Traffic(messages=1e6, clean=1e6), Traffic(clean=1e6), 3.0,
     "1000000 messages in 7 days, network N +1.5"),
    (Traffic(messages=1e6, spam=1e6), Traffic(spam=1e6), -10.0,
     "1000000 messages in 7 days, 100 % spam, network N -5.0"),
]  # fmt: skip


@pytest.mark.parametrize(("own", "others", "value", "why"), SCORES)
def test_scores(own: Traffic, others: Traffic, value: float | None, why: str) -> None:
    network = Traffic(*[a + b for a, b in zip(own, others, strict=True)])
    assert judge(own, network, 7.0, "N") == (value, why)


def test_a_network_that_was_forgotten_before_its_address() -> None:
    assert judge(Traffic(messages=9, spam=9), NOTHING, 7.0, "N")[0] == -3.1


def test_scores_of_addresses_and_their_networks() -> None:
    gateway = Gateway()
    history = gateway.history
    for number in range(100):
        history.record(f"198.51.100.{number}", Traffic(messages=1, recipients=1, spam=1))
    history.record("198.51.100.200", Traffic(messages=20, recipients=20, clean=20))
    history.record("nonsense", ONE)
    bad = "0 messages in 7 days, network 198.51.100.0/24 -2.2"
    assert history.peek("198.51.100.250") == Score(-2.2, "history", bad)
    assert history.peek("::ffff:198.51.100.250") == Score(-2.2, "history", bad)
    good = "20 messages in 7 days, network 198.51.100.0/24 -3.1"
    assert history.peek("198.51.100.200") == Score(-1.6, "history", good)
    assert history.peek("198.51.101.1").value is None
    assert history.peek("nonsense") == Score(None, "history", "not an IP address")
    own, network = history.recall("198.51.100.200")
    assert (own.messages, network.messages) == (20, 120)
    assert history.recall("nonsense") == (NOTHING, NOTHING)
    gateway.clock.advance(40 * DAY)
    assert history.peek("198.51.100.250").value is None


async def test_ipv6_networks_are_of_64_bits() -> None:
    history = Gateway().history
    history.record("2001:db8:1:2::1", Traffic(messages=100, spam=100))
    score = await history.score("2001:db8:1:2:ffff::9")
    assert score.describe() == "-3.1: 0 messages in 7 days, network 2001:db8:1:2::/64 -3.1"
    assert history.peek("2001:db8:1:3::1").value is None


async def test_what_was_saved_is_loaded_at_the_next_start() -> None:
    gateway = Gateway()
    await gateway.history.load()
    gateway.history.record("192.0.2.1", ONE)
    await gateway.history.save()
    gateway.clock.advance(WEEK)
    again = gateway.start()
    again.record("192.0.2.1", ONE)  # before it is loaded: both count
    again.record("192.0.2.2", ONE)
    await again.load()
    await again.load()
    own, network = again.recall("192.0.2.1")
    assert own == pytest.approx([x + x / math.e for x in ONE])
    assert network == pytest.approx([2 * x + x / math.e for x in ONE])
    assert gateway.warned == []


async def test_nothing_is_saved_over_what_was_not_loaded() -> None:
    gateway = Gateway()
    gateway.history.record("192.0.2.1", ONE)
    await gateway.history.save()
    assert gateway.disk.names("/state") == []


async def test_a_damaged_file_is_told_and_the_history_starts_empty() -> None:
    gateway = Gateway()
    await gateway.history.load()
    gateway.history.record("192.0.2.1", ONE)
    await gateway.history.save()
    gateway.disk.flip(PATH, 20)
    again = gateway.start()
    await again.load()
    assert gateway.warned == [
        "Reputation: /state/history not loaded, it starts empty: damaged: its checksum does not fit"
    ]
    assert again.peek("192.0.2.1").value is None


async def test_a_full_disk_is_told_and_the_old_file_stays() -> None:
    gateway = Gateway()
    await gateway.history.load()
    gateway.history.record("192.0.2.1", ONE)
    await gateway.history.save()
    saved = gateway.disk.content(PATH)
    gateway.disk.faults.capacity = len(saved) + 10
    await gateway.history.save()
    assert gateway.warned[0].startswith("Reputation: the history was not saved to /state/history:")
    assert gateway.disk.content(PATH) == saved


async def test_closing_gives_up() -> None:
    gateway = Gateway()
    await gateway.history.load()
    gateway.history.record("192.0.2.1", ONE)
    await gateway.history.save()
    saved = gateway.disk.content(PATH)
    gateway.history.record("192.0.2.2", ONE)
    gateway.history.close()
    await gateway.history.save()
    assert gateway.disk.content(PATH) == saved
    again = gateway.start()
    again.close()
    await again.load()
    await again.save()
    assert gateway.disk.content(PATH) == saved
    assert gateway.warned == []


def test_what_is_forgotten_is_not_saved() -> None:
    memory, disk = make_memory(), make_disk()
    memory.addresses.add(key(1), Traffic(messages=1), NOW)
    memory.addresses.add(key(2), Traffic(messages=1), NOW + 3 * WEEK)
    assert save_history(disk, PATH, memory, NOW + 3 * WEEK, rest) == 1


def test_saving_and_loading_many() -> None:
    memory, disk, again = make_memory(3000), make_disk(), make_memory(3000)
    for number in range(1500):
        memory.addresses.add(key(number), Traffic(messages=number + 1), NOW + number)
        memory.networks.add(key(number % 7), Traffic(messages=1), NOW)
    assert save_history(disk, PATH, memory, NOW + 1500, rest) == 1507
    assert load_history(disk, PATH, again, NOW + 1500, rest) == 1507
    assert sorted(again.addresses.entries()) == sorted(memory.addresses.entries())
    assert sorted(again.networks.entries()) == sorted(memory.networks.entries())


def test_a_smaller_memory_keeps_the_youngest() -> None:
    memory, disk, again = make_memory(5000), make_disk(), make_memory(1000)
    for number in range(5000):
        memory.addresses.add(key(number), Traffic(messages=1), NOW + number)
    save_history(disk, PATH, memory, NOW + 5000, rest)
    load_history(disk, PATH, again, NOW + 5000, rest)
    held = {entry.key for entry in again.addresses.entries()}
    assert all(key(number) in held for number in range(4700, 5000))


@pytest.mark.parametrize("count", [math.nan, math.inf, -1.0, 2 * COUNT_MAX])
def test_entries_that_cannot_be_true(count: float) -> None:
    table = make_memory().addresses
    table.merge(Entry(key(1), 1, 1, count, 1, 1, int(NOW)), NOW)
    table.merge(Entry(bytes(16), 1, 1, 1, 1, 1, int(NOW)), NOW)
    assert list(table.entries()) == []


def test_an_entry_from_the_future_counts_from_now_on() -> None:
    table = make_memory().addresses
    table.merge(Entry(key(1), 1, 1, 1, 1, 1, int(NOW + 10 * WEEK)), NOW)
    assert table.find(key(1), NOW + WEEK).messages == pytest.approx(1 / math.e)


def test_no_crash_while_saving_leaves_a_broken_file() -> None:
    """Killed or cut off at any operation, the old history or the new one is there."""
    for is_power_cut in (False, True):
        for stop_at in range(20):
            disk, memory = make_disk(), make_memory()
            memory.addresses.add(key(1), ONE, NOW)
            save_history(disk, PATH, memory, NOW, rest)
            memory.addresses.add(key(2), ONE, NOW)
            disk.faults = Faults(stop_at=disk.operations + stop_at, torn=0.5)
            is_over = False
            try:
                save_history(disk, PATH, memory, NOW, rest)
                is_over = True
            except Stopped:
                pass
            disk.faults = Faults()
            if is_power_cut:
                disk.power_cut(random.Random(stop_at))
            else:
                disk.crash()
            assert load_history(disk, PATH, make_memory(), NOW, rest) in (1, 2)
            save_history(disk, PATH, memory, NOW, rest)  # the next one is not in its way
            assert load_history(disk, PATH, make_memory(), NOW, rest) == 2
            if is_over:
                break
        assert is_over


@pytest.mark.parametrize("content", [b"", b"mwhist\x01\n", b"x" * 100, b"mwhist\x01\n" + bytes(20)])
def test_files_of_others(content: bytes) -> None:
    disk = make_disk()
    fd = disk.open(PATH, create=True)
    write_fully(disk, fd, [content], 0)
    disk.close(fd)
    with pytest.raises(ValueError, match=r"not a file of a history|damaged"):
        load_history(disk, PATH, make_memory(), NOW, rest)
