"""Plain tables, and sizes and times for people.

Much of what is shown was written by strangers, on their servers: whatever a terminal could take
for a command is made visible instead.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

from mailwarden.system.log.escape import escape

CELL_LENGTH_MAX: Final = 80
_BYTES: Final = (("T", 1024**4), ("G", 1024**3), ("M", 1024**2), ("k", 1024))
_SECONDS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def render_table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return the lines of a table; numbers stand right, all else left, None is empty."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [heads, *cells]) for i in range(len(heads))]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(heads))]
    return [
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in [heads, *cells]
    ]


def human_size(size: float) -> str:
    """Return bytes as `512`, `14.2k`, `20M`."""
    for name, factor in _BYTES:
        if abs(size) >= factor:
            number = size / factor
            return f"{number:.0f}{name}" if number >= 100 else f"{number:.3g}{name}"
    return f"{size:.0f}"


def human_time(seconds: float) -> str:
    """Return a duration as `45s`, `3h 12m`, `2d 4h`; `now` for none or less."""
    whole = int(seconds)
    if whole <= 0:
        return "now"
    for position, (name, factor) in enumerate(_SECONDS):
        if whole >= factor:
            first = f"{whole // factor}{name}"
            if factor == 1:
                return first
            below, smaller = _SECONDS[position + 1]
            rest = whole % factor // smaller
            return f"{first} {rest}{below}" if rest else first
    return "now"


def date_of(seconds: float) -> str:
    """Return a time, in seconds since the epoch, as `Fri Sep 17 11:42:12 2010 GMT`."""
    return time.strftime("%a %b %e %H:%M:%S %Y GMT", time.gmtime(seconds))


def count_of(number: int, noun: str) -> str:
    """Return `1 problem` or `2 problems`, `1 entry` or `2 entries`."""
    if number == 1:
        return f"1 {noun}"
    is_changed = noun[-1:] == "y" and noun[-2:-1] not in "aeiou"
    return f"{number} {noun[:-1]}ies" if is_changed else f"{number} {noun}s"


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = escape(str(value))
    return text if len(text) <= CELL_LENGTH_MAX else f"{text[: CELL_LENGTH_MAX - 1]}…"


def _is_number(value: object) -> bool:
    if isinstance(value, int | float):
        return True
    return value is None or isinstance(value, Number)


class Number(str):
    """Text that is a number for people, such as `14.2k`; it stands right in a table."""

    __slots__ = ()
