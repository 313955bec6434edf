"""A server of SSH in the test's own loop, users with passwords and keys, and OpenSSH's clients."""

import asyncio
import functools
import os
import pty
import shlex
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mailwarden.control.dialogue.session import Session
from mailwarden.control.dialogue.terminal import Terminal
from mailwarden.control.remote.file_folder import Folder, FolderLimits
from mailwarden.control.remote.host_keys import load_host_keys
from mailwarden.control.remote.log_in import Doors
from mailwarden.control.remote.session_host import Access, AccessEvent, Origin, Product
from mailwarden.control.remote.sessions import Sessions
from mailwarden.control.remote.ssh_server import SshParts, SshServer
from mailwarden.core.access.access_list import AccessList, NetworkAccess
from mailwarden.core.access.ssh_settings import HOST_KEYS, SshSettings, fips_subset
from mailwarden.core.access.users import User
from mailwarden.services.accounts.answers import Admitted
from mailwarden.services.accounts.passwords import Passwords
from mailwarden.services.accounts.sign_in import SignInSettings
from tests.unit.control.dialogue.office import Office as Desk
from tests.unit.control.dialogue.samples import CATALOG
from tests.unit.services.accounts.office import Office

LOOPBACK = "127.0.0.1"
PATIENCE = 60.0  # seconds; what takes so long hangs
LIMITS = FolderLimits(file_bytes=100_000, folder_bytes=250_000, files=5)
ROLES = {
    "ann": "Operator",
    "bob": "Administrator",
    "hal": "Help Desk User",
    "gus": "Guest",
    "rob": "Read-Only Operator",
    "tec": "Technician",
}


class Done(NamedTuple):
    """What a client left behind."""

    status: int
    output: str
    errors: str


class OpenedDesk:
    """A session on the desk that all share."""

    def __init__(self, desk: Desk, terminal: Terminal) -> None:
        self.desk = desk
        self.session: Session[Any] = Session(CATALOG, desk, terminal)
        self.closed = 0

    def pending_changes(self) -> int:
        return self.desk.pending_changes()

    def close(self) -> None:
        self.closed += 1
        self.desk.tree = self.desk.running


class FakeHost:
    """A SessionHost: each session has a desk of its own, with one running configuration."""

    def __init__(self) -> None:
        self.text = ""
        self.running: dict[str, Any] = {}
        self.comments: list[str] = []
        self.events: list[AccessEvent] = []
        self.opened: list[OpenedDesk] = []
        self.admitted: list[Admitted] = []

    def banner(self) -> str:
        return self.text

    def product(self) -> Product:
        return Product("Mailwarden", "0.1.0", "MW-0001")

    def open_session(
        self, admitted: Admitted, origin: Origin, terminal: Terminal, number: int
    ) -> OpenedDesk:
        desk = Desk()
        opened = OpenedDesk(desk, terminal)
        self.admitted.append(admitted)
        self.opened.append(opened)
        return opened

    def record(self, event: AccessEvent) -> None:
        self.events.append(event)

    def accesses(self, access: Access) -> list[AccessEvent]:
        return [event for event in self.events if event.access is access]


