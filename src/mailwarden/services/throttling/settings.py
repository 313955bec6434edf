"""What the administrator sets of counting by the hour (mailflow 2.4 and 3.6)."""

from dataclasses import dataclass

from mailwarden.core.setting import Unit, setting
from mailwarden.services.throttling.rates import WINDOW_SECONDS, WINDOWS, Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSettings:
    """How recipients are counted by host, network and sender."""

    windows: Windows = setting(
        WINDOWS,
        "What an hour is: clock (from one stroke of the hour to the next, UTC) or sliding (the "
        "last 60 minutes, their older part by estimate).",
    )
    reset_seconds: int = setting(
        WINDOW_SECONDS,
        "How long an hour is: after so many seconds all counts begin at zero again.",
        minimum=1,
        maximum=86400,
        unit=Unit.SECONDS,
    )
