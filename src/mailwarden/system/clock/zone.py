"""The time zone that logs, headers and commands use (admin SYS-01).

A process has one zone, as the system's own functions for local time know it. Only entry points
choose it; everybody else asks for local time as ever.
"""

import os
import re
import time
import zoneinfo
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

OFFSET_MINUTES_MAX: Final = 14 * 60 + 59
QUARTER_SECONDS: Final = 900.0  # zones change at quarters of an hour only

_VARIABLE: Final = "TZ"  # see tzset(3)
_MACHINE: Final = "MAILWARDEN_MACHINE_TZ"  # what it was before, for us and the processes we start
_OFFSET: Final = re.compile(r"GMT([+-])(\d{1,2})(?::([0-5]\d))?\Z", re.ASCII | re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z0-9_+-]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}\Z")
_MAGIC: Final = b"TZif"  # RFC 8536, 3.1


def parse_time_zone(text: str, folders: Sequence[str] = zoneinfo.TZPATH) -> str:
    """Return a time zone: a name of the IANA data base in `folders`, or an offset `GMT+05:30`.

    Raises:
        ValueError: it is neither; the message says what would be right.
    """
    name = text.strip()
    match = _OFFSET.match(name)
    if match is not None:
        sign, hours, minutes = match[1], int(match[2]), int(match[3] or 0)
        if hours * 60 + minutes > OFFSET_MINUTES_MAX:
            raise ValueError(f"{text[:80]!r} is further from GMT than any zone")
        return f"GMT{sign}{hours:02}:{minutes:02}"
    if not _NAME.match(name) or _file_of(name, folders) is None:
        raise ValueError(
            f"{text[:80]!r} is no time zone: give a name such as Europe/Berlin, or an offset such "
            "as GMT+01:00"
        )
    return name


def _file_of(name: str, folders: Sequence[str]) -> Path | None:
    """Return where the rules of a zone are; None if nobody has them."""
    for folder in folders:
        path = Path(folder, name)
        try:
            with path.open("rb") as file:
                if file.read(len(_MAGIC)) == _MAGIC:
                    return path
        except OSError:
            continue
    return None


def variable_for(zone: str, folders: Sequence[str] = zoneinfo.TZPATH) -> str:
    """Return what tzset(3) is to be told of a zone that `parse_time_zone` returned.

    Raises:
        ValueError: its rules are gone.
    """
    match = _OFFSET.match(zone)
    if match is not None:  # POSIX counts to the west
        turned = "-" if match[1] == "+" else "+"
        return f"<{match[1]}{match[2]}{match[3]}>{turned}{match[2]}:{match[3]}"
    path = _file_of(zone, folders)
    if path is None:
        raise ValueError(f"the time zone {zone!r} is not in {', '.join(folders)} any more")
    return f":{path}"


def use_time_zone(zone: str) -> None:
    """Let this process, and those that it starts, use `zone`; "" is the zone of the machine.

    A zone whose rules have gone since it was set is as "".
    """
    if _MACHINE not in os.environ:
        if not zone:
            return
        os.environ[_MACHINE] = os.environ.get(_VARIABLE, "")
    try:
        value = variable_for(zone) if zone else os.environ[_MACHINE]
    except ValueError:
        value = os.environ[_MACHINE]
    if value == os.environ.get(_VARIABLE, ""):
        return
    if value:
        os.environ[_VARIABLE] = value
    else:
        del os.environ[_VARIABLE]
    time.tzset()


class ZoneOffset:
    """How many minutes the local zone is east of UTC now; looked up once in a quarter of an hour.

    For what asks with every message. After the zone was changed, `forget` has to be called.
    """

    __slots__ = ("_from", "_minutes", "_now", "_until")

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now: Final = now
        self._from = self._until = 0.0  # epoch seconds between which `_minutes` holds
        self._minutes = 0

    def __call__(self) -> int:
        """Return the offset."""
        now = self._now()
        if self._from <= now < self._until:
            return self._minutes
        self._from = now // QUARTER_SECONDS * QUARTER_SECONDS
        self._until = self._from + QUARTER_SECONDS
        self._minutes = time.localtime(now).tm_gmtoff // 60
        return self._minutes

    def forget(self) -> None:
        """Look the offset up anew the next time."""
        self._until = 0.0
