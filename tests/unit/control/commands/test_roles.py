"""Every command of the catalog against every role (admin 1.6, column Who; C-19 to C-23).

The column is in `tests/unit/core/access/test_commands.py`, which knows each command by name. A
command that is added to the catalog is looked at here by itself.
"""

from collections.abc import Iterator

import pytest

from mailwarden.control.commands.catalog import CATALOG
from mailwarden.control.commands.draft import SettingsDraft
from mailwarden.control.dialogue.declaration import Body, Command
from mailwarden.core.access.custom_role import CustomRole, PolicyPrivilege, ReportPrivilege
from mailwarden.core.access.permissions import Level
from mailwarden.core.access.roles import ADMIN, AnyRole, Role
from tests.unit.control.commands.counter import Counter, run_line, sit
from tests.unit.core.access.test_commands import LEVELS, ROWS, TECHNICIAN, may_stage_only

MIGHTY = CustomRole(
    name="Mighty", mail_policies=PolicyPrivilege.ALL, dlp_policies=PolicyPrivilege.ALL,
    reports=ReportPrivilege.ALL, tracking=True, trace=True,
)  # fmt: skip
ROLES: dict[str, tuple[str, AnyRole]] = {
    "admin": (ADMIN, Role.ADMINISTRATOR),
    "unassigned": ("una", None),
    "custom": ("cy", MIGHTY),
    **{role.value: (f"u{number}", role) for number, role in enumerate(Role)},
}
_LADDER = {
    Role.GUEST: Level.GUEST,
    Role.READ_ONLY_OPERATOR: Level.READ_ONLY,
    Role.OPERATOR: Level.OPERATOR,
    Role.ADMINISTRATOR: Level.ADMINISTRATOR,
}
# Of what Technicians have besides their own list, as everybody with a command line has it.
_SESSION = {"help", "exit", "version", "who", "whoami", "last", "passwd", "secondfactor"}


def is_wanted(right: str, who: str) -> bool:
    """Return whether the column Who lets somebody run what needs `right`."""
    user, role = ROLES[who]
    if not isinstance(role, Role) or role is Role.HELP_DESK:
        return False  # CLI-05: no command line
    lowest = LEVELS[ROWS[right].removesuffix("+")]
    if role is Role.TECHNICIAN:
        is_status = lowest is Level.GUEST and right not in _SESSION
        return right in TECHNICIAN or right in _SESSION or is_status
    level = Level.ADMIN_USER if user == ADMIN else _LADDER[role]
    return level.value >= lowest.value or may_stage_only(right, level)


def permissions_within(body: Body[SettingsDraft]) -> Iterator[str]:
    """Yield what forms of a command need besides the command itself."""
    for operation in body.menu.operations if body.menu is not None else ():
        if operation.permission:
            yield operation.permission
        yield from permissions_within(operation)


@pytest.mark.parametrize("who", ROLES)
@pytest.mark.parametrize("command", CATALOG.commands, ids=lambda each: each.name)
def test_c_19_c_20_c_21_c_22_c_23_who_may_run_it(
    counter: Counter, command: Command[SettingsDraft], who: str
) -> None:
    user, role = ROLES[who]
    desk = counter.desk(user, role)
    for permission in (command.right, *permissions_within(command)):
        assert desk.may(permission) is is_wanted(permission, who), permission
    for name in (command.name, *command.aliases):
        assert desk.may(name) is desk.may(command.right), "an alias has the row of its command"
        # Nothing else is done: the help of a command is for whoever may run it, and no one else.
        told = run_line(desk, f"help {name}")
        assert (told.status == 0) is (is_wanted(command.right, who) and desk.may("help")), name
    if not is_wanted(command.right, who):
        refused = sit(desk, command.name)
        assert "permission to run" in refused.errors or "not allowed" in refused.errors
        record = counter.administration.versions.store.audit(1)[0]
        assert (record.author.user, record.detail) == (user, command.right)
        assert not record.was_allowed
        assert counter.gateway.asked == []
        assert desk.pending_changes() == 0


def test_every_command_is_in_the_table() -> None:
    for command in CATALOG.commands:
        for right in (command.right, *command.aliases, *permissions_within(command)):
            assert right in ROWS, f"{right} of {command.name} has no row"


@pytest.mark.parametrize("who", ROLES)
def test_cli_25_help_lists_what_somebody_may_run(counter: Counter, who: str) -> None:
    desk = counter.desk(*ROLES[who])
    shown = run_line(desk, "help").shown
    listed = {line.split()[0].rstrip(",") for line in shown.splitlines() if line.strip()}
    for command in CATALOG.commands:
        if desk.may("help"):
            assert (command.name in listed) is is_wanted(command.right, who), command.name
        else:
            assert command.name not in listed
