"""The spool on disk: what a restart finds, and how space comes back."""

import errno
from collections.abc import Sequence

import pytest

from mailwarden.stores.spool.codec import encode_copy, encode_meta
from mailwarden.stores.spool.journal import build_journal_header
from mailwarden.stores.spool.reader import read_record
from mailwarden.stores.spool.record import (
    COPY,
    HEADER_SIZE,
    Draft,
    SegmentHeader,
    build_record,
    build_segment_header,
)
from mailwarden.stores.spool.spool import (
    DamagedError,
    Entry,
    Held,
    Progress,
    Report,
    ReportKind,
    Settlement,
    SpoolFailure,
    State,
)
from tests.unit.stores.spool.bench import Bench, body, large
from tests.unit.stores.spool.driver import Driver
from tests.unit.stores.spool.harness import message

DELIVERED = Settlement.DELIVERED


def test_a_restart_finds_everything_that_is_known_of_a_message() -> None:
    bench = Bench()
    entry = bench.put(1, recipients=4)
    bench.spool.settle(entry, [0], DELIVERED)
    at = bench.clock.time() + 60
    bench.spool.retry(entry, [1, 2], Progress(3, at, 1, "4.4.0 - slow"))
    report = Report(ReportKind.FAILED, (3,), "5.1.0 - Unknown", "550 no", "mx", 2, 9.0, 77)
    bench.spool.report(entry, report)
    held = bench.put(2)
    bench.spool.hold(held, "Policy", "a filter")
    since = bench.clock.time()
    bench.put(3, state=State.RECEIVED)
    bench.settle_down()
    bench.restart(power_cut=True)
    entry = bench.get(1)
    assert (entry.state, entry.pending, entry.settled) == (State.QUEUED, 3, {0})
    assert entry.progress is not None
    assert entry.progress[2] == Progress(3, at, 1, "4.4.0 - slow")
    assert entry.reports == [report]
    assert list(entry.open_rids(4)) == [1, 2]
    assert (bench.get(2).state, bench.get(2).held) == (State.HELD, Held("Policy", since))
    assert bench.get(3).state is State.RECEIVED
    usage = bench.spool.usage()
    assert (usage.received, usage.queued, usage.held) == (1, 1, 1)
    assert usage.bytes_live == sum(entry.size for entry in bench.spool.entries())
    assert usage.bytes_hot == 0
    for mid in (1, 2, 3):
        bench.check(mid)
    assert bench.alerts == []
    assert bench.spool.highest_mid == 3


def test_what_delivery_has_worked_on_stays_queued_after_a_restart() -> None:
    bench = Bench()
    for mid in (1, 2, 3):
        bench.spool.queue(bench.put(mid, recipients=2, state=State.RECEIVED))
    bench.spool.retry(bench.get(1), [0], Progress(1))
    bench.spool.settle(bench.get(2), [0], DELIVERED)
    bench.settle_down()
    bench.restart()
    states = [bench.get(mid).state for mid in (1, 2, 3)]
    assert states == [State.QUEUED, State.QUEUED, State.RECEIVED]


def test_what_a_stage_has_refused_leaves_the_rest_to_the_stages_after_a_restart() -> None:
    bench = Bench()
    refused = Report(ReportKind.FAILED, (0,), "5.1.1 - Bad destination email address")
    for mid in (1, 2):
        bench.spool.report(bench.put(mid, recipients=mid, state=State.RECEIVED), refused)
    bench.settle_down()
    bench.restart()
    taken: list[Entry] = []
    bench.spool.take_received(taken.append)
    assert [(entry.mid, list(entry.open_rids(2))) for entry in taken] == [(2, [1])]
    assert bench.get(1).reports == bench.get(2).reports == [refused]


