"""What is counted, over restarts, and what an administrator sees of it (admin 1.6.5)."""

import json
import os
import signal
from pathlib import Path

from tests.end_to_end.gateway import (
    Client,
    Gateway,
    message,
    running,
    until_interrupted,
    wait_until,
)
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_operations import command


def put(gateway: Gateway, *recipients: str) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        assert client.message(list(recipients), message()).startswith("250")


def delivered(gateway: Gateway) -> int:
    return int(gateway.status()["totals"].get("delivered", 0))


def test_counters_outlast_workers_and_restarts_and_can_be_reset(tmp_path: Path) -> None:
    with running(tmp_path, workers=2) as gateway:
        put(gateway, "bob@corp.example", "eve@corp.example")
        wait_until(lambda: delivered(gateway) == 2, "delivery")
        os.kill(gateway.worker_pids()[0], signal.SIGKILL)
        os.kill(gateway.worker_pids()[-1], signal.SIGKILL)
        wait_until(lambda: gateway.is_up(), "new workers")
        put(gateway, "bob@corp.example")
        wait_until(lambda: delivered(gateway) == 3, "what dead workers counted is not forgotten")
        assert "begin anew" in command(gateway, "queue", "reset-counters")
        gateway.wait_log("Counters reset by administrator ")
        put(gateway, "bob@corp.example")
        wait_until(lambda: delivered(gateway) == 4, "delivery")
        gateway.stop()
        gateway.start()
        status = gateway.status()
        assert status["totals"].get("delivered", 0) == 0
        assert status["counters"]["reset"]["delivered"] == 1
        assert status["counters"]["lifetime"]["delivered"] == 4
        text = command(gateway, "status", "--detail")
        assert "Counters" in text
        row = next(line for line in text.splitlines() if line.startswith("delivered "))
        assert row.split() == ["delivered", "1", "0", "4"]
        assert "Reset " in text
        put(gateway, "bob@corp.example")
        wait_until(lambda: delivered(gateway) == 1, "delivery")
        text = command(gateway, "status", "--detail")
        assert "Rates (events an hour)" in text
        assert "current inbound connections" in text
        assert "kilobytes free" in text


def test_rates_are_shown_line_by_line_until_interrupted(tmp_path: Path) -> None:
    with Sink() as sink:
        routes = {"corp.example": f"127.0.0.1:{sink.port}"}
        with running(tmp_path, workers=2, smtp_routes=routes) as gateway:
            with until_interrupted(gateway, "queue", "rate", "--interval", "0.2") as process:
                output = process.stdout
                assert output is not None
                lines = [output.readline() for _ in range(3)]
                assert "Recipients" in lines[0]
                assert lines[1].split() == ["In", "Out", "Received", "Delta", "Completed", "Delta",
                                            "K-Used"]  # fmt: skip
                put(gateway, "bob@corp.example", "eve@corp.example")
                rows = []
                wait_until(lambda: rows.append(output.readline().split()) or
                           rows[-1][5] == "2", "two recipients are completed")  # fmt: skip
                assert sum(int(row[4]) for row in rows) == 2
                assert sum(int(row[6]) for row in rows) == 2
            words = ("--count", "2", "--interval", "0.1", "--json")
            (first, second) = command(gateway, "queue", "rate", *words).splitlines()
            assert json.loads(first)["received"] == json.loads(second)["received"] == 2
            text = command(gateway, "queue", "host-rate", "corp.example", *words[:4])
            assert text.splitlines()[0].split()[:3] == ["Time", "Host", "CrtCncOut"]
            assert " up " in text.splitlines()[-1]
            text = command(gateway, "queue", "host-rate", "nowhere.example", "--count", "1")
            assert " unknown " in text


def test_the_work_queue_is_shown_and_who_is_connected(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        assert command(gateway, "queue", "work-queue") == "Status: running\nMessages: 0\n"
        command(gateway, "queue", "pause")
        put(gateway, "bob@corp.example")
        put(gateway, "bob@corp.example")
        assert command(gateway, "queue", "work-queue") == "Status: paused\nMessages: 2\n"
        words = ("--rate", "--count", "1")
        assert command(gateway, "queue", "work-queue", *words).splitlines()[-1].split()[1:] == [
            "2", "0", "0"
        ]  # fmt: skip
        assert "no host is connected" in command(gateway, "queue", "top-in")
        with Client(gateway.port()) as one, Client(gateway.port()) as two:
            one.command("EHLO x")
            two.command("EHLO x")
            text = command(gateway, "queue", "top-in")
            assert text.splitlines()[1].split() == ["unknown", "127.0.0.1", "In", "2", "0"]
            (row,) = command(gateway, "queue", "top-in", "--json").splitlines()
            assert json.loads(row)["connections"] == 2
