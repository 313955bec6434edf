"""Scores from what this gateway itself saw of an address and its network."""

import asyncio
import threading
from collections.abc import Callable
from typing import Final

from mailwarden.services.engines.reputation.history_file import (
    HistoryFileError,
    load_history,
    save_history,
)
from mailwarden.services.engines.reputation.history_score import judge
from mailwarden.services.engines.reputation.history_table import HistoryMemory, Traffic
from mailwarden.services.engines.reputation.networks import (
    address_key,
    describe_network,
    network_key,
    pack_address,
)
from mailwarden.services.engines.reputation.score import Score
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files

NAME: Final = "history"
REST_SECONDS: Final = 0.002  # after each millisecond or two of saving and loading
SECONDS_PER_DAY: Final = 86400.0


class ClosedError(Exception):
    """The history was closed while it was saved or loaded."""


class HistoryReputation:
    """Counts what is seen, and judges by it.

    All workers count in the same memory (see `make_history`); each has one of these. One of them,
    chosen by the caller, also loads at the start and saves.
    """

    def __init__(
        self,
        descriptor: int,
        clock: Clock,
        files: Files,
        path: str,
        *,
        memory_days: float,
        warn: Callable[[str], None],
    ) -> None:
        """`path` is where it is saved; `warn` gets lines for the log.

        Raises:
            ValueError: the descriptor is not from `make_history`.
        """
        self._memory = HistoryMemory(descriptor, memory_days * SECONDS_PER_DAY)
        self._clock = clock
        self._files = files
        self._path = path
        self._days = memory_days
        self._warn = warn
        self._saving = threading.Lock()
        self._closing = threading.Event()
        self._is_hurried = False

    @property
    def name(self) -> str:
        """What logs and settings call it."""
        return NAME

    def record(self, address: str, seen: Traffic) -> None:
        """Count what was seen of `address`, for itself and for its network."""
        packed = pack_address(address)
        if packed:
            now = self._clock.time()
            self._memory.addresses.add(address_key(packed), seen, now)
            self._memory.networks.add(network_key(packed), seen, now)

    def recall(self, address: str) -> tuple[Traffic, Traffic]:
        """Return what is remembered of `address` and of its network, itself included."""
        packed = pack_address(address)
        if not packed:
            return Traffic(), Traffic()
        now = self._clock.time()
        return (
            self._memory.addresses.find(address_key(packed), now),
            self._memory.networks.find(network_key(packed), now),
        )

    def forget(self, address: str) -> None:
        """Forget what was seen of `address`; its network forgets that part."""
        packed = pack_address(address)
        if packed:
            own, _ = self.recall(address)
            self._memory.networks.take_back(network_key(packed), own, self._clock.time())
            self._memory.addresses.forget(address_key(packed))

    def peek(self, address: str) -> Score:
        """Return the score of `address`; it never needs waiting."""
        packed = pack_address(address)
        if not packed:
            return Score(None, NAME, "not an IP address")
        own, network = self.recall(address)
        value, why = judge(own, network, self._days, describe_network(packed))
        return Score(value, NAME, why)

    async def score(self, address: str) -> Score:
        """Return the score of `address`."""
        return self.peek(address)

    async def load(self) -> None:
        """Load what was saved, unless another worker has; never raises, says what is wrong."""
        if self._memory.is_loaded:
            return
        try:
            await asyncio.to_thread(
                load_history, self._files, self._path, self._memory, self._clock.time(), self._rest
            )
        except FileNotFoundError:
            pass  # the first start
        except ClosedError:
            return
        except (OSError, HistoryFileError) as error:
            self._warn(f"Reputation: {self._path} not loaded, it starts empty: {error}")
        self._memory.set_loaded()

    async def save(self) -> None:
        """Save everything; never raises, says in the log what is wrong.

        Does nothing before `load`: it would take the place of what was saved.
        """
        if not self._memory.is_loaded:
            return
        try:
            await asyncio.to_thread(self._save)
        except ClosedError:
            return
        except OSError as error:
            self._warn(f"Reputation: the history was not saved to {self._path}: {error}")

    async def keep_saving(self, seconds: float) -> None:
        """Save for ever, every so many seconds."""
        while True:
            await asyncio.sleep(seconds)
            await self.save()

    async def save_now(self) -> None:
        """Save for the last time, as fast as it goes: nothing else is to be done any more."""
        self._is_hurried = True
        await self.save()

    def close(self) -> None:
        """Give up a loading or saving under way, so that its thread ends."""
        self._closing.set()

    def _save(self) -> None:
        # The thread of a save that was cancelled may still be at work, on the same new file.
        with self._saving:
            save_history(self._files, self._path, self._memory, self._clock.time(), self._rest)

    def _rest(self) -> None:
        if self._closing.wait(0.0 if self._is_hurried else REST_SECONDS):
            raise ClosedError
