"""Strangers who knock without end, hold doors open, send garbage, ask for what is not there."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from mailwarden.control.remote.connection_gate import CONNECTION_RATE
from mailwarden.control.remote.session_host import Access
from mailwarden.core.access.access_list import AccessList, NetworkAccess
from mailwarden.core.access.ssh_settings import SshSettings
from tests.end_to_end.ssh.bench import LOOPBACK, PATIENCE, Bench, make_key, serving

ATTACKER = "127.0.0.9"


def knock(bench: Bench, source: str = LOOPBACK) -> socket.socket:
    return socket.create_connection((LOOPBACK, bench.port), PATIENCE, (source, 0))


async def rest(client: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    client.setblocking(False)
    loop, received = asyncio.get_running_loop(), b""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                data = await loop.sock_recv(client, 65536)
            except ConnectionError:
                data = b""
            if not data:
                client.close()
                return received
            received += data


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-1.5-old\r\n",
        b"SSH-2.0-\xff\xfe\r\n",
        b"SSH-2.0-" + b"x" * 1000 + b"\r\n",
        b"x" * 100_000,
        b"\r\n" * 100_000,
        b"\x00" * 10_000,
        b"SSH-2.0-x\r\n" + b"\xff" * 10_000,
        b"SSH-2.0-x\r\n" + b"\x00\x00\x00\x0c\x0a\x14" + b"\x00" * 100,
        b"SSH-2.0-x\r\n" + b"\x00\x00\x00\x0c\x0a\x32" + b"\x00" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_garbage_ends_the_connection(tmp_path: Path, garbage: bytes) -> None:
    async with serving(tmp_path, SshSettings(login_seconds=1)) as bench:
        client = knock(bench)
        with suppress(ConnectionError):
            client.sendall(garbage)
        answer = await rest(client)
        assert answer == b"" or answer.startswith(b"SSH-2.0-Mailwarden\r\n")
        bench.server.use(SshSettings(), AccessList(NetworkAccess()))
        assert (await bench.ssh("status")).status == 0


async def test_10_000_failed_log_ins_harm_nobody_else(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        asked = 0
        for _ in range(10_000 // 100):
            knocking = [knock(bench, ATTACKER) for _ in range(100)]
            answers = await asyncio.gather(*map(hang_up, knocking))
            asked += sum(answer.startswith(b"SSH-2.0-") for answer in answers)
        assert asked <= CONNECTION_RATE.burst + 1
        assert len(bench.host.events) <= CONNECTION_RATE.burst + 2  # the log is not flooded either
        assert (await bench.ssh("status")).status == 0


async def hang_up(client: socket.socket) -> bytes:
    with suppress(OSError):
        client.sendall(b"SSH-2.0-x\r\n")
        client.shutdown(socket.SHUT_WR)
    return await rest(client)


async def test_wrong_passwords_without_end_are_slowed_down(tmp_path: Path) -> None:
    async with serving(tmp_path, SshSettings(login_attempts=100)) as bench:
        for _ in range(CONNECTION_RATE.burst):
            with pytest.raises(asyncssh.Error):
                await asyncssh.connect(
                    LOOPBACK, bench.port, username="ann", known_hosts=None, client_keys=None,
                    config=None, agent_path=None, local_addr=(ATTACKER, 0),
                    client_factory=Guesser,
                )  # fmt: skip
        details = [event.detail for event in bench.host.accesses(Access.REFUSED)]
        assert details.count("wrong password") <= 20
        assert "too many failed logins" in details
        assert (await bench.ssh("status")).status == 0


class Guesser(asyncssh.SSHClient):
    """Tries twenty passwords in each connection."""

    def __init__(self) -> None:
        self.left = 20

    def password_auth_requested(self) -> str | None:
        self.left -= 1
        return f"guess {self.left}" if self.left >= 0 else None

    def kbdint_auth_requested(self) -> str | None:
        return None


async def test_half_open_connections_keep_nobody_out(tmp_path: Path) -> None:
    settings = SshSettings(unauthenticated_max=8, unauthenticated_per_address=5)
    async with serving(tmp_path, settings) as bench:
        held = [knock(bench, f"127.0.1.{number}") for number in range(1, 5) for _ in range(5)]
        assert (await bench.ssh("status")).status == 0
        for client in held:
            client.close()


async def test_one_address_holds_only_so_many(tmp_path: Path) -> None:
    async with serving(tmp_path, SshSettings(unauthenticated_per_address=3)) as bench:
        held = [knock(bench, ATTACKER) for _ in range(3)]
        for client in held:
            client.settimeout(PATIENCE)
            assert await asyncio.to_thread(client.recv, 8) == b"SSH-2.0-"
        assert await rest(knock(bench, ATTACKER)) == b""
        assert (await bench.ssh("status")).status == 0
        for client in held:
            client.close()


async def test_who_does_not_log_in_has_to_go(tmp_path: Path) -> None:
    async with serving(tmp_path, SshSettings(login_seconds=0.2)) as bench:
        assert (await rest(knock(bench))).startswith(b"SSH-2.0-")
        while bench.server._arrivals:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "more",
    [
        ["-N", "-L", "0.0.0.0:0:127.0.0.1:25", "-oExitOnForwardFailure=yes"],
        ["-N", "-R", "0:127.0.0.1:25", "-oExitOnForwardFailure=yes"],
        ["-N", "-R", "/tmp/mailwarden-forward:127.0.0.1:25", "-oExitOnForwardFailure=yes"],
        ["-W", "127.0.0.1:25"],
        ["-N", "-w", "0:0", "-oExitOnForwardFailure=yes"],
    ],
)
async def test_nothing_is_forwarded(tmp_path: Path, more: list[str]) -> None:
    async with serving(tmp_path) as bench:
        if "-L" in more:
            connection = await connect(bench)
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection(LOOPBACK, bench.port)
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_unix_connection("/run/docker.sock")
            connection.close()
            return
        assert (await bench.ssh(more=more)).status == 255


async def test_no_agent_no_x11_no_environment_no_other_subsystem(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        connection = await connect(bench, agent_forwarding="/nowhere/agent")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(x11_forwarding=True, x11_display=":0")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(subsystem="netconf")
        process = await connection.create_process("tail", env={"LD_PRELOAD": "x" * 30_000})
        while not bench.host.opened:
            await asyncio.sleep(0.01)
        (arrival,) = bench.server._arrivals
        assert arrival.connection is not None
        channels = list(arrival.connection._channels.values())
        assert [each.get_command() for each in channels].count("tail") == 1
        assert [dict(each.get_environment()) for each in channels if each.get_environment()] == []
        assert arrival.connection.get_agent_path() is None
        process.close()
        connection.close()


async def test_a_connection_has_only_so_many_sessions(tmp_path: Path) -> None:
    async with serving(tmp_path, SshSettings(sessions_per_connection=2)) as bench:
        connection = await connect(bench)
        running = [await connection.create_process("tail") for _ in range(2)]
        with pytest.raises(asyncssh.ChannelOpenError, match="too many sessions"):
            await connection.run("status")
        running[0].close()
        await running[0].wait_closed()
        while len(bench.sessions.rows()) > 1:
            await asyncio.sleep(0.01)
        assert (await connection.run("status")).stdout == "Status: Online\n"
        connection.close()


async def test_rights_that_are_gone_open_no_session(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        connection = await connect(bench)
        assert (await connection.run("status")).exit_status == 0
        bench.office.change("ann", generation=5)
        with pytest.raises((asyncssh.ChannelOpenError, asyncssh.ConnectionLost)):
            await connection.run("status")
        await connection.wait_closed()


async def test_there_are_only_so_many_connections(tmp_path: Path) -> None:
    async with serving(tmp_path, SshSettings(connections_max=1)) as bench:
        connection = await connect(bench)
        full = await bench.ssh("status")
        assert "There are too many connections" in full.errors
        connection.close()
        await connection.wait_closed()
        assert (await bench.ssh("status")).status == 0


@pytest.mark.parametrize("way", ["prompt", "sftp"])
async def test_who_does_not_read_cannot_fill_the_memory(tmp_path: Path, way: str) -> None:
    """A client gives a window without end, asks for much, and takes nothing."""
    async with serving(tmp_path) as bench:
        (tmp_path / "log" / "mail.log").write_bytes(b"x" * 65536)
        connection = await connect(bench)
        subsystem = "sftp" if way == "sftp" else None
        stdin, _, _ = await connection.open_session(
            window=2**31 - 1, encoding=None, subsystem=subsystem
        )
        (arrival,) = bench.server._arrivals
        assert arrival.connection is not None
        transport = arrival.connection._socket
        (channel,) = arrival.connection._channels.values()
        assert transport is not None
        connection._transport.pause_reading()
        stdin.write(OPEN_LOG if way == "sftp" else b"")
        for _ in range(200):
            stdin.write((READ_LOG if way == "sftp" else b"many\n") * 50)
            await asyncio.sleep(0.005)
            assert transport.get_write_buffer_size() + channel._send_buf_len < 2**20
        assert not arrival.connection.writable.is_set()
        assert not transport.is_reading()
        connection.abort()


def sftp_packet(kind: int, *fields: bytes) -> bytes:
    body = bytes([kind]) + b"".join(fields)
    return len(body).to_bytes(4, "big") + body


NUMBER = bytes(4)  # of a request, and of the first handle
NAME = b"/log/mail.log"
OPEN_LOG = sftp_packet(1, b"\0\0\0\3") + sftp_packet(
    3, NUMBER, len(NAME).to_bytes(4, "big"), NAME, b"\0\0\0\1", bytes(4)
)
READ_LOG = sftp_packet(5, NUMBER, b"\0\0\0\4", NUMBER, bytes(8), b"\0\1\0\0")


async def test_many_keys_are_not_tried_without_end(tmp_path: Path) -> None:
    keys = []
    for number in range(40):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        keys.append(str(make_key(folder)[0]))
    async with serving(tmp_path) as bench:
        with pytest.raises(asyncssh.Error, match="Too many authentication failures"):
            await asyncssh.connect(
                LOOPBACK, bench.port, username="ann", known_hosts=None, client_keys=keys,
                config=None, agent_path=None,
            )  # fmt: skip


async def connect(bench: Bench, user: str = "ann", **more: Any) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        LOOPBACK, bench.port, username=user, password=f"{user} secret", known_hosts=None,
        client_keys=None, config=None, **{"agent_path": None, **more},
    )  # fmt: skip
