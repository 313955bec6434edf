"""Users and roles of the pending changes, as several commands choose from them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Option
from mailwarden.core.access.roles import ADMIN, Role
from mailwarden.core.access.users import ADMIN_USER
from mailwarden.system.log.escape import escape

USERS: Final = ("administration", "users")
ROLES: Final = ("administration", "roles")
UNASSIGNED: Final = "Unassigned"  # the role was deleted (ROLE-04)

Member = Mapping[str, Any]
_ADMIN_MEMBER: Final[Member] = {
    "name": ADMIN,
    "full_name": ADMIN_USER.full_name,
    "role": ADMIN_USER.role,
}


def users(draft: SettingsDraft) -> list[Member]:
    """Return all users, `admin` first, as the configuration has them."""
    members: list[Member] = [each for each in draft.members(*USERS) if isinstance(each, dict)]
    admin = [each for each in members if each.get("name") == ADMIN]
    return [*(admin or [_ADMIN_MEMBER]), *(each for each in members if each.get("name") != ADMIN)]


def user(draft: SettingsDraft, name: str) -> Member:
    """Return one of them; empty where there is none."""
    return next((each for each in users(draft) if each.get("name") == name), {})


def set_user(draft: SettingsDraft, name: str, values: Member) -> None:
    """Set what the configuration has of a user, who is made where there is none."""
    member = {**user(draft, name), **values, "name": name}
    if draft.has(*USERS, name):
        draft.put(*USERS, name, value=member)
    else:
        draft.insert(*USERS, value=member)


def role_names(draft: SettingsDraft) -> list[str]:
    """Return the names of the custom roles."""
    return [str(each["name"]) for each in draft.members(*ROLES) if isinstance(each, dict)]


def role_shown(draft: SettingsDraft, role: str) -> str:
    """Return a role as lists have it: custom ones with an asterisk."""
    if role in {each.value for each in Role}:
        return role
    return f"{escape(role)}*" if role in role_names(draft) else UNASSIGNED


def role_options(scope: Settings) -> Sequence[Option[str]]:
    """Return all roles, the built-in ones first: the mightiest at the top."""
    built_in = [Option(each.value, each.value) for each in reversed(Role)]
    custom = [Option(each, each, f"{each}*") for each in role_names(scope.draft)]
    return [*built_in, *custom]


def _options(scope: Settings) -> Sequence[Option[str]]:
    return [_option(scope.draft, each) for each in users(scope.draft)]


def _option(draft: SettingsDraft, member: Member) -> Option[str]:
    name = str(member["name"])
    role = role_shown(draft, str(member.get("role", "")))
    full_name = escape(str(member.get("full_name", "")))
    return Option(name, name, f'{name} - "{full_name}" ({role})')


USER: Final = Choice[str](
    key="user", prompt="Choose the user.", place=Place.WORD, options_from=_options,
    form="the name of a user",
)  # fmt: skip
REMOVABLE: Final = Choice[str](
    key="user", prompt="Choose the user.", place=Place.WORD, form="the name of a user",
    options_from=lambda scope: [each for each in _options(scope) if each.value != ADMIN],
)  # fmt: skip


def lines(draft: SettingsDraft) -> list[str]:
    """Return the lines of the list of users, without their numbers."""
    return [_option(draft, each).line for each in users(draft)]
