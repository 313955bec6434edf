"""A journal gives back what was recorded, over damage if need be."""

from collections.abc import Sequence
from typing import Any

import pytest

from mailwarden.stores.spool.journal import (
    BASELINE,
    CUT,
    GONE,
    HOLD,
    RELEASE,
    REPORT,
    REQUEUE,
    RESOLVE,
    RETRY,
    SETTLE,
    VOID,
    build_frames,
    build_journal_header,
    progress_at,
    report_fields,
    report_key,
    snapshot,
)
from mailwarden.stores.spool.journal_state import JournalContent, read_journal
from mailwarden.stores.spool.record import HEADER_SIZE, SegmentHeader
from mailwarden.stores.spool.spool import Deferred, Entry, Held, Progress, Report, ReportKind, State
from mailwarden.stores.spool.window import Window
from mailwarden.system.files.simulated import SimulatedDisk

NONCE = 0x12345678
HEADER = build_journal_header(SegmentHeader(0, 1, NONCE))
NOW = 1_000_000.0
REPORT_7 = Report(ReportKind.FAILED, (1,), "5.1.0", "550 no", "mx", 3, 12.5, 8)


def frames(*batches: Sequence[tuple[Any, ...]]) -> bytes:
    data = HEADER
    for batch in batches:
        data += build_frames(batch, NONCE, len(data))
    return data


def read(data: bytes) -> JournalContent:
    disk = SimulatedDisk()
    fd = disk.open("/journal", create=True)
    disk.pwritev(fd, [data], 0)
    return read_journal(Window(disk, fd, len(data)), NONCE, NOW)


def test_an_empty_journal() -> None:
    content = read(HEADER)
    assert (content.messages, content.end, content.holes) == ({}, HEADER_SIZE, 0)


def test_what_happened_adds_up() -> None:
    retry = (RETRY, 1, (0, 2), 4, NOW + 50, 1, b"busy", NOW - 10)
    content = read(
        frames(
            [(SETTLE, 1, 2, (1,)), retry],
            [(HOLD, 2, b"Policy", b"why"), (REQUEUE, 3, 2, NOW + 30, NOW, b"")],
            [(RELEASE, 2, 1), (HOLD, 4, b"Virus", b""), (GONE, 5), (VOID, 6)],
            [(CUT, 9000), (BASELINE, 500)],
        )
    )
    first = content.messages[1]
    assert first.settled == {1}
    assert first.progress is not None
    assert first.progress[2] == Progress(4, NOW + 50, 1, "busy")
    assert first.state is State.QUEUED
    assert not first.is_finished(3)
    assert (content.messages[2].state, content.messages[2].held) == (State.QUEUED, None)
    assert (content.messages[3].attempts, content.messages[3].requeue_at) == (2, NOW + 30)
    assert (content.messages[4].state, content.messages[4].held) == (State.HELD, Held("Virus"))
    assert content.messages[5].is_finished(10)
    assert content.messages[6].void
    assert (content.cut, content.baseline, content.records) == (9000, 500, 10)


def test_a_snapshot_of_what_the_work_queue_deferred() -> None:
    entry = Entry(7, State.RECEIVED, 1.0, 100, 1)
    entry.pause = Deferred(NOW + 5, "antivirus: no answer")
    message = read(frames([snapshot(entry, NOW + 5, NOW)])).messages[7]
    assert (message.state, message.held) == (State.RECEIVED, None)
    assert (message.requeue_at, message.requeue_reason) == (NOW + 5, "antivirus: no answer")


def test_what_was_held_in_a_transaction_stays_so_however_that_ended() -> None:
    held = (HOLD, 1, b"Policy", b"", NOW - 5)
    retry = (RETRY, 1, (0,), 1, NOW + 50, 0, b"busy", NOW)
    for ended in (retry, (SETTLE, 1, 1, (1,)), (REPORT, 1, report_fields(REPORT_7))):
        message = read(frames([held, ended])).messages[1]
        assert (message.state, message.held) == (State.HELD, Held("Policy", NOW - 5))


def test_what_an_older_program_wrote_of_a_hold() -> None:
    entry = Entry(7, State.HELD, 1.0, 100, 1)
    entry.pause = Held("Policy", NOW - 60)
    *older, _held_at, _requeue_reason = snapshot(entry, 0.0, NOW)
    content = read(frames([(HOLD, 1, b"Virus", b""), tuple(older)]))
    assert content.messages[1].held == Held("Virus", 0.0)
    assert content.messages[7].held == Held("Policy", 0.0)


def test_reports_are_due_until_resolved() -> None:
    due = [(SETTLE, 1, 1, (0,)), (REPORT, 1, report_fields(REPORT_7))]
    message = read(frames(due)).messages[1]
    assert message.reports == [REPORT_7]
    assert not message.is_finished(2)
    resolved = read(frames(due, [(RESOLVE, 1, report_key(REPORT_7), (1,))])).messages[1]
    assert resolved.reports is None
    assert resolved.is_finished(2)


