"""Changes of a rule and its parameters in the lines that they stand in."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mailwarden.core.policy.hat_parameters import (
    PARAMETERS,
    ParameterValue,
    build_parameter,
    find_parameter,
)
from mailwarden.core.policy.hat_places import AccessPlace
from mailwarden.core.policy.hat_policy import HatPolicy
from mailwarden.core.policy.hat_rule_text import SETTING, with_comment

_STEP: Final = " " * 4


class _Setting(NamedTuple):
    """A parameter in a block: in which line, from where to where."""

    key: str
    line: int
    start: int
    end: int


class _Block(NamedTuple):
    """What a rule with braces consists of; `close` is where the closing brace stands."""

    settings: tuple[_Setting, ...]
    close_line: int
    close: int


def changed_access(
    lines: Sequence[str], place: AccessPlace, access: str | HatPolicy, comment: str
) -> list[str]:
    """Return the lines of an entry's rule or policy with another one, and another comment.

    `access` is the name of a policy, or a rule; its parameters stay as the lines have them.
    """
    before = place.access
    if isinstance(access, str) or isinstance(before, str):
        if access == before and comment == place.comment:
            return list(lines)
        shown = f"${access}" if isinstance(access, str) else access.rule.value
        return [f"{_indent(lines[0])}{with_comment(shown, comment)}"]
    changed = list(lines)
    if before.rule is not access.rule:
        first = changed[0]
        at = len(_indent(first))
        changed[0] = first[:at] + access.rule.value + first[at + len(before.rule.value) :]
    if comment != place.comment:
        block = _block_of(changed)
        if block is None:
            changed[0] = f"{_indent(changed[0])}{with_comment(access.rule.value, comment)}"
        else:
            kept = changed[block.close_line][: block.close]
            changed[block.close_line] = kept + with_comment("}", comment)
    return changed


def changed_parameters(
    lines: Sequence[str], parameters: Mapping[str, ParameterValue | None]
) -> list[str]:
    """Return the lines of a rule with other parameters; None takes one away."""
    changed = list(lines)
    for parameter in PARAMETERS:
        if parameter.key not in parameters:
            continue
        value = parameters[parameter.key]
        text = "" if value is None else f"{parameter.key} = {build_parameter(parameter, value)}"
        changed = _changed(changed, parameter.key, text)
    return changed


def _changed(lines: list[str], key: str, text: str) -> list[str]:
    block = _block_of(lines)
    if block is not None:
        for each in block.settings:
            if each.key == key:
                return _replaced(lines, each, text)
    if not text:
        return lines
    return _opened(lines, text) if block is None else _added(lines, block, text)


def _replaced(lines: list[str], place: _Setting, text: str) -> list[str]:
    line = lines[place.line]
    before, behind = line[: place.start], line[place.end :]
    if not text:
        behind = behind.lstrip().removeprefix(",").lstrip()
        if not before.strip() and not behind:
            return lines[: place.line] + lines[place.line + 1 :]
    return [*lines[: place.line], f"{before}{text}{behind}", *lines[place.line + 1 :]]


def _added(lines: list[str], block: _Block, text: str) -> list[str]:
    closing = lines[block.close_line]
    if closing[: block.close].strip():  # something else stands in front of the brace
        before = closing[: block.close].rstrip()
        inner = f"{before} {text} {closing[block.close :]}"
        return [*lines[: block.close_line], inner, *lines[block.close_line + 1 :]]
    indent = _indent(closing) + _STEP
    if block.settings:
        last = block.settings[-1]
        if not lines[last.line][: last.start].strip():
            indent = _indent(lines[last.line])
    return [*lines[: block.close_line], f"{indent}{text}", *lines[block.close_line :]]


def _opened(lines: list[str], text: str) -> list[str]:
    """Return the lines of a rule that had no parameters, with one."""
    line = lines[0]
    indent = _indent(line)
    rule, parenthesis, comment = line[len(indent) :].partition("(")
    end = f"{indent}}} {parenthesis}{comment}".rstrip()
    return [f"{indent}{rule.rstrip()} {{", f"{indent}{_STEP}{text}", end]


def _block_of(lines: Sequence[str]) -> _Block | None:
    """Return where the parameters of a rule stand; None where it has no braces."""
    first = lines[0]
    at = len(_indent(first))
    while at < len(first) and first[at].isalpha():
        at += 1
    while at < len(first) and first[at].isspace():
        at += 1
    if first[at : at + 1] != "{":
        return None
    settings: list[_Setting] = []
    at += 1
    for number, line in enumerate(lines):
        if number:
            at = 0
            if line.lstrip().startswith("#"):
                continue
        while at < len(line):
            match = SETTING.match(line, at)
            if match is not None:
                parameter = find_parameter(match[1])
                key = match[1] if parameter is None else parameter.key
                settings.append(_Setting(key, number, match.start(), match.end()))
                at = match.end()
            elif line[at] == "}":
                return _Block(tuple(settings), number, at)
            else:
                at += 1
    return None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
