"""Load and sink as the runner uses them: started, watched, their JSON read."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self, TypeVar

import msgspec

from mailwarden.app.bench.profile import Profile
from mailwarden.app.bench.workplace import BenchError, Workplace

_LINE_MAX_BYTES: Final = 1 << 20
_STOP_SECONDS: Final = 10.0
# A connection without a greeting is made anew after this time: OpenSMTPD's listen queue holds
# five, and what TCP does with the sixth would take minutes.
_REDIAL_SECONDS: Final = 3
FIRST_SOURCE: Final = 0x7F100000  # 127.16.0.0, the first of many client addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAccepted:
    """A message that was refused, or whose connection broke."""

    id: int
    code: int  # of the reply; 0 when there was none
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What the load generator says at its end; times in seconds of CLOCK_MONOTONIC."""

    messages: int  # fewer than were asked for when it was stopped
    accepted: int
    refused: int
    failed: int
    unknown: int  # the connection broke between the end of data and the reply
    began: float
    latest: float
    rate: float  # accepted messages a second
    p50_ms: float  # from the write of the last byte of content to the read of the 250
    p90_ms: float
    p99_ms: float
    max_ms: float
    transaction_p50_ms: float  # from the write of MAIL to the read of the 250
    transaction_p90_ms: float
    transaction_p99_ms: float
    transaction_max_ms: float
    open: int
    broken: int
    redialled: int
    cpu_seconds: float
    not_accepted: tuple[NotAccepted, ...]  # the first ones

    def problems(self) -> list[str]:
        """Return what kept messages from being accepted."""
        short = self.messages - self.accepted
        if not short:
            return []
        why = f": {self.not_accepted[0].reply}" if self.not_accepted else ""
        return [f"{short} of {self.messages} not accepted{why}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkReport:
    """What the sink says at an event; times in seconds of CLOCK_MONOTONIC."""

    event: str
    unique: int  # different deliveries that arrived byte-identical
    duplicates: int
    damaged: int
    unmarked: int  # messages that load did not send, or whose mark is gone
    foreign: int  # messages of another run
    misordered: int  # commands out of order
    connections: int
    last: float  # when the latest new delivery arrived
    cpu_seconds: float
    missing_sample: tuple[int, ...] = ()
    duplicate_sample: tuple[int, ...] = ()
    damaged_sample: tuple[int, ...] = ()

    def problems(self, expected: int) -> list[str]:
        """Return what keeps `expected` deliveries from having arrived once and intact."""
        short = expected - self.unique
        counted = (
            # The sample goes on with those that were never sent.
            (short, f"of {expected} missing{_first(self.missing_sample[: max(short, 0)])}"),
            (self.duplicates, f"arrived twice{_first(self.duplicate_sample)}"),
            (self.damaged, f"changed on the way{_first(self.damaged_sample)}"),
            (self.unmarked, "unknown messages"),
            (self.foreign, "messages of another run"),
            (self.misordered, "commands out of order"),
        )
        return [f"{count} {what}" for count, what in counted if count]


def _first(sample: tuple[int, ...]) -> str:
    return f" (first: {', '.join(map(str, sample[:5]))})" if sample else ""


_Report = TypeVar("_Report", LoadReport, SinkReport)


def parse_report(line: bytes, kind: type[_Report]) -> _Report:
    """Return the report in a line of JSON.

    Raises:
        BenchError: it is none.
    """
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.MsgspecError as error:
        raise BenchError(f"{line[:200]!r} is no {kind.__name__}: {error}") from error


class Tool:
    """A started tool that talks in lines; left by `with`, it is ended."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        # In a session of its own: Ctrl-C at the terminal is for the runner to act on.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._orders, self._output = self._process.stdin, self._process.stdout
        os.set_blocking(self._output.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._received = b""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process, if it has not ended, and let go of it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._selector.close()
        for pipe in (self._orders, self._output, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def end(self) -> None:
        """Ask the process to end; it still writes its last line."""
        self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask the process to begin nothing more; it still finishes what is under way."""
        self._process.send_signal(signal.SIGINT)

    def line(self, seconds: float) -> bytes | None:
        """Return the next line, or None when none comes within `seconds`.

        Raises:
            BenchError: the process ended without one.
        """
        until = time.monotonic() + seconds
        while True:
            line, newline, rest = self._received.partition(b"\n")
            if newline:
                self._received = rest
                return line
            if not self._selector.select(max(until - time.monotonic(), 0)):
                return None
            data = os.read(self._output.fileno(), 65536)
            self._received += data
            if not data or len(self._received) > _LINE_MAX_BYTES:
                raise BenchError(f"{self._name()} ended: {self._errors()}")

    def last_line(self, seconds: float, on_line: Callable[[bytes], None] | None = None) -> bytes:
        """Return the line of the event `end`; hand those before it to `on_line`.

        Raises:
            BenchError: it does not come within `seconds`.
        """
        until = time.monotonic() + seconds
        while (line := self.line(max(until - time.monotonic(), 0))) is not None:
            if line.startswith(b'{"event":"end"'):
                return line
            if on_line is not None:
                on_line(line)
        raise BenchError(f"{self._name()} did not end within {seconds:.0f} s")

    def _name(self) -> str:
        return Path(self._command[0]).name

    def _errors(self) -> str:
        assert self._process.stderr is not None
        said = self._process.stderr.read().decode(errors="replace").strip()
        return said or f"status {self._process.wait()}"


class Sink(Tool):
    """The next hop: counts and checks what arrives."""

    def __init__(
        self,
        workplace: Workplace,
        *,
        run: str,
        messages: int,  # at most
        recipients: int = 1,
        options: Sequence[str] = (),
    ) -> None:
        command = [str(workplace.sink), "--run", run, "--messages", str(messages)]
        command += ["--recipients", str(recipients)]
        super().__init__([*command, *options])
        line = self.line(_STOP_SECONDS)
        if line is None:
            raise BenchError("the sink does not start")
        self.port: int = msgspec.json.decode(line)["port"]

    def wait_for(self, deliveries: int, seconds: float) -> SinkReport | None:
        """Return the report at so many different deliveries, or None when they do not come.

        Raises:
            BenchError: the sink has ended.
        """
        try:
            self._orders.write(b"mark %d\n" % deliveries)
            self._orders.flush()
        except BrokenPipeError:
            raise BenchError(f"the sink ended: {self._errors()}") from None
        line = self.line(seconds)
        return None if line is None else parse_report(line, SinkReport)

    def finish(self) -> SinkReport:
        """End the sink and return what it counted."""
        self.end()
        return parse_report(self.last_line(_STOP_SECONDS), SinkReport)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """What one load sends where."""

    port: int
    run: str
    messages: int
    first: int = 0  # number of the first message
    files: Path | None = None  # list of message files; else generated ones
    limit_seconds: int = 300


def load_command(workplace: Workplace, profile: Profile, what: Shipment) -> list[str]:
    """Return the command line of a load."""
    command = [str(workplace.load), "--port", str(what.port), "--run", what.run]
    command += ["--messages", str(what.messages), "--first", str(what.first)]
    command += ["--connections", str(profile.sessions), "--mode", profile.mode]
    command += ["--per-connection", str(profile.per_connection)]
    command += ["--recipients", str(profile.recipients)]
    command += ["--sources", str(profile.sources)]
    command += ["--limit-seconds", str(what.limit_seconds)]
    command += ["--redial-seconds", str(_REDIAL_SECONDS)]
    if what.files is not None:
        command += ["--files", str(what.files)]
    else:
        command += ["--size", str(profile.size_bytes)]
    return [*command, "--starttls"] if profile.starttls else command


def run_load(
    workplace: Workplace,
    profile: Profile,
    what: Shipment,
    on_progress: Callable[[int], None] | None = None,
) -> LoadReport:
    """Send the load and return its report.

    With `on_progress`, which hears the accepted messages four times a second, the first Ctrl-C
    only stops the load: what is under way is finished, and the report is of what was sent.

    Raises:
        BenchError: it could not be sent at all.
    """
    command = load_command(workplace, profile, what)
    seconds = what.limit_seconds + _STOP_SECONDS
    if on_progress is None:
        with Tool(command) as load:
            return parse_report(load.last_line(seconds), LoadReport)

    def heard(line: bytes) -> None:
        on_progress(msgspec.json.decode(line)["accepted"])

    with Tool([*command, "--progress"]) as load, _first_interrupt(load.stop):
        return parse_report(load.last_line(seconds, heard), LoadReport)


@contextmanager
def _first_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C call `act`; the second one interrupts as usual."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        act()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class IdleConnections(Tool):
    """Connections that are open, greeted and silent."""

    def __init__(self, workplace: Workplace, port: int, count: int, limit_seconds: int) -> None:
        command = [str(workplace.load), "--idle", "--port", str(port)]
        command += ["--connections", str(count), "--limit-seconds", str(limit_seconds)]
        super().__init__(command)

    def wait_open(self, seconds: float) -> int:
        """Return how many are open once all have been tried.

        Raises:
            BenchError: that takes longer than `seconds`.
        """
        line = self.line(seconds)
        if line is None:
            raise BenchError(f"the idle connections were not open within {seconds:.0f} s")
        count: int = msgspec.json.decode(line)["open"]
        return count

    def finish(self) -> int:
        """Close them and return how many were still open."""
        self.end()
        return parse_report(self.last_line(_STOP_SECONDS), LoadReport).open
