"""The versions of the configuration, as the supervisor uses them: at its start and for the file.

Others commit by way of the management process, which has the store open at the same time. Here the
store is only open while something is done with it, as the user who owns it.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.control.candidate.candidate import Candidate, ConflictError
from mailwarden.control.operations.applied_file import AppliedFile, file_tree
from mailwarden.control.operations.versions import (
    BY_SYSTEM,
    MIGRATIONS,
    MODEL,
    NothingToCommitError,
    Proposal,
    Texts,
    Versions,
    texts_of,
)
from mailwarden.stores.configuration.errors import StoreError
from mailwarden.stores.configuration.record import Author, Source
from mailwarden.stores.configuration.store import ConfigurationStore
from mailwarden.stores.configuration.tree import Tree
from mailwarden.system.clock.clock import Clock, SystemClock

FOLDER: Final = "management"  # in the state directory


class By(NamedTuple):
    """Who changes the configuration from the system's shell, and why."""

    user: str = ""
    comment: str = ""

    @property
    def author(self) -> Author:
        """As the store keeps it."""
        return Author(self.user, "", Source.FILE)


class Applied(NamedTuple):
    """What came of the file. With `why` it was not applied, and the version in force is another."""

    texts: Texts
    proposal: Proposal | None = None  # to be finished or abandoned; None: nothing has changed
    tree: Tree | None = None  # of the file
    why: str = ""


def _loaded(versions: Versions, tree: Tree, by: By, restores: int = 0) -> Applied:
    last = versions.last()
    candidate = Candidate.of(last).load(tree, MODEL)
    try:
        proposal = versions.prepare(candidate, by.author, by.comment, restores=restores)
    except NothingToCommitError:
        assert last is not None
        return Applied(texts_of(last.version.number, last.tree))
    return Applied(texts_of(proposal.number, proposal.tree), proposal)


