"""The resolver: asks name servers, believes little, remembers much.

However many ask for a name at the same time, its question is sent once. The first of them asks;
should he be cancelled, the next one takes over.
"""

import asyncio
import math
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple, cast

from mailwarden.core.policy.host_forms import NameStatus
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.answers import Finding, Lifetimes, State, find
from mailwarden.system.dns.cache import Cache, Key
from mailwarden.system.dns.names import (
    LOOPBACK,
    decode_host,
    encode_name,
    is_localhost,
    parse_address,
)
from mailwarden.system.dns.resolver import HostName, MxHost, NameNotFoundError, ResolutionError
from mailwarden.system.dns.servers import Server
from mailwarden.system.dns.settings import DnsSettings
from mailwarden.system.dns.sources import Sources
from mailwarden.system.dns.transport import SocketTransport, Transport
from mailwarden.system.dns.wire import Kind, Message, Rcode, WireError, build_query, parse_message

QUESTIONS_AT_ONCE: Final = 500  # each has a socket; more wait for their turn
QUESTIONS_PER_NAME: Final = 4  # for aliases that the server does not follow itself
TIMES_OF_SILENCE: Final = 2  # a name may take so many times as long as with silent servers
VERIFIED_NAMES_MAX: Final = 4  # names of one address that are looked at
FAILURE_SECONDS: Final = 2.0  # a failure is remembered for (RFC 2308, 7: at most 300)
HALF_FAILURE_SECONDS: Final = 300.0  # the same when the other type of address was found

_HOST_NAME: Final = 0  # a cache entry of `resolve_host_name`; no record has this type
_NOT_UNDERSTOOD: Final = (Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS)


class _Useless(NamedTuple):
    """Why a server was no help."""

    why: str
    is_silent: bool = False


