"""Updates by real processes: from servers that work, hang, lie, and from a folder."""

import asyncio
import os
import socket
import sys
import threading
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from mailwarden.core.alerts import WARNING, RecordedAlerts
from mailwarden.services.engines.reputation.feed_provider import FeedReputation
from mailwarden.services.engines.reputation.settings import FeedSettings
from mailwarden.services.engines.reputation.updatable import CHECK, COMPONENT, make_confirm
from mailwarden.services.updates.component import Component, ComponentStatus, Means, Plan
from mailwarden.services.updates.job import Job, Result, encode_line
from mailwarden.services.updates.process import run_attempt
from mailwarden.services.updates.settings import UpdateProxy, UpdateServer, UpdateSettings
from mailwarden.services.updates.updates import Updates
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.crypto.tls import server_context
from mailwarden.system.dns.settings import DnsSettings
from tests.certificates import CertificateAuthority
from tests.dns_server import serving
from tests.end_to_end.update_source import UpdateServer as Shown
from tests.end_to_end.update_source import UpdateSource

FEED = "192.0.2.0/24 -5.0 rules of {}\n"
Settings = Callable[..., UpdateSettings]


def hang(folder: Path) -> None:
    """Stand for a check that never ends, and that listens to nobody."""
    while True:
        time.sleep(1000)


def write_elsewhere(folder: Path) -> None:
    """Stand for a check that breaks."""
    os._exit(7)


class World:
    """Updates with a clock of their own."""

    def __init__(self, folder: Path, settings: UpdateSettings, check: str = CHECK) -> None:
        self.clock = SimulatedClock(time.time())
        self.alerts = RecordedAlerts()
        self.lines: list[str] = []
        self.jobs: list[Job] = []
        self.folder = folder / "updates"
        current = self.folder / COMPONENT / "current"
        feed = FeedSettings(
            name="rules", path=str(current / "scores.txt"), key_file=settings.key_file
        )
        self.feed = FeedReputation(
            "rules", feed.path, feed.key_file, check_seconds=1,
            inform=self.lines.append, warn=self.lines.append,
        )  # fmt: skip
        component = Component(COMPONENT, "Reputation rules", check, make_confirm(lambda: [feed]))
        other = Component("other", "Something else", CHECK)
        self.updates = Updates(
            self.folder,
            [component, other],
            Plan(settings, DnsSettings(), ""),
            Means(self.clock, self.alerts, self.lines.append, self._run),
        )

    async def _run(self, job: Job, tell: Callable[[str], None]) -> Result:
        self.jobs.append(job)
        return await run_attempt(job, tell, grace_seconds=0.5)

    def apply(self, settings: UpdateSettings, address: str = "") -> None:
        self.updates.apply(Plan(settings, DnsSettings(), address))

    def status(self, name: str = COMPONENT) -> ComponentStatus:
        return next(each for each in self.updates.status() if each.name == name)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.02)

    async def attempt(self, minutes: float = 15) -> ComponentStatus:
        """Let the next attempt come, and end."""
        before = len(self._ended())
        self.clock.advance(minutes * 60)
        self.updates.look_at_clock()
        await self.until(lambda: len(self._ended()) > before and not self.status().step)
        return self.status()

    def _ended(self) -> list[str]:
        jobs = [job for job in self.jobs if job.component == COMPONENT]
        return [job.staging for job in jobs if not Path(job.staging).exists()]

    async def score(self) -> str:
        await self.feed.refresh()
        await self.feed.refresh()
        return (await self.feed.score("192.0.2.9")).why


@pytest.fixture
def source(tmp_path: Path) -> UpdateSource:
    made = UpdateSource(tmp_path / "source")
    made.offer("1.0", FEED.format("1.0"))
    return made


@pytest.fixture
def server(source: UpdateSource) -> Iterator[Shown]:
    with Shown(source.folder) as shown:
        yield shown


@pytest.fixture
def settings(source: UpdateSource) -> Settings:
    def make(url: str, **more: object) -> UpdateSettings:
        given = {"silence_timeout_seconds": 1, "file_timeout_seconds": 20, **more}
        server = UpdateServer(url=url) if url else UpdateServer()
        return UpdateSettings(manifest_server=server, key_file=str(source.public), **given)

    return make


