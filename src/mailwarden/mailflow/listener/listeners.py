"""All listeners of a worker: sockets, sessions and the clock that ends them."""

import asyncio
import socket
from collections.abc import Collection, Mapping
from functools import partial
from typing import NamedTuple

from mailwarden.core.smtp import reply as replies
from mailwarden.mailflow.listener.context import ListenerContext, Parts
from mailwarden.mailflow.listener.session import Session
from mailwarden.system.net.deadlines import Deadlines
from mailwarden.system.net.stream import as_protocol

SWEEP_SECONDS = 1.0


class ConnectedClient(NamedTuple):
    """A host that is connected to a listener now."""

    address: str
    name: str  # verified; "" is none
    listener: str
    connections: int
    messages: int  # that these connections have brought


class Listeners:
    """Accepts connections on the sockets that the supervisor bound."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.deadlines: Deadlines[Session] = Deadlines(parts.clock)
        self._contexts: Mapping[str, ListenerContext] = {}
        self._servers: dict[str, asyncio.Server] = {}
        self._addresses: dict[str, object] = {}  # that these listen on
        self._sessions: set[Session] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def apply(
        self, contexts: Mapping[str, ListenerContext], sockets: Mapping[str, socket.socket]
    ) -> None:
        """Listen with other settings. Sessions that are open finish under the old ones."""
        self._contexts = dict(contexts)
        loop = asyncio.get_running_loop()
        for name, server in list(self._servers.items()):
            fresh = sockets.get(name)
            if fresh is not None and self._addresses[name] == fresh.getsockname():
                fresh.close()  # the one that we have listens already
            else:
                server.close()
                del self._servers[name]
        for name, listening in sockets.items():
            if name not in self._servers:
                self._addresses[name] = listening.getsockname()
                self._servers[name] = await loop.create_server(
                    partial(self._make_session, name),
                    sock=listening,
                    backlog=contexts[name].settings.listen_queue,
                )
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)

    def _make_session(self, name: str) -> asyncio.Protocol:
        return as_protocol(Session(self, self._contexts[name]))

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._sessions)

    @property
    def tls_connections(self) -> int:
        """Connections that are encrypted."""
        return sum(1 for session in self._sessions if session.cipher)

    def clients(self) -> list[ConnectedClient]:
        """Return who is connected now, each host once for each listener."""
        found: dict[tuple[str, str], ConnectedClient] = {}
        for session in self._sessions:
            key = (session.client, session.context.settings.name)
            known = found.get(key, ConnectedClient(key[0], "", key[1], 0, 0))
            found[key] = ConnectedClient(
                key[0],
                known.name or session.client_name,
                key[1],
                known.connections + 1,
                known.messages + session.messages,
            )
        return list(found.values())

    def began(self, session: Session) -> None:
        """Count a session in."""
        self._sessions.add(session)

    def ended(self, session: Session) -> None:
        """Count a session out."""
        self._sessions.discard(session)

    def _sweep(self) -> None:
        now = self.parts.clock.monotonic()
        for session in self.deadlines.sweep(now):
            session.due(now)
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)

    def close(self) -> None:
        """Accept no more; tell idle clients to come back, let messages under way finish."""
        for server in self._servers.values():
            server.close()
        for session in list(self._sessions):
            if session.transaction is None:
                self._dismiss(session)

    async def finish(self, seconds: float) -> None:
        """Wait up to `seconds` for messages under way, then end all sessions."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and any(s.transaction is not None for s in self._sessions):
            await asyncio.sleep(0.02)
            for session in list(self._sessions):
                if session.transaction is None:
                    self._dismiss(session)
        for session in list(self._sessions):
            self._dismiss(session)
        if self._sweeper is not None:
            self._sweeper.cancel()
        await asyncio.sleep(0)
        for session in list(self._sessions):
            session.abort()
        await asyncio.sleep(0)

    def end_sessions(self, names: Collection[str]) -> None:
        """End the connections to these listeners, but for answers that are being waited for."""
        left = False
        for session in list(self._sessions):
            if session.context.settings.name not in names or session.is_closing:
                continue
            if session.is_waiting:  # for the disk, or for another server: it gets its answer
                left = True
            else:
                self._dismiss(session)
        if left:
            loop = asyncio.get_running_loop()
            loop.call_later(SWEEP_SECONDS, self.end_sessions, names)

    @staticmethod
    def _dismiss(session: Session) -> None:
        if not session.is_closing and session.icid:
            session.end(replies.service_not_available(session.context.hostname))
        elif not session.is_closing:
            session.close()
