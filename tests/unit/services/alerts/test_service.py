"""Alerts from end to end, in memory."""

import asyncio
import errno
from typing import Any

import pytest

from mailwarden.core.alerts import CRITICAL, INFORMATION, SYSTEM, UPDATER, WARNING, Alerts
from mailwarden.services.alerts.alert import Severity
from mailwarden.services.alerts.sending import Answer, Fate
from mailwarden.services.alerts.settings import AlertRecipient
from mailwarden.system.files.simulated import Faults
from tests.unit.services.alerts.office import HOST, OPS, PATH, Office

FAILED = Answer(Fate.FAILED, "451 later")
BROKEN: dict[str, Any] = {"SERVFAIL": ()}


async def test_sys_31_alert_arrives() -> None:
    office = Office()
    alerts: Alerts = office.service
    alerts.alert(CRITICAL, SYSTEM, "HSM erased", "hsm")
    await office.work()
    ((server, recipient, message),) = office.servers.taken
    assert (server, recipient) == ("192.0.2.1", OPS)
    assert str(message["Subject"]) == f"Critical-{HOST}: (System) HSM erased"
    assert str(message["From"]) == f"alert@{HOST}"
    assert office.service.waiting == 0
    assert office.log.lines == [
        "Warning: Alert Critical (System): HSM erased",
        f"Alert sent to {OPS} at 192.0.2.1:25: Critical-{HOST}: (System) HSM erased",
    ]


async def test_s_07_alert_storm() -> None:
    office = Office()
    started = office.clock.monotonic()
    times = []
    for _ in range(190):
        before = len(office.servers.taken)
        await office.work()
        office.service.alert(CRITICAL, SYSTEM, "Storm", "storm")
        async with asyncio.TaskGroup() as group:
            office.service.send_due(group)
        times += [office.clock.monotonic() - started] * (len(office.servers.taken) - before)
        office.clock.advance(1)
    assert times == [0, 5, 15, 35, 60, 120, 180]
    assert "raised 60 times" in office.texts[-1]


async def test_s_08_alert_leaves_while_dns_is_dead() -> None:
    office = Office()
    await office.service.refresh()
    office.clock.advance(600)
    office.resolver.zone = dict.fromkeys(office.resolver.zone, BROKEN)
    for hours in range(3):  # ten minutes, and then much longer
        office.service.alert(CRITICAL, SYSTEM, f"DNS is dead {hours}", f"dns {hours}")
        await office.work()
        assert len(office.servers.taken) == hours + 1
        office.clock.advance(3600)
        await office.service.refresh()


async def test_s_08_also_after_a_restart() -> None:
    office = Office()
    await office.service.refresh()
    office.service.save()
    office.resolver.zone = dict.fromkeys(office.resolver.zone, BROKEN)
    office.start()
    office.service.alert(CRITICAL, SYSTEM, "Failed to bootstrap the DNS cache")
    await office.work()
    assert len(office.servers.taken) == 1


async def test_the_next_server_takes_it() -> None:
    office = Office()
    office.servers.answers["192.0.2.1"] = FAILED
    office.service.alert(CRITICAL, SYSTEM, "x")
    await office.work()
    assert office.servers.asked == ["192.0.2.1", "192.0.2.2"]
    assert [server for server, _, _ in office.servers.taken] == ["192.0.2.2"]


async def test_sys_33_tried_again_for_three_days() -> None:
    office = Office()
    office.servers.answers = {"192.0.2.1": FAILED, "192.0.2.2": FAILED}
    office.service.alert(CRITICAL, SYSTEM, "x")
    await office.work()
    assert office.service.waiting == 1
    await office.pass_time(3 * 86_400 - 3600, step=60)
    assert office.service.waiting == 1
    await office.pass_time(2 * 3600, step=60)
    assert office.service.waiting == 0
    assert any("given up, too old" in line for line in office.log.lines)
    assert sum("has to wait" in line for line in office.log.lines) == 1


