"""What the tools show of a spool, and what a repair saves."""

from pathlib import Path
from random import Random

import pytest

from mailwarden.stores.spool.repair import repair_part, repair_spool
from mailwarden.stores.spool.spool import (
    DamagedError,
    Progress,
    Report,
    ReportKind,
    Settlement,
    SpoolFailure,
    State,
)
from mailwarden.stores.spool.tools import Inspection, find_parts, highest_mid, verify_spool
from mailwarden.system.files.simulated import SimulatedDisk
from tests.unit.stores.spool.bench import Bench, body, large
from tests.unit.stores.spool.harness import message

SPOOL = Path("/spool")
HEADER = b"Received: by gw1.corp.example\r\n"


def filled() -> Bench:
    bench = Bench()
    entry = bench.put(1, recipients=3)
    bench.spool.settle(entry, [0], Settlement.DELIVERED)
    bench.spool.retry(entry, [1], Progress(4, 1e9, 0, "4.4.0 - slow"))
    bench.spool.report(entry, Report(ReportKind.FAILED, (2,), "5.1.0"))
    bench.spool.hold(bench.put(2), "Policy", "")
    bench.try_put(large(bench, 3))
    bench.put(4)
    bench.settle_down()
    return bench


def inspect(bench: Bench) -> Inspection:
    return Inspection(bench.disk, bench.clock, SPOOL)


def writes(bench: Bench) -> int:
    return bench.disk.operations


def test_looking_changes_nothing_even_while_the_spool_is_in_use() -> None:
    bench = filled()
    before = writes(bench)
    listed = list(inspect(bench).messages())
    verify_spool(bench.disk, bench.clock, SPOOL)
    assert writes(bench) == before
    assert [one.mid for one in listed] == [1, 2, 3, 4]
    first, second = listed[:2]
    assert (first.recipients_open, first.attempts, first.reason) == (2, 4, "4.4.0 - slow")
    assert (first.next_attempt_at, first.reports, first.part) == (1e9, 1, "/spool/0")
    assert (second.state, second.hold) == (State.HELD, "Policy")
    assert second.size == len(HEADER) + 100
    bench.put(5)


def test_a_deferred_message_is_listed_with_its_reason() -> None:
    bench = Bench()
    at = bench.clock.time() + 60
    bench.spool.requeue(bench.put(1, state=State.RECEIVED), at, "antivirus: no answer")
    bench.settle_down()
    (listed,) = inspect(bench).messages()
    assert (listed.next_attempt_at, listed.reason, listed.attempts) == (
        at,
        "antivirus: no answer",
        1,
    )


def test_one_message_is_shown_and_exported() -> None:
    inspection = inspect(filled())
    shown = inspection.show(1)
    assert shown is not None
    assert shown.envelope.sender == "ann@partner.example"
    assert shown.settled == {0}
    exported = inspection.export(1)
    assert exported is not None
    assert b"".join(exported) == HEADER + body(1, 100)
    exported = inspection.export(3)
    assert exported is not None
    assert b"".join(exported) == HEADER + body(3, 20_000)
    assert inspection.show(99) is None
    assert inspection.export(99) is None
    assert inspection.export_unchecked(99) is None


def test_a_sound_spool_is_found_sound() -> None:
    bench = filled()
    verified = verify_spool(bench.disk, bench.clock, SPOOL)
    assert verified.problems == []
    assert (verified.segments, verified.messages) == (1, 4)
    assert verified.bytes_checked > 20_000
    assert repair_spool(bench.disk, bench.clock, SPOOL, dry_run=True) == []


def test_verify_finds_every_flipped_byte_of_content() -> None:
    bench = filled()
    entry = bench.get(4)
    bench.disk.flip(entry.segment.path, bench.disk.size(entry.segment.path) - 1)
    name = bench.disk.names("/spool/0/large")[0]
    bench.disk.flip(f"/spool/0/large/{name}", 777)
    problems = verify_spool(bench.disk, bench.clock, SPOOL).problems
    assert len(problems) == 2
    assert any("MID 3" in problem for problem in problems)
    assert any("MID 4" in problem for problem in problems)
    listed = {one.mid: one for one in inspect(bench).messages()}
    assert (listed[4].state, listed[4].hold) == (State.HELD, "damaged")


def test_a_damaged_message_is_exported_only_on_demand() -> None:
    bench = filled()
    entry = bench.get(4)
    end = bench.disk.size(entry.segment.path)
    bench.disk.flip(entry.segment.path, end - 1)
    inspection = inspect(bench)
    with pytest.raises(DamagedError):
        inspection.export(4)
    left = inspection.export_unchecked(4)
    assert left is not None
    assert b"".join(left)[:-1] == (HEADER + body(4, 100))[:-1]
    left = inspection.export_unchecked(3)
    assert left is not None
    assert b"".join(left) == HEADER + body(3, 20_000)


def test_parts_and_the_highest_mid() -> None:
    bench = filled()
    assert [part.path for part in find_parts(bench.disk, SPOOL)] == ["/spool/0"]
    assert highest_mid(bench.disk, SPOOL) == 4
    empty = SimulatedDisk()
    assert highest_mid(empty, SPOOL) is None
    empty.make_directory("/spool")
    assert highest_mid(empty, SPOOL) is None


def test_the_highest_mid_is_found_whatever_became_of_it() -> None:
    bench = filled()
    bench.put(9)
    bench.spool.settle(bench.get(9), [0], Settlement.DELIVERED)
    bench.settle_down()
    path = bench.get(1).segment.path
    bench.disk.flip(path, 10)  # the segment's header: its journal knows the nonce
    bench.disk.flip(path, bench.get(1).offset + 5)
    assert highest_mid(bench.disk, SPOOL) == 9
    bench.disk.flip(bench.get(1).segment.journal_path, 10)
    assert highest_mid(bench.disk, SPOOL) == 0  # nothing can be known of it


