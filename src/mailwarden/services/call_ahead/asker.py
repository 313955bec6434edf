"""Asks servers about recipients, for one profile (mailflow 2.8).

Many may want to know of one address at the same moment: it is asked for once. Connections are
kept for a while; how many there are to a server is limited over all workers.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from mailwarden.core.routes import RouteTable
from mailwarden.core.smtp.client_probe import ProbeConversation
from mailwarden.services.call_ahead.answers import Answer, AnswerCache, Finding, answer_of
from mailwarden.services.call_ahead.connection import ProbeConnection, ServerFailedError
from mailwarden.services.call_ahead.servers import (
    Endpoint,
    NoServerError,
    NothingToAskError,
    ServerFinder,
)
from mailwarden.services.call_ahead.settings import CallAheadProfile
from mailwarden.services.throttling.gauges import SharedGauges
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import Resolver
from mailwarden.system.log.maillog import MailLog

SERVER_DOWN_SECONDS: Final = 30.0  # for which one that failed is left alone
IDLE_SECONDS: Final = 5.0  # for which a connection is kept for the next question
PLACE_SECONDS: Final = 0.1  # between two looks whether another worker has given up a place
QUESTIONS_MAX: Final = 10_000  # under way, of one profile
SERVERS_MAX: Final = 1000  # about which something is remembered
SESSIONS_TRIED_MAX: Final = 3  # for one question, at one server
GOOD_SECONDS: Final = 1.0  # for which a server is not given up that has just answered
FIRST_SHARE: Final = 0.5  # of the time that is left, for a server that is not the last one

Done = Callable[[Answer], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What questions are asked with; all of it is handed in."""

    resolver: Resolver
    gauges: SharedGauges
    log: MailLog
    clock: Clock
    counters: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outset:
    """What the rest of the configuration means for questions."""

    routes: RouteTable
    ourselves: frozenset[tuple[str, int]]  # addresses and ports of our listeners
    hello: str  # our name
    local_address: str  # to connect from; "" is any


class _Server:
    """What is known of one server."""

    __slots__ = ("down_until", "endpoint", "error", "good_at", "idle", "sessions", "waiting")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint: Final = endpoint
        self.idle: list[ProbeConnection] = []
        self.sessions = 0  # of this worker
        self.waiting: deque[asyncio.Future[None]] = deque()  # for a session
        self.down_until = 0.0  # monotonic seconds
        self.error = ""
        self.good_at = -math.inf  # when it last said something that makes sense, monotonic seconds

    @property
    def is_forgettable(self) -> bool:
        """Whether nobody uses it."""
        return not (self.sessions or self.waiting)


