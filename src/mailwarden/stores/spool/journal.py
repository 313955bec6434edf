"""A journal: what happens to the messages of one segment after they were put.

A record is a tuple whose first item is its kind; msgpack keeps it as an array. Records that were
handed over together stand in one frame:

```text
journal header   64 bytes, as in record.py, with the nonce of its segment
frame            magic, length and checksum of the payload, checksum of these; then the payload
```
"""

import zlib
from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any, Final

import msgspec

from mailwarden.stores.spool.fields import from_text, shared, text
from mailwarden.stores.spool.record import SegmentHeader, build_header, parse_header
from mailwarden.stores.spool.spool import DamagedError, Entry, Progress, Report, ReportKind

SETTLE: Final = 1  # mid, how, rids
RETRY: Final = 2  # mid, rids, attempts, next_attempt_at, warnings, reason, written_at
HOLD: Final = 3  # mid, name, reason, at
RELEASE: Final = 4  # mid, state
REQUEUE: Final = 5  # mid, attempts, at, written_at, reason
REPORT: Final = 6  # mid, report
RESOLVE: Final = 7  # mid, key of the report, rids
SNAPSHOT: Final = 8  # see Snapshot
GONE: Final = 9  # mid: finished; follows a copy
CUT: Final = 10  # offset: nothing in the segment counts from there on
BASELINE: Final = 11  # offset: before it, only messages with a snapshot in this journal count
VOID: Final = 12  # mid: its record in this segment does not count

_MAGIC: Final = b"MWstate\n"
FRAME_MAGIC: Final = b"\x94MWj"
_FRAME: Final = Struct("<4sII")
_CRC: Final = Struct("<I")
FRAME_HEAD_SIZE: Final = _FRAME.size + _CRC.size
_MASK: Final = 0xFFFFFFFF
RECORDS_MAX: Final = 4096  # in one frame
_FAR_FUTURE: Final = 1e15


class ReportFields(msgspec.Struct, array_like=True):
    """A report as it stands in a record."""

    kind: int
    rids: tuple[int, ...]
    reason: bytes
    response: bytes
    remote: bytes
    attempts: int
    at: float
    dcid: int


class Settle(msgspec.Struct, array_like=True, tag=SETTLE):
    """Recipients ended."""

    mid: int
    how: int
    rids: tuple[int, ...]


class Retry(msgspec.Struct, array_like=True, tag=RETRY):
    """Recipients wait for another attempt."""

    mid: int
    rids: tuple[int, ...]
    attempts: int
    next_attempt_at: float
    warnings: int
    reason: bytes
    written_at: float


class Hold(msgspec.Struct, array_like=True, tag=HOLD):
    """The message is held."""

    mid: int
    name: bytes
    reason: bytes
    at: float = 0.0  # 0 is unknown: older programs did not write it


class Release(msgspec.Struct, array_like=True, tag=RELEASE):
    """The message is held no longer."""

    mid: int
    state: int


class Requeue(msgspec.Struct, array_like=True, tag=REQUEUE):
    """A pass of the work queue failed."""

    mid: int
    attempts: int
    at: float
    written_at: float
    reason: bytes


class ReportDue(msgspec.Struct, array_like=True, tag=REPORT):
    """The sender is to hear something."""

    mid: int
    report: ReportFields


class Resolve(msgspec.Struct, array_like=True, tag=RESOLVE):
    """The sender was told."""

    mid: int
    key: int
    rids: tuple[int, ...]


class Snapshot(msgspec.Struct, array_like=True, tag=SNAPSHOT):
    """All that is known of the message; what was recorded before does not matter."""

    mid: int
    state: int
    hold: bytes
    attempts: int
    requeue_at: float  # 0 when it does not wait
    written_at: float
    settled: tuple[int, ...]
    progress: tuple[tuple[int, int, float, int, bytes], ...]  # rid, then Progress
    reports: tuple[ReportFields, ...]
    held_at: float = 0.0
    requeue_reason: bytes = b""


class Gone(msgspec.Struct, array_like=True, tag=GONE):
    """The message has finished."""

    mid: int


class Cut(msgspec.Struct, array_like=True, tag=CUT):
    """The segment ends at `offset`, whatever the file holds."""

    offset: int


class Baseline(msgspec.Struct, array_like=True, tag=BASELINE):
    """What has no snapshot in this journal and stands before `offset` has finished."""

    offset: int


