"""Writes the report that a sender is to get: who is told, in what form, with what copy."""

import dataclasses
from collections.abc import Sequence
from typing import Final, NamedTuple

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
from mailwarden.core.mail.encoded_word import decode_unstructured
from mailwarden.core.mail.envelope import (
    NULL_SENDER,
    Body,
    Direction,
    Envelope,
    Notify,
    Recipient,
)
from mailwarden.core.mail.header import header_end, split_fields, unfold
from mailwarden.core.mail.message_id import build_message_id
from mailwarden.core.mail.received import resolve_by
from mailwarden.core.policy.bounce_profile import ResolvedProfile
from mailwarden.core.policy.bounce_templates import (
    BounceTemplate,
    parse_languages,
    report_values,
    word_report,
)
from mailwarden.stores.spool.spool import (
    DamagedError,
    Report,
    ReportKind,
    SpoolFailure,
    Stored,
)

SEARCHED_BYTES_MAX: Final = 64 * 1024  # of a header, for subject and language
_SUBJECT: Final = {  # of reports that have no template
    ReportKind.DELIVERED: "Delivery Status Notification (Success)",
    ReportKind.RELAYED: "Delivery Status Notification (Relay)",
}

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


class Told(NamedTuple):
    """What a sender is told of: a report about `original`, as far as it is about `rids`."""

    original: Stored
    report: Report
    rids: Sequence[int]


def write_report(
    told: Told,
    profile: ResolvedProfile,
    template: BounceTemplate | None,
    *,
    mid: int,
    now: float,
    offset_minutes: int,
    hostname: str,
    token: str,
    sender: str = "",
) -> Stored:
    """Return the message that tells of it, in the words of `template` or the built-in ones.

    `now` in epoch seconds, `offset_minutes` from UTC to the local zone; `token` is random;
    `sender` is whom it is from, as `parse_from` returns it.
    """
    original, report, rids = told
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
        subject=_SUBJECT.get(report.kind, ""),
        message_id=build_message_id(mid, now, hostname),
        token=token,
        now=now,
        arrived_at=envelope.received_at,
        retry_until=envelope.received_at + profile.max_queue_time_seconds,
        envelope_id=envelope.envelope_id,
        is_international=envelope.smtputf8,
        sender=sender,
    )
    if report.kind not in _SUBJECT:
        value = _word(value, original, profile, template, offset_minutes)
    copy = _copy(original, report.kind, profile, hostname)
    built = build_dsn(value, copy) if profile.dsn_format else build_plain_report(value, copy)
    return Stored(_envelope(envelope, built, mid, now, to), b"", InlineContent(built.content))


def _word(
    report: DeliveryReport,
    original: Stored,
    profile: ResolvedProfile,
    template: BounceTemplate | None,
    offset_minutes: int,
) -> DeliveryReport:
    """Return a report about a failure or a delay with its subject and text."""
    envelope = original.envelope
    subject, languages = _look_at(original)
    is_failure = report.action is Action.FAILED
    words = word_report(
        report,
        template,
        subject=profile.bounce_subject if is_failure else profile.delay_subject,
        languages=(profile.language,) if profile.language else languages,
        values=report_values(
            report,
            mid=envelope.mid,
            subject=subject,
            sender=envelope.sender,
            offset_minutes=offset_minutes,
        ),
    )
    return dataclasses.replace(report, subject=words.subject, text=words.text)


def _look_at(original: Stored) -> tuple[str, tuple[str, ...]]:
    """Return the subject of a message, and the languages that it says it is in (RFC 3282)."""
    try:
        head = original.content.read(SEARCHED_BYTES_MAX)
    except (SpoolFailure, DamagedError, OSError):
        return "", ()
    subject = ""
    languages: tuple[str, ...] = ()
    for field in reversed(split_fields(head[: header_end(head)], is_added=False)[0]):
        match field.name.lower():
            case "subject":
                subject = decode_unstructured(unfold(field.value))
            case "content-language":
                languages = parse_languages(unfold(field.value).decode("ascii", "replace"))
    return subject, languages


def _reported(recipient: Recipient) -> ReportedRecipient:
    return ReportedRecipient(recipient.address, recipient.original)


def _addressee(envelope: Envelope, kind: ReportKind, profile: ResolvedProfile) -> str:
    """Return who gets the report; what was asked for with NOTIFY=SUCCESS goes to who asked."""
    if kind in (ReportKind.FAILED, ReportKind.DELAYED):
        return profile.alternate_recipient or envelope.sender
    return envelope.sender


def _copy(
    original: Stored, kind: ReportKind, profile: ResolvedProfile, hostname: str
) -> Copy | None:
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
