"""Moves the last messages out of segments that are mostly finished, so that these can go.

A copy counts from its snapshot in the journal on. The old segment goes when the snapshots of all
its copies are durable; until then what the old journal says is true for those without one.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from mailwarden.stores.spool.codec import encode_copy
from mailwarden.stores.spool.committer import Committed, Request
from mailwarden.stores.spool.journal import GONE, VOID
from mailwarden.stores.spool.reader import read_record
from mailwarden.stores.spool.record import CLAIM, COPY, Draft
from mailwarden.stores.spool.recorder import Recorder
from mailwarden.stores.spool.scan import Condition, walk
from mailwarden.stores.spool.segment import Segment
from mailwarden.stores.spool.shelf import Shelf
from mailwarden.stores.spool.spool import DamagedError, Entry
from mailwarden.stores.spool.window import Window
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files

COPY_SIZE: Final = 1024 * 1024  # bytes copied at a time, so that new messages wait little
PAUSE_SECONDS: Final = 60.0  # after one that failed


class _Place(NamedTuple):
    mid: int
    offset: int
    size: int


class Compaction:
    """Empties one segment at a time."""

    def __init__(
        self,
        files: Files,
        clock: Clock,
        shelf: Shelf,
        recorder: Recorder,
        entries: Mapping[int, Entry],
        dead_size_max_bytes: int,
        commit: Callable[[Request], None],
        damaged: Callable[[Entry, str], None],
    ) -> None:
        self._files = files
        self._clock = clock
        self._shelf = shelf
        self._recorder = recorder
        self._entries = entries
        self._dead_max = dead_size_max_bytes
        self._commit = commit
        self._damaged = damaged
        self._source: Segment | None = None
        self._left: list[_Place] = []  # still to be copied, last first
        self._open = 0  # copies that are being committed
        self._failed = False
        self._not_before = 0.0
        self.closing = False

    def consider(self) -> None:
        """Begin if finished messages take too much."""
        dead = self._shelf.dead_bytes
        if dead <= self._dead_max or dead <= self._shelf.live_bytes or self.closing:
            return
        if self._source is not None or self._clock.monotonic() < self._not_before:
            return
        source = self._shelf.emptiest()
        if source is None:
            self._not_before = self._clock.monotonic() + PAUSE_SECONDS
            return
        source.pins += 1
        self._source = source
        self._failed = False
        self._recorder.in_background(partial(self._list, source))

    # In the keeper.

    def _list(self, source: Segment) -> None:
        """Find out where the messages of `source` are."""
        places: list[_Place] | None = []
        try:
            fd = self._files.open(source.path)
            try:
                window = Window(self._files, fd, source.size)
                places = [
                    _Place(found.head.mid, found.offset, found.head.size)
                    for found in walk(window, source.nonce, source.size, verify=False)
                    if found.condition is Condition.SOUND and found.head is not None
                ]
            finally:
                self._files.close(fd)
        except OSError:
            places = None
        self._recorder.on_loop(partial(self._listed, places))

    def _read(self, source: Segment, places: list[_Place]) -> None:
        """Read the messages at `places` and make copies of them."""
        drafts: list[tuple[_Place, Draft | str]] = []
        try:
            fd = self._files.open(source.path)
            try:
                drafts = [(place, self._copy(source, fd, place)) for place in places]
            finally:
                self._files.close(fd)
        except OSError as error:
            drafts = [(place, str(error)) for place in places]
        self._recorder.on_loop(partial(self._submit, drafts))

    def _copy(self, source: Segment, fd: int, place: _Place) -> Draft | str:
        try:
            record = read_record(self._files, fd, source.nonce, place.offset, place.mid)
        except DamagedError as error:
            return str(error)
        head = record.head
        return Draft(
            place.mid,
            head.state,
            head.received_at,
            head.recipients,
            (head.flags | COPY) & ~CLAIM,
            encode_copy(record.meta, source.nonce),
            record.header,
            record.content,
            head.content_size,
        )

    # On the event loop.

    def _listed(self, places: list[_Place] | None) -> None:
        self._failed = places is None
        self._left = [place for place in places or () if self._lives_in_source(place)]
        self._left.reverse()
        self._next()

    def _lives_in_source(self, place: _Place) -> bool:
        entry = self._entries.get(place.mid)
        return entry is not None and entry.segment is self._source and entry.offset == place.offset

    def _next(self) -> None:
        """Copy the next messages, or end."""
        source = self._source
        assert source is not None
        places: list[_Place] = []
        size = 0
        while self._left and size < COPY_SIZE and not (self._failed or self.closing):
            place = self._left.pop()
            if self._lives_in_source(place):
                places.append(place)
                size += place.size
        if places:
            self._recorder.in_background(partial(self._read, source, places))
        else:
            self._end(source)

    def _submit(self, drafts: list[tuple[_Place, Draft | str]]) -> None:
        for place, draft in drafts:
            if isinstance(draft, str):
                self._failed = True
                if self._lives_in_source(place):
                    self._damaged(self._entries[place.mid], draft)
            elif self._lives_in_source(place) and not self.closing:
                self._open += 1
                self._commit(Request([draft], (), True, None, (self._copied, place)))
        if not self._open:
            self._next()

    def _copied(self, result: Committed, place: _Place) -> None:
        """Let the copy count, if the message is still there."""
        self._open -= 1
        if result.segment is not None:
            self._shelf.grown(result.segment, result.end)
        if result.segment is None:
            self._failed = True
        elif self._lives_in_source(place):
            entry = self._entries[place.mid]
            source = self._shelf.left(entry)
            source.moved.append(place.mid)
            self._shelf.pin(result.segment, source)
            self._shelf.placed(entry, result.segment, result.offsets[0])
            self._recorder.record_snapshot(result.segment, entry)
        else:
            self._recorder.record(result.segment, (GONE, place.mid))
        if not self._open:
            self._next()

    def _end(self, source: Segment) -> None:
        self._source = None
        self._left = []
        if self._failed:
            self._not_before = self._clock.monotonic() + PAUSE_SECONDS
        if source.live:
            # It stays: once the snapshots are durable, it is to say itself what has left it.
            self._recorder.flush()
            self._recorder.after_sync(
                partial(self._recorder.on_loop, partial(self._retire, source))
            )
        self._shelf.unpin(source)
        self.consider()

    def _retire(self, source: Segment) -> None:
        moved, source.moved = source.moved, []
        source.void += moved
        for mid in moved:
            self._recorder.record(source, (VOID, mid))
        targets, source.targets = source.targets, []
        self._recorder.flush()
        self._recorder.after_sync(partial(self._recorder.on_loop, partial(self._release, targets)))

    def _release(self, targets: list[Segment]) -> None:
        for target in targets:
            self._shelf.unpin(target)