class Bench:
    """The server, and what a client needs to reach it."""

    def __init__(self, folder: Path, users: dict[str, User]) -> None:
        self.folder = folder
        self.host = FakeHost()
        self.office = Office(folder / "accounts", SignInSettings(users=users))
        self.sessions = Sessions(self.office.clock)
        self.server: SshServer
        self.listening = socket.create_server((LOOPBACK, 0))
        self.port = int(self.listening.getsockname()[1])
        for name in ("configuration", "features", "log"):
            (folder / name).mkdir()
        self.folders = {
            "configuration": Folder(folder / "configuration", is_writable=True, limits=LIMITS),
            "configuration/features.d": Folder(folder / "features", is_writable=True),
            "log": Folder(folder / "log", is_writable=False),
        }

    def start(self, settings: SshSettings, access: AccessList, *, is_fips: bool = False) -> None:
        office = self.office
        passwords = Passwords(office.store, office.hasher, office.clock)
        doors = Doors(office.sign_in, passwords, lambda: office.settings.policy)
        algorithms = fips_subset(HOST_KEYS) if is_fips else HOST_KEYS
        parts = SshParts(
            doors=doors,
            host=self.host,
            sessions=self.sessions,
            clock=office.clock,
            host_keys=load_host_keys(host_key_folder(), algorithms),
            folders=self.folders,
            is_fips=is_fips,
        )
        self.server = SshServer(settings, access, parts)

    def options(self, *more: str) -> list[str]:
        """Options of a client that knows nobody and asks no agent."""
        given = {
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "NumberOfPasswordPrompts": "1",
            "LogLevel": "INFO",
        }
        options = [f"-o{name}={value}" for name, value in given.items()]
        return ["-F", "none", *more, *options]  # the first one counts

    async def ssh(
        self,
        *words: str,
        user: str = "ann",
        passwords: Sequence[str] | None = None,
        typed: bytes | None = b"",
        more: Sequence[str] = (),
    ) -> Done:
        """Run `ssh` with a command, or with none; `typed` is its standard input."""
        given = [f"{user} secret"] if passwords is None else passwords
        command = ["ssh", *self.options(*more), f"-p{self.port}", f"{user}@{LOOPBACK}", *words]
        return await self.run(command, given, typed)

    async def run(
        self, command: Sequence[str], passwords: Sequence[str], typed: bytes | None = b""
    ) -> Done:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment(passwords),
            start_new_session=True,  # no terminal to ask at
        )
        async with asyncio.timeout(PATIENCE):
            output, errors = await process.communicate(typed)
        assert process.returncode is not None
        return Done(process.returncode, output.decode(), errors.decode().replace("\r", ""))

    def environment(self, passwords: Sequence[str]) -> dict[str, str]:
        """An environment in which each question of a client gets the next answer."""
        answers = self.folder / "answers"
        answers.write_text("".join(f"{each}\n" for each in passwords))
        asked = self.folder / "asked"
        helper = self.folder / "askpass"
        helper.write_text(
            f"#!/bin/sh\nprintf '%s\\n' \"$1\" >>{shlex.quote(str(asked))}\n"
            f"head -n 1 {shlex.quote(str(answers))}\nsed -i 1d {shlex.quote(str(answers))}\n"
        )
        helper.chmod(0o700)
        own = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        return own | {
            "SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force", "TERM": "xterm",
        }  # fmt: skip

    def asked(self) -> list[str]:
        """What clients asked for, in lines."""
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []


@asynccontextmanager
async def serving(
    folder: Path,
    settings: SshSettings | None = None,
    access: NetworkAccess | None = None,
    *,
    keys: dict[str, tuple[str, ...]] | None = None,
    is_fips: bool = False,
) -> AsyncIterator[Bench]:
    """A server that runs; `keys` are those of users, in a line each."""
    users = {
        name: User(name=name, role=role, ssh_keys=(keys or {}).get(name, ()))
        for name, role in ROLES.items()
    }
    bench = Bench(folder, users)
    bench.start(settings or SshSettings(), AccessList(access or NetworkAccess()), is_fips=is_fips)
    running = asyncio.create_task(bench.server.run([bench.listening]))
    try:
        yield bench
    finally:
        running.cancel()
        await asyncio.wait([running])
        bench.office.close()
        bench.listening.close()


@functools.cache
def host_key_folder() -> Path:
    """The host keys of all tests: to make one of RSA takes a while."""
    return Path(tempfile.mkdtemp(prefix="mailwarden-host-keys-"))


def make_key(folder: Path, kind: str = "ed25519", bits: int | None = None) -> tuple[Path, str]:
    """Make a key with `ssh-keygen`; return its file and the public line."""
    path = folder / f"key_{kind}"
    size = ["-b", str(bits)] if bits else []
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "test", "-f", str(path)], check=True
    )
    return path, path.with_suffix(".pub").read_text().strip()


class Screen:
    """An `ssh` in a terminal of its own, at which the test types."""

    def __init__(self, process: asyncio.subprocess.Process, descriptor: int) -> None:
        self.process = process
        self.text = ""
        self._descriptor = descriptor
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    async def wait_for(self, text: str) -> str:
        """Wait until `text` is shown; return what was shown before, and forget both."""
        async with asyncio.timeout(PATIENCE):
            while text not in self.text:
                self._changed.clear()
                await self._changed.wait()
        before, _, self.text = self.text.partition(text)
        return before

    async def end(self) -> int:
        """Wait for the end of the client; return its status."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:  # the other side is closed
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self.text += data.decode("utf-8", "replace")
        self._changed.set()


@asynccontextmanager
async def screen(
    bench: Bench, *words: str, user: str = "ann", more: Sequence[str] = ()
) -> AsyncIterator[Screen]:
    """An `ssh` that has a terminal, logged in by password."""
    master, slave = pty.openpty()
    command = ["ssh", *bench.options(*more), f"-p{bench.port}", f"{user}@{LOOPBACK}", *words]
    setsid = shutil.which("setsid")
    assert setsid
    process = await asyncio.create_subprocess_exec(
        setsid, "--ctty", *command,
        stdin=slave, stdout=slave, stderr=slave,
        env=bench.environment([f"{user} secret"]),
    )  # fmt: skip
    os.close(slave)
    shown = Screen(process, master)
    try:
        yield shown
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        shown.close()
