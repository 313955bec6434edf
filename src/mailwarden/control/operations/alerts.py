"""Looks at the alerts that came last (admin 8.5, SYS-36)."""

from collections.abc import Sequence

from mailwarden.control.operations.desk import Desk
from mailwarden.services.alerts.recent import RecentAlert


def recent(desk: Desk) -> Sequence[RecentAlert]:
    """Return the last alerts, the newest first, whether people were told of them or not."""
    desk.require("displayalerts")
    return desk.administration.recent_alerts()
