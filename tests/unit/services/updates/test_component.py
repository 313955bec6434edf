"""When attempts are made, and what comes of them: a simulated clock, attempts without a process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailwarden.core.alerts import INFORMATION, UPDATER, WARNING, RecordedAlerts
from mailwarden.services.updates.component import Component, Means, Plan
from mailwarden.services.updates.job import Job, Outcome, Result
from mailwarden.services.updates.settings import UpdateServer, UpdateSettings
from mailwarden.services.updates.updates import Updates, UpdatesError
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.settings import DnsSettings

SETTINGS = UpdateSettings(
    manifest_server=UpdateServer(url="http://up.example/"), key_file="/key", interval_seconds=300
)
NOTHING = Result(outcome=Outcome.NOTHING, serial=1)
NAMES = ("rules", "engine")


def failed(why: str = "no answer") -> Result:
    return Result(outcome=Outcome.FAILED, error=why)


def staged(version: str, serial: int = 1) -> Result:
    return Result(outcome=Outcome.STAGED, version=version, serial=serial)


@dataclass
class Attempts:
    """Stands for the processes. An attempt waits until it is told how it ends."""

    jobs: list[Job] = field(default_factory=list)
    killed: int = 0
    ends: dict[str, asyncio.Future[Result]] = field(default_factory=dict)

    async def run(self, job: Job, tell: Callable[[str], None]) -> Result:
        tell("fetching")
        self.jobs.append(job)
        self.ends[job.component] = end = asyncio.get_running_loop().create_future()
        try:
            result = await end
        except asyncio.CancelledError:
            self.killed += 1
            raise
        finally:
            del self.ends[job.component]
        if result.outcome is Outcome.STAGED:
            (Path(job.staging) / "file").write_text(result.version)
        return result


class World:
    """Updates of two components."""

    def __init__(self, folder: Path, settings: UpdateSettings = SETTINGS) -> None:
        self.clock = SimulatedClock()
        self.alerts = RecordedAlerts()
        self.attempts = Attempts()
        self.lines: list[str] = []
        self.refused: list[str] = []  # versions that do not work
        components = [Component(name, name.title(), "x:y", self.confirm) for name in NAMES]
        self.updates = Updates(
            folder / "updates",
            components,
            Plan(settings, DnsSettings(), ""),
            Means(self.clock, self.alerts, self.lines.append, self.attempts.run),
        )

    async def confirm(self, folder: Path) -> None:
        if (folder / "file").read_text() in self.refused:
            raise ValueError("it is broken")

    async def started(self, name: str = "rules") -> Job:
        """Wait until an attempt is under way."""
        await self.until(lambda: name in self.attempts.ends)
        return next(job for job in reversed(self.attempts.jobs) if job.component == name)

    async def end(self, result: Result, name: str = "rules") -> None:
        """End the attempt that is under way, or about to be."""
        await self.started(name)
        before = self.status(name)
        self.attempts.ends[name].set_result(result)
        await self.until(lambda: not self.status(name).step)
        assert self.status(name) != before

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0)

    def pass_time(self, minutes: float) -> None:
        self.clock.advance(minutes * 60)
        self.updates.look_at_clock()

    async def idle(self) -> None:
        """Let everybody do what there is to do at once."""
        for _ in range(50):
            await asyncio.sleep(0)

    def status(self, name: str = "rules"):
        return next(each for each in self.updates.status() if each.name == name)

    def minutes_left(self) -> float:
        return round((self.status().next_attempt - self.clock.time()) / 60, 6)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.updates.load()
    running = asyncio.create_task(made.updates.run())
    yield made
    running.cancel()
    await asyncio.wait([running])


async def test_upd_01_each_component_has_its_own_history(world: World) -> None:
    await world.end(staged("7"), "rules")
    await world.end(failed("bad disk"), "engine")
    rules, engine = world.status("rules"), world.status("engine")
    now = world.clock.time()
    assert (rules.version, rules.last_success, rules.last_error) == ("7", now, "")
    assert (engine.version, engine.last_success, engine.last_error) == ("", 0, "bad disk")
    assert (rules.last_attempt, engine.last_attempt) == (now, now)
    assert (rules.next_attempt - now, engine.next_attempt - now) == (300, 60)


async def test_attempts_are_made_at_the_interval(world: World) -> None:
    await world.end(NOTHING)
    world.pass_time(4.9)
    await world.idle()
    assert "rules" not in world.attempts.ends
    world.pass_time(0.2)
    await world.end(NOTHING)


async def test_upd_04_the_next_attempt_comes_whatever_became_of_the_last(world: World) -> None:
    waits = []
    for _ in range(7):
        await world.end(failed())
        waits.append(world.minutes_left())
        world.pass_time(waits[-1])
    assert waits == [1, 2, 5, 10, 15, 15, 15]
    await world.end(staged("2"))
    assert world.minutes_left() == 5
    assert world.status().version == "2"


async def test_upd_04_three_failures_alert_once_and_the_repair_too(world: World) -> None:
    for count in range(1, 6):
        await world.end(failed("no answer\x1b[2J"))
        world.pass_time(15)
        assert len(world.alerts.told) == (1 if count >= 3 else 0)
    alert = world.alerts.told[0]
    assert (alert.severity, alert.about, alert.key) == (WARNING, UPDATER, "updates rules")
    assert r"3 updates of Rules in a row failed: no answer\x1b[2J" in alert.text
    await world.end(NOTHING)
    assert [each.severity for each in world.alerts.told] == [WARNING, INFORMATION]
    assert world.alerts.told[1].text == "updates of Rules work again"


async def test_alerts_are_not_repeated_after_a_restart(world: World, tmp_path: Path) -> None:
    for _ in range(3):
        await world.end(failed())
        world.pass_time(15)
    await world.started()
    world.updates.close()
    later = World(tmp_path)
    await later.updates.load()
    assert later.status().failures == 3
    running = asyncio.create_task(later.updates.run())
    later.pass_time(15)
    await later.end(failed())
    assert later.alerts.told == []
    later.pass_time(15)
    await later.end(NOTHING)
    assert [each.severity for each in later.alerts.told] == [INFORMATION]
    running.cancel()
    await asyncio.wait([running])


async def test_s_03_force_kills_the_attempt_that_hangs(world: World) -> None:
    await world.started()
    world.updates.update(["rules"], is_forced=True)
    await world.until(lambda: world.attempts.killed == 1)
    job = await world.started()
    assert job.is_forced
    await world.end(staged("2"))
    assert (world.status().version, world.status().failures) == ("2", 0)


async def test_force_upon_force_kills_again(world: World) -> None:
    for count in range(1, 4):
        await world.started()
        world.updates.update(["rules"], is_forced=True)
        await world.until(lambda count=count: world.attempts.killed == count)
    await world.end(NOTHING)


async def test_without_force_the_attempt_under_way_counts(world: World) -> None:
    await world.started()
    world.updates.update(["rules"])
    await world.end(NOTHING)
    await world.idle()
    assert "rules" not in world.attempts.ends
    world.updates.update(["rules"])
    await world.end(NOTHING)


async def test_upd_05_one_that_hangs_delays_no_other(world: World) -> None:
    await world.started("engine")
    for _ in range(3):
        await world.end(NOTHING, "rules")
        world.pass_time(5)
    assert [job.component for job in world.attempts.jobs].count("engine") == 1


async def test_upd_02_what_does_not_work_is_taken_back(world: World) -> None:
    await world.end(staged("1"))
    world.refused = ["2"]
    world.pass_time(5)
    await world.end(staged("2"))
    assert world.status().version == "1"
    assert world.status().last_error == "version 2 does not work: it is broken"
    current = world.updates.current_folder("rules") / "file"
    assert current.read_text() == "1"


async def test_a_first_version_that_does_not_work_leaves_none(world: World) -> None:
    world.refused = ["1"]
    await world.end(staged("1"))
    assert world.status().version == ""
    assert not world.updates.current_folder("rules").exists()


async def test_upd_02_an_administrator_goes_back(world: World) -> None:
    await world.end(staged("1"))
    world.pass_time(5)
    await world.end(staged("2"))
    assert await world.updates.roll_back("rules", "ann") == "1"
    assert (world.status().version, world.status().previous) == ("1", "")
    assert "Updates: rules: went back from version 2 to 1, by ann" in world.lines
    world.pass_time(5)
    job = await world.started()
    assert (job.current, job.refused) == ("1", "2")
    with pytest.raises(UpdatesError, match="no previous version"):
        await world.updates.roll_back("rules", "ann")
    await world.end(staged("3"))
    assert world.status().version == "3"
    world.pass_time(5)
    assert (await world.started()).refused == ""


async def test_an_older_list_is_never_asked_for_again(world: World) -> None:
    await world.end(staged("1", serial=9))
    world.pass_time(5)
    assert (await world.started()).serial_min == 9


async def test_without_automatic_updates_only_an_administrator_starts_them(
    world: World, tmp_path: Path
) -> None:
    await world.end(NOTHING)
    manual = UpdateSettings(
        manifest_server=SETTINGS.manifest_server, key_file="/key", automatic=False
    )
    world.updates.apply(Plan(manual, DnsSettings(), ""))
    world.pass_time(1000)
    await world.idle()
    assert "rules" not in world.attempts.ends
    assert world.status().next_attempt == 0
    world.updates.update(["rules"])
    await world.end(NOTHING)


async def test_a_shorter_interval_counts_at_once(world: World) -> None:
    await world.end(NOTHING)
    quick = UpdateSettings(
        manifest_server=SETTINGS.manifest_server, key_file="/key", interval_seconds=60
    )
    world.updates.apply(Plan(quick, DnsSettings(), "192.0.2.1"))
    assert world.minutes_left() == 1
    world.pass_time(1)
    assert (await world.started()).address == "192.0.2.1"


async def test_another_server_is_asked_at_once(world: World) -> None:
    await world.end(NOTHING)
    server = UpdateServer(url="http://other.example/")
    other = UpdateSettings(manifest_server=server, key_file="/key")
    world.updates.apply(Plan(other, DnsSettings(), ""))
    assert (await world.started()).settings.manifest_server == server


async def test_a_clock_that_was_set_back_delays_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.updates.load()
    running = asyncio.create_task(world.updates.run())
    await world.end(NOTHING)
    running.cancel()
    await asyncio.wait([running])
    later = World(tmp_path)
    later.clock.step(-86_400 * 365)
    await later.updates.load()
    assert later.minutes_left() == 5


async def test_what_cannot_be_asked_for(world: World) -> None:
    with pytest.raises(UpdatesError, match="no component 'x'; there are rules, engine"):
        world.updates.update(["x"])
    world.updates.apply(Plan(UpdateSettings(), DnsSettings(), ""))
    with pytest.raises(UpdatesError, match="no server"):
        world.updates.update()
    world.updates.apply(Plan(SETTINGS, DnsSettings(), ""), is_active=False)
    with pytest.raises(UpdatesError, match="switched off"):
        world.updates.update()


async def test_one_process_keeps_the_folder(world: World, tmp_path: Path) -> None:
    with pytest.raises(UpdatesError, match="another process"):
        await World(tmp_path).updates.load()
    world.updates.close()
    other = World(tmp_path)
    await other.updates.load()
    other.updates.close()


async def test_a_disk_that_takes_nothing_is_told_and_tried_again(
    world: World, tmp_path: Path
) -> None:
    await world.end(NOTHING)
    folder = tmp_path / "updates" / "rules"
    folder.rename(tmp_path / "away")
    world.pass_time(5)
    await world.until(lambda: world.status().failures == 1)
    assert "No such file" in world.status().last_error
    (tmp_path / "away").rename(folder)
    world.pass_time(1)
    await world.end(NOTHING)
    assert world.status().failures == 0
