"""Whatever operators do to the queue, in whatever order: no recipient is lost, none comes twice."""

import asyncio
import contextlib
import math
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mailwarden.mailflow.delivery.deleted import is_deleted
from mailwarden.mailflow.delivery.failure import network_failure
from mailwarden.mailflow.delivery.operator import Deed
from mailwarden.mailflow.delivery.queue import Unit, stands_in
from mailwarden.mailflow.delivery.redirects import Redirect, Redirects, parse_relay
from mailwarden.mailflow.delivery.selection import Selection, build_selection, read_selection
from mailwarden.stores.spool.spool import Entry, State
from tests.unit.mailflow.delivery.office import Office

DAY = 86_400.0
HOSTS = ("a.example", "b.example", "c.example")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=10,
)
KEYS = st.sampled_from(["recipient_hosts", "senders", "recipients", "mids", "older_than_seconds"])
MIDS = st.integers(7001, 7004)
SELECTIONS = st.one_of(
    st.builds(Selection, hosts=st.frozensets(st.sampled_from(HOSTS), min_size=1, max_size=2)),
    st.builds(Selection, mids=st.frozensets(MIDS, max_size=3)),
)
PUTS = st.tuples(st.just("put"), st.lists(st.sampled_from(HOSTS), min_size=1, max_size=4))
STEPS = st.one_of(
    PUTS,
    st.tuples(st.just("delete"), SELECTIONS),
    st.tuples(st.just("bounce"), SELECTIONS),
    st.tuples(st.just("restore"), SELECTIONS),
    st.tuples(st.just("redirect"), SELECTIONS),
    st.tuples(st.just("travel"), st.integers(0, 7)),
    st.tuples(st.just("arrive"), st.booleans()),
    st.tuples(st.just("hold"), MIDS),
    st.tuples(st.just("release"), st.none()),
    st.tuples(st.just("reload"), st.none()),
    st.tuples(st.just("commit"), st.none()),
    st.tuples(st.just("tick"), st.none()),
)


@given(JSON | st.dictionaries(KEYS, JSON))
def test_any_request_is_a_selection_or_an_error(tree: Any) -> None:
    if not isinstance(tree, dict):
        return
    with contextlib.suppress(ValueError):
        selection = read_selection(tree, 1000.0)
        named = selection._replace(received_before=math.inf)
        assert read_selection(build_selection(selection), 0.0) == named