class CachingResolver:
    """A stub resolver with a memory (RFC 1034, 5.3.1); one for each worker.

    Its servers have to be recursive ones. To be used from the thread of `loop`.
    """

    def __init__(
        self,
        settings: DnsSettings,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        randomness: random.Random,
        transport: Transport | None = None,
        source: str = "",
    ) -> None:
        """Give `randomness` a `random.SystemRandom`: its numbers must not be guessed.

        `source` is the address that questions come from; "" leaves it to the system.

        Raises:
            ValueError: the settings have problems.
        """
        self._loop = loop
        self._clock = clock
        self._randomness = randomness
        self._transport = transport or SocketTransport(loop)
        self._cache = Cache(settings.cache_entries_max)
        self._asking: dict[Key, asyncio.Future[Finding | None]] = {}
        self._turns = asyncio.Semaphore(QUESTIONS_AT_ONCE)
        self._limits: set[asyncio.Timeout] = set()
        self._closed = False
        self._settings = settings
        self._sources: Sources
        self.apply(settings, source)

    def apply(self, settings: DnsSettings, source: str = "") -> None:
        """Go on under other settings; what is remembered stays, what is under way too.

        Raises:
            ValueError: the settings have problems; nothing has changed.
        """
        sources = Sources(settings, source)
        before, self._settings = self._settings, settings
        self._sources = sources
        self._lifetimes = Lifetimes(
            settings.cache_ttl_max_seconds,
            settings.negative_ttl_max_seconds,
            settings.cache_ttl_min_seconds,
        )
        self._cache.resize(settings.cache_entries_max)
        # What is remembered was proved by nobody, or by those who are trusted no more; or it is
        # the answer of servers that are not asked about that domain any more.
        is_trusted = bool(settings.trusted_servers)
        if (bool(before.trusted_servers), before.domains) != (is_trusted, settings.domains):
            self.flush()

    def flush(self) -> int:
        """Forget all answers, also those that are under way now; return how many they were."""
        forgotten = len(self._cache)
        self._cache = Cache(self._settings.cache_entries_max)
        return forgotten

    async def bootstrap(self, name: str) -> str:
        """Ask for `name`; return why no server answers anything, `""` when one does."""
        finding = await self._find(Kind.A, name)
        return "" if self._sources.has_answered() else finding.detail

    async def resolve_mx(self, name: str) -> tuple[MxHost, ...]:
        """Return the mail exchangers of `name`, lowest preference first."""
        if is_localhost(name):
            return ()
        return cast("tuple[MxHost, ...]", _values(await self._find(Kind.MX, name), Kind.MX, name))

    async def resolve_addresses(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of `name`, then its IPv6 addresses."""
        known = self.peek_addresses(name)
        if known is not None:
            return known
        four, six = await self._find_both(name)
        # Some servers never answer for one of the types: not to be waited for each time.
        if four.values and six.state is State.FAILED:
            self._keep_failure(_key(Kind.AAAA, name), six, four.expires_at)
        elif six.values and four.state is State.FAILED:
            self._keep_failure(_key(Kind.A, name), four, six.expires_at)
        return _both(four, six, name)

    async def _find_both(self, name: str) -> list[Finding]:
        """Return the findings about IPv4 and IPv6 addresses.

        Once one of them has addresses, the other is not waited for until all servers have had
        their time: mail has where to go.
        """
        seconds = self._settings.resend_seconds
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(self._find(kind, name)) for kind in (Kind.A, Kind.AAAA)]
            found, rest = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            if rest and any(task.result().values for task in found):
                await asyncio.wait(rest, timeout=seconds)
                for task in rest:
                    task.cancel()
        late = self._failure(f"no answer within {seconds:g} seconds of the other type's")
        return [late if task.cancelled() else task.result() for task in asking]

    async def resolve_reverse(self, address: str) -> tuple[str, ...]:
        """Return the names (PTR) that an IP address claims to have."""
        name = parse_address(address).reverse_name
        return _values(await self._find(Kind.PTR, name), Kind.PTR, name)

    async def resolve_host_name(self, address: str) -> HostName:
        """Return a name of `address` that leads back to it, or why there is none."""
        name: HostName = (await self._share((_HOST_NAME, parse_address(address).text))).values[0]
        return name

    async def resolve_a(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of `name` alone."""
        if is_localhost(name):
            return LOOPBACK[:1]
        return _values(await self._find(Kind.A, name), Kind.A, name)

    async def resolve_txt(self, name: str) -> tuple[bytes, ...]:
        """Return the TXT records of `name`, the strings of each joined."""
        return _values(await self._find(Kind.TXT, name), Kind.TXT, name)

    async def find(self, kind: Kind, name: str) -> Finding:
        """Return what is known of records `kind` of `name`, failures and DNSSEC included."""
        return await self._find(kind, name)

    def peek_mx(self, name: str) -> tuple[MxHost, ...] | None:
        """Return what `resolve_mx` would, if it is known."""
        finding = self._peek(Kind.MX, name)
        return None if finding is None else _values(finding, Kind.MX, name)

    def peek_addresses(self, name: str) -> tuple[str, ...] | None:
        """Return what `resolve_addresses` would, if it is known."""
        four = self._peek(Kind.A, name)
        if four is None:
            return LOOPBACK if is_localhost(name) else None
        six = self._peek(Kind.AAAA, name)
        return None if six is None else _both(four, six, name)

    def peek_host_name(self, address: str) -> HostName | None:
        """Return what `resolve_host_name` would, if it is known."""
        now = self._clock.monotonic()
        finding = self._cache.get((_HOST_NAME, address), now)
        if finding is None:
            finding = self._cache.get((_HOST_NAME, parse_address(address).text), now)
        return None if finding is None else cast("HostName", finding.values[0])

    def peek_a(self, name: str) -> tuple[str, ...] | None:
        """Return what `resolve_a` would, if it is known."""
        finding = self._peek(Kind.A, name)
        if finding is None:
            return LOOPBACK[:1] if is_localhost(name) else None
        return _values(finding, Kind.A, name)

    def close(self) -> None:
        """Give up all questions under way."""
        self._closed = True
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(self._loop.time())

    def _peek(self, kind: Kind, name: str) -> Finding | None:
        now = self._clock.monotonic()
        finding = self._cache.get((kind, name), now)
        if finding is None and (key := _key(kind, name))[1] != name:
            finding = self._cache.get(key, now)
        return finding

    async def _find(self, kind: Kind, name: str) -> Finding:
        return self._peek(kind, name) or await self._share(_key(kind, name))

    async def _share(self, key: Key) -> Finding:
        """Return the finding about `key`, from memory, from whoever asks already, or by asking."""
        finding = self._cache.get(key, self._clock.monotonic())
        while finding is None:
            asking = self._asking.get(key)
            if asking is None:
                return await self._lead(key)
            # Shielded: that one waiter is cancelled is nothing to the others.
            finding = await asyncio.shield(asking)  # None: he who asked was cancelled
        return finding

    async def _lead(self, key: Key) -> Finding:
        asking: asyncio.Future[Finding | None] = self._loop.create_future()
        self._asking[key] = asking
        cache = self._cache  # not another one that takes its place meanwhile: see `flush`
        finding = None
        try:
            kind, name = key
            work = self._verify(name) if kind == _HOST_NAME else self._ask(Kind(kind), name)
            finding = await work
            cache.put(key, finding, self._clock.monotonic())
            return finding
        finally:
            del self._asking[key]
            asking.set_result(finding)

    async def _verify(self, address: str) -> Finding:
        """Look for a name of `address` that leads back to it (RFC 8601, 2.7.3, does the same)."""
        _, reverse_name, is_ipv6 = parse_address(address)
        finding = await self._find(Kind.PTR, reverse_name)
        expires_at = finding.expires_at
        if finding.state is not State.FOUND:
            is_failed = finding.state is State.FAILED
            status = NameStatus.SERV_FAIL if is_failed else NameStatus.NX_DOMAIN
            return Finding(State.FOUND, expires_at, (HostName("", status),))
        host = HostName(finding.values[0], NameStatus.NOT_DOUBLE_VERIFIED)
        for name in finding.values[:VERIFIED_NAMES_MAX]:
            forward = await self._find(Kind.AAAA if is_ipv6 else Kind.A, name)
            expires_at = min(expires_at, forward.expires_at)
            if address in forward.values:
                host = HostName(name, NameStatus.EXISTS)
                break
            if forward.state is State.FAILED:  # it might lead back: nobody may call it forged
                host = HostName("", NameStatus.SERV_FAIL)
        return Finding(State.FOUND, expires_at, (host,))

    async def _ask(self, kind: Kind, name: str) -> Finding:
        """Ask until there is an answer that is no alias."""
        try:
            owner = encode_name(name)
        except ValueError as error:
            return Finding(State.MISSING, 0, detail=str(error))
        expires_at, is_secure, alias = math.inf, True, ""
        seconds = TIMES_OF_SILENCE * self._settings.timeout_seconds
        give_up_at = self._clock.monotonic() + seconds
        for _ in range(QUESTIONS_PER_NAME):
            async with self._turns:
                finding = await self._ask_servers(kind, owner, give_up_at)
            expires_at = min(expires_at, finding.expires_at)
            is_secure = is_secure and finding.is_secure
            if finding.state is not State.ALIAS:
                canonical = finding.canonical or alias
                return finding._replace(
                    expires_at=expires_at, is_secure=is_secure, canonical=canonical
                )
            owner = finding.values[0]
            alias = decode_host(owner) or ""
        return self._failure("too many aliases")

    async def _ask_servers(self, kind: Kind, owner: bytes, give_up_at: float) -> Finding:
        """Ask one server after the other, until one says something useful."""
        reason = ""
        for tier in self._sources.tiers(owner, self._clock.monotonic()):
            turn = tier.turn(self._randomness, self._clock.monotonic())
            for seconds in tier.waits:
                if not turn or (reason and self._clock.monotonic() >= give_up_at):
                    break
                if self._closed:
                    return self._failure("the resolver is closed")
                server = turn.pop(0)
                finding = await self._ask_for(server, kind, owner, seconds)
                if isinstance(finding, Finding):
                    return finding
                reason = f"{finding.why} from {server.name}"
                if finding.is_silent:  # the question or its answer may have got lost
                    turn.append(server)
        return self._failure("the resolver is closed" if self._closed else reason)

    async def _ask_for(
        self, server: Server, kind: Kind, owner: bytes, seconds: float
    ) -> "Finding | _Useless":
        """Return what `server` says within `seconds`, or why that is no use."""
        try:
            message = await self._ask_server(server, kind, owner, seconds)
            server.answered()
            if refusal := _refusal(message):
                return _Useless(refusal)
            finding = find(message, self._clock.monotonic(), self._lifetimes)
            if finding.state is State.FAILED:
                return _Useless(finding.detail)
            return finding._replace(is_secure=finding.is_secure and server.is_trusted)
        except TimeoutError:
            server.failed(self._clock.monotonic())
            return _Useless(f"no answer within {seconds:g} seconds", is_silent=True)
        except OSError as error:
            server.failed(self._clock.monotonic())
            return _Useless(error.strerror or str(error))
        except WireError as error:
            return _Useless(f"nonsense: {error}")

    async def _ask_server(
        self, server: Server, kind: Kind, owner: bytes, seconds: float
    ) -> Message:
        with_edns = not server.without_edns
        message = await self._exchange(server, kind, owner, seconds, with_edns=with_edns)
        if server.without_edns or message.rcode not in _NOT_UNDERSTOOD:
            return message
        # It may be EDNS that it did not understand (RFC 6891, 7).
        plain = await self._exchange(server, kind, owner, seconds, with_edns=False)
        server.without_edns = plain.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)
        return plain

    async def _exchange(
        self, server: Server, kind: Kind, owner: bytes, seconds: float, *, with_edns: bool
    ) -> Message:
        """Return the server's answer, over TCP when it does not fit into a datagram."""
        number = self._randomness.getrandbits(16)
        query = build_query(number, owner, kind, with_edns=with_edns, with_ad=server.is_trusted)
        accept = _accepting(number, owner, kind)
        message = await self._limited(self._transport.ask_udp(server, query, accept), seconds)
        if message.is_truncated:
            message = await self._limited(self._transport.ask_tcp(server, query, accept), seconds)
            if message.is_truncated:
                raise WireError("an answer over TCP is truncated")
        return message

    async def _limited(self, asking: Coroutine[Any, Any, Message], seconds: float) -> Message:
        async with asyncio.timeout(seconds) as limit:
            self._limits.add(limit)
            try:
                return await asking
            finally:
                self._limits.discard(limit)

    def _keep_failure(self, key: Key, finding: Finding, until: float) -> None:
        now = self._clock.monotonic()
        expires_at = min(until, now + HALF_FAILURE_SECONDS)
        self._cache.put(key, finding._replace(expires_at=expires_at), now)

    def _failure(self, reason: str) -> Finding:
        return Finding(State.FAILED, self._clock.monotonic() + FAILURE_SECONDS, detail=reason)


