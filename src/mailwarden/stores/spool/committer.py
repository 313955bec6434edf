"""Writes messages to the active segment: one write and one sync for all that wait.

While one sync runs, the next messages gather in the queue in front of it; an idle spool syncs at
once. This runs in a thread of its own, or on the event loop while the kernel
syncs; either way it shares nothing with the rest but what is handed over.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, NamedTuple

from mailwarden.stores.spool.journal import build_journal_header
from mailwarden.stores.spool.loop_worker import Steps
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


class Request(NamedTuple):
    """Messages that are committed together or not at all."""

    drafts: Sequence[Draft]
    plans: Sequence[LargePlan]
    reserve: bool  # may use some of the space that is kept for recording deliveries
    refusal: SpoolFailure | None  # known already; only waits for its turn to be called back
    token: Any  # handed back with the result


class Committed(NamedTuple):
    """What became of a request."""

    token: Any
    segment: Segment | None
    offsets: Sequence[int]
    end: int  # offset behind the last of them
    failure: SpoolFailure | None


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


class _SyncFailedError(Exception):
    """What was written may or may not be on the disk."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Committer:
    """Owns the active segment of a part."""

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
        self.syncs = 0  # may be read from any thread

    def handle(self, batch: list[Any]) -> None:
        """Commit the lists of requests in `batch`, waiting for each sync."""
        steps = self.steps(batch)
        trouble: OSError | None = None
        while True:
            try:
                fd = steps.send(trouble)
            except StopIteration:
                return
            try:
                self._files.fdatasync(fd)
            except OSError as error:
                trouble = error
            else:
                trouble = None

    def steps(self, batch: list[Any]) -> Steps:
        """Commit the lists of requests in `batch`; a `None` in it ends the active segment.

        Yields each descriptor that is to be synced, and goes on when it was; it is then sent what
        went wrong, or None.
        """
        requests: list[Request] = []
        for gathered in batch:
            if gathered is None:
                yield from self._commit_all(requests)
                requests = []
                self._rotate_out()
            else:
                requests += gathered
        yield from self._commit_all(requests)
        results, self._results = self._results, []
        if results:
            self._post(results)

    def _commit_all(self, requests: list[Request]) -> Steps:
        if not requests:
            return
        self._look_at_space()
        chunk: list[Request] = []
        size = 0
        for request in requests:
            if size >= CHUNK_SIZE_MAX:
                yield from self._commit(chunk)
                chunk, size = [], 0
            chunk.append(request)
            size += sum(len(draft.content) for draft in request.drafts)
        yield from self._commit(chunk)

    def _commit(self, requests: list[Request]) -> Steps:
        """Write and sync `requests`; note the results in the order of the requests."""
        refusals = [self._refusal(request) for request in requests]
        accepted = [
            request for request, refusal in zip(requests, refusals, strict=True) if refusal is None
        ]
        placed, trouble = (yield from self._try_write(accepted)) if accepted else ([], None)
        segment = self._segment
        places = iter(placed)
        for request, refusal in zip(requests, refusals, strict=True):
            refused = refusal or trouble
            if refused is not None:
                self._results.append(Committed(request.token, None, (), 0, refused))
            else:
                offsets, end = next(places)
                self._results.append(Committed(request.token, segment, offsets, end, None))

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

    def _try_write(
        self, requests: list[Request]
    ) -> Generator[int, OSError | None, tuple[list[Placed], SpoolFailure | None]]:
        """Make `requests` durable; return offsets and end of each, or why that failed."""
        try:
            yield from self._sync_large(requests)
            self._open_segment()
        except OSError as error:
            return [], failure(f"{self._part.path} takes no message", error)
        try:
            return (yield from self._write(requests)), None
        except OSError as error:
            self._undo(trusted=True)
            return [], failure(f"{self._part.path} takes no message", error)
        except _SyncFailedError as caught:
            self._undo(trusted=False)
            return [], failure(f"{self._part.path} could not be synced", caught.error)

    def _write(self, requests: list[Request]) -> Generator[int, OSError | None, list[Placed]]:
        segment = self._segment
        assert segment is not None
        nonce = segment.nonce
        offset = self._offset
        buffers: list[bytes] = []
        placed = []
        for request in requests:
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
            placed.append((offsets, offset))
        write_fully(self._files, self._fd, buffers, self._offset)
        trouble = yield self._fd
        if trouble is not None:
            raise _SyncFailedError(trouble) from trouble
        self.syncs += 1
        self._offset = offset
        return placed

    def _sync_large(self, requests: list[Request]) -> Steps:
        """Make durable the content that lies in files of its own, before it is referred to."""
        plans = [plan for request in requests for plan in request.plans]
        if not plans:
            return
        for plan in plans:
            if plan.link_from:
                self._files.link(plan.link_from, plan.path)
            else:
                trouble = yield plan.fd
                if trouble is not None:
                    raise trouble
        self._files.sync_directory(self._part.large_directory)

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
