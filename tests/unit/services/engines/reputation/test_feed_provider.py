"""Feeds on disk: taken when signed and right, kept otherwise, read again when changed."""

import os
from pathlib import Path

import pytest

from mailwarden.services.engines.reputation.feed_provider import FeedReputation
from mailwarden.services.engines.reputation.score import FAILED, Score
from mailwarden.services.engines.reputation.signature import HmacVerifier

KEY = b"k" * 32


class Place:
    """A folder with a feed, its signature and its key."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "scores.txt"
        self.signature = folder / "scores.txt.sig"
        self.key = folder / "key"
        self.key.write_bytes(KEY)
        self.told: list[str] = []
        self.warned: list[str] = []
        self.moment = 1_000_000_000

    def write(self, content: bytes, key: bytes = KEY) -> None:
        """Write and sign a feed, later than the one before."""
        self.path.write_bytes(content)
        self.signature.write_text(HmacVerifier(key).sign(content))
        self.moment += 1
        os.utime(self.path, (self.moment, self.moment))

    def feed(self) -> FeedReputation:
        return FeedReputation(
            "local", str(self.path), str(self.key),
            check_seconds=30, inform=self.told.append, warn=self.warned.append,
        )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def value(feed: FeedReputation, address: str = "192.0.2.1") -> float | None:
    return feed.peek(address).value


async def test_scores_of_a_feed(place: Place) -> None:
    place.write(b"192.0.2.0/24 -4.5 dial-up pool\n192.0.2.9 1\n")
    feed = place.feed()
    await feed.load()
    assert feed.peek("192.0.2.1") == Score(-4.5, "local", "local lists 192.0.2.0/24 (dial-up pool)")
    assert await feed.score("192.0.2.9") == Score(1.0, "local", "local lists 192.0.2.9")
    assert feed.peek("192.0.3.1") == Score(None, "local", "not listed")
    assert feed.peek("nonsense") == Score(None, "local", "not an IP address")
    assert place.told == [f"Reputation: feed local: 2 networks from {place.path}"]
    assert place.warned == []


def test_before_it_is_read_there_is_no_score(place: Place) -> None:
    score = place.feed().peek("192.0.2.1")
    assert score == Score(None, "local", "the feed was not read yet", word=FAILED)


async def test_a_change_is_taken_once_it_has_settled(place: Place) -> None:
    place.write(b"192.0.2.1 -1\n")
    feed = place.feed()
    await feed.load()
    await feed.refresh()
    assert len(place.told) == 1
    place.write(b"192.0.2.1 -2\n")
    await feed.refresh()
    assert value(feed) == -1.0
    await feed.refresh()
    assert value(feed) == -2.0
    await feed.refresh()
    assert len(place.told) == 2


async def test_a_file_that_keeps_changing_is_not_read(place: Place) -> None:
    place.write(b"192.0.2.1 -1\n")
    feed = place.feed()
    await feed.load()
    for _ in range(4):
        place.write(b"192.0.2.1 -2\n")
        await feed.refresh()
    assert value(feed) == -1.0


async def test_only_the_signature_changes(place: Place) -> None:
    place.write(b"192.0.2.1 -1\n", key=b"x" * 32)
    feed = place.feed()
    await feed.load()
    assert value(feed) is None
    place.signature.write_text(HmacVerifier(KEY).sign(b"192.0.2.1 -1\n"))
    os.utime(place.signature, (place.moment, place.moment))
    await feed.refresh()
    await feed.refresh()
    assert value(feed) == -1.0


async def test_all_or_nothing(place: Place) -> None:
    place.write(b"192.0.2.1 -1\n")
    feed = place.feed()
    await feed.load()
    place.write(b"192.0.2.1 -2\nbad\n192.0.2.300 1\n")
    for _ in range(4):
        await feed.refresh()
    assert value(feed) == -1.0
    assert place.warned == [
        (
            f"Reputation: feed local: {place.path} not taken: "
            "line 2: a network needs a score behind it, such as -4.5; "
            "line 3: '192.0.2.300' is neither an IP address nor a network; "
            "the one before stays in use"
        )
    ]


async def test_a_feed_signed_with_another_key_is_not_looked_at(place: Place) -> None:
    place.write(b"192.0.2.1 -1\nbad\n", key=b"x" * 32)
    feed = place.feed()
    await feed.load()
    assert feed.peek("192.0.2.1").why == (
        "no feed: the signature does not fit: changed, or signed with another key"
    )
    assert len(place.warned) == 1


@pytest.mark.parametrize("missing", ["path", "signature", "key"])
async def test_a_file_is_missing(place: Place, missing: str) -> None:
    place.write(b"192.0.2.1 -1\n")
    getattr(place, missing).unlink()
    feed = place.feed()
    await feed.load()
    assert value(feed) is None
    assert "No such file" in place.warned[0]


async def test_a_feed_that_is_taken_away_stays_in_use(place: Place) -> None:
    place.write(b"192.0.2.1 -1\n")
    feed = place.feed()
    await feed.load()
    place.path.unlink()
    await feed.refresh()
    await feed.refresh()
    assert value(feed) == -1.0
    assert "No such file" in place.warned[0]


async def test_a_pipe_in_its_place_does_not_hold_it_up(place: Place) -> None:
    place.write(b"192.0.2.1 -1\n")
    place.path.unlink()
    os.mkfifo(place.path)
    feed = place.feed()
    await feed.load()
    assert value(feed) is None


async def test_too_large_files_are_not_taken(place: Place) -> None:
    place.write(b"192.0.2.1 -1\n")
    place.signature.write_bytes(b"0" * 5000)
    feed = place.feed()
    await feed.load()
    assert "larger than 4096 bytes" in place.warned[0]


async def test_warnings_are_told_and_the_feed_is_taken(place: Place) -> None:
    place.write(b"192.0.2.1 -1\n" * 9)
    feed = place.feed()
    await feed.load()
    assert value(feed) == -1.0
    assert "line 2: 192.0.2.1 stands in line 1 already" in place.warned[0]
    assert place.warned[0].endswith("; and 3 more")


async def test_closing_gives_up_a_reading(place: Place) -> None:
    place.write(b"192.0.2.1 -1\n" * 2000)
    feed = place.feed()
    feed.close()
    await feed.load()
    assert feed.feed is None
    assert "closed while reading" in place.warned[0]