class Keeper:
    """Keeps the versions in `folder`, which `owner`, a user and group, has; None is this one."""

    def __init__(
        self, folder: Path, owner: tuple[int, int] | None, clock: Clock | None = None
    ) -> None:
        self.folder: Final = folder
        self.owner: Final = owner
        self._clock: Final = clock or SystemClock()
        self._held: ConfigurationStore | None = None  # between `apply` and what follows it
        self._file: Final = AppliedFile(folder)

    def begin(self, text: str | None, base: Path, tables: Mapping[str, str]) -> Applied:
        """Clear up what was left, and apply the file; return what the gateway starts with.

        Nobody else may have the store open. `text` and `tables` are of a file that is right; None
        is that it is not, and the last version goes on.

        Raises:
            StoreError: the store is damaged or cannot be used.
            OSError: the folder cannot be.
        """
        self._make_folder()
        with self._open() as versions:
            versions.store.recover()
            self._fall_back(versions)
            self._migrate(versions)
            if text is None:
                last = versions.last()
                if last is None:
                    raise StoreError("no version of the configuration was ever in force")
                return Applied(texts_of(last.version.number, last.tree))
            return self._apply(versions, file_tree(text, base, dict(tables)), By())

    def in_force(self) -> Texts | None:
        """Return the version in force; None before the first.

        Raises:
            StoreError, OSError: as for `begin`.
        """
        if not self.folder.exists():
            return None
        with self._open() as versions:
            last = versions.last()
            return None if last is None else texts_of(last.version.number, last.tree)

    def apply(self, text: str, base: Path, tables: Mapping[str, str], by: By) -> Applied:
        """Make a version of the file, if it has changed.

        Raises:
            StoreError, OSError: as for `begin`; or somebody else is about to commit.
        """
        with self._open() as versions:
            applied = self._apply(versions, file_tree(text, base, dict(tables)), by)
            return self._hold(versions, applied)

    def replace(
        self, text: str, base: Path, tables: Mapping[str, str], by: By, *, is_own: bool
    ) -> Applied:
        """Make a version that is what a file says, whatever others have committed.

        `is_own` is that it is the gateway's own file.

        Raises:
            StoreError, OSError: as for `apply`.
        """
        tree = file_tree(text, base, dict(tables))
        with self._open() as versions:
            applied = self._hold(versions, _loaded(versions, tree, by))
        return applied._replace(tree=tree if is_own else None)

    def roll_back(self, number: int, by: By) -> Applied:
        """Make a version that is what version `number` was.

        Raises:
            StoreError, OSError: as for `apply`; or there is no such version any more.
        """
        with self._open() as versions:
            old = versions.store.read(number)
            tree = MIGRATIONS.migrate(old.tree, old.version.schema).tree
            return self._hold(versions, _loaded(versions, tree, by, restores=number))

    def finish(self, applied: Applied) -> None:
        """Put in force what was applied.

        Raises:
            StoreError, OSError: it cannot be.
        """
        with self._open() as versions:
            if applied.proposal is not None:
                versions.store.finish(applied.proposal.prepared)
            if applied.tree is not None:
                self._file.save(applied.texts.number, applied.tree)

    def abandon(self, applied: Applied) -> None:
        """Forget what was applied."""
        if applied.proposal is not None:
            with self._open() as versions:
                versions.store.abandon(applied.proposal.prepared)

    def _apply(self, versions: Versions, tree: Tree, by: By) -> Applied:
        last = versions.last()
        candidate = versions.follow(self._file.candidate(tree, last), Source.FILE)
        try:
            proposal = versions.prepare(candidate, by.author, by.comment)
        except NothingToCommitError:
            assert last is not None
            return Applied(texts_of(last.version.number, last.tree), None, tree)
        except ConflictError as error:
            assert last is not None
            texts = texts_of(last.version.number, last.tree)
            return Applied(texts, why=_conflict(error))
        return Applied(texts_of(proposal.number, proposal.tree), proposal, tree)

    def _fall_back(self, versions: Versions) -> None:
        """Go back from a version that nobody confirmed while the gateway stood still."""
        waiting = versions.store.awaiting()
        if waiting is None or waiting.remaining(self._clock.time()) > 0:
            return
        proposal = versions.prepare_fall_back()
        if proposal is not None:
            versions.store.finish(proposal.prepared)

    def _migrate(self, versions: Versions) -> None:
        """Bring the last version of another release into the form of this one."""
        last = versions.last()
        if last is None or last.version.schema == MIGRATIONS.latest:
            return
        migrated = MIGRATIONS.migrate(last.tree, last.version.schema)
        candidate = Candidate.of(last).load(migrated.tree, MODEL)
        proposal = versions.prepare(candidate, BY_SYSTEM, "; ".join(migrated.notes))
        versions.store.finish(proposal.prepared)

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.owner is not None:
            os.chown(self.folder, *self.owner)
        self.folder.chmod(0o700)

    def _hold(self, versions: Versions, applied: Applied) -> Applied:
        """Leave the store open for whoever finishes or abandons what was applied."""
        if applied.proposal is not None:
            self._held = versions.store
        return applied

    @contextmanager
    def _open(self) -> Iterator[Versions]:
        with acting_as(self.owner):
            store, self._held = self._held, None
            if store is None:
                store = ConfigurationStore(self.folder, self._clock)
            try:
                yield Versions(store)
            finally:
                if self._held is not store:
                    store.close()


@contextmanager
def acting_as(owner: tuple[int, int] | None) -> Iterator[None]:
    """Do what is within as another user, so that files that come about are theirs."""
    if owner is None:
        yield
        return
    user, group = os.geteuid(), os.getegid()
    os.setegid(owner[1])
    os.seteuid(owner[0])
    try:
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)


def _conflict(error: ConflictError) -> str:
    found = ", ".join(
        f"{each.section} (version {each.number}, {each.user or 'the gateway'})"
        for each in error.conflicts[:_SHOWN_MAX]
    )
    more = len(error.conflicts) - _SHOWN_MAX
    rest = f" and {more} more" if more > 0 else ""
    return (
        f"others have changed the same since the file was applied last: {found}{rest}; "
        "`mailwarden config diff` shows how, `mailwarden config export` writes a file with their "
        "changes, `mailwarden config apply --overwrite` takes the file all the same"
    )


_SHOWN_MAX: Final = 10