def test_a_requeued_message_waits_after_a_restart_but_not_longer_than_was_meant() -> None:
    bench = Bench()
    entry = bench.put(1, state=State.RECEIVED)
    bench.spool.requeue(entry, bench.clock.time() + 100, "LDAP is down")
    bench.settle_down()
    bench.clock.step(-1_000_000)
    bench.restart()
    taken: list[Entry] = []
    bench.spool.take_received(taken.append)
    assert bench.get(1).attempts == 1
    assert bench.get(1).deferred == (bench.clock.time() + 100, "LDAP is down")
    bench.driver.advance(99)
    assert taken == []
    bench.driver.advance(2)
    assert [entry.mid for entry in taken] == [1]


def test_a_retry_waits_no_longer_when_the_clock_was_set_back() -> None:
    bench = Bench()
    bench.spool.retry(bench.put(1), [0], Progress(1, bench.clock.time() + 60))
    bench.settle_down()
    bench.clock.step(-1_000_000)
    bench.restart()
    progress = bench.get(1).progress
    assert progress is not None
    assert progress[0].next_attempt_at <= bench.clock.time() + 60


# Replace and resolve.


def replace(bench: Bench, entry: Entry, rids: Sequence[int], mids: Sequence[int]) -> None:
    by = [(message(mid, body=body(mid, 100), parent=entry.mid), State.QUEUED) for mid in mids]
    bench.spool.replace(entry, rids, by, lambda *_: None)
    bench.driver.run()


def test_children_speak_for_a_parent_whose_journal_was_lost() -> None:
    bench = Bench()
    replace(bench, bench.put(1, recipients=3, state=State.RECEIVED), [0, 2], [2, 3])
    bench.restart(power_cut=True, seed=5)
    assert list(bench.get(1).open_rids(3)) == [1]
    bench.check(2)
    bench.check(3)


def test_a_bounce_speaks_for_the_message_it_tells_of() -> None:
    bench = Bench()
    entry = bench.put(1)
    report = Report(ReportKind.FAILED, (0,), "5.1.0")
    bench.spool.report(entry, report)
    bench.settle_down()
    bench.spool.resolve(entry, report, message(2, body=body(2, 100)), lambda *_: None)
    bench.driver.run()
    for seed in range(8):
        bench.restart(power_cut=True, seed=seed)
        assert bench.mids() == [2]


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.3, 0.5, 0.6, 0.9, 0.999])
def test_a_torn_group_is_void_as_a_whole(kept: float) -> None:
    bench = Bench()
    entry = bench.put(1, recipients=2, state=State.RECEIVED)
    path = entry.segment.path
    start = bench.disk.size(path)
    replace(bench, entry, [0, 1], [2, 3])
    end = bench.disk.size(path)
    bench.disk.crash()
    fd = bench.disk.open(path, write=True)
    bench.disk.truncate(fd, start + int((end - start) * kept))
    for _ in range(2):  # and so it is ever after
        bench.restart()
        assert bench.mids() == [1]
        assert list(bench.get(1).open_rids(2)) == [0, 1]
    bench.spool.settle(bench.get(1), [0, 1], DELIVERED)
    bench.settle_down()
    bench.restart()
    assert bench.mids() == []


def test_damage_to_one_child_does_not_cost_the_others() -> None:
    bench = Bench()
    entry = bench.put(1, recipients=2, state=State.RECEIVED)
    replace(bench, entry, [0, 1], [2, 3, 4])
    bench.settle_down()
    bench.disk.flip(bench.get(3).segment.path, bench.get(3).offset + 10)
    bench.restart()
    assert bench.mids() == [2, 4]
    assert "damaged" in bench.alerts[0]


# Space.


def test_a_segment_goes_when_its_messages_are_finished() -> None:
    bench = Bench(segment_size_bytes=20_000)
    entries = bench.put_many(range(1, 13))
    assert len(bench.files(".seg")) == 3
    for entry in entries[:-1]:
        bench.spool.settle(entry, [0], DELIVERED)
    bench.settle_down()
    bench.driver.advance(1)
    assert len(bench.files(".seg")) == 1
    assert len(bench.files(".state")) == 1
    bench.check(12, 4000)
    usage = bench.spool.usage()
    assert usage.bytes_on_disk == sum(
        bench.disk.size(f"/spool/0/{name}") for name in bench.files(".seg")
    )


