"""How a part tells people that something happened: the interface, and one for tests."""

from typing import Final, NamedTuple, Protocol

CRITICAL: Final = "Critical"  # severities (admin 8.5, SYS-30)
WARNING: Final = "Warning"
INFORMATION: Final = "Information"

SYSTEM: Final = "System"  # classes
HARDWARE: Final = "Hardware"
UPDATER: Final = "Updater"
OUTBREAK_FILTERS: Final = "Outbreak Filters"
ANTI_VIRUS: Final = "Anti-Virus"
ANTI_SPAM: Final = "Anti-Spam"
HARVEST_ATTACKS: Final = "Directory Harvest Attack Prevention"


class Alerts(Protocol):
    """Passes alerts on. Never waits and never raises."""

    def alert(self, severity: str, about: str, text: str, key: str, /) -> None:
        """Tell people `text`, one line of a severity and of the class `about`.

        Alerts of the same `key` are about the same thing: repeated ones may be put together.
        """
        ...


class NoAlerts:
    """Tells nobody."""

    def alert(self, severity: str, about: str, text: str, key: str, /) -> None:
        """Forget it."""


class Alert(NamedTuple):
    """What was told."""

    severity: str
    about: str
    text: str
    key: str


class RecordedAlerts:
    """Keeps alerts; for tests."""

    def __init__(self) -> None:
        self.told: list[Alert] = []

    def alert(self, severity: str, about: str, text: str, key: str, /) -> None:
        """Keep the alert."""
        self.told.append(Alert(severity, about, text, key))
