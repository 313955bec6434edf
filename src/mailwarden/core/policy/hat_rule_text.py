"""Rules and policies in the text file of the Host Access Table, out and in (mailflow 3.10)."""

import re
from collections.abc import Iterator
from typing import Final

from mailwarden.core.policy.hat_lines import HatLines, shown
from mailwarden.core.policy.hat_parameters import (
    ParameterValue,
    build_parameter,
    find_parameter,
    parse_parameter,
)
from mailwarden.core.policy.hat_policy import RULES, HatPolicy, Rule

PLACEHOLDER: Final = HatPolicy(Rule.REJECT)  # for what could not be read

# A key, and a string in double quotes or a bare word.
SETTING: Final = re.compile(
    r"""([A-Za-z_]\w*+)\s*+=\s*+(?:"((?:[^"\\]|\\["\\n])*+)"|([^\s"{}(),=]++))""", re.ASCII
)
_ESCAPE: Final = re.compile(r'\\(["\\n])')
_WORD: Final = re.compile(r"[A-Za-z]++")


def parse_access(lines: HatLines, owner: int) -> tuple[str | HatPolicy, str]:
    """Return the rule in the next line, or the name of the policy, and the comment behind it.

    It belongs to what stands in line `owner`. What is wrong is kept in `lines`.
    """
    if not lines.advance():
        lines.wrong(owner, "a rule or policy is missing below")
        return PLACEHOLDER, ""
    if not lines.is_indented:
        lines.wrong(owner, "a rule or policy is missing below, in a line that is indented")
        lines.back()
        return PLACEHOLDER, ""
    if lines.text[0] == "$":
        name, parenthesis, comment = lines.text[1:].partition("(")
        return name.strip(), lines.parse_comment(parenthesis + comment)
    word = _first_word(lines.text)
    rule = RULES.get(word.upper())
    if rule is None:
        needed = f"needs a rule ({', '.join(RULES)}) or a policy ($NAME)"
        found = lines.text.split(None, 1)[0]
        lines.wrong(lines.number, f"{needed}, not {shown(found)}")
        return PLACEHOLDER, ""
    rest = lines.text[len(word) :].strip()
    parameters: tuple[tuple[str, ParameterValue], ...] = ()
    if rest.startswith("{"):
        parameters, rest = _parse_parameters(lines, rule, rest[1:])
    return HatPolicy(rule, parameters), lines.parse_comment(rest)


def is_access(text: str) -> bool:
    """Whether a line names a rule or policy, and not a host."""
    return text[0] == "$" or _first_word(text).upper() in RULES


def parse_setting(text: str) -> tuple[str, str] | None:
    """Return key and value if `text` is `key = value` and nothing else."""
    match = SETTING.fullmatch(text)
    return None if match is None else (match[1], _value(match))


def _first_word(text: str) -> str:
    """Return the word at the start of `text` if it could be a rule."""
    match = _WORD.match(text)
    if match is None or text[match.end() : match.end() + 1] not in ("", " ", "\t", "{", "("):
        return ""
    return match[0]


def _value(match: re.Match[str]) -> str:
    if match[2] is None:
        return match[3]
    return _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], match[2])


def _parse_parameters(
    lines: HatLines, rule: Rule, rest: str
) -> tuple[tuple[tuple[str, ParameterValue], ...], str]:
    """Return what is between the braces, and what stands behind them; `rest` is inside."""
    opened = lines.number
    reader = _Parameters(lines, rule)
    while True:
        rest = rest.strip()
        if rest.startswith("}"):
            return tuple(reader.found.items()), rest[1:]
        match = SETTING.match(rest)
        if match is not None:
            reader.take(match)
            rest = rest[match.end() :].lstrip().removeprefix(",")
            continue
        if rest:
            lines.wrong(lines.number, f'needs key = value or key = "text", not {shown(rest)}')
        if rest.endswith("}"):  # the rest of the line is given up, but not the lines behind it
            return tuple(reader.found.items()), ""
        if not lines.advance():
            lines.wrong(opened, "the { is never closed")
            return tuple(reader.found.items()), ""
        if not lines.is_indented and lines.text[0] != "}" and not SETTING.match(lines.text):
            lines.wrong(opened, f"the {{ is not closed before line {lines.number}")
            lines.back()
            return tuple(reader.found.items()), ""
        rest = lines.text


class _Parameters:
    """Takes one parameter after another."""

    __slots__ = ("_given", "_lines", "_rule", "found")

    def __init__(self, lines: HatLines, rule: Rule) -> None:
        self._lines: Final = lines
        self._rule: Final = rule
        self._given: Final[set[str]] = set()
        self.found: Final[dict[str, ParameterValue]] = {}

    def take(self, match: re.Match[str]) -> None:
        number, parameter = self._lines.number, find_parameter(match[1])
        if parameter is None:
            self._lines.warn(number, f"{shown(match[1])} is not known and is left out")
            return
        key = parameter.key
        if key in self._given:
            self._lines.wrong(number, f"{key} is given twice")
            return
        self._given.add(key)
        try:
            value = parse_parameter(parameter, _value(match))
        except ValueError as error:
            self._lines.wrong(number, f"{key}: {error}")
            return
        if value is not None:
            self.found[key] = value
            for problem in HatPolicy(self._rule, ((key, value),)).problems():
                self._lines.wrong(number, f"{key}: {problem.message}")


def build_access(access: str | HatPolicy, comment: str, indent: str) -> Iterator[str]:
    """Yield the lines of a rule with its parameters, or of a policy's name."""
    if isinstance(access, str):
        yield f"{indent}{with_comment(f'${access}', comment)}"
        return
    if not access.parameters:
        yield f"{indent}{with_comment(access.rule.value, comment)}"
        return
    yield f"{indent}{access.rule.value} {{"
    for key, value in access.parameters:
        parameter = find_parameter(key)
        if parameter is not None:
            yield f"{indent}    {key} = {build_parameter(parameter, value)}"
    yield f"{indent}{with_comment('}', comment)}"


def with_comment(text: str, comment: str) -> str:
    """Return `text` and behind it, if there is one, the comment in parentheses."""
    return f"{text} ({comment})" if comment else text
