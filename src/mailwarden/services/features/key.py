"""One switch as text: the content of a key file, or what an administrator enters (KEY-04).

{"feature": "reputation", "state": "active", "expires": "2011-02-09", "note": "trial"}

`expires` is the last day, in UTC, on which the feature is active, or null; it and `note` may be
missing. A feature that is dormant has nothing that could expire.
"""

import datetime as dt
import re
from enum import Enum
from typing import Final, NamedTuple

import msgspec

from mailwarden.system.log.escape import escape

KEY_BYTES_MAX: Final = 16 * 1024
NOTE_LENGTH_MAX: Final = 200
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,63}\Z")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class SwitchTextError(ValueError):
    """A text that is no switch; the message says why."""


class State(Enum):
    """What a switch says."""

    ACTIVE = "active"
    DORMANT = "dormant"


class Key(NamedTuple):
    """A switch that somebody has set."""

    feature: str  # it may be one that we do not know
    state: State
    expires: dt.date | None = None  # the last day; None is never
    note: str = ""

    def ends_at(self) -> float | None:
        """Return when it is over, in seconds since the epoch."""
        return None if self.expires is None else end_of(self.expires)


class _Text(msgspec.Struct, forbid_unknown_fields=True):
    feature: str
    state: str
    expires: str | None = None
    note: str = ""


def parse_key(content: bytes) -> Key:
    """Return the switch in `content`, whatever bytes these are.

    Raises:
        SwitchTextError: there is none in it.
    """
    if len(content) > KEY_BYTES_MAX:
        raise SwitchTextError(f"a switch has at most {KEY_BYTES_MAX} bytes")
    try:
        text = msgspec.json.decode(content, type=_Text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SwitchTextError(f"is no switch: {escape(str(error))}") from None
    check_name(text.feature)
    try:
        state = State(text.state.lower())
    except ValueError:
        raise SwitchTextError("state has to be active or dormant") from None
    return make_key(text.feature, state, parse_day(text.expires), text.note)


def check_name(feature: str) -> None:
    """Return if there can be a feature of this name, in whatever release; else SwitchTextError."""
    if not _NAME.match(feature):
        raise SwitchTextError(f"{escape(feature[:80])!r} is no name of a feature")


def make_key(feature: str, state: State, expires: dt.date | None, note: str) -> Key:
    """Return a switch of these parts.

    Raises:
        SwitchTextError: they do not fit.
    """
    if state is State.DORMANT and expires is not None:
        raise SwitchTextError("a feature that is dormant cannot expire")
    if len(note) > NOTE_LENGTH_MAX or not note.isprintable():
        raise SwitchTextError(
            f"a note has at most {NOTE_LENGTH_MAX} letters, and none that cannot be shown"
        )
    return Key(feature, state, expires, note)


def parse_day(text: str | None) -> dt.date | None:
    """Return a day, `2011-02-09`; None for None.

    Raises:
        SwitchTextError: it is none.
    """
    if text is None:
        return None
    try:
        if _DAY.match(text) and (day := dt.date.fromisoformat(text)) < dt.date.max:
            return day
    except ValueError:
        pass
    raise SwitchTextError(f"{escape(text[:80])!r} is no day; write 2011-02-09")


def end_of(day: dt.date) -> float:
    """Return when `day` is over in UTC, in seconds since the epoch."""
    after = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1)
    return after.timestamp()
