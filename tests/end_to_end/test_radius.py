"""Asking RADIUS servers over real sockets: order, time-outs, forged answers."""

import socket
from collections.abc import AsyncIterator, Iterable, Sequence

import pytest

from mailwarden.core.access.radius import Attribute, Code, Packet, build_response
from mailwarden.services.accounts.external import ExternalAnswer, Verdict
from mailwarden.services.accounts.radius import RadiusAuthentication, resolve_by_system
from mailwarden.services.accounts.settings import RadiusMethod, RadiusServer
from tests.radius_server import RadiusServerOfTests

LONG = 60.0  # nothing waits for it where an answer comes
SHORT = 0.3  # where none comes


@pytest.fixture
async def server() -> AsyncIterator[RadiusServerOfTests]:
    server = RadiusServerOfTests(
        passwords={b"ann": b"right", "änne".encode(): "pässword".encode()},
        classes={b"ann": [b"admins", b"\xff"]},
    )
    yield server
    server.close()


def settings(
    port: int,
    timeout: float = LONG,
    method: RadiusMethod = RadiusMethod.PAP,
    *,
    host: str = "127.0.0.1",
    secret: str = "s3cr3t",
) -> RadiusServer:
    return RadiusServer(host=host, port=port, secret=secret, timeout_seconds=timeout, method=method)


async def ask(*servers: RadiusServer, user: str = "ann", password: str = "right") -> ExternalAnswer:
    radius = RadiusAuthentication(servers, "gw1.corp.example", resolve_by_system)
    return await radius.ask(user, password, "192.0.2.1")


def closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("method", RadiusMethod)
async def test_accepted_and_rejected(server: RadiusServerOfTests, method: RadiusMethod) -> None:
    only = settings(await server.start(), method=method)
    assert await ask(only) == ExternalAnswer(
        Verdict.ACCEPTED, ("admins", "\\xff"), "127.0.0.1: accepted"
    )
    assert (await ask(only, password="wrong")).verdict is Verdict.REJECTED
    assert (await ask(only, user="nobody")).verdict is Verdict.REJECTED
    assert (await ask(only, password="")).verdict is Verdict.REJECTED
    composed = await ask(only, user="a\u0308nne", password="pa\u0308ssword")
    assert composed.verdict is Verdict.ACCEPTED
    first, second = server.asked[:2]
    assert first.values(Attribute.CALLING_STATION_ID) == [b"192.0.2.1"]
    assert first.values(Attribute.NAS_IDENTIFIER) == [b"gw1.corp.example"]
    assert first.authenticator != second.authenticator


async def test_what_no_server_could_accept_is_not_sent(server: RadiusServerOfTests) -> None:
    only = settings(await server.start())
    for user, password in [("ann", "x" * 129), ("ann", "a\0"), ("", "x"), ("x" * 300, "x")]:
        answer = await ask(only, user=user, password=password)
        assert answer.verdict is Verdict.REJECTED
        assert "RADIUS takes" in answer.detail
    assert server.asked == []


async def test_a_lost_question_is_asked_again(server: RadiusServerOfTests) -> None:
    server.drops = 2
    only = settings(await server.start(), timeout=1.5)
    assert (await ask(only)).verdict is Verdict.ACCEPTED
    assert len(server.asked) == 3
    assert len(set(server.asked)) == 1  # the same question, not a new one (RFC 5080, 2.2.1)


async def test_ext_03_the_next_server_is_asked_when_one_is_unreachable(
    server: RadiusServerOfTests,
) -> None:
    silent = RadiusServerOfTests(drops=1000)
    silent_port, port = await silent.start(), await server.start()
    answer = await ask(settings(closed_port()), settings(silent_port, SHORT), settings(port))
    assert answer.verdict is Verdict.ACCEPTED
    parts = answer.detail.split("; ")
    assert "refused" in parts[0].lower()
    assert parts[1:] == ["127.0.0.1: no answer in 0.3 s", "127.0.0.1: accepted"]
    assert len(silent.asked) == 3
    silent.close()


async def test_ext_04_a_reject_is_final(server: RadiusServerOfTests) -> None:
    refusing = RadiusServerOfTests()
    first, second = settings(await refusing.start()), settings(await server.start())
    assert (await ask(first, second)).verdict is Verdict.REJECTED
    assert server.asked == []
    refusing.close()


async def test_ext_04_all_unreachable() -> None:
    answer = await ask(settings(closed_port()), settings(closed_port()))
    assert answer.verdict is Verdict.UNREACHABLE
    assert answer.detail.count("127.0.0.1: ") == 2


async def test_another_secret_is_told_from_silence(server: RadiusServerOfTests) -> None:
    server.secret = b"other"
    server.answer = lambda _, packet: [build_response(Code.ACCESS_ACCEPT, packet, [], b"other")]
    answer = await ask(settings(await server.start(), SHORT))
    assert answer.verdict is Verdict.UNREACHABLE
    assert "made with another secret" in answer.detail


async def test_forged_answers_before_the_right_one(server: RadiusServerOfTests) -> None:
    def forge(data: bytes, packet: Packet) -> Sequence[bytes]:
        rejected = build_response(Code.ACCESS_REJECT, packet, [], server.secret)
        forged = bytes([Code.ACCESS_ACCEPT]) + rejected[1:]
        unsigned = forged[:2] + b"\x00\x14" + forged[4:20]
        return [b"", b"\xff" * 5000, forged, unsigned, data, rejected]

    server.answer = forge
    answer = await ask(settings(await server.start()))
    assert answer == ExternalAnswer(Verdict.REJECTED, detail="127.0.0.1: rejected")


async def test_a_flood_of_forgeries_is_not_looked_at_for_ever(server: RadiusServerOfTests) -> None:
    server.answer = lambda *_: [b"\x02" + bytes(30)] * 400
    answer = await ask(settings(await server.start(), SHORT))
    assert answer.verdict is Verdict.UNREACHABLE


async def test_a_challenge_is_a_rejection(server: RadiusServerOfTests) -> None:
    def challenge(_: bytes, packet: Packet) -> Iterable[bytes]:
        return [build_response(Code.ACCESS_CHALLENGE, packet, [(24, b"state")], server.secret)]

    server.answer = challenge
    answer = await ask(settings(await server.start()))
    assert answer.verdict is Verdict.REJECTED
    assert "challenge" in answer.detail


async def test_names_of_servers_are_looked_up(server: RadiusServerOfTests) -> None:
    port = await server.start()

    async def resolve(name: str) -> Sequence[str]:
        if name == "gone.example":
            raise OSError("no such name")
        return [] if name == "empty.example" else ["127.0.0.2", "127.0.0.1"]

    names = ["gone.example", "empty.example", "radius.example"]
    servers = [settings(port, 0.6, host=name) for name in names]
    radius = RadiusAuthentication(servers, "gw1", resolve)
    answer = await radius.ask("ann", "right", "")
    assert answer.verdict is Verdict.ACCEPTED
    assert answer.detail.startswith(
        "gone.example: its name is not found: no such name; "
        "empty.example: its name has no address; radius.example: "
    )
    assert server.asked[0].values(Attribute.CALLING_STATION_ID) == []


async def test_the_system_finds_names() -> None:
    assert "127.0.0.1" in await resolve_by_system("localhost") or "::1" in await resolve_by_system(
        "localhost"
    )
