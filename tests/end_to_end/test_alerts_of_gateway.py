"""Alerts of a whole gateway: a process that is killed, passwords that are tried out."""

import asyncio
import contextlib
import email
import email.policy
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh

from mailwarden.app.bench.target import free_port
from tests.dns_server import serving
from tests.end_to_end.gateway import Gateway, running, wait_until
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_cli_commands import cli, wait_administration

OPS = "ops@alerts.example"
READY = re.compile(r"Management process (\d+) is ready")


@contextlib.contextmanager
def alerting(folder: Path, sink: Sink, **changes: Any) -> Iterator[Gateway]:
    """A gateway whose alerts go to the sink, the MX of its recipient's domain."""
    zone = {"alerts.example": {"MX": ["10 mx.alerts.example"]}}
    with serving(zone) as dns:
        settings: dict[str, Any] = {
            "dns": {"servers": [dns.address]},
            "smtp_routes": {"alerts.example": f"[127.0.0.1]:{sink.port}"},
            "alerts": {"recipients": {OPS: {}}, "initial_wait_seconds": 3600},
            **changes,
        }
        with running(folder, **settings) as gateway:
            wait_administration(gateway)
            yield gateway


def subjects(sink: Sink) -> Counter[str]:
    """Return what came, without the name of the host."""
    found = (email.message_from_bytes(each, policy=email.policy.default) for each in sink.messages)
    return Counter(str(each["Subject"]).replace("gw1.corp.example: ", "") for each in found)


def of_worker(sink: Sink) -> list[str]:
    return [text for text in subjects(sink).elements() if "(System) Worker 0" in text]


def kill_worker(gateway: Gateway) -> None:
    """Kill the worker, and wait for the next one."""
    (pid,) = gateway.worker_pids()
    os.kill(pid, signal.SIGKILL)
    gateway.wait_log(f"Worker 0 (process {pid}) ended with signal SIGKILL")
    wait_until(gateway.is_up, "another worker")


def management_pid(gateway: Gateway) -> int:
    gateway.wait_log("Management process ")
    return int(READY.findall(gateway.log())[-1])


def kill_management(gateway: Gateway) -> None:
    """Kill the management process, and wait for the next one."""
    pid = management_pid(gateway)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: int(READY.findall(gateway.log())[-1]) != pid, "another management process")


def test_a_killed_worker_is_one_mail_and_repeats_are_put_together(tmp_path: Path) -> None:
    with Sink() as sink, alerting(tmp_path, sink) as gateway:
        kill_worker(gateway)
        wait_until(lambda: sink.count, "a mail")
        assert sink.envelopes == [(b"", [OPS.encode()])]
        for _ in range(3):
            kill_worker(gateway)
        assert "Raised 4 times since" in wait_shown(gateway, "Raised 4 times since")
        assert len(of_worker(sink)) == 1
        assert of_worker(sink)[0].startswith("Critical-(System) Worker 0 (process ")
        gateway.config["alerts"]["initial_wait_seconds"] = 0  # whatever waits goes at once
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        wait_until(lambda: len(of_worker(sink)) == 2, "a mail about the repeats")
        assert b"The same was raised 3 times since the last mail about it" in sink.messages[-1]
        kill_worker(gateway)
        wait_until(lambda: len(of_worker(sink)) == 3, "one more")


def wait_shown(gateway: Gateway, text: str) -> str:
    """Return what displayalerts shows, once `text` is in it."""

    def shown() -> str:
        found = cli(gateway, "displayalerts")
        return found if text in found else ""

    found: str = wait_until(shown, f"{text!r} among the last alerts")
    return found


def is_kept_as_sent(gateway: Gateway, text: str) -> bool:
    """Whether it is on disk that an alert was sent: one that is killed before tells it again."""
    kept = gateway.state / "management" / "alerts.json"
    content = json.loads(kept.read_bytes()) if kept.exists() else {}
    told = any(text in each["alert"]["text"] for each in content.get("watched", ()))
    return told and not content["mails"]


def test_alerts_survive_the_management_process(tmp_path: Path) -> None:
    with Sink() as sink, alerting(tmp_path, sink) as gateway:
        kill_worker(gateway)
        wait_until(lambda: sink.count == 1, "a mail about the worker")
        wait_shown(gateway, "Worker 0 (process")
        wait_until(lambda: is_kept_as_sent(gateway, "Worker 0"), "a note that it is sent")
        kill_management(gateway)
        wait_until(lambda: sink.count == 2, "a mail about the management process")
        shown = wait_shown(gateway, "Management process")
        assert "Worker 0 (process" in shown
        assert len(of_worker(sink)) == 1


def test_alerts_wait_while_there_is_no_management_process(tmp_path: Path) -> None:
    with Sink() as sink, alerting(tmp_path, sink) as gateway:
        pid = management_pid(gateway)
        os.kill(pid, signal.SIGSTOP)  # takes what it is sent, and never tells anybody of it
        kill_worker(gateway)
        assert sink.count == 0
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: sink.count == 2, "mails about both processes")
        assert len(of_worker(sink)) == 1
        assert any("(System) Management process" in each for each in subjects(sink))


def set_password(gateway: Gateway, user: str, password: str) -> None:
    program = [sys.executable, "-m", "mailwarden.app", "--config", str(gateway.path), "cli"]
    typed = f"passwd\n{user}\n{password}\n{password}\n"
    done = subprocess.run(
        program, input=typed, capture_output=True, text=True, check=False, timeout=60
    )
    assert f"Password of {user} changed." in done.stdout, done.stdout + done.stderr


def test_row_c_29_pwd_01_a_lock_by_wrong_passwords_is_told(tmp_path: Path) -> None:
    port = free_port()
    changes: dict[str, Any] = {
        "interfaces": {"Data1": {"address": "127.0.0.1", "ssh_port": port}},
        "administration": {
            "users": [{"name": "olga", "role": "Operator"}],
            "passwords": {"lock_after_failures": 5},
        },
    }

    async def log_in(password: str) -> bool:
        try:
            async with asyncssh.connect(
                "127.0.0.1", port, username="olga", password=password, known_hosts=None,
                client_keys=None, agent_path=None, config=None,
                preferred_auth="password",
            ) as connection:  # fmt: skip
                await connection.run("version", check=True)
        except asyncssh.PermissionDenied:
            return False
        return True

    with Sink() as sink, alerting(tmp_path, sink, **changes) as gateway:
        set_password(gateway, "olga", "right enough 1")
        assert asyncio.run(log_in("right enough 1"))
        for _ in range(5):
            assert not asyncio.run(log_in("wrong"))
        wait_until(lambda: sink.count == 1, "a mail about the lock")
        assert not asyncio.run(log_in("right enough 1"))
        assert list(subjects(sink)) == [
            "Information-(System) The account of olga is locked after failed logins."
        ]


def test_a_commit_that_nobody_confirms_is_told(tmp_path: Path) -> None:
    with Sink() as sink, alerting(tmp_path, sink) as gateway:
        typed = "sethostname gw2.corp.example\ncommitconfirmed 1 minute for a try\n"
        command_input(gateway, typed)
        wait_until(lambda: sink.count == 1, "a mail about what was taken back", 120)
        (subject,) = subjects(sink)
        assert subject.startswith("Warning-(System) Version ")
        assert "is in force again" in subject


def command_input(gateway: Gateway, typed: str) -> str:
    program = [sys.executable, "-m", "mailwarden.app", "--config", str(gateway.path), "cli"]
    done = subprocess.run(
        program, input=typed, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr
