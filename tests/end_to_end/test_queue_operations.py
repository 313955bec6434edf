"""What an administrator does to the mail that waits: delete, bounce, bring back."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.gateway import Client, Gateway, message, running, wait_until
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_operations import command


class Refusing:
    """An answer of the sink: "not now" to every recipient, until it is opened."""

    def __init__(self) -> None:
        self.is_open = False

    def __call__(self, verb: str, _line: bytes) -> bytes | None:
        return None if self.is_open or verb != "RCPT" else b"451 come back later\r\n"


def put(gateway: Gateway, *recipients: str, sender: str = "ann@corp.example") -> int:
    """Send a message through the gateway; return its MID."""
    with Client(gateway.port("Out")) as client:
        client.command("EHLO x")
        reply = client.message(list(recipients), message(), sender)
    assert reply.startswith("250 ok:  Message "), reply
    return int(reply.split()[3])


def wait_pending(gateway: Gateway, count: int) -> None:
    wait_until(lambda: gateway.log().count("pending till") >= count, f"{count} delays")


def listed(gateway: Gateway, *words: str) -> list[dict[str, Any]]:
    lines = command(gateway, "queue", *words, "--json").splitlines()
    return [json.loads(line) for line in lines]


def test_row_84_delete_by_host_and_bring_back_over_a_kill(tmp_path: Path) -> None:
    answer = Refusing()
    with (
        Sink(answer) as sink,
        running(tmp_path, workers=2, smtp_routes={"ALL": f"127.0.0.1:{sink.port}"}) as gateway,
    ):
        here = [put(gateway, "bob@example.com") for _ in range(4)]
        both = put(gateway, "bob@example.com", "eve@example.net")
        other = put(gateway, "bob@example.net")
        wait_pending(gateway, 6)
        words = ("queue", "delete", "--recipient-host", "example.com")
        assert "5 messages would be deleted (5 recip" in command(gateway, *words, "--dry-run")
        assert "--yes" in command(gateway, *words, code=2)
        assert "5 messages deleted (5 recipients)" in command(gateway, *words, "--yes")
        for mid in (*here, both):
            gateway.wait_log(f"Deleted: MID {mid} to [0]")
            gateway.wait_log(f"MID {mid} RID [0] deleted by administrator ")
        assert {row["mid"] for row in listed(gateway, "list")} == {both, other}
        deleted = {row["mid"]: row for row in listed(gateway, "deleted")}
        assert set(here) < set(deleted)
        (part,) = set(deleted) - set(here)
        assert deleted[part]["recipients"] == ["bob@example.com"]
        spool = gateway.status()["spool"]
        assert (spool["queued"], spool["held"], spool["deleted"]) == (2, 0, 5)
        assert "5 deleted" in command(gateway, "status")
        assert "restore" in command(gateway, "queue", "release", str(here[0]), code=1)

        gateway.kill()
        gateway.start()
        assert len(listed(gateway, "deleted")) == 5
        answer.is_open = True
        command(gateway, "queue", "retry", "all")
        wait_until(lambda: sink.count == 2, "what was not deleted")
        assert "1 message restored" in command(gateway, "queue", "restore", str(here[0]))
        assert "not among" in command(gateway, "queue", "restore", str(here[0]), code=1)
        command(gateway, "queue", "retry", "all")
        wait_until(lambda: sink.count == 3, "what was brought back")
        assert "4 messages restored" in command(gateway, "queue", "restore", "--all")
        command(gateway, "queue", "retry", "all")
        wait_until(lambda: sink.count == 7, "all")
        recipients = sorted(r for _, rcpt in sink.envelopes for r in rcpt)
        assert recipients == [b"bob@example.com"] * 5 + [b"bob@example.net", b"eve@example.net"]


def test_row_84_bounce_by_sender_and_recipient(tmp_path: Path) -> None:
    routes: dict[str, str] = {"corp.example": f"maildir:{tmp_path}/maildir"}
    with Sink(Refusing()) as sink:
        routes["ALL"] = f"127.0.0.1:{sink.port}"
        with running(tmp_path, smtp_routes=routes) as gateway:
            first = put(gateway, "bob@example.com", "eve@example.net")
            second = put(gateway, "bob@example.com", sender="carl@corp.example")
            wait_pending(gateway, 3)
            words = ("--sender", "ann@corp.example", "--recipient", "bob@example.com")
            text = command(gateway, "queue", "bounce", *words, "--yes")
            assert "1 message bounced (1 recipient)" in text
            (report,) = gateway.wait_maildir(1)
            assert b"Message bounced by administrator" in report
            assert b"To: ann@corp.example" in report or b"To: <ann@corp.example>" in report
            assert b"bob@example.com" in report
            gateway.wait_log(
                f"Bounced: DCID 0 MID {first} to RID 0 - 5.x.0 - Message bounced by administrator"
            )
            rows = {row["mid"]: row["recipients"] for row in listed(gateway, "list")}
            assert rows == {first: ["eve@example.net"], second: ["bob@example.com"]}
            assert "2 messages bounced" in command(gateway, "queue", "bounce", "--all", "--yes")
            gateway.wait_maildir(3)
            gateway.wait_log(f"Message finished MID {first} done")
            gateway.wait_log(f"Message finished MID {second} done")
            text = command(gateway, "queue", "bounce", "--all", "--yes")
            assert "no such message" in text


def test_what_was_deleted_goes_for_good_after_the_time_that_is_set(tmp_path: Path) -> None:
    with (
        Sink(Refusing()) as sink,
        running(
            tmp_path,
            smtp_routes={"ALL": f"127.0.0.1:{sink.port}"},
            delivery={"keep_deleted_seconds": 1},
        ) as gateway,
    ):
        mid = put(gateway, "bob@example.com")
        wait_pending(gateway, 1)
        command(gateway, "queue", "delete", str(mid), "--yes")
        gateway.wait_log(f"Message finished MID {mid} done")
        assert gateway.status()["spool"]["deleted"] == 0
        assert "no deleted" in command(gateway, "queue", "deleted")


@pytest.mark.parametrize("words", [["delete"], ["delete", "--all", "7"], ["restore"]])
def test_what_is_meant_has_to_be_said(tmp_path: Path, words: list[str]) -> None:
    gateway = Gateway(tmp_path, {"state_directory": str(tmp_path)})
    gateway.path.write_text("hostname: x\n")
    assert "mailwarden: " in command(gateway, "queue", *words, code=2)


def test_row_84_redirect_lasts_and_can_be_taken_back(tmp_path: Path) -> None:
    answer = Refusing()
    with (
        Sink(answer) as usual,
        Sink() as relay,
        running(tmp_path, smtp_routes={"ALL": f"127.0.0.1:{usual.port}"}) as gateway,
    ):
        mid = put(gateway, "bob@example.com", "eve@example.net")
        kept = put(gateway, "carl@example.net")
        wait_pending(gateway, 3)
        to = f"127.0.0.1:{relay.port}"
        words = ("queue", "redirect", "--to", to, "--recipient-host", "example.com")
        assert "1 message would be redirected" in command(gateway, *words, "--dry-run")
        command(gateway, "queue", "suspend", "delivery")
        assert f"goes to {to}" in command(gateway, *words, "--yes")
        gateway.kill()
        gateway.start()
        assert f"redirected to {to}" in command(gateway, "queue", "show", str(mid))
        assert to in command(gateway, "queue", "redirect")
        assert "1 redirect of queued mail" in command(gateway, "status")
        command(gateway, "queue", "resume", "delivery")
        command(gateway, "queue", "retry", "all")
        wait_until(lambda: relay.count == 1, "the redirected mail")
        assert [rcpt for _, rcpt in relay.envelopes] == [[b"bob@example.com"]]
        command(gateway, *("queue", "redirect", "--to", to, "--mid", str(kept), "--yes"))
        wait_until(lambda: relay.count == 2, "what is redirected is tried at once")
        assert "redirect 2 is cancelled" in command(gateway, "queue", "redirect", "--cancel", "2")
        command(gateway, "queue", "redirect", "--cancel", "all")
        assert "no mail is redirected" in command(gateway, "queue", "redirect")
        answer.is_open = True
        command(gateway, "queue", "retry", "all")
        wait_until(lambda: usual.count == 1, "the rest")
        assert usual.envelopes[0][1] == [b"eve@example.net"]
        assert "host" in command(gateway, "queue", "redirect", "--to", "a!", "--all", code=2)


def test_row_83_suspended_delivery_and_listeners_survive_a_restart(tmp_path: Path) -> None:
    with (
        Sink() as sink,
        running(tmp_path, workers=2, smtp_routes={"ALL": f"127.0.0.1:{sink.port}"}) as gateway,
    ):
        assert "delivery suspended" in command(gateway, "queue", "suspend", "delivery")
        assert "listener In suspended" in command(gateway, "queue", "suspend", "listener", "In")
        put(gateway, "bob@example.com")
        gateway.wait_log("queued for delivery")
        gateway.stop()
        gateway.start()
        gateway.wait_log("Deliveries are currently suspended")
        status = command(gateway, "status")
        assert "delivery suspended" in status
        assert "suspended" in next(line for line in status.splitlines() if "In  " in line)
        assert not greets(gateway.port("In"))
        put(gateway, "bob@example.com")
        command(gateway, "queue", "retry", "all")
        gateway.worker_pids()
        assert sink.count == 0
        gateway.write_config()
        command(gateway, "reload")
        assert not greets(gateway.port("In"))
        assert "listener In resumed" in command(gateway, "queue", "resume", "listener")
        assert greets(gateway.port("In"))
        assert "delivery resumed" in command(gateway, "queue", "resume", "delivery")
        wait_until(lambda: sink.count == 2, "what was kept")
        command(gateway, "queue", "suspend", "all")
        assert not greets(gateway.port("Out"))
        command(gateway, "queue", "resume", "all")
        assert greets(gateway.port("Out"))
        put(gateway, "bob@example.com")
        wait_until(lambda: sink.count == 3, "new mail")
        assert "no listener 'X'" in command(gateway, "queue", "suspend", "listener", "X", code=1)


def greets(port: int) -> bool:
    try:
        with Client(port) as client:
            return client.banner.startswith("220")
    except OSError:
        return False


def test_row_84_messages_are_listed_by_filter_shown_and_archived(tmp_path: Path) -> None:
    with (
        Sink(Refusing()) as sink,
        running(tmp_path, workers=2, smtp_routes={"ALL": f"127.0.0.1:{sink.port}"}) as gateway,
    ):
        assert "no message" in command(gateway, "queue", "oldest")
        first = put(gateway, "bob@example.com", "eve@example.net")
        put(gateway, "bob@example.com", sender="carl@corp.example")
        wait_pending(gateway, 2)
        assert f"MID {first}, queued" in command(gateway, "queue", "oldest")
        assert [row["mid"] for row in listed(gateway, "list", "--sender", "ann@corp.example")] == [
            first
        ]
        assert len(listed(gateway, "list", "--recipient-host", "example.com")) == 2
        assert len(listed(gateway, "list", "--recipient", "eve@example.net")) == 1
        assert listed(gateway, "list", "--older-than", "1h") == []
        (row,) = listed(gateway, "list", str(first))
        assert row["subject"] == "Quarterly numbers"
        assert row["sender"] == "ann@corp.example"
        assert "Quarterly numbers" in command(gateway, "queue", "list")
        path = tmp_path / "archived.eml"
        command(gateway, "queue", "archive", str(first), str(path))
        assert "File exists" in command(gateway, "queue", "archive", str(first), str(path), code=1)
        folder = tmp_path / "exported"
        folder.mkdir()
        command(gateway, "spool", "export", str(first), "--to", str(folder))
        assert path.read_bytes() == (folder / f"{first}.eml").read_bytes()
        assert path.read_bytes().endswith(message())
        assert "no message 99" in command(gateway, "queue", "archive", "99", "-", code=1)


def test_hosts_are_told_with_counters_of_all_workers(tmp_path: Path) -> None:
    def answer(verb: str, line: bytes) -> bytes | None:
        if verb != "RCPT":
            return None
        if b"<nobody@" in line:
            return b"550 no such user\r\n"
        return b"451 come back later\r\n" if b"<later@" in line else None

    with Sink(answer) as sink:
        routes = {"example.com": f"127.0.0.1:{sink.port}", "example.net": "null:"}
        routes["corp.example"] = "null:"
        with running(tmp_path, workers=2, smtp_routes=routes) as gateway:
            for name in ("bob", "nobody", "later"):
                put(gateway, f"{name}@example.com")
            for _ in range(4):
                put(gateway, "bob@example.net")
            wait_pending(gateway, 1)
            wait_until(lambda: gateway.status()["totals"].get("delivered") == 6, "all else")
            host = f"127.0.0.1:{sink.port}"
            rows = {row["name"]: row for row in listed(gateway, "hosts", "--sort", "delivered")}
            assert list(rows) == ["null:", host]
            assert rows["null:"]["delivered"] == 5  # one is the bounce
            assert (rows[host]["state"], rows[host]["waiting"]) == ("up", 1)
            assert (rows[host]["hard_bounced"], rows[host]["soft_bounced"]) == (1, 1)
            text = command(gateway, "queue", "hosts", "example.com")
            assert f"{host}: up" in text
            assert "1 recipient, 0 unattempted, 1 attempted" in text
            assert "Last 5XX error: 5.1.0 - Unknown address error 550-'no such user'" in text
            assert "Oldest message: MID " in text
            assert str(sink.port) in text.splitlines()[-1]
            command(gateway, "reload")
            assert "1 delivered" in command(gateway, "queue", "hosts", "example.com")
            assert "unknown" in command(gateway, "queue", "hosts", "elsewhere.example")
