"""Load and sink of the benchmark: they agree on intact mail, and they find every mistake."""

import json
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mailwarden.app.bench.access import source
from mailwarden.app.bench.measure import Run, run_once
from mailwarden.app.bench.peers import Floor
from mailwarden.app.bench.profile import Profile
from mailwarden.app.bench.relay import problems_of, relay_through
from mailwarden.app.bench.target import Launch, Target
from mailwarden.app.bench.tools import (
    IdleConnections,
    LoadReport,
    Shipment,
    Sink,
    SinkReport,
    Tool,
    load_command,
    run_load,
)
from mailwarden.app.bench.workplace import BenchError, Workplace
from tests.end_to_end.bench_standin import FAULT_AT

ROOT = Path(__file__).parents[2]
MESSAGES = 200
WARM_UP = 20


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    place = Workplace(checkout=ROOT, state=tmp_path_factory.mktemp("bench"))
    place.build_tools()
    return place


def profile(**changes: object) -> Profile:
    values: dict[str, object] = {"name": "test", "size_bytes": 4096, "sessions": 10}
    return Profile(**{**values, **changes})  # type: ignore[arg-type]  # the caller knows the fields


def exchange(
    workplace: Workplace, of: Profile, *options: str, files: Path | None = None
) -> tuple[LoadReport, SinkReport]:
    """Send straight into the sink."""
    with Sink(
        workplace, run="t", messages=MESSAGES, recipients=of.recipients, options=options
    ) as sink:
        shipment = Shipment(port=sink.port, run="t", messages=MESSAGES, files=files)
        return run_load(workplace, of, shipment), sink.finish()


@pytest.mark.parametrize("mode", ["lockstep", "pipelined", "bdat"])
@pytest.mark.parametrize("per_connection", [0, 1, 7])
def test_all_arrive_once_and_intact(workplace: Workplace, mode: str, per_connection: int) -> None:
    of = profile(mode=mode, per_connection=per_connection)
    load, end = exchange(workplace, of)
    assert load.problems() == []
    assert end.problems(MESSAGES) == []
    assert end.connections == {0: 10, 1: MESSAGES, 7: end.connections}[per_connection]


@pytest.mark.parametrize("size", [1024, 65_536, 300_001])
def test_sizes(workplace: Workplace, size: int) -> None:
    for mode in ("lockstep", "bdat"):
        _, end = exchange(workplace, profile(size_bytes=size, mode=mode, per_connection=0))
        assert end.problems(MESSAGES) == []


@pytest.mark.parametrize("mode", ["lockstep", "pipelined", "bdat"])
def test_each_recipient_counts(workplace: Workplace, mode: str) -> None:
    load, end = exchange(workplace, profile(recipients=5, mode=mode))
    assert load.problems() == []
    assert end.unique == 5 * MESSAGES
    assert end.problems(5 * MESSAGES) == []


