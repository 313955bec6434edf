"""The table that workers share: places, eviction, locks, deaths between two steps."""

import os
import sys
from collections.abc import Iterator
from fcntl import F_OFD_SETLK, fcntl

import pytest

from mailwarden.services.throttling.rate_table import (
    BUCKETS,
    FULL_KEY,
    LOCK_SPINS,
    LOCK_TRIES,
    PLACES_MAX,
    SLOT_BYTES,
    SLOTS,
    TABLE_BYTES_MAX,
    RateTable,
    make_rate_table,
)
from mailwarden.services.throttling.rates import KEYS_MAX, Taken, Windows

TEN = 10 * 3600.0
KEY = b"4 192.0.2.1"
KEYS = [b"key %d" % number for number in range(SLOTS)]  # fill a table of one bucket


@pytest.fixture
def memory() -> Iterator[int]:
    descriptor = make_rate_table(1)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def table(memory: int) -> Iterator[RateTable]:
    made = RateTable(memory)
    yield made
    made.close()


@pytest.fixture
def other(memory: int) -> Iterator[RateTable]:
    made = RateTable(memory)
    yield made
    made.close()


def test_workers_count_as_one(table: RateTable, other: RateTable) -> None:
    takers = (table, other, table, other, other)
    assert [t.take(KEY, 1, 3, TEN).allowed for t in takers] == [1, 1, 1, 0, 0]
    other.give_back(KEY, 1, TEN)
    assert table.take(KEY, 5, 3, TEN) == Taken(1, 3)
    assert [table.tell(KEY, TEN), other.tell(KEY, TEN)] == [True, False]


def test_the_hour_may_begin_to_slide_and_the_other_way_round(table: RateTable) -> None:
    table.take(KEY, 10, 10, TEN - 1)
    assert table.peek(KEY, TEN + 900) == 0
    table.count_by(Windows.SLIDING)
    assert table.peek(KEY, TEN + 900) == 8
    table.count_by(Windows.CLOCK)
    assert table.peek(KEY, TEN + 900) == 0
    assert table.window_end(TEN) == table.window_end(TEN + 3599) == TEN + 3600


def test_counts_stay_when_a_worker_ends(memory: int) -> None:
    for number in range(5):
        worker = RateTable(memory)
        assert worker.take(KEY, 1, 3, TEN).allowed == (number < 3)
        worker.close()


def test_the_descriptor_may_be_closed_once_mapped() -> None:
    descriptor = make_rate_table(1)
    table = RateTable(descriptor)
    os.close(descriptor)
    assert table.take(KEY, 1, 1, TEN) == Taken(1, 1)
    table.close()


def test_windows_of_another_length() -> None:
    descriptor = make_rate_table(1, window_seconds=60)
    table = RateTable(descriptor)
    assert table.take(KEY, 9, 5, TEN + 59) == Taken(5, 5)
    assert table.take(KEY, 9, 5, TEN + 60) == Taken(5, 5)
    table.close()
    os.close(descriptor)


def test_a_million_keys_have_room_in_bounded_memory() -> None:
    assert BUCKETS * SLOTS >= 2 * KEYS_MAX  # so buckets of 64 hold 30 on average; see the module
    assert BUCKETS * SLOTS * SLOT_BYTES == TABLE_BYTES_MAX == 48 * 2**20


def test_memory_is_taken_when_it_is_needed() -> None:
    descriptor = make_rate_table()
    table = RateTable(descriptor)
    for number in range(100):
        table.take(b"%d" % number, 1, 1, TEN)
    assert os.fstat(descriptor).st_size > TABLE_BYTES_MAX
    assert os.fstat(descriptor).st_blocks * 512 <= 2**20
    table.close()
    os.close(descriptor)


def test_remembered_places_are_bounded(table: RateTable) -> None:
    for number in range(2 * PLACES_MAX + 5):
        table.peek(b"%d" % number, TEN)
        assert len(table._places) <= PLACES_MAX


