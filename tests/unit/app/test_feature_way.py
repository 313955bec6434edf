"""The way of feature switches to the gateway: told until it has understood."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.management import feature_way
from mailwarden.app.management.feature_way import RECORD, FeatureWay
from mailwarden.app.management.surroundings import Surroundings
from mailwarden.control.operations.gateway import GatewayError
from mailwarden.control.operations.versions import Texts
from mailwarden.core.alerts import NoAlerts
from mailwarden.core.features import Feature
from mailwarden.services.features.key import State
from mailwarden.system.clock.clock import SimulatedClock
from tests.unit.app.peer import wait_until


class FakeGateway:
    """Remembers what it was told; `answers` are what it says, an exception it raises."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []
        self.answers: list[dict[str, Any] | GatewayError | None] = []

    async def ask(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        assert request["command"] == "switch_features"
        self.told.append(request["dormant"])
        answer = self.answers.pop(0) if self.answers else {"dormant": request["dormant"]}
        if isinstance(answer, GatewayError):
            raise answer
        if answer is not None:
            yield answer

    async def activate(self, texts: Texts) -> list[str]:
        raise AssertionError(texts)


class World:
    """One way, and what it says."""

    def __init__(self, folder: Path) -> None:
        self.gateway = FakeGateway()
        self.warnings: list[str] = []
        self.changes = 0
        surroundings = Surroundings(
            SimulatedClock(), NoAlerts(), lambda _: None, self.warnings.append
        )
        self.way = FeatureWay(
            folder, folder / "features.d", self.gateway, surroundings, self._changed
        )

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.way.load()
    task = asyncio.create_task(world.way.run())
    yield world
    task.cancel()
    await asyncio.wait([task])


async def test_the_gateway_is_told_what_is_off(world: World) -> None:
    await wait_until(lambda: world.gateway.told == [[]])
    await world.way.features.switch("dane", State.DORMANT, "ann")
    await wait_until(lambda: world.gateway.told == [[], ["dane"]])
    assert (world.changes, world.warnings) == (2, [])
    assert not world.way.features.is_active(Feature.DANE)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"error": "a worker cannot follow: x"}, "a worker cannot follow: x"),
        (GatewayError("the gateway is not ready"), "the gateway is not ready"),
        (None, "it gave no answer"),
    ],
)
async def test_it_is_told_again_until_it_has_followed(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: Any, why: str
) -> None:
    monkeypatch.setattr(feature_way, "RETRY_SECONDS", 0.0)
    await wait_until(lambda: world.gateway.told == [[]])
    world.gateway.answers = [answer, answer]
    await world.way.features.switch("dane", State.DORMANT, "ann")
    await wait_until(lambda: len(world.gateway.told) == 4)
    assert world.gateway.told[1:] == [["dane"]] * 3
    assert (
        world.warnings
        == [f"Features: the gateway does not follow a switch: {why}; it is tried again"] * 2
    )


async def test_what_is_known_may_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_way, "POLL_SECONDS", 0.0)
    (tmp_path / RECORD).mkdir()
    world = World(tmp_path)
    await world.way.load()
    assert world.warnings == ["Features: features.json cannot be read: Is a directory"]
    task = asyncio.create_task(world.way.run())
    await wait_until(lambda: len(world.warnings) > 1)
    assert world.gateway.told == []  # it goes on without what it was told last
    (tmp_path / RECORD).rmdir()
    await wait_until(lambda: world.gateway.told == [[]])
    task.cancel()
    await asyncio.wait([task])
