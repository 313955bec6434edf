"""Takes one event after the other and writes it as a text line, a JSON line, or both."""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from mailwarden.system.log.escape import escape
from mailwarden.system.log.settings import Level

_RANK: Final = {level: rank for rank, level in enumerate(Level)}
_LABEL: Final = {level: level.value.capitalize() for level in Level}
_ENCODE: Final = msgspec.json.Encoder().encode


class LineSink(Protocol):
    """Takes finished lines; buffers, writes and rotates as it likes."""

    def write(self, line: str) -> None:
        """Take one line, without its line end."""
        ...


class Emitter:
    """The two ways out of the mail log, and the level below which nothing is written.

    The methods for the events are hot: about 14 of them run for a message. They build their
    text, and the fields for JSON only when `_json` is set.
    """

    __slots__ = ("_bounces", "_event_sink", "_iso", "_json", "_rank", "_stamp", "_text", "_write")

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
        self._stamp: Final = stamp
        self._iso: Final = iso
        self.direct(text, events, bounces, level=level)

    def direct(
        self,
        text: LineSink | None,
        events: LineSink | None,
        bounces: LineSink | None,
        *,
        level: Level,
    ) -> None:
        """Write to these sinks from now on."""
        self._rank = _RANK[level]
        self._text = text
        self._event_sink = events
        informs = _RANK[Level.INFO] <= self._rank
        self._write = text.write if text is not None and informs else None
        self._json = events is not None and informs
        self._bounces = bounces

    def _line(self, text: str) -> None:
        if self._write is not None:
            self._write(f"{self._stamp()} Info: {text}")

    def _event(self, kind: str, text: str, fields: dict[str, object]) -> None:
        if self._write is not None:
            self._write(f"{self._stamp()} Info: {text}")
        self._write_event("info", kind, text, fields)

    def _write_event(self, level: str, kind: str, text: str, fields: dict[str, object]) -> None:
        fields["text"] = text
        rest = _ENCODE(fields)[1:].decode()
        if self._event_sink is not None:
            self._event_sink.write(
                f'{{"time":"{self._iso()}","level":"{level}","event":"{kind}",{rest}'
            )

    def emit(self, kind: str, text: str, *, level: Level = Level.INFO, **fields: object) -> None:
        """Write one event that has no method of its own; `kind` names it in JSON."""
        if _RANK[level] > self._rank:
            return
        text = escape(text)
        if self._text is not None:
            self._text.write(f"{self._stamp()} {_LABEL[level]}: {text}")
        if self._event_sink is not None:
            shown = {name: _plain(value) for name, value in fields.items()}
            self._write_event(level.value, escape(kind), text, shown)

    def info(self, text: str) -> None:
        """Write a line of the level Info."""
        self.emit("info", text)

    def warning(self, text: str) -> None:
        """Write a line of the level Warning."""
        self.emit("warning", text, level=Level.WARNING)

    def critical(self, text: str) -> None:
        """Write a line of the level Critical."""
        self.emit("critical", text, level=Level.CRITICAL)

    def debug(self, text: str) -> None:
        """Write a line of the level Debug."""
        self.emit("debug", text, level=Level.DEBUG)


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | None) else escape(str(value))
