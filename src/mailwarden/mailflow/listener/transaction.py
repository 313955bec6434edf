"""One message while it is being received: from MAIL to the reply to its last byte."""

from typing import Final

from mailwarden.core.mail.content import Content, InlineContent
from mailwarden.core.mail.envelope import Recipient
from mailwarden.core.mail.header import MAILBOX_LINE_NAME, HeaderScan, header_end, scan_header
from mailwarden.core.mail.message_id import build_message_id
from mailwarden.core.smtp.events import Mail, Rcpt
from mailwarden.stores.spool.spool import Spill, Spool, SpoolFailure


class Transaction:
    """Sender, recipients and the content so far.

    Content gathers in memory up to `inline_max` bytes; what is larger goes to the spool's disk
    while it comes, so that a message costs bounded memory.
    """

    __slots__ = (
        "_inline_max",
        "_known",
        "_looked_at",
        "_pieces",
        "_size",
        "_spill",
        "_spool",
        "bounce",
        "dropped",
        "failure",
        "mail",
        "mid",
        "recipients",
    )

    def __init__(self, mid: int, mail: Mail, spool: Spool, inline_max: int) -> None:
        self.mid: Final = mid
        self.mail: Final = mail
        self.recipients: list[Recipient] = []
        self.bounce = 0  # a `BounceKind`: what its recipients have in common
        self.dropped = 0  # recipients that an alias leads nowhere
        self.failure: SpoolFailure | None = None  # the disk did not take a piece
        self._known: set[str] = set()  # addresses of the recipients, in lower case
        self._looked_at = 0  # recipients that are in there
        self._spool = spool
        self._inline_max = inline_max
        self._pieces: list[bytes] = []
        self._size = 0
        self._spill: Spill | None = None

    def add_recipient(self, event: Rcpt, address: str) -> int:
        """Count a recipient in, under the address that it has now; return its RID."""
        original = event.original
        if address != event.address and not original:
            original = original_of(event.address)
        self.recipients.append(Recipient(address, event.notify, original))
        return len(self.recipients) - 1

    def has_recipient(self, address: str) -> bool:
        """Whether `address` is among the recipients, whatever its case."""
        for recipient in self.recipients[self._looked_at :]:
            self._known.add(recipient.address.lower())
        self._looked_at = len(self.recipients)
        return address.lower() in self._known

    def add(self, data: bytes) -> None:
        """Take a piece of content. Raises SpoolFailure when the disk does not take it."""
        if self.failure is not None:
            return
        self._size += len(data)
        if self._spill is not None:
            self._spill.write(data)
            return
        self._pieces.append(data)
        if self._size > self._inline_max:
            self._spill = self._spool.spill()
            for piece in self._pieces:
                self._spill.write(piece)
            self._pieces.clear()

    def finish(self, last: bytes, *, dotted: bool) -> Content:
        """Return the whole content. Raises SpoolFailure as `add` does."""
        if self._pieces or self._spill is not None or len(last) > self._inline_max:
            self.add(last)
            if self._spill is not None:
                return self._spill.finish(dotted=dotted)
            last = b"".join(self._pieces)
        return InlineContent(last, dotted=dotted)

    def abandon(self) -> None:
        """Forget the content."""
        self._pieces.clear()
        if self._spill is not None:
            self._spill.abandon()
            self._spill = None


def original_of(address: str) -> str:
    """Return what a recipient whose address changes is reported as to the sender (RFC 3461, 5.2.1).

    That is the address of RCPT, which is the only one that the sender knows. It goes on as ORCPT.
    """
    if address.isascii():
        return f"rfc822;{address}"
    try:
        address.encode()
    except UnicodeEncodeError:  # bytes that are no text have no form there (RFC 6533, 3)
        return ""
    return f"utf-8;{address}"


def look_at(content: Content, header_bytes_max: int) -> tuple[HeaderScan, bool]:
    """Return what receiving asks of the header, and whether the content begins with its body."""
    head = content.read(header_bytes_max)
    end = header_end(head)
    has_no_header = end == 0 and not head.startswith(b"\r\n")
    return scan_header(head[:end]), has_no_header


def added_header(
    received: bytes, scan: HeaderScan, *, message_id: tuple[int, float, str] | None, bare: bool
) -> bytes:
    """Return what goes on top of the content.

    `message_id` has what one is built from, where a missing one is to be added. `bare` content
    has no header of its own: an empty line keeps its first line from becoming a part of ours. A
    mailbox file's `From ` line on top would end our header: it becomes the value of a field.
    """
    header = received
    if message_id is not None and scan.message_id is None:
        header += f"Message-ID: {build_message_id(*message_id)}\r\n".encode("ascii")
    if header and scan.has_mailbox_line:
        header += MAILBOX_LINE_NAME
    elif header and bare:
        header += b"\r\n"
    return header
