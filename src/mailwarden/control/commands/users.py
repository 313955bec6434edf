"""`userconfig`: local users, account policy, roles, external authentication (admin 3)."""

from enum import Enum
from typing import Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.commands import custom_roles, external_users, people
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.password_policy import POLICY
from mailwarden.control.commands.people import REMOVABLE, USER, USERS
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
    Where,
)
from mailwarden.control.dialogue.question import UNSET, Unset
from mailwarden.control.dialogue.questions import Choice, Confirm, Option, Secret, Text, YesNo
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.control.operations import accounts, new_users
from mailwarden.control.operations.accounts import AccountState
from mailwarden.control.operations.desk import RefusedOperationError
from mailwarden.core.access.roles import ADMIN
from mailwarden.core.access.users import User, parse_user_name
from mailwarden.services.accounts.system_accounts import system_accounts

SHOWN_MAX: Final = 200  # users above the menu
WAITING: Final = AccountState("waits for a commit", False, False, False)


class Action(Enum):
    """What may be done to an account at once."""

    NOTHING = "Leave it as it is"
    LOCK = "Lock the account"
    UNLOCK = "Unlock the account"
    REMOVE_CODES = "Ask for no one-time codes any more"


def _running(scope: Settings) -> set[str]:
    """Return the names of the users in force."""
    users = scope.draft.desk.administration.config.administration.users
    return {ADMIN, *(user.name for user in users)}


def _check_name(scope: Settings, name: str) -> None:
    if people.user(scope.draft, name):
        raise ValueError(f"there is a user {name} already; EDIT changes it")
    if name in _running(scope):
        raise ValueError(f"there is a user {name} until your changes are committed; do so first")
    if name in system_accounts():
        raise ValueError(f"the system has an account {name}")


def _present(scope: Settings) -> people.Member:
    name = scope.get(USER)
    return people.user(scope.draft, name) if name else {}


def _present_role(scope: Settings) -> str | Unset:
    return str(_present(scope).get("role", "")) or UNSET


NAME: Final = Text(
    key="name", prompt="Enter the new user name.", of=parse_user_name, check=_check_name,
    form="1 to 16 lower case letters, digits, - and _, a letter first",
)  # fmt: skip
FULL_NAME: Final = ask_setting(
    User, "full_name", present=_present, prompt="Enter the full name of the user."
)
ROLE: Final = Choice[str](
    key="role", prompt="Assign a role to the user.", options_from=people.role_options,
    default_from=_present_role, when=lambda scope: scope.get(USER) != ADMIN,
)  # fmt: skip
PASSWORD: Final = Secret(key="password", prompt="Password:", is_new=True)
CHANGES_PASSWORD: Final = YesNo(
    key="changes_password", default=False,
    prompt="Do you want to give the user another password? It counts at once.",
    when=lambda scope: scope[USER] != ADMIN or scope.draft.desk.actor.rights.is_admin,
)  # fmt: skip
OTHER_PASSWORD: Final = Secret(
    key="other_password", prompt="Password:", is_new=True,
    when=lambda scope: bool(scope.get(CHANGES_PASSWORD)),
)  # fmt: skip


async def _new(scope: Settings) -> str:
    desk, name = scope.draft.desk, scope[NAME]
    try:
        await new_users.keep_password(desk, name, scope[PASSWORD])
    except RefusedOperationError as error:
        raise RefusedError(str(error), PASSWORD) from error
    values = {"full_name": scope[FULL_NAME], "role": scope[ROLE]}
    people.set_user(scope.draft, name, values)
    return f"{name} can log in once the changes are committed."


async def _edit(scope: Settings) -> str | None:
    name = scope[USER]
    values = {"full_name": scope[FULL_NAME]}
    if scope.has(ROLE):
        values["role"] = scope[ROLE]
    if any(people.user(scope.draft, name).get(key, "") != value for key, value in values.items()):
        people.set_user(scope.draft, name, values)
        _check_removal(scope)
    if not scope.get(CHANGES_PASSWORD):
        return None
    try:
        if name in _running(scope):
            await accounts.set_password(
                scope.draft.desk, name, scope[OTHER_PASSWORD], command=accounts.USERS
            )
        else:
            await new_users.keep_password(scope.draft.desk, name, scope[OTHER_PASSWORD])
    except RefusedOperationError as error:
        raise RefusedError(str(error), OTHER_PASSWORD) from error
    return f"The password of {name} is changed."


def _delete(scope: Settings) -> str:
    name = scope[REMOVABLE]
    scope.draft.remove(*USERS, name)
    _check_removal(scope)
    return f"{name} is deleted once the changes are committed."


