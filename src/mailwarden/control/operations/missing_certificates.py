"""References to certificates that the node does not have (admin XML-33).

A file from another node may name them. They may wait among the pending changes; a commit puts the
system certificate in their place, or is refused.
"""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from mailwarden.control.candidate import edits
from mailwarden.control.candidate.paths import Path, format_path
from mailwarden.control.candidate.references import rename, uses_in
from mailwarden.control.operations.versions import MODEL
from mailwarden.services.certificates.stand_in import SYSTEM
from mailwarden.stores.configuration.tree import Tree, Value

COLLECTION: Final = "certificates"


class Missing(NamedTuple):
    """A place that names a certificate which is not there."""

    path: Path
    name: str

    @property
    def user(self) -> str:
        """Who uses it, in words: `Listener "In"`."""
        if len(self.path) == 3 and self.path[0] == "listeners":
            return f'Listener "{self.path[1]}"'
        return f"`{format_path(self.path)}`"


def missing_certificates(tree: Tree, present: Collection[str] | None = None) -> tuple[Missing, ...]:
    """Return where a certificate is named that is not there.

    `present` are those that the gateway keeps; without it, only the table counts. Names within the
    texts of tables that are not in it are not among them: they have to be right at once.
    """
    missing = []
    for use in uses_in(tree, MODEL.root):
        if COLLECTION not in use.collections:
            continue
        entry, is_known = edits.find(tree, (COLLECTION, use.name))
        if is_known:
            is_kept = not isinstance(entry, dict) or not entry.get("certificate")
            is_missing = is_kept and present is not None and use.name not in present
        else:
            is_missing = not use.line
        if is_missing:
            missing.append(Missing(use.path, use.name))
    return tuple(missing)


def with_system_certificate(tree: Tree, missing: Iterable[Missing]) -> Tree:
    """Return the tree with the system certificate in all these places, which is there then.

    Entries of certificates that nobody uses any more go, but for whom clients are verified against.
    """
    entry, _ = edits.find(tree, (COLLECTION, SYSTEM))
    system: dict[str, Value] = dict(entry) if isinstance(entry, dict) else {}
    for each in missing:
        path = (COLLECTION, each.name)
        entry, is_known = edits.find(tree, path)
        if not is_known:
            tree = edits.put(tree, each.path, SYSTEM) if each.name != SYSTEM else tree
            continue
        if isinstance(entry, dict) and "client_ca" in entry:
            system.setdefault("client_ca", entry["client_ca"])
        if edits.find(tree, (COLLECTION, SYSTEM))[1]:
            tree = edits.delete(tree, (COLLECTION, SYSTEM))
        tree = rename(tree, path, SYSTEM, MODEL).tree
    return edits.put(tree, (COLLECTION, SYSTEM), system)


def standing_in(tree: Tree) -> Tree:
    """Return a tree to be checked: with a certificate wherever one is missing."""
    missing = missing_certificates(tree)
    if not missing:
        return tree
    names = {each.name for each in missing}
    for name in names:
        tree = edits.put(tree, (COLLECTION, name), {})
    return tree