# Repair.


def stopped(bench: Bench) -> Bench:
    bench.settle_down()
    bench.disk.crash()
    return bench


def test_a_spool_in_use_is_not_repaired() -> None:
    bench = filled()
    with pytest.raises(SpoolFailure, match="in use"):
        repair_part(bench.disk, bench.clock, SPOOL / "0")


def test_a_sound_part_is_left_as_it_is() -> None:
    bench = stopped(filled())
    assert repair_part(bench.disk, bench.clock, SPOOL / "0") == []
    assert "damaged" not in bench.disk.names("/spool/0")
    bench.open()
    assert bench.mids() == [1, 2, 3, 4]
    assert bench.alerts == []


def test_a_damaged_segment_is_put_aside_and_what_is_sound_lives_on() -> None:
    bench = filled()
    bench.put(5)
    bench.put(6)
    at = bench.get(5).offset
    path = bench.get(5).segment.path
    stopped(bench)
    before = bench.disk.content(path)
    bench.disk.flip(path, at + 3)
    lines = repair_part(bench.disk, bench.clock, SPOOL / "0")
    assert "5 messages" in lines[-1]
    kept = bench.disk.names("/spool/0/damaged")
    assert kept == ["0000000000000001.seg", "0000000000000001.state"]
    spoiled = bench.disk.content("/spool/0/damaged/0000000000000001.seg")
    assert spoiled[:at] == before[:at]
    for seed in (None, 1, 2):
        bench.disk.power_cut(Random(seed)) if seed else bench.disk.crash()
        bench.open()
        assert bench.alerts == []
        assert bench.mids() == [1, 2, 3, 4, 6]
        first = bench.get(1)
        assert (first.settled, first.hold) == ({0}, "")
        assert first.progress is not None
        assert first.progress[1].attempts == 4
        assert first.reports is not None
        assert bench.get(2).hold == "Policy"
        for mid in (1, 4, 6):
            bench.check(mid)
        assert bench.spool.load(bench.get(3)).content.read() == body(3, 20_000)


def test_what_is_left_of_damaged_content_is_held_and_can_be_looked_at() -> None:
    bench = filled()
    path = bench.get(4).segment.path
    stopped(bench)
    bench.disk.flip(path, bench.disk.size(path) - 1)
    name = bench.disk.names("/spool/0/large")[0]
    fd = bench.disk.open(f"/spool/0/large/{name}", write=True)
    bench.disk.truncate(fd, 12_345)
    bench.disk.crash()
    repair_part(bench.disk, bench.clock, SPOOL / "0")
    bench.open()
    for mid in (3, 4):
        assert (bench.get(mid).state, bench.get(mid).hold) == (State.HELD, "damaged")
    assert bench.spool.load(bench.get(4)).content.read()[:-1] == body(4, 100)[:-1]
    assert bench.spool.load(bench.get(3)).content.read() == body(3, 12_345)


def test_content_without_an_envelope_is_put_aside_as_a_file() -> None:
    bench = filled()
    bench.put(5)
    entry = bench.get(4)
    stopped(bench)
    bench.disk.flip(entry.segment.path, entry.offset + 70)
    lines = repair_part(bench.disk, bench.clock, SPOOL / "0")
    assert any("content of MID 4" in line for line in lines)
    path = "/spool/0/damaged/0000000000000001-mid-4.eml"
    assert bench.disk.content(path) == HEADER + body(4, 100)
    bench.open()
    assert bench.mids() == [1, 2, 3, 5]


def test_a_damaged_journal_is_put_aside_and_written_anew() -> None:
    bench = Bench()
    for mid in (1, 2, 3):
        bench.spool.settle(bench.put(mid), [0], Settlement.DELIVERED)
        bench.settle_down()
    bench.put(4)
    path = bench.get(4).segment.journal_path
    stopped(bench)
    bench.disk.flip(path, 84)
    lines = repair_part(bench.disk, bench.clock, SPOOL / "0")
    assert "written anew" in lines[-1]
    assert bench.disk.names("/spool/0/damaged") == ["0000000000000001.state"]
    bench.disk.power_cut(Random(3))
    bench.open()
    assert bench.alerts == []
    assert bench.mids() == [1, 4]


def test_a_segment_that_says_nothing_is_put_aside() -> None:
    bench = filled()
    entry = bench.get(1)
    stopped(bench)
    bench.disk.flip(entry.segment.path, 3)
    bench.disk.flip(entry.segment.journal_path, 3)
    repair_spool(bench.disk, bench.clock, SPOOL)
    assert bench.disk.names("/spool/0/damaged") == [
        "0000000000000001.seg",
        "0000000000000001.state",
    ]
    bench.open()
    assert bench.alerts == []


def test_a_repair_that_is_interrupted_can_be_done_again() -> None:
    for stop_at in range(60):
        bench = filled()
        bench.spool.put(message(5), State.QUEUED, lambda *_: None)
        stopped(bench)
        path = "/spool/0/0000000000000001.seg"
        bench.disk.flip(path, bench.disk.size(path) - 1)
        bench.disk.faults.stop_at = bench.disk.operations + stop_at
        try:
            repair_part(bench.disk, bench.clock, SPOOL / "0")
        except BaseException as error:
            assert type(error).__name__ == "Stopped"  # noqa: PT017  it is no Exception
        bench.disk.power_cut(Random(stop_at))
        repair_part(bench.disk, bench.clock, SPOOL / "0")
        bench.open()
        assert bench.mids() == [1, 2, 3, 4, 5]
        assert bench.get(1).settled == {0}
        assert bench.get(5).hold == "damaged"
        bench.check(4)
