"""What the spool tells administrators of."""

from typing import Final

from mailwarden.core.alerts import CRITICAL, HARDWARE, SYSTEM, WARNING, Alerts

REFUSED_KEY: Final = "spool refused"
REFUSED_SECONDS: Final = 300.0  # between two alerts that mail is refused


class Telling:
    """Alerts of one spool; to be used on the event loop."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts
        self._refused_at = -REFUSED_SECONDS  # monotonic

    def critical(self, text: str) -> None:
        """Tell what somebody has to look after."""
        self._alerts.alert(CRITICAL, SYSTEM, text, "")

    def warning(self, text: str) -> None:
        """Tell what costs duplicates at most."""
        self._alerts.alert(WARNING, SYSTEM, text, "")

    def refused(self, detail: str, now: float) -> None:
        """Tell that mail is refused, now and then; `now` is monotonic seconds."""
        if now - self._refused_at >= REFUSED_SECONDS:
            self._refused_at = now
            self._alerts.alert(CRITICAL, HARDWARE, f"Mail is refused: {detail}", REFUSED_KEY)
