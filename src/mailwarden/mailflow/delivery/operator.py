"""What administrators do to many messages at once (mailflow 7.3, queue operators).

A queue may hold a million messages, and mail goes on meanwhile: everything here is a generator
that looks at some of them, yields, and goes on when it is asked to. Recipients that are being
transmitted are never touched.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Final

import msgspec

from mailwarden.core.mail.envelope import Envelope
from mailwarden.mailflow.delivery.deleted import Deleted, is_deleted
from mailwarden.mailflow.delivery.failure import BY_ADMINISTRATOR, Failure
from mailwarden.mailflow.delivery.queue import DestinationQueue, Item, Unit, open_rids
from mailwarden.mailflow.delivery.selection import Selection
from mailwarden.mailflow.delivery.shared import Shared
from mailwarden.mailflow.delivery.tally import Tally
from mailwarden.mailflow.delivery.wheel import Bucket, Wheel
from mailwarden.stores.spool.spool import (
    DamagedError,
    Entry,
    SpoolFailure,
    State,
    Stored,
)
from mailwarden.stores.spool.table import DAMAGED

SLICE_ENTRIES: Final = 2000  # messages looked at before others get their turn
SLICE_SECONDS: Final = 0.005
CLOCK_ENTRIES: Final = 25  # messages between two looks at the clock
PRUNED_AT_ONCE: Final = 5000  # items looked at before others get their turn
_BY_HAND: Final = Failure(BY_ADMINISTRATOR)
DIVIDING_MAX: Final = 200  # messages that are being divided at the same time


class Deed(Enum):
    """What is done to the recipients that are meant."""

    COUNT = "count"
    COUNT_ALL = "count all"  # that RESET would delete
    DELETE = "delete"
    BOUNCE = "bounce"
    RESET = "reset"  # delete, wherever a message waits


class Handled:
    """How far it has come."""

    __slots__ = ("looked_at", "messages", "recipients", "unreadable")

    def __init__(self) -> None:
        self.looked_at = 0  # messages
        self.messages = 0  # that were meant, whole or in part
        self.recipients = 0
        self.unreadable = 0  # messages of which it is not known whether they are meant


class Operator:
    """Acts on the mail of one worker that waits for delivery.

    `look_at` finds out anew where a message goes, when some of its recipients are gone; `tally_of`
    where one of its recipients goes.
    """

    def __init__(
        self,
        shared: Shared,
        wheel: Wheel,
        deleted: Deleted,
        look_at: Callable[[Entry], None],
        tally_of: Callable[[Entry, Envelope, int], Tally],
    ) -> None:
        self.dividing = 0  # messages whose parts are not safe yet
        self._waiting: list[asyncio.Future[None]] = []  # for fewer of them
        self._shared: Final = shared
        self._wheel: Final = wheel
        self._deleted: Final = deleted
        self._look_at: Final = look_at
        self._tally_of: Final = tally_of

    def run(self, deed: Deed, selection: Selection, by: str) -> Iterator[Handled]:
        """Do `deed` to what `selection` means, in the name of `by`; yield the same value each time.

        Whoever asks for the next one waits (`wait_divided`) while `dividing` is more than
        DIVIDING_MAX, and at the end until it is 0: only then what the last value says is done.
        """
        handled = Handled()
        for entry in self._slices(self._entries(selection), handled):
            if entry is None:
                yield handled
            elif selection.wants(entry):
                self._do(deed, entry, selection, by, handled)
        if deed not in (Deed.COUNT, Deed.COUNT_ALL) and handled.messages:
            yield from self._prune(handled)
        yield handled

    def restore(self, selection: Selection, by: str) -> Iterator[Handled]:
        """Bring back what `selection` means of what was deleted; yields as `run` does."""
        handled = Handled()
        for entry in self._slices(self._deleted.entries(), handled):
            if entry is None:
                yield handled
                continue
            if not selection.wants(entry):
                continue
            count = entry.pending
            if self._deleted.restore(entry, by):
                handled.messages += 1
                handled.recipients += count
        yield handled

    async def wait_divided(self, limit: int) -> None:
        """Wait until the parts of no more than `limit` messages are not safe yet."""
        while self.dividing > limit:
            fewer: asyncio.Future[None] = self._shared.loop.create_future()
            self._waiting.append(fewer)
            await fewer

    # Looking.

    def _entries(self, selection: Selection) -> Iterator[Entry]:
        spool = self._shared.spool
        if not selection.mids:
            return spool.entries()
        found = (spool.get(mid) for mid in sorted(selection.mids))
        return (entry for entry in found if entry is not None)

    def _slices(self, entries: Iterable[Entry], handled: Handled) -> Iterator[Entry | None]:
        """Yield `entries`, and None whenever others are to get their turn."""
        clock = self._shared.clock
        end = clock.monotonic() + SLICE_SECONDS
        for entry in entries:
            yield entry
            handled.looked_at += 1
            if handled.looked_at % CLOCK_ENTRIES:
                continue
            if handled.looked_at % SLICE_ENTRIES == 0 or clock.monotonic() >= end:
                yield None
                end = clock.monotonic() + SLICE_SECONDS

    def _do(
        self, deed: Deed, entry: Entry, selection: Selection, by: str, handled: Handled
    ) -> None:
        if not self._may_be_changed(deed, entry, selection):
            return
        rids = self._untouched(entry)
        stored: Stored | None = None
        if selection.needs_envelope or deed is Deed.BOUNCE:
            stored = self._load(entry)
            if stored is None:
                handled.unreadable += 1
                return
            rids = selection.wanted(stored.envelope, rids)
        if not rids or not self._act(deed, entry, stored, rids, by):
            return
        handled.messages += 1
        handled.recipients += len(rids)

    def _may_be_changed(self, deed: Deed, entry: Entry, selection: Selection) -> bool:
        if entry.state is State.QUEUED:
            return entry.has_waiting()
        if deed in (Deed.RESET, Deed.COUNT_ALL):
            return entry.state is not State.FINISHED and _is_whole(entry)
        # One that is named may be deleted wherever it is (admin 1.6.5, CLI-51).
        if not selection.mids or deed is Deed.BOUNCE or entry.state is State.FINISHED:
            return False
        return _is_whole(entry)

    def _untouched(self, entry: Entry) -> tuple[int, ...]:
        """Return the RIDs for which there is something left to do, and that do not travel now."""
        rids = open_rids(entry)
        flying = self._shared.flying.get(entry.mid)
        if flying is None:
            return rids
        return tuple(rid for rid in rids if not any(rid in unit.rids for unit in flying))

    def _load(self, entry: Entry) -> Stored | None:
        try:
            return self._shared.spool.load(entry)
        except DamagedError as damage:  # the spool holds it: an administrator has to look at it
            self._shared.log.critical(f"MID {entry.mid} is damaged and held: {damage}")
        except SpoolFailure as error:
            self._shared.log.warning(f"MID {entry.mid} cannot be read: {error.detail}")
        return None

    # Acting.

    def _act(
        self, deed: Deed, entry: Entry, stored: Stored | None, rids: tuple[int, ...], by: str
    ) -> bool:
        """Do `deed` to `rids` of `entry`; False when it could not be done."""
        match deed:
            case Deed.BOUNCE:
                assert stored is not None  # it was read to be reported on
                self._tell(entry.mid, rids, "bounced", by)
                self._shared.settler.bounce_by_hand(entry, stored, rids)
                for rid in rids:
                    tally = self._tally_of(entry, stored.envelope, rid)
                    tally.bounced(_BY_HAND, self._shared.clock.time())
                self._let_go_on(entry)
            case Deed.DELETE | Deed.RESET:
                return self._delete(entry, stored, rids, by)
            case Deed.COUNT | Deed.COUNT_ALL:
                pass
        return True

    def _delete(self, entry: Entry, stored: Stored | None, rids: tuple[int, ...], by: str) -> bool:
        if rids == open_rids(entry) and entry.mid not in self._shared.flying:
            self._tell_deleted(entry.mid, rids, by)
            self._count_by_place(entry, stored, rids)
            self._deleted.keep(entry)
            return True
        stored = stored or self._load(entry)
        if stored is None or entry.state is not State.QUEUED:
            return False
        self._divide(entry, stored, rids, by)
        return True

    def _count_by_place(self, entry: Entry, stored: Stored | None, rids: Sequence[int]) -> None:
        """Count what is deleted whole, for the destination that it waits for.

        Where it stands in the wheel, only the wheel knows for whom: `_prune` counts it.
        """
        if entry.state is not State.QUEUED or isinstance(entry.tag, Bucket):
            return
        if isinstance(entry.tag, DestinationQueue):
            entry.tag.tally.deleted += len(rids)
            return
        stored = stored or entry.stored or self._load(entry)  # in parts
        if stored is not None:
            for rid in rids:
                self._tally_of(entry, stored.envelope, rid).deleted += 1

    def _divide(self, entry: Entry, stored: Stored, rids: tuple[int, ...], by: str) -> None:
        """Give `rids` a message of their own, and delete that.

        It is put as QUEUED: should we be killed before it is held, mail is delivered that was to be
        deleted, which nobody was told yet that it was, and none is lost.
        """
        shared, mid = self._shared, entry.mid
        child = _part(stored, shared.identifiers.next_mid(), rids)
        leaving = Unit(entry, rids, None)
        shared.take_off(leaving)  # nobody sends them meanwhile
        self._let_go_on(entry)
        self.dividing += 1

        def divided(children: Sequence[Entry], failure: SpoolFailure | None) -> None:
            self._is_divided()
            shared.land(leaving)
            if failure is not None:
                shared.log.warning(f"MID {mid} could not be divided: {failure.detail}")
                self._let_go_on(entry)
                return
            new = child.envelope.mid
            self._tell_deleted(mid, rids, by)
            for rid in rids:
                self._tally_of(entry, stored.envelope, rid).deleted += 1
            shared.log.emit(
                "deleted_as", f"MID {mid} RID {list(rids)} kept as MID {new}", mid=mid, new=new
            )
            if entry.state is State.FINISHED:  # what travelled has arrived meanwhile
                shared.log.finished(mid, "done")
            for part in children:
                self._deleted.keep(part)

        shared.spool.replace(entry, rids, [(child, State.QUEUED)], divided)

    def _is_divided(self) -> None:
        self.dividing -= 1
        waiting, self._waiting = self._waiting, []
        for fewer in waiting:
            if not fewer.done():
                fewer.set_result(None)

    def _let_go_on(self, entry: Entry) -> None:
        """Let those recipients of `entry` wait that are left; where it stood no longer counts."""
        entry.tag = object()
        if entry.state is State.QUEUED and (
            entry.has_waiting() or entry.mid in self._shared.flying
        ):
            self._look_at(entry)

    def _tell_deleted(self, mid: int, rids: Sequence[int], by: str) -> None:
        self._shared.counters["deleted"] += len(rids)
        self._shared.log.deleted(mid, rids)
        self._tell(mid, rids, "deleted", by)

    def _tell(self, mid: int, rids: Sequence[int], what: str, by: str) -> None:
        text = f"MID {mid} RID {list(rids)} {what} by administrator {by}"
        self._shared.log.emit("operator", text, mid=mid, what=what, by=by)

    def _prune(self, handled: Handled) -> Iterator[Handled]:
        """Forget where it stood: until its time came, it would be counted as waiting."""
        looked_at = 0
        for count in self._wheel.prune(_count_dropped):
            looked_at += count
            if looked_at >= PRUNED_AT_ONCE:
                looked_at = 0
                yield handled
        for queue in list(self._shared.busy):
            left = queue.ready
            while left > 0:
                count = min(left, PRUNED_AT_ONCE)
                queue.prune(count)
                left -= count
                looked_at += count
                if looked_at >= PRUNED_AT_ONCE:
                    looked_at = 0
                    yield handled


def _is_whole(entry: Entry) -> bool:
    """Whether a message that is held, or not yet through the work queue, may be deleted."""
    return entry.hold != DAMAGED and not is_deleted(entry)


def _count_dropped(item: Item, queue: DestinationQueue | None) -> None:
    """Count a message that waited for `queue` until it was deleted; its parts were counted."""
    if queue is not None and not isinstance(item, Unit) and is_deleted(item):
        queue.tally.deleted += item.pending


def _part(stored: Stored, mid: int, rids: tuple[int, ...]) -> Stored:
    """Return the message for some of its recipients."""
    recipients = stored.envelope.recipients
    envelope = msgspec.structs.replace(
        stored.envelope,
        mid=mid,
        recipients=tuple(recipients[rid] for rid in rids),
        parent=stored.envelope.mid,
    )
    return Stored(envelope, stored.header, stored.content)
