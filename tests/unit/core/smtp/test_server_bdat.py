"""CHUNKING at receipt (RFC 3030)."""

import pytest

from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.content import BareCrLf
from mailwarden.core.smtp.events import Chunk, Content

from .caller import Caller, codes, make_rules

START = b"EHLO x\r\nMAIL FROM:<ann@partner.example>\r\nRCPT TO:<bob@corp.example>\r\n"
SIZE = "552 #5.3.4 message size exceeds limit"


def bdat(data: bytes, *, last: bool = False) -> bytes:
    return b"BDAT %d%s\r\n%s" % (len(data), b" LAST" if last else b"", data)


def chunks(wire: bytes, **changes: object) -> tuple[list[str], list[bytes]]:
    """Return the replies to `wire` behind RCPT and the messages; the same for each single cut."""
    results = []
    for cut in range(len(wire)):
        caller = Caller(make_rules(**changes))
        caller.say(START)
        results.append((caller.say(wire[:cut], wire[cut:]), caller.messages))
    assert all(result == results[0] for result in results)
    return results[0]


def test_one_chunk() -> None:
    wire = bdat(b"A: b\r\n\r\n.\r\n", last=True)
    assert chunks(wire) == (["250 ok:  Message 1 accepted"], [b"A: b\r\n\r\n.\r\n"])


def test_several_chunks() -> None:
    wire = bdat(b"A: b\r") + bdat(b"\n\r\nte") + bdat(b"xt\r\n", last=True) + b"NOOP\r\n"
    lines, messages = chunks(wire)
    assert lines == [
        "250 5 octets received",
        "250 5 octets received",
        "250 ok:  Message 1 accepted",
        "250 ok",
    ]
    assert messages == [b"A: b\r\n\r\ntext\r\n"]


def test_empty_last_chunk() -> None:
    assert chunks(bdat(b"a\r\n") + bdat(b"", last=True))[1] == [b"a\r\n"]
    assert chunks(bdat(b"a\r") + bdat(b"") + bdat(b"\n") + b"bdat 0 last\r\n")[1] == [b"a\r\n"]
    assert chunks(bdat(b"", last=True))[1] == [b""]


def test_last_line_gets_its_end() -> None:
    assert chunks(bdat(b"a\r\nb", last=True))[1] == [b"a\r\nb\r\n"]


def test_content_looks_like_commands() -> None:
    wire = bdat(b"QUIT\r\n.\r\n\r\nBDAT 3\r\n") + bdat(b".\r\n", last=True)
    assert chunks(wire)[1] == [b"QUIT\r\n.\r\n\r\nBDAT 3\r\n.\r\n"]


@pytest.mark.parametrize(
    ("prefix", "reply"),
    [
        (b"", "503 #5.5.1 RCPT first"),
        (b"EHLO x\r\n", "503 #5.5.1 RCPT first"),
        (b"EHLO x\r\nMAIL FROM:<>\r\n", "503 #5.5.1 RCPT first"),
    ],
)
def test_chunk_at_the_wrong_time_is_passed_over(prefix: bytes, reply: str) -> None:
    chunk = bdat(b"QUIT\r\nNOOP\r\n") + b"NOOP\r\n"
    for cut in range(len(chunk)):
        caller = Caller()
        caller.say(prefix)
        assert caller.say(chunk[:cut], chunk[cut:])[-2:] == [reply, "250 ok"]
        assert not any(isinstance(event, Content) for event in caller.events)


@pytest.mark.parametrize(
    "argument",
    [b"", b"x", b"-1", b"1 2", b"1 LASTING", b"+1", b"1.0", b"LAST", b"9" * 21, b"1\xb2"],
)
@pytest.mark.parametrize("prefix", [b"", START])
def test_chunk_without_a_size_ends_all(argument: bytes, prefix: bytes) -> None:
    caller = Caller()
    lines = caller.say(prefix, b"BDAT " + argument + b"\r\nMAIL FROM:<evil@x.example>\r\n")
    assert lines[-1] == "501 #5.5.2 syntax error expected BDAT <size> [LAST]"
    assert caller.conversation.is_closed


