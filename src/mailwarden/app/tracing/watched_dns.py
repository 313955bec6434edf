"""A resolver that notes what it is asked and how long the answer took."""

from collections.abc import Awaitable
from time import perf_counter
from typing import Final, Protocol, TypeVar

from mailwarden.app.tracing.report import Lookup
from mailwarden.core.policy.host_forms import NameStatus
from mailwarden.core.problem import PermanentFailureError, TemporaryFailureError
from mailwarden.system.dns.answers import Finding
from mailwarden.system.dns.resolver import HostName, MxHost, Resolver
from mailwarden.system.dns.tlsa import FindingResolver
from mailwarden.system.dns.wire import Kind

T = TypeVar("T")
LOOKUPS_MAX: Final = 10_000
ANSWER_LENGTH_MAX: Final = 500


class FullResolver(Resolver, FindingResolver, Protocol):
    """What a trace asks: names, and what DNSSEC says of them."""


class WatchedResolver:
    """Asks another resolver. The client may be given a name that DNS does not know."""

    def __init__(self, inner: FullResolver, client: str, name: str | None) -> None:
        """`name` is that of `client`: "" is none, and None asks."""
        self._inner: Final = inner
        self._client: Final = client
        self._given: Final = (
            None
            if name is None
            else HostName(name, NameStatus.EXISTS if name else NameStatus.NX_DOMAIN)
        )
        self.lookups: Final[list[Lookup]] = []

    async def resolve_mx(self, name: str) -> tuple[MxHost, ...]:
        """Return the mail exchangers of `name`."""
        return await self._watch(f"MX {name}", self._inner.resolve_mx(name))

    async def resolve_addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of `name`."""
        return await self._watch(f"A and AAAA {name}", self._inner.resolve_addresses(name))

    async def resolve_reverse(self, address: str) -> tuple[str, ...]:
        """Return the names that an address claims to have."""
        return await self._watch(f"PTR {address}", self._inner.resolve_reverse(address))

    async def resolve_host_name(self, address: str) -> HostName:
        """Return a name of `address` that leads back to it, or why there is none."""
        if self._given is not None and address == self._client:
            return self._given
        return await self._watch(f"name of {address}", self._inner.resolve_host_name(address))

    async def resolve_a(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of `name` alone."""
        return await self._watch(f"A {name}", self._inner.resolve_a(name))

    async def resolve_txt(self, name: str) -> tuple[bytes, ...]:
        """Return the TXT records of `name`."""
        return await self._watch(f"TXT {name}", self._inner.resolve_txt(name))

    async def find(self, kind: Kind, name: str) -> Finding:
        """Return what is known of records `kind` of `name`."""
        return await self._watch(f"{kind.name} {name} (DNSSEC)", self._inner.find(kind, name))

    def peek_mx(self, name: str) -> tuple[MxHost, ...] | None:
        """Return what `resolve_mx` would, if it is known."""
        return self._inner.peek_mx(name)

    def peek_addresses(self, name: str) -> tuple[str, ...] | None:
        """Return what `resolve_addresses` would, if it is known."""
        return self._inner.peek_addresses(name)

    def peek_host_name(self, address: str) -> HostName | None:
        """Return what `resolve_host_name` would, if it is known."""
        if self._given is not None and address == self._client:
            return self._given
        return self._inner.peek_host_name(address)

    def peek_a(self, name: str) -> tuple[str, ...] | None:
        """Return what `resolve_a` would, if it is known."""
        return self._inner.peek_a(name)

    def close(self) -> None:
        """Give up all questions under way."""
        self._inner.close()

    async def _watch(self, question: str, asking: Awaitable[T]) -> T:
        started = perf_counter()
        answer = "no answer in time"
        try:
            found = await asking
            answer = _words(found)
            return found
        except (PermanentFailureError, TemporaryFailureError) as error:
            answer = str(error)
            raise
        finally:
            if len(self.lookups) < LOOKUPS_MAX:
                taken = (perf_counter() - started) * 1e6
                self.lookups.append(Lookup(question, answer[:ANSWER_LENGTH_MAX], taken))


def _words(found: object) -> str:
    if isinstance(found, HostName):
        return f"{found.name} ({found.status.value})" if found.name else found.status.value
    if isinstance(found, Finding):
        proved = "proved, " if found.is_secure else ""
        return f"{proved}{found.state.name.lower()}: {len(found.values)}"
    if isinstance(found, tuple):
        return ", ".join(map(_word, found)) or "none"
    return str(found)


def _word(value: object) -> str:
    if isinstance(value, MxHost):
        return f"{value.preference} {value.host or '.'}"
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
