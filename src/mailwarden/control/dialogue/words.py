r"""Reads a command line as words (admin CLI-20).

Blanks separate words; `"…"` and `'…'` keep them together. A backslash takes the next character as
it is; within `"…"` it does so only before `"` and `\`, and within `'…'` never, so that patterns
such as `"\d+"` need no second one.
"""

from typing import Final, NamedTuple

from mailwarden.control.dialogue.text import LineError, check_line

WORDS_MAX: Final = 1000  # in a line
_BLANKS: Final = " \t"
_QUOTES: Final = "\"'"
_SPECIAL: Final = frozenset(" \t\"'\\")


class Word(NamedTuple):
    """A word without its quotes, and where it stood in the line."""

    text: str
    start: int
    end: int
    is_option: bool = False  # begins with `--`, and that is not quoted


class Scan(NamedTuple):
    """The words of a line that may not be finished.

    `open` is the quote or backslash that waits for more, or "". `at_word` says whether the line
    ends within its last word.
    """

    words: tuple[Word, ...]
    open: str
    at_word: bool


def read_words(line: str) -> tuple[Word, ...]:
    """Return the words of a whole line.

    Raises:
        LineError: a quote is not closed, or the line is beyond the limits.
    """
    scan = scan_words(check_line(line))
    if scan.open == "\\":
        raise LineError("The line ends with a backslash.")
    if scan.open:
        raise LineError(f"The quote {scan.open} is not closed.")
    if len(scan.words) > WORDS_MAX:
        raise LineError(f"The line has more than {WORDS_MAX} words.")
    return scan.words


def scan_words(line: str) -> Scan:
    """Return the words of any line, finished or not."""
    words: list[Word] = []
    at, end, still_open = 0, len(line), ""
    at_word = False
    while at < end:
        if line[at] in _BLANKS:
            at += 1
            continue
        text, stop, still_open = _read_word(line, at)
        words.append(Word(text, at, stop, line.startswith("--", at)))
        at_word = stop == end
        at = stop
    return Scan(tuple(words), still_open, at_word)


def quote_word(text: str) -> str:
    """Return `text` as `read_words` reads it back as one word."""
    if text and not _SPECIAL.intersection(text) and not text.startswith("--"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _read_word(line: str, at: int) -> tuple[str, int, str]:
    """Return the word that begins at `at`, where it ends, and what is still open there."""
    parts: list[str] = []
    end = len(line)
    while at < end and line[at] not in _BLANKS:
        character = line[at]
        if character in _QUOTES:
            part, at = _read_quoted(line, at + 1, character)
            parts.append(part)
            if at > end:
                return "".join(parts), end, character
        elif character == "\\":
            if at + 1 == end:
                return "".join(parts), end, character
            parts.append(line[at + 1])
            at += 2
        else:
            parts.append(character)
            at += 1
    return "".join(parts), at, ""


def _read_quoted(line: str, at: int, quote: str) -> tuple[str, int]:
    """Return what stands from `at` to the closing quote, and the place behind that.

    The place is beyond the end of the line when the quote is not closed.
    """
    parts: list[str] = []
    end = len(line)
    while at < end and line[at] != quote:
        if quote == '"' and line[at] == "\\" and line[at + 1 : at + 2] in ('"', "\\"):
            at += 1
        parts.append(line[at])
        at += 1
    return "".join(parts), at + 1
