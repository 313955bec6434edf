"""Policies fetched from a real web server on loopback, and all that it may do wrong."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from mailwarden.core.policy.mta_sts import Mode, StsPolicy
from mailwarden.core.policy.tls_report import ResultType
from mailwarden.services.transport_security.cache import PolicyCache
from mailwarden.services.transport_security.fetcher import FetchError
from mailwarden.services.transport_security.https_fetcher import HttpsPolicyFetcher, policy_context
from mailwarden.services.transport_security.policies import PolicyAnswer, PolicySource
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.crypto.tls import server_context
from mailwarden.system.dns.fake import FakeResolver
from tests.certificates import CertificateAuthority

HOST = "mta-sts.partner.example"
POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.partner.example\r\nmax_age: 604800\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
GOOD = HEAD + b"Content-Length: %d\r\n\r\n" % len(POLICY) + POLICY

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("certificates"))


class WebServer:
    """Answers every question with the bytes that a test says."""

    def __init__(self, answer: bytes | Answer, authority: CertificateAuthority) -> None:
        self.answer = answer
        self.authority = authority
        self.certificate = authority.issue(HOST)
        self.questions: list[bytes] = []
        self.names: list[str | None] = []  # asked for in the handshake
        self.port = 0
        self._sessions: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        assert session is not None
        self._sessions.add(session)
        try:
            self.questions.append(await reader.readuntil(b"\r\n\r\n"))
            if isinstance(self.answer, bytes):
                writer.write(self.answer)
                await writer.drain()
            else:
                await self.answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            return  # the client has seen enough
        finally:
            writer.close()

    def context(self) -> ssl.SSLContext:
        context = server_context(self.certificate, verify_client=False)

        def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
            self.names.append(name)

        context.sni_callback = note  # type: ignore[assignment]
        return context

    @asynccontextmanager
    async def running(self, *, with_tls: bool = True) -> AsyncIterator[HttpsPolicyFetcher]:
        """Run the server, and return a fetcher that asks it."""
        context = self.context() if with_tls else None
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self.fetcher("127.0.0.1")
        finally:
            server.close()
            await asyncio.gather(*self._sessions)
            await server.wait_closed()

    def fetcher(self, *addresses: str, ca_file: str = "") -> HttpsPolicyFetcher:
        resolver = FakeResolver({HOST: {"A": addresses}})
        context = policy_context(ca_file or self.authority.file)
        return HttpsPolicyFetcher(resolver, context, port=self.port, timeout_seconds=10)


@pytest.fixture
def web(authority: CertificateAuthority) -> WebServer:
    return WebServer(GOOD, authority)


async def failure(web: WebServer) -> FetchError:
    async with web.running() as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch("partner.example")
    return caught.value


async def test_a_policy(web: WebServer) -> None:
    async with web.running() as fetcher:
        assert await fetcher.fetch("partner.example") == POLICY
    (question,) = web.questions
    assert question.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n")
    assert f"\r\nHost: {HOST}\r\n".encode() in question
    assert web.names == [HOST]


def test_a_policy_on_the_other_event_loop(web: WebServer) -> None:
    async def fetch() -> None:
        await test_a_policy(web)
        web.answer = b"HTTP/1.1 404 Not Found\r\n\r\n"
        assert "answers 404" in str(await failure(web))
        web.certificate = web.authority.issue("mta-sts.elsewhere.example")
        assert (await failure(web)).result is ResultType.STS_WEBPKI_INVALID

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(fetch())


async def test_a_policy_in_pieces(web: WebServer) -> None:
    async def slowly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(POLICY), 10):
            piece = POLICY[at : at + 10]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

    web.answer = slowly
    async with web.running() as fetcher:
        assert await fetcher.fetch("partner.example") == POLICY


async def test_a_server_that_keeps_the_connection(web: WebServer) -> None:
    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD)
        await writer.drain()
        await reader.read()

    web.answer = keep
    async with web.running() as fetcher:
        assert await fetcher.fetch("partner.example") == POLICY


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_redirects_are_not_followed(web: WebServer, code: int) -> None:
    """RFC 8461, 3.3."""
    place = f"https://{HOST}/other"
    web.answer = f"HTTP/1.1 {code} Moved\r\nLocation: {place}\r\n\r\n".encode()
    assert f"answers {code}" in str(await failure(web))
    assert len(web.questions) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 500 Oops\r\n\r\n", "answers 500"),
        (GOOD.replace(b"text/plain", b"text/html"), "'text/html'"),
        (GOOD.replace(b"Content-Type: text/plain\r\n", b""), "''"),
        (GOOD[:-10], "closed the connection within its answer"),
        (b"", "closed the connection within its answer"),
        (HEAD + b"\r\n" + POLICY, "does not say its length"),
        (HEAD + b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000, "more than 65536 bytes"),
        (HEAD + b"X-Long: " + b"x" * 70_000, "header of the answer is too long"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
    ],
)
async def test_answers_that_cannot_be_used(web: WebServer, answer: bytes, reason: str) -> None:
    web.answer = answer
    error = await failure(web)
    assert reason in str(error)
    assert error.result is ResultType.STS_POLICY_FETCH_ERROR


@pytest.mark.parametrize("name", ["mta-sts.elsewhere.example", "partner.example", "*.example"])
async def test_a_certificate_for_somebody_else(web: WebServer, name: str) -> None:
    web.certificate = web.authority.issue(name)
    error = await failure(web)
    assert error.result is ResultType.STS_WEBPKI_INVALID
    assert "mismatch" in str(error)
    assert web.questions == []


async def test_a_wildcard_certificate(web: WebServer) -> None:
    web.certificate = web.authority.issue("*.partner.example")
    async with web.running() as fetcher:
        assert await fetcher.fetch("partner.example") == POLICY


async def test_a_common_name_does_not_count(web: WebServer) -> None:
    """RFC 8461, 3.3: only DNS-IDs do."""
    web.certificate = web.authority.issue(HOST, with_alternatives=False)
    assert (await failure(web)).result is ResultType.STS_WEBPKI_INVALID


async def test_a_certificate_that_has_expired(web: WebServer) -> None:
    web.certificate = web.authority.issue(HOST, days=-1)
    error = await failure(web)
    assert error.result is ResultType.STS_WEBPKI_INVALID
    assert "expired" in str(error)


async def test_an_authority_that_nobody_knows(web: WebServer, tmp_path: Path) -> None:
    web.authority = CertificateAuthority(tmp_path)
    error = await failure(web)
    assert error.result is ResultType.STS_WEBPKI_INVALID


async def test_a_host_without_address(web: WebServer) -> None:
    with pytest.raises(FetchError, match="NXDomain"):
        await web.fetcher("127.0.0.1").fetch("other.example")
    with pytest.raises(FetchError, match="no address"):
        await web.fetcher().fetch("partner.example")


async def test_the_next_address_is_tried(web: WebServer) -> None:
    async with web.running():
        fetcher = web.fetcher("127.0.0.2", "127.0.0.1")
        assert await fetcher.fetch("partner.example") == POLICY
    with pytest.raises(FetchError, match=r"127\.0\.0\.2"):
        await web.fetcher("127.0.0.2").fetch("partner.example")


async def test_a_server_that_says_nothing(web: WebServer) -> None:
    async def wait(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    web.answer = wait
    async with web.running():
        fetcher = HttpsPolicyFetcher(
            FakeResolver({HOST: {"A": ["127.0.0.1"]}}),
            policy_context(web.authority.file),
            port=web.port,
            timeout_seconds=0.2,
        )
        with pytest.raises(FetchError, match=r"no answer within 0\.2 seconds"):
            await fetcher.fetch("partner.example")


async def test_a_server_that_never_begins_tls(web: WebServer) -> None:
    async with web.running(with_tls=False):
        fetcher = HttpsPolicyFetcher(
            FakeResolver({HOST: {"A": ["127.0.0.1"]}}),
            policy_context(web.authority.file),
            port=web.port,
            connect_timeout_seconds=0.2,
        )
        with pytest.raises(FetchError, match="did not answer"):
            await fetcher.fetch("partner.example")


async def test_from_record_to_policy(web: WebServer) -> None:
    zone = {"_mta-sts.partner.example": {"TXT": ["v=STSv1; id=1"]}, HOST: {"A": ["127.0.0.1"]}}
    clock = SystemClock()
    async with web.running() as fetcher:
        source = PolicySource(PolicyCache(clock), FakeResolver(zone), fetcher, clock)
        expected = StsPolicy(Mode.ENFORCE, 604_800, ("mx.partner.example",))
        assert await source.find("partner.example") == PolicyAnswer(expected)
        assert source.peek("partner.example") == PolicyAnswer(expected)
    assert len(web.questions) == 1