def test_only_synced_journals_let_a_segment_go() -> None:
    bench = Bench(segment_size_bytes=20_000)
    for entry in bench.put_many(range(1, 6)):
        bench.spool.settle(entry, [0], DELIVERED)
    bench.put(6, size=4000)
    bench.driver.run()
    operations = bench.disk.trace
    assert ("unlink", "/spool/0/0000000000000001.seg") not in operations
    bench.settle_down()
    bench.driver.advance(1)
    gone = operations.index(("unlink", "/spool/0/0000000000000001.seg"))
    assert operations[gone + 1] == ("sync_directory", "/spool/0")
    assert operations[gone + 2] == ("unlink", "/spool/0/0000000000000001.state")
    written = [at for at, one in enumerate(operations[:gone]) if one[0] == "write"]
    synced = [at for at, one in enumerate(operations[:gone]) if one[0] == "sync"]
    assert max(at for at in written if operations[at][1].endswith(".state")) < max(synced)


def test_what_is_left_of_mostly_finished_segments_is_moved_together() -> None:
    bench = Bench(segment_size_bytes=20_000, dead_size_max_bytes=30_000)
    entries = bench.put_many(range(1, 31))
    for entry in entries:
        if entry.mid % 5 == 3:
            bench.spool.retry(entry, [0], Progress(entry.mid, 9.0, 0, "slow"))
        else:
            bench.spool.settle(entry, [0], DELIVERED)
    for _ in range(10):
        bench.settle_down()
        bench.driver.advance(1)
    on_disk = bench.spool.usage().bytes_on_disk
    assert on_disk < 6 * 4300 + 30_000 + 20_000
    assert on_disk < sum(entry.size for entry in entries) / 1.5
    for restarted in (False, True):
        if restarted:
            bench.restart(power_cut=True)
        for mid in range(3, 31, 5):
            bench.check(mid, 4000)
            progress = bench.get(mid).progress
            assert progress is not None
            assert progress[0].attempts == mid


def test_a_journal_that_grew_long_is_written_anew() -> None:
    bench = Bench()
    bench.spool._recorder.recorded_min = 100
    entry, other = bench.put(1, recipients=2), bench.put(2)
    bench.spool.settle(other, [0], DELIVERED)
    for number in range(500):
        bench.spool.retry(entry, [0, 1], Progress(number, 9.0, 0, "slow"))
        bench.settle_down()
    assert bench.disk.size(entry.segment.journal_path) < 130 * 40
    bench.restart(power_cut=True)
    assert bench.mids() == [1]
    progress = bench.get(1).progress
    assert progress is not None
    assert progress[1].attempts == 499


def test_a_finished_copy_does_not_bring_its_original_back() -> None:
    """Its journal is written anew while the old segment cannot be removed."""
    bench = Bench(segment_size_bytes=20_000, dead_size_max_bytes=9_000)
    entries = bench.put_many(range(1, 6))
    bench.put(6, size=4000)
    bench.disk.faults.errors.append(("unlink", ".seg", errno.EIO))
    for entry in entries[1:]:
        bench.spool.settle(entry, [0], DELIVERED)
    bench.settle_down()
    bench.settle_down()
    copied = bench.get(1)
    assert copied.segment is bench.get(6).segment
    bench.spool.settle(copied, [0], DELIVERED)
    bench.settle_down()
    bench.spool._recorder.recorded_min = -100
    bench.spool.retry(bench.get(6), [0], Progress(1))
    bench.settle_down()
    assert len(bench.files(".seg")) == 2
    for seed in (1, 2):
        bench.restart(power_cut=True, seed=seed)
        assert bench.mids() == [6]


