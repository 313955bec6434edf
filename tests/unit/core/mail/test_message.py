"""The shared view of a message."""

from collections.abc import Iterator

from mailwarden.core.mail import message as message_module
from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.header import Defect
from mailwarden.core.mail.message import HEADER_BYTES_MAX, Message

ADDED = b"Received: from a\r\n  by b\r\n"
CONTENT = (
    b"Date: x\r\nFrom: y\r\nReceived: from c\r\nSubject: =?utf-8?q?Z=C3=A4hler?=\r\n\r\nbody\r\n"
)


class CountingContent:
    """Content that counts how often and how much of it is read."""

    def __init__(self, data: bytes, piece: int = 7) -> None:
        self.data = data
        self.piece = piece
        self.dotted = True
        self.reads: list[int] = []

    @property
    def size(self) -> int:
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        for at in range(0, len(self.data), self.piece):
            yield self.data[at : at + self.piece]

    def read(self, limit: int = -1) -> bytes:
        self.reads.append(limit)
        return self.data if limit < 0 else self.data[:limit]


def test_fields_from_the_top() -> None:
    message = Message(ADDED, InlineContent(CONTENT))
    names = ["Received", "Date", "From", "Received", "Subject"]
    assert [field.name for field in message.fields] == names
    assert [field.is_added for field in message.fields] == [True] + [False] * 4
    assert b"".join(map(message.raw, message.fields)) == ADDED + CONTENT[: -len(b"\r\nbody\r\n")]
    assert message.size == len(ADDED + CONTENT)


def test_lookup_in_any_case() -> None:
    message = Message(ADDED, InlineContent(CONTENT))
    first, second = message.get_all("RECEIVED")
    assert message.get("received") == first
    assert first.value == b" from a\r\n  by b"
    assert second.value == b" from c"
    assert message.get("X") is None
    assert message.get_all("X") == ()
    assert message.text("subject") == "Zähler"
    assert message.text("X") == ""


def test_body() -> None:
    message = Message(ADDED, CountingContent(CONTENT))
    assert message.body_offset == len(CONTENT) - len(b"body\r\n")
    assert message.header_block() == CONTENT[: message.body_offset]
    assert b"".join(message.body_chunks()) == b"body\r\n"
    assert all(message.body_chunks())
    assert list(Message(b"", InlineContent(b"A: b\r\n\r\n")).body_chunks()) == []
    assert list(Message(b"", InlineContent(b"\r\nbody")).body_chunks()) == [b"body"]


def test_nothing_is_read_before_somebody_asks_and_then_once() -> None:
    content = CountingContent(CONTENT)
    message = Message(ADDED, content)
    assert message.size
    assert content.reads == []
    assert message.fields is not None
    assert message.body_offset
    assert message.defects == frozenset()
    renewed = message.with_header(b"X: y\r\n" + message.header)
    assert [field.name for field in renewed.fields][:2] == ["X", "Received"]
    assert renewed.get("x") == ("X", b" y", 0, 6, True)
    assert renewed.body_offset == message.body_offset
    assert len(content.reads) == 1
    assert message.get("x") is None


def test_a_long_header_is_read_step_by_step() -> None:
    first = message_module._FIRST_READ_BYTES
    for length in (first - 8, first - 7, first - 6, first - 5, first - 4, first - 3, first):
        header = b"X: " + b"y" * (length - 9) + b"\r\n z\r\n\r\n"
        content = CountingContent(header + b"body\r\n" * 100_000)
        message = Message(b"", content)
        assert message.header_block() == header
        assert message.defects == {Defect.LONG_LINE, Defect.MISSING_FIELD}
        assert max(content.reads) < content.size


def test_a_line_cut_by_a_step_is_no_body() -> None:
    first = message_module._FIRST_READ_BYTES
    header = b"X: y\r\n" * (first // 6) + b"Longer-Name: z\r\n\r\n"
    message = Message(b"", CountingContent(header + b"body"))
    assert message.body_offset == len(header)


def test_a_header_without_end_is_read_to_the_limit() -> None:
    line = b"X: " + b"y" * 65_531 + b"\r\n"  # 64 KiB
    content = CountingContent(line * (HEADER_BYTES_MAX // len(line) + 2))
    message = Message(b"", content)
    assert message.body_offset == HEADER_BYTES_MAX
    assert Defect.TOO_LARGE in message.defects
    endless = Message(b"", CountingContent(b"X" * (HEADER_BYTES_MAX + 1)))
    assert endless.body_offset == 0
    assert Defect.TOO_LARGE in endless.defects


def test_defects_are_data() -> None:
    content = b"Date: x\r\nFrom: y\r\nno field\r\n\r\n"
    assert Message(b"", InlineContent(content)).defects == {Defect.NO_EMPTY_LINE}
    assert Message(b"", InlineContent(b"Date: x\r\nFrom: y\r\n")).defects == set()
    hopeless = Message(b"", InlineContent(b"From a\r\nX : \xff\0\r\n\n\n")).defects
    assert hopeless == {
        Defect.MAILBOX_LINE,
        Defect.BLANK_BEFORE_COLON,
        Defect.BARE_LF,
        Defect.EIGHT_BIT,
        Defect.NUL,
        Defect.MISSING_FIELD,
    }


def test_what_the_gateway_adds_heals() -> None:
    content = InlineContent(b"From: y\r\n\r\n")
    assert Message(b"", content).defects == {Defect.MISSING_FIELD}
    assert Message(b"Date: x\r\n", content).defects == set()


def test_empty_message() -> None:
    message = Message(b"", InlineContent(b""))
    assert message.fields == ()
    assert message.body_offset == 0
    assert message.defects == {Defect.MISSING_FIELD}
