"""Reports to senders, compared with mailflow 7.5 and read by the standard library."""

import re

import pytest

from mailwarden.core.mail.dsn import (
    RECIPIENTS_MAX,
    Action,
    ReportedRecipient,
    build_dsn,
    build_plain_report,
)
from tests.unit.core.mail.dsn_reports import BOB, ORIGINAL, copy_of, parse, parts, report, text_of


def test_row_72_texts_of_a_bounce() -> None:
    built = build_dsn(report(), copy_of(ORIGINAL))
    assert (
        b"\r\n\r\n"
        b"The following message to <bob@partner.example> was undeliverable.\r\n"
        b"The reason for the problem:\r\n"
        b"5.1.0 - Unknown address error 550-'no such user'\r\n"
    ) in built.content
    assert (
        b"Content-Type: message/delivery-status\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Reporting-MTA: dns; gw1.corp.example\r\n"
        b"Arrival-Date: Tue, 09 Nov 2010 10:14:02 +0000\r\n"
        b"\r\n"
        b"Final-Recipient: rfc822;bob@partner.example\r\n"
        b"Action: failed\r\n"
        b"Status: 5.0.0 (permanent failure)\r\n"
        b"Remote-MTA: dns; [192.0.2.25]\r\n"
        b"Diagnostic-Code: smtp; 5.1.0 - Unknown address error 550-'no such user' "
        b"(delivery attempts: 0)\r\n"
    ) in built.content
    assert not built.is_8bit
    assert not built.is_international


def test_header() -> None:
    content = build_dsn(report(), None).content
    assert content.partition(b"\r\n\r\n")[0].decode().split("\r\n") == [
        "Date: Tue, 09 Nov 2010 10:15:02 +0000",
        'From: "Mail Delivery System" <MAILER-DAEMON@gw1.corp.example>',
        "To: <ann@corp.example>",
        "Subject: Delivery Status Notification (Failure)",
        "Message-ID: <4cd91ea6.7013@gw1.corp.example>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        ' boundary="0123456789abcdef.gw1.corp.example"',
        "Content-Transfer-Encoding: 7bit",
    ]
    message = parse(content)
    assert message["From"].addresses[0].addr_spec == "MAILER-DAEMON@gw1.corp.example"
    assert message["To"].addresses[0].addr_spec == "ann@corp.example"


def test_sys_35_from_is_as_it_was_set() -> None:
    message = parse(build_dsn(report(sender="Poststelle <post@corp.example>"), None).content)
    assert str(message["From"]) == "Poststelle <post@corp.example>"
    plain = parse(build_plain_report(report(sender="post@corp.example"), None).content)
    assert str(plain["From"]) == "post@corp.example"


def test_three_parts() -> None:
    explanation, status, copy = parts(build_dsn(report(), copy_of(ORIGINAL)).content)
    assert explanation.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    assert [dict(block.items()).get("Action") for block in status.iter_parts()] == [None, "failed"]
    assert copy.get_content_type() == "message/rfc822"
    (inner,) = copy.iter_parts()
    assert inner.as_bytes() == ORIGINAL.replace(b"\r\n", b"\n")


def test_two_parts_when_the_message_is_lost() -> None:
    assert len(parts(build_dsn(report(), None).content)) == 2


def test_what_rfc_3461_asks_to_be_told() -> None:
    recipient = ReportedRecipient("bob@partner.example", "rfc822;Bob@Old.Example")
    built = build_dsn(report(recipients=(recipient,), envelope_id="QQ314159"), None)
    head, block = parts(built.content)[1].iter_parts()
    assert head["Original-Envelope-Id"] == "QQ314159"
    assert list(block.items())[:2] == [
        ("Original-Recipient", "rfc822;Bob@Old.Example"),
        ("Final-Recipient", "rfc822;bob@partner.example"),
    ]


@pytest.mark.parametrize("original", ["", "rfc822", "rfc822;", ";x", "a b;x", "\r\nX: y;x"])
def test_original_recipient_that_is_none_is_left_out(original: str) -> None:
    recipient = ReportedRecipient("bob@partner.example", original)
    assert b"Original-Recipient" not in build_dsn(report(recipients=(recipient,)), None).content


def test_several_recipients_share_a_report() -> None:
    both = (BOB, ReportedRecipient("eve@partner.example"))
    explanation, status = parts(build_dsn(report(recipients=both), None).content)
    assert text_of(explanation).startswith(
        "The following message to <bob@partner.example>,\r\n"
        "<eve@partner.example> was undeliverable.\r\n"
    )
    assert [block["Final-Recipient"] for block in status.iter_parts()] == [
        None,
        "rfc822;bob@partner.example",
        "rfc822;eve@partner.example",
    ]


def test_recipients_are_bounded() -> None:
    built = build_dsn(report(recipients=(BOB,) * (RECIPIENTS_MAX + 5)), None)
    assert built.content.count(b"Final-Recipient:") == RECIPIENTS_MAX
    assert b"and 5 more was undeliverable" in built.content


