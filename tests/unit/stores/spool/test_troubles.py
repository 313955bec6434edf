"""What the spool does when the disk is full, fails, or lies."""

import errno

import pytest

from mailwarden.stores.spool.record import HEADER_SIZE
from mailwarden.stores.spool.spool import (
    DamagedError,
    Entry,
    Progress,
    Settlement,
    SpoolFailure,
    State,
)
from tests.unit.stores.spool.bench import Bench, large
from tests.unit.stores.spool.harness import message

DELIVERED = Settlement.DELIVERED
MIB = 1024 * 1024


def used(bench: Bench) -> int:
    """Return how many bytes the disk holds."""
    capacity = bench.disk.faults.capacity or 0
    return capacity - bench.disk.bytes_free("/")


def leave(bench: Bench, free: int) -> None:
    """Leave `free` bytes on the disk, and let that be noticed."""
    bench.disk.faults.capacity = used(bench) + free
    bench.driver.advance(1.0)


# No room.


def test_mail_is_refused_before_the_reserve_is_touched() -> None:
    bench = Bench()
    entry = bench.put(1)
    leave(bench, MIB - 1)
    assert bench.try_put(message(2)) is None
    assert bench.try_put(message(3)) is None
    assert [failure.full for failure in bench.failures] == [True, True]
    assert len(bench.alerts) == 1
    assert "refused" in bench.alerts[0]
    with pytest.raises(SpoolFailure) as caught:
        bench.spool.spill()
    assert caught.value.full
    bench.spool.settle(entry, [0], DELIVERED)
    bench.settle_down()
    assert bench.spool.usage().bytes_free == 0
    leave(bench, 2 * MIB)
    bench.put(4)
    bench.restart(power_cut=True)
    assert bench.mids() == [4]