def test_a_report_of_success_settles() -> None:
    report = REPORT_7._replace(kind=ReportKind.DELIVERED)
    message = read(frames([(REPORT, 1, report_fields(report))])).messages[1]
    assert message.settled == {1}


def test_a_report_of_an_unknown_kind_is_passed_over() -> None:
    fields = (99, *report_fields(REPORT_7)[1:])
    assert read(frames([(REPORT, 1, fields)])).messages[1].reports is None


def test_a_snapshot_says_all_and_replaces_what_was_before() -> None:
    entry = Entry(7, State.HELD, 1.0, 100, 1)
    entry.settled = {0, 2}
    entry.progress = {1: Progress(5, NOW + 9, 1, "slow")}
    entry.reports = [REPORT_7]
    entry.pause = Held("Policy", NOW - 60)
    entry.attempts = 3
    before = [(SETTLE, 7, 1, (1,)), (GONE, 7)]
    message = read(frames(before, [snapshot(entry, 0.0, NOW)])).messages[7]
    assert message.settled == {0, 2}
    assert message.progress == {1: Progress(5, NOW + 9, 1, "slow")}
    assert message.reports == [REPORT_7]
    assert (message.state, message.attempts) == (State.HELD, 3)
    assert message.held == Held("Policy", NOW - 60)
    assert message.snapshot
    assert not message.gone


@pytest.mark.parametrize(
    ("at", "written_at", "expected"),
    [
        (NOW + 60, NOW - 5, NOW + 60),  # nothing special
        (NOW - 60, NOW - 100, NOW - 60),  # long due
        (NOW + 90_060, NOW + 90_000, NOW + 60),  # the clock was set back by a day meanwhile
        (NOW + 5, NOW + 10, NOW),  # was due when written; set back
        (float("nan"), NOW, NOW),
        (float("inf"), NOW, NOW),
    ],
)
def test_nothing_waits_longer_than_was_meant(at: float, written_at: float, expected: float) -> None:
    assert progress_at(at, written_at, NOW) == expected


def test_a_torn_end_is_cut() -> None:
    whole = frames([(SETTLE, 1, 1, (0,))])
    data = frames([(SETTLE, 1, 1, (0,))], [(SETTLE, 2, 1, (0,))])
    for length in range(len(whole), len(data)):
        content = read(data[:length])
        assert set(content.messages) == {1}
        assert (content.end, content.holes) == (len(whole), 0)


def test_any_flipped_byte_loses_one_frame_at_most() -> None:
    data = frames([(SETTLE, 1, 1, (0,))], [(SETTLE, 2, 1, (0,))], [(SETTLE, 3, 1, (0,))])
    for at in range(HEADER_SIZE, len(data)):
        spoiled = bytearray(data)
        spoiled[at] ^= 0x10
        content = read(bytes(spoiled))
        assert len(content.messages) == 2
        assert content.holes == (1 if 3 in content.messages else 0)


def test_a_frame_of_another_journal_or_place_does_not_count() -> None:
    elsewhere = build_frames([(SETTLE, 1, 1, (0,))], NONCE, HEADER_SIZE + 1)
    foreign = build_frames([(SETTLE, 1, 1, (0,))], NONCE + 1, HEADER_SIZE)
    assert read(HEADER + elsewhere).messages == {}
    assert read(HEADER + foreign).messages == {}


def test_many_records_are_split_into_frames() -> None:
    records = [(SETTLE, mid, 1, (0,)) for mid in range(10_000)]
    assert len(read(frames(records)).messages) == 10_000


def test_a_frame_with_an_unknown_record_is_a_hole() -> None:
    content = read(frames([(SETTLE, 1, 1, (0,))], [(99, 1)], [(SETTLE, 2, 1, (0,))]))
    assert (set(content.messages), content.holes) == ({1, 2}, 1)


def test_retries_of_one_and_of_many_recipients_add_up() -> None:
    def retry(mid: int, rids: tuple[int, ...], attempts: int) -> tuple[Any, ...]:
        return (RETRY, mid, rids, attempts, NOW + 50, 0, b"busy", NOW)

    records = [retry(1, (0,), 1), retry(1, (0,), 2), retry(1, (1, 2), 1), retry(1, (1,), 3)]
    content = read(frames([*records, retry(2, (3,), 1), retry(2, (4,), 2)]))
    first, second = content.messages[1].progress, content.messages[2].progress
    assert first is not None
    assert {rid: one.attempts for rid, one in first.items()} == {0: 2, 1: 3, 2: 1}
    assert second is not None
    assert {rid: one.attempts for rid, one in second.items()} == {3: 1, 4: 2}


def test_settled_recipients_of_one_message_are_not_those_of_another() -> None:
    records = [
        (SETTLE, 1, 1, (0,)),
        (SETTLE, 2, 1, (0,)),
        (SETTLE, 1, 1, (2,)),
        (SETTLE, 1, 1, (3,)),
    ]
    content = read(frames(records))
    assert content.messages[1].settled == {0, 2, 3}
    assert content.messages[2].settled == {0}
