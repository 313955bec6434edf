"""Which segments there are, how full of finished messages, and when they may go."""

from collections.abc import Callable, Sequence
from functools import partial

from mailwarden.stores.spool.keeper import Keeper
from mailwarden.stores.spool.part import Part, failure
from mailwarden.stores.spool.recorder import Recorder
from mailwarden.stores.spool.segment import RECORD_OVERHEAD, Segment
from mailwarden.stores.spool.spool import Entry


class Shelf:
    """The segments of all parts that this process owns."""

    def __init__(
        self,
        own: Part,
        adopted: Sequence[Part],
        recorder: Recorder,
        keeper: Keeper,
        alert: Callable[[str], None],
        let_go: Callable[[Segment], None],
    ) -> None:
        self._let_go = let_go  # of the file, which takes space as long as somebody has it open
        self._own = own
        self._adopted = list(adopted)
        self._recorder = recorder
        self._keeper = keeper
        self._alert = alert
        self._segments: dict[Segment, None] = {}
        self._unremoved: list[Segment] = []  # empty, but the disk would not let them go
        self.bytes_on_disk = 0
        self._sealed_size = 0  # of our own part
        self._sealed_live = 0

    def add(self, segment: Segment) -> None:
        """Take a segment in, new or found."""
        self._segments[segment] = None
        self.bytes_on_disk += segment.size
        if segment.sealed:
            self._count_sealed(segment, 1)

    def _count_sealed(self, segment: Segment, sign: int) -> None:
        if segment.part is self._own and not segment.damaged:
            self._sealed_size += sign * segment.size
            self._sealed_live += sign * segment.live_bytes

    @property
    def dead_bytes(self) -> int:
        """Bytes of finished messages in complete segments of our own part, about."""
        return self._sealed_size - self._sealed_live

    @property
    def live_bytes(self) -> int:
        """Bytes of the others in these segments, about."""
        return self._sealed_live

    def grown(self, segment: Segment, end: int) -> None:
        """Note that messages up to `end` were added to `segment`."""
        self.bytes_on_disk += end - segment.size
        segment.size = end

    def placed(self, entry: Entry, segment: Segment, offset: int) -> None:
        """Note where `entry` lies now; `left` says where it lay."""
        entry.segment = segment
        entry.offset = offset
        segment.live += 1
        segment.live_bytes += entry.size + RECORD_OVERHEAD

    def left(self, entry: Entry) -> Segment:
        """Note that `entry` is no longer in its segment; return that."""
        segment: Segment = entry.segment
        segment.live -= 1
        size = entry.size + RECORD_OVERHEAD
        segment.live_bytes -= size
        if segment.sealed and segment.part is self._own and not segment.damaged:
            self._sealed_live -= size
        return segment

    def closed(self, segment: Segment) -> None:
        """Note that nothing is added to `segment` any more."""
        segment.sealed = True
        self._count_sealed(segment, 1)
        unremoved, self._unremoved = self._unremoved, []
        for empty in (*unremoved, segment):
            self.clear(empty)

    def spoiled(self, segment: Segment) -> None:
        """Note that there is damage in `segment`: it is kept, whatever becomes of its messages."""
        if not segment.damaged:
            if segment.sealed:
                self._count_sealed(segment, -1)
            segment.damaged = True

    def clear_all(self) -> None:
        """Let everything go that is empty; after start-up."""
        for segment in list(self._segments):
            self.clear(segment)
        self._clear_parts()

    def clear(self, segment: Segment) -> None:
        """Let `segment` go if nothing in it is needed.

        All journals are synced first. What they say may be known on disk only from a record in
        this segment: that recipients of another message live on here, or that this is a copy.
        """
        if segment.live or not segment.sealed or segment.pins or segment.damaged:
            return
        if segment.removing:
            return
        segment.removing = True
        self._let_go(segment)
        self._recorder.flush()
        self._recorder.after_sync(partial(self._remove, segment), frees_space=True)

    def _remove(self, segment: Segment) -> None:
        """Runs in the keeper."""
        removed = self._keeper.remove(segment)
        self._recorder.on_loop(partial(self._removed if removed else self._kept, segment))

    def _kept(self, segment: Segment) -> None:
        """Try again when the next segment is complete."""
        segment.removing = False
        self._unremoved.append(segment)

    def _removed(self, segment: Segment) -> None:
        del self._segments[segment]
        self.bytes_on_disk -= segment.size
        self._count_sealed(segment, -1)
        self.unpin_targets(segment)
        if segment.part is not self._own:
            self._clear_parts()

    def pin(self, target: Segment, source: Segment) -> None:
        """Keep `target`, which has copies, until their originals in `source` cannot come back."""
        if target not in source.targets:
            source.targets.append(target)
            target.pins += 1

    def unpin_targets(self, source: Segment) -> None:
        """Let the segments go that have copies of what was in `source`, if they are empty."""
        targets, source.targets = source.targets, []
        for target in targets:
            self.unpin(target)

    def unpin(self, segment: Segment) -> None:
        """Take back one reason to keep `segment`."""
        segment.pins -= 1
        self.clear(segment)

    def _clear_parts(self) -> None:
        used = {segment.part for segment in self._segments}
        for part in [part for part in self._adopted if part not in used]:
            self._adopted.remove(part)
            self._recorder.in_background(partial(self._remove_part, part))

    def _remove_part(self, part: Part) -> None:
        """Runs in the keeper."""
        try:
            part.remove()
        except OSError as error:
            self._recorder.on_loop(
                partial(self._alert, failure(f"{part.path} cannot be removed", error).detail)
            )

    def emptiest(self) -> Segment | None:
        """Return the complete segment of our own part with the least left in it."""
        candidates = [
            segment
            for segment in self._segments
            if segment.sealed
            and segment.live
            and segment.part is self._own
            and not (segment.pins or segment.damaged)
            and segment.live_bytes * 2 < segment.size
        ]
        return min(candidates, key=lambda s: s.live_bytes / s.size, default=None)