async def test_later_the_server_is_back() -> None:
    office = Office()
    office.servers.answers = {"192.0.2.1": FAILED, "192.0.2.2": FAILED}
    office.service.alert(CRITICAL, SYSTEM, "x")
    await office.work()
    office.servers.answers.clear()
    await office.pass_time(59)
    assert not office.servers.taken
    await office.pass_time(1)
    assert len(office.servers.taken) == 1


async def test_refused_for_good_is_not_tried_again() -> None:
    office = Office()
    office.servers.answers["192.0.2.1"] = Answer(Fate.REFUSED, "550 no such user")
    office.service.alert(CRITICAL, SYSTEM, "x")
    await office.work()
    assert office.service.waiting == 0
    assert any("550 no such user" in line for line in office.log.lines)


async def test_domains_do_not_wait_for_one_another() -> None:
    office = Office(recipients={OPS: AlertRecipient(), "b@partner.example": AlertRecipient()})
    office.servers.answers = {"192.0.2.1": FAILED, "192.0.2.2": FAILED}
    office.service.alert(CRITICAL, SYSTEM, "x")
    await office.work()
    assert [recipient for _, recipient, _ in office.servers.taken] == ["b@partner.example"]
    assert office.service.waiting == 1


async def test_route_to_no_server_is_told() -> None:
    office = Office(routes={"corp.example": "/dev/null"})
    office.service.alert(CRITICAL, SYSTEM, "x")
    await office.work()
    assert office.service.waiting == 0
    assert any("SMTP route of corp.example is /dev/null" in line for line in office.log.lines)


async def test_severities_and_classes_are_looked_at() -> None:
    desk = AlertRecipient(system=(Severity.CRITICAL,))
    office = Office(recipients={OPS: desk})
    office.service.alert(WARNING, SYSTEM, "no")
    office.service.alert(CRITICAL, SYSTEM, "yes")
    office.service.alert(WARNING, UPDATER, "yes too")
    await office.work()
    assert [subject.rpartition(") ")[2] for subject in office.subjects] == ["yes", "yes too"]
    assert [recent.alert.text for recent in office.service.recent()] == ["yes too", "yes", "no"]


async def test_restart_neither_loses_nor_repeats() -> None:
    office = Office()
    office.service.alert(CRITICAL, SYSTEM, "arrived", "a")
    await office.work()
    office.service.alert(CRITICAL, SYSTEM, "arrived", "a")  # suppressed
    office.servers.answers = {"192.0.2.1": FAILED, "192.0.2.2": FAILED}
    office.service.alert(CRITICAL, SYSTEM, "waits", "b")
    await office.work()
    office.service.save()
    office.servers.answers.clear()
    office.start()
    assert office.service.waiting == 1
    office.service.alert(CRITICAL, SYSTEM, "arrived", "a")  # suppressed as before
    await office.work()
    assert len(office.servers.taken) == 1
    await office.pass_time(5)
    assert "raised 2 times" in office.texts[1]
    await office.pass_time(60)
    assert [subject.rpartition(") ")[2] for subject in office.subjects] == [
        "arrived", "arrived", "waits",
    ]  # fmt: skip
    assert [(r.alert.text, r.repeats) for r in office.service.recent()] == [
        ("arrived", 2),
        ("waits", 0),
    ]


async def test_a_damaged_file_is_an_alert() -> None:
    office = Office()
    office.service.save()
    office.files.flip(PATH, 0)
    office.start()
    await office.work()
    assert f"{PATH} cannot be read" in office.subjects[0]


async def test_a_disk_that_is_full_stops_no_alert() -> None:
    office = Office()
    office.files.faults = Faults(errors=[("write", "", errno.ENOSPC)])
    office.service.alert(CRITICAL, SYSTEM, "Disk full")
    office.service.save()
    office.service.save()
    await office.work()
    assert len(office.servers.taken) == 1
    assert sum("cannot be kept" in line for line in office.log.lines) == 1