def test_a_place_that_became_anothers_is_not_taken_for_the_own(
    table: RateTable, other: RateTable
) -> None:
    """`table` remembers where its keys were; `other` gives the places to keys of the next hour."""
    for key in KEYS:
        table.take(key, 2, 5, TEN)
    for number in range(SLOTS):
        other.take(b"next %d" % number, 3, 5, TEN + 3600)
    assert [table.peek(key, TEN) for key in KEYS] == [0] * SLOTS
    assert table.take(KEYS[0], 1, 5, TEN + 3600) == Taken(1, 1)


def test_a_hash_that_shows_up_across_two_marks_is_not_found(table: RateTable) -> None:
    for key in KEYS:
        table.take(key, 1, 5, TEN)
    marks = table._memory[64 : 64 + 8 * SLOTS]
    place = table._place(KEY)
    place.hash = marks[4:12]
    place.mark = int.from_bytes(place.hash, sys.byteorder)
    assert table._slot(place) == -1


def test_places_of_hours_that_are_gone_are_used_again(memory: int) -> None:
    full: list[str] = []
    table = RateTable(memory, on_full=lambda: full.append("full"))
    for hour in range(20):
        now = TEN + 3600 * hour
        for number in range(SLOTS):
            assert table.take(b"%d %d" % (hour, number), 1, 1, now) == Taken(1, 1)
        assert sum(table.peek(b"%d %d" % (hour, number), now) for number in range(SLOTS)) == SLOTS
    assert full == []
    table.close()


def test_a_full_table_refuses_nobody_and_says_so_once_an_hour(memory: int) -> None:
    said: list[str] = []
    one = RateTable(memory, on_full=lambda: said.append("one"))
    two = RateTable(memory, on_full=lambda: said.append("two"))
    for hour in range(3):
        for number in range(3 * SLOTS):
            for table, key in ((one, b"1 %d"), (two, b"2 %d")):
                assert table.take(key % number, 1, 1, TEN + 3600 * hour).allowed == 1
        assert len(said) == hour + 1
    one.close()
    two.close()