def test_files_of_all_kinds_arrive_intact(workplace: Workplace, tmp_path: Path) -> None:
    contents = [
        b"A: lf only\n\n.\n..\n.dots\n",
        b"A: crlf\r\n\r\n.\r\n..x\r\n\r\n.\r\n",
        b"A: no end of line",
        b"",
        b"A: bare cr\r and nul \0\n\n\r\r\n\x80\xff\n" + b"." * 3000,
        b".\n" * 40_000,
    ]
    paths = [tmp_path / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    listed = tmp_path / "list"
    listed.write_text("".join(f"{path}\n" for path in paths), encoding="ascii")
    for mode in ("lockstep", "bdat"):
        load, end = exchange(workplace, profile(mode=mode), files=listed)
        assert load.problems() == []
        assert end.problems(MESSAGES) == []


def test_the_load_comes_from_many_addresses(workplace: Workplace) -> None:
    seen: set[str] = set()
    with socket.create_server(("127.0.0.1", 0)) as server:
        shipment = Shipment(port=server.getsockname()[1], run="t", messages=40, limit_seconds=20)
        command = load_command(workplace, profile(sessions=4, sources=1000), shipment)
        with Tool(command):
            for _ in range(4):
                client, (address, _port) = server.accept()
                client.close()
                seen.add(address)
    assert len(seen) == 4
    assert seen <= {source(number) for number in range(1000)}


def test_deferrals_are_refused_and_not_counted(workplace: Workplace) -> None:
    load, end = exchange(workplace, profile(), "--defer-every", "10")
    assert (load.accepted, load.refused) == (180, 20)
    assert load.not_accepted[0].code == 451
    assert end.problems(180) == []


def test_a_slow_sink_answers_each_message_late(workplace: Workplace) -> None:
    load, end = exchange(workplace, profile(per_connection=0), "--delay-us", "3000")
    assert end.problems(MESSAGES) == []
    assert load.p50_ms >= 3.0


def test_a_receiver_without_the_extension_is_told(workplace: Workplace) -> None:
    for mode, option in (("pipelined", "--no-pipelining"), ("bdat", "--no-chunking")):
        with pytest.raises(BenchError, match="offers no"):
            exchange(workplace, profile(mode=mode), option)


def test_messages_of_another_run_do_not_count(workplace: Workplace) -> None:
    with Sink(workplace, run="t", messages=MESSAGES) as sink:
        run_load(workplace, profile(), Shipment(port=sink.port, run="other", messages=5))
        assert sink.finish().foreign == 5


def test_idle_connections_are_held_and_counted(workplace: Workplace) -> None:
    with Sink(workplace, run="t", messages=1) as sink:
        with IdleConnections(workplace, sink.port, 300, 60) as idle:
            assert idle.wait_open(30) == 300
            assert idle.finish() == 300
        assert sink.finish().connections == 300


def test_the_marks_come_when_the_messages_are_there(workplace: Workplace) -> None:
    with Sink(workplace, run="t", messages=2 * MESSAGES) as sink:
        for first in (0, MESSAGES):
            what = Shipment(port=sink.port, run="t", messages=MESSAGES, first=first)
            run_load(workplace, profile(), what)
            mark = sink.wait_for(first + MESSAGES, 30)
            assert mark is not None
            assert mark.unique == first + MESSAGES
        assert sink.wait_for(2 * MESSAGES + 1, 0.1) is None


def test_a_sink_ends_when_its_runner_has_gone(workplace: Workplace) -> None:
    sink = subprocess.Popen(
        [str(workplace.sink)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    said, _ = sink.communicate("mark 1\n", timeout=30)
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["listening", "end"]
    assert sink.returncode == 0


@pytest.mark.parametrize("mode", ["lockstep", "pipelined", "bdat"])
def test_a_transaction_takes_longer_than_its_answer(workplace: Workplace, mode: str) -> None:
    load, _ = exchange(workplace, profile(per_connection=0, mode=mode), "--delay-us", "3000")
    assert 3.0 <= load.p50_ms <= load.p90_ms <= load.p99_ms <= load.max_ms
    assert load.transaction_p50_ms >= load.p50_ms
    assert load.transaction_max_ms >= load.max_ms


def test_an_interrupt_stops_the_load_and_all_that_was_sent_is_accounted_for(
    workplace: Workplace,
) -> None:
    def interrupt(accepted: int) -> None:
        if accepted and not interrupted:
            interrupted.append(accepted)
            signal.raise_signal(signal.SIGINT)

    interrupted: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    with Sink(workplace, run="t", messages=1_000_000, options=("--delay-us", "1000")) as sink:
        what = Shipment(port=sink.port, run="t", messages=1_000_000)
        load = run_load(workplace, profile(per_connection=0), what, interrupt)
        end = sink.finish()
    assert interrupted[0] <= load.accepted < 1_000_000
    assert load.problems() == []
    assert end.problems(load.messages) == []
    assert signal.getsignal(signal.SIGINT) is before


def test_only_loopback_is_loaded(workplace: Workplace) -> None:
    done = subprocess.run(
        [str(workplace.load), "--address", "192.0.2.1"], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"loopback" in done.stderr


class StandIn:
    """The relay of bench_standin.py as a target."""

    name = "standin"
    label = "Stand-in"

    def __init__(self, fault: str, *files: Path) -> None:
        self._fault = fault
        self._files = files

    def version(self) -> str:
        return "0"

    def prepare(self, port: int, sink_port: int) -> Launch:
        script = str(ROOT / "tests" / "end_to_end" / "bench_standin.py")
        words = [script, str(port), str(sink_port), self._fault, *map(str, self._files)]
        return Launch(command=[sys.executable, *words])


@pytest.fixture(autouse=True)
def short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailwarden.app.bench.measure.WARM_UP_MESSAGES", WARM_UP)


def relayed(workplace: Workplace, target: Target, of: Profile) -> Run:
    return run_once(workplace, target, of, messages=100, number=0, samples_memory=True)


def test_a_faultless_relay_passes(workplace: Workplace) -> None:
    done = relayed(workplace, StandIn("none"), profile())
    assert done.problems == ()
    assert done.accept_rate >= done.end_to_end_rate * 0.5 > 0
    assert done.pss_bytes > 1024 * 1024
    assert done.processes == 1
    assert done.cpu_per_1000 > 0


def test_starttls(workplace: Workplace, certificate: tuple[Path, Path]) -> None:
    target = StandIn("none", *certificate)
    assert relayed(workplace, target, profile(starttls=True)).problems == ()


MISSING = f"1 of 120 missing (first: {FAULT_AT})"


def test_the_floor_relays_mail(workplace: Workplace) -> None:
    of = profile(recipients=3, per_connection=4)
    assert relayed(workplace, Floor(workplace), of).problems == ()
    assert relayed(workplace, Floor(workplace), replace(of, mode="pipelined")).problems == ()


def test_the_floor_keeps_dots(workplace: Workplace, tmp_path: Path) -> None:
    mail, listed = tmp_path / "mail", tmp_path / "list"
    mail.write_bytes(b".\r\n..\r\n.a\r\n\r\n.\r\n")
    listed.write_text(f"{mail}\n", encoding="ascii")
    with relay_through(workplace, Floor(workplace), profile(), MESSAGES) as relay:
        passage = relay.send(MESSAGES, files=listed)
    assert problems_of(relay, [passage], profile()) == ()


def test_a_slow_target_gets_fewer_messages(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailwarden.app.bench.measure._MESSAGES_MIN", 50)
    done = run_once(
        workplace, StandIn("none"), profile(), messages=100, number=0, samples_memory=False,
        seconds=1e-6,
    )  # fmt: skip
    assert (done.messages, done.problems) == (50, ())


CHANGED = f"1 changed on the way (first: {FAULT_AT})"


@pytest.mark.parametrize(
    ("fault", "problems"),
    [
        ("lose", [MISSING]),
        ("repeat", [f"1 arrived twice (first: {FAULT_AT})"]),
        ("change", [MISSING, CHANGED]),
        ("shorten", [MISSING, CHANGED]),
        ("mix", [MISSING, CHANGED]),
        ("refuse", ["1 of 100 not accepted: 554 5.6.0 Not today", MISSING]),
        ("hang_up", ["1 of 100 not accepted: connection lost behind the end of data"]),
    ],
)
def test_every_mistake_is_caught(
    workplace: Workplace, fault: str, problems: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for wait in ("_DRAIN_SECONDS", "_DRAIN_SECONDS_IF_SHORT"):
        monkeypatch.setattr(f"mailwarden.app.bench.relay.{wait}", 1.0)
    assert list(relayed(workplace, StandIn(fault), profile()).problems) == problems
