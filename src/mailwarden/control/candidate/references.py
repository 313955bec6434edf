"""Who refers to what by name: found from the declarations, rewritten on rename (COM-13).

A setting says with `refers_to` in which tables the names that it takes are; a table with a text of
its own finds the names in it. Names in tables that stand in files of their own are not seen here.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from mailwarden.control.candidate import edits
from mailwarden.control.candidate.edits import EditError
from mailwarden.control.candidate.model import Declared, Model, has_marked
from mailwarden.control.candidate.paths import Path, format_path, parse_path
from mailwarden.core.policy.text_table import NameInText
from mailwarden.stores.configuration.tree import Tree, Value

USES_SHOWN_MAX: Final = 20  # in a message


class Use(NamedTuple):
    """A place where a name stands. `line` counts from 1; 0 is a setting of its own."""

    path: Path
    collections: tuple[str, ...]  # where the name may be defined: `interfaces`
    name: str
    line: int = 0

    def __str__(self) -> str:
        line = f", line {self.line}" if self.line else ""
        return f"{format_path(self.path)}{line}"


class Renamed(NamedTuple):
    """A tree after a rename, and where references were rewritten."""

    tree: Tree
    uses: tuple[Use, ...]


class InUseError(EditError):
    """What is to be deleted is in use; `uses` says where."""

    def __init__(self, path: Path, uses: tuple[Use, ...]) -> None:
        self.uses = uses
        shown = ", ".join(map(str, uses[:USES_SHOWN_MAX]))
        more = f" and {len(uses) - USES_SHOWN_MAX} more" if len(uses) > USES_SHOWN_MAX else ""
        super().__init__(f"{format_path(path)} is in use by {shown}{more}")


def uses_in(value: Value, declared: Declared | None, path: Path = ()) -> Iterator[Use]:
    """Yield every name in `value`, which stands at `path`, in the order of the tree."""
    if declared is None or not _may_refer(declared):
        return
    about = declared.about
    if declared.is_table_text:
        assert about is not None
        assert about.table is not None
        if about.table.names is not None:
            text = _text_of(value)
            yield from (_use(path, text, found) for found in about.table.names(text))
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from uses_in(each, declared.inner(name), (*path, name))
    elif isinstance(value, list):
        names = edits.names_of(value)
        for position, each in enumerate(value):
            step = str(position) if names is None else names[position]
            yield from uses_in(each, declared.inner(step), (*path, step))
    elif isinstance(value, str) and value and about is not None and about.refers_to:
        yield Use(path, about.refers_to, value.strip())


def users_of(tree: Tree, path: Path, model: Model) -> tuple[Use, ...]:
    """Return where what stands at `path` is named, but for what stands within it."""
    collection, name = format_path(path[:-1]), path[-1]
    found = (
        use
        for use in uses_in(tree, model.root)
        if use.name == name and collection in use.collections
    )
    return tuple(use for use in found if use.path[: len(path)] != path)


def remove(tree: Tree, path: Path, model: Model) -> Tree:
    """Return the tree without what stands at `path`.

    Raises:
        InUseError: something refers to it.
        EditError: there is nothing.
    """
    edits.get(tree, path)
    uses = () if not path or _is_built_in(path, model) else users_of(tree, path, model)
    if uses:
        raise InUseError(path, uses)
    return edits.delete(tree, path)


def rename(tree: Tree, path: Path, name: str, model: Model) -> Renamed:
    """Return the tree with another name for what stands at `path`, there and wherever it is named.

    Raises:
        EditError: there is nothing, the name is taken, or it has to stay.
    """
    edits.get(tree, path)
    if path and _is_built_in(path, model):
        raise EditError(f"{format_path(path)} cannot have another name: it is always there")
    name = name.strip()
    if not name:
        raise EditError(f"{format_path(path)} needs a name")
    uses = users_of(tree, path, model) if path else ()
    renamed = tree
    for place in dict.fromkeys(use.path for use in uses):
        renamed = edits.put(renamed, place, _rewritten(renamed, place, path, name, model))
    return Renamed(edits.rename(renamed, path, name), uses)


def unknown_names(tree: Tree, model: Model) -> Iterator[Use]:
    """Yield the uses of names that nothing has."""
    known: dict[str, frozenset[str]] = {}
    for use in uses_in(tree, model.root):
        for collection in use.collections:
            if collection not in known:
                known[collection] = names_in(tree, collection, model)
        if not any(use.name in known[collection] for collection in use.collections):
            yield use


def names_in(tree: Tree, collection: str, model: Model) -> frozenset[str]:
    """Return the names that a table or list has, those included that are always there."""
    path = parse_path(collection)
    entries, _ = edits.find(tree, path)
    declared = model.at(path)
    always = declared.about.built_in if declared and declared.about else ()
    if isinstance(entries, dict):
        return frozenset((*entries, *always))
    names = edits.names_of(entries) or ()
    return frozenset((*names, *always))


def _is_built_in(path: Path, model: Model) -> bool:
    declared = model.at(path[:-1])
    return bool(declared and declared.about and path[-1] in declared.about.built_in)


def _may_refer(declared: Declared) -> bool:
    about = declared.about
    if about is not None and (about.refers_to or about.table is not None):
        return True
    return has_marked(declared.kind, "refers_to") or has_marked(declared.kind, "table")


def _text_of(value: Value) -> str:
    """Return the text of a table, as one; "" when it stands in a file of its own."""
    if isinstance(value, list):
        return "\n".join("" if line is None else str(line) for line in value)
    return value if isinstance(value, str) else ""


def _use(path: Path, text: str, found: NameInText) -> Use:
    line = text.count("\n", 0, found.start) + 1
    return Use(path, found.collections, found.name, line)


def _rewritten(tree: Tree, place: Path, path: Path, name: str, model: Model) -> Value:
    """Return the value at `place` with the new name of what stands at `path`."""
    value, declared = edits.get(tree, place), model.at(place)
    if declared is None or not declared.is_table_text:
        return name
    assert declared.about is not None
    assert declared.about.table is not None
    assert declared.about.table.names is not None
    text, collection = _text_of(value), format_path(path[:-1])
    pieces: list[str] = []
    end = 0
    for found in declared.about.table.names(text):
        if found.name == path[-1] and collection in found.collections:
            pieces += (text[end : found.start], name)
            end = found.end
    rewritten = "".join((*pieces, text[end:]))
    return list(rewritten.split("\n")) if isinstance(value, list) else rewritten
