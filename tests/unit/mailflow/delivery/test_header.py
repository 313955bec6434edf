"""Header fields for the log."""

import pytest

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope
from mailwarden.mailflow.delivery.header import VALUE_LENGTH_MAX, header_values
from mailwarden.stores.spool.spool import Stored

ENVELOPE = Envelope(mid=1, icid=1, sender="", recipients=(), received_at=0.0)
CASES = [
    (b"", b"A: 1\r\nB: 2\r\n\r\n", "b", "2"),
    (b"A: 0\r\n", b"A: 1\r\n\r\n", "A", "0"),
    (b"", b"A: 1\r\n\t2\r\n  3\r\nB: x\r\n\r\n", "A", "1 2 3"),
    (b"", b"AB: 1\r\n\r\nA: 2\r\n", "A", "None"),
    (b"", b"A:\r\n\r\n", "A", ""),
    (b"", b"A: 1", "A", "1"),
    (b"", b"", "A", "None"),
    (b"", b"A: \xff\r\n\r\n", "A", "\ufffd"),
    (b"", b"A: " + b"x" * 500 + b"\r\n\r\n", "A", "x" * VALUE_LENGTH_MAX),
    (b"", b"A: 1\r\n 2", "A", "1 2"),
]


@pytest.mark.parametrize(("header", "content", "name", "value"), CASES)
def test_values(header: bytes, content: bytes, name: str, value: str) -> None:
    stored = Stored(ENVELOPE, header, InlineContent(content))
    assert header_values(stored, (name,)) == [(name, value)]
