"""Changes single lines in the text of a table: all others stay as they are, to the letter.

Lines count from 1, as messages about tables name them.
"""

from collections.abc import Sequence

from mailwarden.core.policy.table_lines import BLANKS, LineNotes, numbered_lines


def entry_line(text: str, position: int) -> int:
    """Return the line of an entry of a table with an entry a line; the first has position 0.

    Raises:
        IndexError: there are not so many.
    """
    for number, _ in numbered_lines(text, LineNotes()):
        if not position:
            return number
        position -= 1
    raise IndexError("the table has fewer entries")


def line_at(text: str, number: int) -> str:
    """Return a line, without its end."""
    return text.split("\n", number)[number - 1]


def replace_line(text: str, number: int, line: str) -> str:
    """Return `text` with `line` in the place of another; blanks in front of that one stay."""
    start, end = _span(text, number)
    old = text[start:end]
    indent = old[: len(old) - len(old.lstrip(BLANKS))]
    return f"{text[:start]}{indent}{line}{text[end:]}"


def delete_line(text: str, number: int) -> str:
    """Return `text` without a line."""
    start, end = _span(text, number)
    return text[:start] + text[end + 1 :]


def insert_lines(text: str, number: int, lines: Sequence[str]) -> str:
    """Return `text` with `lines` in front of line `number`."""
    start, _ = _span(text, number)
    added = "".join(f"{line}\n" for line in lines)
    return text[:start] + added + text[start:]


def append_lines(text: str, lines: Sequence[str]) -> str:
    """Return `text` with `lines` at its end."""
    begin = f"{text}\n" if text and text[-1] != "\n" else text
    return begin + "".join(f"{line}\n" for line in lines)


def _span(text: str, number: int) -> tuple[int, int]:
    """Return where a line begins and ends; its LF stands at the end."""
    start = 0
    for _ in range(number - 1):
        start = text.index("\n", start) + 1
    end = text.find("\n", start)
    return start, len(text) if end < 0 else end
