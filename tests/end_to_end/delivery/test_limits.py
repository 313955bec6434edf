"""Limits of the destination controls (mailflow 7.2), and what providers ask for."""

from typing import Any

import pytest

from mailwarden.core.policy.bounce_profile import BounceProfile
from mailwarden.core.policy.destinations import DestinationRow, LimitType
from mailwarden.mailflow.delivery.settings import DeliverySettings
from tests.unit.mailflow.delivery.office import Office
from tests.unit.mailflow.delivery.servers import Act, Server

HOUR = 3600.0
MX = "mx.provider.example"


def shared_zone(*domains: str, mx: str = MX, address: str = "127.0.0.1") -> dict[str, Any]:
    return {domain: {"MX": [f"10 {mx}"]} for domain in domains} | {mx: {"A": [address]}}


def host(office: Office, domain: str) -> dict[str, Any]:
    rows = [row for row in office.delivery.hosts.details(domain) if row]
    assert len(rows) == 1
    return rows[0]


async def pass_until(office: Office, condition: Any, step: float = 1.0) -> float:
    """Let time pass until `condition` holds; return how much it was."""
    passed = 0.0
    while not condition():
        await office.pass_time(step, step)
        passed += step
        for _ in range(20):
            await office.until(lambda: True)
        assert passed < 100_000
    return passed


async def settled(office: Office) -> None:
    """Wait until nothing travels."""
    await office.until(lambda: not office.delivery._shared.flying)


async def test_row_70_recipients_wait_until_the_window_moves() -> None:
    server = await Server().start()
    rows = {"partner.example": DestinationRow(recipient_limit=300, recipient_minutes=60)}
    routes = {"ALL": f"127.0.0.1:{server.port}"}
    async with Office(routes=routes, destinations=rows) as office:
        office.clock.advance(HOUR - office.clock.time() % HOUR + 600)  # ten past
        for number in range(100):
            office.put(*(f"u{number}.{part}@partner.example" for part in range(3)))
        late = office.put("late@partner.example")
        office.put("else@other.example")  # is not concerned
        await office.until(lambda: len(server.received) == 101)
        await office.logged(
            f"Destination 127.0.0.1:{server.port} (partner.example): the limit of 300 recipients "
            "in 60 minutes is reached; more recipients wait for 3000 seconds"
        )
        [held] = host(office, "partner.example")["held_back"]
        assert (
            held["why"]
            == "the limit of 300 recipients in 60 minutes is reached"[: len(held["why"])]
        )
        assert held["until"] == pytest.approx(office.clock.time() + 3000)
        await office.pass_time(2990, 10)
        assert len(server.received) == 101
        assert late.progress is None  # it is no error
        assert office.delivery.counters["soft_bounced"] == 0
        await office.pass_time(11)
        await office.until(lambda: len(server.received) == 102)
        assert server.received[-1].recipients == ["late@partner.example"]
        assert host(office, "partner.example")["held_back"] == []
        assert office.delivery.counters["recipient_limits_reached"] == 1
    await server.stop()


async def test_a_message_is_divided_where_the_limit_is_reached() -> None:
    server = await Server().start()
    rows = {"DEFAULT": DestinationRow(recipient_limit=4, recipient_minutes=7)}
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}, destinations=rows) as office:
        office.clock.advance(420 - office.clock.time() % 420)
        office.put(*(f"u{number}@partner.example" for number in range(10)))
        await office.until(lambda: len(server.received) == 1)
        await office.pass_time(421, 5)
        await office.until(lambda: len(server.received) == 2)
        await office.pass_time(421, 5)
        await office.empty()
        sizes = [len(message.recipients) for message in server.received]
        assert sizes == [4, 4, 2]
        names = sorted(name for message in server.received for name in message.recipients)
        assert names == [f"u{number}@partner.example" for number in range(10)]
    await server.stop()