def test_delay() -> None:
    built = build_dsn(
        report(
            action=Action.DELAYED,
            reason="4.1.0 - Unknown address error",
            response="451-'try later'",
            attempts=3,
            retry_until=1_289_556_902.0,
            subject="Delivery Status Notification (Delay)",
        ),
        None,
    )
    explanation, status = parts(built.content)
    assert text_of(explanation) == (
        "The following message to <bob@partner.example> has not been delivered yet.\r\n"
        "The reason for the problem:\r\n"
        "4.1.0 - Unknown address error 451-'try later'\r\n"
        "\r\n"
        "You need not send it again. Delivery will be tried until "
        "Fri, 12 Nov 2010 10:15:02 +0000.\r\n"
    )
    block = list(status.iter_parts())[1]
    assert dict(block.items()) == {
        "Final-Recipient": "rfc822;bob@partner.example",
        "Action": "delayed",
        "Status": "4.0.0 (transient failure)",
        "Remote-MTA": "dns; [192.0.2.25]",
        "Diagnostic-Code": "smtp; 4.1.0 - Unknown address error 451-'try later' "
        "(delivery attempts: 3)",
        "Will-Retry-Until": "Fri, 12 Nov 2010 10:15:02 +0000",
    }


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (Action.DELIVERED, "was delivered."),
        (Action.RELAYED, "was relayed to a system that does not report deliveries."),
    ],
)
def test_success(action: Action, text: str) -> None:
    built = build_dsn(report(action=action, reason="", response="250-'queued'"), None)
    explanation, status = parts(built.content)
    assert text_of(explanation) == f"The following message to <bob@partner.example> {text}\r\n"
    block = list(status.iter_parts())[1]
    assert block["Action"] == action.value
    assert block["Status"] == "2.0.0 (success)"
    assert block["Diagnostic-Code"] == "smtp; 250-'queued'"
    assert (
        "Diagnostic-Code"
        not in build_dsn(report(action=action, reason="", response=""), None).content.decode()
    )


@pytest.mark.parametrize(
    ("remote", "shown"),
    [
        ("192.0.2.25", "[192.0.2.25]"),
        ("2001:db8::25", "[IPv6:2001:db8::25]"),
        ("mx.partner.example", "mx.partner.example"),
        ("x\r\nAction: delivered", "x--Action:-delivered"),
    ],
)
def test_remote_mta(remote: str, shown: str) -> None:
    assert (
        f"\r\nRemote-MTA: dns; {shown}\r\n".encode()
        in build_dsn(report(remote=remote), None).content
    )


def test_failure_without_a_remote_host() -> None:
    built = build_dsn(report(remote="", reason="5.4.7 - Delivery expired", response=""), None)
    assert b"Remote-MTA" not in built.content
    assert (
        b"Diagnostic-Code: smtp; 5.4.7 - Delivery expired (delivery attempts: 0)" in built.content
    )


def test_boundary_occurs_nowhere_else() -> None:
    boundary = b"0123456789abcdef.gw1.corp.example"
    hostile = ORIGINAL + b"--%b--\r\n%b.1" % (boundary, boundary)
    built = build_dsn(report(), copy_of(hostile))
    assert parse(built.content).get_boundary() == boundary.decode() + ".2"
    assert len(parts(built.content)) == 3
    assert built.content.count(b"\r\n--" + boundary + b".2") == 4


def test_8bit_message_is_declared_as_such() -> None:
    built = build_dsn(report(), copy_of(ORIGINAL + "caf\u00e9\r\n".encode()))
    message = parse(built.content)
    assert message["Content-Transfer-Encoding"] == "8bit"
    assert parts(built.content)[2]["Content-Transfer-Encoding"] == "8bit"
    assert built.is_8bit
    assert not built.is_international


SUBJECTS = [
    "Delivery Status Notification (Failure)",
    "Unzustellbar: zur\u00fcck an den Absender, und das mit einem sehr langen Betreff " * 3,
    "\u672a\u914d\u9054",
    "",
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subject(subject: str) -> None:
    built = build_dsn(report(subject=subject), None)
    message = parse(built.content)
    assert message["Subject"] == subject[:200].strip() or subject[:200] == message["Subject"]
    assert built.content.isascii()
    header = built.content.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 76 for line in header.split(b"\r\n") if b"=?" in line)


HOSTILE = "x\r\nBcc: victim@corp.example\r\n\r\n--b\x00\u2028\udcff\u202e" + "y" * 5000


