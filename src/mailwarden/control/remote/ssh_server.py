"""Serves administrators over SSH on sockets that are bound already (admin 1.1, CLI-01)."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import asyncssh

from mailwarden.control.remote.connection_gate import ConnectionGate, Denial, Pass
from mailwarden.control.remote.file_area import folders_for
from mailwarden.control.remote.file_folder import Folder
from mailwarden.control.remote.log_in import Doors, LogIn
from mailwarden.control.remote.session_host import Access, AccessEvent, Origin, SessionHost
from mailwarden.control.remote.sessions import Sessions
from mailwarden.control.remote.ssh_connection import Connection, Visitor
from mailwarden.control.remote.ssh_session import AdminSession, Company
from mailwarden.core.access.access_list import AccessList, Decision
from mailwarden.core.access.access_list import Origin as ListedOrigin
from mailwarden.core.access.account import Channel
from mailwarden.core.access.attempts import source_network
from mailwarden.core.access.roles import rights_of
from mailwarden.core.access.ssh_settings import SIGNATURES, SshSettings, fips_subset
from mailwarden.services.accounts.answers import Admitted
from mailwarden.system.clock.clock import Clock

Address = tuple[Any, ...]  # as the system gives it

KEEPALIVES_MAX: Final = 3
UNUSED_SECONDS: Final = 300.0  # that a connection may be logged in without a session
LOG_SECONDS: Final = 60.0  # between two lines about connections of one source that are not taken
_LOGGED_SOURCES_MAX: Final = 1000
_ACCEPT_PAUSE_SECONDS: Final = 0.5  # after the system has refused, which it does again at once
_CLOSE_SECONDS: Final = 2.0
_FULL: Final = "There are too many sessions in this connection."
_GONE: Final = "Your password, your role or your account has changed. Log in again."
_ENDS: Final = "The gateway's management is stopped."


@dataclass(frozen=True, slots=True, kw_only=True)
class SshParts:
    """What the server works with."""

    doors: Doors
    host: SessionHost
    sessions: Sessions
    clock: Clock
    host_keys: Sequence[asyncssh.SSHKeyPair]
    folders: Mapping[str, Folder] = field(default_factory=dict)
    is_fips: bool = False


class SshServer:
    """The way in by SSH; `run` serves until it is cancelled."""

    def __init__(self, settings: SshSettings, access: AccessList, parts: SshParts) -> None:
        self.parts: Final = parts
        self._gate = ConnectionGate(**_limits(settings))
        self._arrivals: set[Arrival] = set()
        self._doors: dict[Address, tuple[socket.socket, asyncio.Task[None]]] = {}
        self._logged: dict[str, float] = {}
        self._set(settings, access)

    def use(self, settings: SshSettings, access: AccessList) -> None:
        """Go on with other settings, after a commit. Who may not come any more is cut (ACC-04)."""
        self._gate.use(**_limits(settings))
        self._set(settings, access)
        for arrival in list(self._arrivals):
            if not self._decide(arrival.origin.address).is_allowed:
                arrival.close()

    async def run(self, sockets: Iterable[socket.socket]) -> None:
        """Serve on `sockets`, which listen already, until this is cancelled."""
        self.listen(sockets)
        try:
            await asyncio.Event().wait()
        finally:
            for address in list(self._doors):
                self._shut(address)
            await self._close()

    def listen(self, sockets: Iterable[socket.socket]) -> None:
        """Serve on these sockets from now on, and no others; connections go on as they are."""
        wanted = {each.getsockname(): each for each in sockets}
        for address in list(self._doors):
            if address not in wanted:
                self._shut(address)
        for address, listening in wanted.items():
            if address in self._doors:
                listening.close()  # the same port again
                continue
            listening.setblocking(False)
            task = asyncio.get_running_loop().create_task(self._accept(listening))
            self._doors[address] = listening, task

    def _shut(self, address: Address) -> None:
        listening, task = self._doors.pop(address)
        task.cancel()
        listening.close()

    def left(self, arrival: "Arrival") -> None:
        """Note that a connection is over."""
        self._arrivals.discard(arrival)
        self._gate.leave(arrival.taken)

    def log_in(self, taken: Pass) -> bool:
        """Note that somebody has logged in; return whether there is room."""
        return self._gate.log_in(taken)

    @property
    def settings(self) -> SshSettings:
        """The settings in force."""
        return self._settings

    def _set(self, settings: SshSettings, access: AccessList) -> None:
        is_fips = self.parts.is_fips
        self._settings = settings.for_fips() if is_fips else settings
        self._signatures = frozenset(fips_subset(SIGNATURES) if is_fips else SIGNATURES)
        self._access = access

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, peer = await loop.sock_accept(listening)
            except OSError:  # too many open files, or a client that is gone already
                await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
                continue
            await self._take(loop, client, _plain_address(str(peer[0])))

    async def _take(
        self, loop: asyncio.AbstractEventLoop, client: socket.socket, address: str
    ) -> None:
        decision = self._decide(address)
        if not decision.is_allowed:
            self._refuse(client, address, decision.reason)
            return
        arrival = Arrival(self, Origin(Channel.SSH, address))
        now = self.parts.clock.monotonic()
        taken = self._gate.enter(source_network(address), arrival.cut, now)
        if isinstance(taken, Denial):
            self._refuse(client, address, taken.value)
            return
        arrival.taken = taken
        self._arrivals.add(arrival)
        try:
            await loop.connect_accepted_socket(lambda: self._connection(loop, arrival), client)
        except (OSError, ValueError):
            client.close()
            self.left(arrival)

    def _connection(self, loop: asyncio.AbstractEventLoop, arrival: "Arrival") -> Connection:
        parts = self.parts

        def log_in(say: Callable[[str], None]) -> LogIn:
            return LogIn(parts.doors, arrival.origin, parts.host.record, say)

        visitor = Visitor(log_in, arrival, parts.host.banner(), self._settings.login_attempts)
        options = self._options(visitor)
        arrival.connection = Connection(loop, options, visitor, self._signatures)
        return arrival.connection

    def _options(self, visitor: Visitor) -> asyncssh.SSHServerConnectionOptions:
        settings = self._settings
        return asyncssh.SSHServerConnectionOptions(
            server_factory=lambda: visitor,
            server_version="Mailwarden",
            server_host_keys=list(self.parts.host_keys),
            kex_algs=list(settings.key_exchanges),
            encryption_algs=list(settings.ciphers),
            mac_algs=list(settings.macs),
            compression_algs=["none"],  # what is compressed may grow without bounds
            signature_algs=sorted(self._signatures),
            gss_host=None,
            gss_kex=False,
            gss_auth=False,
            host_based_auth=False,
            agent_forwarding=False,
            x11_forwarding=False,
            login_timeout=settings.login_seconds,
            keepalive_interval=settings.keepalive_seconds,
            keepalive_count_max=KEEPALIVES_MAX,
        )

    def _decide(self, address: str) -> Decision:
        return self._access.decide(ListedOrigin(address))

    def _refuse(self, client: socket.socket, address: str, reason: str) -> None:
        client.close()
        now = self.parts.clock.monotonic()
        source = source_network(address)
        if now < self._logged.get(source, now):
            return
        if len(self._logged) >= _LOGGED_SOURCES_MAX:
            self._logged = {key: until for key, until in self._logged.items() if until > now}
        if len(self._logged) < _LOGGED_SOURCES_MAX:
            self._logged[source] = now + LOG_SECONDS
            origin = Origin(Channel.SSH, address)
            self.parts.host.record(AccessEvent(Access.REFUSED, "", origin, reason))

    async def _close(self) -> None:
        connections = [each.connection for each in self._arrivals if each.connection is not None]
        for arrival in list(self._arrivals):
            arrival.disconnect(_ENDS)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                for connection in connections:
                    await connection.wait_closed()
        except TimeoutError:
            for connection in connections:
                connection.abort()


class Arrival:
    """One connection, as the server keeps it: what `Visitor` finds inside."""

    def __init__(self, server: SshServer, origin: Origin) -> None:
        self.origin: Final = origin
        self.taken = Pass("", self.cut)
        self.connection: Connection | None = None
        self._server = server
        self._admitted: Admitted | None = None
        self._sessions = 0
        self._discarded = 0  # changes, of all sessions
        self._is_gone = False
        self._unused: asyncio.TimerHandle | None = None

    def enter(self, admitted: Admitted) -> bool:
        if not self._server.log_in(self.taken):
            return False
        self._admitted = admitted
        self._watch()
        self._record(Access.ADMITTED, admitted, admitted.detail)
        return True

    def leave(self) -> None:
        self._server.left(self)
        self._is_gone = True
        self._watch()

    def session(
        self, admitted: Admitted, connection: Connection
    ) -> asyncssh.SSHServerSession[bytes] | str:
        parts = self._server.parts
        if self._admitted is not admitted:
            return _GONE
        if self._sessions >= self._server.settings.sessions_per_connection:
            return _FULL
        if not parts.doors.sign_in.still_holds(admitted):
            if not self._sessions:  # else one of them may have changed the own password
                self.close()
            return _GONE
        self._sessions += 1
        self._watch()
        rights = rights_of(admitted.user, admitted.role, is_local=admitted.is_local)
        folders = folders_for(rights, parts.folders)
        company = Company(
            admitted, self.origin, parts.host, parts.sessions, folders, self._session_left
        )
        return AdminSession(company, connection)

    def cut(self) -> None:
        """Close the connection at once."""
        if self.connection is not None:
            self.connection.abort()

    def close(self) -> None:
        """Close the connection once what was sent is on its way."""
        if self.connection is not None:
            self.connection.close()

    def disconnect(self, reason: str) -> None:
        """Close the connection, and say why."""
        if self.connection is not None:
            self.connection.disconnect(asyncssh.DISC_BY_APPLICATION, reason)

    def _session_left(self, discarded: int) -> None:
        self._sessions -= 1
        self._discarded += discarded
        self._watch()

    def _watch(self) -> None:
        """Let a connection without a session not stay for long; say when all of it is over."""
        if self._unused is not None:
            self._unused.cancel()
            self._unused = None
        if self._sessions or self._admitted is None:
            return
        if self._is_gone:
            self._record(Access.LEFT, self._admitted, discarded=self._discarded)
        else:
            self._unused = asyncio.get_running_loop().call_later(UNUSED_SECONDS, self.close)

    def _record(
        self, access: Access, admitted: Admitted, detail: str = "", discarded: int = 0
    ) -> None:
        event = AccessEvent(access, admitted.user, self.origin, detail, discarded)
        self._server.parts.host.record(event)


def _limits(settings: SshSettings) -> dict[str, int]:
    return {
        "logged_in": settings.connections_max,
        "waiting": settings.unauthenticated_max,
        "waiting_per_source": settings.unauthenticated_per_address,
    }


def _plain_address(address: str) -> str:
    """Return an IPv4 address as such, where the socket is one for both families."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)
