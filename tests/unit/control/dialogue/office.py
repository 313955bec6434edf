"""A small office: a configuration tree to edit, files to import, and somebody at the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mailwarden.control.dialogue.builtin import no_permission
from mailwarden.control.dialogue.declaration import RefusedError
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Text, read_name
from mailwarden.core.policy.imported import Imported

FILE = Text(key="file", prompt="Enter the name of the file.", of=read_name, place=Place.WORD)
ROLES = {
    "admin": ("help", "exit", "status", "configure", "commit", "workqueue pause", "users"),
    "operator": ("help", "exit", "status", "configure", "commit", "workqueue pause"),
    "guest": ("help", "exit", "status"),
}


class TreeDraft:
    """A tree that is shared until a part of it is replaced."""

    def __init__(self, tree: Mapping[str, Any], files: dict[str, str]) -> None:
        self.tree = tree
        self.files = files

    def copy(self) -> "TreeDraft":
        return TreeDraft(self.tree, self.files)

    def section(self, name: str) -> Mapping[str, Any]:
        return self.tree.get(name) or {}

    def lines(self, section: str, name: str) -> Sequence[str]:
        return self.section(section).get(name) or ()

    def replace(self, name: str, value: Mapping[str, Any]) -> None:
        """Put a section in the place of the present one; an empty one goes."""
        rest = {key: held for key, held in self.tree.items() if key != name}
        self.tree = {**rest, name: dict(value)} if value else rest

    def put(self, section: str, name: str, value: object) -> None:
        self.replace(section, {**self.section(section), name: value})

    def remove(self, section: str, name: str) -> None:
        held = self.section(section)
        self.replace(section, {key: held[key] for key in held if key != name})

    def read_file(self, name: str) -> str:
        if name not in self.files:
            raise RefusedError(f"There is no file {name}.", FILE)
        return self.files[name]


def accepted(read: Imported[Any]) -> Any:
    """Return the table that was imported; refuse one with problems."""
    if read.problems:
        raise RefusedError("\n".join(f"{each.path}: {each.message}" for each in read.problems))
    return read.table


class Office:
    """A Host."""

    def __init__(self, role: str = "admin", tree: Mapping[str, Any] | None = None) -> None:
        self.role = role
        self.running: Mapping[str, Any] = tree or {}
        self.tree = self.running
        self.files: dict[str, str] = {}
        self.refusals: list[str] = []
        self.idle: float | None = None
        self.comments: list[str] = []

    def name(self) -> str:
        return "mail3.example.com"

    def pending_changes(self) -> int:
        names = {*self.tree, *self.running}
        return sum(self.tree.get(name) != self.running.get(name) for name in names)

    def may(self, permission: str) -> bool:
        return permission in ROLES[self.role]

    def refuse(self, permission: str) -> str:
        self.refusals.append(permission)
        return no_permission(permission.partition(" ")[0])

    def draft(self) -> TreeDraft:
        return TreeDraft(self.tree, self.files)

    def keep(self, draft: TreeDraft) -> None:
        self.tree = draft.tree

    def objections(self, draft: TreeDraft) -> Sequence[str]:
        profiles = draft.section("bounce_profiles")
        return list(_missing_profiles(draft.section("destinations").items(), profiles))

    def idle_seconds(self) -> float | None:
        return self.idle


def _missing_profiles(
    rows: Iterable[tuple[str, Mapping[str, Any]]], profiles: Mapping[str, Any]
) -> Iterable[str]:
    for name, row in rows:
        profile = row.get("bounce_profile")
        if profile is not None and profile not in profiles:
            yield f"There is no bounce profile {profile}, which {name} uses."