def test_nobody_can_add_fields_or_parts() -> None:
    built = build_dsn(
        report(
            recipients=(ReportedRecipient(HOSTILE, f"rfc822;{HOSTILE}"),),
            reason=HOSTILE,
            response=HOSTILE,
            remote=HOSTILE,
            hostname=HOSTILE,
            to=HOSTILE,
            subject=HOSTILE,
            message_id=HOSTILE,
            token=HOSTILE,
            envelope_id=HOSTILE,
        ),
        copy_of(ORIGINAL),
    )
    message = parse(built.content)
    assert "Bcc" not in message
    assert len(message.items()) == 9
    explanation, status, copy = parts(built.content)
    head, block = status.iter_parts()
    assert set(head.keys()) == {"Reporting-MTA", "Original-Envelope-Id", "Arrival-Date"}
    assert set(block.keys()) == {
        "Original-Recipient",
        "Final-Recipient",
        "Action",
        "Status",
        "Remote-MTA",
        "Diagnostic-Code",
    }
    assert text_of(explanation).count("\r\n") == 3
    assert copy.get_content_type() == "message/rfc822"


ADDRESSES = [
    ("ann@corp.example", "<ann@corp.example>"),
    ('"Ann Smith"@corp.example', '<"Ann Smith"@corp.example>'),
    ('"a\\"b>"@corp.example', '<"a\\"b>"@corp.example>'),
    ("ann@[192.0.2.1]", "<ann@[192.0.2.1]>"),
    ("a>,<b@c", "<a???b@c>"),
    ("a b@corp.example", "<a?b@corp.example>"),
    ('"open@corp.example', "<?open@corp.example>"),
    ("j\udce9@corp.example", "<j?@corp.example>"),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_to_is_one_address(address: str, shown: str) -> None:
    content = build_dsn(report(to=address), None).content
    assert f"\r\nTo: {shown}\r\n".encode() in content
    assert len(parse(content)["To"].addresses) == 1


def test_rfc_6533_for_a_sender_beyond_ascii() -> None:
    rene = ReportedRecipient("ren\u00e9@partner.example", "utf-8;ren\u00e9@partner.example")
    original = "Subject: \u00dcbersicht\r\n\r\nx\r\n".encode()
    built = build_dsn(
        report(recipients=(rene,), to="j\u00f6rg@corp.example", is_international=True),
        copy_of(original, is_international=True),
    )
    assert built.is_international
    assert built.is_8bit
    assert "\r\nTo: <j\u00f6rg@corp.example>\r\n".encode() in built.content
    assert b"report-type=global-delivery-status" in built.content
    assert "\r\nFinal-Recipient: utf-8;ren\u00e9@partner.example\r\n".encode() in built.content
    assert "\r\nOriginal-Recipient: utf-8;ren\u00e9@partner.example\r\n".encode() in built.content
    assert [part.get_content_type() for part in parts(built.content)] == [
        "text/plain",
        "message/global-delivery-status",
        "message/global",
    ]


def test_rfc_6533_for_a_recipient_beyond_ascii() -> None:
    """The sender's address is ASCII, so the report has to pass systems without SMTPUTF8."""
    rene = ReportedRecipient("ren\u00e9+x@partner.example", "utf-8;ren\u00e9@partner.example")
    built = build_dsn(report(recipients=(rene,), is_international=True), None)
    assert not built.is_international
    explanation, status = parts(built.content)
    assert "<ren\u00e9+x@partner.example>" in text_of(explanation)
    assert status.get_content_type() == "message/delivery-status"
    block = list(status.iter_parts())[1]
    assert block["Final-Recipient"] == r"utf-8;ren\x{E9}\x{2B}x@partner.example"
    assert block["Original-Recipient"] == r"utf-8;ren\x{E9}@partner.example"


def test_sender_beyond_ascii_without_smtputf8() -> None:
    built = build_dsn(report(to="j\u00f6rg@corp.example"), None)
    assert not built.is_international
    assert built.content.isascii()
    assert b"\r\nTo: <j?rg@corp.example>\r\n" in built.content


def test_plain_report() -> None:
    built = build_plain_report(report(), copy_of(ORIGINAL))
    message = parse(built.content)
    assert message.get_content_type() == "text/plain"
    assert message["Auto-Submitted"] == "auto-replied"
    assert (
        text_of(message)
        == (
            "The following message to <bob@partner.example> was undeliverable.\r\n"
            "The reason for the problem:\r\n"
            "5.1.0 - Unknown address error 550-'no such user'\r\n"
            "\r\n"
            "------ Here is the message: ------\r\n"
            "\r\n"
        )
        + ORIGINAL.decode()
    )


def test_plain_report_of_anything_is_text() -> None:
    original = "Subject: caf\u00e9\r\n\r\n".encode() + b"\xff\x1b[2J" + b"x" * 900 + b"\r\n"
    message = parse(build_plain_report(report(), copy_of(original)).content)
    assert message["Content-Transfer-Encoding"] == "quoted-printable"
    text = text_of(message)
    assert "Subject: caf\u00e9\r\n" in text
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text)
    header = build_plain_report(report(), copy_of(original, header_only=True)).content
    assert "Here is the header:" in text_of(parse(header))
    assert "Subject: caf\u00e9\r\n" in text_of(parse(header))
    assert "Here is" not in text_of(parse(build_plain_report(report(), None).content))