def _accepting(number: int, owner: bytes, kind: Kind) -> Callable[[bytes], Message | None]:
    """Return what tells the answer to a question from everything else (RFC 5452, 9.1)."""

    def accept(wire: bytes) -> Message | None:
        if int.from_bytes(wire[:2], "big") != number:
            return None
        message = parse_message(wire)
        if message.name == owner and message.kind == kind:
            return message
        # A server that does not understand the question may leave it out of its answer.
        if not message.name and message.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return message
        return None

    return accept


def _refusal(message: Message) -> str:
    """Return why the server did not answer the question, `""` when it did."""
    if message.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        known = message.rcode in Rcode.__members__.values()
        return Rcode(message.rcode).name if known else f"RCODE {message.rcode}"
    if not (message.answers or message.is_authoritative or message.is_recursive):
        return "a referral, as it is not recursive,"
    return ""


def _key(kind: int, name: str) -> Key:
    return kind, name.lower().removesuffix(".")


def _values(finding: Finding, kind: Kind, name: str) -> tuple[Any, ...]:
    match finding.state:
        case State.MISSING:
            raise NameNotFoundError(name, kind.name, finding.detail)
        case State.FAILED:
            raise ResolutionError(name, kind.name, finding.detail)
        case _:
            return finding.values


def _both(four: Finding, six: Finding, name: str) -> tuple[str, ...]:
    """Return both kinds of addresses; errors count only when there are none."""
    if four.values or six.values:
        return four.values + six.values
    for finding in (four, six):  # a name exists or not whatever the type (RFC 8020, 2)
        if finding.state is State.MISSING:
            raise NameNotFoundError(name, Kind.A.name, finding.detail)
    return _values(four, Kind.A, name) + _values(six, Kind.AAAA, name)
