"""What an administrator can look at in the spool's files, whether it is running or not.

Nothing here changes a file or takes a lock. While the spool is running, what is being written at
that moment may be missing or look half written.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from mailwarden.core.mail.envelope import Envelope
from mailwarden.core.mail.received import UNDECIDED, resolve_by
from mailwarden.stores.spool.codec import decode_envelope
from mailwarden.stores.spool.journal import parse_journal_header
from mailwarden.stores.spool.large import LargeContent
from mailwarden.stores.spool.mend import NoMender
from mailwarden.stores.spool.part import Part, failure
from mailwarden.stores.spool.reader import ReadRecord, read_record
from mailwarden.stores.spool.record import HEADER_SIZE, parse_segment_header
from mailwarden.stores.spool.replay import Replay, Replayed
from mailwarden.stores.spool.scan import walk
from mailwarden.stores.spool.spool import DamagedError, Entry, State
from mailwarden.stores.spool.window import Window, read_start
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files

_CHUNK_SIZE: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Listed:
    """One unfinished message, as a list shows it."""

    mid: int
    state: State
    hold: str  # name of the hold; "" is none
    received_at: float  # seconds since the epoch
    size: int  # bytes of header and content
    recipients_open: int
    attempts: int  # of delivery, the most of any recipient
    next_attempt_at: float  # seconds since the epoch, of the first recipient; 0 is at once
    reason: str  # why an attempt failed, or a stage deferred it; "" when nothing did
    reports: int  # that the sender is still to be sent
    part: str  # directory


@dataclass(frozen=True, slots=True)
class Shown:
    """One message with its envelope."""

    listed: Listed
    envelope: Envelope
    settled: frozenset[int]  # RIDs for which nothing is left to do


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of all checksums has found."""

    segments: int
    messages: int  # unfinished
    bytes_checked: int
    problems: Sequence[str]


def find_parts(files: Files, directory: Path) -> list[Part]:
    """Return the parts of all workers in the spool's `directory`. Raises SpoolFailure."""
    try:
        names = files.names(str(directory))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise failure(f"{directory} cannot be read", error) from error
    numbers = sorted(int(name) for name in names if name.isdecimal())
    return [Part(files, str(directory / str(number))) for number in numbers]


class Inspection:
    """The state of the spool's files at one moment.

    `problems` is told each thing that is wrong. Raises SpoolFailure when files cannot be read.
    """

    def __init__(
        self,
        files: Files,
        clock: Clock,
        directory: Path,
        problem: Callable[[str], None] = lambda _: None,
        *,
        verify: bool = False,
    ) -> None:
        self._files = files
        self._problem = problem
        self.bytes_checked = 0
        replay = Replay(files, clock, NoMender(), problem, self._count, verify=verify)
        try:
            self.found: Replayed = replay.run(find_parts(files, directory))
        except OSError as error:
            raise failure(f"{directory} cannot be read", error) from error

    def _count(self, messages: int, size: int, fraction: float) -> None:
        del messages, fraction
        self.bytes_checked = max(self.bytes_checked, size)

    def messages(self) -> Iterator[Listed]:
        """Yield all unfinished messages, oldest first."""
        damaged = {entry.mid for entry, _ in self.found.damaged}
        for mid in sorted(self.found.entries):
            yield _listed(self.found.entries[mid], is_damaged=mid in damaged)

    def show(self, mid: int) -> Shown | None:
        """Return one message with its envelope; None if there is none.

        Raises DamagedError, SpoolFailure.
        """
        entry = self.found.entries.get(mid)
        if entry is None:
            return None
        record = self._record(entry)
        envelope = decode_envelope(record.meta.envelope)
        return Shown(_listed(entry), envelope, frozenset(entry.settled or ()))

    def export(self, mid: int) -> Iterator[bytes] | None:
        """Return a message as it will leave (RFC 5322), in pieces; None if there is none.

        Raises DamagedError, at any piece of large content, and SpoolFailure.
        """
        entry = self.found.entries.get(mid)
        if entry is None:
            return None
        record = self._record(entry)
        large = self.found.large.get(mid)
        return _pieces(record, large)

    def export_unchecked(self, mid: int) -> Iterator[bytes] | None:
        """Return what is left of a message, whether it is damaged or not. Raises SpoolFailure."""
        entry = self.found.entries.get(mid)
        if entry is None:
            return None
        record = self._record(entry, verify=False)
        large = self.found.large.get(mid)
        if large is None:
            return iter((resolve_by(record.header, UNDECIDED), record.content))
        return _raw_pieces(self._files, record.header, large.path)

    def _record(self, entry: Entry, *, verify: bool = True) -> ReadRecord:
        segment = entry.segment
        try:
            fd = self._files.open(segment.path)
            try:
                return read_record(
                    self._files, fd, segment.nonce, entry.offset, entry.mid, verify=verify
                )
            finally:
                self._files.close(fd)
        except OSError as error:
            raise failure(f"MID {entry.mid} cannot be read", error) from error

    def check_large(self) -> None:
        """Read all content that lies in files of its own; tell what is damaged."""
        for mid, content in self.found.large.items():
            try:
                for chunk in content.chunks():
                    self.bytes_checked += len(chunk)
            except (DamagedError, OSError) as error:
                self._problem(f"MID {mid}: {error}")


