"""Starts a real gateway for a test, talks to it, and reads what it wrote."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from mailwarden.app.bench.target import free_port
from mailwarden.app.control_socket import ask

START_SECONDS = 60.0
WAIT_SECONDS = 60.0


@contextlib.contextmanager
def until_interrupted(gateway: "Gateway", *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that goes on until Ctrl-C, which ends it with status 0.

    Whoever started the tests in the background lets them, and what they start, ignore SIGINT.
    """
    program = [sys.executable, "-m", "mailwarden.app", "--config", str(gateway.path)]
    with subprocess.Popen(
        ["env", "--default-signal=INT", *program, *words], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_SECONDS) == 0
        finally:
            process.kill()


def wait_until(condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """Return the first true value of `condition`; fail when none comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"did not happen within {seconds:g} seconds: {what}")


def base_config(directory: Path, **changes: Any) -> dict[str, Any]:
    """Return the set-up of mailflow 9, on loopback: public In, private Out, corp.example."""
    config: dict[str, Any] = {
        "hostname": "gw1.corp.example",
        "state_directory": str(directory / "state"),
        "workers": 1,
        "interfaces": {"Data1": {"address": "127.0.0.1"}},
        "listeners": [
            {
                "name": "In",
                "type": "public",
                "interface": "Data1",
                "port": free_port(),
                "accepted_domains": ["corp.example"],
                "reverse_dns": False,
            },
            {
                "name": "Out",
                "type": "private",
                "interface": "Data1",
                "port": free_port(),
                "relay_hosts": ["127.0.0.0/8"],
                "reverse_dns": False,
            },
        ],
        "smtp_routes": {"corp.example": f"maildir:{directory}/maildir"},
        "dns": {"servers": [f"127.0.0.1:{free_port()}"], "timeout_seconds": 0.5},
    }
    config.update(changes)
    return config


@dataclass
class Gateway:
    """A running gateway and its folder."""

    directory: Path
    config: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    python: str = sys.executable

    @property
    def path(self) -> Path:
        return self.directory / "mailwarden.yaml"

    @property
    def state(self) -> Path:
        return Path(self.config["state_directory"])

    def port(self, listener: str = "In") -> int:
        return next(x["port"] for x in self.config["listeners"] if x["name"] == listener)

    def listener(self, name: str = "In") -> dict[str, Any]:
        return next(x for x in self.config["listeners"] if x["name"] == name)

    def write_config(self) -> None:
        self.path.write_text(yaml.safe_dump(self.config, sort_keys=False))

    def start(self, *, wait: bool = True) -> "Gateway":
        self.write_config()
        with (self.directory / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [self.python, "-m", "mailwarden.app", "--config", str(self.path), "run"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.environment},
            )
        if wait:
            wait_until(self.is_up, f"start; output:\n{self.output()}", START_SECONDS)
        return self

    def is_up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the gateway ended:\n{self.output()}")
        with contextlib.suppress(Exception):
            status = self.ask("status")
            return (
                all(w["state"] == "running" for w in status["workers"])
                and len(status["workers"]) == self.config["workers"]
            )
        return False

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        answers = list(ask(self.state, {"command": command, **arguments}))
        return answers[0] if answers else {}

    def status(self) -> dict[str, Any]:
        return self.ask("status")

    def worker_pids(self) -> list[int]:
        return [worker["pid"] for worker in self.status()["workers"]]

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        return self.process.returncode

    def kill(self) -> None:
        """Kill supervisor and workers, as a power cut of the process table would."""
        assert self.process is not None
        pids = [self.process.pid]
        with contextlib.suppress(Exception):
            pids += self.worker_pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(30)

    def output(self) -> str:
        path = self.directory / "output"
        return path.read_text() if path.exists() else ""

    def log(self) -> str:
        path = self.state / "log" / "mail.log"
        return path.read_text() if path.exists() else ""

    def wait_log(self, text: str) -> str:
        """Return the first log line that holds `text`."""
        return wait_until(
            lambda: next((line for line in self.log().splitlines() if text in line), None),
            f"log line {text!r} in:\n{self.log()[-6000:]}",
        )

    def maildir(self) -> list[Path]:
        folder = self.directory / "maildir" / "new"
        return sorted(folder.iterdir()) if folder.exists() else []

    def wait_maildir(self, count: int) -> list[bytes]:
        wait_until(lambda: len(self.maildir()) >= count, f"{count} messages in the maildir")
        return [path.read_bytes() for path in self.maildir()]


class Client:
    """A bare SMTP client: sends what it is told, gives back whole replies."""

    def __init__(self, port: int, *, greet: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self._file = self.socket.makefile("rb")
        try:
            self.banner = self.reply() if greet else ""
        except OSError:
            self.close()
            raise

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def reply(self) -> str:
        lines = []
        while True:
            line = self._file.readline()
            if not line:
                return "\n".join(lines)
            lines.append(line.decode().rstrip("\r\n"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    def command(self, line: str) -> str:
        self.send(f"{line}\r\n")
        return self.reply()

    def message(
        self, recipients: list[str], content: bytes, sender: str = "ann@partner.example"
    ) -> str:
        """Send one message; return the reply to the final dot."""
        reply = self.command(f"MAIL FROM:<{sender}>")
        assert reply.startswith("250"), reply
        for recipient in recipients:
            reply = self.command(f"RCPT TO:<{recipient}>")
            assert reply.startswith("250"), reply
        assert self.command("DATA").startswith("354")
        stuffed = content.replace(b"\r\n.", b"\r\n..")
        self.send((b"." if content.startswith(b".") else b"") + stuffed + b".\r\n")
        return self.reply()

    def at_end(self) -> bool:
        """Tell whether the server has closed."""
        return self._file.read(1) == b""

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def message(subject: str = "Quarterly numbers", body: str = "Hello.\r\n") -> bytes:
    """Return a small message with CRLF line ends."""
    return (
        "From: Ann <ann@partner.example>\r\nTo: bob@corp.example\r\n"
        f"Subject: {subject}\r\nMessage-ID: <4f1a@partner.example>\r\n"
        "Date: Tue, 09 Nov 2010 10:15:02 +0000\r\n\r\n" + body
    ).encode()


@contextlib.contextmanager
def running(directory: Path, **changes: Any) -> Iterator[Gateway]:
    """Run a gateway with the base set-up and `changes` for the time of a `with` block."""
    gateway = Gateway(directory, base_config(directory, **changes))
    gateway.start()
    try:
        yield gateway
    finally:
        if gateway.process is not None and gateway.process.poll() is None:
            gateway.stop()
