"""What is measured: a mail server that is cleaned, started, loaded and stopped for each run."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from mailwarden.app.bench.meter import make_meter, pss_bytes
from mailwarden.app.bench.workplace import BenchError

_READY_SECONDS: Final = 30.0
_PORT_MIN: Final = 20_000
_PORT_END: Final = 32_768
_STOP_SECONDS: Final = 30.0
_LOG_KEPT_BYTES: Final = 2000  # of a log that is shown when a target does not start


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a target is started in the foreground, and how it is asked to stop."""

    command: list[str]
    stop: list[str] = field(default_factory=list)  # empty: SIGTERM to what `command` started
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


class Target(Protocol):
    """A mail server that takes mail on a port and hands it to the sink."""

    name: str
    label: str

    def version(self) -> str:
        """Return its version, for the record."""
        ...

    def prepare(self, port: int, sink_port: int) -> Launch:
        """Remove the traces of earlier runs and write the configuration."""
        ...


class Running:
    """A started target; left by `with`, all of it has ended."""

    def __init__(
        self,
        target: Target,
        launch: Launch,
        port: int,
        logs: Path,
        ready_seconds: float = _READY_SECONDS,
    ) -> None:
        self._ready_seconds = ready_seconds
        self._target = target
        self._launch = launch
        self._port = port
        self._meter = make_meter(target.name)
        self.how_metered = self._meter.how
        logs.mkdir(parents=True, exist_ok=True)
        self._log = logs / f"{target.name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._meter.enclose(launch.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **launch.environment},
                cwd=launch.folder,
                start_new_session=True,
            )
        self._meter.started(self._process.pid)

    def __enter__(self) -> Self:
        """Wait until it answers, and return itself."""
        try:
            self._wait_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._stop()

    def cpu_seconds(self) -> float:
        """Return the processor time it has used."""
        return self._meter.cpu_seconds()

    def pids(self) -> list[int]:
        """Return its processes."""
        return self._meter.pids()

    def memory(self) -> tuple[int, int]:
        """Return its PSS in bytes and the number of its processes."""
        pids = self._meter.pids()
        return pss_bytes(pids), len(pids)

    def _wait_ready(self) -> None:
        until = time.monotonic() + self._ready_seconds
        while time.monotonic() < until and self._process.poll() is None:
            if greets(self._port):
                return
            time.sleep(0.05)
        with self._log.open("rb") as log:
            log.seek(max(self._log.stat().st_size - _LOG_KEPT_BYTES, 0))
            said = log.read().decode(errors="replace")
        raise BenchError(f"{self._target.name} does not start; {self._log}:\n{said}")

    def _stop(self) -> None:
        """Ask it to stop, then end what is left: all of it was started by us."""
        if self._launch.stop:
            subprocess.run(self._launch.stop, capture_output=True, check=False)
        else:
            self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        for number, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            if not self._meter.pids():
                break
            self._signal_all(number, seconds)
        self._process.wait()
        self._meter.close()

    def _signal_all(self, number: signal.Signals, seconds: float) -> None:
        for pid in self._meter.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        until = time.monotonic() + seconds
        while self._meter.pids() and time.monotonic() < until:
            self._process.poll()  # reaps it
            time.sleep(0.05)


def greets(port: int) -> bool:
    """Tell whether an SMTP server answers on the loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
            greeting = client.recv(512)
            client.sendall(b"QUIT\r\n")
            client.recv(512)
    except OSError:
        return False
    return greeting.startswith(b"220")


def free_port() -> int:
    """Return a loopback port that nobody uses.

    It is none of those that the system gives to clients (32768 and above, unless set otherwise):
    one of these could be taken before the server that it is for has started.
    """
    while True:
        port = random.randrange(_PORT_MIN, _PORT_END)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def empty_folder(folder: Path) -> None:
    """Remove what is in `folder`; make it where it is missing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def remove_files(folder: Path) -> None:
    """Remove the files below `folder`, but leave the folders with their owners and rights."""
    for parent, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):
                (Path(parent) / name).unlink()


def fill_template(template: Path, to: Path, values: Mapping[str, str]) -> None:
    """Write `template` to `to` with each `@NAME@` replaced."""
    text = template.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text, encoding="utf-8")
