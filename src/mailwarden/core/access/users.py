"""Local users: their names and records, and the rules between them (admin 3.1)."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mailwarden.core.access.custom_role import CustomRole
from mailwarden.core.access.roles import ADMIN, AnyRole, Role, find_role
from mailwarden.core.access.ssh_key import parse_public_key
from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.core.problem import Problem
from mailwarden.core.setting import REQUIRED, setting

USER_NAME_LENGTH_MAX: Final = 16
EXTERNAL_NAME_LENGTH_MAX: Final = 64
FULL_NAME_LENGTH_MAX: Final = 100
KEYS_MAX: Final = 100  # SSH keys of one user
# Names that stand for something else, on this system or in the manual; the accounts of the
# machine itself come from the caller.
RESERVED: Final = frozenset(
    {
        "operator", "root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail",
        "news", "uucp", "proxy", "www-data", "backup", "list", "irc", "nobody", "sshd",
        "postfix", "mailwarden", "system", "console", "postmaster",
    }
)  # fmt: skip
_USER_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,15}")


def parse_user_name(text: str) -> str:
    """Return the name of a local user (ROLE-01).

    Raises:
        ValueError: it cannot be one; the message says why.
    """
    name = text.strip()
    if not _USER_NAME.fullmatch(name):
        raise ValueError(
            f"{name[:SHOWN_LENGTH_MAX]!r} is no name of a user: it takes 1 to "
            f"{USER_NAME_LENGTH_MAX} lower case letters, digits, - and _, a letter first"
        )
    if name in RESERVED:
        raise ValueError(f"{name} is reserved and cannot be the name of a user")
    return name


def parse_external_name(text: str) -> str:
    """Return the name of somebody whom another server knows.

    Raises:
        ValueError: it cannot be one, or it is `admin`, who is never from outside (EXT-04).
    """
    if not 0 < len(text) <= EXTERNAL_NAME_LENGTH_MAX:
        raise ValueError(f"a user's name has 1 to {EXTERNAL_NAME_LENGTH_MAX} letters")
    if not text.isprintable() or any(c.isspace() for c in text):
        raise ValueError("a user's name has no blanks and no control characters")
    if text == ADMIN:
        raise ValueError(f"{ADMIN} is always local")
    return text


def parse_full_name(text: str) -> str:
    """Return a person's name.

    Raises:
        ValueError: it has control characters or is too long.
    """
    name = text.strip()
    if len(name) > FULL_NAME_LENGTH_MAX or not name.isprintable():
        raise ValueError(f"a full name has up to {FULL_NAME_LENGTH_MAX} printable letters")
    return name


def parse_key(text: str) -> str:
    """Return an SSH key as one line, whichever of its forms `text` is in.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    return str(parse_public_key(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """What the configuration says of a local user; passwords are with the accounts."""

    name: str = setting(REQUIRED, "Name to log in with.", parse=parse_user_name)
    full_name: str = setting("", "The person's name.", parse=parse_full_name)
    role: str = setting(REQUIRED, "Built-in or custom role.", examples=(Role.OPERATOR.value,))
    ssh_keys: tuple[str, ...] = setting(
        (),
        "Public keys to log in with over SSH.",
        parse=parse_key,
        entries_max=KEYS_MAX,
        has_lines=True,
    )

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with `admin`."""
        if self.name == ADMIN and self.role != Role.ADMINISTRATOR.value:
            yield Problem("role", f"of {ADMIN} is always {Role.ADMINISTRATOR.value}")


ADMIN_USER: Final = User(name=ADMIN, full_name="Administrator", role=Role.ADMINISTRATOR.value)


def role_of(user: User, custom: Mapping[str, CustomRole]) -> AnyRole:
    """Return a user's role; None if it was deleted, which leaves the user unassigned."""
    return Role.ADMINISTRATOR if user.name == ADMIN else find_role(user.role, custom)


def users_problems(
    users: Iterable[User],
    custom: Mapping[str, CustomRole],
    system_accounts: Collection[str] = (),
    known: Collection[str] = (),
) -> Iterator[Problem]:
    """Yield what is wrong with the users of a configuration.

    `system_accounts` are the names of the machine's own users; users who are in `known` already
    keep their name if one comes to be among them. A role that there is not is no problem: it
    leaves the user unassigned (ROLE-04).
    """
    seen: set[str] = set()
    for place, user in enumerate(users):
        path = f"users[{place}].name"
        if user.name in seen:
            yield Problem(path, f"the user {user.name} is there twice")
        if user.name in system_accounts and user.name not in known and user.name != ADMIN:
            yield Problem(path, f"{user.name} is an account of the system")
        seen.add(user.name)
    for name in custom:
        if name.casefold() in {role.value.casefold() for role in Role}:
            yield Problem("roles", f"{name} is the name of a built-in role")


def removal_fault(before: Iterable[User], after: Iterable[User], locked: Collection[str]) -> str:
    """Return why users may not be changed so; "" if they may (ROLE-08).

    While `admin` is locked, one Administrator who is not has to stay. `locked` are the names of
    locked users after the change. `admin` itself needs no entry and cannot be deleted.
    """
    if ADMIN not in locked:
        return ""
    had = _administrators(before)
    has = _administrators(after) - set(locked)
    if has or not had:
        return ""
    return f"{ADMIN} is locked: the last Administrator can be neither deleted, demoted nor locked"


def _administrators(users: Iterable[User]) -> set[str]:
    role = Role.ADMINISTRATOR.value
    return {user.name for user in users if user.role == role and user.name != ADMIN}
