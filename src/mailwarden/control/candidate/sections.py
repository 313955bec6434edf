"""The sections of a configuration: what two administrators cannot change at the same time (COM-02).

A section is a setting at the top, or an entry of a table or member of a list by its own name. The
order of such entries is a section as well.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from mailwarden.control.candidate.model import Model
from mailwarden.control.candidate.paths import Path, PathError, format_path, parse_path
from mailwarden.control.config.shape import Form

MEMBERS_MAX: Final = 100  # of one table that are named one by one; more are the whole table
_ORDER: Final = " (order)"


class Section(NamedTuple):
    """A section, by where it stands."""

    path: Path
    is_order: bool = False

    def __str__(self) -> str:
        return format_path(self.path) + (_ORDER if self.is_order else "")


EVERYTHING: Final = Section(())


def parse_section(text: str) -> Section:
    """Return the section that `str` wrote; one that makes no sense could be any."""
    try:
        return Section(parse_path(text.removesuffix(_ORDER)), text.endswith(_ORDER))
    except PathError:
        return EVERYTHING


def section_of(path: Path, model: Model) -> Section:
    """Return the section that what stands at `path` belongs to."""
    declared = model.root
    for depth, step in enumerate(path, start=1):
        is_named = declared.kind.form in (Form.TABLE, Form.LIST)
        inner = declared.inner(step)
        if is_named or inner is None:
            return Section(path[:depth] if is_named else path[:1])
        declared = inner
    return Section(path[:1])


def gathered(sections: Iterable[Section]) -> tuple[Section, ...]:
    """Return sections once each, in order; many of one table become the table."""
    unique = dict.fromkeys(sections)
    counts: dict[Path, int] = {}
    for section in unique:
        counts[section.path[:-1]] = counts.get(section.path[:-1], 0) + 1
    many = {path for path, count in counts.items() if path and count > MEMBERS_MAX}
    if not many:
        return tuple(unique)
    wider = (Section(each.path[:-1]) if each.path[:-1] in many else each for each in unique)
    return tuple(dict.fromkeys(wider))


class Sections:
    """A set of sections that can be asked what overlaps with it."""

    def __init__(self, sections: Iterable[Section]) -> None:
        self._paths: Final[set[Path]] = set()
        self._around: Final[set[Path]] = set()  # what they stand in
        self._orders: Final[set[Path]] = set()
        self._around_orders: Final[set[Path]] = set()
        for path, is_order in sections:
            if is_order:
                self._orders.add(path)
                self._around_orders.update(path[:depth] for depth in range(len(path) + 1))
            else:
                self._paths.add(path)
                self._around.update(path[:depth] for depth in range(len(path) + 1))

    def overlaps(self, section: Section) -> bool:
        """Tell whether `section` is one of them, in one of them or around one of them."""
        path = section.path
        if any(path[:depth] in self._paths for depth in range(len(path) + 1)):
            return True
        if section.is_order:
            return path in self._orders
        return path in self._around or path in self._around_orders
