"""Writes messages to the active segment: one write and one sync for all that wait.

While one sync runs, the next messages gather in the queue in front of it; an idle spool syncs at
once. This runs in a thread of its own, or on the event loop while the kernel
syncs; either way it shares nothing with the rest but what is handed over.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from mailwarden.stores.spool.journal import build_journal_header
from mailwarden.stores.spool.part import Part, failure
from mailwarden.stores.spool.record import (
    HEADER_SIZE,
    Draft,
    SegmentHeader,
    build_record,
    build_seal,
    build_segment_header,
)
from mailwarden.stores.spool.segment import Segment
from mailwarden.stores.spool.settings import SpoolSettings
from mailwarden.stores.spool.spool import SpoolFailure
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files, try_unlink, write_fully

CHUNK_SIZE_MAX: Final = 16 * 1024 * 1024  # bytes written before a sync
FREE_LOOK_SECONDS: Final = 1.0  # how often the free space is looked at


Placed = tuple[list[int], int]  # offsets of a request's records, and the end of the last


class LargePlan(NamedTuple):
    """What must be done so that content in a file of its own is durable."""

    path: str
    fd: int  # through which it was written there
    link_from: str = ""  # a durable file that gets `path` as another name


# One of each of these two is made for a message: a compiled class is made ten times as fast as a
# tuple with names.
class Request:
    """Messages that are committed together or not at all."""

    __slots__ = ("drafts", "plans", "refusal", "reserve", "token")

    def __init__(
        self,
        drafts: Sequence[Draft],
        plans: Sequence[LargePlan],
        reserve: bool,
        refusal: SpoolFailure | None,
        token: Any,  # noqa: ANN401  whoever asks knows what it is
    ) -> None:
        self.drafts = drafts
        self.plans = plans
        self.reserve = reserve  # may use some of the space that is kept for recording deliveries
        self.refusal = refusal  # known already; only waits for its turn to be called back
        self.token = token  # handed back with the result


class Committed:
    """What became of a request."""

    __slots__ = ("end", "failure", "offsets", "segment", "token")

    def __init__(
        self,
        token: Any,  # noqa: ANN401  as above
        segment: Segment | None,
        offsets: Sequence[int],
        end: int,
        failure: SpoolFailure | None,
    ) -> None:
        self.token = token
        self.segment = segment
        self.offsets = offsets
        self.end = end  # offset behind the last of them
        self.failure = failure


class Opened(NamedTuple):
    """A new segment was begun; what follows lies in it."""

    segment: Segment


class Closed(NamedTuple):
    """Nothing will be added to a segment any more.

    `cut` is the offset from which on nothing counts, if the file could not be cut there.
    """

    segment: Segment
    cut: int | None


class Space(NamedTuple):
    """Free space was looked at."""

    bytes_free: int


Result = Committed | Opened | Closed | Space


class Committer:
    """Owns the active segment of a part.

    Requests are committed in chunks, one after the other. `begin` and `go_on` lead from one sync
    to the next; a generator would read better, but costs as much as half of the rest.
    """

    def __init__(
        self,
        part: Part,
        settings: SpoolSettings,
        clock: Clock,
        next_sequence: int,
        nonces: Callable[[], int],
        post: Callable[[list[Result]], None],
    ) -> None:
        self._part = part
        self._files: Files = part.files
        self._settings = settings
        self._clock = clock
        self._sequence = next_sequence
        self._nonces = nonces
        self._post = post
        self._segment: Segment | None = None
        self._fd = -1
        self._offset = 0
        self._free = 1 << 62  # until it was looked at
        self._looked_at: float | None = None
        self._results: list[Result] = []
        self._chunks: deque[list[Request] | None] = deque()  # None ends the active segment
        # Of the chunk that is being committed:
        self._requests: list[Request] = []
        self._refusals: list[SpoolFailure | None] = []  # in the order of the requests
        self._accepted: list[Request] = []
        self._plans: deque[LargePlan] = deque()  # that are still to be carried out
        self._has_new_files = False  # whose names are not yet durable
        self._placed: list[Placed] = []  # for each that was accepted
        self._written_to = -1  # offset behind what is written and not synced; -1 is nothing
        self.syncs = 0  # may be read from any thread

    def handle(self, batch: list[Any]) -> None:
        """Commit the lists of requests in `batch`, waiting for each sync."""
        fd = self.begin(batch)
        while fd >= 0:
            trouble: OSError | None = None
            try:
                self._files.fdatasync(fd)
            except OSError as error:
                trouble = error
            fd = self.go_on(trouble)

    def begin(self, items: list[Any]) -> int:
        """Commit the lists of requests in `items`; a `None` in it ends the active segment.

        Returns the descriptor that is to be synced before `go_on`, or -1 when all is done.
        """
        requests: list[Request] = []
        for gathered in items:
            if gathered is None:
                self._divide(requests)
                self._chunks.append(None)
                requests = []
            else:
                requests += gathered
        self._divide(requests)
        return self._advance()

    def go_on(self, trouble: OSError | None) -> int:
        """Go on after a sync, or after `trouble` with it; returns what `begin` does."""
        if self._written_to >= 0:
            self._end_write(trouble)
            return self._advance()
        fd = -1
        if trouble is not None:
            self._end_chunk(self._no_message(trouble))
        else:
            fd = self._make_durable()
        return fd if fd >= 0 else self._advance()

    def _divide(self, requests: list[Request]) -> None:
        """Divide `requests` into chunks."""
        if not requests:
            return
        chunk: list[Request] = []
        size = 0
        for request in requests:
            if size >= CHUNK_SIZE_MAX:
                self._chunks.append(chunk)
                chunk, size = [], 0
            chunk.append(request)
            for draft in request.drafts:
                size += len(draft.content)
        self._chunks.append(chunk)

    def _advance(self) -> int:
        """Commit chunks up to the next sync; returns what `begin` does."""
        while self._chunks:
            chunk = self._chunks.popleft()
            if chunk is None:
                self._rotate_out()
                continue
            fd = self._begin_chunk(chunk)
            if fd >= 0:
                return fd
        results, self._results = self._results, []
        if results:
            self._post(results)
        return -1

    def _begin_chunk(self, requests: list[Request]) -> int:
        self._look_at_space()
        self._requests = requests
        self._refusals = [self._refusal(request) for request in requests]
        self._accepted = [
            request
            for request, refusal in zip(requests, self._refusals, strict=True)
            if refusal is None
        ]
        if not self._accepted:
            self._end_chunk(None)
            return -1
        for request in self._accepted:
            if request.plans:
                self._plans.extend(request.plans)
        self._has_new_files = bool(self._plans)
        return self._make_durable()

    def _end_chunk(self, trouble: SpoolFailure | None) -> None:
        """Note the results of a chunk, in the order of its requests."""
        places = iter(self._placed)
        for request, refusal in zip(self._requests, self._refusals, strict=True):
            refused = refusal or trouble
            if refused is not None:
                self._results.append(Committed(request.token, None, (), 0, refused))
            else:
                offsets, end = next(places)
                self._results.append(Committed(request.token, self._segment, offsets, end, None))
        self._requests, self._refusals, self._accepted, self._placed = [], [], [], []
        self._plans.clear()

    def _refusal(self, request: Request) -> SpoolFailure | None:
        if request.refusal is not None:
            return request.refusal
        needed = self._settings.free_size_min_bytes
        if request.reserve:
            needed //= 2  # what makes room for others may use half of the reserve
        if self._free < needed:
            detail = f"Only {self._free} bytes are free for {self._part.path}"
            return SpoolFailure(detail, full=True)
        return None

    def _look_at_space(self) -> None:
        now = self._clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < FREE_LOOK_SECONDS:
            return
        try:
            self._free = self._files.bytes_free(self._part.path)
        except OSError:
            return  # the write will say what is wrong
        self._looked_at = now
        self._results.append(Space(self._free))

    # Writing.

    def _make_durable(self) -> int:
        """Write what was accepted; returns what `begin` does.

        Content that lies in files of its own comes first: it must be durable when a record refers
        to it.
        """
        try:
            if self._has_new_files:
                fd = self._carry_out_plans()
                if fd >= 0:
                    return fd
                self._files.sync_directory(self._part.large_directory)
                self._has_new_files = False
            self._open_segment()
        except OSError as error:
            self._end_chunk(self._no_message(error))
            return -1
        try:
            self._write()
        except OSError as error:
            self._undo(trusted=True)
            self._placed = []
            self._end_chunk(self._no_message(error))
            return -1
        return self._fd

    def _carry_out_plans(self) -> int:
        """Return the next file of content that is to be synced; -1 when all of them are."""
        while self._plans:
            plan = self._plans.popleft()
            if not plan.link_from:
                return plan.fd
            self._files.link(plan.link_from, plan.path)
        return -1

    def _write(self) -> None:
        segment = self._segment
        assert segment is not None
        nonce = segment.nonce
        offset = self._offset
        buffers: list[bytes] = []
        for request in self._accepted:
            drafts = request.drafts
            count = len(drafts)
            offsets = []
            for index, draft in enumerate(drafts):
                record = build_record(draft, nonce, offset, index, count)
                offsets.append(offset)
                buffers.append(record)
                offset += len(record)
                if draft.content:
                    buffers.append(draft.content)
                    offset += len(draft.content)
            self._placed.append((offsets, offset))
        write_fully(self._files, self._fd, buffers, self._offset)
        self._written_to = offset

    def _end_write(self, trouble: OSError | None) -> None:
        end, self._written_to = self._written_to, -1
        if trouble is None:
            self.syncs += 1
            self._offset = end
            self._end_chunk(None)
            return
        self._undo(trusted=False)
        self._placed = []
        self._end_chunk(failure(f"{self._part.path} could not be synced", trouble))

    def _no_message(self, error: OSError) -> SpoolFailure:
        return failure(f"{self._part.path} takes no message", error)

    def _undo(self, *, trusted: bool) -> None:
        """Take back what was written behind the last good offset.

        After a failed sync the file is given up: the kernel may have dropped what it could not
        write, and a second sync would not say so.
        """
        cut: int | None = self._offset
        try:
            self._files.truncate(self._fd, self._offset)
            if trusted:
                self._files.fdatasync(self._fd)
                cut = None
        except OSError:
            trusted = False
        if not trusted:
            self._close_segment(cut)

    # Segments.

    def _open_segment(self) -> None:
        if self._segment is not None:
            if self._offset < self._settings.segment_size_bytes:
                return
            self._rotate_out()
        part = self._part
        header = SegmentHeader(part.number, self._sequence, self._nonces())
        segment = Segment(part, header.sequence, header.nonce, HEADER_SIZE)
        self._sequence += 1
        journal_fd = -1
        try:
            self._fd = self._create(segment.path, build_segment_header(header))
            journal_fd = self._create(segment.journal_path, build_journal_header(header))
            self._files.sync_directory(part.path)
        except OSError:
            self._discard(segment)
            raise
        finally:
            if journal_fd >= 0:
                self._files.close(journal_fd)
        self._segment = segment
        self._offset = HEADER_SIZE
        self._results.append(Opened(segment))

    def _create(self, path: str, header: bytes) -> int:
        fd = self._files.open(path, create=True)
        try:
            write_fully(self._files, fd, [header], 0)
            self._files.fdatasync(fd)
        except OSError:
            self._files.close(fd)
            raise
        return fd

    def _discard(self, segment: Segment) -> None:
        """Remove what there is of a segment that could not be begun."""
        if self._fd >= 0:
            self._files.close(self._fd)
            self._fd = -1
        for path in (segment.path, segment.journal_path):
            try:
                try_unlink(self._files, path)
            except OSError:
                continue  # the next start removes it

    def _rotate_out(self) -> None:
        """Seal the active segment; an unsealed one is only checked more closely at start."""
        if self._segment is None:
            return
        try:
            seal = build_seal(self._segment.nonce, self._offset)
            write_fully(self._files, self._fd, [seal], self._offset)
            self._files.fdatasync(self._fd)
        except OSError:
            self._close_segment(self._offset)
        else:
            self._close_segment(None)

    def _close_segment(self, cut: int | None) -> None:
        segment = self._segment
        assert segment is not None
        self._files.close(self._fd)
        self._fd = -1
        self._segment = None
        self._results.append(Closed(segment, cut))
