"""Which servers are asked about a recipient."""

import pytest

from mailwarden.core.routes import RouteTable
from mailwarden.services.call_ahead.servers import (
    SERVERS_TRIED_MAX,
    Endpoint,
    NoServerError,
    NothingToAskError,
    ServerFinder,
)
from mailwarden.system.dns.fake import FakeResolver

ZONE = {
    "corp.example": {"MX": ["20 b.corp.example", "10 a.corp.example"]},
    "a.corp.example": {"A": ["192.0.2.1"]},
    "b.corp.example": {"A": ["192.0.2.2"], "AAAA": ["2001:db8::2"]},
    "host.example": {"A": ["192.0.2.3"]},
    "silent.example": {"MX": ["0 ."]},
    "many.example": {"A": [f"192.0.2.{n}" for n in range(100, 120)]},
    "empty.example": {"TXT": ["x"]},
    "broken.example": {"SERVFAIL": []},
}


def finder(*servers: str, **routes: str) -> ServerFinder:
    table = RouteTable({key.replace("_", "."): value for key, value in routes.items()})
    ours = frozenset({("192.0.2.9", 25)})
    return ServerFinder(servers, FakeResolver(ZONE), table, ours)


def shown(endpoints: object) -> list[str]:
    assert isinstance(endpoints, list)
    return [str(endpoint) for endpoint in endpoints]


async def test_the_delivery_host_is_found_by_mx() -> None:
    found = await finder().find("bob@corp.example", 0)
    assert shown(found) == ["192.0.2.1:25", "192.0.2.2:25", "[2001:db8::2]:25"]
    assert await finder().find("bob@host.example", 0) == [Endpoint("192.0.2.3", 25)]
    assert await finder().find("bob@[192.0.2.7]", 0) == [Endpoint("192.0.2.7", 25)]


async def test_routes_count_for_the_delivery_host_only() -> None:
    routes = {"corp_example": "192.0.2.5:26, 192.0.2.6/pri=5, 192.0.2.7", "null_example": "null:"}
    routed = finder(**routes)
    assert shown(await routed.find("bob@corp.example", 0)) == [
        "192.0.2.5:26", "192.0.2.7:25", "192.0.2.6:25"
    ]  # fmt: skip
    assert shown(await routed.find("bob@corp.example", 1))[0] == "192.0.2.7:25"
    with pytest.raises(NothingToAskError):
        await routed.find("bob@null.example", 0)
    static = finder("host.example:2525", **routes)
    assert shown(await static.find("bob@null.example", 0)) == ["192.0.2.3:2525"]


async def test_static_servers_take_turns() -> None:
    static = finder("192.0.2.1", "192.0.2.2:26")
    assert shown(await static.find("a@b.example", 2)) == ["192.0.2.1:25", "192.0.2.2:26"]
    assert shown(await static.find("a@b.example", 3)) == ["192.0.2.2:26", "192.0.2.1:25"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("a@silent.example", "takes no mail"),
        ("a@missing.example", "NXDomain"),
        ("a@broken.example", "DNS"),
        ("a@empty.example", "has no address"),
        ("a@[192.0.2.9]", "is this gateway"),
        ("postmaster", "host name is missing"),
        ("a@b c", "host name"),
    ],
)
async def test_nobody_to_ask_has_a_reason(address: str, words: str) -> None:
    with pytest.raises(NoServerError, match=words):
        await finder().find(address, 0)


async def test_a_host_with_many_addresses_is_not_tried_for_ever() -> None:
    assert len(await finder().find("a@many.example", 0)) <= SERVERS_TRIED_MAX
