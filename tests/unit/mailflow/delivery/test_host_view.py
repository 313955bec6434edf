"""What operators see of destinations."""

import asyncio
from typing import Any

import pytest

from mailwarden.mailflow.delivery.failure import Failure, local_failure, network_failure
from mailwarden.mailflow.delivery.tally import Tallies, Tally
from mailwarden.stores.spool.spool import Progress
from tests.unit.mailflow.delivery.office import Office


@pytest.mark.parametrize(
    ("failure", "counter"),
    [
        (Failure("5.1.0 - Unknown address error", "550", ("no such user",)), "bounced_5xx"),
        (Failure("5.1.2 - Bad destination host"), "bounced_dns"),
        (Failure("5.4.7 - Delivery expired (message too old)"), "bounced_expired"),
        (Failure("4.1.0 - Unknown address error", "451").for_good(), "bounced_expired"),
        (network_failure("Connection refused").for_good(), "bounced_expired"),
        (Failure("5.x.0 - Message bounced by administrator"), "bounced_other"),
        (Failure("5.4.6 - Routing loop detected"), "bounced_other"),
        (local_failure("no such folder").for_good(), "bounced_other"),
    ],
)
def test_bounces_are_counted_by_cause(failure: Failure, counter: str) -> None:
    tally = Tally("a.example")
    tally.bounced(failure, 5.0)
    assert (getattr(tally, counter), tally.hard_bounced) == (1, 1)
    is_5xx = counter == "bounced_5xx"
    assert tally.last_5xx == (failure.text if is_5xx else "")
    assert tally.last_5xx_at == (5.0 if is_5xx else 0.0)


def test_only_so_many_destinations_are_remembered() -> None:
    known = Tallies(limit=2)
    first = known.of("a.example")
    first.delivered = 3
    assert known.of("a.example") is first
    known.of("b.example")
    known.of("c.example")
    assert known.find("a.example") is None
    assert [tally.name for tally in known.all()] == ["b.example", "c.example"]
    assert known.of("a.example").delivered == 0


def rows(office: Office) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for page in office.delivery.hosts.rows() for row in page}


def details(office: Office, domain: str) -> dict[str, Any]:
    (row,) = [row for row in office.delivery.hosts.details(domain) if row]
    return row


async def test_what_waits_and_what_became_of_it() -> None:
    routes = {"good.example": "null:", "gone.example": "/dev/null"}
    async with Office(routes=routes, zone={}) as office:
        await asyncio.sleep(0)
        office.put("a@good.example")
        office.put("b@good.example", "c@good.example")
        office.put("x@gone.example")
        office.put("x@nowhere.example")
        await office.until(lambda: office.delivery.counters["bounced_hard"] == 1)
        found = rows(office)
        assert (found["null:"]["delivered"], found["null:"]["state"]) == (3, "up")
        assert found["null:"]["last_activity"] == office.clock.time()
        assert found["nowhere.example"]["hard_bounced"] == 1
        assert details(office, "nowhere.example")["bounced_dns"] == 1
        assert details(office, "gone.example")["dropped"] == 1
        assert details(office, "GOOD.example")["name"] == "null:"
        assert list(office.delivery.hosts.details("other.example")) == []


async def test_the_gauges_of_one_destination() -> None:
    async with Office() as office:
        await asyncio.sleep(0)
        office.delivery.suspend()
        first = office.put("a@one.example")
        office.clock.advance(10)
        office.put("a@one.example", "b@one.example", "c@two.example")
        tried = office.put("d@one.example")
        row = details(office, "one.example")
        assert (row["recipients"], row["unattempted"], row["attempted"]) == (4, 4, 0)
        assert (row["oldest_mid"], row["oldest_at"]) == (first.mid, first.received_at)
        assert (row["waiting"], row["state"], row["connections"], row["opening"]) == (
            3,
            "unknown",
            0,
            0,
        )
        office.spool.retry(tried, (0,), Progress(1, office.clock.time() + 600, 0, "4.4.0"))
        office.delivery.apply(office.plan)
        await office.pass_time(1)
        row = details(office, "one.example")
        assert (row["recipients"], row["unattempted"], row["attempted"]) == (4, 3, 1)
        office.spool.hold(first, "operator", "")
        assert details(office, "one.example")["recipients"] == 3


async def test_counters_outlast_a_reload_and_addresses_are_remembered() -> None:
    routes = {"a.example": "127.0.0.1:1"}
    async with Office(routes=routes) as office:
        await asyncio.sleep(0)
        office.put("x@a.example")
        await office.until(lambda: office.delivery.counters["soft_bounced"] == 1)
        office.delivery.apply(office.plan)
        row = details(office, "a.example")
        assert (row["soft_bounced"], row["state"]) == (1, "down")
        (endpoint,) = row["endpoints"]
        assert (endpoint["address"], endpoint["port"]) == ("127.0.0.1", 1)
        assert "refused" in endpoint["error"]
        assert row["last_error"].startswith("4.4.0 - Other network problem")
