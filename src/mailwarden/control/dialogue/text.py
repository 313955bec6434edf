"""What a terminal may be shown, and what a line from one may hold."""

import re
from typing import Final

LINE_LENGTH_MAX: Final = 32 * 1024  # letters in a command or an answer

# Controls (C0, C1, DEL), halves of surrogate pairs, line ends other than LF, and the marks that
# turn the direction of writing: a terminal would act on them instead of showing them.
_UNFIT: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_HARMLESS: Final = "\t\n"


class LineError(Exception):
    """A line that cannot be used; the message is for the person who typed it."""


def neutralise(text: str) -> str:
    r"""Return `text` without anything that a terminal acts on but `\n` and `\t`.

    What was there is made visible: `\x1b`, `\u202e`.
    """
    return _UNFIT.sub(_visible, text)


def check_line(line: str) -> str:
    """Return `line`, which a person typed.

    Raises:
        LineError: it is too long or holds what cannot be shown.
    """
    if len(line) > LINE_LENGTH_MAX:
        raise LineError(f"The line is longer than {LINE_LENGTH_MAX} letters.")
    found = _UNFIT.search(line.replace("\t", " "))
    if found:
        raise LineError(f"The line holds a control character, U+{ord(found[0]):04X}.")
    return line


def sentence(message: str) -> str:
    """Return the message of a ValueError as a sentence about what was typed."""
    text = message.strip() or "is not possible"
    first = text.partition(" ")[0]
    if first in _PREDICATES:
        text = f"That {text}"
    text = text[:1].upper() + text[1:]
    return text if text[-1] in ".!?:" else f"{text}."


_PREDICATES: Final = frozenset(
    ("is", "has", "lists", "must", "takes", "needs", "names", "cannot", "may", "can", "holds")
)


def _visible(found: re.Match[str]) -> str:
    character = found[0]
    if character in _HARMLESS:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
