"""Parameters of MAIL and RCPT."""

import pytest

from mailwarden.core.mail.envelope import Body, Notify
from mailwarden.core.smtp.events import BadSyntax, Mail, Rcpt
from mailwarden.core.smtp.parameters import decode_utf8_xtext, decode_xtext

from .caller import Caller, make_rules

RULES = make_rules(offers_auth=True, requires_tls_for_auth=False)


def mail(parameters: str, *, is_encrypted: bool = False) -> object:
    """Return the event of MAIL with `parameters`."""
    caller = Caller(RULES, is_encrypted=is_encrypted)
    caller.say(b"EHLO x\r\nMAIL FROM:<a@b.example> " + parameters.encode() + b"\r\n")
    return caller.events[-1]


def rcpt(parameters: str) -> object:
    """Return the event of RCPT with `parameters`."""
    caller = Caller(RULES)
    caller.say(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example> ")
    caller.say(parameters.encode() + b"\r\n")
    return caller.events[-1]


@pytest.mark.parametrize(
    ("parameters", "event"),
    [
        ("", Mail("a@b.example")),
        ("SIZE=1000", Mail("a@b.example", size=1000)),
        ("size=0 body=7bit", Mail("a@b.example", size=0, body=Body.SEVENBIT)),
        ("BODY=8BITMIME  SIZE=5", Mail("a@b.example", size=5, body=Body.EIGHTBITMIME)),
        ("SMTPUTF8", Mail("a@b.example", smtputf8=True)),
        ("RET=FULL ENVID=a+2Bb", Mail("a@b.example", return_full=True, envelope_id="a+b")),
        ("RET=hdrs", Mail("a@b.example", return_full=False)),
        ("AUTH=<>", Mail("a@b.example", auth="")),
        ("AUTH=e+3Dmc2@example.com", Mail("a@b.example", auth="e=mc2@example.com")),
    ],
)
def test_mail(parameters: str, event: Mail) -> None:
    assert mail(parameters) == event


def test_requiretls_only_inside_tls() -> None:
    assert mail("REQUIRETLS", is_encrypted=True) == Mail("a@b.example", requiretls=True)
    refused = mail("REQUIRETLS")
    assert isinstance(refused, BadSyntax)
    assert refused.reply.code == 555


@pytest.mark.parametrize(
    ("parameters", "event"),
    [
        ("NOTIFY=NEVER", Rcpt("c@d.example", notify=Notify.NEVER)),
        ("notify=success,Delay", Rcpt("c@d.example", notify=Notify.SUCCESS | Notify.DELAY)),
        (
            "NOTIFY=FAILURE ORCPT=rfc822;Bob+2B1@d.example",
            Rcpt("c@d.example", notify=Notify.FAILURE, original="rfc822;Bob+1@d.example"),
        ),
        (
            "ORCPT=utf-8;j\\x{F6}rg@d.example",
            Rcpt("c@d.example", original="utf-8;jörg@d.example"),
        ),
        ("ORCPT=UTF-8;jörg@d.example", Rcpt("c@d.example", original="UTF-8;jörg@d.example")),
    ],
)
def test_rcpt(parameters: str, event: Rcpt) -> None:
    assert rcpt(parameters) == event


@pytest.mark.parametrize(
    "parameters",
    [
        "SIZE", "SIZE=", "SIZE=-1", "SIZE=x", "SIZE=1.5", "SIZE=²", "SIZE=" + "1" * 21, "BODY",
        "BODY=BINARYMIME", "BODY=9BIT", "SMTPUTF8=yes", "RET=SOME", "RET", "ENVID", "ENVID=",
        "ENVID=+0D+0A", "ENVID=a+b", "ENVID=a+2", "ENVID=+2b", "ENVID=" + "x" * 101, "AUTH",
        "AUTH=", "AUTH=a=b", "SIZE=1 SIZE=2", "SMTPUTF8 smtputf8", "ENVID=ä",
    ],
)  # fmt: skip
def test_wrong_values_of_mail(parameters: str) -> None:
    event = mail(parameters)
    assert isinstance(event, BadSyntax)
    assert event.command == "MAIL"
    assert event.reply.encode().startswith(b"501 #5.5.4 invalid argument ")


@pytest.mark.parametrize(
    "parameters",
    [
        "NOTIFY", "NOTIFY=", "NOTIFY=NEVER,DELAY", "NOTIFY=ALWAYS", "NOTIFY=DELAY,", "ORCPT",
        "ORCPT=", "ORCPT=rfc822", "ORCPT=rfc822;", "ORCPT=;a@b", "ORCPT=rfc822;+0A",
        "ORCPT=rfc822;jörg@d", "ORCPT=utf-8;\\x{0A}", "ORCPT=utf-8;\\x{D800}", "ORCPT=utf-8;",
        "ORCPT=utf-8;\\x{FFFFFF}", "ORCPT=utf-8;a+b", "ORCPT=utf-8;a\\b", "ORCPT=a/b;x",
        "ORCPT=rfc822;" + "x" * 500, "NOTIFY=DELAY NOTIFY=DELAY",
    ],
)  # fmt: skip
def test_wrong_values_of_rcpt(parameters: str) -> None:
    event = rcpt(parameters)
    assert isinstance(event, BadSyntax)
    assert event.command == "RCPT"
    assert event.reply.encode().startswith(b"501 #5.5.4 invalid argument ")


@pytest.mark.parametrize("parameters", ["X=Y", "XSIZE=1", "SIZE=1 FOO", "NOTIFY=NEVER", "=", "ä=b"])
def test_unknown_parameters_of_mail(parameters: str) -> None:
    event = mail(parameters)
    assert isinstance(event, BadSyntax)
    assert event.reply.code == 555


def test_unknown_parameters_of_rcpt() -> None:
    event = rcpt("SIZE=1")
    assert isinstance(event, BadSyntax)
    assert event.reply.text == "#5.5.4 parameter SIZE not recognized or not implemented"


def test_auth_parameter_needs_the_extension() -> None:
    caller = Caller()
    lines = caller.say(b"EHLO x\r\nMAIL FROM:<a@b.example> AUTH=<>\r\n")
    assert lines[-1].startswith("555 ")


@pytest.mark.parametrize(
    ("text", "decoded"), [("", ""), ("abc", "abc"), ("+2B+3D", "+="), ("a+20b", "a b")]
)
def test_xtext(text: str, decoded: str) -> None:
    assert decode_xtext(text) == decoded


@pytest.mark.parametrize("text", ["+", "+2", "+zz", "a=b", "a b", "+00", "+7F", "+80", "ä", "a\n"])
def test_no_xtext(text: str) -> None:
    with pytest.raises(ValueError):
        decode_xtext(text)


def test_utf8_xtext() -> None:
    assert decode_utf8_xtext("a\\x{2B}b\\x{1F600}") == "a+b\U0001f600"