def _listed(entry: Entry, *, is_damaged: bool = False) -> Listed:
    progress = list((entry.progress or {}).values())
    at, reason = entry.deferred or (0.0, "")  # of the work queue; what it defers is not delivered
    return Listed(
        mid=entry.mid,
        state=State.HELD if is_damaged else entry.state,
        hold="damaged" if is_damaged else entry.hold,
        received_at=entry.received_at,
        size=entry.size,
        recipients_open=entry.pending,
        attempts=max((waiting.attempts for waiting in progress), default=entry.attempts),
        next_attempt_at=at or min((waiting.next_attempt_at for waiting in progress), default=0.0),
        reason=reason or next((waiting.reason for waiting in progress if waiting.reason), ""),
        reports=len(entry.reports or ()),
        part=entry.segment.part.path,
    )


def _pieces(record: ReadRecord, large: LargeContent | None) -> Iterator[bytes]:
    yield resolve_by(record.header, UNDECIDED)
    if large is None:
        yield record.content
    else:
        yield from large.chunks()


def _raw_pieces(files: Files, header: bytes, path: str) -> Iterator[bytes]:
    yield resolve_by(header, UNDECIDED)
    try:
        fd = files.open(path)
    except FileNotFoundError:
        return
    try:
        read = partial(files.pread, fd, _CHUNK_SIZE)
        offset = 0
        while data := read(offset):
            offset += len(data)
            yield data
    finally:
        files.close(fd)


def verify_spool(files: Files, clock: Clock, directory: Path) -> Verified:
    """Check every checksum in the spool's `directory`. Raises SpoolFailure."""
    problems: list[str] = []
    inspection = Inspection(files, clock, directory, problems.append, verify=True)
    problems += [f"MID {entry.mid}: {why}" for entry, why in inspection.found.damaged]
    inspection.check_large()
    return Verified(
        segments=len(inspection.found.segments),
        messages=len(inspection.found.entries),
        bytes_checked=inspection.bytes_checked,
        problems=problems,
    )


def highest_mid(files: Files, directory: Path) -> int | None:
    """Return the highest MID in the spool's `directory`; None if there is no spool at all.

    It is for `FileIdentifiers`, whose file is to be made before the first part is. Raises
    SpoolFailure.
    """
    parts = find_parts(files, directory)
    if not parts:
        return None
    try:
        return max(
            (_highest_mid(files, part, number) for part in parts for number in part.sequences()),
            default=0,
        )
    except OSError as error:
        raise failure(f"{directory} cannot be read", error) from error


def _highest_mid(files: Files, part: Part, sequence: int) -> int:
    """Return the highest MID of a segment, that of finished messages too; 0 if it has none.

    Whoever asks may have a million messages in memory already, so none is kept here.
    """
    highest = 0
    try:
        fd = files.open(part.segment_path(sequence))
    except FileNotFoundError:  # its owner has just removed it
        return 0
    try:
        window = Window(files, fd, files.size(part.segment_path(sequence)))
        nonce = _nonce(files, part, sequence, window)
        for found in () if nonce is None else walk(window, nonce, window.size, verify=False):
            if found.head is not None and found.head.mid > highest:
                highest = found.head.mid
    except FileNotFoundError:
        return highest
    finally:
        files.close(fd)
    return highest


def _nonce(files: Files, part: Part, sequence: int, window: Window) -> int | None:
    """Return the nonce of a segment, from its journal if need be; None if neither tells it."""
    try:
        return parse_segment_header(window.read(0, HEADER_SIZE)).nonce
    except DamagedError:
        with suppress(DamagedError):
            return parse_journal_header(read_start(files, part.journal_path(sequence))).nonce
    return None
