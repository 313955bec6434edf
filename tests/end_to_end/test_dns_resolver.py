"""The resolver against a real name server on loopback, on both event loops."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack

import pytest
import uvloop

from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.dns.fake import Zone
from mailwarden.system.dns.resolver import ResolutionError, Resolver
from mailwarden.system.dns.settings import DnsSettings
from tests.dns_server import DnsServer, serving
from tests.unit.system.dns.contract import MakeResolver, ResolverContract

MakeServer = Callable[[Zone], DnsServer]


@pytest.fixture
def serve() -> Iterator[MakeServer]:
    with ExitStack() as servers:
        yield lambda zone, host="127.0.0.1": servers.enter_context(serving(zone, host))


def make_resolver(
    *servers: str, timeout_seconds: float = 60.0, resend_seconds: float = 5.0, source: str = ""
) -> CachingResolver:
    return CachingResolver(
        DnsSettings(
            servers=servers, timeout_seconds=timeout_seconds, resend_seconds=resend_seconds
        ),
        loop=asyncio.get_running_loop(),
        clock=SystemClock(),
        randomness=random.SystemRandom(),
        source=source,
    )


class TestOverTheNetwork(ResolverContract):
    @pytest.fixture
    async def make(self, serve: MakeServer) -> AsyncIterator[MakeResolver]:
        made: list[Resolver] = []

        async def make_real(zone: Zone) -> Resolver:
            made.append(make_resolver(serve(zone).address))
            return made[-1]

        yield make_real
        for resolver in made:
            resolver.close()


async def _look_everything_up(server: DnsServer) -> None:
    resolver = make_resolver(server.address)
    assert await resolver.resolve_addresses("a.example") == ("192.0.2.1", "2001:db8::1")
    assert len(await resolver.resolve_txt("long.example")) == 30
    assert await resolver.resolve_txt("poison.example") == (b"true",)
    resolver.close()


LONG: Zone = {
    "a.example": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "long.example": {"TXT": ["x" * 200] * 30},
    "poison.example": {"TXT": ["true"], "POISON": []},
}


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_event_loops_and_protocols(
    serve: MakeServer, run: Callable[[object], None], host: str
) -> None:
    server = serve(LONG, host)
    run(_look_everything_up(server))
    assert ("long.example", "TXT", "tcp") in server.questions


async def test_each_question_comes_from_a_port_of_its_own(serve: MakeServer) -> None:
    server = serve({f"{n}.example": {"TXT": ["x"]} for n in range(60)})
    resolver = make_resolver(server.address)
    for number in range(60):
        await resolver.resolve_txt(f"{number}.example")
    assert len(set(server.ports)) > 50


async def test_many_askers_many_names(serve: MakeServer) -> None:
    server = serve({f"{n}.example": {"TXT": [str(n)], "DELAY": ["0.01"]} for n in range(200)})
    resolver = make_resolver(server.address)
    answers = await asyncio.gather(
        *(resolver.resolve_txt(f"{n % 200}.example") for n in range(2000))
    )
    assert answers == [(str(n % 200).encode(),) for n in range(2000)]
    assert len(server.questions) == 200


@pytest.mark.parametrize("trouble", [{"DROP": []}, {"GARBAGE": []}, {"HUGE": ["8000"]}])
async def test_the_next_server_helps_out(serve: MakeServer, trouble: Zone) -> None:
    bad, good = serve({"a.example": trouble}), serve({"a.example": {"TXT": ["x"]}})
    resolver = make_resolver(bad.address, f"{good.address}/pri=1", timeout_seconds=0.4)
    assert await resolver.resolve_txt("a.example") == (b"x",)


async def test_nobody_listens(serve: MakeServer) -> None:
    gone = serve({})
    address = gone.address
    with serving({}) as other:
        address = other.address
    resolver = make_resolver(address)
    with pytest.raises(ResolutionError, match=f"Connection refused from {address}"):
        await resolver.resolve_txt("a.example")


async def test_dead_dns_gives_up_in_time(serve: MakeServer) -> None:
    server = serve({"a.example": {"DROP": []}})
    resolver = make_resolver(server.address, timeout_seconds=0.3, resend_seconds=0.1)
    async with asyncio.timeout(30):
        with pytest.raises(ResolutionError, match=r"no answer within 0\.1 seconds"):
            await resolver.resolve_txt("a.example")
    assert len(server.questions) == 3


async def test_a_kind_of_address_that_is_never_answered(serve: MakeServer) -> None:
    server = serve({"a.example": {"A": ["192.0.2.1"], "DROP": ["AAAA"]}})
    resolver = make_resolver(server.address, timeout_seconds=600.0, resend_seconds=0.1)
    async with asyncio.timeout(30):
        assert await resolver.resolve_addresses("a.example") == ("192.0.2.1",)
        assert await resolver.resolve_addresses("a.example") == ("192.0.2.1",)


@pytest.mark.parametrize("long", ["x", "x" * 1300])
async def test_sys_12_questions_come_from_the_source(serve: MakeServer, long: str) -> None:
    """Over UDP, and over TCP for what is long; 127.0.0.2 stands in for another interface."""
    server = serve({"a.example": {"TXT": [" ".join(f'"{long[:200]}"' for _ in range(8))]}})
    resolver = make_resolver(server.address)
    for tier in resolver._sources.tiers(b"\1a\7example\0", 0):
        for each in tier.servers:  # the settings leave servers of this machine alone
            each.source = "127.0.0.2"
    assert await resolver.resolve_txt("a.example") == (long[:200].encode() * 8,)
    assert set(server.clients) == {"127.0.0.2"}


async def test_a_server_that_hangs_over_tcp(serve: MakeServer) -> None:
    left = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()

    class Truncating(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            self.transport.sendto(data[:2] + b"\x83\x80" + data[4:], addr)

    udp, _ = await loop.create_datagram_endpoint(Truncating, ("127.0.0.1", port))
    good = serve({"a.example": {"TXT": ["x"]}})
    resolver = make_resolver(f"127.0.0.1:{port}", f"{good.address}/pri=1", timeout_seconds=0.4)
    assert await resolver.resolve_txt("a.example") == (b"x",)
    await left.wait()
    udp.close()
    silent.close()


async def test_closing_ends_questions_under_way(serve: MakeServer) -> None:
    server = serve({"a.example": {"DROP": []}})
    resolver = make_resolver(server.address, timeout_seconds=60.0)
    waiting = asyncio.ensure_future(resolver.resolve_txt("a.example"))
    await asyncio.sleep(0.05)
    resolver.close()
    with pytest.raises(ResolutionError, match="closed"):
        await waiting
