"""In front of a real mail server: Postfix as the sender and as the next hop."""

import re
from pathlib import Path

from tests.end_to_end.gateway import Client, base_config, message, running, wait_until
from tests.end_to_end.postfix import Postfix

DOTS = "..two dots\r\n.one dot\r\n.\tdot and tab\r\n\r\n.last\r\n"


def odd_messages() -> list[bytes]:
    """Return messages that show whether content is left alone."""
    bodies = [
        "Hello.\r\n",
        DOTS,
        "x" * 990 + "\r\n",
        "gr\u00fc\u00dfe \u2713\r\n",
        "\r\n" * 50,
        "y" * 70 + "\r\n",
        ("z" * 76 + "\r\n") * 20_000,
    ]
    return [message(subject=f"number {number}", body=body) for number, body in enumerate(bodies)]


def body_of(stored: bytes) -> bytes:
    return stored.replace(b"\r\n", b"\n").partition(b"\n\n")[2]


def test_postfix_as_next_hop_gets_every_message_intact(tmp_path: Path) -> None:
    with Postfix(domain="corp.example") as postfix:
        (tmp_path / "gw").mkdir()
        config = base_config(
            tmp_path / "gw", smtp_routes={"corp.example": f"127.0.0.1:{postfix.port}"}
        )
        with running(tmp_path / "gw", **config) as gateway:
            sent = odd_messages()
            with Client(gateway.port()) as client:
                client.command("EHLO x")
                for content in sent:
                    assert client.message(["bob@corp.example"], content).startswith("250")
            stored = postfix.wait_messages(len(sent))
            gateway.wait_log("bytes queued as")
            by_subject = {re.search(rb"Subject: number (\d+)", s)[1]: s for s in stored}  # type: ignore[index]
            for number, content in enumerate(sent):
                assert body_of(by_subject[b"%d" % number]) == body_of(content)
            wait_until(lambda: gateway.status()["spool"]["queued"] == 0, "an empty queue")


def test_a_recipient_that_postfix_refuses_is_bounced(tmp_path: Path) -> None:
    refuse = (
        "smtpd_recipient_restrictions = check_recipient_access "
        "inline:{{zed@corp.example = 550 no such user}}, permit\n"
    )
    with Postfix(domain="corp.example", extra=refuse) as postfix:
        (tmp_path / "gw").mkdir()
        config = base_config(
            tmp_path / "gw",
            smtp_routes={
                "corp.example": f"127.0.0.1:{postfix.port}",
                "partner.example": f"maildir:{tmp_path}/gw/maildir",
            },
        )
        with running(tmp_path / "gw", **config) as gateway:
            with Client(gateway.port()) as client:
                client.command("EHLO x")
                reply = client.message(["zed@corp.example", "bob@corp.example"], message())
                mid = reply.split()[3]
            postfix.wait_messages(1)
            (report,) = gateway.wait_maildir(1)
            assert b"Content-Type: multipart/report" in report
            assert b"Final-Recipient: rfc822;zed@corp.example" in report
            assert b"5.1.0 - Unknown address error 550-'" in report
            gateway.wait_log(f"was generated for bounce of MID {mid}")
            gateway.wait_log(f"Message finished MID {mid} done")


def test_postfix_as_sender(tmp_path: Path) -> None:
    (tmp_path / "gw").mkdir()
    with (
        running(tmp_path / "gw", workers=2) as gateway,
        Postfix(relay_port=gateway.port()) as postfix,
    ):
        sent = odd_messages()
        with Client(postfix.port) as client:
            client.command("EHLO x")
            for content in sent:
                assert client.message(["bob@corp.example"], content).startswith("250")
        stored = gateway.wait_maildir(len(sent))
        by_subject = {re.search(rb"Subject: number (\d+)", s)[1]: s for s in stored}  # type: ignore[index]
        for number, content in enumerate(sent):
            assert body_of(by_subject[b"%d" % number]) == body_of(content)
        wait_until(lambda: "queue is empty" in postfix.queue(), "an empty queue in Postfix")


def test_postfix_speaks_tls_with_us_both_ways(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    tls = (
        f"smtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\n"
        "smtpd_tls_security_level = may\n"
    )
    (tmp_path / "gw").mkdir()
    with Postfix(domain="corp.example", extra=tls) as next_hop:
        config = base_config(
            tmp_path / "gw",
            smtp_routes={"corp.example": f"127.0.0.1:{next_hop.port}"},
            destinations={"corp.example": {"tls": "required"}},
            certificates={"gw": {"certificate": str(cert), "key": str(key)}},
        )
        config["listeners"][0].update(certificate="gw", policy={"tls": "required"})
        with running(tmp_path / "gw", **config) as gateway:
            sender = Postfix(
                relay_port=gateway.port(),
                extra="smtp_tls_security_level = encrypt\n",
            )
            with sender, Client(sender.port) as client:
                client.command("EHLO x")
                assert client.message(["bob@corp.example"], message()).startswith("250")
                next_hop.wait_messages(1)
            assert re.search(r"ICID \d+ TLS success protocol TLSv1\.[23] cipher \S+", gateway.log())
            assert re.search(r"DCID \d+ TLS success protocol TLSv1\.[23] cipher \S+", gateway.log())
            (stored,) = next_hop.wait_messages(1)
            assert b"with ESMTP/TLS/" in stored
