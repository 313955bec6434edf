"""What a host said "not now" to, and another host may take (mailflow 7.1)."""

from collections import deque
from typing import Final, NamedTuple

from mailwarden.mailflow.delivery.queue import Item, Unit
from mailwarden.mailflow.delivery.settler import Failures

LOOKED_AT_MAX: Final = 16


class Tried(NamedTuple):
    """Hosts that said "not now" to a unit, and the last answer."""

    hosts: frozenset[str]
    failures: Failures


class Moved:
    """Units to be sent, but not to the hosts that they have tried."""

    __slots__ = ("_tried", "_units")

    def __init__(self) -> None:
        self._units: deque[Unit] = deque()
        self._tried: dict[Unit, Tried] = {}

    def __len__(self) -> int:
        return len(self._units)

    def push(self, unit: Unit, tried: Tried) -> None:
        """Add a unit."""
        self._units.append(unit)
        self._tried[unit] = tried

    def suits(self, host: str) -> bool:
        """Whether `take` would find something for `host`."""
        return self._index(host) is not None

    def take(self, host: str) -> tuple[Unit, Tried] | None:
        """Take out the first unit that `host` has not refused."""
        index = self._index(host)
        if index is None:
            return None
        unit = self._units[index]
        del self._units[index]
        return unit, self._tried.pop(unit)

    def first_tried(self) -> frozenset[str]:
        """Return the hosts that the first unit has tried; none without a unit."""
        return self._tried[self._units[0]].hosts if self._units else frozenset()

    def give_up(self, tried: frozenset[str]) -> list[tuple[Unit, Failures]]:
        """Take out the units that have been refused by all of `tried`, with the answers."""
        given_up: list[tuple[Unit, Failures]] = []
        rest: deque[Unit] = deque()
        for unit in self._units:
            if self._tried[unit].hosts >= tried:
                given_up.append((unit, self._tried.pop(unit).failures))
            else:
                rest.append(unit)
        self._units = rest
        return given_up

    def standing(self) -> list[Item]:
        """Return all units; some may be no longer wanted."""
        return list(self._units)

    def _index(self, host: str) -> int | None:
        for index in range(min(len(self._units), LOOKED_AT_MAX)):
            if host not in self._tried[self._units[index]].hosts:
                return index
        return None


NOTHING_MOVED: Final = Moved()  # stands for those of the many queues that have none
