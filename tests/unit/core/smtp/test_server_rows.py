"""Acceptance examples of mailflow.md section 9, as far as the receiving core shows them alone."""

import pytest

from mailwarden.core.mail.address import AddressRules, ParserMode, SourceRouting
from mailwarden.core.smtp.content import BareCrLf
from mailwarden.core.smtp.events import BadSyntax, InvalidAddress, Mail, Rcpt, Unknown

from .caller import GREETING, Caller, make_rules, talk

START = b"EHLO x\r\nMAIL FROM:<ann@partner.example>\r\n"
OPENING = START + b"RCPT TO:<bob@corp.example>\r\nDATA\r\n"
SIZE = "552 #5.3.4 message size exceeds limit"


def addresses(*lines: bytes, **rules: object) -> list[str]:
    """Return the addresses of MAIL and RCPT that were taken."""
    caller = Caller(make_rules(address_rules=AddressRules(**rules)))  # type: ignore[arg-type]
    caller.say(b"EHLO x\r\n", *lines)
    return [event.address for event in caller.events if isinstance(event, Mail | Rcpt)]


def test_row_01_banner_and_helo() -> None:
    caller = Caller()
    assert caller.say() == [GREETING]
    assert caller.say(b"HELO\r\n") == ["250 gw1.corp.example"]


def test_row_02_offers() -> None:
    lines = talk(b"EHLO x\r\n")
    assert lines[:3] == ["250-gw1.corp.example", "250-8BITMIME", "250-SIZE 20971520"]
    assert not any("STARTTLS" in line for line in lines)
    assert [line[3] for line in lines] == ["-"] * (len(lines) - 1) + [" "]


def test_row_03_one_message() -> None:
    caller = Caller()
    caller.say(b"EHLO x\r\n")
    assert caller.say(b"MAIL FROM:<ann@partner.example>\r\n") == [
        "250 sender <ann@partner.example> ok"
    ]
    assert caller.say(b"RCPT TO:<bob@corp.example>\r\n") == ["250 recipient <bob@corp.example> ok"]
    assert caller.say(b"DATA\r\n") == ["354 go ahead"]
    assert caller.say(b"Subject: x\r\n\r\nHello\r\n.\r\n") == ["250 ok:  Message 1 accepted"]
    assert caller.messages == [b"Subject: x\r\n\r\nHello\r\n"]


def test_row_04_sequence() -> None:
    caller = Caller()
    caller.say(b"EHLO x\r\n")
    assert caller.say(b"RCPT TO:<bob@corp.example>\r\n") == ["503 #5.5.1 MAIL first"]
    assert caller.say(b"DATA\r\n") == ["503 #5.5.1 RCPT first"]
    caller.say(b"MAIL FROM:<ann@partner.example>\r\n")
    assert caller.say(b"DATA\r\n") == ["503 #5.5.1 RCPT first"]


def test_row_05_unknown_command() -> None:
    caller = Caller()
    assert caller.say(b"FOO bar\r\n")[1:] == ["500 #5.5.1 command not recognized"]
    assert isinstance(caller.events[-1], Unknown)
    assert caller.events[-1].line == "FOO bar"  # for the log: Unknown command: 'FOO bar'
    caller.say(b"EHLO x\r\nMAIL TO:<a@b.example>\r\n")
    assert isinstance(caller.events[-1], BadSyntax)
    assert caller.events[-1].command == "MAIL"  # Bad syntax for command: 'MAIL'


@pytest.mark.parametrize("mode", ParserMode)
def test_row_06_space_behind_the_colon(mode: ParserMode) -> None:
    assert addresses(b"MAIL FROM: <a@b.example>\r\n", mode=mode) == ["a@b.example"]


def test_row_07_loose_comments() -> None:
    line = b"MAIL FROM: Ann (hi (there)) <<ann@partner.example>>\r\n"
    assert addresses(line) == ["ann@partner.example"]
    assert addresses(line, mode=ParserMode.STRICT) == []
    strict = make_rules(address_rules=AddressRules(mode=ParserMode.STRICT))
    assert Caller(strict).say(b"HELO\r\n", line)[-1].startswith("553 #5.1.3 ")


def test_row_08_rejected_characters() -> None:
    line = b"RCPT TO:<joe%else@corp.example>\r\n"
    caller = Caller()
    assert caller.say(START, line)[-1].startswith("553 #5.1.3 ")
    event = caller.events[-1]
    assert isinstance(event, InvalidAddress)
    assert (event.which, bool(event.error.reason)) == ("recipient", True)
    assert "joe%else@corp.example" in addresses(START, line, reject_local_characters="!:@")


