"""Where in the text of a Host Access Table its policies and entries stand.

For texts that were accepted: in another one, something or other is not found. Lines count from 0.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from mailwarden.core.policy.hat_lines import HatLines
from mailwarden.core.policy.hat_policy import HatPolicy
from mailwarden.core.policy.hat_rule_text import is_access, parse_access, parse_setting
from mailwarden.core.policy.hat_text import VERIFICATION_KEY
from mailwarden.core.policy.host_forms import HostForm, parse_host_form

LAST: Final = "ALL"


class AccessPlace(NamedTuple):
    """The rule of an entry with its parameters, or its policy: lines `first` to `last`."""

    first: int
    last: int
    access: str | HatPolicy
    comment: str


class HostPlace(NamedTuple):
    """A host of a group."""

    line: int
    form: HostForm


class Entry(NamedTuple):
    """A policy, a sender group, a host that stands alone, or ALL.

    `start` is the first of the lines of comment right above it, or else `line` itself.
    """

    name: str  # of policies without their $; of a host, the host
    start: int
    line: int
    access: AccessPlace
    is_group: bool = False
    hosts: tuple[HostPlace, ...] = ()
    flags_line: int = -1  # of the boxes for hosts without a verified name

    @property
    def end(self) -> int:
        """The line behind it."""
        return self.access.last + 1

    def is_called(self, name: str) -> bool:
        """Return whether `name` means it; a group's is taken to the letter."""
        if self.is_group:
            return self.name == name
        return self.name.casefold() == name.casefold()


class HatPlaces(NamedTuple):
    """All that stands in a text, in order."""

    policies: tuple[Entry, ...]
    entries: tuple[Entry, ...]
    last: Entry | None
    lines: Sequence[str]


def find_places(text: str) -> HatPlaces:
    """Return where everything stands in `text`."""
    return _Finder(text).find()


class _Finder:
    __slots__ = ("_entries", "_last", "_lines", "_policies", "_raw")

    def __init__(self, text: str) -> None:
        self._raw: Final = text.split("\n")
        self._lines: Final = HatLines(text)
        self._policies: Final[list[Entry]] = []
        self._entries: Final[list[Entry]] = []
        self._last: Entry | None = None

    def find(self) -> HatPlaces:
        lines = self._lines
        while lines.advance():
            lines.take_remarks()
            if lines.is_indented:
                continue
            if lines.text[0] == "$":
                self._policies.append(self._alone(lines.text[1:].strip()))
            elif lines.text.partition("(")[0].strip().upper() == LAST:
                self._last = self._alone(LAST)
            elif lines.text.endswith(":") and ":" not in lines.text[:-1]:
                self._group(lines.text[:-1].rstrip())
            else:
                self._entries.append(self._alone(self._host_text()))
        return HatPlaces(tuple(self._policies), tuple(self._entries), self._last, self._raw)

    def _alone(self, name: str) -> Entry:
        line = self._lines.number - 1
        return Entry(name, self._start(line), line, self._access(line))

    def _group(self, name: str) -> None:
        lines = self._lines
        line = lines.number - 1
        hosts: list[HostPlace] = []
        flags_line = -1
        access = AccessPlace(line, line, "", "")
        while lines.advance():
            if not lines.is_indented:
                lines.back()
                break
            if is_access(lines.text):
                lines.back()
                access = self._access(line)
            elif "=" in lines.text.partition("(")[0]:
                setting = parse_setting(lines.text)
                if setting is not None and setting[0] == VERIFICATION_KEY:
                    flags_line = lines.number - 1
            else:
                self._host(hosts)
        start = self._start(line)
        self._entries.append(Entry(name, start, line, access, True, tuple(hosts), flags_line))

    def _access(self, owner: int) -> AccessPlace:
        lines = self._lines
        if not lines.advance():
            return AccessPlace(owner, owner, "", "")
        first = lines.number - 1
        lines.back()
        access, comment = parse_access(lines, owner)
        lines.take_remarks()
        return AccessPlace(first, lines.number - 1, access, comment)

    def _host(self, hosts: list[HostPlace]) -> None:
        try:
            form = parse_host_form(self._lines.text.partition("(")[0])
        except ValueError:
            return
        hosts.append(HostPlace(self._lines.number - 1, form))

    def _host_text(self) -> str:
        text = self._lines.text.partition("(")[0].strip()
        try:
            return parse_host_form(text).text
        except ValueError:
            return text

    def _start(self, line: int) -> int:
        """Return the first line of the comment right above `line`."""
        start = line
        while start and self._raw[start - 1].lstrip().startswith("#"):
            start -= 1
        return start
