"""What the gateway finds out about a client before it decides about it (mailflow 3.1).

Its name, its score and the DNS lists that have it are asked for at the same time, and only as far
as the host access table needs them for this client. All of it is peeked at first: what is known
already costs no task.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from mailwarden.core.policy.hat_index import Needs
from mailwarden.core.policy.host_forms import HostFacts, NameStatus
from mailwarden.services.engines.reputation.dns_zone import DnsZone
from mailwarden.services.engines.reputation.score import FAILED, Score
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import HostName, Resolver

if TYPE_CHECKING:
    from mailwarden.mailflow.listener.context import Parts

SCORE_SECONDS: Final = 20.0  # for a score (mailflow 2.2, unconfirmed)
REVERSE_SECONDS: Final = 20.0  # for a name, unless the settings say otherwise (admin SYS-13)
LIST_QUERY_SECONDS: Final = 5.0  # for one question to a DNS list (mailflow 2.2, unconfirmed)
LIST_ANSWERS_MAX: Final = 10_000  # of one list, that are remembered
LIST_CACHE_SECONDS: Final = 300.0  # for which they are

NOT_ENABLED: Final = "not enabled"  # what the log says behind SBRS (mailflow 8.2)

NO_NAME_ASKED: Final = HostName("", NameStatus.EXISTS)
NO_ANSWER: Final = HostName("", NameStatus.SERV_FAIL)


class Known(NamedTuple):
    """What was found out about a client."""

    facts: HostFacts
    sbrs: float | str | None  # as the log shows it


class Question(NamedTuple):
    """What to find out about a client."""

    address: str
    needs: Needs  # of the table
    name: HostName | None  # None: look it up
    uses_reputation: bool
    reverse_seconds: float = REVERSE_SECONDS  # that the lookup of the name may take


class Reputation(Protocol):
    """Knows the scores of hosts, and is told what is seen of them."""

    def peek(self, address: str) -> Score | None:
        """Return the score of `address`, if that needs no waiting."""
        ...

    async def score(self, address: str) -> Score:
        """Return the score of `address`; never raises for what outside help does."""
        ...

    def note(self, address: str, messages: int, recipients: int, bad_recipients: int) -> None:
        """Take what a connection of `address` showed."""
        ...


class DnsLists:
    """The DNS lists that host access tables name; each is asked once for an address in a while."""

    __slots__ = ("_clock", "_resolver", "_warn", "_zones")

    def __init__(self, resolver: Resolver, clock: Clock, warn: Callable[[str], None]) -> None:
        """`warn` gets lines for the log, one a minute for each list that fails."""
        self._resolver = resolver
        self._clock = clock
        self._warn = warn
        self._zones: Final[dict[str, DnsZone]] = {}

    def peek(self, address: str, zones: Sequence[str]) -> tuple[str, ...] | None:
        """Return which of `zones` list `address`, if all of them have answered."""
        listed: list[str] = []
        for name in zones:
            listing = self._zone(name).peek(address)
            if listing is None:
                return None
            if listing.codes:
                listed.append(name)
        return tuple(listed)

    async def find(self, address: str, zones: Sequence[str]) -> tuple[str, ...]:
        """Return which of `zones` list `address`; one that fails does not."""
        async with asyncio.TaskGroup() as group:
            asking = [(name, group.create_task(self._zone(name).find(address))) for name in zones]
        return tuple([name for name, task in asking if task.result().codes])

    def flush(self) -> int:
        """Forget all answers; return of how many lists they were."""
        count = len(self._zones)
        self._zones.clear()
        return count

    def _zone(self, name: str) -> DnsZone:
        zone = self._zones.get(name)
        if zone is None:
            zone = self._zones[name] = DnsZone(
                name,
                self._resolver,
                self._clock,
                self._warn,
                timeout_seconds=LIST_QUERY_SECONDS,
                entries_max=LIST_ANSWERS_MAX,
                cache_seconds=LIST_CACHE_SECONDS,
            )
        return zone


def peek_host(parts: "Parts", question: Question) -> Known | None:
    """Return what is known of a client, if that is all that is needed."""
    address, needs, name, uses_reputation, _ = question
    if name is None:
        name = parts.resolver.peek_host_name(address)
        if name is None:
            return None
    listed: tuple[str, ...] = ()
    if needs.dnslists:
        known = parts.dns_lists.peek(address, needs.dnslists)
        if known is None:
            return None
        listed = known
    reputation = parts.reputation if uses_reputation else None
    if reputation is None:
        return _known(address, name, NOT_ENABLED, listed)
    score = reputation.peek(address)
    if score is None and needs.score:
        return None
    return _known(address, name, None if score is None else score.logged, listed)


async def find_host(parts: "Parts", question: Question) -> Known:
    """Ask for what is needed to know about a client; never raises for what others do."""
    address, needs, name, uses_reputation, seconds = question
    reputation = parts.reputation if uses_reputation else None
    async with asyncio.TaskGroup() as group:
        naming = group.create_task(_find_name(parts.resolver, address, name, seconds))
        scoring = group.create_task(_find_score(reputation, address, is_needed=needs.score))
        listing = group.create_task(parts.dns_lists.find(address, needs.dnslists))
    return _known(address, naming.result(), scoring.result(), listing.result())


async def _find_name(
    resolver: Resolver, address: str, name: HostName | None, seconds: float
) -> HostName:
    if name is not None:
        return name
    try:
        async with asyncio.timeout(seconds):
            return await resolver.resolve_host_name(address)
    except TimeoutError:
        return NO_ANSWER


async def _find_score(
    reputation: Reputation | None, address: str, *, is_needed: bool
) -> float | str | None:
    if reputation is None:
        return NOT_ENABLED
    known = reputation.peek(address)
    if known is not None or not is_needed:
        return None if known is None else known.logged
    try:
        async with asyncio.timeout(SCORE_SECONDS):
            return (await reputation.score(address)).logged
    except TimeoutError:
        return FAILED


def _known(
    address: str, name: HostName, sbrs: float | str | None, listed: tuple[str, ...]
) -> Known:
    score = None if isinstance(sbrs, str) else sbrs
    return Known(HostFacts(address, name.name, name.status, score, "", listed), sbrs)
