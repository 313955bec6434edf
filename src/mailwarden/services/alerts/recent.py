"""The alerts that came last, whether people were told of them or not (displayalerts, SYS-36)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mailwarden.services.alerts.alert import Alert, AlertClass, Severity

KEPT_MAX: Final = 50

_Key = tuple[Severity, AlertClass, str]


@dataclass(frozen=True, slots=True)
class RecentAlert:
    """An alert, with the text that it had the last time. Times are epoch seconds."""

    alert: Alert
    first_at: float
    last_at: float
    repeats: int = 0  # besides the first


class RecentAlerts:
    """The last `KEPT_MAX`; those of one key are one."""

    def __init__(self, kept: Iterable[RecentAlert] = ()) -> None:
        """Start with `kept`, the oldest first."""
        self._alerts: dict[_Key, RecentAlert] = {}
        for recent in kept:
            self._put(recent)

    def add(self, alert: Alert, time: float) -> None:
        """Take an alert that was raised."""
        before = self._alerts.get(_key(alert))
        if before is None:
            self._put(RecentAlert(alert, time, time))
        else:
            self._put(RecentAlert(alert, before.first_at, time, before.repeats + 1))

    def newest_first(self) -> Sequence[RecentAlert]:
        """Return them, the one that came last first."""
        return list(reversed(self._alerts.values()))

    def _put(self, recent: RecentAlert) -> None:
        key = _key(recent.alert)
        self._alerts.pop(key, None)
        self._alerts[key] = recent
        if len(self._alerts) > KEPT_MAX:
            del self._alerts[next(iter(self._alerts))]


def _key(alert: Alert) -> _Key:
    return alert.severity, alert.about, alert.key
