"""Which redirect holds for a recipient, and where its mail then waits."""

import asyncio
from collections import Counter

import pytest

from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.mailflow.delivery.redirects import Redirect, Redirects, parse_relay
from mailwarden.mailflow.delivery.selection import Selection
from mailwarden.stores.spool.spool import Entry, Progress, State
from tests.unit.mailflow.delivery.office import Office

NOW = 1_000_000.0


def redirect(number: int = 1, to: str = "relay.example:2525", **names: object) -> Redirect:
    selection = Selection(**{"received_before": 2e9, **names})  # type: ignore[arg-type]
    return Redirect(number, to, parse_relay(to), selection)


@pytest.mark.parametrize(
    ("to", "name"),
    [
        ("relay.example", "relay.example"),
        ("Relay.Example:2525", "relay.example:2525"),
        ("10.0.0.9", "10.0.0.9"),
        ("[2001:db8::1]:26", "[2001:db8::1]:26"),
    ],
)
def test_where_to(to: str, name: str) -> None:
    hop = redirect(to=to).hop
    assert hop.name == name
    assert hop.is_configured  # mail waits while it is wrong


@pytest.mark.parametrize("to", ["", "USEDNS", "null:", "maildir:/x", "a_b!", "a.example:0"])
def test_nowhere(to: str) -> None:
    with pytest.raises(ValueError, match=r"host|port|empty|name"):
        parse_relay(to)


def test_the_later_one_counts_and_what_came_later_is_left_alone() -> None:
    first = redirect(1, received_before=NOW)
    second = redirect(2, "10.0.0.9", hosts=frozenset({"b.example"}), received_before=NOW - 10)
    redirects = Redirects([first, second])
    assert list(redirects) == [first, second]

    def found(received_at: float, rid: int) -> Redirect | None:
        envelope = Envelope(
            mid=7,
            icid=1,
            sender="",
            recipients=(Recipient("x@a.example"), Recipient("x@b.example")),
            received_at=received_at,
        )
        return redirects.find(Entry(7, State.QUEUED, received_at, 1, 2), envelope, rid)

    assert found(NOW - 20, 0) == first
    assert found(NOW - 20, 1) == second
    assert found(NOW - 5, 1) == first
    assert found(NOW + 1, 0) is None


def names(office: Office) -> dict[str, int]:
    found: Counter[str] = Counter()
    for row in office.delivery.destinations():
        found[row.name] += row.ready + row.waiting
    return dict(+found)


async def test_what_waits_goes_there_and_back() -> None:
    async with Office() as office:
        await asyncio.sleep(0)
        office.delivery.suspend()
        office.put("x@a.example")
        both = office.put("x@a.example", "x@b.example")
        later = office.put("x@b.example")
        office.spool.retry(later, (0,), Progress(1, office.clock.time() + 600))
        assert names(office) == {"a.example": 2, "b.example": 2}
        rule = redirect(hosts=frozenset({"a.example"}), received_before=office.clock.time())
        office.delivery.redirect(Redirects([rule]))
        await office.pass_time(1)
        assert names(office) == {"relay.example:2525": 2, "b.example": 2}
        envelope = office.spool.load(both).envelope
        assert office.delivery.redirected(both, envelope, 0) == "relay.example:2525"
        assert office.delivery.redirected(both, envelope, 1) == ""
        office.put("x@a.example")
        assert names(office) == {"relay.example:2525": 2, "b.example": 2, "a.example": 1}
        office.delivery.redirect(Redirects([rule]))  # told again: nothing changes
        assert names(office) == {"relay.example:2525": 2, "b.example": 2, "a.example": 1}
        office.delivery.redirect(Redirects())
        await office.pass_time(1)
        assert names(office) == {"a.example": 3, "b.example": 2}


async def test_what_waits_for_its_next_attempt_is_attempted_at_once() -> None:
    async with Office(zone={}) as office:
        await asyncio.sleep(0)
        office.delivery.suspend()
        entry = office.put("x@a.example")
        office.spool.retry(entry, (0,), Progress(1, office.clock.time() + 600))
        await office.stop()
        office.start()
        for _ in range(3):
            await asyncio.sleep(0)
        office.delivery.suspend()
        await office.pass_time(1)
        assert names(office) == {}
        office.delivery.redirect(Redirects([redirect()]))
        await office.pass_time(1)
        assert names(office) == {"relay.example:2525": 1}
        assert sum(row.ready for row in office.delivery.destinations()) == 1
