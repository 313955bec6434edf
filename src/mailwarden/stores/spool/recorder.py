"""Gathers what happens to messages within a few milliseconds and hands it to the keeper."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol

from mailwarden.stores.spool.journal import BASELINE, CUT, VOID, snapshot
from mailwarden.stores.spool.keeper import Action, Keeper
from mailwarden.stores.spool.segment import Segment
from mailwarden.stores.spool.spool import Entry
from mailwarden.system.clock.clock import Clock

# How long results gather before they are written. A kill loses at most as much, which means that
# recipients served in that time may be served again; a power cut loses sync_interval_seconds.
GATHER_SECONDS: Final = 0.005
RECORDED_MIN: Final = 50_000  # records in a journal before it is worth writing anew
RECORDED_FACTOR: Final = 16  # and so many for each message that is left


class Loop(Protocol):
    """What is used of an event loop."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Any:  # noqa: ANN401  a handle
        """Call back in the next turn."""
        ...

    def call_soon_threadsafe(
        self,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401  the callback's
    ) -> Any:  # noqa: ANN401  a handle
        """The same, from another thread."""
        ...

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401  the callback's
    ) -> Any:  # noqa: ANN401  a handle
        """Call back in `delay` seconds."""
        ...


class Recorder:
    """The event loop's side of the journals."""

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        entries: Mapping[int, Entry],
        requeue_at: Callable[[int], float],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._entries = entries
        self._requeue_at = requeue_at
        self.recorded_min = RECORDED_MIN
        self._dirty: list[Segment] = []
        self._flushing = False
        self._keeper: Keeper
        self._submit: Callable[[Any], None]

    def start(self, keeper: Keeper, submit: Callable[[Any], None]) -> None:
        """Say who takes what is handed over."""
        self._keeper = keeper
        self._submit = submit

    def _ask(self, item: tuple[Any, ...]) -> None:
        self._keeper.asked += 1
        self._submit(item)

    def record(self, segment: Segment, record: tuple[Any, ...]) -> None:
        """Hand `record` over a moment later, with what else happens until then."""
        records = segment.records
        if not records:
            self._dirty.append(segment)
            if not self._flushing:
                self._flushing = True
                self._loop.call_later(GATHER_SECONDS, self.flush)
        records.append(record)
        segment.recorded += 1

    def record_snapshot(self, segment: Segment, entry: Entry) -> None:
        """Hand over all that is known of `entry`."""
        self.record(segment, self._snapshot(entry))

    def _snapshot(self, entry: Entry) -> tuple[Any, ...]:
        return snapshot(entry, self._requeue_at(entry.mid), self._clock.time())

    def flush(self) -> None:
        """Hand over what was recorded so far."""
        self._flushing = False
        dirty, self._dirty = self._dirty, []
        for segment in dirty:
            records, segment.records = segment.records, []
            if records and not self._keeper.try_write(segment, records):
                self._ask((self._keeper.write, segment, records))
            if segment.recorded > self.recorded_min + RECORDED_FACTOR * segment.live:
                self.rewrite(segment)

    def rewrite(self, segment: Segment) -> None:
        """Write the journal of `segment` anew: as short as can be, or because it was lost."""
        if segment.removed:
            return
        records: list[tuple[Any, ...]] = [(BASELINE, segment.size)]
        if segment.cut is not None:
            records.append((CUT, segment.cut))
        records += [(VOID, mid) for mid in segment.void]
        # The snapshot of a copy may not be durable yet: until then the original is to be found.
        moved = [self._entries[mid] for mid in segment.moved if mid in self._entries]
        here = [entry for entry in self._entries.values() if entry.segment is segment]
        records += [self._snapshot(entry) for entry in (*moved, *here)]
        segment.records = []
        segment.recorded = len(records)
        self._ask((self._keeper.rewrite, segment, records))

    def after_sync(self, action: Action, *, frees_space: bool = False) -> None:
        """Call `action`, in the keeper, when all that was handed over so far is durable."""
        self._ask((partial(self._keeper.after_sync, frees_space=frees_space), action))

    def in_background(self, function: Callable[[], None]) -> None:
        """Call `function` in the keeper."""
        self._ask((function,))

    def on_loop(self, function: Callable[[], None]) -> None:
        """Call `function` on the event loop; from the keeper."""
        self._loop.call_soon_threadsafe(function)
