"""Directory harvest attack prevention: who asks for too many recipients that do not exist.

Mailflow 3.7. The caller finds out that a recipient is invalid, and does what has to be done with a
host that is over its limit; here they are counted, on the same table as the rates, so over all
listeners and workers.
"""

from dataclasses import dataclass
from typing import Final

from mailwarden.services.throttling.rate_keys import harvest_key
from mailwarden.services.throttling.rates import UNLIMITED, Rates

HARVEST_OFF: Final = 0  # the limit that switches it off
HARVEST_SUBJECT: Final = "Potential Directory Harvest Attack"  # of the alert


@dataclass(frozen=True, slots=True)
class Harvest:
    """How a host stands after one more invalid recipient."""

    count: int  # invalid recipients of the current hour
    is_over: bool
    is_news: bool  # to be logged and alerted now, by this caller only


class HarvestGuard:
    """Counts invalid recipients by host and hour. `host` is a `host_key`, grouped or not."""

    __slots__ = ("_rates",)

    def __init__(self, rates: Rates) -> None:
        self._rates = rates

    def count(self, host: bytes, amount: int, limit: int, now: float) -> Harvest:
        """Count `amount` more invalid recipients.

        Over is who asked for more than `limit`. One caller over all workers is told so as news, a
        host and window.
        """
        if limit <= HARVEST_OFF:
            return Harvest(0, is_over=False, is_news=False)
        key = harvest_key(host)
        count = self._rates.take(key, amount, UNLIMITED, now).count
        if count <= limit:
            return Harvest(count, is_over=False, is_news=False)
        return Harvest(count, is_over=True, is_news=self._rates.tell(key, now))

    def is_over(self, host: bytes, limit: int, now: float) -> bool:
        """Whether the host has asked for more than `limit` in the current hour."""
        return limit > HARVEST_OFF and self._rates.peek(harvest_key(host), now) > limit


def harvest_warning(address: str, name: str, limit: int, group: str, listener: str) -> str:
    """Return the line for the mail log, after its `LDAP: `; `name` is the verified one or empty."""
    return (
        "Dropping connection due to potential Directory Harvest Attack from "
        f"host={(address, name or 'unknown')}, dhap_limit={limit}, sender_group={group}, "
        f"listener={listener}"
    )


def harvest_alert(address: str, limit: int, listener: str) -> str:
    """Return the text of the alert."""
    return (
        f"{HARVEST_SUBJECT}: {address} asked listener {listener} for more than {limit} recipients "
        "that do not exist within an hour. The mail log has the details."
    )