async def test_a_retry_by_hand_forgets_what_was_counted() -> None:
    server = await Server().start()
    rows = {"DEFAULT": DestinationRow(recipient_limit=1, recipient_minutes=60)}
    async with Office(routes={"ALL": f"127.0.0.1:{server.port}"}, destinations=rows) as office:
        for number in range(3):
            office.put(f"u{number}@partner.example")
        await office.logged("is reached")
        await office.pass_time(2)
        assert len(server.received) == 1
        office.delivery.retry_now("partner.example")
        await office.pass_time(1)
        await office.until(lambda: len(server.received) == 2)
        office.delivery.retry_now()
        await office.pass_time(1)
        await office.empty()
    await server.stop()


async def test_what_waits_for_its_turn_for_too_long_is_returned() -> None:
    server = await Server().start()
    rows = {"DEFAULT": DestinationRow(recipient_limit=1, recipient_minutes=60)}
    profiles = {"Default": BounceProfile(max_queue_time_seconds=600)}
    routes = {"ALL": f"127.0.0.1:{server.port}"}
    async with Office(routes=routes, destinations=rows, profiles=profiles) as office:
        office.clock.advance(HOUR - office.clock.time() % HOUR)
        office.put("one@partner.example")
        office.put("two@partner.example")
        await office.logged("is reached")
        await office.pass_time(590, 5)
        assert office.reports == []
        await office.pass_time(20, 1)
        [report] = office.reports
        assert report.reason.startswith("5.4.7")
    await server.stop()


async def test_domains_of_one_provider_share_their_connections() -> None:
    server = await Server().start()
    domains = [f"d{number}.example" for number in range(6)]
    rows = {"DEFAULT": DestinationRow(max_host_concurrency=2)}
    most = 0

    def look(kind: str, text: str) -> Any:
        nonlocal most
        most = max(most, server.open_connections)
        return text

    server.answer = look
    async with Office(zone=shared_zone(*domains), port=server.port, destinations=rows) as office:
        for domain in domains:
            for number in range(3):
                office.put(f"u{number}@{domain}")
        # Nobody waits until connections without work time out: they give way.
        for _ in range(100):
            await office.pass_time(0.25, 0.25)
            await settled(office)
            if len(server.received) == 18:
                break
        await office.empty()
        assert most == 2
        row = host(office, "d0.example")
        assert row["shares"] == MX
        assert sorted(row["shares_with"]) == domains[1:]
        assert office.gauges.value(f"destination:{MX}") <= 2
        assert office.with_text("exited due to the maximum concurrency configuration.")
    assert office.gauges.value(f"destination:{MX}") == 0
    assert office.gauges.value("outbound") == 0
    await server.stop()


async def test_a_domain_with_a_row_of_its_own_shares_with_nobody() -> None:
    server = await Server().start()
    rows = {"d0.example": DestinationRow(max_host_concurrency=2)}
    zone = shared_zone("d0.example", "d1.example")
    async with Office(zone=zone, port=server.port, destinations=rows) as office:
        office.put("u@d0.example", "u@d1.example")
        await office.empty()
        assert "shares" not in host(office, "d0.example")
        assert "shares" not in host(office, "d1.example")
    await server.stop()


async def test_connections_are_counted_for_each_address() -> None:
    first = await Server(answers={"LAST": [Act.HANG], "END": [Act.HANG]}, repeat=True).start()
    second = await Server(
        address="127.0.0.2", port=first.port, answers={"LAST": [Act.HANG]}, repeat=True
    ).start()
    rows = {"DEFAULT": DestinationRow(max_host_concurrency=1, limit_type=LimitType.MXIP)}
    zone = {
        "partner.example": {"MX": ["10 mx1.partner.example", "20 mx2.partner.example"]},
        "mx1.partner.example": {"A": ["127.0.0.1"]},
        "mx2.partner.example": {"A": ["127.0.0.2"]},
    }
    async with Office(zone=zone, port=first.port, destinations=rows) as office:
        for number in range(10):
            office.put(f"u{number}@partner.example")
        await pass_until(office, lambda: second.connections, 0.25)
        await office.pass_time(10, 0.25)
        assert (first.connections, second.connections) == (1, 1)
        assert office.gauges.value("destination:127.0.0.1") == 1
        assert office.gauges.value("destination:127.0.0.2") == 1
    await first.stop()
    await second.stop()


