"""Where alert mail goes, also when DNS is dead."""

import random

import pytest

from mailwarden.core.routes import RouteTable
from mailwarden.services.alerts.finder import Finder, NoServerError, NotSentError
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.fake import FakeResolver, Zone

BROKEN = {"SERVFAIL": ()}
ZONE: dict[str, dict[str, list[str]]] = {
    "corp.example": {"MX": ["20 b.corp.example", "10 a.corp.example", "5 gone.corp.example"]},
    "a.corp.example": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "b.corp.example": {"A": ["192.0.2.2"]},
    "host.example": {"A": ["192.0.2.3"]},
    "silent.example": {"MX": ["0 ."]},
    "empty.example": {"TXT": ["x"]},
    "many.example": {"MX": [f"10 m{n}.many.example" for n in range(50)]},
    **{f"m{n}.many.example": {"A": [f"192.0.2.{n}"]} for n in range(50)},
}


class Desk:
    def __init__(self, zone: Zone = ZONE, **routes: str) -> None:
        self.clock = SimulatedClock()
        self.resolver = FakeResolver(dict(zone))
        table = RouteTable({key.replace("_", "."): value for key, value in routes.items()})
        self.finder = Finder(self.resolver, table, self.clock, random.Random(1))

    async def find(self, domain: str) -> list[str]:
        return [str(endpoint) for endpoint in await self.finder.find(domain)]

    def break_dns(self) -> None:
        self.resolver.zone = dict.fromkeys(self.resolver.zone, BROKEN)


async def test_mx_in_order() -> None:
    assert await Desk().find("corp.example") == [
        "192.0.2.1:25", "[2001:db8::1]:25", "192.0.2.2:25",
    ]  # fmt: skip


async def test_address_where_there_is_no_mx() -> None:
    assert await Desk().find("host.example") == ["192.0.2.3:25"]


async def test_literal_needs_no_dns() -> None:
    desk = Desk()
    assert await desk.find("[192.0.2.7]") == ["192.0.2.7:25"]
    assert desk.resolver.asked == []


async def test_many_servers_are_bounded_and_shuffled() -> None:
    first, second = [await Desk().find("many.example") for _ in range(2)]
    assert len(first) == 8
    assert first == second  # the same random numbers
    assert first != sorted(first)


@pytest.mark.parametrize("domain", ["silent.example", "nowhere.example", "empty.example", "a b"])
async def test_nobody(domain: str) -> None:
    with pytest.raises(NoServerError):
        await Desk().find(domain)


async def test_sys_33_smtp_routes_count() -> None:
    desk = Desk(corp_example="[10.0.0.9]:2525/pri=10, host.example:26/pri=5", ALL="10.0.0.1")
    assert await desk.find("corp.example") == ["192.0.2.3:26", "10.0.0.9:2525"]
    assert await desk.find("host.example") == ["10.0.0.1:25"]


async def test_usedns_is_as_no_route() -> None:
    assert await Desk(ALL="10.0.0.1", host_example="USEDNS").find("host.example") == [
        "192.0.2.3:25"
    ]


@pytest.mark.parametrize("route", ["/dev/null", "null:", "maildir:/var/mail/x"])
async def test_routes_to_no_server(route: str) -> None:
    with pytest.raises(NotSentError):
        await Desk(corp_example=route).find("corp.example")


async def test_sys_33_answers_are_kept_for_half_an_hour() -> None:
    desk = Desk()
    found = await desk.find("corp.example")
    desk.resolver.asked.clear()
    desk.clock.advance(1799)
    assert await desk.find("corp.example") == found
    assert desk.resolver.asked == []
    desk.resolver.zone = {"corp.example": {"A": ["198.51.100.1"]}}
    desk.clock.advance(1)
    assert await desk.find("corp.example") == ["198.51.100.1:25"]


async def test_sys_33_refreshed_before_anybody_needs_them() -> None:
    desk = Desk()
    assert await desk.finder.refresh(["corp.example", "nowhere.example"])
    desk.clock.advance(1000)
    assert not await desk.finder.refresh(["corp.example"])
    desk.clock.advance(1000)
    assert await desk.finder.refresh(["corp.example"])
    desk.break_dns()
    desk.clock.advance(1000)
    assert "192.0.2.1:25" in await desk.find("corp.example")


async def test_s_08_last_answers_stay_while_dns_is_dead() -> None:
    desk = Desk()
    found = await desk.find("corp.example")
    desk.break_dns()
    desk.clock.advance(2 * 86_400)
    assert await desk.find("corp.example") == found
    desk.clock.advance(86_400)
    with pytest.raises(NoServerError):
        await desk.find("corp.example")


async def test_what_dns_says_is_gone_is_gone() -> None:
    desk = Desk()
    await desk.find("corp.example")
    desk.resolver.zone = {}
    desk.clock.advance(1800)
    with pytest.raises(NoServerError):
        await desk.find("corp.example")
    desk.break_dns()
    assert desk.finder.kept == {}


async def test_another_route_makes_old_answers_worthless() -> None:
    desk = Desk()
    await desk.find("corp.example")
    desk.finder.apply(RouteTable({"corp.example": "host.example"}))
    assert await desk.find("corp.example") == ["192.0.2.3:25"]
    desk.finder.apply(RouteTable({}))
    desk.break_dns()
    with pytest.raises(NoServerError):
        await desk.find("corp.example")


async def test_only_what_is_needed_is_kept() -> None:
    desk = Desk()
    await desk.finder.refresh(["corp.example", "host.example"])
    await desk.finder.refresh(["host.example"])
    assert list(desk.finder.kept) == ["host.example"]
