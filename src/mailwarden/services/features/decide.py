"""Which source decides about a feature: key files, then administrators, then the default."""

from collections.abc import Mapping
from typing import NamedTuple

from mailwarden.core.features import Feature
from mailwarden.services.features.expiry import EXPIRED, stage_of
from mailwarden.services.features.key import Key, State
from mailwarden.services.features.record import Entry

DEFAULT = "default"  # who has set what nobody has


class Decided(NamedTuple):
    """What holds for a feature."""

    key: Key
    source: str  # the key file; "" for an administrator or the default
    by: str
    at: float | None = None  # since when, where that is known

    def stage(self, now: float) -> int:
        """Return how near its end is."""
        return stage_of(self.key.ends_at(), now)

    def is_active(self, now: float) -> bool:
        """Whether the feature works at `now`."""
        return self.key.state is State.ACTIVE and self.stage(now) != EXPIRED


def decide(keys: Mapping[str, Key], entered: Mapping[str, Entry], feature: Feature) -> Decided:
    """Return what holds; of several files about a feature the last one by name counts."""
    name = feature.value
    files = [file for file, key in keys.items() if key.feature == name]
    if files:
        return Decided(keys[files[-1]], files[-1], f"file {files[-1]}")
    entry = entered.get(name)
    if entry is not None:
        return Decided(entry.key(name), "", entry.by, entry.at)
    return Decided(Key(name, State.ACTIVE), "", DEFAULT)
