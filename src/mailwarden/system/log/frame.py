"""First and last lines of a log file, as text and as JSON (mailflow 8.1)."""

import time
from datetime import datetime
from typing import Protocol

import msgspec

from mailwarden.system.log.stamp import ctime, iso_second


class Frame(Protocol):
    """How a log file begins and ends. Times are epoch seconds."""

    def begin(self, now: float, version: str) -> str:
        """Return the lines that a file begins with, each with its line end."""
        ...

    def end(self, now: float) -> str:
        """Return the last line, with its line end."""
        ...

    def began(self, first_line: str) -> float:
        """Return when the file was begun. Raises ValueError when the line does not say."""
        ...


class TextFrame:
    """The classic form."""

    def begin(self, now: float, version: str) -> str:
        """Return the lines that a file begins with, each with its line end."""
        offset = time.localtime(now).tm_gmtoff
        texts = ("Begin Logfile", f"Version: {version}", f"Time offset from UTC: {offset} seconds")
        return "".join(f"{ctime(now)} Info: {text}\n" for text in texts)

    def end(self, now: float) -> str:
        """Return the last line, with its line end."""
        return f"{ctime(now)} Info: End Logfile\n"

    def began(self, first_line: str) -> float:
        """Return when the file was begun. Raises ValueError when the line does not say."""
        return time.mktime(time.strptime(first_line[:24], "%a %b %d %H:%M:%S %Y"))


class _FirstLine(msgspec.Struct):
    time: datetime


class JsonFrame:
    """One object a line."""

    def begin(self, now: float, version: str) -> str:
        """Return the lines that a file begins with, each with its line end."""
        offset = time.localtime(now).tm_gmtoff
        fields: dict[str, object] = {"version": version, "utc_offset_seconds": offset}
        return _encode(now, "begin_logfile", fields, "Begin Logfile")

    def end(self, now: float) -> str:
        """Return the last line, with its line end."""
        return _encode(now, "end_logfile", {}, "End Logfile")

    def began(self, first_line: str) -> float:
        """Return when the file was begun. Raises ValueError when the line does not say."""
        return msgspec.json.decode(first_line, type=_FirstLine).time.timestamp()


def _encode(now: float, event: str, fields: dict[str, object], text: str) -> str:
    head = {"time": f"{iso_second(now)}Z", "level": "info", "event": event}
    return f"{msgspec.json.encode({**head, **fields, 'text': text}).decode()}\n"
