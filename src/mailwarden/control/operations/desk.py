"""What an administrator works with in one session."""

from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.operations.actor import Actor
from mailwarden.control.operations.administration import Administration
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.commands import may_run, refusal


class RefusedOperationError(Exception):
    """An operation is not done; the text says why, for whoever asked."""


class Desk:
    """One for each session. `candidate` has its pending changes (COM-02).

    `session` is its number among the living ones; 0 is none of them. `new_passwords` are the hashes
    of those of users whom a commit is yet to make. `loaded` names the sections among the changes
    that came from a file (XML-36).
    """

    def __init__(self, actor: Actor, administration: Administration, session: int = 0) -> None:
        self.actor = actor
        self.administration = administration
        self.session = session
        self.new_passwords: dict[str, str] = {}
        self.candidate = Candidate.of(administration.versions.last())
        self.loaded: frozenset[str] = frozenset()
        self.to_forget: set[str] = set()  # certificates whose keys go with the next commit

    def may(self, command: str) -> bool:
        """Tell whether this administrator may run `command`, as admin 1.6 names it."""
        return may_run(self.actor.rights, command)

    def require(self, command: str) -> None:
        """Let through whoever may run `command`; what is refused is recorded (ROLE-10).

        Raises:
            RefusedOperationError: this administrator may not.
        """
        if not self.may(command):
            raise RefusedOperationError(self.refuse(command))

    def refuse(self, command: str) -> str:
        """Record that somebody tried what they may not; return what they hear."""
        self.record("refused", command, was_allowed=False)
        return refusal(self.actor.rights, command)

    def record(self, action: str, detail: str, *, was_allowed: bool = True) -> None:
        """Put what was done, or tried, into the audit log."""
        store = self.administration.versions.store
        store.record(self.actor.author, action, detail, was_allowed=was_allowed)

    def pending_changes(self) -> int:
        """Return how many settings this session has changed and not committed."""
        if self.candidate.tree is self.candidate.base:
            return 0
        return len(self.candidate.changes(MODEL))

    def follow(self) -> None:
        """Take what others have committed."""
        self.candidate = self.administration.versions.follow(self.candidate)

    def drop(self) -> None:
        """Drop what waits for a commit; the session is over."""
        self.candidate = self.candidate.clear()
        self.to_forget.clear()
        self.new_passwords.clear()
        self.loaded = frozenset()
