r"""Makes any value fit for one line of a log, or says how it is written there (mailflow 8.1).

What peers send may hold line ends, terminal controls, bidirectional overrides, halves of
surrogate pairs or megabytes. In a log it becomes printable, bounded, valid UTF-8.
"""

from collections.abc import Iterable, Sequence
from typing import Final

VALUE_CHARACTERS_MAX: Final = 1000  # of one value; what is cut off is shown as `...`
ITEMS_MAX: Final = 1000  # of RIDs in one line
REPLY_LINES_MAX: Final = 20  # of a remote host's reply, or of logged header fields


def escape(value: str) -> str:
    r"""Return `value` fit for one line: control characters become `\r`, `\n`, `\x1b`."""
    if len(value) <= VALUE_CHARACTERS_MAX and value.isprintable():
        return value
    shown = "".join(map(_shown, value[: VALUE_CHARACTERS_MAX + 1]))
    if len(shown) <= VALUE_CHARACTERS_MAX:
        return shown
    return f"{shown[:VALUE_CHARACTERS_MAX]}..."


def quote(value: str) -> str:
    """Return `value` escaped and in quotes: double ones when it holds a single one (2.5)."""
    mark = '"' if "'" in value else "'"
    return f"{mark}{escape(value)}{mark}"


def rid_list(numbers: Sequence[int]) -> str:
    """Return RIDs in the form `[0, 1]`."""
    if len(numbers) == 1:
        return f"[{numbers[0]}]"
    more = ", ..." if len(numbers) > ITEMS_MAX else ""
    return f"[{', '.join(map(str, numbers[:ITEMS_MAX]))}{more}]"


def quoted_list(values: Sequence[str]) -> str:
    """Return `values` in the form `['no such user', 'go away']`."""
    return f"[{', '.join(quote(value) for value in values[:REPLY_LINES_MAX])}]"


def pair_list(pairs: Iterable[tuple[str, str]]) -> str:
    """Return name and value pairs in the form `[('X-SBRS', 'None')]`."""
    shown = [f"({quote(name)}, {quote(value)})" for name, value in pairs]
    return f"[{', '.join(shown[:REPLY_LINES_MAX])}]"


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if 0xDC80 <= ord(character) <= 0xDCFF:  # a byte that was not UTF-8 (PEP 383)
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
