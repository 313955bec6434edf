"""Which hosts are tried, in which order, and what is said when there are none."""

import random

import pytest

from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.delivery.host_states import STATES_MAX, HostStates
from mailwarden.mailflow.delivery.hosts import MX_HOSTS_MAX, Endpoint, HostFinder, Ourselves
from mailwarden.mailflow.delivery.nexthop import find_next_hop
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.fake import FakeResolver

ZONE = {
    "partner.example": {
        "MX": ["20 c.partner.example", "10 a.partner.example", "10 b.partner.example"]
    },
    "a.partner.example": {"A": ["192.0.2.1"]},
    "b.partner.example": {"A": ["192.0.2.2", "192.0.2.3"], "AAAA": ["2001:db8::2"]},
    "c.partner.example": {"A": ["192.0.2.4"]},
    "nomx.example": {"A": ["192.0.2.9"]},
    "null.example": {"MX": ["0 ."], "A": ["192.0.2.9"]},
    "nothing.example": {"TXT": ["x"]},
    "lost.example": {"MX": ["10 gone.example"]},
    "half.example": {"MX": ["10 gone.example", "20 nomx.example"]},
    "shaky.example": {"MX": ["10 gone.example", "20 broken.example"]},
    "broken.example": {"SERVFAIL": []},
    "loop.example": {"MX": ["10 a.partner.example", "20 gw1.corp.example", "30 c.partner.example"]},
    "gw1.corp.example": {"A": ["203.0.113.5"]},
    "self.example": {"MX": ["10 alias.example"]},
    "alias.example": {"A": ["203.0.113.5"]},
    "many.example": {"MX": [f"{n} h{n}.many.example" for n in range(50)]},
    **{f"h{n}.many.example": {"A": [f"198.51.100.{n}"]} for n in range(50)},
}
OURSELVES = Ourselves(frozenset({"gw1.corp.example"}), frozenset({("203.0.113.5", 25)}))


async def hosts(domain: str, *, turn: int = 0, route: str = "", mailhost: str = "", **more):
    """Return the groups of addresses, and the reason when there is none."""
    finder = HostFinder(FakeResolver(ZONE), random.Random(4), OURSELVES, **more)
    routes = RouteTable({"ALL": route} if route else {})
    search = finder.search(find_next_hop(domain, mailhost, routes), turn)
    groups = []
    while group := await search.next_group():
        groups.append([endpoint.address for endpoint in group])
    return groups, search.failure, search.has_alternatives


async def test_mx_by_preference() -> None:
    groups, _, alternatives = await hosts("partner.example")
    assert [sorted(group) for group in groups] == [
        ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::2"],
        ["192.0.2.4"],
    ]
    assert alternatives


async def test_equal_ones_in_random_order() -> None:
    finder = HostFinder(FakeResolver(ZONE), random.Random(1), OURSELVES)
    first = set()
    for _ in range(20):
        search = finder.search(find_next_hop("partner.example", "", RouteTable({})), 0)
        first.add((await search.next_group())[0].host)
    assert first == {"a.partner.example", "b.partner.example"}


@pytest.mark.parametrize("prefer", [True, False])
async def test_ipv6_first_or_last(prefer: bool) -> None:
    groups, _, _ = await hosts("partner.example", mailhost="b.partner.example", prefer_ipv6=prefer)
    four, six = ["192.0.2.2", "192.0.2.3"], ["2001:db8::2"]
    assert groups == [six + four if prefer else four + six]


async def test_without_mx_the_address_of_the_domain() -> None:
    groups, _, alternatives = await hosts("nomx.example")
    assert groups == [["192.0.2.9"]]
    assert not alternatives


FAILURES = [
    ("nope.example", "5.1.2 - Bad", "DNS Hard Error looking up nope.example (MX):  NXDomain"),
    ("broken.example", "4.1.2 - Bad", "DNS Soft Error looking up broken.example (MX):  SERVFAIL"),
    ("null.example", "5.1.10 - Recipient address has null MX", "null.example takes no mail"),
    ("nothing.example", "5.1.2 - Bad", "DNS Hard Error looking up nothing.example (A):  no add"),
    ("lost.example", "5.1.2 - Bad", "DNS Hard Error looking up gone.example (A):  NXDomain"),
    ("shaky.example", "4.1.2 - Bad", "DNS Soft Error looking up broken.example (A):  SERVFAIL"),
    ("gw1.corp.example", "5.4.6 - Routing loop", "the MX of gw1.corp.example is this gateway"),
    ("self.example", "5.4.6 - Routing loop", "the MX of self.example is this gateway"),
    ("", "5.1.2 - Bad", "'' is not a host name"),
]


