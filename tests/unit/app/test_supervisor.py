"""The supervisor and workers that die, refuse and come back, without a process or a port."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.ending import Ending
from mailwarden.app.shared_memory import close_all, make_shared_memory
from mailwarden.app.supervisor import Supervisor
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import demo_text, parse_config
from mailwarden.stores.configuration.errors import StoreError
from tests.unit.app.peer import HeardLog, Peer, Peers, wait_until

RELOADED: dict[str, Any] = {"problems": [], "notes": [], "version": 0}


class FakePorts:
    """Remembers for which workers ports are open."""

    def __init__(self) -> None:
        self.open: set[int] = set()

    def bind(self, worker: int, _config: GatewayConfig) -> None:
        self.open.add(worker)

    def release(self, worker: int) -> None:
        self.open.discard(worker)

    def check(self, _config: GatewayConfig) -> None:
        return None

    def of(self, _worker: int) -> dict[str, Any]:
        return {}

    def describe(self, _config: GatewayConfig) -> list[Any]:
        return []

    def close(self) -> None:
        self.open.clear()


class Setup:
    """A supervisor with its configuration file, and workers that are none."""

    def __init__(self, folder: Path, waits: tuple[float, ...]) -> None:
        self.path = folder / "mailwarden.yaml"
        self.text = demo_text().replace("var/demo", str(folder)).replace("workers: 2\n", "")
        self.write("")
        self.peers = Peers()
        self.log = HeardLog()
        self.ports = FakePorts()
        config = parse_config(self.path.read_text(), str(self.path), folder)
        self.supervisor = Supervisor(
            self.path,
            self.path.read_text(),
            config,
            folder,
            launch=self.peers.launch,  # type: ignore[arg-type]
            restart_waits=waits,
        )
        self.supervisor.begin()
        self.supervisor._log = self.log  # type: ignore[assignment]
        self.supervisor._ports = self.ports  # type: ignore[assignment]
        self.supervisor._memory = make_shared_memory(2, config)
        self.tasks: list[asyncio.Task[None]] = []

    def write(self, more: str) -> None:
        self.path.write_text(f"{self.text}\n{more}")

    def keep(self, index: int = 0) -> None:
        self.tasks.append(asyncio.create_task(self.supervisor._keep(index, 2)))

    async def ready(self, number: int = 1) -> Peer:
        """Return the peer that is started as `number`, once it has said that it is ready."""
        peer = await self.peers.next(number)
        await peer.hears("configure")
        peer.say("ready")
        await wait_until(lambda: self.worker(peer.pid).is_ready)
        self.supervisor._is_up = True
        return peer

    def worker(self, pid: int) -> Any:
        return next(worker for worker in self.supervisor.workers if worker.pid == pid)

    async def command(self, name: str, **more: Any) -> list[dict[str, Any]]:
        request = {"command": name, **more}
        return [answer async for answer in self.supervisor.command(request)]

    async def stop(self) -> None:
        self.supervisor._stopping.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.peers.end_all()
        close_all(self.supervisor._memory)


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[Setup]:
    setup = Setup(tmp_path, (0.0, 0.0))
    yield setup
    await setup.stop()


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Setup]:
    """A supervisor that restarts a worker once at once, and then not while a test runs."""
    setup = Setup(tmp_path, (0.0, 3600.0))
    yield setup
    await setup.stop()


async def test_a_worker_that_dies_while_starting_is_started_again(setup: Setup) -> None:
    setup.keep()
    for number in (1, 2, 3):
        peer = await setup.peers.next(number)
        await peer.hears("configure")
        peer.end(70)
    await setup.ready(4)
    assert setup.log.lines[:3] == [
        f"Critical: Worker 0 (process {pid}) ended with exit status 70; it is restarted in "
        "0 seconds"
        for pid in (1000, 1001, 1002)
    ]
    assert setup.peers.indices == [0, 0, 0, 0]


async def test_one_that_cannot_start_leaves_its_connections_to_the_others(patient: Setup) -> None:
    patient.keep(0)
    patient.keep(1)
    for number in (1, 3):
        await patient.peers.next(number)
        dying = next(p for p in reversed(patient.peers.started) if not p.returncode)
        await dying.hears("configure")
        first = patient.peers.started[0] if number == 1 else patient.peers.started[2]
        first.end(70)
    await wait_until(lambda: patient.log.said("restarted in 3600 seconds"))
    assert patient.ports.open == {1}
    (status,) = await patient.command("status")
    assert status["workers"][0]["state"] == "restarting"
    assert status["workers"][0]["progress"] == (
        "ended with exit status 70; restarted in 3600 seconds"
    )
    assert (await patient.supervisor.reload())["problems"] == []
    assert patient.ports.open == {1}  # nobody would accept what comes to the other's


async def test_a_worker_that_is_restarted_gets_the_configuration_of_meanwhile(
    setup: Setup,
) -> None:
    setup.keep()
    first = await setup.ready()
    first.end(1)
    setup.write("dns: {cache_entries_max: 7}")
    answer = await setup.command("reload")
    assert answer == [RELOADED]
    second = await setup.ready(2)
    assert setup.supervisor.config.dns.cache_entries_max == 7
    assert len(first.told("configure")) == 1
    assert len(second.told("configure")) == 1


async def test_a_reload_while_a_worker_starts_reaches_it_behind_the_first(setup: Setup) -> None:
    setup.keep()
    peer = await setup.peers.next(1)
    await peer.hears("configure")
    setup.write("dns: {cache_entries_max: 7}")
    assert await setup.command("reload") == [RELOADED]
    await peer.hears("configure", 2)


async def test_a_reload_answers_once_the_workers_have_followed(setup: Setup) -> None:
    setup.keep()
    peer = await setup.ready()
    reloading = asyncio.create_task(setup.command("reload"))
    await peer.hears("configure", 2)
    assert not reloading.done()
    peer.say("followed")
    assert await reloading == [RELOADED]
    assert setup.supervisor._before is None  # it may hold large tables


async def test_a_version_that_cannot_be_kept_is_not_worked_by(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.keep()
    peer = await setup.ready()
    before = setup.supervisor.config

    def full(_applied: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(setup.supervisor._source, "finish", full)
    setup.write("dns: {cache_entries_max: 7}")
    reloading = asyncio.create_task(setup.command("reload"))
    for number in (2, 3):  # the new one, and the one before again
        await peer.hears("configure", number)
        peer.say("followed")
    (answer,) = await reloading
    assert answer["problems"] == [f"{setup.path}: the disk is full"]
    assert setup.supervisor.config == before


async def test_a_reload_that_a_worker_refuses_is_no_success(setup: Setup) -> None:
    setup.keep()
    peer = await setup.ready()
    before = setup.supervisor.config
    setup.write("dns: {cache_entries_max: 7}")
    reloading = asyncio.create_task(setup.command("reload"))
    await peer.hears("configure", 2)
    peer.say("refused", text="key.pem cannot be read")
    await peer.hears("configure", 3)
    peer.say("followed")
    assert await reloading == [
        {
            "problems": [f"{setup.path}: a worker cannot use it: key.pem cannot be read"],
            "notes": [],
        }
    ]
    assert setup.supervisor.config == before
    assert setup.log.said("Critical: Configuration taken back, as a worker cannot use it: key.pem")


async def test_a_worker_that_dies_of_a_reload_does_not_keep_one_waiting(setup: Setup) -> None:
    setup.keep()
    peer = await setup.ready()
    reloading = asyncio.create_task(setup.command("reload"))
    await peer.hears("configure", 2)
    peer.end(70)
    assert await reloading == [RELOADED]


async def test_what_waits_for_the_next_start_is_told_until_it_is_undone(setup: Setup) -> None:
    setup.keep()
    setup.write("workers: 7\nspool: {sync_interval_seconds: 1}")
    note = (
        "the changes of `workers` and `spool.sync_interval_seconds` take effect at the next start"
    )
    for _ in range(2):
        assert await setup.command("reload") == [{**RELOADED, "notes": [note]}]
    assert setup.log.said("Warning: A change of `workers` takes effect at the next start")
    (status,) = await setup.command("status")
    assert status["waiting_for_start"] == ["workers", "spool.sync_interval_seconds"]
    setup.write("")
    assert await setup.command("reload") == [RELOADED]


async def test_a_restarted_worker_keeps_folders_and_user_until_the_next_start(
    setup: Setup, tmp_path: Path
) -> None:
    setup.keep()
    first = await setup.ready()
    text = setup.text.replace(f"state_directory: {tmp_path}", "state_directory: /elsewhere")
    setup.path.write_text(
        text.replace("json: on", "directory: /elsewhere/log") + "\nuser: nobody\n"
    )
    reloading = asyncio.create_task(setup.command("reload"))
    await first.hears("configure", 2)
    first.say("followed")
    (answer,) = await reloading
    assert "`state_directory`, `user` and `logs.directory`" in answer["notes"][0]
    first.end(1)
    second = await setup.ready(2)
    assert (await second.hears("configure"))["state"] == [str(tmp_path), str(tmp_path / "log")]
    assert setup.peers.users == ["", ""]


async def test_a_log_that_cannot_be_had_is_a_problem_that_changes_nothing(setup: Setup) -> None:
    setup.keep()
    peer = await setup.ready()
    before = setup.supervisor.config
    setup.log.refusal = OSError(28, "No space left on device")
    setup.path.write_text(setup.text.replace("json: on", "json: off"))
    (answer,) = await setup.command("reload")
    assert "No space left on device" in answer["problems"][0]
    assert setup.supervisor.config == before
    assert len(peer.told("configure")) == 1


async def test_a_worker_that_cannot_be_started_again_does_not_end_the_others(setup: Setup) -> None:
    setup.keep()
    first = await setup.ready()
    setup.peers.refusal = OSError(11, "Resource temporarily unavailable")
    first.end(-9)
    await wait_until(lambda: setup.log.said("cannot be started: [Errno 11]"))
    setup.peers.refusal = None
    await setup.ready(2)


async def test_a_worker_that_cannot_be_started_at_all_ends_the_start(setup: Setup) -> None:
    setup.peers.refusal = OSError("user 'x' may not run python")
    with pytest.raises(OSError, match="may not run"):
        await setup.supervisor._keep(0, 2)


async def test_a_list_without_a_starting_worker_says_so(setup: Setup) -> None:
    setup.keep(0)
    first = await setup.ready(1)
    setup.keep(1)
    second = await setup.peers.next(2)
    await second.hears("configure")
    listing = asyncio.create_task(setup.command("queue_list"))
    first.answer(await first.hears("command"), {"messages": [{"mid": 1}]})
    assert await listing == [
        {"messages": [{"mid": 1}]},
        {"error": "the list is not whole: worker 1 is still starting"},
    ]


async def test_what_an_administrator_did_stands_in_the_log(setup: Setup) -> None:
    setup.write("dns: {cache_entries_max: 7}")
    await setup.command("reload")
    await setup.command("reload")
    await setup.command("pause")
    await setup.command("resume")
    assert setup.log.lines == [
        "Info: Configuration reloaded: dns changed",
        "Info: Configuration reloaded: no setting changed",
        "Warning: Work queue paused by an administrator",
        "Warning: Work queue resumed by an administrator",
    ]


async def test_status_says_what_a_dead_worker_died_of(patient: Setup) -> None:
    patient.keep()
    for number in (1, 2):
        peer = await patient.peers.next(number)
        await peer.hears("configure")
        peer.say("alert", text="ends because of SpoolFailure: no such folder")
        peer.end(70)  # what it said last is still heard
    await wait_until(lambda: patient.log.said("restarted in 3600 seconds"))
    (status,) = await patient.command("status")
    assert status["workers"][0]["progress"] == (
        "ended with exit status 70; restarted in 3600 seconds; it said: ends because of "
        "SpoolFailure: no such folder"
    )


@pytest.mark.parametrize(
    ("command", "seconds", "given", "said"),
    [
        ("shutdown", 5, 5.0, "Info: Gateway is stopping: administrator olga wants it so"),
        ("restart", 0, 0.0, "Info: Gateway is starting again: administrator olga wants it so"),
        ("shutdown", "x", 30.0, "Info: Gateway is stopping"),
        ("shutdown", -1, 30.0, "Info: Gateway is stopping"),
    ],
)
async def test_the_gateway_ends_when_an_administrator_wants_it(
    setup: Setup,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    seconds: object,
    given: float,
    said: str,
) -> None:
    monkeypatch.setattr("mailwarden.app.supervisor.TELL_SECONDS", 0.0)
    setup.keep()
    peer = await setup.ready()
    (answer,) = await setup.command(command, grace_seconds=seconds, by="olga")
    assert answer == {"ending": True, "grace_seconds": given}
    assert (await peer.hears("stop"))["seconds"] == given
    peer.end(0)
    await asyncio.gather(*setup.tasks)
    assert setup.supervisor.is_to_restart is (command == "restart")
    assert setup.ports.open == set()
    assert setup.log.said(said)
    assert len(setup.peers.started) == 1


async def test_key_05_workers_are_configured_anew_when_a_feature_is_switched(setup: Setup) -> None:
    setup.keep()
    peer = await setup.ready()
    switching = asyncio.create_task(setup.command("switch_features", dormant=["dane"]))
    packet = await peer.hears("configure", 2)
    assert packet["switches"] == {"features_dormant": ["dane"]}
    assert not switching.done()
    peer.say("followed")
    assert await switching == [{"dormant": ["dane"]}]
    assert setup.log.said("Warning: Features that are switched off: DANE")
    assert setup.supervisor.state.load_switches() == {"features_dormant": ["dane"]}
    assert await setup.command("switch_features", dormant=["dane"]) == [{"dormant": ["dane"]}]
    assert len(peer.told("configure")) == 2
    peer.end(1)
    second = await setup.ready(2)
    assert (await second.hears("configure"))["switches"] == {"features_dormant": ["dane"]}


async def test_a_feature_that_a_worker_cannot_do_without_is_tried_again(setup: Setup) -> None:
    setup.keep()
    peer = await setup.ready()
    switching = asyncio.create_task(setup.command("switch_features", dormant=["dane"]))
    await peer.hears("configure", 2)
    peer.say("refused", text="key.pem cannot be read")
    assert await switching == [{"error": "a worker cannot follow: key.pem cannot be read"}]
    assert setup.log.said("Critical: What was switched is not in effect everywhere: a worker")
    again = asyncio.create_task(setup.command("switch_features", dormant=["dane"]))
    await peer.hears("configure", 3)
    peer.say("followed")
    assert await again == [{"dormant": ["dane"]}]


def test_systemd_waits_for_as_long_as_it_takes() -> None:
    assert Ending(seconds=600.0).for_systemd() == "STOPPING=1\nEXTEND_TIMEOUT_USEC=620000000"
    assert Ending(restarts=True).for_systemd() == "RELOADING=1"


async def test_what_is_critical_goes_to_the_management_process(setup: Setup) -> None:
    passed: list[Any] = []
    setup.supervisor._alerts.begin(passed.append)
    setup.keep()
    peer = await setup.peers.next(1)
    await peer.hears("configure")
    peer.say("alert", text="A worker ends because of x", key="worker 0")
    peer.end(70)
    await wait_until(lambda: len(passed) == 2)
    assert {packet["key"] for packet in passed} == {"worker 0"}
    assert passed[1]["text"] == (
        "Worker 0 (process 1000) ended with exit status 70; it is restarted in 0 seconds; it said: "
        "A worker ends because of x"
    )
    peer = await setup.ready(2)
    setup.write("dns: {cache_entries_max: 7}")
    reloading = asyncio.create_task(setup.supervisor.reload())
    await peer.hears("configure", 2)
    peer.say("refused", text="key.pem cannot be read")
    assert (await reloading)["problems"]
    assert [packet["key"] for packet in passed[2:]] == ["configuration taken back"]
