"""The global unsubscribe list (mailflow 7.7): recipients that get no mail from here at all."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.gateway import Client, Gateway, free_port, message, running, wait_until
from tests.end_to_end.sink import Sink

LINE = r"Info: MID {} Global unsubscribe matched entry {} RID {} Address {} Action {}$"


def config_for(sink: Sink, folder: Path, listed: list[str], action: str = "drop") -> dict[str, Any]:
    return {
        "smtp_routes": {
            "corp.example": f"maildir:{folder}/maildir",
            "partner.example": f"127.0.0.1:{sink.port}",
            "other.example": f"127.0.0.2:{sink.port}",
        },
        "delivery": {"unsubscribe": listed, "unsubscribe_action": action},
        "bounce_profiles": {"Default": {"initial_retry_seconds": 0.5, "max_retry_seconds": 0.5}},
    }


def send(gateway: Gateway, *recipients: str) -> str:
    """Send a message from within; return its MID."""
    with Client(gateway.port("Out")) as client:
        client.command("EHLO x")
        return client.message(list(recipients), message(), sender="ann@corp.example").split()[3]


def hits(gateway: Gateway) -> int:
    return int(gateway.status()["totals"]["global_unsubscribe_hits"])


@pytest.mark.parametrize("action", ["drop", "bounce"])
def test_row_80_a_user_on_the_list(tmp_path: Path, action: str) -> None:
    with Sink() as sink:
        with running(tmp_path, **config_for(sink, tmp_path, ["bob@"], action)) as gateway:
            mid = send(gateway, "bob@partner.example")
            gateway.wait_log(f"Message finished MID {mid} done")
            line = gateway.wait_log("Global unsubscribe")
            word = {"drop": "dropped", "bounce": "bounced"}[action]
            assert re.search(LINE.format(mid, "bob@", 0, "bob@partner.example", word), line)
            assert hits(gateway) == 1
            if action == "bounce":
                (report,) = gateway.wait_maildir(1)
                assert b"5.x.0 - Message bounced by global unsubscribe" in report
            else:
                assert "was generated for bounce" not in gateway.log()
            assert "Delivery start" not in gateway.log().partition("generated for bounce")[0]
        assert sink.connections == 0


def test_the_others_get_their_mail(tmp_path: Path) -> None:
    listed = ["# who left", "bob@partner.example", "@.partner.example"]
    with Sink() as sink:
        with running(tmp_path, **config_for(sink, tmp_path, listed)) as gateway:
            mid = send(gateway, "eve@partner.example", "bob@partner.example")
            gateway.wait_log(f"Message finished MID {mid} done")
            assert [to for _, to in sink.envelopes] == [[b"eve@partner.example"]]
            assert hits(gateway) == 1
            mid = send(gateway, "bob@partner.example", "bob@eu.partner.example")
            gateway.wait_log(f"Message finished MID {mid} done")
            assert hits(gateway) == 3
        assert sink.count == 1


def test_the_address_of_a_mail_server(tmp_path: Path) -> None:
    with Sink() as sink:
        with running(tmp_path, **config_for(sink, tmp_path, ["127.0.0.2"], "bounce")) as gateway:
            mid = send(gateway, "bob@partner.example", "eve@other.example")
            gateway.wait_log(f"Message finished MID {mid} done")
            line = gateway.wait_log("Global unsubscribe")
            assert re.search(
                LINE.format(mid, r"127\.0\.0\.2", 1, "eve@other.example", "bounced"), line
            )
            gateway.wait_maildir(1)
            names = {row["name"]: row["state"] for row in gateway.status()["destinations"]}
            assert "down" not in names.values()
        assert sink.count == 1
        assert sink.connections == 1


def test_what_waits_is_looked_at_before_each_attempt(tmp_path: Path) -> None:
    with Sink() as sink:
        config = config_for(sink, tmp_path, [])
        config["smtp_routes"]["partner.example"] = f"127.0.0.1:{free_port()}"  # nobody is there
        with running(tmp_path, **config) as gateway:
            mid = send(gateway, "bob@partner.example")
            gateway.wait_log(f"MID {mid} to RID [0] pending till")
            gateway.config["delivery"]["unsubscribe"] = ["bob@"]
            gateway.write_config()
            assert gateway.ask("reload")["problems"] == []
            gateway.wait_log(f"Message finished MID {mid} done")
            gateway.wait_log(f"MID {mid} Global unsubscribe matched entry bob@ RID 0")
            wait_until(lambda: gateway.status()["spool"]["queued"] == 0, "an empty queue")


def test_a_list_with_something_wrong_names_the_line(tmp_path: Path) -> None:
    with Sink() as sink, running(tmp_path, **config_for(sink, tmp_path, [])) as gateway:
        gateway.config["delivery"]["unsubscribe"] = ["bob@", "b o b"]
        gateway.write_config()
        (problem,) = gateway.ask("reload")["problems"]
        assert "delivery.unsubscribe[1]" in str(problem)
