"""What the declarations of the settings say about a place in a tree."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from mailwarden.control.candidate.paths import Path
from mailwarden.control.config.shape import Form, Kind
from mailwarden.core.setting import Setting
from mailwarden.stores.configuration.tree import Tree, Value

MASK: Final = "*****"  # XML-20


@dataclass(frozen=True, slots=True)
class Declared:
    """The kind of value at a place; `about` is its setting, or the one that it is an entry of."""

    kind: Kind
    about: Setting | None

    def inner(self, step: str) -> "Declared | None":
        """Return what is declared one step further in; None is nothing."""
        if self.kind.form is Form.SECTION:
            field = self.kind.fields.get(step)
            return None if field is None else Declared(field.kind, field.setting)
        if self.kind.form in (Form.TABLE, Form.LIST):
            return Declared(self.kind.inner, self.about)
        return None

    @property
    def is_secret(self) -> bool:
        """Whether the value is shown to nobody."""
        return self.about is not None and self.about.secret

    @property
    def is_table_text(self) -> bool:
        """Whether the value is a table: lines, a text or the name of a file."""
        return self.kind.form is Form.LINES


class Model:
    """The settings of a whole configuration; `root` is the class that has all of them."""

    def __init__(self, root: type) -> None:
        self.root: Final = Declared(Kind(Form.SECTION, section=root), None)

    def at(self, path: Path) -> Declared | None:
        """Return what is declared at a path; None where nothing is."""
        declared: Declared | None = self.root
        for step in path:
            declared = None if declared is None else declared.inner(step)
        return declared

    def masked_tree(self, tree: Tree) -> Tree:
        """Return a configuration that anybody may see."""
        hidden = masked(tree, self.root)
        assert isinstance(hidden, dict)
        return hidden


def masked(value: Value, declared: Declared | None) -> Value:
    """Return `value` with asterisks for each secret in it; what is empty stays so."""
    if declared is None or not _has_secrets(declared):
        return value
    if isinstance(value, dict):
        return {name: masked(each, declared.inner(name)) for name, each in value.items()}
    if isinstance(value, list):
        return [masked(each, declared.inner("")) for each in value]
    return MASK if declared.is_secret and value not in ("", None) else value


def names_in_order(declared: Declared | None, before: Tree, after: Tree) -> Iterator[str]:
    """Yield all settings of two blocks of one section: as they are declared, then the rest."""
    names = {**before, **after}
    if declared is not None:
        for name in declared.kind.fields:
            if names.pop(name, names) is not names:
                yield name
    yield from sorted(names)


@cache
def has_marked(kind: Kind, mark: str) -> bool:
    """Tell whether any setting within a section has something for `mark`, such as `secret`."""
    if kind.form is Form.SECTION:
        fields = kind.fields.values()
        return any(getattr(f.setting, mark) or has_marked(f.kind, mark) for f in fields)
    return kind.of is not None and has_marked(kind.of, mark)


def _has_secrets(declared: Declared) -> bool:
    return declared.is_secret or has_marked(declared.kind, "secret")
