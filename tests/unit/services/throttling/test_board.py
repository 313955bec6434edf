"""The board that workers share: regions, slots, restarts."""

import os
from collections.abc import Iterator

import pytest

from mailwarden.services.throttling import board as board_module
from mailwarden.services.throttling.board import (
    SLOTS,
    WORKERS_MAX,
    BoardGauges,
    clear_region,
    make_board,
)


@pytest.fixture
def board() -> Iterator[int]:
    descriptor = make_board(2)
    yield descriptor
    os.close(descriptor)


def test_one_limit_over_two_workers(board: int) -> None:
    one, two = BoardGauges(board, 0), BoardGauges(board, 1)
    assert [g.try_acquire("destination:a.example", 3) for g in (one, two, one, two, one)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    two.release("destination:a.example")
    assert one.try_acquire("destination:a.example", 3)
    assert not two.try_acquire("destination:a.example", 3)
    assert two.value("destination:a.example") == 3


def test_a_restarted_worker_gives_back_what_it_held(board: int) -> None:
    survivor, dead = BoardGauges(board, 0), BoardGauges(board, 1)
    assert survivor.try_acquire("connections", 10)
    for _ in range(4):
        assert dead.try_acquire("connections", 10)
    successor = BoardGauges(board, 1)
    assert survivor.value("connections") == 1
    assert successor.value("connections") == 1
    assert successor.try_acquire("connections", 2)


def test_the_supervisor_can_clear_a_region(board: int) -> None:
    survivor, dead = BoardGauges(board, 0), BoardGauges(board, 1)
    survivor.try_acquire("connections", 10)
    dead.try_acquire("connections", 10)
    clear_region(board, 1)
    assert survivor.value("connections") == 1


def test_slots_are_used_again(board: int) -> None:
    """Far more clients than there are slots come and go; none is refused."""
    full: list[str] = []
    gauges = BoardGauges(board, 0, full.append)
    for number in range(200_000):
        assert gauges.try_acquire(f"client:Public:{number}", 1)
        gauges.release(f"client:Public:{number}")
    assert full == []
    assert not gauges._held


def test_twenty_thousand_clients_at_once_fit(board: int) -> None:
    full: list[str] = []
    gauges = BoardGauges(board, 1, full.append)
    names = [f"client:Public:{number}" for number in range(20_000)]
    assert sum(gauges.try_acquire(name, 1) for name in names) + len(full) == len(names)
    assert len(full) <= 1  # the hash key is random: one in a hundred thousand runs has one
    assert sum(map(gauges.value, names)) == len(names) - len(full)


@pytest.mark.interpreted
def test_a_full_bucket_refuses_and_says_so(board: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module.BoardGauges, "_locate", _one_bucket)
    full: list[str] = []
    gauges, other = BoardGauges(board, 0, full.append), BoardGauges(board, 1)
    keys = [f"{number:08}" for number in range(SLOTS)]
    assert all(gauges.try_acquire(key, 2) for key in keys)
    assert not gauges.try_acquire("one more", 2)
    assert full == ["one more"]
    assert gauges.try_acquire(keys[0], 2)  # what has its slot goes on
    assert other.try_acquire("one more", 2)  # another worker has slots of its own
    gauges.release(keys[5])
    assert gauges.try_acquire("one more", 2)
    assert other.value("one more") == 2


def _one_bucket(gauges: BoardGauges, key: str) -> tuple[bytes, int]:
    return key.encode()[:8].ljust(8, b"\1"), 0


def test_a_hash_that_shows_up_across_two_keys_is_not_counted(
    board: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_module.BoardGauges, "_locate", _one_bucket)
    gauges = BoardGauges(board, 0)
    assert gauges.try_acquire("AAAAbbbb", 1)
    assert gauges.try_acquire("ccccDDDD", 1)
    assert gauges.value("bbbbcccc") == 0
    assert gauges.try_acquire("bbbbcccc", 1)
    assert gauges.value("bbbbcccc") == 1


@pytest.mark.parametrize("workers", [0, -1, WORKERS_MAX + 1])
def test_a_board_has_a_sensible_number_of_workers(workers: int) -> None:
    with pytest.raises(ValueError, match="workers"):
        make_board(workers)


def test_regions_outside_of_the_board_are_refused(board: int) -> None:
    for worker in (-1, 2):
        with pytest.raises(ValueError, match="regions 0 to 1"):
            BoardGauges(board, worker)


@pytest.mark.parametrize("content", [b"", b"x" * 64, b"mwgauge1" + b"\1" * 200])
def test_any_other_file_is_refused(content: bytes) -> None:
    descriptor = os.memfd_create("other")
    try:
        os.write(descriptor, content)
        with pytest.raises(ValueError, match="not a board"):
            BoardGauges(descriptor, 0)
    finally:
        os.close(descriptor)


def test_nobody_can_change_the_size(board: int) -> None:
    for size in (0, 1 << 30):
        with pytest.raises(PermissionError):
            os.ftruncate(board, size)


def test_the_descriptor_may_be_closed_once_mapped() -> None:
    descriptor = make_board(1)
    gauges = BoardGauges(descriptor, 0)
    os.close(descriptor)
    assert gauges.try_acquire("x", 1)
