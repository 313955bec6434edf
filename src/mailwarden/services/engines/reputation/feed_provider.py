"""Scores from a signed text file, taken up again whenever it changes."""

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

from mailwarden.core.problem import Problem
from mailwarden.services.engines.reputation.feed import FEED_BYTES_MAX, Feed, parse_feed
from mailwarden.services.engines.reputation.networks import pack_address
from mailwarden.services.engines.reputation.score import FAILED, Score
from mailwarden.services.engines.reputation.signature import (
    KEY_BYTES_MAX,
    SIGNATURE_BYTES_MAX,
    SignatureError,
    load_verifier,
)

SIGNATURE_SUFFIX: Final = ".sig"
REST_SECONDS: Final = 0.002  # after each two milliseconds or so of reading a feed
PROBLEMS_SHOWN: Final = 5  # in the log

_Mark = tuple[int, int, int]  # of a file: inode, size, time of change


class FeedError(ValueError):
    """A feed cannot be read; the message says why."""


class Loaded(NamedTuple):
    """What came of reading a feed; with a fault there is no feed to use."""

    feed: Feed | None
    fault: str = ""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


class FeedReputation:
    """The scores of one feed.

    `load` at the start, then `watch` in a task. A feed counts as a whole or not at all: whatever
    is wrong with a new one, the one before stays in use.
    """

    def __init__(
        self,
        name: str,
        path: str,
        key_path: str,
        *,
        check_seconds: float,
        inform: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        """`inform` and `warn` get lines for the log, in the thread of the event loop."""
        self._name = name
        self._path = path
        self._paths = (path, path + SIGNATURE_SUFFIX, key_path)
        self._check_seconds = check_seconds
        self._inform = inform
        self._warn = warn
        self._feed: Feed | None = None
        self._fault = "the feed was not read yet"
        self._read: tuple[_Mark | None, ...] | None = None  # the files as they were read last
        self._seen: tuple[_Mark | None, ...] | None = None  # and as they were looked at last
        self._closing = threading.Event()
        self.loaded: Final = asyncio.Event()  # it was read for the first time, well or not

    @property
    def name(self) -> str:
        """What logs and settings call it."""
        return self._name

    @property
    def feed(self) -> Feed | None:
        """What is in use."""
        return self._feed

    @property
    def fault(self) -> str:
        """Why what was read last is not in use; "" is that it is."""
        return self._fault

    def peek(self, address: str) -> Score:
        """Return the score of `address`; it never needs waiting."""
        if self._feed is None:
            return Score(None, self._name, self._fault, word=FAILED)
        packed = pack_address(address)
        if not packed:
            return Score(None, self._name, "not an IP address")
        found = self._feed.find(packed)
        if found is None:
            return Score(None, self._name, "not listed")
        note = f" ({found.note})" if found.note else ""
        return Score(found.tenths / 10, self._name, f"{self._name} lists {found.network}{note}")

    async def score(self, address: str) -> Score:
        """Return the score of `address`."""
        return self.peek(address)

    async def load(self) -> None:
        """Read the feed as it is now; never raises, says in the log what is wrong."""
        self._seen = self._read = await asyncio.to_thread(self._marks)
        loaded = await asyncio.to_thread(load_feed, *self._paths, self._rest)
        self._take(loaded)
        self.loaded.set()

    async def refresh(self) -> None:
        """Read the feed if it has changed, but not since the look before this one.

        That gives whoever writes it the time to write all of it, and its signature.
        """
        marks = await asyncio.to_thread(self._marks)
        settled, self._seen = marks == self._seen, marks
        if settled and marks != self._read:
            await self.load()

    async def watch(self) -> None:
        """Look at the files for ever."""
        while True:
            await asyncio.sleep(self._check_seconds)
            await self.refresh()

    def close(self) -> None:
        """Give up a reading under way, so that its thread ends."""
        self._closing.set()

    def _rest(self) -> None:
        if self._closing.wait(REST_SECONDS):
            raise FeedError("closed while reading")

    def _take(self, loaded: Loaded) -> None:
        where = f"Reputation: feed {self._name}"
        if loaded.feed is not None:
            self._feed, self._fault = loaded.feed, ""
            self._inform(f"{where}: {len(loaded.feed)} networks from {self._path}")
            if loaded.warnings:
                self._warn(f"{where}: taken, but {_brief(loaded.warnings)}")
            return
        self._fault = f"no feed: {loaded.fault}"
        kept = "" if self._feed is None else "; the one before stays in use"
        self._warn(f"{where}: {self._path} not taken: {loaded.fault}{kept}")

    def _marks(self) -> tuple[_Mark | None, ...]:
        return tuple(_mark(path) for path in self._paths)


def load_feed(path: str, signature_path: str, key_path: str, rest: Callable[[], None]) -> Loaded:
    """Return what a feed's files hold; the feed is not even looked at before its signature."""
    try:
        key = load_verifier(read_bounded(key_path, KEY_BYTES_MAX + 2))
        signature = read_bounded(signature_path, SIGNATURE_BYTES_MAX)
        content = read_bounded(path, FEED_BYTES_MAX)
        key.verify(content, signature)
        imported = parse_feed(content, rest)
    except (OSError, SignatureError, FeedError) as error:
        return Loaded(None, str(error))
    if imported.problems:
        return Loaded(None, _brief(imported.problems), imported.problems, imported.warnings)
    return Loaded(imported.table, warnings=imported.warnings)


def read_bounded(path: str, size_max: int) -> bytes:
    """Return what a file holds.

    Raises:
        OSError: it cannot be read.
        FeedError: it has more than `size_max` bytes.
    """
    # Not blocking: a pipe in a feed's place must not hold up the thread for ever.
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        content = file.read(size_max + 1)
    if len(content) > size_max:
        raise FeedError(f"{path} is larger than {size_max} bytes")
    return content


def _mark(path: str) -> _Mark | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _brief(problems: tuple[Problem, ...]) -> str:
    texts = [f"{each.path}: {each.message}".removeprefix(": ") for each in problems]
    more = len(texts) - PROBLEMS_SHOWN
    return "; ".join(texts[:PROBLEMS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