@asynccontextmanager
async def running(
    folder: Path, settings: UpdateSettings, check: str = CHECK
) -> AsyncIterator[World]:
    world = World(folder, settings, check)
    await world.updates.load()
    task = asyncio.create_task(world.updates.run())
    try:
        yield world
    finally:
        task.cancel()
        await asyncio.wait([task])
        world.feed.close()


@contextmanager
def silent_server() -> Iterator[int]:
    """Take connections on a port, and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def url_of(port: int, path: str = "/") -> str:
    return f"http://127.0.0.1:{port}{path}"


async def test_upd_02_rules_are_fetched_and_used(
    tmp_path: Path, source: UpdateSource, server: Shown, settings: Settings
) -> None:
    async with running(tmp_path, settings(url_of(server.port))) as world:
        status = await world.attempt(0)
        assert (status.version, status.last_error) == ("1.0", "")
        assert await world.score() == "rules lists 192.0.2.0/24 (rules of 1.0)"
        source.offer("1.1", FEED.format("1.1"))
        assert (await world.attempt()).version == "1.1"
        assert await world.score() == "rules lists 192.0.2.0/24 (rules of 1.1)"
        assert await world.updates.roll_back(COMPONENT, "ann") == "1.0"
        assert await world.score() == "rules lists 192.0.2.0/24 (rules of 1.0)"
        assert (await world.attempt()).version == "1.0"  # what was left is not taken again
        world.updates.update([COMPONENT], is_forced=True)
        assert (await world.attempt(0)).version == "1.1"  # but when it is forced
        readable = [p for p in world.folder.rglob("*") if p.name.startswith("scores")]
        assert {path.stat().st_mode & 0o777 for path in readable} == {0o644}


async def test_upd_06_a_local_folder(
    tmp_path: Path, source: UpdateSource, settings: Settings
) -> None:
    async with running(tmp_path, settings(f"file://{source.folder}")) as world:
        assert (await world.attempt(0)).version == "1.0"
        (source.folder / "updates.xml").unlink()
        os.mkfifo(source.folder / "updates.xml")
        assert "is not a file" in (await world.attempt()).last_error


async def test_s_02_after_a_server_that_hangs_the_next_attempt_succeeds(
    tmp_path: Path, source: UpdateSource, settings: Settings
) -> None:
    with ExitStack() as hanging:
        port = hanging.enter_context(silent_server())
        async with running(tmp_path, settings(url_of(port))) as world:
            status = await world.attempt(0)
            assert "updates.xml.sig: no answer for 1 seconds" in status.last_error
            assert (status.failures, status.version) == (1, "")
            hanging.close()
            with Shown(source.folder, port=port):
                status = await world.attempt(1)
            assert (status.failures, status.version) == (0, "1.0")
            assert world.alerts.told == []


async def test_s_03_force_starts_at_once_while_another_hangs(
    tmp_path: Path, settings: Settings
) -> None:
    with silent_server() as port:
        patient = settings(url_of(port), silence_timeout_seconds=600)
        async with running(tmp_path, patient) as world:
            await world.until(lambda: world.status().step == "fetching updates.xml.sig")
            first = world.jobs[-1]
            world.updates.update(is_forced=True)
            await world.until(
                lambda: (
                    world.jobs[-1] is not first
                    and world.status().step == "fetching updates.xml.sig"
                )
            )
            assert world.jobs[-1].is_forced
            assert not Path(first.staging).exists()
            assert world.status().failures == 0


async def test_s_04_a_bad_hash_is_refused_and_alerts_after_the_third(
    tmp_path: Path, source: UpdateSource, server: Shown, settings: Settings
) -> None:
    async with running(tmp_path, settings(url_of(server.port))) as world:
        await world.attempt(0)
        feed = source.offer("1.1", FEED.format("1.1"))
        feed.write_text(FEED.format("1.X"))
        for failures in (1, 2, 3):
            status = await world.attempt()
            assert "has another hash than the list of updates says" in status.last_error
            assert (status.version, status.failures) == ("1.0", failures)
            assert len(world.alerts.told) == (1 if failures == 3 else 0)
        assert world.alerts.told[0].severity == WARNING
        assert await world.score() == "rules lists 192.0.2.0/24 (rules of 1.0)"


LIES = [
    (lambda source: (source.folder / "updates.xml.sig").write_bytes(b"x" * 64), "does not fit"),
    (lambda source: (source.folder / "updates.xml.sig").write_bytes(b"x" * 9000), "larger than"),
    (lambda source: (source.folder / "updates.xml").write_bytes(b"<updates/>"), "does not fit"),
    (lambda source: (source.folder / "updates.xml").unlink(), "the server answers 404"),
    (lambda source: source.offer("1.1", "no feed"), "is of no use: scores.txt: line 1:"),
    (lambda source: (source.folder / "reputation/1.0/scores.txt").write_bytes(b"x"), "bytes in"),
    (lambda source: (source.folder / "reputation/1.0/scores.txt").write_bytes(b"x" * 99), "larger"),
]


@pytest.mark.parametrize(("lie", "message"), LIES)
async def test_what_is_not_as_it_was_signed_is_not_taken(
    tmp_path: Path,
    source: UpdateSource,
    settings: Settings,
    lie: Callable[[UpdateSource], object],
    message: str,
) -> None:
    lie(source)
    with Shown(source.folder) as server:
        async with running(tmp_path, settings(url_of(server.port))) as world:
            status = await world.attempt(0)
    assert message in status.last_error
    assert status.version == ""
    assert list((tmp_path / "updates" / COMPONENT).glob("staging*")) == []


async def test_a_list_that_was_played_again_is_refused(
    tmp_path: Path, source: UpdateSource, server: Shown, settings: Settings
) -> None:
    old = [(source.folder / name).read_bytes() for name in ("updates.xml", "updates.xml.sig")]
    async with running(tmp_path, settings(url_of(server.port))) as world:
        source.offer("1.1", FEED.format("1.1"))
        await world.attempt(0)
        for name, content in zip(("updates.xml", "updates.xml.sig"), old, strict=True):
            (source.folder / name).write_bytes(content)
        status = await world.attempt()
        assert "the list of updates is an old one" in status.last_error
        assert status.version == "1.1"


async def test_a_feed_that_another_key_signed_is_taken_back(
    tmp_path: Path, source: UpdateSource, server: Shown, settings: Settings
) -> None:
    async with running(tmp_path, settings(url_of(server.port))) as world:
        await world.attempt(0)
        feed = source.offer("1.1", FEED.format("1.1"))
        Path(f"{feed}.sig").write_bytes(b"x" * 64)
        source.sign("reputation/1.1")
        status = await world.attempt()
        assert "version 1.1 does not work: feed rules: the signature" in status.last_error
        assert status.version == "1.0"
        assert await world.score() == "rules lists 192.0.2.0/24 (rules of 1.0)"


async def test_upd_04_an_attempt_that_hears_nothing_is_killed(
    tmp_path: Path, source: UpdateSource, settings: Settings
) -> None:
    check = f"{__name__}:hang"
    url = f"file://{source.folder}"
    async with running(tmp_path, settings(url, file_timeout_seconds=1), check) as world:
        status = await world.attempt(0)
        assert status.last_error.startswith("killed: nothing happened for 1.5 s while checking")
        assert (await world.attempt()).failures == 2


async def test_an_attempt_that_breaks_is_a_failure(
    tmp_path: Path, source: UpdateSource, settings: Settings
) -> None:
    check = f"{__name__}:write_elsewhere"
    async with running(tmp_path, settings(f"file://{source.folder}"), check) as world:
        status = await world.attempt(0)
        assert status.last_error == "the attempt broke off while checking version 1.0"


async def test_an_attempt_does_not_survive_the_gateway(
    tmp_path: Path, source: UpdateSource, settings: Settings
) -> None:
    with silent_server() as port:
        patient = settings(url_of(port), silence_timeout_seconds=600, file_timeout_seconds=600)
        job = Job(
            component=COMPONENT, check=CHECK, staging=str(tmp_path), current="", refused="",
            serial_min=0, is_forced=False, settings=patient, dns=DnsSettings(), address="",
        )  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mailwarden.services.updates.attempt", stdin=PIPE, stdout=PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encode_line(job))
        assert b"fetching updates.xml.sig" in await process.stdout.readline()
        process.stdin.close()  # as the kernel does when we are killed
        async with asyncio.timeout(30):
            assert await process.wait() == 1


async def test_upd_04_a_server_that_trickles_is_cut_off(tmp_path: Path, settings: Settings) -> None:
    def trickle(listener: socket.socket) -> None:
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            try:
                while True:
                    client.sendall(b"H")
                    time.sleep(0.05)
            except OSError:
                client.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,), daemon=True)
        thread.start()
        url = url_of(listener.getsockname()[1])
        async with running(tmp_path, settings(url, file_timeout_seconds=1)) as world:
            status = await world.attempt(0)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert status.last_error == "updates.xml.sig took longer than 1 seconds"


async def test_upd_03_user_and_password(
    tmp_path: Path, server: Shown, settings: Settings, source: UpdateSource
) -> None:
    server.login = "gate:s3cret"
    plain = settings(url_of(server.port))
    async with running(tmp_path, plain) as world:
        assert "the server answers 401" in (await world.attempt(0)).last_error
        login = UpdateServer(url=url_of(server.port), user="gate", password="s3cret")
        world.apply(UpdateSettings(manifest_server=login, key_file=str(source.public)))
        assert (await world.attempt()).version == "1.0"


async def test_upd_03_images_from_another_server_by_an_http_proxy(
    tmp_path: Path, server: Shown, settings: Settings, source: UpdateSource
) -> None:
    proxied = settings(
        "http://updates.invalid/a/",
        image_server=UpdateServer(url="http://images.invalid:81/"),
        http_proxy=UpdateProxy(host=f"127.0.0.1:{server.port}"),
    )
    (source.folder / "a").symlink_to(source.folder)
    async with running(tmp_path, proxied) as world:
        assert (await world.attempt(0)).version == "1.0"
    assert "http://updates.invalid:80/a/updates.xml" in server.asked
    assert "http://images.invalid:81/reputation/1.0/scores.txt" in server.asked


@contextmanager
def tunnel(target: int, asked: list[bytes]) -> Iterator[int]:
    """Run a proxy that lets CONNECT through to a port, whatever it asks for."""

    def pipe(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        finally:
            for each in (one, other):
                each.close()

    def serve() -> None:
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += client.recv(1)
            asked.append(request)
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            server = socket.create_connection(("127.0.0.1", target))
            for pair in ((client, server), (server, client)):
                threading.Thread(target=pipe, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


async def test_upd_03_https_by_a_proxy(
    tmp_path: Path, source: UpdateSource, settings: Settings
) -> None:
    authority = CertificateAuthority(tmp_path)
    context = server_context(authority.issue("updates.invalid"), verify_client=False)
    asked: list[bytes] = []
    with Shown(source.folder, context) as server, tunnel(server.port, asked) as proxy:
        secure = partial(
            settings,
            "https://updates.invalid/",
            https_proxy=UpdateProxy(host=f"127.0.0.1:{proxy}", user="gate", password="x"),
        )
        async with running(tmp_path, secure(ca_file=authority.file)) as world:
            assert (await world.attempt(0)).version == "1.0"
            world.apply(secure())  # an authority that the system does not know
            assert "unable to get local issuer" in (await world.attempt()).last_error
    assert asked[0].startswith(b"CONNECT updates.invalid:443 HTTP/1.1\r\n")
    assert b"\r\nProxy-Authorization: Basic Z2F0ZTp4\r\n" in asked[0]


async def test_names_are_looked_up_as_the_configuration_says(
    tmp_path: Path, server: Shown, settings: Settings
) -> None:
    with serving({"updates.test": {"A": ["127.0.0.1"]}}) as names:
        dns = DnsSettings(servers=(f"127.0.0.1:{names.port}",))
        async with running(tmp_path, settings("")) as world:
            known = settings(url_of(server.port).replace("127.0.0.1", "updates.test"))
            world.updates.apply(Plan(known, dns, "", dns_address="127.0.0.78"))
            assert (await world.attempt(0)).version == "1.0"
            unknown = settings("http://no.test/")
            world.updates.apply(Plan(unknown, dns, ""))
            assert "no.test" in (await world.attempt()).last_error


async def test_a_server_that_sends_elsewhere_is_not_followed(
    tmp_path: Path, server: Shown, settings: Settings
) -> None:
    server.redirect = "file:///etc/passwd"
    async with running(tmp_path, settings(url_of(server.port))) as world:
        assert "the server answers 302" in (await world.attempt(0)).last_error


async def test_upd_03_connections_leave_from_the_interface(
    tmp_path: Path, server: Shown, settings: Settings
) -> None:
    async with running(tmp_path, settings("")) as world:
        world.apply(settings(url_of(server.port)), address="127.0.0.77")
        assert (await world.attempt(0)).version == "1.0"
    assert set(server.clients) == {"127.0.0.77"}
