"""What is taken over from configuration files of the old product, and what is not (admin XML-34).

Only elements whose names and meaning its public documentation gives are read. Everything else is
told with its line, so that nobody believes that it came along.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mailwarden.control.xml.document import Element, is_blank
from mailwarden.control.xml.protection import MASK

MAJOR: Final = 7  # of the releases whose files are read
REPORTED_MAX: Final = 1000  # elements told one by one

_UNKNOWN: Final = "its form is not documented; set it here by hand"
_TABLES: Final = (
    "how listeners stand in the file is not documented; make them here, and bring host access and "
    "recipient access over as text: HOSTACCESS > EXPORT and RCPTACCESS > EXPORT there, "
    "`mailwarden table import` here"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What becomes of an element directly in `<config>`.

    `target` is our setting, whose text `convert` returns; without one, `reason` says why not.
    """

    element: str
    target: str = ""
    convert: Callable[[str], Any] = str.strip
    reason: str = ""


RULES: Final[Mapping[str, Rule]] = {
    rule.element: rule
    for rule in (
        Rule(element="hostname", target="hostname"),
        Rule(
            element="autosupport_enabled",
            reason="set an address of your own for it (alertconfig > SETUP)",
        ),
        Rule(element="listeners", reason=_TABLES),
        Rule(element="rat", reason="there may be several listeners, and it does not say which"),
    )
}


@dataclass(frozen=True, slots=True)
class Taken:
    """An element that became a setting."""

    line: int
    element: str
    setting: str
    value: Any

    def __str__(self) -> str:
        return f"line {self.line}: <{self.element}> is taken over as `{self.setting}`"


@dataclass(frozen=True, slots=True)
class NotTaken:
    """An element that was not taken over; `count` elements are in it, itself included."""

    line: int
    element: str
    reason: str
    count: int = 1

    def __str__(self) -> str:
        inside = f" with {self.count - 1} elements in it" if self.count > 1 else ""
        return f"line {self.line}: <{self.element}>{inside} is not taken over: {self.reason}"


def take_over(element: Element) -> Taken | NotTaken:
    """Return what becomes of an element directly in `<config>`."""
    rule = RULES.get(element.name)
    if rule is None:
        return _not_taken(element, _UNKNOWN)
    if not rule.target:
        return _not_taken(element, rule.reason)
    if element.children or element.stray_line:
        return _not_taken(element, "it should hold text and holds elements")
    if is_blank(element.text):
        return _not_taken(element, "it is empty")
    if element.text.strip().startswith(MASK):
        return _not_taken(element, "its value is masked")
    return Taken(element.line, element.name, rule.target, rule.convert(element.text))


def _not_taken(element: Element, reason: str) -> NotTaken:
    return NotTaken(element.line, element.name, reason, _count(element))


def _count(element: Element) -> int:
    return 1 + sum(map(_count, element.children))
