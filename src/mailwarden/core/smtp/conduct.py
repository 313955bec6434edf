"""Counts what a client does wrong or to no purpose, and says when it is enough (mailflow 2.6)."""

from typing import Final, TypeVar

from mailwarden.core.smtp.events import (
    BadCommandLimit,
    BadSyntax,
    Event,
    InvalidAddress,
    LineMalformed,
    LineTooLong,
    Refused,
    Unknown,
)
from mailwarden.core.smtp.limits import IDLE_COMMANDS_MAX

BAD: Final = frozenset({Unknown, BadSyntax, InvalidAddress, Refused, LineTooLong, LineMalformed})

_Event = TypeVar("_Event", bound=Event | None)


class Conduct:
    """The counts of one session: the event after `bad_max` bad ones becomes the last."""

    __slots__ = ("_bad", "_idle")

    def __init__(self) -> None:
        self._bad = 0
        self._idle = 0

    def after_bad(self, event: _Event, bad_max: int) -> _Event | BadCommandLimit:
        """Return what becomes of `event`, a bad command."""
        self._bad += 1
        return BadCommandLimit(event) if self._bad > bad_max else event

    def after_idle(self, event: _Event, bad_max: int) -> _Event | BadCommandLimit:
        """Return what becomes of `event`, a command that brings no message on its way."""
        self._idle += 1
        if self._idle <= IDLE_COMMANDS_MAX:
            return event
        self._bad += 1
        return BadCommandLimit(event) if self._bad > bad_max else event

    def before_auth(self, event: _Event, bad_max: int) -> _Event | BadCommandLimit:
        """Return what becomes of `event`, credentials, which may turn out to be wrong."""
        return BadCommandLimit(event) if self._bad >= bad_max else event

    def wrong_auth(self) -> None:
        """Count credentials that turned out to be wrong."""
        self._bad += 1

    def accepted(self) -> None:
        """Forget idle commands: a message was accepted."""
        self._idle = 0
