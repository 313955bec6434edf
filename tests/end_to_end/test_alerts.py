"""Alert mail at real servers: honest ones, and those that do what they like."""

import asyncio
import contextlib
import email
import email.policy
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from mailwarden.core.alerts import CRITICAL, SYSTEM
from mailwarden.core.routes import RouteTable
from mailwarden.services.alerts import sending
from mailwarden.services.alerts.finder import Endpoint
from mailwarden.services.alerts.sending import RECEIVED_BYTES_MAX, Answer, Fate, ServerSender
from mailwarden.services.alerts.service import AlertService, Means, Situation
from mailwarden.services.alerts.settings import AlertRecipient, AlertSettings
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.crypto.tls import client_context, server_context
from mailwarden.system.dns.fake import FakeResolver
from mailwarden.system.files.files import SystemFiles
from tests.certificates import CertificateAuthority
from tests.end_to_end.sink import Sink
from tests.unit.services.alerts.office import Lines

CONTENT = b"Subject: x\r\n\r\n.dot\r\n"
HELLO = "mail3.example.com"


async def send(port: int, *, tls: bool = True, address: str = "ops@corp.example") -> Answer:
    sender = ServerSender(client_context("", verify=False) if tls else None)
    return await sender.send(Endpoint("127.0.0.1", port), address, CONTENT, HELLO, time.time())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    authority = CertificateAuthority(tmp_path_factory.mktemp("authority"))
    return server_context(authority.issue("sink.test"), verify_client=False)


async def test_sys_33_alert_leaves_without_the_queue(tmp_path: Path) -> None:
    with Sink() as sink:
        routes = RouteTable({"corp.example": f"mx.corp.example:{sink.port}"})
        service = AlertService(
            Means(
                FakeResolver({"mx.corp.example": {"A": ["127.0.0.1"]}}),
                ServerSender(client_context("", verify=False)),
                SystemClock(),
                random.Random(),
                SystemFiles(),
                str(tmp_path / "alerts.json"),
                Lines(),
                lambda: asyncio.sleep(0, "fine"),
            ),
            Situation(
                AlertSettings(recipients={"ops@corp.example": AlertRecipient()}), HELLO, routes
            ),
        )
        running = asyncio.ensure_future(service.run())
        service.alert(CRITICAL, SYSTEM, "HSM erased\r\nBcc: eve@evil.example", "hsm")
        async with asyncio.timeout(60):
            while not sink.count or service.waiting:
                await asyncio.sleep(0.01)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert sink.envelopes == [(b"", [b"ops@corp.example"])]
        message = email.message_from_bytes(sink.messages[0], policy=email.policy.default)
    assert message["Subject"] == f"Critical-{HELLO}: (System) HSM erased"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Bcc" not in message
    assert (tmp_path / "alerts.json").stat().st_mode & 0o777 == 0o600


async def test_plain_server() -> None:
    with Sink() as sink:
        assert await send(sink.port) == Answer(Fate.DELIVERED, "250 taken")
        assert sink.messages == [CONTENT]


async def test_server_without_extensions() -> None:
    def old(verb: str, line: bytes) -> bytes | None:
        return b"500 what?\r\n" if verb == "EHLO" else b"250 hello\r\n" if verb == "HELO" else None

    with Sink(old) as sink:
        assert (await send(sink.port)).fate is Fate.DELIVERED
        assert sink.messages == [CONTENT]


async def test_starttls_where_it_is_offered(certificate: ssl.SSLContext) -> None:
    with Sink(tls=certificate) as sink:
        assert (await send(sink.port)).fate is Fate.DELIVERED
        assert sink.encrypted == sink.count == 1


@pytest.mark.parametrize("reply", [b"454 not now\r\n", b"220 go\r\nnonsense\r\n", b"220 go\r\n"])
async def test_starttls_that_fails_goes_in_the_clear(
    certificate: ssl.SSLContext, reply: bytes
) -> None:
    def answer(verb: str, line: bytes) -> bytes | None:
        if verb == "STAR":
            return reply
        return None if line.isascii() else b""  # hang up on a handshake

    with Sink(answer, tls=certificate) as sink:
        assert (await send(sink.port)).fate is Fate.DELIVERED
        assert (sink.encrypted, sink.count, sink.connections) == (0, 1, 2)


@pytest.mark.parametrize(
    ("verb", "reply", "fate"),
    [
        ("RCPT", b"550 5.1.1 no such user\r\n", Fate.REFUSED),
        ("RCPT", b"451 later\r\n", Fate.FAILED),
        ("MAIL", b"552 no null senders\r\n", Fate.REFUSED),
        ("BDAT", b"554 spam\r\n", Fate.REFUSED),
        ("BDAT", b"452 full\r\n", Fate.FAILED),
        ("EHLO", b"421 go away\r\n", Fate.FAILED),
        ("MAIL", b"", Fate.FAILED),
        ("MAIL", b"what\r\n", Fate.FAILED),
        ("EHLO", b"250 a\r\n250 b\r\n", Fate.FAILED),
    ],
)
async def test_refusals(verb: str, reply: bytes, fate: Fate) -> None:
    def answer(seen: str, line: bytes) -> bytes | None:
        return reply if seen == verb else None

    with Sink(answer) as sink:
        result = await send(sink.port)
        assert result.fate is fate
        assert result.words
        assert not sink.messages


async def test_address_that_the_server_cannot_take() -> None:
    def answer(verb: str, line: bytes) -> bytes | None:
        return b"250 sink.test\r\n" if verb == "EHLO" else None

    with Sink(answer) as sink:
        assert (await send(sink.port, address="grüße@corp.example")).fate is Fate.FAILED
    with Sink() as sink:
        assert (await send(sink.port, address="grüße@corp.example")).fate is Fate.DELIVERED
        assert sink.envelopes[0][1] == ["grüße@corp.example".encode()]


async def test_nobody_there() -> None:
    with Sink() as sink:
        port = sink.port
    assert await send(port) == Answer(Fate.FAILED, "Connection refused")


@contextlib.asynccontextmanager
async def hostile(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A server that is `talk`; yields its port."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        with contextlib.suppress(OSError):
            await talk(reader, writer)
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.wait(tasks)  # each ends when its client does


async def test_endless_greeting_is_cut() -> None:
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(b"220-hello\r\n" * 1000)
            sent += 11_000
            await writer.drain()

    async with hostile(talk) as port:
        assert (await send(port)).fate is Fate.FAILED
    assert sent < 20 * RECEIVED_BYTES_MAX


async def test_endless_handshake_is_cut() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(b"250-hi\r\n250 STARTTLS\r\n")
        if not (await reader.readline()).startswith(b"STARTTLS"):
            return
        writer.write(b"220 go\r\n")
        await writer.drain()
        await reader.read(1)
        while True:
            writer.write(b"\x16\x03\x03\x40\x00" + b"\x02" * 0x4000)
            await writer.drain()

    async with hostile(talk) as port:
        assert (await send(port)).fate is Fate.FAILED


@pytest.mark.parametrize("said", [b"", b"220 hi\r\n", b"220-hi\r\n"])
async def test_silent_server_costs_a_bounded_time(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SILENCE_SECONDS", 0.2)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await reader.read()

    async with hostile(talk) as port:
        answer = await send(port)
    assert answer.fate is Fate.FAILED
    assert "did not answer in time" in answer.words


async def test_slow_server_costs_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SEND_SECONDS", 0.5)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"2")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with hostile(talk) as port:
        assert (await send(port)).fate is Fate.FAILED