class Void(msgspec.Struct, array_like=True, tag=VOID):
    """The record of the message in this segment does not count, nor what it claims."""

    mid: int


Record = (
    Settle
    | Retry
    | Hold
    | Release
    | Requeue
    | ReportDue
    | Resolve
    | Snapshot
    | Gone
    | Cut
    | Baseline
    | Void
)

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Record]).decode


def report_fields(report: Report) -> tuple[Any, ...]:
    """Return `report` as it stands in a record."""
    return (
        int(report.kind),
        report.rids,
        text(report.reason),
        text(report.response),
        text(report.remote),
        report.attempts,
        report.at,
        report.dcid,
    )


def report_key(report: Report) -> int:
    """Return the number by which a record of its resolution knows `report`."""
    return zlib.crc32(_encode(report_fields(report)))


def read_report(fields: ReportFields) -> Report:
    """Return the report of a record. Raises ValueError when its kind is unknown."""
    return Report(
        ReportKind(fields.kind),
        fields.rids,
        from_text(fields.reason),
        from_text(fields.response),
        from_text(fields.remote),
        fields.attempts,
        fields.at,
        fields.dcid,
    )


def snapshot(entry: Entry, requeue_at: float, now: float) -> tuple[Any, ...]:
    """Return the record that says all of `entry`; `requeue_at` is 0 when it does not wait."""
    progress = [
        (rid, *waiting[:3], text(waiting.reason)) for rid, waiting in (entry.progress or {}).items()
    ]
    return (
        SNAPSHOT,
        entry.mid,
        int(entry.state),
        text(entry.hold),
        entry.attempts,
        requeue_at,
        now,
        tuple(entry.settled or ()),
        progress,
        [report_fields(report) for report in entry.reports or ()],
        0.0 if entry.held is None else entry.held.at,
        b"" if entry.deferred is None else text(entry.deferred.reason),
    )


def progress_at(at: float, written_at: float, now: float) -> float:
    """Return when to try again something that at `written_at` was to be tried at `at`.

    A wall clock that was set back since would make it wait for longer than was meant.
    """
    return min(at, now + max(0.0, at - written_at)) if at < _FAR_FUTURE else now


def read_progress(record: Retry, now: float) -> Progress:
    """Return the progress that `record` tells of."""
    return Progress(
        record.attempts,
        progress_at(record.next_attempt_at, record.written_at, now),
        record.warnings,
        shared(from_text(record.reason)),
    )


def build_journal_header(header: SegmentHeader) -> bytes:
    """Return the first bytes of a journal."""
    return build_header(_MAGIC, header)


def parse_journal_header(data: bytes) -> SegmentHeader:
    """Return what a journal says of itself. Raises DamagedError."""
    return parse_header(_MAGIC, data)


def build_frames(records: Sequence[tuple[Any, ...]], nonce: int, offset: int) -> bytes:
    """Return `records` in frames, the first of which stands at `offset`."""
    frames: list[bytes] = []
    for start in range(0, len(records), RECORDS_MAX):
        payload = _encode(records[start : start + RECORDS_MAX])
        seed = (nonce + offset) & _MASK
        head = _FRAME.pack(FRAME_MAGIC, len(payload), zlib.crc32(payload, seed))
        frames += (head, _CRC.pack(zlib.crc32(head, seed)), payload)
        offset += FRAME_HEAD_SIZE + len(payload)
    return b"".join(frames)


def parse_frame_head(data: bytes, nonce: int, offset: int) -> tuple[int, int] | None:
    """Return length and checksum of the payload if `data` begins with a sound frame head."""
    if len(data) < FRAME_HEAD_SIZE or data[:4] != FRAME_MAGIC:
        return None
    head = data[: _FRAME.size]
    if zlib.crc32(head, (nonce + offset) & _MASK) != _CRC.unpack_from(data, _FRAME.size)[0]:
        return None
    _, length, crc = _FRAME.unpack(head)
    return length, crc


def parse_payload(payload: bytes, crc: int, nonce: int, offset: int) -> Iterator[Record]:
    """Return the records of the frame at `offset`. Raises DamagedError."""
    if zlib.crc32(payload, (nonce + offset) & _MASK) != crc:
        raise DamagedError("the frame does not match its checksum")
    try:
        return iter(_decode(payload))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DamagedError(str(error)) from error
