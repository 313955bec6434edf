"""Updates follow the configuration and the switches, and wait for a folder they can use."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mailwarden.app.management import update_way
from mailwarden.app.management.surroundings import Surroundings
from mailwarden.app.management.update_way import UpdateWay
from mailwarden.core.alerts import NoAlerts
from mailwarden.services.features.features import Features, Means
from mailwarden.services.features.key import State
from mailwarden.services.updates.settings import UpdateServer
from mailwarden.services.updates.updates import UpdatesError
from mailwarden.system.clock.clock import SimulatedClock
from tests.unit.app.peer import wait_until
from tests.unit.control.config.sample import SAMPLE, read


class World:
    """One way, with a configuration that a test may change."""

    def __init__(self, folder: Path) -> None:
        clock = SimulatedClock()
        self.warnings: list[str] = []
        self.config = read(SAMPLE)
        self.features = Features(
            folder / "features.d",
            folder / "features.json",
            Means(clock, NoAlerts(), lambda _: None, lambda _: None),
        )
        surroundings = Surroundings(clock, NoAlerts(), lambda _: None, self.warnings.append)
        self.folder = folder / "updates"
        self.way = UpdateWay(
            self.folder, self.config, lambda: self.config, self.features, surroundings
        )

    def show_server(self) -> None:
        server = UpdateServer(url="http://127.0.0.1:9/")
        updates = replace(self.config.updates, manifest_server=server, automatic=False)
        self.config = replace(self.config, updates=updates)
        self.way.follow()


async def test_updates_follow_the_configuration_and_the_switches(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.features.load()
    await world.way.load()
    with pytest.raises(UpdatesError, match="no server of updates is set"):
        world.way.updates.update()
    world.show_server()
    assert world.way.updates.update() == ["reputation"]
    await world.features.switch("updates", State.DORMANT, "ann")
    world.way.follow()
    with pytest.raises(UpdatesError, match="the feature updates is switched off"):
        world.way.updates.update()
    world.way.updates.close()


async def test_a_folder_that_cannot_be_used_keeps_nobody_from_administering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_way, "RETRY_SECONDS", 0.0)
    world = World(tmp_path)
    world.folder.write_bytes(b"")
    await world.way.load()
    assert world.warnings == [f"Updates: {world.folder} cannot be used: File exists"]
    world.show_server()
    with pytest.raises(UpdatesError, match="cannot be used; see the log"):
        world.way.updates.update()
    with pytest.raises(UpdatesError, match="cannot be used; see the log"):
        await world.way.updates.roll_back("reputation", "ann")
    task = asyncio.create_task(world.way.run())
    await wait_until(lambda: len(world.warnings) > 1)
    world.folder.unlink()
    await wait_until(lambda: world.way.updates.is_loaded)
    task.cancel()
    await asyncio.wait([task])


async def test_a_folder_that_somebody_else_keeps_is_waited_for(tmp_path: Path) -> None:
    first, second = World(tmp_path), World(tmp_path)
    await first.way.load()
    await second.way.load()
    assert second.warnings == [f"Updates: another process keeps {first.folder}"]
    first.way.updates.close()
    await second.way.load()
    assert second.way.updates.is_loaded
    second.way.updates.close()