@pytest.mark.parametrize("spoiled", [None, 61, -1])
def test_a_copy_that_never_counted_never_will(spoiled: int | None) -> None:
    """Not even when the journal beside it is written anew and says no more of it."""
    bench = Bench()
    entry = bench.put(1)
    bench.settle_down()
    bench.put(2)
    bench.settle_down()
    fd = bench.disk.open(entry.segment.path)
    record = read_record(bench.disk, fd, entry.segment.nonce, entry.offset, 1)
    header = SegmentHeader(0, 2, 99)
    meta = encode_copy(record.meta, entry.segment.nonce)
    flags = record.head.flags | COPY
    content = record.content
    draft = Draft(1, 1, 0.0, 1, flags, meta, record.header, content, len(content))
    copy = bytearray(build_record(draft, 99, HEADER_SIZE) + content)
    if spoiled is not None:
        copy[spoiled] ^= 1
    meta = encode_meta(message(3).envelope)
    other = Draft(3, 1, 0.0, 1, 0, meta, record.header, content, len(content))
    copy += build_record(other, 99, HEADER_SIZE + len(copy)) + content
    bench.disk.crash()
    for end, data in ((".seg", build_segment_header(header) + copy), (".state", b"")):
        fd = bench.disk.open(f"/spool/0/{2:016x}{end}", create=True)
        bench.disk.pwritev(fd, [data or build_journal_header(header)], 0)
    bench.disk.crash()
    bench.open()
    for segment in list(bench.spool._shelf._segments):
        bench.spool._recorder.rewrite(segment)
    bench.settle_down()
    for seed in (1, 2):
        bench.restart(power_cut=True, seed=seed)
        assert bench.mids() == [1, 2, 3]
        bench.check(1)


# Large content.


def test_large_content_lies_in_a_file_of_its_own_until_it_is_done_with() -> None:
    bench = Bench()
    entry = bench.try_put(large(bench, 1))
    assert entry is not None
    names = bench.disk.names("/spool/0/large")
    assert len(names) == 1
    assert bench.spool.usage().bytes_hot < 1000
    assert entry.size > 20_000
    bench.restart(power_cut=True)
    stored = bench.spool.load(bench.get(1))
    assert stored.content.read() == body(1, 20_000)
    assert stored.content.dotted
    bench.spool.settle(bench.get(1), [0], DELIVERED)
    bench.driver.run()
    assert bench.disk.names("/spool/0/large") == names  # the journal is not synced yet
    bench.settle_down()
    assert bench.disk.names("/spool/0/large") == []


def test_a_child_has_its_own_name_for_large_content() -> None:
    bench = Bench()
    entry = bench.try_put(large(bench, 1), State.RECEIVED)
    assert entry is not None
    content = bench.spool.load(entry).content
    by = [(message(mid)._replace(content=content), State.QUEUED) for mid in (2, 3)]
    bench.spool.replace(entry, [0], by, lambda *_: None)
    bench.settle_down()
    bench.settle_down()
    assert len(bench.disk.names("/spool/0/large")) == 2
    bench.restart(power_cut=True)
    for mid in (2, 3):
        assert bench.spool.load(bench.get(mid)).content.read() == body(1, 20_000)


def test_leftovers_of_large_content_are_removed_at_start() -> None:
    bench = Bench()
    spill = bench.spool.spill()
    spill.write(b"x" * 5000)
    bench.restart()
    assert bench.disk.names("/spool/0/large") == []


def test_damaged_large_content_never_comes_to_its_end() -> None:
    bench = Bench()
    entry = bench.try_put(large(bench, 1, 600_000))
    assert entry is not None
    name = bench.disk.names("/spool/0/large")[0]
    bench.disk.flip(f"/spool/0/large/{name}", 300_000)
    bench.restart()
    entry = bench.get(1)
    pieces: list[bytes] = []
    with pytest.raises(DamagedError):
        pieces.extend(bench.spool.load(entry).content.chunks())
    assert sum(map(len, pieces)) < 600_000
    assert (entry.state, entry.hold) == (State.HELD, "damaged")