def test_huge_chunk_needs_no_memory() -> None:
    caller = Caller()
    assert codes(caller.say(b"EHLO x\r\nBDAT 99999999999999999999\r\n")) == ["220", "250"]
    for _ in range(10):
        assert caller.say(b"x" * 100_000) == []
        assert caller.conversation.buffered == 0


@pytest.mark.parametrize(
    "command", [b"DATA\r\n", b"RCPT TO:<b@c.example>\r\n", b"MAIL FROM:<>\r\n", b"AUTH PLAIN\r\n"]
)
def test_nothing_else_between_chunks(command: bytes) -> None:
    lines, messages = chunks(
        bdat(b"a\r\n") + command + b"NOOP\r\n" + bdat(b"b\r\n", last=True), offers_auth=True
    )
    assert codes(lines) == ["250", "503", "250", "250"]
    assert messages == [b"a\r\nb\r\n"]


def test_data_then_bdat() -> None:
    lines, messages = chunks(b"DATA\r\nBDAT 3\r\nabc\r\n.\r\n" + bdat(b"x", last=True))
    assert codes(lines) == ["354", "250", "503"]
    assert messages == [b"BDAT 3\r\nabc\r\n"]


@pytest.mark.parametrize("command", [b"RSET\r\n", b"EHLO x\r\n"])
def test_reset_between_chunks(command: bytes) -> None:
    wire = bdat(b"old\r\n") + command + START.partition(b"\r\n")[2] + bdat(b"new\r\n", last=True)
    assert chunks(wire)[1] == [b"new\r\n"]


def test_size_limit_over_chunks() -> None:
    wire = bdat(b"x" * 60) + bdat(b"x" * 60) + bdat(b"x", last=True) + b"NOOP\r\n"
    lines, messages = chunks(wire, max_message_size=100)
    assert lines == ["250 60 octets received", SIZE, "503 #5.5.1 RCPT first", "250 ok"]
    assert messages == []


def test_bare_lf_in_chunks() -> None:
    wire = bdat(b"a\r\n\r\nb\nc") + bdat(b"\r\n", last=True)
    assert chunks(wire)[1] == [b"a\r\n\r\nb\r\nc\r\n"]
    assert chunks(wire, bare_cr_lf=BareCrLf.ALLOW)[1] == [b"a\r\n\r\nb\nc\r\n"]
    lines, messages = chunks(wire, bare_cr_lf=BareCrLf.REJECT)
    assert lines[0] == "554 message body contains illegal bare CR/LF characters."
    assert messages == []


def test_header_limit_in_chunks() -> None:
    wire = bdat(b"A: b\r\n" * 8) + bdat(b"A: b\r\n" * 8, last=True)
    assert chunks(wire, max_header_lines=15)[0][-1] == (
        "552 #5.3.4 message header size exceeds limit"
    )
    assert chunks(wire, max_header_lines=16)[0][-1] == "250 ok:  Message 1 accepted"


def test_refused_chunk_ends_the_transaction() -> None:
    caller = Caller(policy=lambda event: replies.QUEUE_FULL if isinstance(event, Chunk) else None)
    lines = caller.say(START, bdat(b"a\r\n") + bdat(b"b\r\n", last=True) + START)
    assert codes(lines)[-5:] == ["452", "503", "250", "250", "250"]


def test_many_chunks_are_no_flood() -> None:
    caller = Caller()
    assert codes(caller.say(START, bdat(b"a\r\n") * 500 + bdat(b"", last=True)))[-1] == "250"
    assert len(caller.messages[0]) == 1500


def test_empty_chunks_at_the_wrong_time_are_a_flood() -> None:
    caller = Caller()
    caller.say(bdat(b"") * 200)
    assert caller.conversation.is_closed