SLOW_DOWNS = [
    # What providers say, and what is held back then.
    ("421 4.7.28 Our system has detected an unusual rate of unsolicited mail", "per minute"),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", "per minute"),
    ("450 4.7.1 Too many concurrent connections from your host", "connections 1"),
    ("451 4.7.653 too many messages in this session", "messages per connection"),
]


@pytest.mark.parametrize(("reply", "held"), SLOW_DOWNS)
async def test_a_provider_asks_to_slow_down(reply: str, held: str) -> None:
    is_yahoo = "TSS04" in reply
    mx = "mta7.am0.yahoodns.net" if is_yahoo else "aspmx.l.google.com"
    server = await Server(answers={"MAIL": [reply]}).start()
    zone = shared_zone("one.example", "two.example", mx=mx)
    async with Office(zone=zone, port=server.port) as office:
        office.put("u@one.example")
        await office.logged("Delayed: ")
        [line] = office.with_text("to slow down")
        assert held in line
        assert office.delivery.counters["slow_downs"] == 1
        # The other domains of the provider are concerned as well, and operators see it.
        office.put("u@two.example")
        await pass_until(office, lambda: len(server.received) == 1)
        [seen] = host(office, "two.example")["held_back"]
        assert held in seen["why"]
        assert host(office, "two.example")["shares"] == ("Yahoo" if is_yahoo else "Gmail")
        office.delivery.retry_now("two.example")
        assert host(office, "two.example")["held_back"] == []
        await pass_until(office, lambda: len(server.received) == 2)
    await server.stop()


async def test_a_rate_that_a_provider_asks_for_is_kept_and_recovers() -> None:
    server = await Server(answers={"MAIL": ["450 4.7.1 Rate limit exceeded, slow down"]}).start()
    zone = shared_zone("one.example", "two.example", mx="aspmx.l.google.com")
    settings = DeliverySettings(idle_timeout_seconds=5)
    async with Office(zone=zone, port=server.port, settings=settings) as office:
        office.put("u@one.example")
        await office.logged("slow down")
        for number in range(200):
            office.put(f"u{number}@two.example")
        counts = []
        for _ in range(4):
            for _ in range(60):
                await office.pass_time(1, 0.25)
                await settled(office)
            counts.append(len(server.received))
        # 30 a minute at first: half of the 60 that stand for an unknown speed.
        assert 25 <= counts[0] <= 32
        assert counts[1] - counts[0] > counts[0]
        await pass_until(office, lambda: len(server.received) == 201, 0.25)
        await pass_until(office, lambda: not host(office, "one.example")["held_back"], 60)
    await server.stop()


async def test_connections_over_a_limit_that_went_down_are_ended() -> None:
    server = await Server().start()
    told = False

    def answer(kind: str, text: str) -> Any:
        nonlocal told
        if kind == "MAIL" and server.open_connections >= 8 and not told:
            told = True
            return "421 4.7.0 Too many concurrent SMTP connections"
        return text

    server.answer = answer
    rows = {"DEFAULT": DestinationRow(max_messages_per_connection=1000)}
    routes = {"ALL": f"127.0.0.1:{server.port}"}
    async with Office(routes=routes, destinations=rows) as office:
        for number in range(400):
            office.put(f"u{number}@partner.example")
        await office.logged("slow down: connections")
        await pass_until(office, lambda: len(server.received) >= 399, 0.25)
        # Half of those that were open, and never more again until it recovers.
        assert office.with_text("exited due to the maximum concurrency configuration.")
        assert office.gauges.value(f"destination:127.0.0.1:{server.port}") <= 4
    await server.stop()
