"""Mail that an administrator deleted: kept for a while, so that it can be brought back.

It stays in the spool, held under a name of its own: that survives everything the spool survives.
Nobody delivers it, and it is counted neither as held nor as queued.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from mailwarden.mailflow.delivery.queue import open_rids
from mailwarden.stores.spool.spool import Entry, Held, Settlement, Spool, State
from mailwarden.system.clock.clock import Clock
from mailwarden.system.log.maillog import MailLog

HOLD_QUEUED: Final = "deleted"  # name of the hold of what waited for delivery
HOLD_RECEIVED: Final = "deleted unprocessed"  # the same, of what was not through the work queue
HOLD_HELD: Final = "deleted, held: "  # the same, of what was held, by the name behind it
PURGED_AT_ONCE: Final = 500  # messages that go for good before others get their turn
_HELD_BEFORE: Final = "held before it was deleted"
_REASON: Final = "deleted by an administrator"


def is_deleted(entry: Entry) -> bool:
    """Whether `entry` is a message that was deleted and may be brought back."""
    hold = entry.hold
    if entry.state is not State.HELD or not hold:
        return False
    return hold in (HOLD_QUEUED, HOLD_RECEIVED) or hold.startswith(HOLD_HELD)


class Deleted:
    """The deleted messages of one worker, the oldest deletion first."""

    def __init__(self, spool: Spool, log: MailLog, clock: Clock, keep_seconds: float) -> None:
        self.keep_seconds = keep_seconds
        self._spool: Final = spool
        self._log: Final = log
        self._clock: Final = clock
        self._started_at: Final = clock.time() - clock.monotonic()
        # With what it was held by then: one that was brought back is passed over.
        self._order: Final[deque[tuple[Entry, Held]]] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self) -> None:
        """Take in what was deleted before the start."""
        found = [
            (entry, held)
            for entry in self._spool.entries()
            if is_deleted(entry) and (held := entry.held) is not None
        ]
        found.sort(key=_deleted_at)
        for entry, _ in found:
            entry.tag = self
        self._order.extend(found)
        self._count += len(found)

    def keep(self, entry: Entry) -> None:
        """Take `entry` out of all queues, until it is brought back or its time is over."""
        name = HOLD_QUEUED if entry.state is State.QUEUED else HOLD_RECEIVED
        if entry.state is State.HELD:
            name = f"{HOLD_HELD}{entry.hold}"
        self._spool.hold(entry, name, _REASON)
        held = entry.held
        if held is not None:  # else it has finished meanwhile
            entry.tag = self
            self._order.append((entry, held))
            self._count += 1

    def restore(self, entry: Entry, by: str) -> bool:
        """Put `entry` back where it was; False when it is not deleted."""
        if not is_deleted(entry):
            return False
        hold = entry.hold
        state = State.QUEUED if hold == HOLD_QUEUED else State.RECEIVED
        self._count -= 1
        entry.tag = None
        mid = entry.mid
        self._log.emit("restored", f"MID {mid} restored by administrator {by}", mid=mid, by=by)
        if hold.startswith(HOLD_HELD):
            self._spool.hold(entry, hold.removeprefix(HOLD_HELD), _HELD_BEFORE)
        else:
            self._spool.release(entry, state)
        return True

    def until(self, held: Held) -> float:
        """Return when what is held by `held` goes for good, in seconds since the epoch."""
        return held.at + self.keep_seconds

    def entries(self) -> Iterator[Entry]:
        """Yield all that is deleted now, the oldest deletion first."""
        for entry, held in list(self._order):
            if entry.pause is held:
                yield entry

    def sweep(self) -> None:
        """Let go for good what has been kept for long enough, some at a time."""
        order = self._order
        # The clock may have been set forth: the earlier one of two times counts.
        now = min(self._clock.time(), self._started_at + self._clock.monotonic())
        for _ in range(min(PURGED_AT_ONCE, len(order))):
            entry, held = order[0]
            if entry.pause is held:
                if now < self.until(held):
                    return
                self._purge(entry)
            elif entry.tag is self and not is_deleted(
                entry
            ):  # found damaged meanwhile: that is another matter
                self._count -= 1
                entry.tag = None
            order.popleft()

    def _purge(self, entry: Entry) -> None:
        self._count -= 1
        if self._spool.settle(entry, open_rids(entry), Settlement.DROPPED):
            self._log.finished(entry.mid, "done")


def _deleted_at(found: tuple[Entry, Held]) -> float:
    return found[1].at
