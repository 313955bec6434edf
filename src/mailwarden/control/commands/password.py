"""`passwd`: another password, at once (admin 1.6.2)."""

from typing import Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Where
from mailwarden.control.dialogue.questions import Secret, Text, read_name
from mailwarden.control.operations import accounts
from mailwarden.core.access.users import ADMIN_USER


def _may_name_others(scope: Settings) -> bool:
    return scope.host.may(accounts.OTHERS_PASSWORD)


def _check_user(scope: Settings, name: str) -> None:
    users = scope.draft.desk.administration.config.administration.users
    if name not in {ADMIN_USER.name, *(user.name for user in users)}:
        raise ValueError(f"{name[:64]!r} is not the name of a user")


def _is_own(scope: Settings) -> bool:
    actor = scope.draft.desk.actor
    return (scope.get(USER) or actor.user) == actor.user


USER: Final = Text(
    key="user", prompt="Enter the name of the user whose password you want to change.",
    of=read_name, check=_check_user, when=_may_name_others, form="the name of a user",
    default_from=lambda scope: scope.draft.desk.actor.user,
)  # fmt: skip
OLD: Final = Secret(
    key="old", prompt="Old password:",
    when=lambda scope: _is_own(scope) and not scope.draft.desk.actor.is_trusted,
)  # fmt: skip
NEW: Final = Secret(key="new", prompt="New password:", is_new=True)


async def _change(scope: Settings) -> str:
    desk = scope.draft.desk
    with refused_as_told():
        if _is_own(scope):
            await accounts.change_own_password(desk, scope.get(OLD) or "", scope[NEW])
            return "Password changed. Your other sessions end within a minute."
        user = scope.get(USER) or ""
        await accounts.set_password(desk, user, scope[NEW])
    return f"Password of {user} changed. All sessions of {user} end within a minute."


PASSWD: Final[Command[SettingsDraft]] = Command(
    name="passwd", aliases=("password",), purpose="Change your password",
    where=Where.CLUSTER, has_batch=False, questions=(USER, OLD, NEW), act=_change,
)  # fmt: skip

COMMANDS: Final = (PASSWD,)
