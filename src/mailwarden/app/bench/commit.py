"""Commits with large tables while mail flows: how long they take, and how long mail waits."""

import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import yaml

from mailwarden.app.bench.access import Size, build_hat, build_rat
from mailwarden.app.bench.gateway import Gateway
from mailwarden.app.bench.results import CommitResult
from mailwarden.app.bench.target import Running, free_port
from mailwarden.app.bench.workplace import BenchError, Workplace
from mailwarden.app.control_socket import NotRunningError, ask
from mailwarden.control.remote.console_frames import (
    CONSOLE_FOLDER,
    SOCKET_NAME,
    FrameDecoder,
    Hello,
    Kind,
    Mode,
    encode_hello,
    encode_text,
)
from mailwarden.system.net.unix_socket import connect_unix

PULSES: Final = 4  # connections that send mail all the time
PAUSE_SECONDS: Final = 0.002  # between two messages of one
COMMANDS: Final = 50  # that are typed, to know how long one takes
QUIET_SECONDS: Final = 2.0
READY_SECONDS: Final = 60.0
_MESSAGE: Final = (
    b"MAIL FROM:<a@sender.test>\r\n",
    b"RCPT TO:<b@sink.test>\r\n",
    b"DATA\r\n",
    b"Subject: pulse\r\n\r\nbeat\r\n.\r\n",
)


class Pulse:
    """Mail that goes in without end; knows how long each reply took, and when."""

    def __init__(self, port: int) -> None:
        self.replies: list[tuple[float, float]] = []  # time of the command, seconds that it took
        self.broken: list[str] = []
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(PULSES)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def worst(self, since: float) -> float:
        """Return the longest time that a reply took since then."""
        return max((took for at, took in list(self.replies) if at >= since), default=0.0)

    def _run(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self._port), READY_SECONDS) as connection:
                connection.recv(1000)
                self._say(connection, b"EHLO pulse.test\r\n")
                while not self._stop.is_set():
                    for command in _MESSAGE:
                        self._say(connection, command)
                    time.sleep(PAUSE_SECONDS)
        except OSError as error:
            self.broken.append(str(error))

    def _say(self, connection: socket.socket, command: bytes) -> None:
        began = time.perf_counter()
        connection.sendall(command)
        reply = connection.recv(4000)
        self.replies.append((began, time.perf_counter() - began))
        if reply[:1] not in (b"2", b"3"):
            raise OSError(f"{command[:20]!r} was answered {reply[:80]!r}")


class Prompt:
    """A session at the command line."""

    def __init__(self, state: Path) -> None:
        self._connection = connect_unix(state / CONSOLE_FOLDER, SOCKET_NAME, READY_SECONDS)
        self._connection.sendall(encode_hello(Hello(mode=Mode.TRUSTED)))
        self._frames = FrameDecoder()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def type(self, line: str, until: str) -> float:
        """Type a line; return after how many seconds `until` was shown."""
        began = time.perf_counter()
        self._connection.sendall(encode_text(Kind.INPUT, f"{line}\n".encode()))
        shown = ""
        while until not in shown:
            data = self._connection.recv(65536)
            if not data:
                raise BenchError(f"the session ended after {line!r}: {shown[-200:]!r}")
            for frame in self._frames.feed(data):
                if frame.kind in (Kind.OUTPUT, Kind.ERRORS):
                    shown += frame.payload.decode()
        return time.perf_counter() - began


def measure_commit(workplace: Workplace, size: Size) -> CommitResult:
    """Commit tables of that size, then a line more, then a setting, while mail goes in."""
    gateway = Gateway(workplace, workers=2)
    port = free_port()
    launch = gateway.prepare(port, free_port())
    file = gateway.state / "mailwarden.yaml"
    settings = yaml.safe_load(file.read_text("utf-8"))
    settings["smtp_routes"] = {"ALL": "null:"}  # delivery is no part of it
    file.write_text(yaml.safe_dump(settings), "utf-8")
    running = Running(gateway, launch, port, workplace.state / "logs")
    with running, _prompt(gateway.state) as prompt, _pulse(port) as pulse:
        quiet = _during(pulse, lambda: time.sleep(QUIET_SECONDS))
        public = settings["listeners"][0]
        del public["accepted_domains"]
        public["host_access"], public["recipient_access"] = {"file": "hat"}, {"file": "rat"}
        (gateway.state / "hat").write_text(build_hat(size.hat_lines), "ascii")
        rat = build_rat(size.rat_entries)
        (gateway.state / "rat").write_text(rat, "ascii")
        file.write_text(yaml.safe_dump(settings), "utf-8")
        tables = _during(pulse, lambda: _apply(gateway.state))
        (gateway.state / "rat").write_text(f"one.more.example ACCEPT\n{rat}", "ascii")
        line = _during(pulse, lambda: _apply(gateway.state))
        prompt.type("sethostname other.test", "> ")
        setting = _during(pulse, lambda: prompt.type("commit one setting", "Changes committed"))
        commands = [prompt.type("version", "FIPS mode: off\n") for _ in range(COMMANDS)]
    return CommitResult(
        hat_lines=size.hat_lines,
        rat_entries=size.rat_entries,
        tables_seconds=tables[0],
        line_seconds=line[0],
        setting_seconds=setting[0],
        command_seconds=statistics.median(commands),
        quiet_pause_seconds=quiet[1],
        tables_pause_seconds=tables[1],
        line_pause_seconds=line[1],
        setting_pause_seconds=setting[1],
        replies=len(pulse.replies),
        problems=tuple(pulse.broken),
    )


def _during(pulse: Pulse, act: Callable[[], object]) -> tuple[float, float]:
    """Return how long `act` took, and the longest that mail waited meanwhile; in seconds."""
    began = time.perf_counter()
    act()
    took = time.perf_counter() - began
    time.sleep(PAUSE_SECONDS * 10)
    return took, pulse.worst(began)


def _apply(state: Path) -> None:
    answer = next(ask(state, {"command": "config_apply", "by": "bench"}))
    if answer.get("problems"):
        raise BenchError(f"the configuration was refused: {answer['problems'][0]}")


@contextmanager
def _pulse(port: int) -> Iterator[Pulse]:
    pulse = Pulse(port)
    try:
        yield pulse
    finally:
        pulse.close()


@contextmanager
def _prompt(state: Path) -> Iterator[Prompt]:
    end = time.monotonic() + READY_SECONDS
    while True:
        with suppress(OSError, NotRunningError):
            if next(ask(state, {"command": "status"})).get("management_pid"):
                break
        if time.monotonic() > end:
            raise BenchError("the management process does not come up")
        time.sleep(0.05)
    prompt = Prompt(state)
    try:
        yield prompt
    finally:
        prompt.close()
