"""Reports as tests want them, and a second opinion on what was built."""

import email
import email.policy
from email.message import EmailMessage
from typing import Any

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.dsn import Action, DeliveryReport, ReportedRecipient
from mailwarden.core.mail.dsn_copy import Copy, build_copy

NOW = 1_289_297_702.0  # Tue, 09 Nov 2010 10:15:02 +0000
BOB = ReportedRecipient("bob@partner.example")
ORIGINAL = (
    b"From: Ann <ann@corp.example>\r\n"
    b"To: bob@partner.example\r\n"
    b"Subject: Quarterly numbers\r\n"
    b"\r\n"
    b"They are good.\r\n"
)


def report(**changes: Any) -> DeliveryReport:
    """The report of mailflow 7.5, but for `changes`."""
    fields: dict[str, Any] = {
        "action": Action.FAILED,
        "recipients": (BOB,),
        "reason": "5.1.0 - Unknown address error",
        "response": "550-'no such user'",
        "remote": "192.0.2.25",
        "hostname": "gw1.corp.example",
        "to": "ann@corp.example",
        "subject": "Delivery Status Notification (Failure)",
        "message_id": "<4cd91ea6.7013@gw1.corp.example>",
        "token": "0123456789abcdef",
        "now": NOW,
        "arrived_at": NOW - 60,
    }
    return DeliveryReport(**{**fields, **changes})


def copy_of(data: bytes, added: bytes = b"", **changes: Any) -> Copy:
    """What is returned of a message, with the limits of the default bounce profile."""
    options: dict[str, Any] = {
        "size_max_bytes": 10_240,
        "header_only": False,
        "is_international": False,
    }
    return build_copy(added, InlineContent(data), **{**options, **changes})


def parse(content: bytes) -> EmailMessage:
    """What the standard library makes of it."""
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def parts(content: bytes) -> list[EmailMessage]:
    """The body parts."""
    found = list(parse(content).iter_parts())
    assert all(isinstance(part, EmailMessage) for part in found)
    return found  # type: ignore[return-value]  # just asserted


def text_of(part: EmailMessage) -> str:
    """The text of a part, as people see it."""
    value = part.get_payload(decode=True)
    assert isinstance(value, bytes)
    return value.decode(part.get_content_charset() or "utf-8")
