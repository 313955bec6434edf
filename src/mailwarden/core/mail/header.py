"""The header of a message as it came: where it ends, what it says, its fields byte by byte.

A header ends at the first empty line (RFC 5322, 2.1). Where a line comes first that is neither a
field nor the continuation of one, the body begins with that line: Postfix, Exim and sendmail do
so, and who reads it otherwise sees another message than they do. A line of a mailbox file
(`From ann@partner.example ...`) on top of the fields is passed over, as they do too.

A field is a name of printable ASCII, blanks where a sender goes by RFC 5322, 4.5, a colon, and
the rest up to the next line that does not begin with a blank. LF ends a line, with a CR before it
or not; a CR alone is a character like others.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final, NamedTuple

FIELDS_MAX: Final = 20_000  # that are split off; later ones are left alone
LINE_BYTES_MAX: Final = 998  # RFC 5322, 2.1.1: without CRLF
SCANNED_VALUE_BYTES_MAX: Final = 2_048  # of a value in `HeaderScan`
# Below a field of ours, a mailbox file line would end the header. Behind this, without a line end
# between, it is a field, and the content is still as it came. Postfix uses the same name.
MAILBOX_LINE_NAME: Final = b"X-Mailbox-Line: "

_NAME: Final = rb"[!-9;-~]++"  # RFC 5322, 3.6.8: ftext
_FIELD: Final = re.compile(rb"(" + _NAME + rb")([ \t]*+):")
_LAST_LINE_END: Final = re.compile(rb"\n(?!" + _NAME + rb"[ \t]*+:|[ \t])")
_FIELD_LF: Final = re.compile(rb"\n(?![ \t])")
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")
_MBOX_LINE: Final = re.compile(rb">*+From [^\n]*+\n")
_SCANNED: Final = re.compile(
    rb"\n(?:(Received)|(Message-ID)|(Subject)|(Date)|(From))[ \t]*+:", re.IGNORECASE
)
_RECEIVED, _MESSAGE_ID, _SUBJECT, _DATE = 1, 2, 3, 4  # groups of `_SCANNED`

# RFC 5322, 3.6: those that must be there, and those that may be there once only.
_REQUIRED: Final = frozenset({"date", "from"})
_UNIQUE: Final = frozenset(
    {"date", "from", "sender", "reply-to", "to", "cc", "bcc"}
    | {"message-id", "in-reply-to", "references", "subject"}
)


class Defect(Enum):
    """What is wrong with a header."""

    BARE_CR = "CR without LF"
    BARE_LF = "LF without CR"
    BLANK_BEFORE_COLON = "blank before a colon"
    EIGHT_BIT = "bytes above 127"  # right with SMTPUTF8 only (RFC 6532)
    LONG_LINE = "line longer than 998 bytes"
    MAILBOX_LINE = "mailbox file line"
    MISSING_FIELD = "no Date or no From"
    NO_EMPTY_LINE = "no empty line before the body"
    NUL = "NUL"
    REPEATED_FIELD = "field that may occur only once"
    TOO_LARGE = "larger than what is read"
    TOO_MANY_FIELDS = "more fields than what is read"


class Field(NamedTuple):
    """One field, with its place in the bytes that it was split from."""

    name: str  # as written
    value: bytes  # behind the colon, folds kept, without the final line end
    start: int
    end: int  # behind the final line end
    is_added: bool  # stands in what the gateway put on top, not in the content


class HeaderScan(NamedTuple):
    """What receiving and logging a message asks of its header."""

    lines: int  # without the empty one
    received: int  # Received fields
    message_id: bytes | None  # raw, stripped, cut to SCANNED_VALUE_BYTES_MAX; None is no field
    subject: bytes | None  # likewise
    has_date: bool
    has_from: bool
    has_mailbox_line: bool  # on top: whatever is put above it ends with MAILBOX_LINE_NAME

    @property
    def has_message_id(self) -> bool:
        """Whether there is a Message-ID field, be it empty."""
        return self.message_id is not None


def header_end(content: bytes) -> int:
    """Return where the body begins: behind the empty line, where there is one.

    Content without an empty line or any other line that ends the header is all header.
    """
    if not _FIELD.match(content):
        mailbox_line = _MBOX_LINE.match(content)
        if mailbox_line is None or not _FIELD.match(content, mailbox_line.end()):
            return _behind_empty_line(content, 0)
    last = _LAST_LINE_END.search(content)
    return len(content) if last is None else _behind_empty_line(content, last.end())


def scan_header(block: bytes) -> HeaderScan:
    """Return what `block`, the content up to `header_end`, has to say at receipt."""
    received = 0
    message_id = subject = None
    has_date = has_from = False
    for match in _SCANNED.finditer(b"\n" + block):
        which = match.lastindex
        if which == _RECEIVED:
            received += 1
        elif which == _MESSAGE_ID:
            if message_id is None:
                message_id = _scanned_value(block, match.end() - 1)
        elif which == _SUBJECT:
            if subject is None:
                subject = _scanned_value(block, match.end() - 1)
        elif which == _DATE:
            has_date = True
        else:
            has_from = True
    has_mailbox_line = block[:1] in (b"F", b">") and not _FIELD.match(block)
    return HeaderScan(
        _line_count(block), received, message_id, subject, has_date, has_from, has_mailbox_line
    )


def split_fields(block: bytes, *, is_added: bool) -> tuple[tuple[Field, ...], set[Defect]]:
    """Return the fields of `block`, the content up to `header_end`, and what is odd about them."""
    fields: list[Field] = []
    defects: set[Defect] = set()
    at = 0
    if not _FIELD.match(block) and (mailbox_line := _MBOX_LINE.match(block)):
        defects.add(Defect.MAILBOX_LINE)
        at = mailbox_line.end()
    while (match := _FIELD.match(block, at)) and len(fields) < FIELDS_MAX:
        name, blanks = match.groups()
        start = match.end()
        last = _FIELD_LF.search(block, start)
        end = last.end() if last else len(block)
        value = block[start:end].removesuffix(b"\n").removesuffix(b"\r")
        fields.append(Field(name.decode("ascii"), value, at, end, is_added))
        if blanks:
            defects.add(Defect.BLANK_BEFORE_COLON)
        at = end
    if match:
        defects.add(Defect.TOO_MANY_FIELDS)
    return tuple(fields), defects


def byte_defects(block: bytes) -> Iterator[Defect]:
    """Yield what is wrong with the bytes and lines of `block`."""
    pairs = block.count(b"\r\n")
    if block.count(b"\r") > pairs:
        yield Defect.BARE_CR
    if block.count(b"\n") > pairs:
        yield Defect.BARE_LF
    if b"\0" in block:
        yield Defect.NUL
    if not block.isascii():
        yield Defect.EIGHT_BIT
    if any(len(line.removesuffix(b"\r")) > LINE_BYTES_MAX for line in block.split(b"\n")):
        yield Defect.LONG_LINE


def field_defects(fields: Sequence[Field]) -> Iterator[Defect]:
    """Yield what is wrong with `fields` as the whole header of a message (RFC 5322, 3.6)."""
    counts = Counter(field.name.lower() for field in fields)
    if not counts.keys() >= _REQUIRED:
        yield Defect.MISSING_FIELD
    if any(counts[name] > 1 for name in _UNIQUE):
        yield Defect.REPEATED_FIELD


def has_empty_line(block: bytes) -> bool:
    """Whether `block`, the content up to `header_end`, ends with an empty line."""
    return block.endswith((b"\n\r\n", b"\n\n")) or block in (b"\r\n", b"\n")


def unfold(value: bytes) -> bytes:
    """Return a field's value on one line, without blanks around it (RFC 5322, 2.2.3)."""
    return (_FOLD.sub(b"", value) if b"\n" in value else value).strip(b" \t\r\n")


def _behind_empty_line(content: bytes, at: int) -> int:
    if content.startswith(b"\r\n", at):
        return at + 2
    return at + 1 if content.startswith(b"\n", at) else at


def _scanned_value(block: bytes, start: int) -> bytes:
    limit = start + SCANNED_VALUE_BYTES_MAX
    last = _FIELD_LF.search(block, start, limit)
    end = last.start() if last else limit
    return block[start:end].strip(b" \t\r\n")


def _line_count(block: bytes) -> int:
    count = block.count(b"\n")
    if has_empty_line(block):
        return count - 1
    return count + (block != b"" and not block.endswith(b"\n"))
