"""Masquerading (mailflow 5.4) by a private listener, seen by the next hop."""

import os
import signal
import smtplib
from pathlib import Path
from typing import Any

from tests.end_to_end.gateway import Client, Gateway, running, wait_until
from tests.end_to_end.sink import Sink

FROM_ANN = (
    b'From: Ann <ann@ex1.corp.example>\r\nTo: joe,\r\n "Bob, at home" <bob@partner.example> (x)\r\n'
    b"Subject: ann@ex1.corp.example\r\n\r\nann@ex1.corp.example\r\n"
)


def masquerading(gateway: Gateway, table: Any, **settings: Any) -> None:
    """Let the private listener masquerade by `table`."""
    gateway.listener("Out").update(masquerade=table, **settings)
    gateway.write_config()
    assert gateway.ask("reload")["problems"] == []


def send(gateway: Gateway, content: bytes = FROM_ANN, sender: str = "ann@ex1.corp.example") -> None:
    with Client(gateway.port("Out")) as client:
        client.command("EHLO x")
        assert client.message(["bob@partner.example"], content, sender).startswith("250")


def test_row_44_sub_domains_are_taken_off(tmp_path: Path) -> None:
    with (
        Sink() as sink,
        running(tmp_path, smtp_routes={"ALL": f"127.0.0.1:{sink.port}"}) as gateway,
    ):
        masquerading(gateway, ["@.corp.example @corp.example"])
        send(gateway)
        gateway.wait_log("Message finished MID 2 done")
        assert b"From: Ann <ann@corp.example>\r\nTo: joe,\r\n" in sink.messages[0]
        assert b"Subject: ann@ex1.corp.example\r\n\r\nann@ex1.corp.example\r\n" in sink.messages[0]
        assert sink.envelopes[0][0] == b"ann@ex1.corp.example"
        log = gateway.log()
        assert (
            "Info: MID 1 masquerading header 'From' from 'ann@ex1.corp.example' to "
            "'ann@corp.example'" in log
        )
        assert "Info: MID 1 rewritten to MID 2 by masquerading" in log

        masquerading(gateway, ["@.corp.example @corp.example"], masquerade_envelope_sender=True)
        send(gateway)
        gateway.wait_log("Message finished MID 4 done")
        assert sink.envelopes[1][0] == b"ann@corp.example"
        assert (
            "Info: MID 3 masquerading envelope sender from 'ann@ex1.corp.example' to "
            "'ann@corp.example'" in gateway.log()
        )
        # What no entry concerns keeps its MID, and every byte.
        send(gateway, b"From: ann@other.example\r\n\r\nx\r\n", "ann@other.example")
        gateway.wait_log("Message finished MID 5 done")
        assert sink.messages[2].endswith(b"\r\nFrom: ann@other.example\r\n\r\nx\r\n")


def test_row_45_all_comes_last_wherever_it_stands(tmp_path: Path) -> None:
    with (
        Sink() as sink,
        running(tmp_path, smtp_routes={"ALL": f"127.0.0.1:{sink.port}"}) as gateway,
    ):
        masquerading(gateway, "ALL @corp.example\njoe joe@x.example\n")
        send(gateway, b"From: Joe Doe <joe>\r\nTo: joe, ann\r\nCc: (\r\n\r\nx\r\n")
        gateway.wait_log("Message finished MID 2 done")
        assert sink.messages[0].endswith(
            b"From: Joe Doe <joe@x.example>\r\nTo: joe@x.example, ann@corp.example\r\nCc: (\r\n"
            b"\r\nx\r\n"
        )
        assert "masquerading left header 'Cc' as it is" in gateway.log()

        gateway.listener("In")["masquerade"] = ["ALL @corp.example"]
        gateway.write_config()
        (problem,) = gateway.ask("reload")["problems"]
        assert "ALL is for private listeners" in problem


def test_large_mail_is_masqueraded_and_survives_a_kill(tmp_path: Path) -> None:
    with (
        Sink() as sink,
        running(
            tmp_path,
            smtp_routes={"ALL": f"127.0.0.1:{sink.port}"},
            spool={"inline_size_max_bytes": "64k"},
        ) as gateway,
    ):
        masquerading(gateway, ["@.corp.example @corp.example"])
        gateway.ask("pause")
        body = b"0123456789abcdef" * 4 + b"\r\n"
        send(gateway, FROM_ANN + body * 5_000)
        (worker,) = gateway.worker_pids()
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: gateway.is_up() and gateway.worker_pids() != [worker], "a new worker")
        gateway.ask("resume")
        wait_until(lambda: sink.messages, "the message")
        assert b"From: Ann <ann@corp.example>\r\n" in sink.messages[0]
        assert sink.messages[0].endswith(body * 5_000)


def test_a_recipient_that_is_rewritten_goes_on_with_the_address_it_had(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def answer(verb: str, line: bytes) -> bytes | None:
        if verb == "RCPT":
            heard.append(line.strip())
        return b"250-sink.test\r\n250 DSN\r\n" if verb == "EHLO" else None

    with (
        Sink(answer) as sink,
        running(tmp_path, smtp_routes={"ALL": f"127.0.0.1:{sink.port}"}) as gateway,
    ):
        gateway.listener()["domain_map"] = ["@old.example @corp.example"]
        gateway.config["inbound"] = {"aliases": "sales: ann@corp.example\n"}
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        with smtplib.SMTP("127.0.0.1", gateway.port()) as client:
            names = ["bob@old.example", "Sales@corp.example", "carl@corp.example"]
            client.sendmail("ann@partner.example", names, "Subject: x\r\n\r\nx\r\n")
            client.ehlo()
            client.mail("ann@partner.example")
            client.rcpt("bob@old.example", ["ORCPT=rfc822;list@partner.example"])
            client.data("Subject: x\r\n\r\nx\r\n")
        gateway.wait_log("Message finished MID 2 done")
        assert sorted(heard) == [
            b"RCPT TO:<ann@corp.example> ORCPT=rfc822;Sales@corp.example",
            b"RCPT TO:<bob@corp.example> ORCPT=rfc822;bob@old.example",
            b"RCPT TO:<bob@corp.example> ORCPT=rfc822;list@partner.example",
            b"RCPT TO:<carl@corp.example>",
        ]
