"""Any bytes are a header: nothing raises, nothing is lost, both readings agree."""

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.encoded_word import TEXT_CHARACTERS_MAX, decode_unstructured
from mailwarden.core.mail.header import (
    Defect,
    has_empty_line,
    header_end,
    scan_header,
    split_fields,
    unfold,
)
from mailwarden.core.mail.message import Message
from mailwarden.core.mail.received import BY_PLACEHOLDER, build_received, resolve_by

MARKS = st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"a", b"\0", b"\xc3\xa4", b">"])
NAMES = st.sampled_from([b"From ", b"RECEIVED\t:", b"subject", b"Date :\n", b": "])
WHOLES = st.sampled_from(
    [
        b"Subject: x\r\n",
        b"From: a@b\r\n",
        b"Received: from a\r\n by b\r\n",
        b"Message-ID: <a@b>\r\n",
        b"=?utf-8?q?=C3?= ",
        b"\r\n\r\n",
    ]
)
PIECES = MARKS | NAMES | WHOLES
CONTENT = st.one_of(st.binary(), st.lists(PIECES, max_size=14).map(b"".join))


@given(CONTENT)
def test_fields_and_body_are_all_there_is(content: bytes) -> None:
    end = header_end(content)
    block = content[:end]
    fields, defects = split_fields(block, is_added=False)
    at = block.index(b"\n") + 1 if Defect.MAILBOX_LINE in defects else 0
    for field in fields:
        assert field.start == at
        assert block.startswith(field.name.encode(), at)
        assert field.value in block[at : field.end]
        at = field.end
    assert block[at:] in (b"", b"\r\n", b"\n")
    assert has_empty_line(block) >= (block[at:] != b"")


@given(CONTENT)
def test_the_scan_sees_what_the_fields_say(content: bytes) -> None:
    block = content[: header_end(content)]
    scan = scan_header(block)
    message = Message(b"", InlineContent(content))
    assert scan.received == len(message.get_all("received"))
    assert scan.has_date == (message.get("date") is not None)
    assert scan.has_from == (message.get("from") is not None)
    for name, value in (("message-id", scan.message_id), ("subject", scan.subject)):
        field = message.get(name)
        assert value == (field.value.strip(b" \t\r\n") if field else None)
    lines = block.split(b"\n")
    assert scan.lines == sum(line not in (b"", b"\r") for line in lines)


@given(CONTENT, CONTENT)
def test_the_body_never_changes_the_header(content: bytes, more: bytes) -> None:
    end = header_end(content)
    if has_empty_line(content[:end]):
        assert header_end(content + more) == end


@given(CONTENT, CONTENT)
def test_a_message_is_whole(header: bytes, content: bytes) -> None:
    message = Message(header, InlineContent(content))
    assert message.header_block() + b"".join(message.body_chunks()) == content
    assert message.defects == message.defects
    for field in message.fields:
        assert message.raw(field).startswith(field.name.encode())
        assert field in message.get_all(field.name.upper())


@given(CONTENT)
def test_text_is_always_text(value: bytes) -> None:
    text = decode_unstructured(value)
    assert text.encode("utf-8") is not None
    assert len(text) <= TEXT_CHARACTERS_MAX


@given(CONTENT)
def test_an_unfolded_value_is_one_line(content: bytes) -> None:
    for field in split_fields(content, is_added=False)[0]:
        assert b"\n" not in unfold(field.value)


@given(st.text(), st.text(), st.text(), st.none() | st.text(), st.text())
def test_received_is_always_one_field(
    client_name: str, helo: str, address: str, by: str | None, hostname: str
) -> None:
    header = build_received(
        client_name=client_name,
        helo=helo,
        client_address=address,
        by=by,
        protocol="ESMTP",
        date="09 Nov 2010 10:15:02 +0000",
    )
    assert header.count(BY_PLACEHOLDER) == (by is None)
    field = resolve_by(header, hostname)
    assert [found.name for found in split_fields(field, is_added=True)[0]] == ["Received"]
    assert field.isascii()
    assert field.count(b"\n") == field.count(b"\r\n") == field.count(b"\r") == 2
