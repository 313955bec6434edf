"""Tells administrators when the spool fills up, and when it has room again."""

from typing import Final

from mailwarden.core.alerts import CRITICAL, INFORMATION, SYSTEM, WARNING, Alerts

CALM_SECONDS: Final = 60.0  # that it has to be better before it counts as better

FREE: Final = 0
SHORT: Final = 1  # clients are slowed
FULL: Final = 2  # mail is refused


class RoomWatch:
    """Follows the room in one spool. Worse is told at once, better once it stays so."""

    __slots__ = ("_alerts", "_better_since", "_level", "_worst")

    def __init__(self, alerts: Alerts) -> None:
        self._alerts: Final = alerts
        self._level = FREE
        self._better_since = -1.0  # monotonic seconds; negative while it is not better
        self._worst = FREE  # since then

    def note(self, level: int, words: str, now: float) -> None:
        """Hear how it stands at `now` (monotonic seconds); `words` say how much is in use."""
        if level >= self._level:
            self._better_since = -1.0
            if level > self._level:
                self._change(level, words)
        elif self._better_since < 0:
            self._better_since, self._worst = now, level
        else:
            self._worst = max(self._worst, level)
            if now - self._better_since >= CALM_SECONDS:
                self._better_since = -1.0
                self._change(self._worst, words)

    def _change(self, level: int, words: str) -> None:
        self._level = level
        if level == FULL:
            text = f"The spool is full: {words}; mail is refused until there is room"
            self._alerts.alert(CRITICAL, SYSTEM, text, "spool full")
        elif level == SHORT:
            text = f"The spool is nearly full: {words}; clients are slowed"
            self._alerts.alert(WARNING, SYSTEM, text, "spool nearly full")
        else:
            text = f"The spool has room again: {words}"
            self._alerts.alert(INFORMATION, SYSTEM, text, "spool has room")
