"""What every spool promises, whatever it is made of."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mailwarden.core.mail.content import InlineContent
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
    Stored,
)
from tests.unit.stores.spool.harness import HARNESSES, Harness, message, put


@pytest.fixture(params=HARNESSES)
def harness(request: pytest.FixtureRequest) -> Harness:
    made: Callable[[], Harness] = request.param
    return made()


def counts(harness: Harness) -> tuple[int, int, int]:
    usage = harness.spool.usage()
    return usage.received, usage.queued, usage.held


def failed(mid: int, *rids: int) -> Report:
    return Report(ReportKind.FAILED, rids, "5.1.0 - Unknown address error", at=float(mid), dcid=7)


def test_put_calls_back_in_order_and_only_when_durable(harness: Harness) -> None:
    order: list[int] = []
    for mid in (5, 3, 4):
        harness.spool.put(
            message(mid), State.RECEIVED, lambda entry, _: order.append(entry.mid if entry else 0)
        )
    assert order == []
    harness.commit()
    assert order == [5, 3, 4]
    assert [entry.mid for entry in harness.spool.entries()] == [5, 3, 4]


def test_what_was_put_is_loaded_again(harness: Harness) -> None:
    stored = message(1, 3)
    entry = put(harness, stored)
    assert (entry.mid, entry.state, entry.pending) == (1, State.RECEIVED, 3)
    assert entry.size == len(stored.header) + stored.content.size
    assert entry.received_at == stored.envelope.received_at
    loaded = harness.spool.load(entry)
    assert loaded.envelope == stored.envelope
    assert loaded.header == stored.header
    assert loaded.content.read() == stored.content.read()
    assert loaded.content.dotted == stored.content.dotted


def test_done_is_called_before_the_taker(harness: Harness) -> None:
    events: list[str] = []
    harness.spool.take_received(lambda entry: events.append(f"received {entry.mid}"))
    harness.spool.take_queued(lambda entry: events.append(f"queued {entry.mid}"))
    harness.spool.put(message(1), State.RECEIVED, lambda *_: events.append("done 1"))
    harness.spool.put(message(2), State.QUEUED, lambda *_: events.append("done 2"))
    harness.spool.put(message(3), State.HELD, lambda *_: events.append("done 3"))
    harness.commit()
    assert events == ["done 1", "received 1", "done 2", "queued 2", "done 3"]
    assert counts(harness) == (1, 1, 1)


def test_takers_hear_of_what_was_there_before(harness: Harness) -> None:
    put(harness, message(1))
    put(harness, message(2), State.QUEUED)
    received: list[int] = []
    queued: list[int] = []
    harness.spool.take_received(lambda entry: received.append(entry.mid))
    harness.spool.take_queued(lambda entry: queued.append(entry.mid))
    assert (received, queued) == ([1], [2])


def test_an_entry_finished_in_done_is_not_announced(harness: Harness) -> None:
    taken: list[Entry] = []
    harness.spool.take_received(taken.append)

    def done(entry: Entry | None, failure: SpoolFailure | None) -> None:
        assert entry is not None
        assert harness.spool.settle(entry, [0], Settlement.DROPPED)

    harness.spool.put(message(1), State.RECEIVED, done)
    harness.commit()
    assert taken == []


def test_queue_hands_on_to_delivery(harness: Harness) -> None:
    taken: list[Entry] = []
    harness.spool.take_queued(taken.append)
    entry = put(harness, message(1))
    harness.spool.queue(entry)
    assert entry.state is State.QUEUED
    assert taken == [entry]
    assert counts(harness) == (0, 1, 0)


def test_settling_all_recipients_finishes(harness: Harness) -> None:
    entry = put(harness, message(1, 3), State.QUEUED)
    assert not harness.spool.settle(entry, [1], Settlement.DELIVERED)
    assert list(entry.open_rids(3)) == [0, 2]
    assert not harness.spool.settle(entry, [1, 2], Settlement.BOUNCED)
    assert entry.pending == 1
    assert harness.spool.settle(entry, [0], Settlement.DELIVERED)
    assert entry.state is State.FINISHED
    assert harness.spool.get(1) is None
    assert counts(harness) == (0, 0, 0)
    assert harness.spool.usage().bytes_live == 0
    assert not harness.spool.settle(entry, [0], Settlement.DELIVERED)


def test_the_only_recipient_settled_finishes(harness: Harness) -> None:
    entry = put(harness, message(1), State.QUEUED)
    assert harness.spool.settle(entry, (0,), Settlement.DELIVERED)
    assert harness.spool.get(1) is None


@pytest.mark.parametrize(("recipients", "rid"), [(1, 1), (1, -1), (2, 2)])
def test_a_rid_that_is_not_there_is_refused(harness: Harness, recipients: int, rid: int) -> None:
    entry = put(harness, message(1, recipients), State.QUEUED)
    with pytest.raises(ValueError, match="no such RID"):
        harness.spool.settle(entry, [rid], Settlement.DELIVERED)
    assert entry.pending == recipients


def test_retry_records_progress_and_drops_the_content(harness: Harness) -> None:
    entry = put(harness, message(1, 2), State.QUEUED)
    assert harness.spool.usage().bytes_hot == entry.size
    progress = Progress(1, 1_289_297_800.0, 0, "4.4.0 - Other network problem")
    harness.spool.settle(entry, [0], Settlement.DELIVERED)
    harness.spool.retry(entry, [0, 1], progress)
    assert dict(entry.progress or {}) == {1: progress}
    assert entry.stored is None
    assert harness.spool.usage().bytes_hot == 0
    assert harness.spool.load(entry).content.read() == message(1).content.read()
    harness.spool.settle(entry, [1], Settlement.DELIVERED)
    assert entry.state is State.FINISHED


def test_the_hot_window_has_an_end(harness: Harness) -> None:
    entries = [put(harness, message(mid, body=b"x" * 4000)) for mid in range(1, 5)]
    assert [entry.stored is not None for entry in entries] == [True, True, False, False]
    assert all(harness.spool.load(entry).content.size == 4000 for entry in entries)
    assert harness.spool.usage().bytes_hot <= 10_000


def test_hold_and_release(harness: Harness) -> None:
    taken: list[Entry] = []
    entry = put(harness, message(1))
    harness.spool.take_received(taken.append)
    harness.spool.hold(entry, "Policy", "a filter said so")
    assert (entry.state, entry.hold) == (State.HELD, "Policy")
    assert entry.held == Held("Policy", harness.clock.time())
    assert counts(harness) == (0, 0, 1)
    harness.spool.release(entry, State.RECEIVED)
    assert (entry.state, entry.hold) == (State.RECEIVED, "")
    assert taken == [entry, entry]
    assert counts(harness) == (1, 0, 0)


def test_a_stage_that_gives_up_after_a_hold_does_not_end_it(harness: Harness) -> None:
    entry = put(harness, message(1))
    harness.spool.hold(entry, "Policy", "a filter said so")
    harness.spool.requeue(entry, harness.clock.time() + 60, "antivirus: no answer")
    assert (entry.state, entry.hold, entry.deferred) == (State.HELD, "Policy", None)


def test_only_what_is_held_is_released(harness: Harness) -> None:
    entry = put(harness, message(1))
    harness.spool.release(entry, State.QUEUED)
    assert entry.state is State.RECEIVED


def test_requeue_announces_when_due_even_if_the_clock_is_set_back(harness: Harness) -> None:
    taken: list[Entry] = []
    harness.spool.take_received(taken.append)
    entry = put(harness, message(1))
    harness.spool.requeue(entry, harness.clock.time() + 60, "LDAP is down")
    assert entry.attempts == 1
    harness.clock.step(-86_400)
    harness.clock.advance(59)
    harness.announce_due()
    assert taken == [entry]
    harness.clock.advance(1)
    harness.announce_due()
    assert taken == [entry, entry]


def test_what_was_requeued_waits_for_a_new_taker_too(harness: Harness) -> None:
    entry = put(harness, message(1))
    harness.spool.requeue(entry, harness.clock.time() + 60, "LDAP is down")
    taken: list[Entry] = []
    harness.spool.take_received(taken.append)
    assert taken == []
    harness.clock.advance(61)
    harness.announce_due()
    assert taken == [entry]


def test_what_was_requeued_and_held_is_not_announced(harness: Harness) -> None:
    taken: list[Entry] = []
    entry = put(harness, message(1))
    harness.spool.requeue(entry, harness.clock.time() + 60, "LDAP is down")
    harness.spool.take_received(taken.append)
    harness.spool.hold(entry, "Policy", "")
    harness.clock.advance(61)
    harness.announce_due()
    assert taken == []


def test_why_a_message_was_deferred_is_known_until_it_moves_on(harness: Harness) -> None:
    at = harness.clock.time() + 60
    for move in (
        harness.spool.queue,
        lambda entry: harness.spool.hold(entry, "Policy", ""),
    ):
        entry = put(harness, message(1 if move == harness.spool.queue else 2))
        assert entry.deferred is None
        harness.spool.requeue(entry, at, "LDAP is down")
        assert entry.deferred == (at, "LDAP is down")
        move(entry)
        assert entry.deferred is None


def replace(
    harness: Harness, entry: Entry, rids: Sequence[int], by: Sequence[tuple[Stored, State]]
) -> list[Entry]:
    results: list[Entry] = []

    def done(children: Sequence[Entry], failure: SpoolFailure | None) -> None:
        assert failure is None
        results.extend(children)

    harness.spool.replace(entry, rids, by, done)
    harness.commit()
    return results


def test_replace_moves_recipients_to_new_messages(harness: Harness) -> None:
    entry = put(harness, message(1, 3))
    queued: list[Entry] = []
    harness.spool.take_queued(queued.append)
    children = replace(
        harness,
        entry,
        [0, 2],
        [(message(2, parent=1), State.QUEUED), (message(3, parent=1), State.RECEIVED)],
    )
    assert [child.mid for child in children] == [2, 3]
    assert queued == [children[0]]
    assert list(entry.open_rids(3)) == [1]
    replace(harness, entry, [1], [(message(4, parent=1), State.QUEUED)])
    assert entry.state is State.FINISHED
    assert [entry.mid for entry in harness.spool.entries()] == [2, 3, 4]


def test_replace_by_nothing_settles(harness: Harness) -> None:
    entry = put(harness, message(1))
    assert replace(harness, entry, [0], []) == []
    assert entry.state is State.FINISHED


def test_a_replace_that_fails_changes_nothing(harness: Harness) -> None:
    entry = put(harness, message(1, 2))
    harness.fail(SpoolFailure("no room", full=True))
    results: list[tuple[int, Any]] = []
    harness.spool.replace(
        entry,
        [0, 1],
        [(message(2), State.QUEUED), (message(3), State.QUEUED)],
        lambda children, failure: results.append((len(children), failure)),
    )
    harness.commit()
    assert results[0][0] == 0
    assert results[0][1].full
    assert entry.pending == 2
    assert [entry.mid for entry in harness.spool.entries()] == [1]
    harness.fail(None)
    assert len(replace(harness, entry, [0, 1], [(message(4), State.QUEUED)])) == 1


def test_a_put_that_fails_leaves_nothing_behind(harness: Harness) -> None:
    harness.fail(SpoolFailure("no room", full=True))
    results: list[tuple[Entry | None, SpoolFailure | None]] = []
    harness.spool.put(message(1), State.RECEIVED, lambda *result: results.append(result))
    harness.commit()
    assert results[0][0] is None
    assert results[0][1] is not None
    assert results[0][1].full
    assert harness.spool.get(1) is None
    harness.fail(None)
    assert put(harness, message(2)).mid == 2


def test_a_failed_report_keeps_the_message_until_it_is_resolved(harness: Harness) -> None:
    reported: list[tuple[Entry, Report]] = []
    harness.spool.take_reports(lambda *pair: reported.append(pair))
    entry = put(harness, message(1, 2), State.QUEUED)
    report = failed(1, 1)
    harness.spool.report(entry, report)
    assert reported == [(entry, report)]
    assert list(entry.open_rids(2)) == [0]
    assert not harness.spool.settle(entry, [0], Settlement.DELIVERED)
    assert (entry.pending, entry.reports) == (1, [report])
    children: list[Entry] = []
    harness.spool.resolve(entry, report, message(9), lambda by, _: children.extend(by))
    harness.commit()
    assert [child.state for child in children] == [State.QUEUED]
    assert entry.state is State.FINISHED
    assert [entry.mid for entry in harness.spool.entries()] == [9]


def test_a_message_that_only_waits_for_its_report_is_not_announced(harness: Harness) -> None:
    entry = put(harness, message(1), State.QUEUED)
    harness.spool.report(entry, failed(1, 0))
    queued: list[Entry] = []
    reported: list[Report] = []
    harness.spool.take_queued(queued.append)
    harness.spool.take_reports(lambda _, report: reported.append(report))
    assert queued == []
    assert reported == [failed(1, 0)]


@pytest.mark.parametrize("kind", [ReportKind.DELIVERED, ReportKind.RELAYED])
def test_a_report_of_success_settles_at_once(harness: Harness, kind: ReportKind) -> None:
    entry = put(harness, message(1), State.QUEUED)
    report = Report(kind, (0,), "2.0.0", "250 ok", "mx.corp.example")
    harness.spool.report(entry, report)
    assert entry.pending == 0
    assert harness.spool.get(1) is entry
    results: list[tuple[int, SpoolFailure | None]] = []
    harness.spool.resolve(
        entry, report, None, lambda by, failure: results.append((len(by), failure))
    )
    harness.commit()
    assert results == [(0, None)]
    assert harness.spool.get(1) is None


def test_a_delay_report_settles_nobody(harness: Harness) -> None:
    entry = put(harness, message(1), State.QUEUED)
    report = Report(ReportKind.DELAYED, (0,), "4.4.0 - Other network problem")
    harness.spool.report(entry, report)
    assert list(entry.open_rids(1)) == [0]
    harness.spool.resolve(entry, report, message(2), lambda *_: None)
    harness.commit()
    assert entry.pending == 1
    assert entry.reports is None


def test_a_resolve_that_fails_leaves_the_report(harness: Harness) -> None:
    entry = put(harness, message(1), State.QUEUED)
    harness.spool.report(entry, failed(1, 0))
    harness.fail(SpoolFailure("no room", full=True))
    results: list[SpoolFailure | None] = []
    harness.spool.resolve(
        entry, failed(1, 0), message(2), lambda _, failure: results.append(failure)
    )
    harness.commit()
    assert results[0] is not None
    assert entry.reports == [failed(1, 0)]
    assert entry.pending == 1


def test_damage_is_told_and_held(harness: Harness) -> None:
    entry = put(harness, message(1, body=b"y" * 20_000), State.QUEUED)
    harness.damage(entry)
    with pytest.raises(DamagedError):
        harness.spool.load(entry)
    assert (entry.state, entry.hold) == (State.HELD, "damaged")


def test_large_content_goes_through_a_spill(harness: Harness) -> None:
    spill = harness.spool.spill()
    pieces = [bytes([number]) * 3000 for number in range(10)]
    for piece in pieces:
        spill.write(piece)
    content = spill.finish(dotted=False)
    assert content.size == 30_000
    stored = message(1)._replace(content=content)
    entry = put(harness, stored)
    spill.abandon()
    loaded = harness.spool.load(entry)
    assert b"".join(loaded.content.chunks()) == b"".join(pieces)
    assert loaded.content.read(10) == pieces[0][:10]
    assert not loaded.content.dotted
    by = message(2)._replace(content=loaded.content)
    children = replace(harness, entry, [0], [(by, State.QUEUED)])
    assert entry.state is State.FINISHED
    assert harness.spool.load(children[0]).content.read() == b"".join(pieces)


def test_an_abandoned_spill_is_forgotten(harness: Harness) -> None:
    spill = harness.spool.spill()
    spill.write(b"x" * 5000)
    spill.abandon()
    spill.abandon()
    assert harness.spool.usage().bytes_live == 0


async def test_close_commits_what_is_outstanding(harness: Harness) -> None:
    done: list[Entry | None] = []
    harness.spool.put(message(1), State.RECEIVED, lambda entry, _: done.append(entry))
    await harness.spool.close()
    assert len(done) == 1


def test_any_address_comes_back(harness: Harness) -> None:
    stored = message(1)
    envelope = stored.envelope
    odd = b"j\xf6rg\x00\xff@corp.example".decode("utf-8", "surrogateescape")
    stored = Stored(
        type(envelope)(mid=1, icid=2, sender=odd, recipients=envelope.recipients, received_at=0.0),
        b"",
        InlineContent(b"", dotted=False),
    )
    entry = put(harness, stored)
    harness.spool.retry(entry, [0], Progress())
    assert harness.spool.load(entry).envelope.sender == odd
