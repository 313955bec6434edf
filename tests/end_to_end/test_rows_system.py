"""Rows of admin 10.1 and 10.6 about pauses, shutdowns and restarts (SYS-40, SYS-41)."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.app.control_socket import ask
from tests.end_to_end.gateway import Client, Gateway, message, running, wait_until
from tests.end_to_end.test_operations import command

QUEUED = 1_000
PER_CONNECTION = 10  # as the listener allows


def queued(gateway: Gateway) -> dict[int, str]:
    """Return the sender of each waiting message by its MID."""
    return {row["mid"]: row["sender"] for row in _rows(gateway)}


def _rows(gateway: Gateway) -> Iterator[dict[str, object]]:
    for answer in ask(gateway.state, {"command": "queue_list"}):
        yield from answer.get("messages", ())


def begin_data(client: Client) -> None:
    """Let `client` begin to send a message."""
    client.command("EHLO partner.example")
    client.command("MAIL FROM:<ann@partner.example>")
    client.command("RCPT TO:<bob@corp.example>")
    assert client.command("DATA").startswith("354")
    client.send("Subject: slow\r\n\r\nfirst half\r\n")


def is_closed(gateway: Gateway) -> bool:
    """Tell whether a new client is refused, or turned away."""
    with contextlib.suppress(OSError), Client(gateway.port()) as client:
        return client.banner.startswith("421 ")
    return True


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_s_10_a_reboot_keeps_the_queue_and_its_numbers(tmp_path: Path, how: str) -> None:
    """By an orderly shutdown, and by the loss of all processes."""
    with running(tmp_path) as gateway:
        gateway.ask("queue_suspend", delivery=True)
        for first in range(0, QUEUED, PER_CONNECTION):
            with Client(gateway.port()) as client:
                client.command("EHLO partner.example")
                for number in range(first, first + PER_CONNECTION):
                    sender = f"ann{number}@partner.example"
                    reply = client.message(["bob@corp.example"], message(str(number)), sender)
                    assert reply.startswith("250")
        before = queued(gateway)
        assert len(before) == QUEUED
        if how == "stop":
            assert gateway.stop() == 0
        else:
            gateway.kill()
        gateway.start()
        assert queued(gateway) == before
        gateway.ask("queue_resume", delivery=True)
        gateway.wait_maildir(QUEUED)
        wait_until(lambda: not queued(gateway), "an empty queue")
        assert len(gateway.maildir()) == QUEUED


def test_s_12_a_shutdown_lets_an_open_connection_finish(tmp_path: Path) -> None:
    with running(tmp_path) as gateway, Client(gateway.port()) as client:
        begin_data(client)
        assert gateway.process is not None
        gateway.process.terminate()
        wait_until(lambda: is_closed(gateway), "no new connections")
        with pytest.raises(subprocess.TimeoutExpired):  # the rest of the mail is under way
            gateway.process.wait(2)
        client.send("second half\r\n.\r\n")
        assert client.reply().startswith("250")
        assert gateway.process.wait(60) == 0
        gateway.start()
        (mail,) = gateway.wait_maildir(1)
        assert b"first half" in mail
        assert b"second half" in mail


def test_s_12_a_shutdown_without_connections_is_over_at_once(tmp_path: Path) -> None:
    """Within less than the grace, which is the 30 seconds that nobody has to wait for."""
    with running(tmp_path) as gateway:
        assert gateway.process is not None
        gateway.process.terminate()
        assert gateway.process.wait(25) == 0


def test_s_14_what_is_suspended_is_still_so_after_a_reboot(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        command(gateway, "queue", "suspend", "all")
        gateway.stop()
        gateway.start()
        status = gateway.status()
        assert status["delivery"] == "suspended"
        assert [each["state"] for each in status["listeners"]] == ["suspended"] * 2
        assert "suspended" in command(gateway, "status")
        assert is_closed(gateway)
        gateway.wait_log("Warning: Deliveries are currently suspended")


@pytest.mark.parametrize("is_in_time", [True, False])
def test_c_25_a_suspended_listener_lets_a_client_finish(tmp_path: Path, is_in_time: bool) -> None:
    grace = 5 if is_in_time else 1
    with running(tmp_path) as gateway, Client(gateway.port()) as client:
        begin_data(client)
        gateway.ask("queue_suspend", listener="In", grace_seconds=grace)
        assert is_closed(gateway)
        with Client(gateway.port("Out")) as other:
            assert other.banner.startswith("220 ")
        if is_in_time:
            client.send("second half\r\n.\r\n")
            assert client.reply().startswith("250")
            gateway.wait_maildir(1)
        else:
            assert client.reply().startswith("421 ")
            assert client.at_end()
            assert gateway.maildir() == []
        gateway.stop()
        gateway.start()
        assert is_closed(gateway)
        gateway.ask("queue_resume", listener="In")
        with Client(gateway.port()) as after:
            assert after.banner.startswith("220 ")


def test_c_26_mail_is_kept_while_the_work_queue_is_paused(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        command(gateway, "queue", "pause")
        with Client(gateway.port()) as client:
            client.command("EHLO partner.example")
            assert client.message(["bob@corp.example"], message()).startswith("250")
        assert "paused" in command(gateway, "status")
        gateway.stop()
        gateway.start()
        assert "paused" in command(gateway, "status")
        assert len(queued(gateway)) == 1
        assert gateway.maildir() == []
        command(gateway, "queue", "resume")
        gateway.wait_maildir(1)
        assert "paused" not in command(gateway, "status")
