"""Tables as the configuration has them: checked when it is read, kept as text."""

from typing import Final

from mailwarden.core.policy.aliases_text import parse_aliases
from mailwarden.core.policy.domain_map import build_domain_map, parse_domain_map
from mailwarden.core.policy.exceptions import build_exception, parse_exception
from mailwarden.core.policy.rat_text import build_rat_entry, parse_rat_entry

SHOWN_PROBLEMS_MAX: Final = 20  # of a table in a text of several lines


def parse_rat_line(text: str) -> str:
    """Return one entry of a recipient access table as it is kept.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    return build_rat_entry(parse_rat_entry(text))


def parse_domain_map_line(text: str) -> str:
    """Return one entry of a domain map as it is kept.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    read = parse_domain_map(text)
    if read.problems:
        raise ValueError(read.problems[0].message)
    line = build_domain_map(read.table).rstrip("\n")
    if "\n" in line or not line:
        raise ValueError("has not one entry; write `@old.example @new.example`")
    return line


def parse_aliases_text(text: str) -> str:
    """Return the text of an alias table.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    problems = parse_aliases(text).problems
    if problems:
        shown = [f"{problem.path}: {problem.message}" for problem in problems[:SHOWN_PROBLEMS_MAX]]
        raise ValueError("; ".join(shown))
    return text


def parse_exception_line(text: str) -> str:
    """Return one entry of the sender exception table as it is kept.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    return build_exception(parse_exception(text))
