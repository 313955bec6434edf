"""What the administrator sets of administrators: who they are, and how they get in (admin 3)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mailwarden.core.access.access_list import NetworkAccess
from mailwarden.core.access.custom_role import CustomRole
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.core.access.roles import ADMIN
from mailwarden.core.access.users import ADMIN_USER, User, users_problems
from mailwarden.core.problem import Problem
from mailwarden.core.setting import Unit, setting
from mailwarden.services.accounts.settings import ExternalSettings
from mailwarden.services.accounts.system_accounts import system_accounts

BANNER_LENGTH_MAX: Final = 4096
IDLE_SECONDS: Final = 1800.0  # admin 0.1
USERS_MAX: Final = 10_000


def parse_banner(text: str) -> str:
    """Return what is shown before anybody logs in.

    Raises:
        ValueError: it is too long, or has control characters.
    """
    if len(text) > BANNER_LENGTH_MAX:
        raise ValueError(f"a banner has at most {BANNER_LENGTH_MAX} letters")
    if not all(letter.isprintable() or letter in "\n\t" for letter in text):
        raise ValueError("a banner has no control characters")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInSettings:
    """What of the configuration decides who gets in; a commit makes a new one."""

    users: Mapping[str, User] = field(default_factory=dict)  # by name
    roles: Mapping[str, CustomRole] = field(default_factory=dict)  # custom ones, by name
    policy: PasswordPolicy = field(default_factory=PasswordPolicy)
    external: ExternalSettings = field(default_factory=ExternalSettings)

    def user(self, name: str) -> User | None:
        """Return a local user; `admin` is always there."""
        return self.users.get(name, ADMIN_USER if name == ADMIN else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministrationSettings:
    """Administrators: users, roles, passwords, and from where they may come."""

    users: tuple[User, ...] = setting(
        (), "Users besides `admin`; passwords are set with the command line.", entries_max=USERS_MAX
    )
    roles: tuple[CustomRole, ...] = setting((), "Roles besides the built-in ones.")
    passwords: PasswordPolicy = setting(
        PasswordPolicy, "What is asked of passwords, and when accounts are locked."
    )
    external: ExternalSettings = setting(
        ExternalSettings, "Servers that are asked about users besides."
    )
    network_access: NetworkAccess = setting(
        NetworkAccess, "From where administrators may connect; never asked at the console."
    )
    banner: str = setting(
        "", "What is shown before anybody logs in.", parse=parse_banner, has_lines=True
    )
    cli_idle_seconds: float = setting(
        IDLE_SECONDS,
        "After how long without input a session of the command line ends.",
        minimum=60,
        maximum=86_400,
        unit=Unit.SECONDS,
    )

    def problems(self) -> Iterator[Problem]:
        """Yield names that are taken."""
        seen: set[str] = set()
        for place, role in enumerate(self.roles):
            if role.name in seen:
                yield Problem(f"roles[{place}].name", f"the role {role.name} is there twice")
            seen.add(role.name)
        yield from users_problems(self.users, self.custom_roles, system_accounts())

    @property
    def custom_roles(self) -> Mapping[str, CustomRole]:
        """The custom roles by name."""
        return {role.name: role for role in self.roles}

    @property
    def sign_in(self) -> SignInSettings:
        """What of it decides who gets in."""
        return SignInSettings(
            users={user.name: user for user in self.users},
            roles=self.custom_roles,
            policy=self.passwords,
            external=self.external,
        )
