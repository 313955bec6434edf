"""Tables as the configuration has them: checked when it is read, kept as text."""

from collections.abc import Sequence
from typing import Final

from mailwarden.core.patterns import parse_network
from mailwarden.core.policy.aliases_text import parse_aliases
from mailwarden.core.policy.domain_map import build_domain_map, parse_domain_map
from mailwarden.core.policy.exceptions import build_exception, parse_exception
from mailwarden.core.policy.hat import HostAccessTable
from mailwarden.core.policy.hat_parameters import check_parameter, find_parameter
from mailwarden.core.policy.hat_text import parse_hat
from mailwarden.core.policy.host_forms import parse_host_form
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.rat_text import build_rat_entry, parse_rat_entry
from mailwarden.core.problem import Problem

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
    _raise(parse_aliases(text).problems)
    return text


def parse_host_access_text(text: str) -> str:
    """Return the text of a Host Access Table.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    _raise(read_host_access(text).problems)
    return text


def read_host_access(text: str) -> Imported[HostAccessTable]:
    """Return the Host Access Table in `text`, and what was passed over in it."""
    return parse_hat(text)


def parse_relay_host(text: str) -> str:
    """Return an address or network as it is kept.

    Raises:
        ValueError: it is neither; the message says what would be right.
    """
    return parse_host_form(parse_network(text)).text


def parse_reply_text(text: str) -> str:
    """Return the text of a reply, which may have lines and variables.

    Raises:
        ValueError: it cannot stand in one; the message says why.
    """
    words = text.strip()
    parameter = find_parameter("smtp_banner_text")
    assert parameter is not None
    check_parameter(parameter, words)
    return words


def _raise(problems: Sequence[Problem]) -> None:
    if problems:
        shown = [f"{problem.path}: {problem.message}" for problem in problems[:SHOWN_PROBLEMS_MAX]]
        raise ValueError("; ".join(shown))


def parse_exception_line(text: str) -> str:
    """Return one entry of the sender exception table as it is kept.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    return build_exception(parse_exception(text))
