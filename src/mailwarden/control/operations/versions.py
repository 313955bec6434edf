"""Makes versions of the configuration out of what sessions, or the file, have changed."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from mailwarden.control.candidate import show
from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.candidate.migration import Migrations
from mailwarden.control.candidate.model import Model
from mailwarden.control.candidate.nodes import write_yaml
from mailwarden.control.candidate.table_texts import set_aside
from mailwarden.control.config.model import GatewayConfig
from mailwarden.stores.configuration.record import Author, Configuration, Draft, Source
from mailwarden.stores.configuration.store import ConfigurationStore, Prepared
from mailwarden.stores.configuration.tree import Tree

MODEL: Final = Model(GatewayConfig)
MIGRATIONS: Final = Migrations(())  # each change of the form of settings adds a step, both ways


BY_SYSTEM: Final = Author("", "", Source.SYSTEM)


class NothingToCommitError(Exception):
    """The candidate has no changes."""


class Proposal(NamedTuple):
    """A version that is written and not in force, and its tree."""

    prepared: Prepared
    tree: Tree

    @property
    def number(self) -> int:
        """Number of the version."""
        return self.prepared.version.number


class Texts(NamedTuple):
    """A version as it is handed to other processes: a text, and the long tables beside it."""

    number: int
    text: str
    tables: Mapping[str, str]


def texts_of(number: int, tree: Tree) -> Texts:
    """Return a version as it is handed over."""
    aside = set_aside(tree, MODEL)
    return Texts(number, write_yaml(aside.tree), aside.texts)


class Versions:
    """The versions in a store, as candidates see them."""

    def __init__(self, store: ConfigurationStore) -> None:
        self.store: Final = store

    def last(self) -> Configuration | None:
        """Return the version in force; None before the first commit."""
        head = self.store.head()
        return None if head is None else self.store.read(head.number)

    def follow(self, candidate: Candidate, own: Source | None = None) -> Candidate:
        """Return the candidate as it is after all that others have committed.

        What was committed by way of `own` is no conflict: the file follows itself, and has to do
        so even when its number is the last one, as it never held what others had committed.
        """
        head = self.store.head()
        if head is None or (own is None and head.number == candidate.number):
            return candidate
        last = self.store.read(head.number)
        since = self.store.since(candidate.number)
        others = [version for version in since if version.author.source is not own]
        return candidate.follow(last, others, MODEL)

    def prepare(
        self,
        candidate: Candidate,
        author: Author,
        comment: str = "",
        *,
        confirm_seconds: float = 0.0,
        restores: int = 0,
    ) -> Proposal:
        """Write what is to be the next version; it is for the caller to finish or abandon it.

        The candidate follows the version in force.

        Raises:
            NothingToCommitError: the candidate changes nothing.
            ConflictError: others have changed the same sections.
            StoreError: somebody else commits at the same time, or it cannot be written.
        """
        changes = candidate.changes(MODEL)
        if not changes and candidate.number:
            raise NothingToCommitError
        candidate.check(MODEL)
        draft = Draft(
            tree=candidate.tree,
            author=author,
            comment=comment,
            sections=tuple(map(str, candidate.sections(MODEL))),
            summary=show.summary(changes, MODEL),
            schema=MIGRATIONS.latest,
            confirm_seconds=confirm_seconds,
            restores=restores,
        )
        return Proposal(self.store.prepare(candidate.number, draft), candidate.tree)

    def prepare_fall_back(self) -> Proposal | None:
        """Write the version that comes back where nobody has confirmed the last one.

        Returns None where no version waits. Raises StoreError as `prepare`.
        """
        waiting = self.store.awaiting()
        last = self.last()
        if waiting is None or last is None:
            return None
        before = self.store.read(waiting.fallback)
        candidate = Candidate.of(last).load(before.tree, MODEL)
        comment = f"version {waiting.number} of {waiting.user} was not confirmed"
        return self.prepare(candidate, BY_SYSTEM, comment, restores=waiting.fallback)
