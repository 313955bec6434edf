"""XCLIENT from trusted peers."""

import pytest

from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.events import Answerable, XClient
from mailwarden.core.smtp.reply import Reply
from mailwarden.core.smtp.xclient import parse_xclient

from .caller import GREETING, Caller, codes, make_rules

RULES = make_rules(offers_xclient=True, offers_auth=True, requires_auth=True)


@pytest.mark.parametrize(
    ("argument", "attributes"),
    [
        ("NAME=mail.partner.example ADDR=192.0.2.25", {
            "NAME": "mail.partner.example", "ADDR": "192.0.2.25"}),
        ("addr=IPV6:2001:DB8:0::1 port=50000", {"ADDR": "2001:db8::1", "PORT": "50000"}),
        ("NAME=[UNAVAILABLE] HELO=[TEMPUNAVAIL]", {"NAME": None, "HELO": None}),
        ("PROTO=esmtp LOGIN=a+2Bb+20c", {"PROTO": "ESMTP", "LOGIN": "a+b c"}),
        ("DESTADDR=203.0.113.5 DESTPORT=25", {"DESTADDR": "203.0.113.5", "DESTPORT": "25"}),
    ],
)  # fmt: skip
def test_attributes(argument: str, attributes: dict[str, str | None]) -> None:
    assert parse_xclient(argument) == attributes


@pytest.mark.parametrize(
    "argument",
    [
        "", " ", "NAME", "FOO=x", "=x", "NAME=", "NAME=a NAME=b", "ADDR=x", "ADDR=IPV6:192.0.2.1",
        "ADDR=192.0.2.256", "PORT=x", "PORT=65536", "PORT=-1", "PORT=²", "PROTO=LMTP",
        "HELO=a+0D+0Ab", "NAME=" + "x" * 256,
    ],
)  # fmt: skip
def test_wrong_attributes(argument: str) -> None:
    with pytest.raises(ValueError, match="XCLIENT"):
        parse_xclient(argument)
    caller = Caller(RULES)
    lines = caller.say(b"EHLO x\r\n", f"XCLIENT {argument}\r\n".encode())
    assert lines[-1].startswith("501 #5.5.4 invalid argument XCLIENT ")


def test_session_starts_anew() -> None:
    caller = Caller(RULES)
    lines = caller.say(b"EHLO x\r\nXCLIENT ADDR=192.0.2.25\r\nMAIL FROM:<>\r\n")
    assert lines[-2:] == [GREETING, "503 #5.5.1 HELO first"]
    assert isinstance(caller.events[-2], XClient)
    assert caller.say(b"EHLO x\r\nMAIL FROM:<>\r\n")[-1] == "530 Authentication required"


def test_login_counts_as_authenticated() -> None:
    caller = Caller(RULES)
    lines = caller.say(b"XCLIENT LOGIN=ann\r\nEHLO x\r\nMAIL FROM:<>\r\n")
    assert lines[-1] == "250 sender <> ok"
    lines = caller.say(b"RSET\r\nXCLIENT LOGIN=[UNAVAILABLE]\r\nEHLO x\r\nMAIL FROM:<>\r\n")
    assert lines[-1] == "530 Authentication required"


def test_not_within_a_transaction() -> None:
    caller = Caller(make_rules(offers_xclient=True))
    lines = caller.say(b"EHLO x\r\nMAIL FROM:<>\r\nXCLIENT NAME=x\r\n")
    assert lines[-1] == "503 #5.5.1 bad sequence of commands"


def test_client_that_may_not_send() -> None:
    def policy(event: Answerable) -> Reply | None:
        refusal = replies.access_refused("gw1", "No mail from you")
        return refusal if isinstance(event, XClient) else None

    caller = Caller(RULES, policy=policy)
    assert codes(caller.say(b"XCLIENT NAME=x\r\n")) == ["220", "554"]
    assert codes(caller.say(b"EHLO x\r\nQUIT\r\n")) == ["503", "221"]


def test_untrusted_clients_do_not_learn_of_it() -> None:
    lines = Caller().say(b"EHLO x\r\n", b"XCLIENT NAME=x\r\nMAIL FROM:<>\r\nXCLIENT NAME=x\r\n")
    assert not any("XCLIENT" in line for line in lines)
    assert lines.count("500 #5.5.1 command not recognized") == 2
