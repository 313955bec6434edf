"""MAIL, RCPT and their parameters; what EHLO offers."""

import pytest

from mailwarden.core.mail.envelope import Body, Envelope, Notify, Recipient
from mailwarden.core.smtp.client_capabilities import NO_CAPABILITIES, parse_capabilities
from mailwarden.core.smtp.client_commands import (
    build_mail,
    build_rcpt,
    encode_xtext,
    is_one_line_each,
)

EVERYTHING = parse_capabilities(
    ["x", "PIPELINING", "SIZE 1000", "8BITMIME", "SMTPUTF8", "DSN", "REQUIRETLS", "BINARYMIME"]
)


def envelope(**fields: object) -> Envelope:
    known = {"mid": 1, "icid": 1, "sender": "ann@corp.example", "received_at": 0.0}
    return Envelope(**{**known, "recipients": (Recipient("bob@partner.example"),), **fields})


MAIL = [
    ({}, "MAIL FROM:<ann@corp.example> SIZE=42"),
    ({"sender": ""}, "MAIL FROM:<> SIZE=42"),
    ({"body": Body.BINARYMIME}, "MAIL FROM:<ann@corp.example> SIZE=42 BODY=BINARYMIME"),
    ({"requiretls": True}, "MAIL FROM:<ann@corp.example> SIZE=42 REQUIRETLS"),
    ({"return_full": True}, "MAIL FROM:<ann@corp.example> SIZE=42 RET=FULL"),
    (
        {"return_full": False, "envelope_id": "a b+c"},
        "MAIL FROM:<ann@corp.example> SIZE=42 RET=HDRS ENVID=a+20b+2Bc",
    ),
]


@pytest.mark.parametrize(("fields", "command"), MAIL)
def test_mail(fields: dict[str, object], command: str) -> None:
    built = build_mail(envelope(**fields), 42, EVERYTHING, eight_bit=False, utf8=False)
    assert built == f"{command}\r\n"


def test_mail_without_extensions_has_no_parameters() -> None:
    rich = envelope(return_full=True, envelope_id="x", requiretls=True)
    built = build_mail(rich, 42, NO_CAPABILITIES, eight_bit=True, utf8=True)
    assert built == "MAIL FROM:<ann@corp.example>\r\n"


def test_mail_with_8_bits_and_utf8() -> None:
    built = build_mail(envelope(), 42, EVERYTHING, eight_bit=True, utf8=True)
    assert built == "MAIL FROM:<ann@corp.example> SIZE=42 BODY=8BITMIME SMTPUTF8\r\n"


RCPT = [
    (Recipient("b@c"), "RCPT TO:<b@c>"),
    (Recipient("b@c", Notify.NEVER), "RCPT TO:<b@c> NOTIFY=NEVER"),
    (
        Recipient("b@c", Notify.SUCCESS | Notify.FAILURE | Notify.DELAY),
        "RCPT TO:<b@c> NOTIFY=SUCCESS,FAILURE,DELAY",
    ),
    (
        Recipient("b@c", Notify.DELAY, "rfc822;Bob+x@c"),
        "RCPT TO:<b@c> NOTIFY=DELAY ORCPT=rfc822;Bob+2Bx@c",
    ),
    (Recipient("b@c", original="utf-8;büb@c"), r"RCPT TO:<b@c> ORCPT=utf-8;b\x{FC}b@c"),
]


@pytest.mark.parametrize(("recipient", "command"), RCPT)
def test_rcpt(recipient: Recipient, command: str) -> None:
    assert build_rcpt(recipient, EVERYTHING) == f"{command}\r\n"
    assert build_rcpt(recipient, NO_CAPABILITIES) == "RCPT TO:<b@c>\r\n"


def test_xtext() -> None:
    assert encode_xtext("plain") == "plain"
    assert encode_xtext("a=b+c d\r\n") == "a+3Db+2Bc+20d+0D+0A"
    assert encode_xtext("ü") == "+C3+BC"
    assert encode_xtext("\udcff") == "+FF"


def test_a_line_end_in_an_address_is_found() -> None:
    good = build_rcpt(Recipient("b@c"), EVERYTHING)
    assert is_one_line_each([good, good])
    for address in ("b@c>\r\nDATA\r\n<", "b\n@c", "b\r@c"):
        assert not is_one_line_each([good, build_rcpt(Recipient(address), EVERYTHING)])


def test_capabilities() -> None:
    offers = parse_capabilities(
        ["h", "size 123", "Pipelining", "LIMITS RCPTMAX=7 MAILMAX=3 X=1", "", "AUTH PLAIN"]
    )
    assert offers.size
    assert offers.size_max == 123
    assert offers.pipelining
    assert (offers.recipients_max, offers.transactions_max) == (7, 3)
    assert not offers.chunking


@pytest.mark.parametrize("size", ["", "0", "x", "-1", "9" * 30, "٣"])
def test_a_size_that_says_nothing_limits_nothing(size: str) -> None:
    assert parse_capabilities(["h", f"SIZE {size}"]).size_max == 0


def test_the_name_of_the_server_offers_nothing() -> None:
    assert parse_capabilities(["PIPELINING"]) == NO_CAPABILITIES