@pytest.mark.parametrize(("domain", "reason", "detail"), FAILURES)
async def test_no_hosts(domain: str, reason: str, detail: str) -> None:
    groups, failure, _ = await hosts(domain)
    assert groups == []
    assert failure.reason.startswith(reason)
    assert failure.lines[0].startswith(detail)


@pytest.mark.parametrize("domain", ["nope.example", "null.example", "lost.example", "self.example"])
async def test_a_configured_host_only_fails_for_now(domain: str) -> None:
    for way in ({"mailhost": domain}, {"route": domain}):
        groups, failure, _ = await hosts("partner.example", **way)
        assert groups or not failure.is_permanent


async def test_one_lost_host_does_not_hide_the_others() -> None:
    groups, _, _ = await hosts("half.example")
    assert groups == [["192.0.2.9"]]


async def test_we_and_all_that_are_no_better_are_left_out() -> None:
    groups, _, _ = await hosts("loop.example")
    assert groups == [["192.0.2.1"]]


async def test_another_port_of_our_address_is_not_us() -> None:
    groups, _, _ = await hosts("self.example", port=2525)
    assert groups == [["203.0.113.5"]]


async def test_no_more_hosts_than_the_limit() -> None:
    groups, _, _ = await hosts("many.example")
    assert len(groups) == MX_HOSTS_MAX


async def test_route_hosts_take_turns_within_their_priority() -> None:
    route = "192.0.2.1, 192.0.2.2, 192.0.2.3/pri=5, 192.0.2.4:26/pri=5"
    orders = [(await hosts("x.example", route=route, turn=turn))[0] for turn in range(3)]
    assert orders == [
        [["192.0.2.1"], ["192.0.2.2"], ["192.0.2.3"], ["192.0.2.4"]],
        [["192.0.2.2"], ["192.0.2.1"], ["192.0.2.4"], ["192.0.2.3"]],
        [["192.0.2.1"], ["192.0.2.2"], ["192.0.2.3"], ["192.0.2.4"]],
    ]


async def test_a_route_host_is_looked_up_as_mx_and_then_as_address() -> None:
    groups, _, _ = await hosts("x.example", route="lost.example, partner.example:26, nomx.example")
    assert [len(group) for group in groups] == [4, 1, 1]


async def test_nothing_is_asked_before_it_is_needed() -> None:
    resolver = FakeResolver(ZONE)
    finder = HostFinder(resolver, random.Random(4))
    search = finder.search(find_next_hop("half.example", "", RouteTable({})), 0)
    assert resolver.asked == []
    await search.next_group()
    assert ("nomx.example", "A") in resolver.asked
    many = finder.search(find_next_hop("many.example", "", RouteTable({})), 0)
    await many.next_group()
    assert ("h1.many.example", "A") not in resolver.asked


def test_host_states() -> None:
    clock = SimulatedClock()
    states = HostStates(clock)
    one, two = Endpoint("a", "192.0.2.1", 25), Endpoint("b", "192.0.2.1", 26)
    states.set_down(one, 60, "refused")
    assert states.error(one) == "refused"
    assert states.error(Endpoint("other name", "192.0.2.1", 25)) == "refused"
    assert states.error(two) is None
    clock.advance(60)
    assert states.error(one) is None
    states.set_down(one, 60, "refused")
    states.set_up(one)
    assert states.error(one) is None
    states.set_down(one, 60, "refused")
    states.clear()
    assert states.error(one) is None


def test_host_states_are_bounded() -> None:
    states = HostStates(SimulatedClock())
    for number in range(STATES_MAX + 10):
        states.set_down(Endpoint("a", f"192.0.2.{number}", 25), 60, "x")
    assert states.error(Endpoint("a", "192.0.2.9", 25)) is None
    assert states.error(Endpoint("a", "192.0.2.10", 25)) == "x"
