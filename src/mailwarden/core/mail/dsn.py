"""Writes reports to senders: delivery status notifications (RFC 3464, RFC 6533; mailflow 7.5).

Whatever comes from a peer, such as a reply or an address, is made a bounded part of one line
before it gets into a report, so that nobody can add fields or parts to it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.mail.date import build_date
from mailwarden.core.mail.dsn_copy import (
    Copy,
    decode_copy,
    encode_quoted_printable,
    is_transportable,
)
from mailwarden.core.mail.dsn_field import (
    address_in_header,
    ascii_line,
    boundary_token,
    encode_subject,
    final_recipient,
    hostname_text,
    one_line,
    original_recipient,
    remote_mta,
)
from mailwarden.core.mail.from_field import build_from

RECIPIENTS_MAX: Final = 10_000  # named in one report


class Action(Enum):
    """What happened to a recipient (RFC 3464, 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"


_STATUS: Final = {
    Action.FAILED: "5.0.0 (permanent failure)",
    Action.DELAYED: "4.0.0 (transient failure)",
    Action.DELIVERED: "2.0.0 (success)",
    Action.RELAYED: "2.0.0 (success)",
}
_FATE: Final = {
    Action.FAILED: "was undeliverable.",
    Action.DELAYED: "has not been delivered yet.",
    Action.DELIVERED: "was delivered.",
    Action.RELAYED: "was relayed to a system that does not report deliveries.",
}
_PROBLEMS: Final = (Action.FAILED, Action.DELAYED)


class ReportedRecipient(NamedTuple):
    """A recipient as the envelope has it."""

    address: str
    original: str = ""  # ORCPT in the form `type;address`, xtext decoded (RFC 3461, 4.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """Everything that a report says. Times are epoch seconds."""

    action: Action
    recipients: tuple[ReportedRecipient, ...]
    reason: str = ""  # `5.1.0 - Unknown address error`
    response: str = ""  # `550-'no such user'`
    remote: str = ""  # address or name of the host that said it; "" is none
    attempts: int = 0  # before the final one
    hostname: str  # of the gateway
    to: str
    subject: str
    message_id: str  # with angle brackets
    token: str  # random; parts are separated by it
    now: float
    arrived_at: float
    retry_until: float = 0.0  # for delays; 0 is not known
    envelope_id: str = ""  # ENVID, xtext decoded (RFC 3461, 4.4)
    text: str = ""  # for people, as lines with CRLF; "" is what `build_explanation` says
    is_international: bool = False  # the message came with SMTPUTF8: its sender's system has it
    sender: str = ""  # whom the report is from, as `parse_from` returns it; "" is MAILER-DAEMON

    @property
    def needs_smtputf8(self) -> bool:
        """Whether the report itself has UTF-8 in its header (RFC 6533, 2)."""
        return (
            self.is_international
            and not self.to.isascii()
            and not any(0xD800 <= ord(c) <= 0xDFFF for c in self.to)
        )


class BuiltReport(NamedTuple):
    """A report as a message."""

    content: bytes  # header and body, CRLF
    is_8bit: bool  # it needs 8BITMIME (RFC 6152)
    is_international: bool  # it needs SMTPUTF8 (RFC 6531)


def build_dsn(report: DeliveryReport, copy: Copy | None) -> BuiltReport:
    """Return the report as multipart/report (RFC 6522), with `copy` as its third part if any."""
    status_type = "global-delivery-status" if report.needs_smtputf8 else "delivery-status"
    status = build_status(report).encode("utf-8")
    explanation = (report.text or build_explanation(report)).encode("utf-8", "replace")
    charset = "us-ascii" if explanation.isascii() else "utf-8"
    parts = [
        Copy(f"text/plain; charset={charset}", _encoding(explanation), explanation),
        Copy(f"message/{status_type}", _encoding(status), status),
        *(() if copy is None else (copy,)),
    ]
    boundary = _boundary(report, parts)
    encoding = "8bit" if any(part.encoding == "8bit" for part in parts) else "7bit"
    header = _header(
        report, f'multipart/report; report-type={status_type};\r\n boundary="{boundary}"', encoding
    )
    pieces = [header]
    for part in parts:
        head = (
            f"--{boundary}\r\nContent-Type: {part.media_type}\r\n"
            f"Content-Transfer-Encoding: {part.encoding}\r\n\r\n"
        )
        pieces += (head.encode("ascii"), part.data, b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode("ascii"))
    return _built(report, b"".join(pieces))


def build_plain_report(report: DeliveryReport, copy: Copy | None) -> BuiltReport:
    """Return the report as plain text, with `copy` below it if any."""
    text = report.text or build_explanation(report)
    if copy is not None:
        what = "message" if copy.media_type in ("message/rfc822", "message/global") else "header"
        text += f"\r\n------ Here is the {what}: ------\r\n\r\n{decode_copy(copy)}"
    data = text.encode("utf-8")
    if data.isascii() and is_transportable(data):
        return _built(report, _header(report, "text/plain; charset=us-ascii", "7bit") + data)
    header = _header(report, "text/plain; charset=utf-8", "quoted-printable")
    return _built(report, header + encode_quoted_printable(data))


def build_explanation(report: DeliveryReport) -> str:
    """Return what a person reads, as lines with CRLF."""
    named = report.recipients[:RECIPIENTS_MAX]
    names = ",\r\n".join(f"<{one_line(recipient.address)}>" for recipient in named)
    more = len(report.recipients) - len(named)
    if more:
        names = f"{names}\r\nand {more} more"
    lines = [f"The following message to {names} {_FATE[report.action]}"]
    if report.action in _PROBLEMS:
        lines += ["The reason for the problem:", _problem(report)]
    if report.action is Action.DELAYED and report.retry_until:
        until = build_date(report.retry_until)
        lines += ["", f"You need not send it again. Delivery will be tried until {until}."]
    return "".join(f"{line}\r\n" for line in lines)


def build_status(report: DeliveryReport) -> str:
    """Return what a program reads (RFC 3464, 2), as lines with CRLF."""
    plain = not report.needs_smtputf8
    lines = [f"Reporting-MTA: dns; {hostname_text(report.hostname)}"]
    if report.envelope_id:
        lines.append(f"Original-Envelope-Id: {ascii_line(report.envelope_id)}")
    lines.append(f"Arrival-Date: {build_date(report.arrived_at)}")
    same = _same_for_all(report, plain=plain)
    for recipient in report.recipients[:RECIPIENTS_MAX]:
        lines.append("")
        original = original_recipient(recipient.original, plain=plain)
        if original:
            lines.append(f"Original-Recipient: {original}")
        lines.append(f"Final-Recipient: {final_recipient(recipient.address, plain=plain)}")
        lines += same
    return "".join(f"{line}\r\n" for line in lines)


def _same_for_all(report: DeliveryReport, *, plain: bool) -> list[str]:
    """Return the fields that all recipients of a report share."""
    lines = [f"Action: {report.action.value}", f"Status: {_STATUS[report.action]}"]
    if report.remote:
        lines.append(f"Remote-MTA: dns; {remote_mta(report.remote)}")
    if report.action in _PROBLEMS:
        text = f"{_problem(report)} (delivery attempts: {report.attempts})"
        lines.append(f"Diagnostic-Code: smtp; {ascii_line(text) if plain else text}")
    elif report.response:
        text = one_line(report.response)
        lines.append(f"Diagnostic-Code: smtp; {ascii_line(text) if plain else text}")
    if report.action is Action.DELAYED and report.retry_until:
        lines.append(f"Will-Retry-Until: {build_date(report.retry_until)}")
    return lines


def _problem(report: DeliveryReport) -> str:
    return f"{one_line(report.reason)} {one_line(report.response)}".strip()


def _header(report: DeliveryReport, media_type: str, encoding: str) -> bytes:
    to = address_in_header(report.to, plain=not report.needs_smtputf8)
    lines = (
        f"Date: {build_date(report.now)}",
        f"From: {build_from(report.sender, report.hostname)}",
        f"To: <{to}>",
        f"Subject: {encode_subject(report.subject)}",
        f"Message-ID: {ascii_line(report.message_id)}",
        "Auto-Submitted: auto-replied",  # RFC 3834, 5
        "MIME-Version: 1.0",
        f"Content-Type: {media_type}",
        f"Content-Transfer-Encoding: {encoding}",
        "",
    )
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8")


def _encoding(text: bytes) -> str:
    return "7bit" if text.isascii() else "8bit"


def _boundary(report: DeliveryReport, parts: list[Copy]) -> str:
    """Return a boundary that no part contains (RFC 2046, 5.1.1)."""
    first = boundary = boundary_token(report.token, report.hostname)
    number = 0
    while any(boundary.encode("ascii") in part.data for part in parts):
        number += 1
        boundary = f"{first}.{number}"
    return boundary


def _built(report: DeliveryReport, content: bytes) -> BuiltReport:
    return BuiltReport(content, not content.isascii(), report.needs_smtputf8)
