"""Reads a journal and says of each message what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mailwarden.stores.spool.fields import from_text, shared
from mailwarden.stores.spool.journal import (
    FRAME_HEAD_SIZE,
    FRAME_MAGIC,
    Baseline,
    Cut,
    Gone,
    Hold,
    Record,
    Release,
    ReportDue,
    Requeue,
    Resolve,
    Retry,
    Settle,
    Snapshot,
    Void,
    parse_frame_head,
    parse_payload,
    progress_at,
    read_progress,
    read_report,
    report_key,
)
from mailwarden.stores.spool.record import HEADER_SIZE
from mailwarden.stores.spool.spool import (
    DamagedError,
    Held,
    OneProgress,
    Progress,
    Report,
    ReportKind,
    Settlement,
    State,
    compact_progress,
)
from mailwarden.stores.spool.window import Window

STATES: Final = {int(state): state for state in State if state is not State.FINISHED}


_FIRST_RIDS: Final = (0,)
_FIRST: Final = frozenset(_FIRST_RIDS)  # shared: a set of its own takes 216 bytes


class MessageState:
    """What a journal says of one message. A segment of small ones may have a hundred thousand."""

    __slots__ = (
        "attempts",
        "gone",
        "held",
        "progress",
        "reports",
        "requeue_at",
        "requeue_reason",
        "settled",
        "snapshot",
        "state",
        "void",
    )

    def __init__(self) -> None:
        self.settled: frozenset[int] | set[int] | None = None
        self.progress: Mapping[int, Progress] | None = None
        self.state: State | None = None  # None is: as it was put
        self.held: Held | None = None
        self.attempts = 0
        self.requeue_at = 0.0
        self.requeue_reason = ""
        self.reports: list[Report] | None = None
        self.snapshot = False
        self.gone = False
        self.void = False

    def settle(self, rids: tuple[int, ...]) -> None:
        """Note that `rids` have ended."""
        if self.settled is None:
            self.settled = _FIRST if rids == _FIRST_RIDS else set(rids)
        elif isinstance(self.settled, set):
            self.settled.update(rids)
        else:
            self.settled = {*self.settled, *rids}

    def wait(self, rids: tuple[int, ...], progress: Progress) -> None:
        """Note that `rids` wait for another attempt."""
        waiting = self.progress
        if isinstance(waiting, dict):
            waiting.update(dict.fromkeys(rids, progress))
        elif len(rids) == 1 and (waiting is None or rids[0] in waiting):
            self.progress = OneProgress(rids[0], progress)
        else:
            self.progress = {**(waiting or {}), **dict.fromkeys(rids, progress)}

    def pass_on(self) -> None:
        """Note that the work queue was done with it.

        What was held in the middle of a transaction stays so, however that ended.
        """
        if self.state is not State.HELD:
            self.state = State.QUEUED

    def resolve(self, key: int) -> None:
        """Note that the report known as `key` was written."""
        if self.reports is not None:
            self.reports = [report for report in self.reports if report_key(report) != key] or None

    def is_finished(self, recipients: int) -> bool:
        """Whether nothing is left to do of a message with so many recipients."""
        if self.gone:
            return True
        if self.reports is not None or self.settled is None or len(self.settled) < recipients:
            return False
        return all(rid in self.settled for rid in range(recipients))


@dataclass(slots=True)
class JournalContent:
    """All that a journal says."""

    messages: dict[int, MessageState] = field(default_factory=dict)
    cut: int | None = None
    baseline: int = 0
    records: int = 0
    end: int = HEADER_SIZE  # behind the last sound frame
    holes: int = 0  # damaged stretches with sound frames behind them

    def apply(self, record: Record, now: float) -> None:
        """Take one record in."""
        self.records += 1
        if isinstance(record, Cut):
            self.cut = record.offset if self.cut is None else min(self.cut, record.offset)
            return
        if isinstance(record, Baseline):
            self.baseline = max(self.baseline, record.offset)
            return
        message = self.messages.get(record.mid)
        if message is None:
            message = self.messages[record.mid] = MessageState()
        if type(record) is Settle:
            message.settle(record.rids)
            if record.how == Settlement.DELIVERED:
                message.pass_on()
        else:
            _apply(message, record, now)


def _apply(message: MessageState, record: Record, now: float) -> None:
    match record:
        case Retry():
            message.wait(record.rids, read_progress(record, now))
            message.pass_on()
        case Hold():
            message.state = State.HELD
            message.held = Held(from_text(record.name), record.at)
        case Release():
            message.state = STATES.get(record.state, State.RECEIVED)
            message.held = None
        case Requeue():
            message.attempts = record.attempts
            message.requeue_at = progress_at(record.at, record.written_at, now)
            message.requeue_reason = shared(from_text(record.reason))
        case ReportDue():
            _apply_report(message, record)
        case Resolve():
            message.settle(record.rids)
            message.resolve(record.key)
        case Snapshot():
            _apply_snapshot(message, record, now)
        case Gone():
            message.gone = True
        case Void():
            message.void = True


def _apply_report(message: MessageState, record: ReportDue) -> None:
    try:
        report = read_report(record.report)
    except ValueError:
        return  # of a kind that a newer program knows
    # The work queue reports failures too, and what is open of the message has to go on there.
    # Delivery has a connection, or says the rest with a retry.
    if report.dcid or report.kind is not ReportKind.FAILED:
        message.pass_on()
    reports = message.reports or []
    if report not in reports:
        message.reports = [*reports, report]
    if report.kind in (ReportKind.DELIVERED, ReportKind.RELAYED):
        message.settle(report.rids)


def _apply_snapshot(message: MessageState, record: Snapshot, now: float) -> None:
    message.snapshot = True
    message.gone = False
    message.state = STATES.get(record.state)
    message.held = Held(from_text(record.hold), record.held_at) if record.hold else None
    message.attempts = record.attempts
    message.requeue_at = (
        progress_at(record.requeue_at, record.written_at, now) if record.requeue_at else 0.0
    )
    message.requeue_reason = shared(from_text(record.requeue_reason))
    message.settled = set(record.settled) or None
    message.progress = compact_progress(
        {
            rid: Progress(
                attempts,
                progress_at(at, record.written_at, now),
                warnings,
                shared(from_text(reason)),
            )
            for rid, attempts, at, warnings, reason in record.progress
        }
    )
    message.reports = None
    for fields in record.reports:
        _apply_report(message, ReportDue(record.mid, fields))
    message.state = STATES.get(record.state)


def read_journal(window: Window, nonce: int, now: float) -> JournalContent:
    """Return what the journal behind `window` says, as far as it can be read.

    What cannot be read is passed over: some recipients may be served again. Raises OSError.
    """
    content = JournalContent()
    offset = HEADER_SIZE
    while offset < window.size:
        end = _read_frame(window, nonce, offset, content, now)
        if end is not None:
            offset = content.end = end
            continue
        following = _next_frame(window, nonce, offset + 1)
        if following is None:
            break
        content.holes += 1
        offset = following
    return content


def _read_frame(
    window: Window, nonce: int, offset: int, content: JournalContent, now: float
) -> int | None:
    """Take the records of the frame at `offset` in; return the offset behind it if it is sound."""
    data, index = window.at(offset, FRAME_HEAD_SIZE)
    head = parse_frame_head(data[index : index + FRAME_HEAD_SIZE], nonce, offset)
    if head is None:
        return None
    length, crc = head
    start = offset + FRAME_HEAD_SIZE
    if start + length > window.size:
        return None
    try:
        for record in parse_payload(window.read(start, length), crc, nonce, offset):
            content.apply(record, now)
    except DamagedError:
        return None
    return start + length


def _next_frame(window: Window, nonce: int, offset: int) -> int | None:
    """Return where the next sound frame head is."""
    while (offset := window.find(FRAME_MAGIC, offset)) >= 0:
        head = parse_frame_head(window.read(offset, FRAME_HEAD_SIZE), nonce, offset)
        if head is not None and offset + FRAME_HEAD_SIZE + head[0] <= window.size:
            return offset
        offset += 1
    return None
