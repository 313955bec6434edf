"""Mails the configuration as an attachment, through the gateway's own spool (admin XML-23)."""

import base64
import secrets
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from mailwarden.control.operations.asking import first_of
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.saving import Form, attachment
from mailwarden.core.mail.date import build_date
from mailwarden.core.mail.dsn_field import address_in_header, encode_subject, hostname_text
from mailwarden.core.mail.from_field import build_from
from mailwarden.core.patterns import parse_mailbox

FILE_BYTES_MAX: Final = 20 * 1024 * 1024  # more is not mail any more
_LINE_BYTES: Final = 57  # that make a line of 76 letters (RFC 2045, 6.8)


class Parts(NamedTuple):
    """What a mail with a file is made of. `token` is random letters and digits."""

    hostname: str
    sender: str  # as `parse_from` returns it; "" is the gateway itself
    to: Sequence[str]
    subject: str
    text: str  # in ASCII, with LF
    name: str  # of the file
    content: bytes
    token: str
    now: float  # epoch seconds
    content_type: str = "application/xml; charset=iso-8859-1"


async def mail_configuration(desk: Desk, addresses: Sequence[str], form: Form) -> int:
    """Send the version in force; return the MID, once the mail is on the disk.

    Raises:
        RefusedOperationError: it may not be sent, is too large, or the gateway does not take it.
        GatewayError: the gateway does not answer.
    """
    name, content = await attachment(desk, form)
    if len(content) > FILE_BYTES_MAX:
        raise RefusedOperationError(
            f"the file is larger than {FILE_BYTES_MAX} bytes; use saveconfig, and fetch it"
        )
    administration = desk.administration
    config = administration.config
    mail = build_mail(
        Parts(
            hostname=config.hostname,
            sender=config.return_addresses.others,
            to=addresses,
            subject=f"Configuration of {hostname_text(config.hostname)}",
            text=f"The configuration of {hostname_text(config.hostname)} is attached.\n"
            f"Secrets in it are {form.protection.value}.\n",
            name=name,
            content=content,
            token=secrets.token_hex(12),
            now=administration.clock.time(),
        )
    )
    request = {"command": "originate", "to": list(addresses), "mail": mail.decode("ascii")}
    answer = await first_of(desk, request)
    detail = f"to {', '.join(addresses)}, secrets {form.protection.value}"
    desk.record("mailconfig", detail)
    return int(answer.get("mid") or 0)


def parse_mail_address(text: str) -> str:
    """Return an address that the configuration can be sent to.

    Raises:
        ValueError: it is none, or not in ASCII.
    """
    address = parse_mailbox(text)
    if not address.isascii():
        raise ValueError(f"{address!r} is not in ASCII")
    return address


def build_mail(parts: Parts) -> bytes:
    """Return header and body with CRLF, in ASCII (RFC 5322, RFC 2046)."""
    return "".join(f"{line}\r\n" for line in _lines(parts)).encode("ascii")


def _lines(parts: Parts) -> Iterator[str]:
    boundary = f"configuration={parts.token}"
    to = ",\r\n ".join(f"<{address_in_header(each, plain=True)}>" for each in parts.to)
    yield f"Date: {build_date(parts.now)}"
    yield f"From: {build_from(parts.sender, parts.hostname)}"
    yield f"To: {to}"
    yield f"Subject: {encode_subject(parts.subject)}"
    yield f"Message-ID: <{int(parts.now):x}.{parts.token}@{hostname_text(parts.hostname)}>"
    yield "Auto-Submitted: auto-generated"  # RFC 3834, 5
    yield "MIME-Version: 1.0"
    yield f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"'
    yield ""
    yield f"--{boundary}"
    yield "Content-Type: text/plain; charset=us-ascii"
    yield ""
    yield from parts.text.split("\n")
    yield f"--{boundary}"
    yield f"Content-Type: {parts.content_type}"
    yield "Content-Transfer-Encoding: base64"
    yield f'Content-Disposition: attachment;\r\n filename="{parts.name}"'
    yield ""
    for start in range(0, len(parts.content), _LINE_BYTES):
        yield base64.b64encode(parts.content[start : start + _LINE_BYTES]).decode("ascii")
    yield f"--{boundary}--"