class CallAhead:
    """Answers whether a recipient is taken by the server behind."""

    def __init__(self, name: str, profile: CallAheadProfile, outset: Outset, means: Means) -> None:
        self.name: Final = name
        self.profile: Final = profile
        self._means: Final = means
        self._cache: Final = AnswerCache(
            profile.cache_size, profile.cache_ttl_seconds, profile.cache_negative_ttl_seconds
        )
        self._pending: dict[str, list[Done]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: dict[Endpoint, _Server] = {}
        self._turn = 0
        self._is_closed = False
        self.apply(outset)

    def apply(self, outset: Outset) -> None:
        """Go on under another configuration; what was known of recipients still counts."""
        self._outset = outset
        self._finder = ServerFinder(
            self.profile.servers, self._means.resolver, outset.routes, outset.ourselves
        )

    def peek(self, address: str) -> Answer | None:
        """Return what is known of `address`; None when it has to be asked for."""
        answer = self._cache.find(_key(address), self._means.clock.monotonic())
        if answer is not None:
            self._means.counters["call_ahead_cached"] += 1
        return answer

    def ask(self, address: str, done: Done) -> None:
        """Call `done` with the answer once it is there; never before this returns."""
        key = _key(address)
        waiting = self._pending.get(key)
        if waiting is not None:
            waiting.append(done)
            return
        if len(self._pending) >= QUESTIONS_MAX:
            answer = Answer(Finding.FAILED, f"{QUESTIONS_MAX} questions are under way")
            asyncio.get_running_loop().call_soon(done, answer)
            return
        self._pending[key] = [done]
        self._means.counters["call_ahead_questions"] += 1
        task = asyncio.get_running_loop().create_task(self._find(address, key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def test(self, address: str) -> Answer:
        """Ask about `address` now, whatever is remembered of it; nothing is remembered anew."""
        return (await self._answer(address))[0]

    def flush(self) -> int:
        """Forget all answers, and which servers failed; return how many answers there were."""
        for server in self._servers.values():
            server.down_until = 0.0
        return self._cache.clear()

    def close(self) -> None:
        """End idle connections; questions under way are still answered."""
        self._is_closed = True
        for server in self._servers.values():
            for connection in list(server.idle):
                connection.close()

    async def stop(self) -> None:
        """Give up all that is under way."""
        self.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # One question.

    async def _find(self, address: str, key: str) -> None:
        answer = Answer(Finding.FAILED, "given up")
        try:
            answer, is_new = await self._answer(address)
            if is_new:
                self._cache.keep(key, answer, self._means.clock.monotonic())
        finally:
            if answer.finding is Finding.FAILED:
                self._means.counters["call_ahead_failures"] += 1
            for done in self._pending.pop(key):
                done(answer)

    async def _answer(self, address: str) -> tuple[Answer, bool]:
        """Return the answer, and whether it is worth remembering."""
        seconds = self.profile.request_timeout_seconds
        end = self._means.clock.monotonic() + seconds
        try:
            async with asyncio.timeout(seconds):
                self._turn += 1
                endpoints = await self._finder.find(address, self._turn)
        except TimeoutError:
            return Answer(Finding.FAILED, f"DNS: no answer within {seconds:g} seconds"), True
        except NothingToAskError as nothing:
            return Answer(Finding.ACCEPTED, str(nothing)), False
        except NoServerError as error:
            return Answer(Finding.FAILED, str(error)), True
        return await self._ask_one_of(list(endpoints), address, end)

    async def _ask_one_of(
        self, endpoints: list[Endpoint], address: str, end: float
    ) -> tuple[Answer, bool]:
        clock = self._means.clock
        servers = [self._server(endpoint) for endpoint in endpoints]
        up = [server for server in servers if server.down_until <= clock.monotonic()]
        if not up:
            first = servers[0]
            detail = f"{first.endpoint} is left alone for a while: {first.error}"
            return Answer(Finding.FAILED, detail), False
        error = ""
        for place, server in enumerate(up, 1):
            left = end - clock.monotonic()
            try:
                # One that is dead must not take all the time: the next may live.
                async with asyncio.timeout(left if place == len(up) else left * FIRST_SHARE):
                    return await self._ask_at(server, address), True
            except ServerFailedError as failed:
                error = f"{server.endpoint}: {failed}"
            except TimeoutError:
                error = f"{server.endpoint}: timeout"
        return Answer(Finding.FAILED, error), True

    async def _ask_at(self, server: _Server, address: str) -> Answer:
        """Return what `server` says of `address`.

        Raises:
            ServerFailedError: it says nothing.
        """
        for _ in range(SESSIONS_TRIED_MAX):
            connection = await self._session(server)
            was_used = connection.conversation.asked > 0
            since = self._means.clock.monotonic()
            if not connection.conversation.may_ask(address):
                self._give_back(server, connection)
                raise ServerFailedError("SMTPUTF8 is required, but was not offered by the host")
            try:
                reply = await connection.ask(address)
            except ServerFailedError as error:
                connection.abort()
                if was_used:  # it may just have been idle for too long
                    continue
                self._set_down(server, str(error), since)
                raise
            except BaseException:  # no time is left
                connection.abort()
                self._set_down(server, "timeout", since)
                raise
            server.good_at = self._means.clock.monotonic()
            is_full = connection.conversation.is_full
            self._give_back(server, connection, is_full=is_full)
            if not is_full:
                return answer_of(reply, str(server.endpoint))
        raise ServerFailedError("the server ends each connection")

    # Servers and connections.

    def _server(self, endpoint: Endpoint) -> _Server:
        server = self._servers.get(endpoint)
        if server is None:
            if len(self._servers) >= SERVERS_MAX:
                self._servers = {
                    each: known for each, known in self._servers.items() if not known.is_forgettable
                }
            server = self._servers[endpoint] = _Server(endpoint)
        return server

    async def _session(self, server: _Server) -> ProbeConnection:
        """Return a connection that is ready for a question."""
        key = f"call-ahead:{server.endpoint}"
        while True:
            while server.idle:
                connection = server.idle.pop()
                if connection.is_usable:
                    return connection
            if self._means.gauges.try_acquire(key, self.profile.max_connections_per_server):
                return await self._open(server, key)
            freed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            server.waiting.append(freed)
            try:
                async with asyncio.timeout(PLACE_SECONDS):
                    await freed
            except TimeoutError:
                pass  # another worker may have given up its place: nobody tells us
            finally:
                if freed in server.waiting:
                    server.waiting.remove(freed)
            if server.down_until > self._means.clock.monotonic():
                raise ServerFailedError(server.error)

    async def _open(self, server: _Server, key: str) -> ProbeConnection:
        outset = self._outset
        conversation = ProbeConversation(outset.hello, self.profile.mail_from)
        closed = partial(self._closed, server, key)
        connection = ProbeConnection(server.endpoint, conversation, closed)
        server.sessions += 1
        since = self._means.clock.monotonic()
        try:
            await connection.open(outset.local_address)
        except ServerFailedError as error:
            connection.abort()
            self._set_down(server, str(error), since)
            raise
        except BaseException:
            connection.abort()
            self._set_down(server, "timeout", since)
            raise
        server.good_at = self._means.clock.monotonic()
        self._means.counters["call_ahead_connections"] += 1
        return connection

    def _closed(self, server: _Server, key: str, connection: ProbeConnection) -> None:
        server.sessions -= 1
        if connection in server.idle:
            server.idle.remove(connection)
        self._means.gauges.release(key)
        _wake(server)

    def _give_back(
        self, server: _Server, connection: ProbeConnection, *, is_full: bool = False
    ) -> None:
        asked = connection.conversation.asked
        is_over = is_full or asked >= self.profile.max_recipients_per_session
        if self._is_closed or is_over or not connection.is_usable:
            connection.close()
            return
        server.idle.append(connection)
        asyncio.get_running_loop().call_later(IDLE_SECONDS, _end_idle, server, connection, asked)
        _wake(server)

    def _set_down(self, server: _Server, error: str, since: float) -> None:
        """Leave `server` alone, unless it has answered others since `since`.

        Then it only has enough connections of ours, or cannot say anything of one recipient.
        """
        if server.good_at >= since - GOOD_SECONDS:
            return
        now = self._means.clock.monotonic()
        if server.down_until <= now:
            self._means.log.warning(
                f"SMTP call-ahead {self.name}: {server.endpoint} cannot be asked: {error}; "
                f"it is left alone for {SERVER_DOWN_SECONDS:g} seconds"
            )
        server.error = error
        server.down_until = now + SERVER_DOWN_SECONDS


def _wake(server: _Server) -> None:
    """Let one who waits for a connection look again."""
    while server.waiting:
        freed = server.waiting.popleft()
        if not freed.done():
            freed.set_result(None)
            return


def _end_idle(server: _Server, connection: ProbeConnection, asked: int) -> None:
    """End a connection that nobody has used since `asked` questions."""
    if connection in server.idle and connection.conversation.asked == asked:
        connection.close()


def _key(address: str) -> str:
    """Return how an address is known: whoever changes its case only does not ask anew."""
    return address.lower()
