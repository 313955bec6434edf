"""What became of the mail for each destination since the start (mailflow 7.3, `hoststatus`)."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from mailwarden.mailflow.delivery.failure import BAD_HOST, EXPIRED, NO_REPLY, Failure
from mailwarden.mailflow.delivery.hosts import Endpoint

TALLIES_MAX: Final = 10_000  # destinations; beyond it the one that was first seen is forgotten
ENDPOINTS_MAX: Final = 20  # addresses of one destination that are remembered
_GIVEN_UP: Final = "5.4.0"  # the network failed until no attempt was left


class HostStatus(Enum):
    """What is known of a destination (mailflow 7.3, `hoststatus`)."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Tally:
    """The counters of one destination; they outlast its queue."""

    __slots__ = (
        "bounced_5xx",
        "bounced_dns",
        "bounced_expired",
        "bounced_other",
        "deleted",
        "delivered",
        "dropped",
        "endpoints",
        "last_5xx",
        "last_5xx_at",
        "last_activity",
        "last_error",
        "messages",
        "name",
        "preferences",
        "shares",
        "soft_bounced",
        "status",
    )

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.delivered = 0  # recipients, as all below but `soft_bounced`
        self.dropped = 0  # by a route
        self.deleted = 0  # by an administrator
        self.soft_bounced = 0  # events
        self.bounced_dns = 0
        self.bounced_5xx = 0
        self.bounced_expired = 0  # too old, or no attempt left
        self.bounced_other = 0
        self.last_activity = 0.0  # seconds since the epoch; 0 is none
        self.last_5xx = ""
        self.last_5xx_at = 0.0
        self.status = HostStatus.UNKNOWN
        self.last_error = ""
        self.preferences: Mapping[str, int] = {}  # of the hosts of `endpoints`
        self.messages = 0  # transactions in which the next hop took a message
        self.shares = ""  # name of the group that it shares limits with, once that is known
        self.endpoints: tuple[Endpoint, ...] = ()  # in the order to try, when they were last needed

    @property
    def hard_bounced(self) -> int:
        """Recipients that were returned, for whatever reason."""
        return self.bounced_dns + self.bounced_5xx + self.bounced_expired + self.bounced_other

    @property
    def completed(self) -> int:
        """Recipients for which there is nothing left to do."""
        return self.delivered + self.dropped + self.deleted + self.hard_bounced

    def bounced(self, failure: Failure, now: float) -> None:
        """Count a recipient that failed for good."""
        if failure.code.startswith("5"):
            self.bounced_5xx += 1
            self.last_5xx = failure.text
            self.last_5xx_at = now
        elif failure.code != NO_REPLY or failure.reason == EXPIRED:
            self.bounced_expired += 1  # the last answer was 4yz
        elif failure.reason.startswith(_GIVEN_UP):
            self.bounced_expired += 1
        elif failure.reason.endswith(BAD_HOST):
            self.bounced_dns += 1
        else:
            self.bounced_other += 1


class Tallies:
    """Those of all destinations, by the names of their queues."""

    __slots__ = ("_by_name", "_limit")

    def __init__(self, limit: int = TALLIES_MAX) -> None:
        self._limit: Final = limit
        self._by_name: dict[str, Tally] = {}

    def of(self, name: str) -> Tally:
        """Return that of a destination, a new one where none is known."""
        tally = self._by_name.get(name)
        if tally is None:
            if len(self._by_name) >= self._limit:
                del self._by_name[next(iter(self._by_name))]
            tally = self._by_name[name] = Tally(name)
        return tally

    def find(self, name: str) -> Tally | None:
        """Return that of a destination, if there is one."""
        return self._by_name.get(name)

    def all(self) -> list[Tally]:
        """Return all that are known."""
        return list(self._by_name.values())
