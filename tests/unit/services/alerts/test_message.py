"""Alerts as mail."""

import email
import email.policy
from email.message import EmailMessage

import pytest

from mailwarden import __version__
from mailwarden.services.alerts.alert import make_alert
from mailwarden.services.alerts.message import build_mail, write_notice
from mailwarden.services.alerts.repeats import Notice

NOW = 1_289_297_702.0  # Tue, 09 Nov 2010 10:15:02 +0000
HOST = "mail3.example.com"


def built(text: str, *to: str, sender: str = "", repeats: int = 0, mixed: bool = False) -> bytes:
    notice = Notice(make_alert("Critical", "System", text), repeats, NOW - 60, NOW, mixed)
    mail = write_notice(notice, HOST, to or ("ops@corp.example",), "0badcafe", NOW)
    return build_mail(mail, sender, HOST)


def parse(content: bytes) -> EmailMessage:
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def test_sys_31_whole_mail() -> None:
    assert built("HSM erased").decode().split("\r\n") == [
        "Date: Tue, 09 Nov 2010 10:15:02 +0000",
        "From: <alert@mail3.example.com>",
        "To: <ops@corp.example>",
        "Subject: Critical-mail3.example.com: (System) HSM erased",
        "Message-ID: <4cd91f26.0badcafe.alert@mail3.example.com>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "Content-Transfer-Encoding: 7bit",
        "",
        "The Critical message is:",
        "",
        "HSM erased",
        "",
        "Class: System",
        "Host: mail3.example.com",
        f"Version: {__version__}",
        "Time: Tue, 09 Nov 2010 10:15:02 +0000",
        "",
    ]


def test_sys_31_own_from() -> None:
    message = parse(built("x", sender="Gate <gate@corp.example>"))
    assert str(message["From"]) == "Gate <gate@corp.example>"


def test_all_recipients_are_named() -> None:
    many = [f"{'x' * 60}{n}@corp.example" for n in range(100)]
    assert [a.addr_spec for a in parse(built("x", *many))["To"].addresses] == many


@pytest.mark.parametrize(
    "text",
    [
        "x\r\nBcc: eve@evil.example\r\n\r\nBody",
        "x\nBcc: eve@evil.example",
        "x\rBcc: eve@evil.example",
        "x\u2028Bcc: eve@evil.example",
        "=?utf-8?q?x=0D=0ABcc:_eve@evil.example?=",
        "Grüße\r\nBcc: eve@evil.example",
    ],
)
def test_nobody_adds_fields(text: str) -> None:
    message = parse(built(text))
    assert "Bcc" not in message
    assert len(message.keys()) == 9
    assert not set("\r\n") & set(str(message["Subject"]))


def test_encoded_words_of_others_stay_as_they_are() -> None:
    subject = str(parse(built("=?utf-8?q?evil?="))["Subject"])
    assert subject.endswith("= ?utf-8?q?evil?=")


def test_other_scripts() -> None:
    message = parse(built("Größe überschritten\nzweite Zeile", repeats=3))
    assert message["Subject"] == "Critical-mail3.example.com: (System) Größe überschritten"
    assert "Größe überschritten\r\nzweite Zeile\r\n" in message.get_content()


def test_long_lines_are_encoded() -> None:
    message = parse(built("x" * 3000))
    assert message["Content-Transfer-Encoding"] == "quoted-printable"
    assert "x" * 3000 in message.get_content()


def test_repeats_are_told() -> None:
    text = parse(built("x", repeats=12)).get_content()
    assert (
        "The same was raised 12 times since the last mail about it, between "
        "Tue, 09 Nov 2010 10:14:02 +0000 and Tue, 09 Nov 2010 10:15:02 +0000."
    ) in text
    assert "raised once since" in parse(built("x", repeats=1)).get_content()
    assert "last of 7 different alerts" in parse(built("x", repeats=7, mixed=True)).get_content()
