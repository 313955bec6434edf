"""Settings that only some may change, whichever way a change comes: by a command, or by a file.

Commands ask for what they need by themselves. A file that is loaded, or an old version, may change
anything: without this, whoever may load one could make an administrator of any user.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from mailwarden.control.candidate.diff import Change, ChangeKind
from mailwarden.control.candidate.edits import find
from mailwarden.control.candidate.paths import Path, format_path
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.core.access.roles import ADMIN, role_name
from mailwarden.services.accounts.administration import AdministrationSettings

# The command whose right is needed for a setting at the top.
RESERVED: Final = MappingProxyType({"administration": "userconfig", "management": "sshconfig"})

# What the start of the gateway rests upon: whoever has the machine's shell sets it, in the file.
OF_THE_FILE: Final = frozenset({("state_directory",), ("user",), ("management", "user")})


def check_reserved(desk: Desk, changes: Iterable[Change]) -> None:
    """Look whether this administrator may make `changes`.

    Raises:
        RefusedOperationError: somebody else has to; it is recorded.
    """
    for change in changes:
        found = next((path for path in OF_THE_FILE if _touches(change, path)), None)
        if found is not None:
            path = format_path(found)
            desk.record("refused", f"change of {path}", was_allowed=False)
            raise RefusedOperationError(
                f"`{path}` is set in the configuration file alone; leave it as it is."
            )
        name = change.path[0] if change.path else ""
        command = RESERVED.get(name)
        if command is not None and not desk.may(command):
            desk.record("refused", f"change of {name}", was_allowed=False)
            role = role_name(desk.actor.rights.role)
            raise RefusedOperationError(f"Your role ({role}) is not allowed to change `{name}`.")


def _touches(change: Change, path: Path) -> bool:
    """Tell whether a change is one of `path`, be it with all that is around it."""
    if change.kind is ChangeKind.ORDER or change.path != path[: len(change.path)]:
        return False
    within = path[len(change.path) :]
    return find(change.before, within) != find(change.after, within)


def check_admin(desk: Desk, after: AdministrationSettings) -> None:
    """Look that nobody gets in as `admin` by a key of somebody else's.

    Raises:
        RefusedOperationError: `admin` has to do that, who has rights that no Administrator has.
    """
    before = desk.administration.config.administration
    if _keys_of_admin(before) != _keys_of_admin(after) and not desk.actor.rights.is_admin:
        desk.record("refused", f"change of the keys of {ADMIN}", was_allowed=False)
        raise RefusedOperationError(f"The keys of {ADMIN} are for {ADMIN} alone to change.")


def _keys_of_admin(settings: AdministrationSettings) -> tuple[str, ...]:
    return next((user.ssh_keys for user in settings.users if user.name == ADMIN), ())
