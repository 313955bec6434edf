"""The mail log: one method for each event, in the exact line forms of mailflow 8.

Each event becomes a text line, a JSON line, or both, through one `LineSink` each. Old log parsers
match on the words and the spacing of the text lines: they are an interface.
"""

import json
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from mailwarden.system.log.settings import Level

_RANK: Final = {level: rank for rank, level in enumerate(Level)}
_LABEL: Final = {level: level.value.capitalize() for level in Level}
_INFO: Final = _RANK[Level.INFO]


class LineSink(Protocol):
    """Takes finished lines; buffers, writes and rotates as it likes."""

    def write(self, line: str) -> None:
        """Take one line, without its line end."""
        ...


def escape(value: str) -> str:
    r"""Return `value` fit for one line: control characters become `\r`, `\n`, `\x1b`."""
    if value.isprintable():
        return value
    return "".join(
        c
        if c.isprintable() or c == " "
        else c.encode("unicode_escape", "backslashreplace").decode()
        for c in value
    )


def quote(value: str) -> str:
    """Return `value` escaped and in quotes: double ones when it holds a single one (2.5)."""
    mark = '"' if "'" in value else "'"
    return f"{mark}{escape(value)}{mark}"


def rids(numbers: Sequence[int]) -> str:
    """Return RIDs in the form `[0, 1]`."""
    return f"[{', '.join(map(str, numbers))}]"


class MailLog:
    """Writes the events of the mail's way.

    `stamp` returns the time of now as `Tue Nov  9 10:15:02 2010`, `iso` the same for JSON.
    """

    def __init__(
        self,
        text: LineSink | None,
        events: LineSink | None,
        bounces: LineSink | None,
        *,
        level: Level,
        stamp: Callable[[], str],
        iso: Callable[[], str],
    ) -> None:
        self._text = text
        self._events = events
        self._bounces = bounces
        self._rank = _RANK[level]
        self._stamp = stamp
        self._iso = iso

    def emit(self, kind: str, text: str, *, level: Level = Level.INFO, **fields: object) -> None:
        """Write one event; `kind` names it in JSON."""
        if _RANK[level] > self._rank:
            return
        if self._text is not None:
            self._text.write(f"{self._stamp()} {_LABEL[level]}: {text}")
        if self._events is not None:
            event = {
                "time": self._iso(),
                "level": level.value,
                "event": kind,
                **fields,
                "text": text,
            }
            self._events.write(json.dumps(event, ensure_ascii=True, default=str))
