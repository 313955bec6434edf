"""How two configurations differ, setting by setting, and how to get from one to the other.

Entries of tables and members of lists that have names are told from one another by these, so that
one that is put in between is one change. Names of settings have no order; entries and members do.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from mailwarden.control.candidate.edits import EditError, names_of
from mailwarden.control.candidate.lines import longest_rising
from mailwarden.control.candidate.model import Declared, Model, names_in_order
from mailwarden.control.candidate.paths import Path, format_path
from mailwarden.control.candidate.sections import Section, section_of
from mailwarden.control.config.shape import Form
from mailwarden.stores.configuration.tree import Tree, Value


class ChangeKind(Enum):
    """What happened to a setting."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    ORDER = "order"  # entries or members stand in another order


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. Of an ORDER, `before` and `after` are the names that both have."""

    kind: ChangeKind
    path: Path
    before: Value = None
    after: Value = None
    behind: tuple[str, ...] | None = None  # what an added entry stands behind; () is in front

    def moved(self) -> list[str]:
        """Return which names of an ORDER have to move, and no more than have to."""
        assert isinstance(self.before, list)
        assert isinstance(self.after, list)
        place = {name: at for at, name in enumerate(self.before)}
        resting = set(longest_rising([place[name] for name in self.after]))
        return [str(name) for at, name in enumerate(self.after) if at not in resting]

    def section(self, model: Model) -> Section:
        """Return the section that is changed."""
        if self.kind is ChangeKind.ORDER:
            return Section(self.path, is_order=True)
        return section_of(self.path, model)


def diff(before: Tree, after: Tree, model: Model) -> tuple[Change, ...]:
    """Return all differences in the order of the declarations; none where the trees are `same`."""
    return tuple(_differences(before, after, (), model.root))


def differ(before: Tree, after: Tree, model: Model) -> bool:
    """Tell whether there is any difference; stops at the first."""
    return next(_differences(before, after, (), model.root), None) is not None


def same(one: Value, other: Value) -> bool:
    """Tell whether values are equal to the letter: 1, 1.0 and true are not, nor another order."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def apply(tree: Tree, changes: Iterable[Change]) -> Tree:
    """Return what `changes` make of a tree, which need not be the one that they were found in.

    An entry behind one that is not there goes to the end; of an order, what it does not name stays
    behind what it stood behind.

    Raises:
        EditError: a change is about what is not there, or adds what is.
    """
    root = _Changes()
    for change in changes:
        at = root
        is_order = change.kind is ChangeKind.ORDER
        for step in change.path if is_order else change.path[:-1]:
            at = at.within[step]
        if is_order:
            at.order = change
        else:
            at.here[change.path[-1]] = change
    changed = _apply(tree, root, ())
    assert isinstance(changed, dict)
    return changed


def _differences(
    before: Value, after: Value, path: Path, declared: Declared | None
) -> Iterator[Change]:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        if declared is not None and declared.kind.form is Form.SECTION:
            yield from _of_section(before, after, path, declared)
        else:
            yield from _of_entries(before, after, path, declared)
        return
    if isinstance(before, list) and isinstance(after, list):
        old, new = _members(before), _members(after)
        if old is not None and new is not None:
            yield from _of_entries(old, new, path, declared)
            return
    if not same(before, after):
        yield Change(ChangeKind.CHANGED, path, before, after)


def _members(value: list[Value]) -> dict[str, Value] | None:
    """Return the members of a list by their names; None when they have none."""
    if not value:
        return {}
    names = names_of(value)
    return None if names is None else dict(zip(names, value, strict=True))


def _of_section(before: Tree, after: Tree, path: Path, declared: Declared) -> Iterator[Change]:
    for name in names_in_order(declared, before, after):
        inside = (*path, name)
        if name not in after:
            yield Change(ChangeKind.REMOVED, inside, before=before[name])
        elif name not in before:
            yield Change(ChangeKind.ADDED, inside, after=after[name])
        else:
            yield from _differences(before[name], after[name], inside, declared.inner(name))


def _of_entries(
    before: Tree, after: Tree, path: Path, declared: Declared | None
) -> Iterator[Change]:
    for name, value in before.items():
        inside = (*path, name)
        if name not in after:
            yield Change(ChangeKind.REMOVED, inside, before=value)
        elif value is not after[name]:
            inner = None if declared is None else declared.inner(name)
            yield from _differences(value, after[name], inside, inner)
    old: list[Value] = [name for name in before if name in after]
    new: list[Value] = [name for name in after if name in before]
    if old != new:
        yield Change(ChangeKind.ORDER, path, old, new)
    behind: tuple[str, ...] = ()
    for name, value in after.items():
        if name not in before:
            yield Change(ChangeKind.ADDED, (*path, name), after=value, behind=behind)
        behind = (name,)


@dataclass(slots=True)
class _Changes:
    """Changes of what stands in one place, and further in."""

    here: dict[str, Change] = field(default_factory=dict)
    order: Change | None = None
    within: "defaultdict[str, _Changes]" = field(default_factory=lambda: defaultdict(_Changes))


def _apply(value: Value, changes: _Changes, path: Path) -> Value:
    entries = _members(value) if isinstance(value, list) else value
    if not isinstance(entries, dict):
        raise EditError(f"{format_path(path)} is no longer what it was")
    result = dict(entries)
    added = []
    for name, change in changes.here.items():
        if (change.kind is ChangeKind.ADDED) == (name in result):
            state = "already" if name in result else "no longer"
            raise EditError(f"{format_path((*path, name))} is {state} there")
        if change.kind is ChangeKind.REMOVED:
            del result[name]
        elif change.kind is ChangeKind.CHANGED:
            result[name] = change.after
        else:
            added.append(change)
    for name, inner in changes.within.items():
        if name not in result:
            raise EditError(f"{format_path((*path, name))} is no longer there")
        result[name] = _apply(result[name], inner, (*path, name))
    if changes.order is not None:
        result = _ordered(result, changes.order)
    result = _with_added(result, added)
    return list(result.values()) if isinstance(value, list) else result


def _ordered(entries: Tree, order: Change) -> Tree:
    """Return entries in the order given; others stay behind what they stood behind."""
    assert isinstance(order.after, list)
    named = [str(name) for name in order.after if name in entries]
    known = set(named)
    leading: list[str] = []
    followers: dict[str, list[str]] = {}
    group = leading
    for name in entries:
        if name in known:
            group = followers[name] = []
        else:
            group.append(name)
    names = [*leading]
    for name in named:
        names += (name, *followers[name])
    return {name: entries[name] for name in names}


_END: Final = "end"
_FRONT: Final = "front"


def _with_added(entries: Tree, added: list[Change]) -> Tree:
    """Return entries with others among them, each behind what it is to stand behind."""
    if not added:
        return entries
    new = {change.path[-1]: change for change in added}
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name, change in new.items():
        if change.behind == ():
            groups[_FRONT, ""].append(name)
        elif change.behind is None or (
            change.behind[0] not in entries and change.behind[0] not in new
        ):
            groups[_END, ""].append(name)
        else:
            groups["behind", change.behind[0]].append(name)
    result: Tree = {}

    def put(first: list[str]) -> None:
        waiting = first[::-1]
        while waiting:  # not recursive: a thousand new entries stand behind one another
            name = waiting.pop()
            result[name] = new[name].after if name in new else entries[name]
            waiting += groups["behind", name][::-1]

    put(groups[_FRONT, ""])
    put(list(entries))
    put(groups[_END, ""])
    return result