def test_a_flood_of_new_keys_frees_nobody_who_reached_a_limit(table: RateTable) -> None:
    heavy = KEYS[: SLOTS // 2]
    for key in heavy:
        table.take(key, 20, 20, TEN)
    for number in range(50 * SLOTS):
        table.take(b"flood %d" % number, 1, 20, TEN)
    assert [table.take(key, 1, 20, TEN) for key in heavy] == [Taken(0, 20)] * len(heavy)


def test_the_oldest_hour_goes_first(memory: int) -> None:
    """Even where the older count is higher, and both are still of use."""
    table = RateTable(memory, windows=Windows.SLIDING)
    table.take(KEYS[0], 90, 99, TEN)
    for key in KEYS[1:]:
        table.take(key, 1, 99, TEN + 3600)
    table.take(KEY, 1, 99, TEN + 3600)
    assert table.peek(KEYS[0], TEN + 3600) == 0
    assert table.peek(KEY, TEN + 3600) == 1
    assert sum(table.peek(key, TEN + 3600) for key in KEYS[1:]) >= SLOTS - 2  # FULL_KEY took one
    table.close()


def test_windows_to_come_do_not_fill_the_table_for_ever(memory: int) -> None:
    full: list[str] = []
    table = RateTable(memory, on_full=lambda: full.append("full"))
    for key in KEYS:
        table.take(key, 9, 9, TEN + 365 * 86400)
    for number in range(SLOTS):
        table.take(b"now %d" % number, 1, 9, TEN)
    assert sum(table.peek(b"now %d" % number, TEN) for number in range(SLOTS)) == SLOTS
    assert full == []
    table.close()


def hold(table: RateTable, key: bytes) -> None:
    fcntl(table._file, F_OFD_SETLK, table._place(key).lock)


def let_go(table: RateTable, key: bytes) -> None:
    fcntl(table._file, F_OFD_SETLK, table._place(key).unlock)


def test_a_lock_that_is_held_for_a_moment_is_waited_for(memory: int, other: RateTable) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            let_go(other, KEY)

    table = RateTable(memory, pause=pause)
    hold(other, KEY)
    assert table.take(KEY, 1, 1, TEN) == Taken(1, 1)
    assert len(pauses) == 3
    table.close()


def test_behind_a_stopped_worker_all_is_refused_and_said_once(
    memory: int, other: RateTable
) -> None:
    stuck: list[str] = []
    pauses: list[float] = []
    table = RateTable(memory, on_stuck=lambda: stuck.append("stuck"), pause=pauses.append)
    table.take(KEY, 2, 9, TEN)
    hold(other, KEY)
    assert table.take(KEY, 1, 9, TEN) == Taken(0, 2)
    assert len(pauses) == LOCK_TRIES - LOCK_SPINS
    table.give_back(KEY, 1, TEN)
    assert not table.tell(KEY, TEN)
    assert table.peek(KEY, TEN) == 2
    assert stuck == ["stuck"]
    let_go(other, KEY)
    assert table.take(KEY, 1, 9, TEN) == Taken(1, 3)
    assert table.tell(KEY, TEN)
    table.close()


def test_a_mistake_leaves_no_lock_behind(table: RateTable, other: RateTable) -> None:
    with pytest.raises(TypeError):
        table.take(KEY, 1, "five", TEN)  # type: ignore[arg-type]  # the mistake
    assert other.take(KEY, 1, 1, TEN) == Taken(1, 1)


class DyingWords:
    """Memory whose writer dies at its nth store."""

    def __init__(self, words: memoryview, stores: int) -> None:
        self.words = words
        self.stores = stores

    def __getitem__(self, at: int) -> int:
        return self.words[at]

    def __setitem__(self, at: int, word: int) -> None:
        if not self.stores:
            raise KeyboardInterrupt
        self.stores -= 1
        self.words[at] = word


@pytest.mark.interpreted
@pytest.mark.parametrize("stores", range(5))
def test_death_between_two_stores_counts_the_last_or_not(memory: int, stores: int) -> None:
    """A new key takes the place of an old one in a full bucket: four stores."""
    survivor, victim = RateTable(memory), RateTable(memory)
    for key in KEYS:
        survivor.take(key, 1 if key == KEYS[7] else 5, 9, TEN)
    victim._look_at(TEN)
    victim._full_said = victim._from  # it has said that the table is full
    words, victim._words = victim._words, DyingWords(victim._words, stores)
    died = False
    try:
        victim.take(KEY, 3, 9, TEN)
    except KeyboardInterrupt:
        died = True
    assert died == (stores < 4)
    assert survivor.peek(KEY, TEN) == (0 if died else 3)
    assert survivor.peek(KEYS[7], TEN) == (1 if stores < 1 else 0)
    counts = [survivor.peek(key, TEN) for key in KEYS if key != KEYS[7]]
    assert counts == [5] * (SLOTS - 1)
    assert survivor.take(KEY, 2, 9, TEN).allowed == 2
    victim._words = words
    victim.close()
    survivor.close()


@pytest.mark.parametrize("buckets", [0, -1, BUCKETS + 1])
def test_a_table_has_a_sensible_size(buckets: int) -> None:
    with pytest.raises(ValueError, match="buckets"):
        make_rate_table(buckets)


def test_a_window_has_a_length() -> None:
    with pytest.raises(ValueError, match="second"):
        make_rate_table(1, window_seconds=0)


@pytest.mark.parametrize("content", [b"", b"x" * 64, b"mwrates1" + b"\1" * 200])
def test_any_other_file_is_refused(content: bytes) -> None:
    descriptor = os.memfd_create("other")
    before = len(os.listdir("/proc/self/fd"))
    try:
        os.write(descriptor, content)
        with pytest.raises(ValueError, match="not a rate table"):
            RateTable(descriptor)
        assert len(os.listdir("/proc/self/fd")) == before
    finally:
        os.close(descriptor)


def test_nobody_can_change_the_size(memory: int) -> None:
    for size in (0, 1 << 30):
        with pytest.raises(PermissionError):
            os.ftruncate(memory, size)


def test_two_tables_place_a_key_differently() -> None:
    """Or a client could choose addresses that fill a bucket."""
    marks = set()
    for _ in range(5):
        descriptor = make_rate_table(1)
        table = RateTable(descriptor)
        marks.add(table._place(FULL_KEY).hash)
        table.close()
        os.close(descriptor)
    assert len(marks) == 5