def test_moving_mail_on_may_use_half_of_the_reserve() -> None:
    bench = Bench()
    entry = bench.put(1, state=State.RECEIVED)
    leave(bench, MIB - 1)
    results: list[SpoolFailure | None] = []
    by = [(message(2), State.QUEUED)]
    bench.spool.replace(entry, [0], by, lambda _, failure: results.append(failure))
    bench.driver.run()
    assert results == [None]
    leave(bench, MIB // 2 - 1)
    bench.spool.replace(bench.get(2), [0], by, lambda _, failure: results.append(failure))
    bench.driver.run()
    assert results[1] is not None
    assert results[1].full


def test_a_disk_that_is_full_at_once_harms_nothing_that_is_durable() -> None:
    bench = Bench(free_size_min_bytes=1)
    bench.put(1)
    size = bench.disk.size(bench.get(1).segment.path)
    bench.disk.faults.capacity = used(bench) + 200  # nobody has looked since
    assert bench.try_put(message(2, body=b"x" * 3000)) is None
    assert bench.failures[0].full
    assert bench.disk.size(bench.get(1).segment.path) == size
    bench.disk.faults.capacity = 1 << 30
    bench.put(3)
    bench.restart(power_cut=True)
    assert bench.mids() == [1, 3]
    assert bench.alerts == []


def test_a_failed_batch_is_refused_in_the_order_of_the_calls() -> None:
    bench = Bench(free_size_min_bytes=1)
    bench.put(1)
    bench.disk.faults.errors.append(("write", ".seg", errno.ENOSPC))
    order: list[tuple[int, bool]] = []

    def note(number: int, failure: SpoolFailure | None) -> None:
        order.append((number, failure is None))

    for number in (2, 3):
        bench.spool.put(message(number), State.QUEUED, lambda _, f, n=number: note(n, f))
    bench.driver.run()
    bench.disk.faults.errors.clear()
    bench.spool.put(message(4), State.QUEUED, lambda _, f: note(4, f))
    bench.driver.run()
    assert order == [(2, False), (3, False), (4, True)]


def test_journals_wait_in_memory_for_room() -> None:
    bench = Bench(free_size_min_bytes=1)
    entry = bench.put(1, recipients=2)
    other = bench.put(2)
    bench.disk.faults.errors.append(("write", ".state", errno.ENOSPC))
    bench.spool.settle(entry, [0], DELIVERED)
    bench.settle_down()
    bench.spool.retry(entry, [1], Progress(7, 5.0, 0, "slow"))
    bench.spool.hold(other, "Policy", "")
    bench.settle_down()
    assert len(bench.alerts) == 1
    bench.disk.faults.errors.clear()
    bench.driver.advance(1.1)
    bench.settle_down()
    bench.restart(power_cut=True)
    assert bench.get(1).settled == {0}
    progress = bench.get(1).progress
    assert progress is not None
    assert progress[1].attempts == 7
    assert bench.get(2).hold == "Policy"


def test_a_segment_goes_though_the_disk_is_too_full_for_journals() -> None:
    bench = Bench(free_size_min_bytes=1, segment_size_bytes=20_000)
    entries = bench.put_many(range(1, 8))
    bench.disk.faults.errors.append(("write", ".state", errno.ENOSPC))
    for entry in entries[:5]:
        bench.spool.settle(entry, [0], DELIVERED)
    for _ in range(3):
        bench.settle_down()
        bench.driver.advance(1.1)
    assert len(bench.files(".seg")) == 1


def test_a_spill_for_which_there_is_no_room() -> None:
    bench = Bench(free_size_min_bytes=1)
    spill = bench.spool.spill()
    bench.disk.faults.capacity = used(bench)
    with pytest.raises(SpoolFailure) as caught:
        spill.write(b"x" * 5000)
    assert caught.value.full
    spill.abandon()
    assert bench.disk.names("/spool/0/large") == []


# Errors.


def test_after_a_failed_sync_the_segment_is_given_up() -> None:
    bench = Bench()
    first = bench.put(1)
    bench.disk.faults.errors.append(("sync", ".seg", errno.EIO))
    assert bench.try_put(message(2)) is None
    assert not bench.failures[0].full
    bench.disk.faults.errors.clear()
    second = bench.put(3)
    assert second.segment is not first.segment
    bench.settle_down()
    for seed in range(10):
        bench.restart(power_cut=True, seed=seed)
        assert bench.mids() == [1, 3]


def test_what_cannot_be_cut_off_is_declared_void() -> None:
    bench = Bench()
    first = bench.put(1)
    size = bench.disk.size(first.segment.path)
    bench.disk.faults.errors.append(("sync", ".seg", errno.EIO))
    bench.disk.faults.errors.append(("truncate", ".seg", errno.EIO))
    assert bench.try_put(message(2)) is None
    bench.disk.faults.errors.clear()
    bench.settle_down()
    assert bench.disk.size(first.segment.path) > size
    bench.restart()
    assert bench.mids() == [1]
    bench.put(3)
    bench.restart(power_cut=True)
    assert bench.mids() == [1, 3]


def test_a_journal_whose_sync_failed_is_written_anew() -> None:
    bench = Bench()
    entry = bench.put(1, recipients=2)
    bench.put(2)
    bench.disk.faults.errors.append(("sync", ".state", errno.EIO))
    bench.spool.settle(entry, [1], DELIVERED)
    bench.spool.settle(bench.get(2), [0], DELIVERED)
    bench.settle_down()
    bench.disk.faults.errors.clear()
    bench.settle_down()
    assert ("rename", entry.segment.journal_path) in bench.disk.trace
    bench.spool.retry(entry, [0], Progress(9, 5.0, 0, ""))
    bench.settle_down()
    bench.restart(power_cut=True)
    assert bench.mids() == [1]
    assert bench.get(1).settled == {1}
    progress = bench.get(1).progress
    assert progress is not None
    assert progress[0].attempts == 9


def test_a_segment_that_cannot_be_begun_refuses_and_leaves_nothing() -> None:
    for operation, end in (("create", ".seg"), ("create", ".state"), ("sync_directory", "/0")):
        bench = Bench()
        bench.disk.faults.errors.append((operation, end, errno.EMFILE))
        assert bench.try_put(message(1)) is None
        bench.disk.faults.errors.clear()
        assert bench.files(".seg") == []
        bench.put(2)
        bench.restart()
        assert bench.mids() == [2]


def test_a_segment_that_cannot_be_removed_is_removed_later() -> None:
    bench = Bench(segment_size_bytes=20_000)
    entries = bench.put_many(range(1, 7))
    bench.disk.faults.errors.append(("unlink", ".seg", errno.EIO))
    for entry in entries[:5]:
        bench.spool.settle(entry, [0], DELIVERED)
    bench.settle_down()
    bench.settle_down()
    assert len(bench.files(".seg")) == 2
    assert "cannot be removed" in bench.alerts[0]
    bench.disk.faults.errors.clear()
    bench.put_many(range(7, 12))
    for _ in range(3):
        bench.settle_down()
    assert "0000000000000001.seg" not in bench.files(".seg")
    bench.restart()
    assert bench.mids() == list(range(6, 12))


def test_a_read_error_is_told_and_nothing_is_held() -> None:
    bench = Bench()
    bench.put(1)
    bench.restart()
    entry = bench.get(1)
    bench.disk.faults.errors.append(("read", ".seg", errno.EIO))
    with pytest.raises(SpoolFailure, match="Input/output"):
        bench.spool.load(entry)
    bench.disk.faults.errors.clear()
    bench.check(1)
    assert entry.state is State.QUEUED


def test_large_content_whose_sync_fails_is_refused() -> None:
    bench = Bench()
    bench.disk.faults.errors.append(("sync", "-1", errno.EIO))
    assert bench.try_put(large(bench, 1)) is None
    bench.settle_down()
    assert bench.disk.names("/spool/0/large") == []


# Lies.


def flipped(at: int) -> Bench:
    """Return a spool of three messages; in the second a byte has flipped, from its end if < 0."""
    bench = Bench()
    for mid in (1, 2, 3):
        bench.put(mid)
    bench.settle_down()
    entry = bench.get(2)
    start = entry.offset if at >= 0 else bench.get(3).offset
    bench.disk.crash()
    bench.disk.flip(entry.segment.path, start + at)
    bench.open()
    return bench


def test_a_flipped_byte_in_content_is_held_and_the_file_kept() -> None:
    bench = flipped(-10)
    assert bench.mids() == [1, 2, 3]
    entry = bench.get(2)
    assert (entry.state, entry.hold) == (State.HELD, "damaged")
    for _ in range(3):
        with pytest.raises(DamagedError):
            bench.spool.load(entry)
    assert sum("MID 2 is damaged and held" in alert for alert in bench.alerts) == 1
    for mid in (1, 3):
        bench.spool.settle(bench.get(mid), [0], DELIVERED)
    bench.spool.settle(entry, [0], Settlement.DROPPED)
    bench.settle_down()
    bench.settle_down()
    assert len(bench.files(".seg")) == 1
    bench.restart()
    assert bench.mids() == []


@pytest.mark.parametrize("at", [0, 30, 59])
def test_a_flipped_byte_in_a_head_is_told_and_the_file_kept(at: int) -> None:
    bench = flipped(at)
    assert bench.mids() == [1, 3]
    assert "damaged from byte" in bench.alerts[0]
    for mid in (1, 3):
        bench.check(mid)
        bench.spool.settle(bench.get(mid), [0], DELIVERED)
    bench.settle_down()
    bench.settle_down()
    assert len(bench.files(".seg")) == 1


def test_a_flipped_byte_in_an_envelope_is_told_and_the_file_kept() -> None:
    bench = flipped(70)
    assert bench.mids() == [1, 3]
    assert "envelope of MID 2" in bench.alerts[0]


def test_a_flipped_byte_in_the_last_head_is_put_aside() -> None:
    bench = Bench()
    bench.put(1)
    bench.put(2)
    entry = bench.get(2)
    bench.disk.crash()
    bench.disk.flip(entry.segment.path, entry.offset + 20)
    bench.open()
    assert bench.mids() == [1]
    (name,) = bench.disk.names("/spool/0/damaged")
    assert b"Received: by gw1" in bench.disk.content(f"/spool/0/damaged/{name}")
    assert "put in" in bench.alerts[0]
    bench.restart()
    assert bench.alerts == []


@pytest.mark.parametrize("at", [0, 9, 25])
def test_a_flipped_byte_in_a_header_is_mended(at: int) -> None:
    bench = Bench()
    entry = bench.put(1, recipients=2)
    bench.spool.settle(entry, [0], DELIVERED)
    bench.settle_down()
    for path in (entry.segment.path, entry.segment.journal_path):
        bench.disk.flip(path, at)
        bench.restart()
        assert bench.get(1).settled == {0}
        bench.check(1)
        assert len(bench.alerts) == 1
        bench.restart()
        assert bench.alerts == []


def test_a_segment_without_any_header_is_kept_and_told() -> None:
    bench = Bench()
    entry = bench.put(1)
    bench.disk.flip(entry.segment.path, 3)
    bench.disk.flip(entry.segment.journal_path, 3)
    bench.restart()
    assert bench.mids() == []
    assert "cannot be read" in bench.alerts[0]
    assert len(bench.files(".seg")) == 1
    bench.put(2)
    bench.restart()
    assert bench.mids() == [2]


def test_a_missing_journal_is_told_and_everything_served_again() -> None:
    bench = Bench()
    entry = bench.put(1)
    bench.spool.settle(entry, [0], DELIVERED)
    bench.put(2)
    bench.settle_down()
    bench.disk.unlink(entry.segment.journal_path)
    bench.restart()
    assert bench.mids() == [1, 2]
    assert "missing" in bench.alerts[0]
    bench.spool.settle(bench.get(1), [0], DELIVERED)
    bench.settle_down()
    bench.restart(power_cut=True)
    assert bench.mids() == [2]


def test_a_flipped_byte_in_a_journal_costs_one_frame() -> None:
    bench = Bench()
    for mid in (1, 2, 3):
        bench.spool.settle(bench.put(mid), [0], DELIVERED)
        bench.settle_down()
    bench.put(4)
    path = bench.get(4).segment.journal_path
    bench.disk.flip(path, HEADER_SIZE + 20)
    bench.restart()
    assert bench.mids() == [1, 4]
    assert "served twice" in bench.alerts[0]


# Faults of ours.


def test_a_callback_that_raises_stops_nobody_else() -> None:
    bench = Bench()
    taken: list[int] = []
    bench.spool.take_queued(lambda entry: taken.append(entry.mid))

    def fail(entry: Entry | None, failure: SpoolFailure | None) -> None:
        raise ZeroDivisionError

    bench.spool.put(message(1), State.QUEUED, fail)
    bench.spool.put(message(2), State.QUEUED, lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        bench.driver.run()
    bench.driver.run()
    assert taken == [1, 2]


def test_a_message_without_recipients_is_refused() -> None:
    bench = Bench()
    with pytest.raises(ValueError, match="recipient"):
        bench.spool.put(message(1, recipients=0), State.QUEUED, lambda *_: None)


def test_when_a_thread_has_died_everything_is_refused() -> None:
    bench = Bench()
    bench.put(1)
    ended: list[bool] = []
    bench.spool.on_death = lambda: ended.append(True)
    bench.spool._died()
    bench.driver.run()
    assert bench.try_put(message(2)) is None
    assert "must be restarted" in bench.failures[0].detail
    assert "must be restarted" in bench.alerts[0]
    assert ended == [True]
