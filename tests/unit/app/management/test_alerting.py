"""Alerts in the management process: what it takes of the supervisor, and what it says of that."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.alert_relay import AlertRelay
from mailwarden.app.management.alerting import FILE, Alerting, situation_of
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import demo_text, parse_config
from mailwarden.control.operations.gateway import GatewayError
from mailwarden.core.alerts import CRITICAL, SYSTEM
from mailwarden.system.clock.clock import SimulatedClock

OPS = "ops@corp.example"


class Supervisor:
    """A Link whose relay hands over to the service that is made last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.relay = AlertRelay()
        self.said: list[tuple[str, Any]] = []
        self.clock = SimulatedClock()
        self.answers: dict[str, dict[str, Any]] = {}

    def begin(self) -> Alerting:
        alerting = Alerting(self.folder, self, self.clock, config())
        self.relay.begin(alerting.take)
        return alerting

    def say(self, what: str, **more: object) -> None:
        self.said.append((what, more))
        number = more.get("number")
        if what == "kept" and isinstance(number, int):
            self.relay.kept(number)

    async def ask(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        if request["command"] not in self.answers:
            raise GatewayError("the gateway does not answer")
        yield {}  # a sign of life
        yield self.answers[request["command"]]


def config(text: str = f"alerts: {{recipients: {{{OPS}: {{}}}}}}") -> GatewayConfig:
    return parse_config(f"{demo_text()}\n{text}\n", "x", Path("/tmp"), look_at_files=False)


@pytest.fixture
async def supervisor(tmp_path: Path) -> Supervisor:
    return Supervisor(tmp_path)


async def test_what_is_kept_is_said_and_what_is_not_comes_again(supervisor: Supervisor) -> None:
    first = supervisor.begin()
    supervisor.relay.alert(CRITICAL, SYSTEM, "kept", "a")
    first.service.save()
    assert ("kept", {"number": 1}) in supervisor.said
    supervisor.relay.alert(CRITICAL, SYSTEM, "lost", "b")
    supervisor.relay.end()  # it is killed before it writes
    second = supervisor.begin()
    assert [each.alert.text for each in second.service.recent()] == ["lost", "kept"]
    assert [each.repeats for each in second.service.recent()] == [0, 0]
    second.close()
    third = supervisor.begin()
    assert len(third.service.recent()) == 2
    assert third.service.waiting == 2
    third.close()


async def test_alerts_of_its_own_are_none_of_the_supervisors(supervisor: Supervisor) -> None:
    alerting = supervisor.begin()
    alerting.service.alert(CRITICAL, SYSTEM, "x", "x")
    alerting.service.save()
    assert not any(what == "kept" for what, _ in supervisor.said)
    alerting.close()


async def test_a_disk_that_takes_nothing_does_not_stop_alerts(supervisor: Supervisor) -> None:
    alerting = supervisor.begin()
    (supervisor.folder / FILE).mkdir()
    for number in range(150):
        supervisor.relay.alert(CRITICAL, SYSTEM, f"thing {number}", "")
    alerting.service.save()
    assert len(alerting.service.recent()) == 50
    assert alerting.service.recent()[0].alert.text == "thing 149"
    alerting.close()


async def test_one_that_came_often_counts_so_often(supervisor: Supervisor) -> None:
    for _ in range(7):
        supervisor.relay.alert(CRITICAL, SYSTEM, "again", "a")
    alerting = supervisor.begin()
    (recent,) = alerting.service.recent()
    assert recent.repeats == 6
    assert alerting.service.taken == 7
    alerting.close()


async def test_it_follows_commits(supervisor: Supervisor) -> None:
    alerting = supervisor.begin()
    supervisor.relay.alert(CRITICAL, SYSTEM, "x", "x")
    assert alerting.service.waiting == 1
    alerting.follow(config(""))
    assert alerting.service.waiting == 0  # nobody is to get it any more
    alerting.close()


async def test_sys_34_the_weekly_report_has_the_status(supervisor: Supervisor) -> None:
    alerting = supervisor.begin()
    with pytest.raises(OSError, match="the gateway does not answer"):
        await alerting._report()
    supervisor.answers = {
        "status": {"uptime_seconds": 90_000.0, "state": "running"},
        "queue_oldest": {"message": {"received_at": supervisor.clock.time() - 60}},
    }
    text = await alerting._report()
    assert text.startswith("Mailwarden ")
    assert "(1d 1h)" in text
    assert "Oldest Message:                1m" in text
    alerting.close()


async def test_it_runs_until_it_is_cancelled_and_keeps_what_is_left(
    supervisor: Supervisor,
) -> None:
    alerting = supervisor.begin()
    running = asyncio.create_task(alerting.run())
    await asyncio.sleep(0)
    supervisor.relay.alert(CRITICAL, SYSTEM, "last words", "x")
    running.cancel()
    await asyncio.wait([running])
    alerting.close()
    assert "last words" in (supervisor.folder / FILE).read_text()


def test_the_situation_is_what_the_configuration_says() -> None:
    situation = situation_of(config())
    assert list(situation.settings.recipients) == [OPS]
    assert situation.hostname == config().hostname
