"""A gateway without one: users, sessions on the sample commands, and a console that is open."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from mailwarden.control.dialogue.declaration import Catalog, Command, RefusedError
from mailwarden.control.dialogue.session import Session
from mailwarden.control.dialogue.terminal import Terminal
from mailwarden.control.remote.console_frames import (
    SOCKET_NAME,
    Frame,
    FrameDecoder,
    Hello,
    Kind,
    Mode,
    encode_frame,
    encode_hello,
)
from mailwarden.control.remote.console_server import ConsoleParts, ConsoleServer
from mailwarden.control.remote.session_host import AccessEvent, Origin, Product
from mailwarden.control.remote.sessions import LIMITS, SessionLimits, Sessions
from mailwarden.core.access.account import unlock, unlock_fault
from mailwarden.core.access.roles import Role
from mailwarden.core.access.users import User
from mailwarden.services.accounts.answers import Admitted
from mailwarden.services.accounts.passwords import Passwords
from mailwarden.services.accounts.sign_in import SignInSettings
from tests.unit.control.dialogue.office import Office, TreeDraft
from tests.unit.control.dialogue.samples import CATALOG
from tests.unit.services.accounts.office import Office as Accounts

WAIT_SECONDS = 20.0  # for what comes at once, on a machine that is busy
USERS = {"ann": User(name="ann", role="Administrator"), "guy": User(name="guy", role="Guest")}


class OpenedOffice:
    """A session, and the office that it works in."""

    def __init__(self, session: Session[TreeDraft], office: Office) -> None:
        self.session = session
        self.office = office
        self.is_closed = False

    def pending_changes(self) -> int:
        return self.office.pending_changes()

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True
        self.office.tree = self.office.running


class FakeGateway:
    """A SessionHost, and what else the console works with. Passwords are `<name> secret`."""

    def __init__(self, folder: Path, limits: SessionLimits = LIMITS) -> None:
        self.accounts = Accounts(folder / "accounts", SignInSettings(users=USERS))
        self.clock = self.accounts.clock
        self.sessions = Sessions(self.clock, limits)
        self.passwords = Passwords(self.accounts.store, self.accounts.hasher, self.clock)
        self.events: list[AccessEvent] = []
        self.opened: list[OpenedOffice] = []
        self.text = "Authorised use only."
        parts = ConsoleParts(self, self.accounts.sign_in, self, self.sessions)
        self.console = ConsoleServer(folder, parts)
        self.folder = folder
        self.clients: list[Client] = []

    async def __aenter__(self) -> Self:
        await self.console.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.console.close()
        for client in self.clients:
            await client.hang_up()
        self.accounts.close()

    def banner(self) -> str:
        return self.text

    def product(self) -> Product:
        return Product("Mailwarden", "1.2.3", "564DAABB-1")

    def record(self, event: AccessEvent) -> None:
        self.events.append(event)

    def open_session(
        self, admitted: Admitted, origin: Origin, terminal: Terminal, number: int
    ) -> OpenedOffice:
        office = Office("admin" if admitted.role is Role.ADMINISTRATOR else "guest")
        catalog = Catalog((*CATALOG.commands, *self._commands(admitted)))
        opened = OpenedOffice(Session(catalog, office, terminal), office)
        self.opened.append(opened)
        return opened

    async def change_own(self, user: str, old: str, new: str) -> int:
        policy = self.accounts.settings.policy
        return (await self.passwords.change_own(user, old, new, policy)).generation

    def sweep(self) -> None:
        self.sessions.sweep(self.accounts.sign_in.still_holds, 1800)

    def accesses(self) -> list[tuple[str, str]]:
        """Return what was recorded, without details."""
        return [(event.access.name, event.user) for event in self.events]

    def _commands(self, admitted: Admitted) -> tuple[Command[TreeDraft], ...]:
        def unlock_admin(_scope: Any) -> str:
            if fault := unlock_fault(self.accounts.account("admin"), admitted.channel):
                raise RefusedError(fault)
            self.accounts.store.change("admin", unlock)
            return "unlocked"

        def fail(_scope: Any) -> str:
            raise ZeroDivisionError

        return (
            Command(name="unlock", purpose="Unlock admin", permission="users", act=unlock_admin),
            Command(name="fail", purpose="Show an error of ours", permission="status", act=fail),
        )


class Client:
    """A client that is driven by a test, and what it was sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = FrameDecoder()
        self._seen = 0
        self.shown = ""
        self.errors = ""
        self.status: int | None = None
        self.wants = 0

    @classmethod
    async def connect(cls, gateway: FakeGateway, hello: Hello | bytes) -> Self:
        client = cls(*await asyncio.open_unix_connection(gateway.folder / SOCKET_NAME))
        gateway.clients.append(client)
        client.send_bytes(hello if isinstance(hello, bytes) else encode_hello(hello))
        return client

    @classmethod
    async def at_tty(cls, gateway: FakeGateway, name: str = "", password: str = "") -> Self:
        """Return a client at a tty, signed in if there is a name."""
        client = await cls.connect(gateway, LOGIN)
        await client.expect("login: ")
        if name:
            await client.log_in(name, password)
        return client

    @classmethod
    async def script(cls, gateway: FakeGateway, text: str, **hello: Any) -> Self:
        """Return a client that has piped in a script, and has seen all of its results."""
        client = await cls.connect(gateway, Hello(mode=Mode.TRUSTED, **hello))
        client.send(Kind.INPUT, text.encode())
        client.send(Kind.END)
        await client.expect_exit()
        return client

    async def log_in(self, name: str, password: str = "") -> None:
        self.type(f"{name}\r")
        await self.expect("Password: ")
        self.type(f"{password or f'{name} secret'}\r")

    def type(self, text: str) -> None:
        self.send(Kind.INPUT, text.encode())

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        self.send_bytes(encode_frame(kind, payload))

    def send_bytes(self, data: bytes) -> None:
        self._writer.write(data)

    async def hang_up(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def expect(self, text: str) -> None:
        """Wait until `text` is shown, behind what was waited for before."""
        async with asyncio.timeout(WAIT_SECONDS):
            while text not in self.shown[self._seen :]:
                assert self.status is None, f"{text!r} is not in {self.shown!r} {self.errors!r}"
                assert await self._read(), f"{text!r} is not in {self.shown!r}"
        self._seen = self.shown.index(text, self._seen) + len(text)

    async def expect_exit(self) -> int:
        """Wait for the exit status, and for the end of the connection."""
        async with asyncio.timeout(WAIT_SECONDS):
            while await self._read():
                pass
        assert self.status is not None, self.shown
        await self.hang_up()
        return self.status

    async def expect_end(self) -> None:
        """Wait for the end of the connection."""
        async with asyncio.timeout(WAIT_SECONDS):
            while await self._read():
                pass
        await self.hang_up()

    async def _read(self) -> bool:
        try:
            data = await self._reader.read(65536)
        except ConnectionError:
            data = b""
        for frame in self._decoder.feed(data):
            self._take(frame)
        return bool(data)

    def _take(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.OUTPUT:
                self.shown += frame.payload.decode()
            case Kind.ERRORS:
                self.errors += frame.payload.decode()
            case Kind.WANT:
                self.wants += 1
            case Kind.EXIT:
                self.status = frame.payload[0]
            case _:
                raise AssertionError(frame)


LOGIN = Hello(mode=Mode.LOGIN, device="/dev/ttyS0", is_terminal=True, columns=80, lines=24)
