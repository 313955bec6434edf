"""Several providers as one: the first that knows the address gives the score."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from mailwarden.core.problem import TemporaryFailureError
from mailwarden.services.engines.reputation.cache import TimedCache
from mailwarden.services.engines.reputation.complaints import Complaints
from mailwarden.services.engines.reputation.networks import (
    ADDRESS_LENGTH_MAX,
    is_private,
    pack_address,
)
from mailwarden.services.engines.reputation.score import FAILED, PRIVATE, Reputation, Score
from mailwarden.system.clock.clock import Clock

NAME: Final = "reputation"
_PRIVATE: Final = Score(None, NAME, "a private address, about which nobody is asked", word=PRIVATE)


class CombinedReputation:
    """Asks providers in their order, and remembers what came of it for a while.

    Whoever asks for an address that is being asked for waits for the same answer. To be used from
    one event loop.
    """

    __slots__ = ("_asking", "_cache", "_clock", "_complaints", "_providers", "_seconds", "_timeout")

    def __init__(
        self,
        providers: Sequence[Reputation],
        clock: Clock,
        warn: Callable[[str], None],
        *,
        entries_max: int,
        cache_seconds: float,
        timeout_seconds: float,
    ) -> None:
        """`timeout_seconds` is for one provider that does not keep to its own."""
        self._providers = tuple(providers)
        self._clock = clock
        self._complaints = {provider.name: Complaints(warn) for provider in providers}
        self._cache: TimedCache[Score] = TimedCache(entries_max)
        self._seconds = cache_seconds
        self._timeout = timeout_seconds
        self._asking: dict[str, asyncio.Future[Score | None]] = {}

    @property
    def name(self) -> str:
        """What logs call it."""
        return NAME

    def peek(self, address: str) -> Score | None:
        """Return the score of `address` if all who have to be asked know it already."""
        known = self._cache.get(address, self._clock.monotonic())
        if known is not None:
            return known
        if is_private(pack_address(address)):
            return _PRIVATE
        asked: list[Score] = []
        for provider in self._providers:
            score = provider.peek(address)
            if score is None:
                return None
            asked.append(score)
            if score.value is not None:
                break
        return self._keep(address, asked)

    async def score(self, address: str) -> Score:
        """Return the score of `address`."""
        known = self.peek(address)
        while known is None:
            asking = self._asking.get(address)
            if asking is None:
                return await self._lead(address)
            # Shielded: that one waiter is cancelled is nothing to the others.
            known = await asyncio.shield(asking)  # None: he who asked was cancelled
        return known

    def forget(self) -> None:
        """Ask anew for every address from now on."""
        self._cache.clear()

    async def _lead(self, address: str) -> Score:
        asking: asyncio.Future[Score | None] = asyncio.get_running_loop().create_future()
        self._asking[address] = asking
        score: Score | None = None
        try:
            score = await self._ask(address)
            return score
        finally:
            del self._asking[address]
            asking.set_result(score)

    async def _ask(self, address: str) -> Score:
        asked: list[Score] = []
        for provider in self._providers:
            score = provider.peek(address)
            if score is None:
                score = await self._ask_one(provider, address)
            asked.append(score)
            if score.value is not None:
                break
        return self._keep(address, asked)

    async def _ask_one(self, provider: Reputation, address: str) -> Score:
        try:
            async with asyncio.timeout(self._timeout):
                return await provider.score(address)
        except TimeoutError:
            fault = f"no answer within {self._timeout:g} seconds"
        except TemporaryFailureError as error:
            fault = str(error)
        self._complaints[provider.name].complain(
            f"Reputation: {provider.name} failed for {address}: {fault}", self._clock.monotonic()
        )
        return Score(None, provider.name, fault, word=FAILED)

    def _keep(self, address: str, asked: list[Score]) -> Score:
        last = asked[-1] if asked else Score(None, NAME, "no provider")
        if last.value is not None:
            score = last._replace(others=tuple(asked[:-1])) if len(asked) > 1 else last
        else:  # one line of all: nobody else will say why there is none
            why = "; ".join([f"{each.provider}: {each.why}" for each in asked]) or last.why
            word = next((each.word for each in asked if each.word), "")
            score = Score(None, NAME, why, tuple(asked), word)
        if len(address) <= ADDRESS_LENGTH_MAX:  # what is remembered has a size known beforehand
            self._cache.put(address, score, self._clock.monotonic() + self._seconds)
        return score
