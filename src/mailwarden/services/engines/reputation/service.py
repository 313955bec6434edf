"""Reputation as a worker uses it: the providers that are set, and the history that it feeds.

A reload brings other settings. What they leave as it was is kept, with what it remembers: a feed
of a million lines is not read again because a DNS list was added.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mailwarden.services.engines.reputation.combined import CombinedReputation
from mailwarden.services.engines.reputation.dns_lists import DnsListReputation, Weights
from mailwarden.services.engines.reputation.dns_zone import DnsZone, Listing
from mailwarden.services.engines.reputation.feed_provider import FeedReputation
from mailwarden.services.engines.reputation.gathering import Gathering, Later
from mailwarden.services.engines.reputation.history import HistoryReputation
from mailwarden.services.engines.reputation.history_table import Traffic
from mailwarden.services.engines.reputation.score import Reputation, Score
from mailwarden.services.engines.reputation.settings import (
    DnsListSettings,
    FeedSettings,
    Provider,
    ReputationSettings,
)
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import Resolver
from mailwarden.system.files.files import Files

PROVIDER_SECONDS_MAX: Final = 20.0  # of a provider that keeps to no limit (mailflow 2.2)
FEEDS_SECONDS_MAX: Final = 10.0  # that a start or reload waits for feeds to be read
HISTORY_SECONDS_MAX: Final = 1.0  # the same of the history, which goes on while mail comes
_HISTORY: Final = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What providers work with. `inform` and `warn` get lines for the log."""

    resolver: Resolver
    clock: Clock
    files: Files
    later: Later  # of the event loop
    inform: Callable[[str], None]
    warn: Callable[[str], None]
    memory: int  # descriptor of `make_history`; stays the caller's
    path: str  # where the history is saved
    is_keeper: bool  # whether this worker loads and saves the history of all


class Health(NamedTuple):
    """How well a provider is; `detail` is for people."""

    name: str
    is_well: bool
    detail: str


