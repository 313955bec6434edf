"""Warnings about outside help that fails again and again: one a minute is enough."""

from collections.abc import Callable
from typing import Final

COMPLAINT_SECONDS: Final = 60.0


class Complaints:
    """Passes on one warning a minute, and says how many it kept back."""

    __slots__ = ("_kept_back", "_next_at", "_warn")

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._next_at = 0.0
        self._kept_back = 0

    def complain(self, text: str, now: float) -> None:
        """Pass `text` on unless that was done less than a minute before `now` (monotonic)."""
        if self._next_at and now < self._next_at:
            self._kept_back += 1
            return
        more = f" ({self._kept_back} more such failures before)" if self._kept_back else ""
        self._next_at = now + COMPLAINT_SECONDS
        self._kept_back = 0
        self._warn(text + more)
