"""A session of an administrator, as the dialogue engine sees it."""

from collections.abc import Sequence

from mailwarden.control.commands.draft import SettingsDraft
from mailwarden.control.config.reader import ConfigError
from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.missing_certificates import standing_in


class AdministratorHost:
    """A Host. `idle` is after how many seconds without input the session ends; None is never."""

    def __init__(self, desk: Desk, idle: float | None = None) -> None:
        self.desk = desk
        self.idle = idle

    def name(self) -> str:
        """Return the gateway's name, as it is in force (admin 1.2)."""
        return self.desk.administration.config.hostname

    def pending_changes(self) -> int:
        """Return how many settings wait for a commit."""
        return self.desk.pending_changes()

    def may(self, permission: str) -> bool:
        """Return whether this administrator may run a command."""
        return self.desk.may(permission)

    def refuse(self, permission: str) -> str:
        """Record the attempt; return what the administrator hears."""
        return self.desk.refuse(permission)

    def draft(self) -> SettingsDraft:
        """Return the pending changes, to be edited; they have followed what others committed."""
        self.desk.follow()
        return SettingsDraft(self.desk)

    def keep(self, draft: SettingsDraft) -> None:
        """Take `draft` as the pending changes."""
        self.desk.candidate = draft.candidate

    def objections(self, draft: SettingsDraft) -> Sequence[str]:
        """Return what a commit of `draft` would be refused for (admin COM-12)."""
        if draft.candidate.tree is self.desk.candidate.tree:
            return ()
        try:
            self.desk.administration.build(standing_in(draft.tree))
        except ConfigError as error:
            return [f"{each.path}: {each.message}" for each in error.problems]
        return ()

    def idle_seconds(self) -> float | None:
        """Return after how long without input the session ends."""
        return self.idle
