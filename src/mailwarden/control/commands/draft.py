"""What a command edits: the session's pending changes, by paths of settings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.candidate.edits import EditError, find
from mailwarden.control.candidate.paths import format_path
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.dialogue.declaration import RefusedError
from mailwarden.control.dialogue.scope import Scope
from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.versions import MODEL
from mailwarden.stores.configuration.tree import Tree, Value


class SettingsDraft:
    """A Draft. Paths are steps: names of settings, of entries in tables, of members of lists.

    Values are as a configuration file has them: text, numbers, switches, lists, blocks. What
    cannot be done is refused with the reason, such as who still uses what is to be removed.
    """

    def __init__(self, desk: Desk, candidate: Candidate | None = None) -> None:
        self.desk = desk
        self.candidate = desk.candidate if candidate is None else candidate
        self._new_names: dict[tuple[str, ...], str] = {}
        self._built: tuple[Tree, GatewayConfig] | None = None

    def copy(self) -> "SettingsDraft":
        """Return another one; trees are shared until they are changed."""
        copied = SettingsDraft(self.desk, self.candidate)
        copied._new_names = dict(self._new_names)
        copied._built = self._built
        return copied

    @property
    def tree(self) -> Tree:
        """The configuration as it would be committed; not to be changed."""
        return self.candidate.tree

    def config(self) -> GatewayConfig:
        """Return the configuration as it would be committed, with all that it is by default.

        Raises:
            ConfigError: it cannot be, as others have committed what does not go with it.
        """
        if self._built is None or self._built[0] is not self.tree:
            self._built = self.tree, self.desk.administration.build(self.tree)
        return self._built[1]

    def get(self, *path: str) -> Any:  # noqa: ANN401  whatever a tree holds
        """Return what is set at `path`; None where nothing is."""
        return find(self.tree, path)[0]

    def has(self, *path: str) -> bool:
        """Tell whether anything is set at `path`."""
        return find(self.tree, path)[1]

    def section(self, *path: str) -> Mapping[str, Any]:
        """Return the block or table at `path`; empty where there is none."""
        value = self.get(*path)
        return value if isinstance(value, dict) else {}

    def members(self, *path: str) -> Sequence[Any]:
        """Return the list at `path`; empty where there is none."""
        value = self.get(*path)
        return value if isinstance(value, list) else ()

    def lines(self, *path: str) -> Sequence[str]:
        """Return the lines of the table at `path`, in whichever form it is set."""
        value = self.get(*path)
        if isinstance(value, str):
            return value.removesuffix("\n").split("\n") if value else ()
        return [str(line) for line in value] if isinstance(value, list) else ()

    def put(self, *path: str, value: object) -> None:
        """Set what stands at `path`; sections around it are made where they are missing."""
        self._take(lambda: self.candidate.put(path, cast("Value", value), MODEL))

    def put_lines(self, *path: str, lines: Sequence[str]) -> None:
        """Set the table at `path` to `lines`; with none it is as if it were not named."""
        if lines:
            self.put(*path, value="".join(f"{line}\n" for line in lines))
        elif self.has(*path):
            self.remove(*path)

    def insert(self, *path: str, value: object, position: int | None = None) -> None:
        """Put `value` into the list at `path`, at a position from 0; None is at the end."""
        self._take(lambda: self.candidate.insert(path, cast("Value", value), MODEL, position))

    def remove(self, *path: str) -> None:
        """Remove what stands at `path`; refused while anything refers to it."""
        self._take(lambda: self.candidate.remove(path, MODEL))

    def move(self, *path: str, position: int) -> None:
        """Move an entry or member to another position, from 0."""
        self._take(lambda: self.candidate.move(path, position))

    def rename(self, *path: str, name: str) -> list[str]:
        """Give an entry or member another name; return where references were rewritten."""
        uses: list[str] = []

        def rename() -> Candidate:
            candidate, found = self.candidate.rename(path, name, MODEL)
            uses.extend(format_path(use.path) for use in found)
            return candidate

        self._take(rename)
        self.note_name(*path, name=name.strip())
        return uses

    def note_name(self, *path: str, name: str) -> None:
        """Note that what stood at `path`, if only in a text there, is called `name` from now on."""
        for old, new in self._new_names.items():
            if (*old[:-1], new) == path:
                self._new_names[old] = name
        self._new_names[path] = name

    def name_now(self, *path: str) -> str:
        """Return what an answer of this command, the last step of `path`, is called by now."""
        return self._new_names.get(path, path[-1])

    def _take(self, change: Callable[[], Candidate]) -> None:
        try:
            self.candidate = change()
        except EditError as error:
            raise RefusedError(str(error)) from error


Settings = Scope[SettingsDraft]