class Desk:
    """An operator at work, who knows where every recipient ought to be."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.put: Counter[str] = Counter()
        self.done: Counter[str] = Counter()  # arrived or returned
        self.travelling: list[Unit] = []
        self._count = 0

    def do(self, step: str, what: Any) -> None:
        office = self.office
        operator = office.delivery.operator
        match step:
            case "put" if self._count < 8:
                self._count += 1
                names = [f"{self._count}-{n}@{host}" for n, host in enumerate(what)]
                office.put(*names)
                self.put.update(names)
            case "delete" | "bounce":
                for _ in operator.run(Deed(step), what, "x"):
                    pass
            case "restore":
                for _ in operator.restore(what, "x"):
                    pass
            case "redirect":
                hosts = parse_relay("relay.example")
                before = what._replace(received_before=office.clock.time())
                office.delivery.redirect(Redirects([Redirect(1, "relay.example", hosts, before)]))
            case "travel":
                self._take_off(what)
            case "arrive" if self.travelling:
                self._land(self.travelling.pop(0), is_soft=what)
            case "hold":
                entry = office.spool.get(what)
                if entry is not None and entry.state is State.QUEUED:
                    office.spool.hold(entry, "operator", "")
            case "release":
                for entry in office.spool.entries():
                    if entry.hold == "operator":
                        office.spool.release(entry, State.QUEUED)
            case "reload":
                office.delivery.apply(office.plan)
            case "commit":
                office.spool.commit()
            case "tick":
                office.clock.advance(300)
                office.delivery.sweep()

    def _take_off(self, number: int) -> None:
        """Begin a transaction for what stands first in one of the queues, as a connection does."""
        queues = [queue for queue in office_queues(self.office) if queue.ready]
        if queues:
            queue: Any = queues[number % len(queues)]
            unit = queue._pop_ready()
            if unit is not None and unit.open_rids():
                unit.rids = unit.open_rids()
                self.office.delivery._shared.take_off(unit)
                self.travelling.append(unit)

    def _land(self, unit: Unit, *, is_soft: bool) -> None:
        shared, entry = self.office.delivery._shared, unit.entry
        stored = self.office.spool.load(entry)
        shared.land(unit)
        if is_soft:
            failure = network_failure("Connection refused", dcid=1)
            shared.settler.failed(unit, stored, [(rid, failure) for rid in unit.rids])
            return
        self.done.update(stored.envelope.recipients[rid].address for rid in unit.rids)
        shared.settler.delivered(unit, stored, unit.rids, 1, response=None, report=None)

    def resolve(self) -> None:
        """Write the reports that are due, as origination does."""
        for entry in list(self.office.spool.entries()):
            for report in tuple(entry.reports or ()):
                recipients = self.office.spool.load(entry).envelope.recipients
                self.done.update(recipients[rid].address for rid in report.rids)
                self.office.spool.resolve(entry, report, None, lambda *_: None)
                self.office.spool.commit()

    def left(self, *, deleted: bool) -> Counter[str]:
        """Return the recipients that are still to be served, or those that were deleted."""
        found: Counter[str] = Counter()
        for entry in self.office.spool.entries():
            if is_deleted(entry) is deleted:
                recipients = self.office.spool.load(entry).envelope.recipients
                found.update(recipients[rid].address for rid in entry.open_rids(len(recipients)))
        return found


def office_queues(office: Office) -> list[Any]:
    return office.delivery._all_queues()


def standing(office: Office) -> Counter[str]:
    """Return the recipients that stand somewhere in delivery, or travel."""
    found: Counter[str] = Counter()
    delivery = office.delivery
    units: list[Any] = []
    for queue in office_queues(office):
        units += [item for item in queue.standing() if stands_in(item, queue)]
    for bucket in delivery._wheel._buckets.values():
        units += [item for item in bucket.items if bucket.has(item)]
    units += [item for item in delivery._unseen if item.tag is delivery._unseen]
    # A bare entry may stand twice in the same place: its tag lets it be taken up only once.
    for item in dict.fromkeys(units):
        entry = item if isinstance(item, Entry) else item.entry
        if entry.state is not State.QUEUED or (isinstance(item, Unit) and not item.is_live()):
            continue
        recipients = office.spool.load(entry).envelope.recipients
        open_rids = set(entry.open_rids(len(recipients)))
        rids = open_rids if isinstance(item, Entry) else open_rids & set(item.rids)
        found.update(recipients[rid].address for rid in rids)
    return found


async def work(steps: list[tuple[str, Any]], *, deferred: bool) -> None:
    async with Office() as office:
        await asyncio.sleep(0)
        office.delivery.suspend()
        desk = Desk(office)
        for step, what in steps:
            office.spool._deferred = deferred and step != "put"
            desk.do(step, what)
            await asyncio.sleep(0)
        office.spool._deferred = False
        office.spool.commit()
        desk.resolve()
        assert office.delivery.operator.dividing == 0
        assert len(office.delivery.deleted) == len(list(office.delivery.deleted.entries()))
        for unit in desk.travelling:
            desk._land(unit, is_soft=True)
        desk.resolve()
        desk.do("release", None)
        for _ in range(4):
            await asyncio.sleep(0)
        office.delivery.sweep()
        queued, deleted = desk.left(deleted=False), desk.left(deleted=True)
        assert queued + deleted + desk.done == desk.put
        assert standing(office) == queued
        office.clock.advance(DAY)
        office.delivery.deleted.sweep()
        assert desk.left(deleted=True) == Counter()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(PUTS, min_size=1, max_size=3), st.lists(STEPS, min_size=3, max_size=20), st.booleans()
)
def test_no_recipient_is_lost(
    puts: list[tuple[str, Any]], steps: list[tuple[str, Any]], deferred: bool
) -> None:
    asyncio.run(work([*puts, *steps], deferred=deferred))
