"""Reputation rules as a component of updates: a signed feed that workers read from its folder.

A feed whose `path` lies in that folder is taken up whenever a new version comes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from mailwarden.services.engines.reputation.feed import FEED_BYTES_MAX, parse_feed
from mailwarden.services.engines.reputation.feed_provider import SIGNATURE_SUFFIX, read_bounded
from mailwarden.services.engines.reputation.settings import FeedSettings
from mailwarden.services.engines.reputation.signature import (
    KEY_BYTES_MAX,
    SIGNATURE_BYTES_MAX,
    load_verifier,
)

COMPONENT: Final = "reputation"
CHECK: Final = "mailwarden.services.engines.reputation.updatable:check_rules"
PROBLEMS_SHOWN: Final = 3


def check_rules(folder: Path) -> None:
    """Return if every feed in `folder` is right as a whole, and has a signature beside it.

    Raises:
        ValueError: one is not, or there is none.
        OSError: a file cannot be read.
    """
    names = sorted(path.name for path in folder.iterdir())
    feeds = [name for name in names if not name.endswith(SIGNATURE_SUFFIX)]
    if not feeds:
        raise ValueError("there is no feed in it")
    for name in feeds:
        if name + SIGNATURE_SUFFIX not in names:
            raise ValueError(f"{name} has no signature, {name}{SIGNATURE_SUFFIX}")
        imported = parse_feed(read_bounded(str(folder / name), FEED_BYTES_MAX))
        if imported.problems:
            shown = "; ".join(f"{p.path}: {p.message}" for p in imported.problems[:PROBLEMS_SHOWN])
            raise ValueError(f"{name}: {shown}")


def make_confirm(
    feeds: Callable[[], Sequence[FeedSettings]],
) -> Callable[[Path], Awaitable[None]]:
    """Return what says whether workers will take the feeds that they read from a folder.

    `feeds` are those of the configuration. The function raises ValueError when one has another
    signature than its key asks for: workers would go on with the one before until they are
    restarted, and have none then.
    """

    async def confirm(folder: Path) -> None:
        await asyncio.to_thread(_check_signatures, folder, feeds())

    return confirm


def _check_signatures(folder: Path, feeds: Sequence[FeedSettings]) -> None:
    used = folder.resolve()  # the configuration may call it by a link
    for feed in feeds:
        if Path(feed.path).parent.resolve() != used:
            continue
        try:
            key = read_bounded(feed.key_file, KEY_BYTES_MAX + 2)
            content = read_bounded(feed.path, FEED_BYTES_MAX)
            signature = read_bounded(feed.path + SIGNATURE_SUFFIX, SIGNATURE_BYTES_MAX)
            load_verifier(key).verify(content, signature)
        except PermissionError:
            continue  # a key that only workers may know; they check it themselves
        except (OSError, ValueError) as error:
            raise ValueError(f"feed {feed.name}: {error}") from error
