"""Where something stands in a configuration: `listeners[In].policy.tls`.

A path is its steps, each the name of a setting, of an entry in a table, or of a member in a list.
Names that are not plain stand in brackets, and in quotes, as JSON has them, where brackets alone
would not do: `smtp_routes[.dom.example]`, `bounce_templates["a]b"].de`.
"""

import json
import re
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str, ...]

STEPS_MAX: Final = 24
TEXT_LENGTH_MAX: Final = 4096

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_BARE: Final = re.compile(
    r'[^\]\["\x00-\x20\x7f-\x9f]([^\]\["\x00-\x1f\x7f-\x9f]*[^\]\["\x00-\x20\x7f-\x9f])?'
)
_QUOTED: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*+"')


class PathError(ValueError):
    """The text is no path; the message says what is wrong, and where."""


def parse_path(text: str) -> Path:
    """Return the steps of a path; "" is the configuration itself.

    Raises:
        PathError: it is none.
    """
    text = text.strip()
    if len(text) > TEXT_LENGTH_MAX:
        raise PathError(f"a path has at most {TEXT_LENGTH_MAX} letters")
    steps: list[str] = []
    at = 0
    while at < len(text):
        step, at = _in_brackets(text, at) if text[at] == "[" else _plain(text, at, bool(steps))
        steps.append(step)
        if len(steps) > STEPS_MAX:
            raise PathError(f"a path has at most {STEPS_MAX} steps")
    return tuple(steps)


def format_path(path: Path) -> str:
    """Return the text of a path, which `parse_path` reads back."""
    return "".join(_formatted(step, position) for position, step in enumerate(path))


def _formatted(step: str, position: int) -> str:
    if _PLAIN.fullmatch(step):
        return f".{step}" if position else step
    if step.isprintable():
        return f"[{step}]" if _BARE.fullmatch(step) else f"[{json.dumps(step, ensure_ascii=False)}]"
    return f"[{json.dumps(step)}]"


def _plain(text: str, at: int, is_further: bool) -> tuple[str, int]:
    if is_further:
        if text[at] != ".":
            raise PathError(f"a `.` or `[` is needed before {text[at : at + 40]!r}")
        at += 1
    match = _PLAIN.match(text, at)
    if match is None:
        what = repr(text[at : at + 40]) if at < len(text) else "the end"
        raise PathError(f"the name of a setting is needed before {what}; write others in brackets")
    return match[0], match.end()


def _in_brackets(text: str, at: int) -> tuple[str, int]:
    start = at + 1
    if text[start : start + 1] == '"':
        match = _QUOTED.match(text, start)
        end = match.end() if match else start
        if match is None or text[end : end + 1] != "]":
            raise PathError(f'the quote in {text[at : at + 40]!r} is not closed by `"]`')
        try:
            step: str = json.loads(match[0])
            step.encode()
        except ValueError as error:
            raise PathError(f"{match[0][:40]} is not a text in quotes: {error}") from error
        return step, end + 1
    end = text.find("]", start)
    if end < 0:
        raise PathError(f"{text[at : at + 40]!r} has no closing bracket")
    step = text[start:end].strip()
    if not _BARE.fullmatch(step):
        raise PathError(f"{step[:40]!r} needs quotes within the brackets, or is empty")
    return step, end + 1
