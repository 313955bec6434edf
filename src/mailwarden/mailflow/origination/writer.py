"""Writes the report that a sender is to get: who is told, in what form, with what copy."""

from collections.abc import Sequence
from typing import Final

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.dsn import (
    Action,
    BuiltReport,
    DeliveryReport,
    ReportedRecipient,
    build_dsn,
    build_plain_report,
)
from mailwarden.core.mail.dsn_copy import Copy, build_copy
from mailwarden.core.mail.envelope import (
    NULL_SENDER,
    Body,
    Direction,
    Envelope,
    Notify,
    Recipient,
)
from mailwarden.core.mail.message_id import build_message_id
from mailwarden.core.mail.received import resolve_by
from mailwarden.mailflow.origination.profile import ReportProfile
from mailwarden.stores.spool.spool import (
    DamagedError,
    Report,
    ReportKind,
    SpoolFailure,
    Stored,
)

SUCCESS_SUBJECT: Final = "Delivery Status Notification (Success)"
RELAY_SUBJECT: Final = "Delivery Status Notification (Relay)"

_ACTION: Final = {
    ReportKind.FAILED: Action.FAILED,
    ReportKind.DELAYED: Action.DELAYED,
    ReportKind.DELIVERED: Action.DELIVERED,
    ReportKind.RELAYED: Action.RELAYED,
}


def is_wanted(kind: ReportKind, notify: Notify) -> bool:
    """Whether the sender of a recipient with `notify` is to hear of it (RFC 3461, 4.1)."""
    match kind:
        case ReportKind.FAILED:
            return not notify or bool(notify & Notify.FAILURE)
        case ReportKind.DELAYED:
            return not notify or bool(notify & Notify.DELAY)
        case ReportKind.DELIVERED | ReportKind.RELAYED:
            return bool(notify & Notify.SUCCESS)


def write_report(
    original: Stored,
    report: Report,
    rids: Sequence[int],
    profile: ReportProfile,
    *,
    mid: int,
    now: float,
    hostname: str,
    token: str,
) -> Stored:
    """Return the message that tells of `report`, as far as it is about `rids`.

    `now` in epoch seconds; `token` is random.
    """
    envelope = original.envelope
    to = _addressee(envelope, report.kind, profile)
    value = DeliveryReport(
        action=_ACTION[report.kind],
        recipients=tuple(_reported(envelope.recipients[rid]) for rid in rids),
        reason=report.reason,
        response=report.response,
        remote=report.remote,
        attempts=report.attempts,
        hostname=hostname,
        to=to,
        subject=_subject(report.kind, profile),
        message_id=build_message_id(mid, now, hostname),
        token=token,
        now=now,
        arrived_at=envelope.received_at,
        retry_until=envelope.received_at + profile.max_queue_time_seconds,
        envelope_id=envelope.envelope_id,
        is_international=envelope.smtputf8,
    )
    copy = _copy(original, report.kind, profile, hostname)
    built = build_dsn(value, copy) if profile.dsn_format else build_plain_report(value, copy)
    return Stored(_envelope(envelope, built, mid, now, to), b"", InlineContent(built.content))


def _reported(recipient: Recipient) -> ReportedRecipient:
    return ReportedRecipient(recipient.address, recipient.original)


def _addressee(envelope: Envelope, kind: ReportKind, profile: ReportProfile) -> str:
    """Return who gets the report; what was asked for with NOTIFY=SUCCESS goes to who asked."""
    if kind in (ReportKind.FAILED, ReportKind.DELAYED):
        return profile.alternate_recipient or envelope.sender
    return envelope.sender


def _subject(kind: ReportKind, profile: ReportProfile) -> str:
    match kind:
        case ReportKind.FAILED:
            return profile.bounce_subject
        case ReportKind.DELAYED:
            return profile.delay_subject
        case ReportKind.DELIVERED:
            return SUCCESS_SUBJECT
        case ReportKind.RELAYED:
            return RELAY_SUBJECT


def _copy(original: Stored, kind: ReportKind, profile: ReportProfile, hostname: str) -> Copy | None:
    """Return what is given back of the message; None if it cannot be read any more."""
    envelope = original.envelope
    try:
        return build_copy(
            resolve_by(original.header, hostname),
            original.content,
            size_max_bytes=profile.copy_size_max_bytes,
            # RFC 3461, 4.3: RET is about failures, other reports have the header only. RFC 8689,
            # 5: nor does more of a message that asked for TLS all the way leave in a report.
            header_only=kind is not ReportKind.FAILED
            or envelope.return_full is False
            or envelope.requiretls,
            is_international=envelope.smtputf8,
        )
    except (SpoolFailure, DamagedError, OSError):
        return None


def _envelope(original: Envelope, built: BuiltReport, mid: int, now: float, to: str) -> Envelope:
    return Envelope(
        mid=mid,
        icid=0,
        sender=NULL_SENDER,  # RFC 3461, 6.1: so that no report answers it
        recipients=(Recipient(to, Notify.NEVER),),
        received_at=now,
        direction=Direction.GENERATED,
        body=Body.EIGHTBITMIME if built.is_8bit else Body.SEVENBIT,
        smtputf8=built.is_international,
        requiretls=original.requiretls,  # RFC 8689, 5
        bounce_profile=original.bounce_profile,
        parent=original.mid,
        report=True,
    )
