"""How many wrong passwords are tried before the next one has to wait, without harm to others.

Each attempt takes a place before the password is looked at, and gives it back if it was right, so
that many at once are no way around. Places are for each source, for each account as far as
strangers are concerned, and for all strangers together: that is what hashing may take of the
machine. A user from a network that the user has signed in from before has places apart from all
these, so that nobody can keep a user out by trying that user's name from elsewhere.

An entry lives as long as it says something: six seconds for each wrong attempt. What all strangers
together may try bounds the entries to a few hundred, however many sources there are.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final, NamedTuple

from mailwarden.core.policy.host_forms import HostKind, address_number

CONSOLE_SOURCE: Final = "console"
NAME_LENGTH_MAX: Final = 64  # of a name as it is counted


class Rate(NamedTuple):
    """So many wrong attempts at once, and one more each so many seconds."""

    burst: int
    seconds_each: float


SOURCE_RATE: Final = Rate(10, 6.0)
ACCOUNT_RATE: Final = Rate(20, 6.0)
STRANGERS_RATE: Final = Rate(60, 0.5)
KNOWN_RATE: Final = Rate(10, 6.0)


def source_network(address: str) -> str:
    """Return what counts as one source: an IPv4 address, or the /64 of an IPv6 one; "" for none."""
    found = address_number(address)
    if found is None:
        return ""
    kind, number = found
    if kind is HostKind.IPV4:
        return str(ipaddress.IPv4Address(number))
    return f"{ipaddress.IPv6Address(number >> 64 << 64)}/64"


@dataclass(frozen=True, slots=True)
class Place:
    """Leave to try a password. Give it back when it was right, or was not tried."""

    keys: tuple[tuple[Rate, str], ...]
    is_known: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """No leave: the next attempt may come in so many seconds."""

    seconds: float


class Attempts:
    """Counts attempts. `now` is monotonic, in seconds, and never goes back."""

    def __init__(self) -> None:
        # When the last of the wrong attempts of a key will be forgotten; each adds its seconds.
        self._forgotten_at: dict[tuple[Rate, str], float] = {}
        self._swept_at = 0.0

    def __len__(self) -> int:
        """Return how many entries are kept."""
        return len(self._forgotten_at)

    def take(self, network: str, name: str, now: float, *, is_known: bool) -> Place | Wait:
        """Take a place for an attempt on the account `name`, which need not exist.

        `network` comes from `source_network`. `is_known` says that the user of that name has
        signed in from there before; the console counts as known.
        """
        self._sweep(now)
        account = name[:NAME_LENGTH_MAX]
        if is_known:
            # The name takes no blank from `network`, so that two pairs never look alike.
            keys: tuple[tuple[Rate, str], ...] = ((KNOWN_RATE, f"known {network} {account}"),)
        else:
            keys = (
                (SOURCE_RATE, f"source {network}"),
                (ACCOUNT_RATE, f"account {account}"),
                (STRANGERS_RATE, "strangers"),
            )
        wait = max(self._wait(key, now) for key in keys)
        if wait > 0:
            return Wait(wait)
        for key in keys:
            begin = max(self._forgotten_at.get(key, now), now)
            self._forgotten_at[key] = begin + key[0].seconds_each
        return Place(keys, is_known)

    def give_back(self, place: Place) -> None:
        """Undo `take`."""
        for key in place.keys:
            left = self._forgotten_at.get(key)
            if left is not None:
                self._forgotten_at[key] = left - key[0].seconds_each

    def _wait(self, key: tuple[Rate, str], now: float) -> float:
        rate = key[0]
        used = self._forgotten_at.get(key, now) - now
        return used - (rate.burst - 1) * rate.seconds_each

    def _sweep(self, now: float) -> None:
        if now - self._swept_at < SOURCE_RATE.seconds_each:
            return
        self._swept_at = now
        self._forgotten_at = {key: at for key, at in self._forgotten_at.items() if at > now}
