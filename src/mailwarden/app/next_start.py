"""The settings that a reload cannot change while the gateway runs.

Whatever is not named here takes effect with a reload; `docs/guide/reload.md` says when exactly.
"""

import dataclasses
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from mailwarden.control.config.model import GatewayConfig

NEXT_START_SETTINGS: Final = (
    "workers",  # each has a part of the spool, which only a start hands over
    "state_directory",
    "user",
    "management.user",
    "spool.segment_size_bytes",
    "spool.hot_size_max_bytes",
    "spool.free_size_min_bytes",
    "spool.dead_size_max_bytes",
    "spool.sync_interval_seconds",
    "logs.directory",
    "rates.reset_seconds",  # the size and shape of memory that workers share
    "reputation.history.addresses_max",
)


def waiting_for_start(started: GatewayConfig, config: GatewayConfig) -> list[str]:
    """Return the settings in which `config` differs from what the gateway was started with."""
    return [
        name
        for name in NEXT_START_SETTINGS
        if attrgetter(name)(started) != attrgetter(name)(config)
    ]


def changed_settings(before: GatewayConfig, after: GatewayConfig) -> list[str]:
    """Return the names in the file's first column under which something is different."""
    return [
        field.name
        for field in dataclasses.fields(GatewayConfig)
        if getattr(before, field.name) != getattr(after, field.name)
    ]


def in_words(names: Sequence[str]) -> str:
    """Say of the settings `names` that they wait for the next start."""
    *others, last = (f"`{name}`" for name in names)
    if not others:
        return f"the change of {last} takes effect at the next start"
    return f"the changes of {', '.join(others)} and {last} take effect at the next start"
