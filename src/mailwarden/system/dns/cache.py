"""Answers remembered, as long as they may be, within a limit of memory."""

from itertools import islice
from typing import Final

from mailwarden.system.dns.answers import Finding
from mailwarden.system.dns.resolver import HostName, MxHost

Key = tuple[int, str]  # what was asked for, and the name

_WEIGHT_BYTES: Final = 512  # an answer with more counts as several entries
_VALUE_BYTES: Final = 64  # what each value costs besides its length
_DISCARDED: Final = 16  # when it is full, this part of it goes, the oldest first


class Cache:
    """Findings by question; the oldest go when there are too many."""

    __slots__ = ("_entries", "_entries_max", "_weight")

    def __init__(self, entries_max: int) -> None:
        self._entries: dict[Key, Finding] = {}
        self._entries_max = entries_max
        self._weight = 0

    def get(self, key: Key, now: float) -> Finding | None:
        """Return what is known at `now` (monotonic seconds)."""
        finding = self._entries.get(key)
        return finding if finding is not None and finding.expires_at > now else None

    def put(self, key: Key, finding: Finding, now: float) -> None:
        """Remember `finding`, in place of an older one."""
        self._remove(key)
        weight = _weigh(finding)
        if finding.expires_at <= now or weight > self._entries_max:
            return
        if self._weight + weight > self._entries_max:
            self._shrink(self._entries_max - weight)
        self._entries[key] = finding
        self._weight += weight

    def resize(self, entries_max: int) -> None:
        """Change the limit."""
        self._entries_max = entries_max
        if self._weight > entries_max:
            self._shrink(entries_max)

    def __len__(self) -> int:
        """Return how many answers are held, expired ones included."""
        return len(self._entries)

    def _shrink(self, weight_max: int) -> None:
        # In batches: taking the first entry of a dict again and again gets slower each time.
        while self._entries and self._weight > weight_max:
            for key in list(islice(self._entries, max(1, len(self._entries) // _DISCARDED))):
                self._remove(key)

    def _remove(self, key: Key) -> None:
        finding = self._entries.pop(key, None)
        if finding is not None:
            self._weight -= _weigh(finding)


def _weigh(finding: Finding) -> int:
    return 1 + sum(_size(value) for value in finding.values) // _WEIGHT_BYTES


def _size(value: str | bytes | MxHost | HostName) -> int:
    if isinstance(value, MxHost):
        return _VALUE_BYTES + len(value.host)
    return _VALUE_BYTES + len(value.name if isinstance(value, HostName) else value)
