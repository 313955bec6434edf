"""Bounce profiles (mailflow 7.5), seen by senders: who hears, in which words and form, and when."""

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tests.end_to_end.gateway import Client, Gateway, message, running, wait_until
from tests.end_to_end.sink import Sink

TEMPLATES = {
    "House": {
        "en": {"subject": "Not delivered: $Subject", "text": "Sorry.\n$BounceReason\n"},
        "de": {"subject": "Nicht zugestellt: $Subject", "text": "An $BouncedRecipient.\n"},
    }
}


def refusing(verb: str, line: bytes) -> bytes | None:
    return b"550 no such user\r\n" if verb == "RCPT" else None


def busy(verb: str, line: bytes) -> bytes | None:
    return b"451 try later\r\n" if verb == "RCPT" else None


def config_for(sink: Sink, folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "smtp_routes": {
            "corp.example": f"maildir:{folder}/maildir",
            "partner.example": f"127.0.0.1:{sink.port}",
            "other.example": f"127.0.0.1:{sink.port}",
        },
        **changes,
    }


def send(gateway: Gateway, to: str, content: bytes) -> None:
    with Client(gateway.port("Out")) as client:
        client.command("EHLO x")
        assert client.message([to], content, sender="ann@corp.example").startswith("250")


def reports(gateway: Gateway, count: int) -> list[EmailMessage]:
    raw = gateway.wait_maildir(count)
    parsed = [email.message_from_bytes(each, policy=email.policy.default) for each in raw]
    return sorted(parsed, key=lambda report: str(report["subject"]))


def words(report: EmailMessage) -> str:
    part = next(report.iter_parts()) if report.is_multipart() else report
    return str(part.get_content()).replace("\r\n", "\n")


def test_words_language_form_and_addressee_come_from_the_profile(tmp_path: Path) -> None:
    profiles = {
        "Default": {"bounce_template": "House"},
        "Other": {"alternate_recipient": "bounces@corp.example", "dsn_format": False},
    }
    with Sink(refusing) as sink:
        config = config_for(
            sink,
            tmp_path,
            bounce_profiles=profiles,
            bounce_templates=TEMPLATES,
            destinations={"other.example": {"bounce_profile": "Other"}},
        )
        with running(tmp_path, **config) as gateway:
            send(gateway, "bob@partner.example", b"Content-Language: de\r\n" + message("Zahlen"))
            send(gateway, "eve@other.example", message("Numbers"))
            plain, german = sorted(
                reports(gateway, 2), key=lambda report: "Zahlen" in str(report["subject"])
            )
    assert german["subject"] == "Nicht zugestellt: Zahlen"
    assert german["to"] == "ann@corp.example"
    assert words(german) == "An <bob@partner.example>.\n"
    assert german.get_content_type() == "multipart/report"
    assert plain["subject"] == "Not delivered: Numbers"  # the template of Default
    assert plain["to"] == "bounces@corp.example"
    assert plain.get_content_type() == "text/plain"
    assert words(plain).startswith("Sorry.\n5.1.0 - Unknown address error 550-'no such user'\n")
    assert "\nSubject: Numbers\n" in words(plain)


def test_row_74_one_warning_when_a_profile_asks_for_it(tmp_path: Path) -> None:
    profile = {
        "send_delay_warnings": True,
        "delay_interval_seconds": 1,
        "initial_retry_seconds": 0.3,
        "max_retry_seconds": 0.3,
    }
    with Sink(busy) as sink:
        config = config_for(sink, tmp_path, bounce_profiles={"Patient": profile})
        config["destinations"] = {"partner.example": {"bounce_profile": "Patient"}}
        with running(tmp_path, **config) as gateway:
            send(gateway, "bob@partner.example", message())
            send(gateway, "eve@other.example", message())
            (warning,) = reports(gateway, 1)
            attempts = gateway.log().count("Delivery start")
            wait_until(
                lambda: gateway.log().count("Delivery start") >= attempts + 4, "more attempts"
            )
            assert len(gateway.maildir()) == 1
            gateway.wait_log("pending till")
            assert "[Patient]" in gateway.log()
    assert warning["subject"] == "Delivery Status Notification (Delay)"
    assert "Action: delayed" in warning.as_string()
    assert "has not been delivered yet" in words(warning)


def test_row_76_what_is_returned_follows_the_profile(tmp_path: Path) -> None:
    large = message(body=("x" * 70 + "\r\n") * 700)  # 50 KB
    profiles = {"Large": {"copy_size_max_bytes": 65536}}
    with Sink(refusing) as sink:
        config = config_for(sink, tmp_path, bounce_profiles=profiles)
        config["destinations"] = {"other.example": {"bounce_profile": "Large"}}
        with running(tmp_path, **config) as gateway:
            for to in ("bob@partner.example", "eve@other.example"):
                send(gateway, to, large)
            send(gateway, "bob@partner.example", message(body="y" * 70 + "\r\n"))
            counts = [report.as_string().count("x" * 70) for report in reports(gateway, 3)]
            kinds = sorted(
                [part.get_content_type() for part in report.iter_parts()][2]
                for report in reports(gateway, 3)
            )
    assert sorted(counts) == [0, 0, 700]
    assert kinds == ["message/rfc822", "message/rfc822", "text/rfc822-headers"]


def test_a_report_to_nobody_is_a_double_bounce(tmp_path: Path) -> None:
    with Sink(refusing) as sink, running(tmp_path, **config_for(sink, tmp_path)) as gateway:
        with Client(gateway.port("Out")) as client:
            client.command("EHLO x")
            reply = client.message(["bob@partner.example"], message(), sender="")
            mid = reply.split()[3]
        gateway.wait_log(
            f"Double bounce: MID {mid} to RID 0 - 5.1.0 - Unknown address error 550-'no such user'"
        )
        gateway.wait_log(f"Message finished MID {mid} done")
        assert gateway.status()["totals"]["double_bounces"] == 1