class ReputationService:
    """Scores by the settings of now. To be used from one event loop."""

    def __init__(self, settings: ReputationSettings, means: Means) -> None:
        """Build the providers; `start` lets them work.

        Raises:
            ValueError: the descriptor is no history.
        """
        self._means = means
        self._settings = settings
        self._feeds: dict[FeedSettings, FeedReputation] = {}
        self._tasks: dict[FeedSettings | str, asyncio.Task[None]] = {}
        self._zones: dict[str, DnsZone] = {}
        self._providers: tuple[Reputation, ...] = ()
        self._history = self._make_history(settings)
        self._gathering = Gathering(self.record, means.later)
        self._combined = self._combine(settings)

    @property
    def is_keeper(self) -> bool:
        """Whether this one loads and saves the history of all."""
        return self._means.is_keeper

    async def start(self) -> None:
        """Load what was saved and what feeds hold, and keep both up to date from now on."""
        loading = self._watch_feeds()
        if self._means.is_keeper:
            await _wait_all([self._keep_history()], HISTORY_SECONDS_MAX)
        await self._wait_feeds(loading)

    async def apply(self, settings: ReputationSettings) -> None:
        """Work by other settings; the ones before hold until those can be used."""
        before, self._settings = self._settings, settings
        if before == settings:
            return
        if before.history.memory_days != settings.history.memory_days:
            self._gathering.hand_over()
            self._history.close()
            self._history = self._make_history(settings)
        if _timing(before) != _timing(settings):
            self._zones.clear()
        combined = self._combine(settings)
        if self._means.is_keeper:
            self._keep_history()
        await self._wait_feeds(self._watch_feeds())
        self._combined = combined

    def peek(self, address: str) -> Score | None:
        """Return the score of `address`, if that needs no waiting."""
        return self._combined.peek(address)

    async def score(self, address: str) -> Score:
        """Return the score of `address`; never raises for what outside help does."""
        return await self._combined.score(address)

    async def explain(self, address: str) -> list[Score]:
        """Return what each provider says of `address`, in their order."""
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(self._of_one(each, address)) for each in self._providers]
        return [task.result() for task in asking]

    def note(self, address: str, messages: int, recipients: int, bad_recipients: int) -> None:
        """Count what a connection showed of `address`, for the history of a second later."""
        self._gathering.add(address, messages, recipients, bad_recipients)

    def record(self, address: str, seen: Traffic) -> None:
        """Count what was seen of `address` for the history, whether or not it gives scores."""
        self._history.record(address, seen)

    def recall(self, address: str) -> tuple[Traffic, Traffic]:
        """Return what is remembered of `address` and of its network."""
        self._gathering.hand_over()
        return self._history.recall(address)

    def forget(self, address: str) -> None:
        """Forget what was seen of `address`; all workers are to be told, and one of them does."""
        self._gathering.hand_over()
        if self._means.is_keeper:  # two at once would take it from the network twice
            self._history.forget(address)
        self.forget_scores()

    def forget_scores(self) -> None:
        """Let the scores of all addresses be found anew."""
        self._combined.forget()

    def flush_lists(self) -> int:
        """Forget what DNS lists have answered; return how many lists they were."""
        count = len(self._zones)
        self._zones.clear()
        self._combined = self._combine(self._settings)
        return count

    async def ask_list(self, zone: str, address: str) -> Listing:
        """Return what a DNS list says now, whether or not it is set; nothing is remembered."""
        return await self._zone(DnsListSettings(zone=zone)).find(address)

    def health(self) -> list[Health]:
        """Return how well each provider is, in their order."""
        found = [_health_of_feed(each) for each in self._feeds.values()]
        found += [_health_of_zone(each) for each in self._zones.values()]
        if Provider.HISTORY in self._settings.order:
            found.append(Health(_HISTORY, is_well=True, detail="what this gateway saw itself"))
        return found

    async def close(self) -> None:
        """Save the history, and let everything go."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._gathering.hand_over()
        if self._means.is_keeper:
            await self._history.save_now()
        self._history.close()
        for feed in self._feeds.values():
            feed.close()

    async def _of_one(self, provider: Reputation, address: str) -> Score:
        try:
            async with asyncio.timeout(PROVIDER_SECONDS_MAX):
                return await provider.score(address)
        except TimeoutError:
            return Score(None, provider.name, f"no answer in {PROVIDER_SECONDS_MAX:g} seconds")

    def _make_history(self, settings: ReputationSettings) -> HistoryReputation:
        means = self._means
        return HistoryReputation(
            means.memory, means.clock, means.files, means.path,
            memory_days=settings.history.memory_days, warn=means.warn,
        )  # fmt: skip

    def _combine(self, settings: ReputationSettings) -> CombinedReputation:
        providers: list[Reputation] = []
        for provider in settings.order:
            match provider:
                case Provider.FEEDS:
                    providers += [self._feed(feed) for feed in settings.feeds]
                case Provider.DNS_LISTS if settings.dns_lists:
                    providers.append(self._dns_lists(settings.dns_lists))
                case Provider.HISTORY:
                    providers.append(self._history)
        self._providers = tuple(providers)
        return CombinedReputation(
            providers, self._means.clock, self._means.warn,
            entries_max=settings.cache_entries_max,
            cache_seconds=settings.cache_seconds,
            timeout_seconds=PROVIDER_SECONDS_MAX,
        )  # fmt: skip

    def _feed(self, settings: FeedSettings) -> FeedReputation:
        feed = self._feeds.get(settings)
        if feed is None:
            feed = self._feeds[settings] = FeedReputation(
                settings.name, settings.path, settings.key_file,
                check_seconds=settings.check_seconds,
                inform=self._means.inform, warn=self._means.warn,
            )  # fmt: skip
        return feed

    def _dns_lists(self, lists: Sequence[DnsListSettings]) -> DnsListReputation:
        """Return the provider of `lists`; a list that there was keeps what it knows."""
        self._zones = {each.zone: self._zones.get(each.zone) or self._zone(each) for each in lists}
        return DnsListReputation(
            [(self._zones[each.zone], Weights(each.scores, each.other_score)) for each in lists]
        )

    def _zone(self, settings: DnsListSettings) -> DnsZone:
        means = self._means
        return DnsZone(
            settings.zone, means.resolver, means.clock, means.warn,
            timeout_seconds=self._settings.dns_timeout_seconds,
            entries_max=self._settings.cache_entries_max,
            cache_seconds=self._settings.dns_cache_seconds,
        )  # fmt: skip

    def _keep_history(self) -> asyncio.Event:
        """Load the history where that was not done, and save it at the interval of now."""
        task = self._tasks.pop(_HISTORY, None)
        if task is not None:
            task.cancel()
        loaded = asyncio.Event()
        self._tasks[_HISTORY] = asyncio.create_task(
            _load_and_save(self._history, loaded, self._settings.history.save_seconds)
        )
        return loaded

    def _watch_feeds(self) -> list[asyncio.Event]:
        """Read feeds that are new, watch all that are used, and let go of the others."""
        used = set(self._settings.feeds) if Provider.FEEDS in self._settings.order else set()
        for feed in [feed for feed in self._feeds if feed not in used]:
            self._tasks.pop(feed).cancel()
            self._feeds.pop(feed).close()
        fresh = [each for each in self._feeds if each not in self._tasks]
        for each in fresh:
            self._tasks[each] = asyncio.create_task(_load_and_watch(self._feeds[each]))
        return [self._feeds[each].loaded for each in fresh]

    async def _wait_feeds(self, loading: Sequence[asyncio.Event]) -> None:
        if not await _wait_all(loading, FEEDS_SECONDS_MAX):
            self._means.warn("Reputation: feeds take long to be read, and are not waited for")


def _health_of_feed(feed: FeedReputation) -> Health:
    held = "" if feed.feed is None else f"{len(feed.feed)} networks"
    return Health(f"feed {feed.name}", not feed.fault, "; ".join(filter(None, (held, feed.fault))))


def _health_of_zone(zone: DnsZone) -> Health:
    detail = "does not answer, and is not asked for now" if zone.is_resting else "is asked"
    return Health(f"DNS list {zone.zone}", not zone.is_resting, detail)


async def _wait_all(events: Sequence[asyncio.Event], seconds: float) -> bool:
    """Wait up to `seconds`; return whether all have come."""
    try:
        async with asyncio.timeout(seconds):
            for event in events:
                await event.wait()
    except TimeoutError:
        return False
    return True


async def _load_and_save(history: HistoryReputation, loaded: asyncio.Event, seconds: float) -> None:
    await history.load()
    loaded.set()
    await history.keep_saving(seconds)


async def _load_and_watch(feed: FeedReputation) -> None:
    await feed.load()
    await feed.watch()


def _timing(settings: ReputationSettings) -> tuple[float, float, int]:
    """Return what a list that was built once does not change any more."""
    return (
        settings.dns_timeout_seconds,
        settings.dns_cache_seconds,
        settings.cache_entries_max,
    )
