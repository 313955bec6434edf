"""What the slow services of the management process have in common: clock, alerts, the log."""

from collections.abc import Callable
from typing import NamedTuple

from mailwarden.core.alerts import Alerts
from mailwarden.system.clock.clock import Clock


class Surroundings(NamedTuple):
    """Handed to each of them."""

    clock: Clock
    alerts: Alerts
    inform: Callable[[str], None]  # gets lines for the log of the system
    warn: Callable[[str], None]  # the same, for what deserves a look
