"""The domain map (mailflow 5.2): recipients of old domains."""

from pathlib import Path

from tests.end_to_end.gateway import Client, message, running
from tests.end_to_end.sink import Sink


def test_row_41_the_domain_map_comes_before_the_rat(tmp_path: Path) -> None:
    with (
        Sink() as sink,
        running(tmp_path, smtp_routes={"corp.example": f"127.0.0.1:{sink.port}"}) as gateway,
    ):
        gateway.listener()["domain_map"] = [
            "joe@old.example ann@corp.example",
            "@old.example @corp.example",
            "@.old.example @corp.example",
        ]
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        recipients = ["bob@eu.old.example", "joe@old.example"]
        text = message().replace(b"To: ", b"To: bob@eu.old.example, ", 1)
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            assert client.message(recipients, text).startswith("250")
            client.command("MAIL FROM:<ann@partner.example>")
            assert client.command("RCPT TO:<x@other.example>").startswith("550")
        gateway.wait_log("Message finished MID")
        gateway.wait_log("domain map: bob@eu.old.example mapped to bob@corp.example")
        assert [r.decode() for r in sink.envelopes[0][1]] == [
            "bob@corp.example",
            "ann@corp.example",
        ]
        assert text.partition(b"\r\n\r\n")[0] in sink.messages[0]  # the header stays


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.listener()["domain_map"] = ["joe@old.example @new.example"]
        gateway.write_config()
        (problem,) = gateway.ask("reload")["problems"]
        assert "is not a full address" in str(problem)
