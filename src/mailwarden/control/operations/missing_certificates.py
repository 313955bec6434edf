"""References to certificates that the node does not have (admin XML-33).

A file from another node may name them. They may wait among the pending changes; a commit puts the
system certificate in their place, or is refused.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from mailwarden.control.candidate import edits
from mailwarden.control.candidate.paths import Path, format_path
from mailwarden.control.candidate.references import unknown_names
from mailwarden.control.operations.versions import MODEL
from mailwarden.stores.configuration.tree import Tree

COLLECTION: Final = "certificates"
SYSTEM: Final = "system"  # the name of the system certificate, if any has it


class Missing(NamedTuple):
    """A setting that names a certificate which is not there."""

    path: Path
    name: str

    @property
    def user(self) -> str:
        """Who uses it, in words: `Listener "In"`."""
        if len(self.path) == 3 and self.path[0] == "listeners":
            return f'Listener "{self.path[1]}"'
        return f"`{format_path(self.path)}`"


def missing_certificates(tree: Tree) -> tuple[Missing, ...]:
    """Return the settings that name a certificate which is not there.

    Names within the texts of tables are not among them: they have to be right at once.
    """
    return tuple(
        Missing(use.path, use.name)
        for use in unknown_names(tree, MODEL)
        if COLLECTION in use.collections and not use.line
    )


def system_certificate(tree: Tree) -> str:
    """Return the name of the system certificate: `system`, or else the first; "" where is none."""
    names = tree.get(COLLECTION)
    if not isinstance(names, dict) or not names:
        return ""
    return SYSTEM if SYSTEM in names else next(iter(names))


def with_certificate(tree: Tree, missing: Iterable[Missing], name: str) -> Tree:
    """Return the tree with another certificate in all these places."""
    for each in missing:
        tree = edits.put(tree, each.path, name)
    return tree


def standing_in(tree: Tree) -> Tree:
    """Return a tree to be checked: with a certificate wherever one is missing."""
    missing = missing_certificates(tree)
    if not missing:
        return tree
    names = {each.name for each in missing}
    for name in names:
        tree = edits.put(tree, (COLLECTION, name), {"certificate": "missing", "key": "missing"})
    return tree
