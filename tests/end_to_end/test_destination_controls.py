"""Destination controls of a real gateway: over all its workers, and over their deaths."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mailwarden.app.control_socket import ask
from tests.end_to_end.gateway import Client, Gateway, message, running, wait_until
from tests.end_to_end.sink import Sink


def command(gateway: Gateway, *words: str) -> str:
    """Return what an administrator's command says."""
    done = subprocess.run(
        [sys.executable, "-m", "mailwarden.app", "--config", str(gateway.path), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def send(gateway: Gateway, recipients: list[str], times: int = 1) -> None:
    """Send messages over connections of their own, so that all workers get some."""
    for _ in range(times):
        with Client(gateway.port("Out")) as client:
            client.command("EHLO client.example")
            assert client.message(recipients, message(), "ann@corp.example").startswith("250")


def counted(sink: Sink) -> int:
    return sum(len(recipients) for _, recipients in sink.envelopes)


def wait_for_room(seconds: float = 45) -> None:
    """Wait until the hour has still some room, so that no window moves within the test."""
    while time.time() % 3600 > 3600 - seconds:
        time.sleep(1)


def steady(value: Callable[[], int], seconds: float = 3) -> int:
    """Return a value that has not changed for some seconds."""
    end = time.monotonic() + seconds
    last = value()
    while time.monotonic() < end:
        time.sleep(0.1)
        if value() != last:
            last, end = value(), time.monotonic() + seconds
    return last


def test_row_70_the_limit_holds_over_workers_and_kills(tmp_path: Path) -> None:
    wait_for_room()
    with Sink() as sink:
        changes: dict[str, Any] = {
            "workers": 2,
            "smtp_routes": {"ALL": f"[127.0.0.1]:{sink.port}"},
            "destinations": {"DEFAULT": {"recipient_limit": 300, "recipient_minutes": 60}},
        }
        with running(tmp_path, **changes) as gateway:
            for number in range(30):
                send(gateway, [f"u{number}.{part}@partner.example" for part in range(9)])
            wait_until(lambda: counted(sink) >= 200, "most of what may go")
            os.kill(gateway.worker_pids()[0], signal.SIGKILL)
            wait_until(gateway.is_up, "the worker is back")
            for number in range(30, 40):
                send(gateway, [f"u{number}.{part}@partner.example" for part in range(9)])
            wait_until(lambda: counted(sink) >= 290, "all that may go")
            # What was under way in the killed worker was counted, and may go a second time.
            assert steady(lambda: counted(sink)) <= 300
            shown = command(gateway, "queue", "hosts", f"127.0.0.1:{sink.port}")
            assert "Held back: the limit of 300 recipients in 60 minutes is reached, until" in shown
            assert "is held back: the limit of 300" in command(gateway, "queue", "hosts")
            gateway.wait_log("the limit of 300 recipients in 60 minutes is reached")
            before = counted(sink)
            assert "tried again now" in command(gateway, "queue", "retry")
            wait_until(lambda: counted(sink) > before, "the rest after a retry")


def test_connections_are_counted_over_workers_and_kills(tmp_path: Path) -> None:
    with Sink(lambda verb, _: time.sleep(0.2) if verb == "MAIL" else None) as sink:
        changes: dict[str, Any] = {
            "workers": 2,
            "smtp_routes": {"ALL": f"[127.0.0.1]:{sink.port}"},
            "destinations": {"DEFAULT": {"max_host_concurrency": 2}},
        }
        with running(tmp_path, **changes) as gateway:
            send(gateway, ["bob@partner.example"], 30)
            most = 0
            killed = False
            while sink.count < 30:
                most = max(most, len(sink._open))
                if sink.count >= 10 and not killed:
                    killed = True
                    os.kill(gateway.worker_pids()[1], signal.SIGKILL)
                time.sleep(0.02)
            assert 1 <= most <= 3  # the sink may see the end of a killed worker's a moment late
            wait_until(lambda: gateway.status()["spool"]["queued"] == 0, "the queue is empty")


def test_a_provider_that_asks_to_slow_down(tmp_path: Path) -> None:
    said = []

    def answer(verb: str, line: bytes) -> bytes | None:
        if verb == "MAIL" and not said:
            said.append(line)
            return (
                b"421-4.7.28 Our system has detected an unusual rate of unsolicited mail\r\n"
                b"421 4.7.28 originating from your IP address.\r\n"
            )
        return None

    with Sink(answer) as sink:
        changes: dict[str, Any] = {"smtp_routes": {"ALL": f"[127.0.0.1]:{sink.port}"}}
        with running(tmp_path, **changes) as gateway:
            send(gateway, ["bob@partner.example"])
            line = gateway.wait_log("asks to slow down")
            assert "messages per minute 30 ('unusual rate' once" in line
            gateway.wait_log("Delayed: DCID")
            shown = command(gateway, "queue", "hosts", "partner.example")
            assert f"Held back: 127.0.0.1:{sink.port} asks to slow down: messages per" in shown
            assert gateway.status()["workers"][0]["counters"]["slow_downs"] == 1
            command(gateway, "queue", "retry", "partner.example")
            wait_until(lambda: sink.count == 1, "the message after a retry")
            assert "Held back" not in command(gateway, "queue", "hosts", "partner.example")


def test_row_71_an_alert_where_it_is_asked_for(tmp_path: Path) -> None:
    with Sink() as sink:
        text = (
            "[DEFAULT]\nmax_host_concurrency = 500\nmax_messages_per_connection = 50\n"
            "limit_type = host\nlimit_apply = system\nbounce_validation = 0\ntable_tls = off\n"
            "send_tls_req_alert = 1\ncertificate =\n\n[partner.example]\ntable_tls = require\n"
            "[other.example]\ntable_tls = on\n"
        )
        (tmp_path / "destinations.txt").write_text(text)
        changes: dict[str, Any] = {
            "smtp_routes": {"ALL": f"[127.0.0.1]:{sink.port}"},
            "destination_controls": {"file": "destinations.txt"},
        }
        with running(tmp_path, **changes) as gateway:
            send(gateway, ["bob@partner.example"])
            gateway.wait_log("TLS was required but could not be successfully negotiated")
            gateway.wait_log("Warning: Worker 0: Required TLS connection failed: ")
            gateway.wait_log("Delayed: DCID 0 MID")
            send(gateway, ["bob@other.example"])
            wait_until(lambda: sink.count, "what prefers TLS goes in the clear")
            assert [recipients for _, recipients in sink.envelopes] == [[b"bob@other.example"]]
            (tmp_path / "destinations.txt").write_text(text.replace("require", "off"))
            assert not next(iter(ask(gateway.state, {"command": "reload"}))).get("error")
            command(gateway, "queue", "retry", "partner.example")
            wait_until(lambda: sink.count == 2, "the rest once TLS is not required")
