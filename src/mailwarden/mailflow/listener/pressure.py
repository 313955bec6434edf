"""Back-pressure: how full the gateway is, and what that means for clients (mailflow 7.8)."""

from typing import Final, NamedTuple

from mailwarden.core.alerts import Alerts
from mailwarden.mailflow.listener.room import FREE, FULL, SHORT, RoomWatch
from mailwarden.stores.spool.spool import Spool, Usage
from mailwarden.system.clock.clock import Clock

CONSERVATION_MAX: Final = 999  # the old product's scale
LOOK_SECONDS: Final = 0.25  # how often the spool is asked
DELAY_SECONDS_MAX: Final = 2.0  # put before replies when the soft limit is passed far
MEGABYTE: Final = 1024 * 1024
SIZE_SOFT_SHARE: Final = 0.9  # of size_max_bytes, from which on clients are slowed


class PressureLimits(NamedTuple):
    """How much one worker may hold."""

    messages_soft: int  # waiting for the work queue
    messages_hard: int
    bytes_max: int  # in the spool; 0 is no limit but the disk


class Pressure:
    """Resource conservation from 0 (none) to 999 (nothing more is taken)."""

    def __init__(self, spool: Spool, clock: Clock, limits: PressureLimits, alerts: Alerts) -> None:
        self._spool = spool
        self._clock = clock
        self._looked_at = float("-inf")
        self.limits = limits
        self.conservation = 0
        self.is_full = False
        self._room = RoomWatch(alerts)

    def look(self) -> int:
        """Return the conservation of now; asks the spool a few times a second at most."""
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._measure(now)
        return self.conservation

    @property
    def refuses(self) -> bool:
        """Whether new mail is to be answered 452."""
        return self.look() >= CONSERVATION_MAX

    def delay_seconds(self) -> float:
        """Return how long to wait before answering."""
        level = self.look()
        return DELAY_SECONDS_MAX * level / CONSERVATION_MAX if level else 0.0

    def _measure(self, now: float) -> None:
        usage = self._spool.usage()
        limits = self.limits
        shares = [_share(usage.received, limits.messages_soft, limits.messages_hard)]
        size_share = 0
        if limits.bytes_max:
            soft = int(limits.bytes_max * SIZE_SOFT_SHARE)
            size_share = _share(usage.bytes_live, soft, limits.bytes_max)
            shares.append(size_share)
        self.is_full = usage.bytes_free <= 0 or bool(
            limits.bytes_max and usage.bytes_live >= limits.bytes_max
        )
        self.conservation = CONSERVATION_MAX if self.is_full else max(shares)
        level = FULL if self.is_full else SHORT if size_share else FREE
        self._room.note(level, _words(usage, limits.bytes_max), now)


def _words(usage: Usage, bytes_max: int) -> str:
    if usage.bytes_free <= 0:
        return "the disk has no more room than what is kept in reserve"
    if not bytes_max:
        return f"{usage.bytes_live // MEGABYTE} MB are in use"
    return f"{usage.bytes_live // MEGABYTE} of {bytes_max // MEGABYTE} MB are in use"


def _share(amount: int, soft: int, hard: int) -> int:
    """Return where `amount` lies between the limits, on the scale of conservation."""
    if amount < soft:
        return 0
    if amount >= hard:
        return CONSERVATION_MAX
    return int((CONSERVATION_MAX - 1) * (amount - soft) / max(hard - soft, 1))
