"""One DNS list: which of its codes an address is listed under (RFC 5782)."""

import asyncio
from collections.abc import Callable
from typing import Final

from mailwarden.services.engines.reputation.cache import TimedCache
from mailwarden.services.engines.reputation.complaints import Complaints
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.names import parse_address
from mailwarden.system.dns.resolver import NameNotFoundError, ResolutionError, Resolver

FAILURES_BEFORE_REST: Final = 5  # in a row
REST_SECONDS: Final = 30.0  # in which a list that does not answer is not asked
CODES_MAX: Final = 16  # of one address; more are left out

_LISTED: Final = "127."  # RFC 5782, 2.1
_FAULTY: Final = "127.255.255."  # lists answer so to those who may not ask, or ask too much
_REVERSE_SUFFIXES: Final = (".in-addr.arpa", ".ip6.arpa")


class Listing:
    """What a list says of an address. Never changed once made."""

    __slots__ = ("codes", "fault")

    def __init__(self, codes: tuple[str, ...], fault: str = "") -> None:
        self.codes: Final = codes  # such as 127.0.0.2; none: not listed
        self.fault: Final = fault  # why the list could not say


NOT_LISTED: Final = Listing(())


class DnsZone:
    """Asks one list, and remembers its answers.

    An address is asked for once in `cache_seconds`, whether it is listed, is not, or the list is
    dead: then its timeout is waited for once. After some failures in a row the list is left alone
    for `REST_SECONDS`.
    """

    __slots__ = (
        "_cache", "_clock", "_complaints", "_failures", "_resolver", "_rests_until", "_seconds",
        "_timeout", "zone",
    )  # fmt: skip

    def __init__(
        self,
        zone: str,
        resolver: Resolver,
        clock: Clock,
        warn: Callable[[str], None],
        *,
        timeout_seconds: float,
        entries_max: int,
        cache_seconds: float,
    ) -> None:
        """`warn` gets lines for the log, one a minute."""
        self.zone: Final = zone
        self._resolver = resolver
        self._clock = clock
        self._complaints = Complaints(warn)
        self._timeout = timeout_seconds
        self._seconds = cache_seconds
        self._cache: TimedCache[Listing] = TimedCache(entries_max)
        self._failures = 0
        self._rests_until = 0.0

    @property
    def is_resting(self) -> bool:
        """Whether the list is left alone, as it has not answered."""
        return self._clock.monotonic() < self._rests_until

    def peek(self, address: str) -> Listing | None:
        """Return what is known of `address`, without asking."""
        now = self._clock.monotonic()
        known = self._cache.get(address, now)
        if known is None and now < self._rests_until:
            return Listing((), f"{self.zone} is not asked for now, as it does not answer")
        return known

    async def find(self, address: str) -> Listing:
        """Return what the list says of `address`; never raises for what DNS does."""
        known = self.peek(address)
        if known is not None:
            return known
        name = question(address, self.zone)
        if not name:
            return Listing((), "not an IP address")
        listing = await self._ask(name)
        self._cache.put(address, listing, self._clock.monotonic() + self._seconds)
        return listing

    async def _ask(self, name: str) -> Listing:
        try:
            async with asyncio.timeout(self._timeout):
                answers = await self._resolver.resolve_a(name)
        except NameNotFoundError:
            answers = ()
        except ResolutionError as error:
            return self._failed(f"{self.zone} does not answer: {error.detail}")
        except TimeoutError:
            return self._failed(f"{self.zone} does not answer within {self._timeout:g} seconds")
        self._failures = 0
        return self._read(answers)

    def _read(self, answers: tuple[str, ...]) -> Listing:
        if not answers:
            return NOT_LISTED
        codes = [each for each in answers if each.startswith(_LISTED)]
        faulty = [each for each in codes if each.startswith(_FAULTY)]
        if faulty:
            return self._complain(f"{self.zone} refuses to say: {faulty[0]}")
        if not codes:  # the domain has other owners now, or the name server makes answers up
            return self._complain(f"{self.zone} answers {answers[0]}, which is no code of a list")
        return Listing(tuple(codes[:CODES_MAX]))

    def _failed(self, fault: str) -> Listing:
        self._failures += 1
        if self._failures >= FAILURES_BEFORE_REST:
            self._failures = 0
            self._rests_until = self._clock.monotonic() + REST_SECONDS
        return self._complain(fault)

    def _complain(self, fault: str) -> Listing:
        self._complaints.complain(f"Reputation: {fault}", self._clock.monotonic())
        return Listing((), fault)


def question(address: str, zone: str) -> str:
    """Return the name to ask `zone` for: `1.2.0.192.bl.example.org`; `""` if it is no address.

    IPv6 addresses are turned round nibble by nibble (RFC 5782, 2.4).
    """
    try:
        reverse = parse_address(address).reverse_name
    except ValueError:
        return ""
    for suffix in _REVERSE_SUFFIXES:
        reverse = reverse.removesuffix(suffix)
    return f"{reverse}.{zone}"