def test_missing_large_content_is_told_and_held() -> None:
    bench = Bench()
    bench.try_put(large(bench, 1))
    name = bench.disk.names("/spool/0/large")[0]
    bench.disk.unlink(f"/spool/0/large/{name}")
    bench.restart()
    assert bench.get(1).hold == "damaged"
    with pytest.raises(DamagedError):
        bench.spool.load(bench.get(1)).content.read()


# Parts.


def test_two_owners_are_impossible() -> None:
    bench = Bench()
    second = Driver(bench.disk, "/spool/0", (), bench.clock)
    with pytest.raises(SpoolFailure, match="in use by another process"):
        second.spool.recover()


def test_a_part_of_a_worker_that_is_no_more_is_emptied_and_removed() -> None:
    bench = Bench()
    bench.put(1, size=4000)
    bench.put(2, size=4000)
    bench.try_put(large(bench, 3))
    bench.settle_down()
    bench.restart(directory="/spool/1", adopted=("/spool/0",))
    assert bench.mids() == [1, 2, 3]
    bench.put(4)
    assert bench.get(4).segment.part.path == "/spool/1"
    bench.spool.settle(bench.get(1), [0], DELIVERED)
    bench.settle_down()
    bench.restart(power_cut=True, directory="/spool/1", adopted=("/spool/0",))
    assert sorted(bench.mids()) == [2, 3, 4]
    for mid in (2, 3):
        bench.spool.settle(bench.get(mid), [0], DELIVERED)
    for _ in range(3):
        bench.settle_down()
    assert bench.disk.names("/spool") == ["1"]
    bench.check(4)


def test_a_newer_format_is_refused() -> None:
    bench = Bench()
    fd = bench.disk.open("/spool/0/format", write=True)
    bench.disk.pwritev(fd, [b"mailwarden spool 2\n"], 0)
    bench.disk.crash()
    with pytest.raises(SpoolFailure, match="mailwarden spool 2"):
        bench.open()


def test_a_read_only_disk_is_told_clearly() -> None:
    bench = Bench()
    bench.put(1)
    bench.disk.crash()
    bench.disk.faults.read_only = True
    with pytest.raises(SpoolFailure, match="/spool/0 cannot be used: Read-only file system"):
        bench.open()


def test_a_start_that_fails_gives_the_lock_back() -> None:
    bench = Bench()
    bench.put(1)
    bench.disk.crash()
    bench.disk.faults.errors.append(("read", ".seg", errno.EIO))
    with pytest.raises(SpoolFailure, match="Input/output"):
        bench.open()
    bench.disk.faults.errors.clear()
    bench.open()
    bench.check(1)


def test_progress_is_told() -> None:
    bench = Bench(segment_size_bytes=20_000)
    bench.put_many(range(1, 20))
    bench.settle_down()
    bench.disk.crash()
    told: list[tuple[int, int, float]] = []
    driver = Driver(bench.disk, "/spool/0", (), bench.clock, bench.settings)
    driver.spool.recover(lambda *progress: told.append(progress))
    assert told[-1][0] == 19
    assert told[-1][1] > 19 * 4000
    assert told[-1][2] == 1.0
    assert [fraction for _, _, fraction in told] == sorted(fraction for _, _, fraction in told)


async def test_a_good_end_leaves_nothing_to_check() -> None:
    bench = Bench()
    entry = bench.put(1)
    await bench.spool.close()
    assert bench.disk.size(entry.segment.path) > HEADER_SIZE
    bench.disk.crash()
    bench.disk.flip(entry.segment.path, bench.disk.size(entry.segment.path) - 100)
    bench.open()
    assert bench.alerts == []  # the content of a complete segment is checked when it is loaded
    with pytest.raises(DamagedError):
        bench.spool.load(bench.get(1))
    assert bench.get(1).hold == "damaged"
