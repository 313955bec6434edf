"""Roles, and the one check of what somebody may do: denied unless granted (admin 3.1, ROLE-10)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from mailwarden.core.access.custom_role import CustomRole
from mailwarden.core.access.permissions import Area, Level, Permission, Verb, permissions_from

ADMIN: Final = "admin"  # the user that is always there


class Role(Enum):
    """The built-in roles, from the most to the least restrictive (ROLE-06)."""

    GUEST = "Guest"
    HELP_DESK = "Help Desk User"
    READ_ONLY_OPERATOR = "Read-Only Operator"
    TECHNICIAN = "Technician"
    OPERATOR = "Operator"
    ADMINISTRATOR = "Administrator"


AnyRole = Role | CustomRole | None  # None: the role was deleted, the user is unassigned (ROLE-04)

_LEVELS: Final[Mapping[Role, Level]] = {
    Role.GUEST: Level.GUEST,
    Role.READ_ONLY_OPERATOR: Level.READ_ONLY,
    Role.OPERATOR: Level.OPERATOR,
    Role.ADMINISTRATOR: Level.ADMINISTRATOR,
}
_OF_EVERY_ROLE: Final = (
    Permission(Area.SESSION, Verb.VIEW),
    Permission(Area.SESSION, Verb.OPERATE),
    Permission(Area.GUI, Verb.OPERATE),
    Permission(Area.OWN_ACCOUNT, Verb.VIEW),
    Permission(Area.OWN_ACCOUNT, Verb.OPERATE),
)
_HELP_DESK: Final = (*_OF_EVERY_ROLE, Permission(Area.TRACKING, Verb.VIEW))
_TECHNICIAN: Final = (  # ROLE-03
    *_OF_EVERY_ROLE,
    Permission(Area.CLI, Verb.OPERATE),
    Permission(Area.STATUS, Verb.VIEW),
    Permission(Area.UPGRADE, Verb.OPERATE),
    Permission(Area.REBOOT, Verb.OPERATE),
    Permission(Area.FEATURE_KEYS, Verb.VIEW),
    Permission(Area.FEATURE_KEYS, Verb.OPERATE),
    Permission(Area.MAIL_FLOW, Verb.OPERATE),
    Permission(Area.WORK_QUEUE, Verb.VIEW),
    Permission(Area.LISTENERS, Verb.VIEW),
    Permission(Area.CONFIGURATION, Verb.OPERATE),
    Permission(Area.SAFE_BLOCK_LISTS, Verb.OPERATE),
)
GRANTS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.HELP_DESK: frozenset(_HELP_DESK),
        Role.TECHNICIAN: frozenset(_TECHNICIAN),
        **{role: frozenset(permissions_from(level)) for role, level in _LEVELS.items()},
    }
)
_ADMIN_GRANTS: Final = frozenset(permissions_from(Level.ADMIN_USER))
# Whoever has not the run of all quarantines may be granted single ones.
_QUARANTINES_BY_GRANT: Final = frozenset({Role.GUEST, Role.READ_ONLY_OPERATOR, Role.HELP_DESK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What somebody who is signed in may do.

    `is_admin` is for the local user `admin` alone. `quarantines` are those granted to a role that
    has not the run of all. `sees_dlp_content` is the DLP tracking privilege of the role (ROLE-05).
    """

    role: AnyRole
    is_admin: bool = False
    quarantines: frozenset[str] = frozenset()
    sees_dlp_content: bool = False

    def may(self, permission: Permission, subject: str = "") -> bool:
        """Tell whether it is permitted.

        `subject` names the single policy, DLP policy, quarantine or encryption profile, where it
        is about one. Without a name the question is whether the area is open at all; where only
        single things are granted, whoever asks has to ask again for each of them.
        """
        if permission == (Area.DLP_CONTENT, Verb.VIEW):
            return self.sees_dlp_content and self.may(Permission(Area.TRACKING, Verb.VIEW))
        if self.is_admin:
            return permission in _ADMIN_GRANTS
        match self.role:
            case None:
                return False
            case CustomRole() as custom:
                return permission in _OF_EVERY_ROLE or custom.grants(permission, subject)
            case Role() as role:
                return permission in GRANTS[role] or self._is_granted(role, permission, subject)

    def _is_granted(self, role: Role, permission: Permission, subject: str) -> bool:
        if permission.area is not Area.QUARANTINES or role not in _QUARANTINES_BY_GRANT:
            return False
        if permission.verb not in (Verb.VIEW, Verb.OPERATE):
            return False
        return subject in self.quarantines if subject else bool(self.quarantines)


NO_RIGHTS: Final = Rights(role=None)  # may log out, no more


def rights_of(user: str, role: AnyRole, *, is_local: bool = True) -> Rights:
    """Return the rights that come with a role, without grants of single quarantines.

    The local user `admin` has all rights whatever the role; nobody from outside is that user.
    """
    return Rights(role=role, is_admin=is_local and user == ADMIN)


def role_name(role: AnyRole) -> str:
    """Return how lists of users show a role; an asterisk marks a custom one (ROLE-04)."""
    match role:
        case None:
            return "Unassigned"
        case CustomRole(name=name):
            return f"{name}*"
        case Role() as built_in:
            return built_in.value


def find_role(name: str, custom: Mapping[str, CustomRole]) -> AnyRole:
    """Return the role called `name`; None where there is none any more."""
    try:
        return Role(name)
    except ValueError:
        return custom.get(name)


def most_restrictive(roles: Iterable[AnyRole]) -> AnyRole:
    """Return the role of somebody to whom several are mapped (ROLE-06); None if none is.

    A role that there is no more is the most restrictive, then come custom roles (of several, the
    first in the order of their names), then the built-in ones in the order of `Role`.
    """
    return min(roles, key=_permissiveness, default=None)


def _permissiveness(role: AnyRole) -> tuple[int, str]:
    match role:
        case None:
            return -2, ""
        case CustomRole(name=name):
            return -1, name
        case Role() as built_in:
            return list(Role).index(built_in), ""