def test_row_09_source_route() -> None:
    line = b"RCPT TO:<@hop.example:bob@corp.example>\r\n"
    assert addresses(START, line)[-1] == "bob@corp.example"
    assert addresses(START, line, source_routing=SourceRouting.REJECT)[-1] != "bob@corp.example"


def test_row_10_default_domain() -> None:
    caller = Caller(make_rules(default_domain="corp.example"))
    assert caller.say(START, b"RCPT TO:<bob>\r\n")[-1] == "250 recipient <bob@corp.example> ok"
    no_partial = make_rules(address_rules=AddressRules(allow_partial_domain=False))
    assert Caller(no_partial).say(START, b"RCPT TO:<bob>\r\n")[-1].startswith("553 ")


def test_row_11_bare_lf() -> None:
    body = b"A: b\r\n\r\none\ntwo\r\n"
    caller = Caller()
    caller.say(OPENING, body + b".\r\n")
    assert caller.messages == [b"A: b\r\n\r\none\r\ntwo\r\n"]
    caller = Caller(make_rules(bare_cr_lf=BareCrLf.REJECT))
    assert caller.say(OPENING, body + b".\r\n")[-1] == (
        "554 message body contains illegal bare CR/LF characters."
    )
    caller = Caller(make_rules(bare_cr_lf=BareCrLf.ALLOW))
    caller.say(OPENING, body + b".\r\n")
    assert caller.messages == [body]


def test_row_14_declared_size() -> None:
    caller = Caller()
    caller.say(b"EHLO x\r\n")
    assert caller.say(b"MAIL FROM:<ann@partner.example> SIZE=30000000\r\n") == [SIZE]
    assert not any(isinstance(event, Mail) for event in caller.events)
    assert caller.say(b"MAIL FROM:<ann@partner.example> SIZE=20971520\r\n") == [
        "250 sender <ann@partner.example> ok"
    ]


def test_row_15_session_goes_on_after_oversize() -> None:
    caller = Caller(make_rules(max_message_size=1000))
    caller.say(OPENING)
    for _ in range(50):
        assert caller.say(b"x" * 498 + b"\r\n") == []
    assert caller.say(b".\r\n") == [SIZE]
    end = caller.events[-1]
    assert getattr(end, "size", None) == 25_000  # bytes received, for the log
    reply = caller.say(OPENING, b"small\r\n.\r\n")[-1]
    assert reply == "250 ok:  Message 1 accepted"


def test_row_17_header_lines() -> None:
    content = b"X: y\r\n" * 1001 + b"\r\n.\r\n"
    caller = Caller()
    assert caller.say(OPENING, content)[-1] == "552 #5.3.4 message header size exceeds limit"
    caller = Caller(make_rules(max_header_lines=0))
    assert caller.say(OPENING, content)[-1] == "250 ok:  Message 1 accepted"


def test_row_18_tls_required() -> None:
    caller = Caller(make_rules(offers_starttls=True, requires_tls=True))
    first = "530 #5.7.0 Must issue a STARTTLS command first"
    assert caller.say(b"MAIL FROM:<a@b.example>\r\n")[-1] == first
    caller.say(b"EHLO x\r\n")
    assert caller.say(b"MAIL FROM:<a@b.example>\r\n") == [first]
    assert caller.say(b"NOOP\r\nRSET\r\n") == ["250 ok", "250 reset"]
    assert caller.say(b"QUIT\r\n") == ["221 gw1.corp.example"]


def test_row_19_auth_login() -> None:
    caller = Caller(make_rules(offers_auth=True, requires_tls_for_auth=False))
    caller.say(b"EHLO x\r\n")
    assert caller.say(b"AUTH LOGIN\r\n") == ["334 VXNlcm5hbWU6"]
    assert caller.say(b"YW5u\r\n") == ["334 UGFzc3dvcmQ6"]
    assert caller.say(b"c2VjcmV0\r\n") == ["235 #2.0.0 OK Authenticated"]
    assert caller.conversation.is_authenticated


def test_row_29_recipients_of_a_message() -> None:
    caller = Caller(make_rules(max_rcpts_per_msg=2))
    lines = caller.say(START, *[b"RCPT TO:<r%d@corp.example>\r\n" % n for n in range(3)])
    assert lines[-2:] == [
        "250 recipient <r1@corp.example> ok",
        "452 #4.5.3 Too many recipients",
    ]
    assert caller.say(b"DATA\r\n.\r\n")[-1] == "250 ok:  Message 1 accepted"
