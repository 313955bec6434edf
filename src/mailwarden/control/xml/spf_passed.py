"""Turns the rule `spf-passed` of content filters in older files into `spf-status` (admin XML-34).

Only content filters are converted: in message filters the rule stays (filters 7.4).
"""

import re
from dataclasses import dataclass
from typing import Final

PASSED: Final = 'spf-status == "Pass"'
NOT_PASSED: Final = 'spf-status != "Pass"'

_RULE: Final = "spf-passed"
_TOKEN: Final = re.compile(
    r"""\s+ | \#[^\n]*
    | "(?:[^"\\]|\\.)*(?:"|\\?\Z) | '(?:[^'\\]|\\.)*(?:'|\\?\Z)  # without end: all the rest
    | [A-Za-z_$][\w.$-]* | .""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class SpfConversion:
    """A content filter's text as it is kept, and each rule that was rewritten: before and after."""

    text: str
    changes: tuple[tuple[str, str], ...]


def convert_spf_passed(text: str) -> SpfConversion:
    """Return a content filter with `spf-status` in the place of `spf-passed`.

    An odd number of `not` in front, through brackets too, gives `!=`; they go away with the rule.
    What stands in strings and comments, and all else, stays letter by letter.
    """
    tokens = [match for match in _TOKEN.finditer(text) if not _is_between(match[0])]
    pieces: list[str] = []
    changes: list[tuple[str, str]] = []
    done = 0
    for index, token in enumerate(tokens):
        if token[0].lower() != _RULE:
            continue
        first, last, negations = _extent(tokens, index)
        start, end = tokens[first].start(), tokens[last].end()
        rule = NOT_PASSED if negations % 2 else PASSED
        pieces += [text[done:start], rule]
        changes.append((text[start:end], rule))
        done = end
    return SpfConversion("".join([*pieces, text[done:]]), tuple(changes))


def _extent(tokens: "list[re.Match[str]]", index: int) -> tuple[int, int, int]:
    """Return the first and last token of the rule with its `not`s, and how many of these."""
    first, last, negations = index, index, 0
    if _is(tokens, last + 1, "(") and _is(tokens, last + 2, ")"):
        last += 2  # `spf-passed()` is the same
    while True:
        if _is(tokens, first - 1, "not"):
            first, negations = first - 1, negations + 1
            continue
        left, right = first, last
        while _is(tokens, left - 1, "(") and _is(tokens, right + 1, ")"):
            left, right = left - 1, right + 1
        # Brackets go only where a `not` stands in front of them: those of `if (...)` stay.
        if left == first or not _is(tokens, left - 1, "not"):
            return first, last, negations
        first, last = left, right


def _is(tokens: "list[re.Match[str]]", index: int, word: str) -> bool:
    return 0 <= index < len(tokens) and tokens[index][0].lower() == word


def _is_between(token: str) -> bool:
    return token.isspace() or token.startswith("#")
