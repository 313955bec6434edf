"""Time as the logs write it, computed once a second."""

import time
from collections.abc import Callable
from typing import Final

_TIME_MAX: Final = 253_402_214_400.0  # the end of the year 9999, in any zone


def ctime(at: float) -> str:
    """Return `at` (epoch seconds) as `Tue Nov  9 10:15:02 2010`, in the local time zone."""
    return time.ctime(min(max(at, 0.0), _TIME_MAX))


class Stamp:
    """The time of now, in the form that `form` gives an epoch second."""

    __slots__ = ("_form", "_from", "_now", "_text", "_until")

    def __init__(self, now: Callable[[], float], form: Callable[[float], str] = ctime) -> None:
        self._now: Final = now
        self._form: Final = form
        self._text = ""
        self._from = 0.0
        self._until = 0.0

    def __call__(self) -> str:
        """Return the stamp."""
        now = self._now()
        if self._from <= now < self._until:
            return self._text
        self._from = now // 1
        self._until = self._from + 1
        self._text = self._form(self._from)
        return self._text


def iso_second(at: float) -> str:
    """Return `at` (epoch seconds) as `2010-11-09T10:15:02`, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(min(max(at, 0.0), _TIME_MAX)))


class IsoStamp(Stamp):
    """The time of now as `2010-11-09T10:15:02.123Z`."""

    __slots__ = ()

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now, iso_second)

    def __call__(self) -> str:
        """Return the stamp."""
        now = self._now()
        if not self._from <= now < self._until:
            self._from = now // 1
            self._until = self._from + 1
            self._text = self._form(self._from)
        return f"{self._text}.{int((now - self._from) * 1000):03d}Z"
