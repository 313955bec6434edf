"""Acceptance rows 1 to 20 of mailflow 9, against a running gateway."""

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.gateway import Client, Gateway, base_config, message, running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("rows")) as started:
        yield started


def test_row_01_banner_and_helo(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        assert client.banner == "220 gw1.corp.example ESMTP"
        assert client.command("HELO mail.partner.example") == "250 gw1.corp.example"


def test_row_02_ehlo(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        offers = client.command("EHLO x").splitlines()
        assert offers[0] == "250-gw1.corp.example"
        assert "250-8BITMIME" in offers or "250 8BITMIME" in offers
        assert any(line[4:] == "SIZE 20971520" for line in offers)
        assert not any("STARTTLS" in line for line in offers)
        assert offers[-1].startswith("250 ")


def test_row_03_message_and_row_87_log(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO mail.partner.example")
        assert (
            client.command("MAIL FROM:<ann@partner.example>")
            == "250 sender <ann@partner.example> ok"
        )
        assert client.command("RCPT TO:<bob@corp.example>") == "250 recipient <bob@corp.example> ok"
        assert client.command("DATA") == "354 go ahead"
        client.send(message() + b".\r\n")
        reply = client.reply()
        match = re.fullmatch(r"250 ok:  Message (\d+) accepted", reply)
        assert match, reply
        mid = match[1]
        assert client.command("QUIT") == "221 gw1.corp.example"
    gateway.wait_log(f"Message finished MID {mid} done")
    log = gateway.log()
    start = re.search(rf"Start MID ({mid}) ICID (\d+)$", log, re.MULTILINE)
    assert start
    assert re.search(rf"MID ({mid}) ICID {start[2]} RID 0 To: \<(bob@corp\.example)\>", log)
    assert re.search(rf"MID ({mid}) (queued for delivery)", log)
    assert re.search(rf"Message finished MID ({mid}) (aborted|done)", log)
    lines = [
        f"MID {mid} ICID {start[2]} From: <ann@partner.example>",
        f"MID {mid} Message-ID '<4f1a@partner.example>'",
        f"MID {mid} Subject 'Quarterly numbers'",
        f"MID {mid} ready ",
        f"MID {mid} matched all recipients for per-recipient policy DEFAULT in the inbound table",
        f"MID {mid} queued for delivery",
        f"Message finished MID {mid} done",
    ]
    positions = [log.index(line) for line in lines]
    assert positions == sorted(positions)


def test_row_04_order_of_commands(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        assert client.command("RCPT TO:<bob@corp.example>") == "503 #5.5.1 MAIL first"
        client.command("MAIL FROM:<ann@partner.example>")
        assert client.command("DATA") == "503 #5.5.1 RCPT first"


def test_row_05_unknown_command(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        assert client.command("FOO bar") == "500 #5.5.1 command not recognized"
    gateway.wait_log("Unknown command: 'FOO bar'")


def test_row_06_space_after_the_colon(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        assert client.command("MAIL FROM: <a@b.example>") == "250 sender <a@b.example> ok"


def test_row_07_loose_addresses(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        assert (
            client.command("MAIL FROM: Ann (hi (there)) <<ann@partner.example>>")
            == "250 sender <ann@partner.example> ok"
        )


def test_row_08_rejected_characters(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<ann@partner.example>")
        assert client.command("RCPT TO:<joe%else@corp.example>").startswith("5")
    gateway.wait_log("Invalid recipient address")


def test_row_09_source_route_is_stripped(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<ann@partner.example>")
        assert (
            client.command("RCPT TO:<@hop.example:bob@corp.example>")
            == "250 recipient <bob@corp.example> ok"
        )


def test_row_35_recipient_refused_by_the_rat(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<rat@partner.example>")
        assert client.command("RCPT TO:<x@other.example>") == "550 #5.1.0 Address rejected."
        client.command("RCPT TO:<bob@corp.example>")
        gateway.wait_log("To: <x@other.example> Rejected by RAT")
        client.command("DATA")
        client.send(message() + b".\r\n")
        mid = client.reply().split()[3]
    gateway.wait_log(f"Message finished MID {mid} done")
    assert re.search(rf"MID {mid} ICID \d+ RID 0 To: <bob@corp.example>", gateway.log())


def test_row_14_announced_size_over_the_limit(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        assert (
            client.command("MAIL FROM:<big@partner.example> SIZE=30000000")
            == "552 #5.3.4 message size exceeds limit"
        )
        assert client.command("MAIL FROM:<ann@partner.example>").startswith("250")


def test_row_15_oversize_without_announcement(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<big15@partner.example>")
        client.command("RCPT TO:<bob@corp.example>")
        client.command("DATA")
        client.send(message() + b"x" * 78 + b"\r\n")
        line = b"y" * 998 + b"\r\n"
        for _ in range(25):
            client.send(line * 1049)
        client.send(b".\r\n")
        assert client.reply() == "552 #5.3.4 message size exceeds limit"
        gateway.wait_log("Receiving Failed: Message size exceeds limit")
        mid = re.search(r"MID (\d+) ICID \d+ From: <big15@", gateway.log())
        assert mid
        gateway.wait_log(f"Message aborted MID {mid[1]} Receiving aborted")
        gateway.wait_log(f"Message finished MID {mid[1]} aborted")
        reply = client.message(["bob@corp.example"], message())
        assert reply.startswith("250 ok:  Message")
    assert list((gateway.state / "spool" / "0" / "large").glob("*")) == []


def test_row_17_header_lines(gateway: Gateway) -> None:
    head = b"".join(b"X-%d: y\r\n" % n for n in range(1001))
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        assert (
            client.message(["bob@corp.example"], head + b"\r\nbody\r\n")
            == "552 #5.3.4 message header size exceeds limit"
        )
        head = b"".join(b"X-%d: y\r\n" % n for n in range(999))
        reply = client.message(["bob@corp.example"], head + b"\r\nbody\r\n")
        assert reply.startswith("250 ")


def test_rows_20_and_11_received_header_and_cleaned_line_ends(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.command("EHLO foo")
            content = message(body="one\ntwo\rthree\r\n")
            assert client.message(["bob@corp.example"], content).startswith("250")
        (stored,) = gateway.wait_maildir(1)
    head, _, body = stored.partition(b"\r\n\r\n")
    assert body == b"one\r\ntwo\r\nthree\r\n"
    assert re.search(
        rb"Received: from unknown \(HELO foo\) \(\[127\.0\.0\.1\]\)\r\n"
        rb"  by gw1\.corp\.example with ESMTP; \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n",
        head,
    )


@pytest.mark.parametrize("rule", ["reject", "allow"])
def test_row_11_bare_line_ends(tmp_path: Path, rule: str) -> None:
    config = base_config(tmp_path)
    config["listeners"][0].update(bare_cr_lf=rule, add_received_header=False)
    with running(tmp_path, **config) as gateway, Client(gateway.port()) as client:
        client.command("EHLO foo")
        reply = client.message(["bob@corp.example"], message(body="one\ntwo\rthree\r\n"))
        if rule == "reject":
            assert reply == "554 message body contains illegal bare CR/LF characters."
            assert client.message(["bob@corp.example"], message()).startswith("250")
        else:
            assert reply.startswith("250")
            (stored,) = gateway.wait_maildir(1)
            assert stored.endswith(message(body="one\ntwo\rthree\r\n"))
            assert b"Received:" not in stored


def test_row_10_default_domain(tmp_path: Path) -> None:
    config = base_config(tmp_path)
    config["listeners"][0]["default_domain"] = "corp.example"
    config["listeners"][1]["address_parser"] = {"allow_partial_domain": False}
    with running(tmp_path, **config) as gateway:
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            client.command("MAIL FROM:<ann@partner.example>")
            assert client.command("RCPT TO:<bob>") == "250 recipient <bob@corp.example> ok"
        with Client(gateway.port("Out")) as client:
            client.command("EHLO x")
            client.command("MAIL FROM:<ann@partner.example>")
            assert client.command("RCPT TO:<bob>").startswith("5")


def test_row_12_idle_probe_on_public_but_not_on_private(tmp_path: Path) -> None:
    config = base_config(tmp_path, inbound={"unsuccessful_timeout_seconds": 2})
    with running(tmp_path, **config) as gateway:
        with Client(gateway.port()) as public, Client(gateway.port("Out")) as private:
            public.command("EHLO x")
            private.command("EHLO x")
            assert (
                public.reply()
                == "421 Timed out waiting for successful message injection, disconnecting."
            )
            assert public.at_end()
            assert private.command("NOOP").startswith("250")
        gateway.wait_log(
            "disconnected address 127.0.0.1, no messages injected within timeout period"
        )


def test_row_13_connection_time(tmp_path: Path) -> None:
    config = base_config(tmp_path, inbound={"total_time_max_seconds": 5})
    with running(tmp_path, **config) as gateway:
        with Client(gateway.port("Out")) as client:
            client.command("EHLO x")
            for _ in range(100):
                reply = client.command("NOOP")
                if not reply.startswith("250"):
                    break
                client.socket.settimeout(30)
                __import__("time").sleep(0.2)
            assert reply == "421 Exceeded allowable connection time, disconnecting."
            assert client.at_end()
        gateway.wait_log("disconnected address 127.0.0.1, exceeded allowable connection time")


def test_row_16_client_stalls_in_the_middle_of_content(tmp_path: Path) -> None:
    config = base_config(tmp_path, inbound={"command_timeout_seconds": 2})
    config["listeners"][0]["policy"] = {"max_message_size": 100_000}
    with running(tmp_path, **config) as gateway:
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            client.command("MAIL FROM:<stall@partner.example>")
            client.command("RCPT TO:<bob@corp.example>")
            client.command("DATA")
            client.send(message() + b"z" * 150_000)
            assert client.reply().startswith("421 ")
            assert client.at_end()
        gateway.wait_log("Message aborted MID")
        gateway.wait_log("close")


def test_row_18_tls_required(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    config = base_config(
        tmp_path,
        certificates={"gw": {"certificate": str(certificate[0]), "key": str(certificate[1])}},
    )
    config["listeners"][0].update(certificate="gw", policy={"tls": "required"})
    with running(tmp_path, **config) as gateway, Client(gateway.port()) as client:
        assert "STARTTLS" in client.command("EHLO x")
        assert (
            client.command("MAIL FROM:<ann@partner.example>")
            == "530 #5.7.0 Must issue a STARTTLS command first"
        )
        assert client.command("QUIT").startswith("221")


def test_row_19_auth_login(tmp_path: Path) -> None:
    users = tmp_path / "users"
    subprocess.run(
        [sys.executable, "-m", "mailwarden.app", "credentials", "add", "ann", "--file", str(users)],
        input=b"secret\n",
        check=True,
    )
    config = base_config(tmp_path, inbound={"credentials": str(users), "auth_profile": "corpauth"})
    config["listeners"][0]["policy"] = {"smtp_auth": "preferred", "require_tls_for_auth": False}
    with running(tmp_path, **config) as gateway:
        with Client(gateway.port()) as client:
            assert "250-AUTH PLAIN LOGIN" in client.command("EHLO x").replace("250 A", "250-A")
            assert client.command("AUTH LOGIN").startswith("334")
            assert client.command(base64.b64encode(b"ann").decode()).startswith("334")
            assert (
                client.command(base64.b64encode(b"wrong").decode())
                == "535 #5.7.8 Authentication failed"
            )
            client.command("AUTH LOGIN")
            client.command(base64.b64encode(b"ann").decode())
            assert (
                client.command(base64.b64encode(b"secret").decode())
                == "235 #2.0.0 OK Authenticated"
            )
            client.command("MAIL FROM:<ann@corp.example>")
            assert client.command("RCPT TO:<x@other.example>").startswith("250")
        gateway.wait_log(
            "succeeded for user: ann using AUTH mechanism: LOGIN with profile: corpauth"
        )
        gateway.wait_log("failed for user: ann using AUTH mechanism: LOGIN with profile: corpauth")