def _check_removal(scope: Settings) -> None:
    """Refuse at once what the commit would be refused for (ROLE-08)."""
    administration = scope.draft.desk.administration
    after = tuple(
        User(name=str(each["name"]), role=str(each.get("role", "")))
        for each in people.users(scope.draft)
    )
    with refused_as_told():
        accounts.check_removal(administration, administration.config.administration.users, after)


def _state(scope: Settings, name: str) -> AccountState:
    with refused_as_told():
        return accounts.states(scope.draft.desk).get(name, WAITING)


def _actions(scope: Settings) -> list[Option[Action]]:
    state = _state(scope, scope[USER])
    found = [Action.NOTHING]
    if state is not WAITING:
        found.append(Action.UNLOCK if state.is_locked else Action.LOCK)
    if state.has_codes:
        found.append(Action.REMOVE_CODES)
    return [Option(each.value, each) for each in found]


def _status_prompt(scope: Settings) -> str:
    state = _state(scope, scope[USER])
    codes = ", with one-time codes" if state.has_codes else ""
    return f"{scope[USER]}: {state.words}{codes}. What is to be done at once?"


ACTION: Final = Choice[Action](
    key="action", prompt=_status_prompt, options_from=_actions, default=Action.NOTHING,
)  # fmt: skip


def _act(scope: Settings) -> str | None:
    desk, user = scope.draft.desk, scope[USER]
    with refused_as_told():
        match scope[ACTION]:
            case Action.NOTHING:
                return None
            case Action.LOCK:
                accounts.lock_account(desk, user)
                return f"{user} is locked. All sessions of {user} end within a minute."
            case Action.UNLOCK:
                accounts.unlock_account(desk, user)
                return f"{user} is unlocked."
            case Action.REMOVE_CODES:
                accounts.remove_codes(desk, user)
                return f"{user} is asked for no codes any more."


def _sure(scope: Settings) -> str:
    if scope[ACTION] is Action.LOCK:
        return f"Are you sure you want to lock {scope[USER]}?"
    return f"Are you sure that {scope[USER]} is to be asked for no codes any more?"


def _sure_to_delete(scope: Settings) -> str:
    return f"Are you sure you want to delete {scope[REMOVABLE]}?"


def _summary(scope: Settings) -> str:
    draft = scope.draft
    try:
        states = accounts.states(draft.desk)
    except RefusedOperationError as error:
        return str(error)
    names = [str(each["name"]) for each in people.users(draft)]
    shown = people.lines(draft)[:SHOWN_MAX]
    rows = [
        f"{place}. {line}, {states.get(name, WAITING).words}"
        for place, (name, line) in enumerate(zip(names, shown, strict=False), start=1)
    ]
    if len(names) > SHOWN_MAX:
        rows.append(f"and {count_of(len(names) - SHOWN_MAX, 'user')} more")
    return "\n".join(("Users:", *rows, external_users.summary(scope)))


def _has_others(scope: Settings) -> bool:
    return len(people.users(scope.draft)) > 1


USERCONFIG: Final[Command[SettingsDraft]] = Command(
    name="userconfig", purpose="Configure users, roles and external authentication",
    commit=Commit.NEEDED, where=Where.CLUSTER, has_batch=False,
    menu=Menu(
        summary=_summary,
        operations=(
            Operation(name="NEW", purpose="Create a new user.",
                      questions=(NAME, FULL_NAME, ROLE, PASSWORD), act=_new),
            Operation(name="EDIT", purpose="Modify a user.",
                      questions=(USER, FULL_NAME, ROLE, CHANGES_PASSWORD, OTHER_PASSWORD),
                      act=_edit),
            Operation(name="DELETE", purpose="Remove a user.", when=_has_others,
                      questions=(REMOVABLE,), act=_delete,
                      confirm=Confirm(key="sure", prompt=_sure_to_delete)),
            Operation(name="POLICY", purpose="Change password and account policy.",
                      questions=POLICY.questions, act=POLICY.act),
            Operation(name="ROLE", purpose="Configure custom user roles.", menu=custom_roles.MENU),
            Operation(name="STATUS", purpose="Lock or unlock an account, at once.",
                      questions=(USER, ACTION), act=_act,
                      confirm=Confirm(
                          key="sure", prompt=_sure,
                          when=lambda scope: scope[ACTION] in (Action.LOCK, Action.REMOVE_CODES),
                      )),
            Operation(name="EXTERNAL", purpose="Configure external authentication.",
                      menu=external_users.MENU),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (USERCONFIG,)
