"""A session's candidate: what it has changed, since when, and who changed the same (COM-01, 02).

A candidate is a value: each change gives another one, and who keeps the old one can go back. It
follows what others commit, section by section: sections that the session has not touched are always
those of the last version; those that it has are its own, and in conflict once somebody else has
committed them.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from mailwarden.control.candidate import edits, references
from mailwarden.control.candidate.diff import Change, apply, diff, differ
from mailwarden.control.candidate.edits import EditError
from mailwarden.control.candidate.model import Model
from mailwarden.control.candidate.paths import Path, format_path
from mailwarden.control.candidate.references import Use
from mailwarden.control.candidate.sections import Section, Sections, gathered, parse_section
from mailwarden.control.candidate.tidy import tidy
from mailwarden.stores.configuration.errors import DamagedError
from mailwarden.stores.configuration.record import Configuration, Version
from mailwarden.stores.configuration.tree import Tree, TreeError, Value, check_tree

FORMAT: Final = 1  # of `pack`


@dataclass(frozen=True, slots=True)
class Conflict:
    """A section that this session has touched and somebody else has committed since."""

    section: str
    number: int  # of the version that has it
    user: str
    time: float  # seconds since the epoch


class ConflictError(Exception):
    """The candidate cannot be committed; `conflicts` says why."""

    def __init__(self, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__(", ".join(f"{each.section} by {each.user}" for each in conflicts))
        self.conflicts = conflicts


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a session would commit. `base` is what its changes count from."""

    number: int  # of the last version that it has followed; 0 is none
    base: Tree
    tree: Tree
    _found: tuple[Conflict, ...] = ()  # also of sections that are no longer changed

    @classmethod
    def of(cls, last: Configuration | None) -> "Candidate":
        """Return a candidate without changes; `last` is the last version, if there is any."""
        if last is None:
            return cls(0, {}, {})
        return cls(last.version.number, last.tree, last.tree)

    def is_changed(self, model: Model) -> bool:
        """Tell whether there is anything to commit."""
        return differ(self.base, self.tree, model)

    def changes(self, model: Model) -> tuple[Change, ...]:
        """Return what the session has changed."""
        return diff(self.base, self.tree, model)

    def sections(self, model: Model) -> tuple[Section, ...]:
        """Return the sections that the session has touched."""
        return touched(self.changes(model), model)

    # Changes. All raise EditError where they cannot be made.

    def put(self, path: Path, value: Value, model: Model) -> "Candidate":
        """Return the candidate with `value`, tidied, at `path`."""
        tidied = tidy(value, model.at(path))
        self._check_names(tidied, path, model)
        return self._with(edits.put(self.tree, path, tidied))

    def insert(
        self, path: Path, value: Value, model: Model, position: int | None = None
    ) -> "Candidate":
        """Return the candidate with `value` in the list at `path`; None is at the end."""
        declared = model.at((*path, ""))
        tidied = tidy(value, declared)
        self._check_names(tidied, (*path, ""), model)
        return self._with(edits.insert(self.tree, path, tidied, position))

    def remove(self, path: Path, model: Model) -> "Candidate":
        """Return the candidate without what stands at `path`; InUseError says who needs it."""
        return self._with(references.remove(self.tree, path, model))

    def move(self, path: Path, position: int) -> "Candidate":
        """Return the candidate with an entry or member at another position, from 0."""
        return self._with(edits.move(self.tree, path, position))

    def rename(self, path: Path, name: str, model: Model) -> "tuple[Candidate, tuple[Use, ...]]":
        """Return the candidate with another name, and where references to it were rewritten."""
        renamed = references.rename(self.tree, path, name, model)
        return self._with(renamed.tree), renamed.uses

    def load(self, tree: Tree, model: Model) -> "Candidate":
        """Return the candidate with another tree as a whole, such as that of an old version."""
        tidied = tidy(tree, model.root)
        assert isinstance(tidied, dict)
        return self._with(tidied)

    def clear(self) -> "Candidate":
        """Return the candidate without any change (COM-06)."""
        return replace(self, tree=self.base, _found=())

    # What others commit.

    def follow(self, last: Configuration, since: Iterable[Version], model: Model) -> "Candidate":
        """Return the candidate as it is once others have committed.

        `since` are all versions after `number`, up to `last`.
        """
        mine = self.sections(model)
        found = {each.section: each for each in self._found if each.section in map(str, mine)}
        for version in since:
            theirs = Sections(map(parse_section, version.sections))
            found |= _clashes(mine, theirs, version)
        own = Sections(mine)
        news = diff(self.base, last.tree, model)
        # Whatever the versions say of themselves: nothing is overwritten unseen.
        theirs = Sections(touched(news, model))
        found = _clashes(mine, theirs, last.version) | found
        kept = [change for change in news if not own.overlaps(change.section(model))]
        base, tree = apply(self.base, kept), apply(self.tree, kept)
        if not mine:
            base = tree = last.tree
        return Candidate(last.version.number, base, tree, tuple(found.values()))

    def conflicts(self, model: Model) -> tuple[Conflict, ...]:
        """Return the sections in conflict, each with who committed it last."""
        still = {str(section) for section in self.sections(model)}
        latest = {each.section: each for each in self._found if each.section in still}
        return tuple(latest.values())

    def check(self, model: Model) -> None:
        """Look whether the candidate, which follows the last version, can be committed.

        Raises:
            ConflictError: somebody else has committed the same sections (COM-02).
        """
        conflicts = self.conflicts(model)
        if conflicts:
            raise ConflictError(conflicts)

    def discard(self, last: Configuration, model: Model) -> "Candidate":
        """Return the candidate with what `last` has of the sections in conflict (choice 1)."""
        lost = Sections(parse_section(each.section) for each in self.conflicts(model))
        kept = [c for c in self.changes(model) if not lost.overlaps(c.section(model))]
        return Candidate(last.version.number, last.tree, apply(last.tree, kept))

    def overwrite(self, last: Configuration) -> "Candidate":
        """Return the candidate, which follows `last`, with its own sections for all (choice 2)."""
        assert last.version.number == self.number
        return Candidate(self.number, last.tree, self.tree)

    # For a session that is gone on with later (COM-07).

    def pack(self) -> bytes:
        """Return the candidate as bytes."""
        content = {
            "format": FORMAT,
            "number": self.number,
            "base": self.base,
            "tree": self.tree,
            "found": [asdict(each) for each in self._found],
        }
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def unpack(cls, data: bytes) -> "Candidate":
        """Return the candidate that was packed.

        Raises:
            DamagedError: it makes no sense.
        """
        try:
            content: Any = json.loads(data)
            if content["format"] != FORMAT:
                raise DamagedError("has a format that is not known")
            base, tree = content["base"], content["tree"]
            check_tree(base)
            check_tree(tree)
            found = tuple(Conflict(**each) for each in content["found"])
            return cls(int(content["number"]), base, tree, found)
        except (KeyError, TypeError, ValueError, TreeError, RecursionError) as error:
            raise DamagedError(f"is no candidate: {error!r}") from error

    def _with(self, tree: Tree) -> "Candidate":
        return replace(self, tree=tree)

    def _check_names(self, value: Value, path: Path, model: Model) -> None:
        """Refuse the name of something that this session has removed (COM-12)."""
        for use in references.uses_in(value, model.at(path), path):
            if any(use.name in self._names(self.tree, each, model) for each in use.collections):
                continue
            if any(use.name in self._names(self.base, each, model) for each in use.collections):
                what = f"{use.collections[0]} has {use.name!r} no longer: you removed it"
                raise EditError(f"{format_path(use.path)}: {what}")

    @staticmethod
    def _names(tree: Tree, collection: str, model: Model) -> frozenset[str]:
        return references.names_in(tree, collection, model)


def _clashes(mine: Iterable[Section], theirs: Sections, version: Version) -> dict[str, Conflict]:
    """Return conflicts by section."""
    user, number = version.author.user, version.number
    names = (str(section) for section in mine if theirs.overlaps(section))
    return {name: Conflict(name, number, user, version.time) for name in names}


def touched(changes: Iterable[Change], model: Model) -> tuple[Section, ...]:
    """Return the sections that changes are about."""
    return gathered(change.section(model) for change in changes)