async def test_settings_apply_at_once() -> None:
    office = Office()
    office.servers.answers = {"192.0.2.1": FAILED, "192.0.2.2": FAILED}
    office.service.alert(CRITICAL, SYSTEM, "x")
    await office.work()
    partner = {"b@partner.example": AlertRecipient()}
    office.service.apply(office.situation(recipients=partner, from_address="g@corp.example"))
    assert office.service.waiting == 0  # nobody else's any more
    office.service.alert(CRITICAL, SYSTEM, "y")
    await office.work()
    ((_, recipient, message),) = office.servers.taken
    assert recipient == "b@partner.example"
    assert str(message["From"]) == "g@corp.example"


async def test_sys_34_weekly_report_and_copies() -> None:
    quiet = AlertRecipient(system=(Severity.CRITICAL,))
    office = Office(
        recipients={OPS: AlertRecipient(), "quiet@corp.example": quiet},
        autosupport_address="support@partner.example",
    )
    office.report_text = "Up since Monday\n\nStatus: fine\n" + "line\n" * 200
    await office.work()
    assert {recipient for _, recipient, _ in office.servers.taken} == {
        OPS, "support@partner.example",
    }  # fmt: skip
    assert office.subjects[0] == f"Information-{HOST}: (System) Weekly report"
    assert office.texts[0].count("line\r\n") == 200
    await office.pass_time(7 * 86_400 - 3600, step=3600)
    assert len(office.servers.taken) == 2
    office.service.save()
    office.start(autosupport_address="support@partner.example")
    await office.pass_time(3600, step=3600)
    assert len(office.servers.taken) == 4
    office.service.alert(INFORMATION, UPDATER, "copy")
    await office.work()
    assert office.servers.taken[-1][1] == "support@partner.example"


async def test_sys_02_clock_that_is_set_brings_no_flood() -> None:
    office = Office(autosupport_address="support@partner.example")
    office.service.alert(CRITICAL, SYSTEM, "x", "k")
    await office.work()
    office.service.alert(CRITICAL, SYSTEM, "x", "k")
    sent = len(office.servers.taken)
    for step in (-10 * 86_400, 400 * 86_400, -400 * 86_400):
        office.clock.step(step)
        await office.work()
    assert len(office.servers.taken) <= sent + 2  # one report, to two
    await office.pass_time(5)
    assert "raised once" in office.texts[-1] or "raised once" in office.texts[-2]


async def test_report_that_cannot_be_had() -> None:
    office = Office(autosupport_address="support@partner.example")
    started = len(office.servers.taken)

    async def fail() -> str:
        raise OSError("no supervisor")

    office.report = fail  # type: ignore[method-assign]  # before the service asks
    office.start(autosupport_address="support@partner.example")
    await office.work()
    assert "The status cannot be had: no supervisor" in office.texts[started]


@pytest.mark.parametrize("packet", [None, {}, {"text": []}])
async def test_packets_of_liars_do_nothing(packet: object) -> None:
    office = Office()
    office.service.take_packet(packet)
    assert list(office.service.recent()) == []


async def test_packet_is_an_alert() -> None:
    office = Office()
    office.service.take_packet({"severity": "Warning", "class": "Hardware", "text": "Disk"})
    await office.work()
    assert office.subjects == [f"Warning-{HOST}: (Hardware) Disk"]


async def test_flood_of_different_texts_is_bounded() -> None:
    office = Office()
    for number in range(5000):
        office.service.alert(CRITICAL, SYSTEM, f"text {number}")
    assert office.service.waiting == 31
    office.service.apply(office.situation(initial_wait_seconds=0.0))
    for number in range(1000):
        office.service.alert(WARNING, SYSTEM, f"text {number}")
    assert office.service.waiting == 500
    assert any("were left out" in line for line in office.log.lines)


async def test_it_runs_by_itself_and_keeps_what_is_left() -> None:
    office = Office()
    running = asyncio.ensure_future(office.service.run())
    office.service.alert(CRITICAL, SYSTEM, "first")
    async with asyncio.timeout(30):
        while not office.servers.taken:
            await asyncio.sleep(0.01)
    office.servers.answers = {"192.0.2.1": FAILED, "192.0.2.2": FAILED}
    office.service.alert(CRITICAL, SYSTEM, "second")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    office.start()
    assert office.service.waiting == 1
    assert [recent.alert.text for recent in office.service.recent()] == ["second", "first"]
