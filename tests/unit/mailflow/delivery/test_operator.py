"""What administrators do to mail that waits for delivery, with a spool in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from mailwarden.core.policy.bounce_profile import BounceProfile
from mailwarden.core.policy.destinations import DestinationRow
from mailwarden.mailflow.delivery import operator as operators
from mailwarden.mailflow.delivery.deleted import is_deleted
from mailwarden.mailflow.delivery.operator import Deed, Handled
from mailwarden.mailflow.delivery.queue import Unit
from mailwarden.mailflow.delivery.selection import Selection, read_selection
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.stores.spool.spool import Entry, Progress, SpoolFailure, State
from tests.unit.mailflow.delivery.office import Office

DAY = 86_400.0


def with_office(**fields: Any) -> Callable[..., Callable[[], None]]:
    """Run a test in an office whose deliveries are suspended."""

    def decorate(test: Callable[[Office], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        @wraps(test)
        def run() -> None:
            async def within() -> None:
                async with Office(**fields) as office:
                    await asyncio.sleep(0)
                    office.delivery.suspend()
                    await test(office)

            asyncio.run(within())

        del run.__wrapped__  # pytest would look for fixtures
        return run

    return decorate


def operate(office: Office, deed: Deed, **tree: Any) -> Handled:
    selection = read_selection(tree, office.clock.time())
    *_, handled = office.delivery.operator.run(deed, selection, "root")
    return handled


def restore(office: Office, *mids: int) -> Handled:
    selection = Selection(mids=frozenset(mids))
    *_, handled = office.delivery.operator.restore(selection, "root")
    return handled


def waiting(office: Office) -> int:
    return sum(row.ready + row.waiting for row in office.delivery.destinations())


def settled(entry: Entry) -> set[int]:
    return entry.settled or set()


@with_office()
async def test_row_84_delete_by_host_takes_those_recipients_only(office: Office) -> None:
    here = [office.put("bob@corp.example") for _ in range(3)]
    other = office.put("bob@net.example")
    both = office.put("bob@corp.example", "eve@net.example")
    handled = operate(office, Deed.DELETE, recipient_hosts=["corp.example"])
    assert (handled.messages, handled.recipients, handled.looked_at) == (4, 4, 5)
    assert all(is_deleted(entry) for entry in here)
    assert (other.state, both.state) == (State.QUEUED, State.QUEUED)
    assert settled(both) == {0}
    assert f"Deleted: MID {here[0].mid} to [0]" in office.lines
    assert f"Deleted: MID {both.mid} to [0]" in office.lines
    assert f"MID {here[0].mid} RID [0] deleted by administrator root" in office.lines
    assert office.delivery.counters["deleted"] == 4
    assert len(office.delivery.deleted) == 4
    assert waiting(office) == 2


@with_office()
async def test_counting_changes_nothing(office: Office) -> None:
    entry = office.put("a@corp.example", "b@corp.example")
    office.put("c@net.example")
    handled = operate(office, Deed.COUNT, recipients=["a@corp.example"])
    assert (handled.messages, handled.recipients) == (1, 1)
    assert operate(office, Deed.COUNT).recipients == 3
    assert settled(entry) == set()
    assert office.lines == []


@with_office(profiles={"Default": BounceProfile(), "Quiet": BounceProfile(send_bounces=False)},
             destinations={"quiet.example": DestinationRow(bounce_profile="Quiet")})  # fmt: skip
async def test_row_84_bounce_tells_the_sender_where_the_destination_lets_it(
    office: Office,
) -> None:
    entry = office.put("a@corp.example", "b@quiet.example", "c@net.example")
    operate(office, Deed.BOUNCE, recipients=["a@corp.example", "b@quiet.example"])
    (report,) = office.reports
    assert report.rids == (0,)
    assert report.reason == "5.x.0 - Message bounced by administrator"
    assert settled(entry) == {1}
    assert office.with_text("Bounced: DCID 0")[0].startswith(
        f"Bounced: DCID 0 MID {entry.mid} to RID 0 - 5.x.0 - Message bounced by administrator "
    )
    assert waiting(office) == 1
    assert operate(office, Deed.COUNT).recipients == 1
    assert office.delivery.counters["bounced_hard"] == 2
    rows = [row for page in office.delivery.hosts.rows() for row in page]
    counted = {row["name"]: row["hard_bounced"] for row in rows}
    assert counted["corp.example"] == 1
    office.spool.resolve(entry, report, None, lambda *_: None)
    operate(office, Deed.BOUNCE)
    office.spool.resolve(entry, office.reports[-1], None, lambda *_: None)
    assert list(office.spool.entries()) == []


@with_office()
async def test_recipients_that_travel_are_left_alone(office: Office) -> None:
    entry = office.put("a@corp.example", "b@corp.example", "c@net.example")
    travelling = Unit(entry, (0,), None)
    office.delivery._shared.take_off(travelling)
    assert operate(office, Deed.DELETE).recipients == 2
    assert entry.state is State.QUEUED
    assert settled(entry) == {1, 2}
    (child,) = office.delivery.deleted.entries()
    assert office.spool.load(child).envelope.recipients[1].address == "c@net.example"
    assert office.spool.load(child).envelope.parent == entry.mid
    assert travelling.is_live()
    office.delivery._shared.land(travelling)
    assert operate(office, Deed.DELETE, mids=[entry.mid]).recipients == 1


@with_office()
async def test_what_travelled_may_arrive_before_its_message_is_divided(office: Office) -> None:
    entry = office.put("a@corp.example", "b@corp.example")
    travelling = Unit(entry, (0,), None)
    office.delivery._shared.take_off(travelling)
    office.spool._deferred = True
    assert operate(office, Deed.DELETE).recipients == 1
    assert office.delivery.operator.dividing == 1
    assert operate(office, Deed.DELETE).recipients == 0  # it is under way already
    stored = office.spool.load(entry)
    office.delivery._shared.settler.delivered(
        travelling, stored, (0,), 88, response=None, report=None
    )
    office.delivery._shared.land(travelling)
    assert office.with_text("Message finished") == []
    office.spool.commit()
    assert office.delivery.operator.dividing == 0
    assert office.with_text("Message finished") == [f"Message finished MID {entry.mid} done"]


@with_office()
async def test_a_disk_that_is_full_leaves_the_message_as_it_was(office: Office) -> None:
    entry = office.put("a@corp.example", "b@net.example")
    office.spool.failure = SpoolFailure("no space", full=True)
    operate(office, Deed.DELETE, recipient_hosts=["net.example"])
    assert office.with_text("could not be divided: no space")
    office.spool.failure = None
    assert (entry.state, settled(entry)) == (State.QUEUED, set())
    assert waiting(office) == 2
    assert len(office.delivery.deleted) == 0


@with_office()
async def test_a_restored_message_waits_again_as_it_waited(office: Office) -> None:
    entry = office.put("a@corp.example")
    at = office.clock.time() + 600
    office.spool.retry(entry, (0,), Progress(3, at, 0, "4.4.0 - x"))
    operate(office, Deed.DELETE)
    assert (entry.state, entry.hold) == (State.HELD, "deleted")
    assert list(office.delivery.deleted.entries()) == [entry]
    assert restore(office, entry.mid).messages == 1
    assert restore(office, entry.mid).messages == 0
    await asyncio.sleep(0)
    assert (entry.state, entry.progress[0].attempts) == (State.QUEUED, 3)
    assert list(office.delivery.deleted.entries()) == []
    assert len(office.delivery.deleted) == 0
    assert f"MID {entry.mid} restored by administrator root" in office.lines
    assert operate(office, Deed.COUNT).messages == 1


@with_office()
async def test_what_was_deleted_goes_for_good_after_its_time(office: Office) -> None:
    first, again = office.put("a@corp.example"), office.put("b@corp.example")
    operate(office, Deed.DELETE)
    office.clock.advance(DAY / 2)
    restore(office, again.mid)
    operate(office, Deed.DELETE)
    office.clock.advance(DAY / 2 - 1)
    office.delivery.deleted.sweep()
    assert len(office.delivery.deleted) == 2
    office.clock.advance(1)
    office.delivery.deleted.sweep()
    assert first.state is State.FINISHED
    assert list(office.delivery.deleted.entries()) == [again]
    assert office.with_text("Message finished") == [f"Message finished MID {first.mid} done"]
    office.clock.advance(DAY / 2)
    office.delivery.deleted.sweep()
    assert list(office.spool.entries()) == []
    assert len(office.delivery.deleted) == 0


@with_office()
async def test_a_clock_that_is_set_forth_ends_nothing_early(office: Office) -> None:
    entry = office.put("a@corp.example")
    operate(office, Deed.DELETE)
    office.clock.step(10 * DAY)
    office.delivery.deleted.sweep()
    assert is_deleted(entry)


@with_office(settings=DeliverySettings(keep_deleted_seconds=0))
async def test_nothing_is_kept_where_that_is_not_wanted(office: Office) -> None:
    office.put("a@corp.example")
    operate(office, Deed.DELETE)
    office.delivery.sweep()
    assert list(office.spool.entries()) == []


@with_office()
async def test_a_start_finds_what_was_deleted_before(office: Office) -> None:
    entries = [office.put("a@corp.example") for _ in range(3)]
    operate(office, Deed.DELETE, mids=[entries[1].mid])
    office.clock.advance(60)
    operate(office, Deed.DELETE)
    await office.stop()
    office.start()
    await asyncio.sleep(0)
    assert list(office.delivery.deleted.entries()) == [entries[1], entries[0], entries[2]]
    assert len(office.delivery.deleted) == 3
    office.clock.advance(DAY - 60)
    office.delivery.deleted.sweep()
    assert len(office.delivery.deleted) == 2


@with_office()
async def test_a_deleted_message_that_is_found_damaged_is_kept(office: Office) -> None:
    entry = office.put("a@corp.example")
    operate(office, Deed.DELETE)
    office.spool.hold(entry, "damaged", "checksum")
    office.clock.advance(DAY)
    office.delivery.deleted.sweep()
    assert len(office.delivery.deleted) == 0
    assert (entry.state, entry.hold) == (State.HELD, "damaged")
    assert operate(office, Deed.DELETE, mids=[entry.mid]).messages == 0


@with_office()
async def test_only_what_is_named_is_deleted_outside_the_delivery_queue(office: Office) -> None:
    entry = office.put("a@corp.example")
    office.spool.hold(entry, "operator", "")
    for deed in (Deed.DELETE, Deed.BOUNCE):
        assert operate(office, deed).messages == 0
    assert operate(office, Deed.BOUNCE, mids=[entry.mid]).messages == 0
    assert operate(office, Deed.DELETE, mids=[entry.mid, 1]).messages == 1
    assert entry.hold == "deleted, held: operator"
    assert operate(office, Deed.DELETE, mids=[entry.mid]).messages == 0
    restore(office)
    assert (entry.state, entry.hold) == (State.HELD, "operator")
    office.spool.release(entry, State.RECEIVED)
    assert operate(office, Deed.DELETE, mids=[entry.mid]).messages == 1
    assert entry.hold == "deleted unprocessed"
    restore(office)
    assert entry.state is State.RECEIVED


@with_office()
async def test_a_reset_deletes_wherever_mail_waits_but_for_what_is_damaged(office: Office) -> None:
    queued, received, held, damaged = (office.put("a@corp.example") for _ in range(4))
    office.spool.hold(received, "x", "")
    office.spool.release(received, State.RECEIVED)
    office.spool.hold(held, "operator", "")
    office.spool.hold(damaged, "damaged", "")
    assert operate(office, Deed.COUNT_ALL).messages == 3
    assert operate(office, Deed.RESET).messages == 3
    assert operate(office, Deed.RESET).messages == 0
    assert damaged.hold == "damaged"
    restore(office)
    assert [each.state for each in (queued, received, held)] == [
        State.QUEUED, State.RECEIVED, State.HELD
    ]  # fmt: skip


@with_office()
async def test_what_cannot_be_read_is_counted_and_left_alone(office: Office) -> None:
    entry = office.put("a@corp.example")
    office.spool.damaged.add(entry.mid)
    handled = operate(office, Deed.DELETE, senders=["@corp.example"])
    assert (handled.messages, handled.unreadable) == (0, 1)
    assert entry.hold == "damaged"


@with_office()
async def test_others_get_their_turn_meanwhile(office: Office) -> None:
    for _ in range(operators.SLICE_ENTRIES * 2 + 1):
        office.put("a@corp.example")
    run = office.delivery.operator.run(Deed.DELETE, Selection(), "root")
    turns = [handled.looked_at for handled in run]
    assert turns[:2] == [operators.SLICE_ENTRIES, 2 * operators.SLICE_ENTRIES]
    assert len(office.delivery.deleted) == operators.SLICE_ENTRIES * 2 + 1
    assert waiting(office) == 0


@with_office()
async def test_mail_that_waits_for_its_next_attempt_is_not_counted_any_more(
    office: Office,
) -> None:
    for _ in range(3):
        entry = office.put("a@corp.example")
        office.spool.retry(entry, (0,), Progress(1, office.clock.time() + 600))
    await office.stop()
    office.start()
    for _ in range(3):
        await asyncio.sleep(0)
    office.delivery.suspend()
    operate(office, Deed.DELETE, mids=[entry.mid])
    assert len(office.delivery._wheel) == 2
    await office.pass_time(601)
    assert waiting(office) == 2


@with_office(routes={"local.example": "null:"})
async def test_what_is_ready_is_looked_at_in_parts_and_stays_in_order(office: Office) -> None:
    mids = [office.put(f"{n}@{host}.example").mid for n in range(9) for host in ("a", "local")]
    operate(office, Deed.DELETE, mids=[mids[0], mids[1], mids[6], mids[7]])
    for queue in office.delivery._all_queues():
        assert queue.ready == 7
        place = mids.index(queue.standing()[0].mid)
        assert [item.mid for item in queue.standing()] == [
            mid for mid in mids[place % 2 :: 2] if mid not in (mids[0], mids[1], mids[6], mids[7])
        ]
    office.delivery.resume()
    await office.until(lambda: office.delivery.counters["delivered"] == 7)
