"""The way of a message: splinters, blackholes, holds, several recipients, large content."""

import re
from pathlib import Path

import pytest

from tests.dns_server import serving
from tests.end_to_end.gateway import Client, base_config, message, running, wait_until
from tests.end_to_end.sink import Sink


def test_row_68_one_transaction_for_a_domain_ten_for_ten_policies(tmp_path: Path) -> None:
    recipients = [f"u{number}@corp.example" for number in range(10)]
    with Sink() as sink:
        routes = {"corp.example": f"127.0.0.1:{sink.port}"}
        (tmp_path / "one").mkdir()
        with running(tmp_path / "one", smtp_routes=routes) as gateway:
            with Client(gateway.port()) as client:
                client.command("EHLO x")
                assert client.message(recipients, message()).startswith("250")
            gateway.wait_log("Message finished MID")
            assert sink.count == 1
            assert [r.decode() for r in sink.envelopes[0][1]] == recipients
            assert sink.connections == 1
            assert (
                "Delivery start DCID 1 MID 1 to RID [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]" in gateway.log()
            )
    with Sink() as sink:
        (tmp_path / "ten").mkdir()
        policies = [
            {"name": f"Policy {number}", "recipients": [address]}
            for number, address in enumerate(recipients)
        ]
        config = base_config(
            tmp_path / "ten",
            smtp_routes={"corp.example": f"127.0.0.1:{sink.port}"},
            mail_policies={"incoming": policies},
            destinations={"corp.example": {"max_host_concurrency": 1}},
        )
        with running(tmp_path / "ten", **config) as gateway:
            with Client(gateway.port()) as client:
                client.command("EHLO x")
                mid = client.message(recipients, message()).split()[3]
            wait_until(lambda: sink.count == 10, "ten messages")
            assert sink.connections == 1
            assert all(len(to) == 1 for _, to in sink.envelopes)
            bodies = {m.partition(b"\r\n\r\n")[2] for m in sink.messages}
            assert bodies == {b"Hello.\r\n"}
            wait_until(lambda: gateway.log().count(" done\n") >= 10, "ten finished")
            splits = re.findall(
                rf"MID {mid} was split creating MID (\d+) due to a per-recipient policy "
                r"Policy \d in the inbound table",
                gateway.log(),
            )
            assert len(splits) == 9


@pytest.mark.parametrize("kind", ["blackhole", "blackhole_non_queueing"])
def test_blackholes_deliver_nothing(tmp_path: Path, kind: str) -> None:
    config = base_config(tmp_path)
    config["listeners"][0] = {
        "name": "In",
        "type": kind,
        "interface": "Data1",
        "port": config["listeners"][0]["port"],
        "reverse_dns": False,
    }
    with running(tmp_path, **config) as gateway:
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            reply = client.message(["anybody@anywhere.example"], message())
            assert reply.startswith("250 ok:  Message")
        gateway.wait_log("Message finished MID")
        status = gateway.status()
        assert status["totals"]["dropped"] == 1
        assert status["spool"]["queued"] == status["spool"]["received"] == 0
        assert "queued for delivery" not in gateway.log()


def test_large_content_goes_through_intact(tmp_path: Path) -> None:
    with Sink() as sink:
        config = base_config(tmp_path, smtp_routes={"corp.example": f"127.0.0.1:{sink.port}"})
        with running(tmp_path, **config) as gateway:
            content = message(body="0123456789abcdef" * 4 + "\r\n")
            content += (b"x" * 76 + b"\r\n") * 200_000
            with Client(gateway.port()) as client:
                client.command("EHLO x")
                assert client.message(["bob@corp.example"], content).startswith("250")
            wait_until(lambda: sink.count == 1, "the message")
            assert sink.messages[0].endswith(content)
            gateway.wait_log("Message finished MID")
            large = gateway.state / "spool" / "0" / "large"
            wait_until(lambda: list(large.glob("*")) == [], "the file to be removed")


def test_a_route_to_dev_null_drops(tmp_path: Path) -> None:
    with running(tmp_path, smtp_routes={"corp.example": "/dev/null"}) as gateway:
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            mid = client.message(["bob@corp.example"], message()).split()[3]
        gateway.wait_log(f"Message finished MID {mid} done")
        assert "was generated for bounce" not in gateway.log()


def test_row_77_a_domain_that_does_not_exist_bounces_at_once(tmp_path: Path) -> None:
    with serving({}) as dns:
        config = base_config(
            tmp_path,
            dns={"servers": [dns.address]},
            smtp_routes={"corp.example": f"maildir:{tmp_path}/maildir"},
        )
        with running(tmp_path, **config) as gateway:
            with Client(gateway.port("Out")) as client:
                client.command("EHLO x")
                reply = client.message(["x@nope.example"], message(), sender="ann@corp.example")
                mid = reply.split()[3]
            (report,) = gateway.wait_maildir(1)
            assert b"5.1.2 - Bad destination host" in report
            gateway.wait_log(f"Bounced: DCID 0 MID {mid} to RID 0 - 5.1.2 - Bad destination host")


def test_dead_dns_defers(tmp_path: Path) -> None:
    with running(tmp_path, smtp_routes={}) as gateway:
        with Client(gateway.port("Out")) as client:
            client.command("EHLO x")
            mid = client.message(["x@some.example"], message()).split()[3]
        gateway.wait_log(f"MID {mid} to RID [0] pending till")
        assert "Bounced" not in gateway.log()


def test_row_75_a_bounce_that_cannot_be_delivered_is_dropped(tmp_path: Path) -> None:
    def answer(verb: str, _line: bytes) -> bytes | None:
        return b"550 no such user\r\n" if verb == "RCPT" else None

    with Sink(answer) as sink:
        config = base_config(tmp_path, smtp_routes={"ALL": f"127.0.0.1:{sink.port}"})
        with running(tmp_path, **config) as gateway:
            with Client(gateway.port()) as client:
                client.command("EHLO x")
                client.message(["bob@corp.example"], message())
            gateway.wait_log("Double bounce: MID")
            wait_until(lambda: gateway.status()["spool"]["queued"] == 0, "an empty queue")
