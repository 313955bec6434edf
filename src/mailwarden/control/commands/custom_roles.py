"""`userconfig > ROLE`: roles that are made of privileges (ROLE-04)."""

from dataclasses import replace
from typing import Any, Final

from mailwarden.control.commands import people
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.people import ROLES
from mailwarden.control.config.shape import fields_of
from mailwarden.control.dialogue.declaration import Menu, Operation, Shown
from mailwarden.control.dialogue.question import Question
from mailwarden.control.dialogue.questions import Choice, Confirm, Option, Text
from mailwarden.control.dialogue.setting_questions import NONE_WORD, ask_settings
from mailwarden.core.access.custom_role import CustomRole
from mailwarden.core.access.roles import Role
from mailwarden.core.patterns import parse_name
from mailwarden.system.log.escape import escape


def _check_name(scope: Settings, name: str) -> None:
    taken = [*people.role_names(scope.draft), *(role.value for role in Role)]
    if name.casefold() in {each.casefold() for each in taken}:
        raise ValueError(f"there is a role {name} already")


NAME: Final = Text(
    key="name", prompt="Enter the name of the new role.", of=parse_name, check=_check_name,
    form="a name",
)  # fmt: skip
ROLE: Final = Choice[str](
    key="role", prompt="Choose the role.", form="the name of a custom role",
    options_from=lambda scope: [Option(each, each) for each in people.role_names(scope.draft)],
)  # fmt: skip


def _clearable(question: Question[Any]) -> Question[Any]:
    """Return a question about several names with a word for none, as an empty line keeps them."""
    if not isinstance(question, Text):
        return question
    prompt = f'{question.prompt} Separate names with commas, or enter "{NONE_WORD}".'
    return replace(question, none_word=NONE_WORD, prompt=prompt)


PRIVILEGES: Final = tuple(
    _clearable(question)
    for question in ask_settings(
        CustomRole, [name for name in fields_of(CustomRole) if name != "name"],
        present=lambda scope: scope.draft.section(*ROLES, scope.get(ROLE) or ""),
    )
)  # fmt: skip


def _new(scope: Settings) -> None:
    scope.draft.insert(*ROLES, value={"name": scope[NAME], **_answers(scope)})


def _edit(scope: Settings) -> None:
    scope.draft.put(*ROLES, scope[ROLE], value={"name": scope[ROLE], **_answers(scope)})


def _answers(scope: Settings) -> dict[str, object]:
    return {each.key: [] if scope[each] is None else scope[each] for each in PRIVILEGES}


def _delete(scope: Settings) -> None:
    scope.draft.remove(*ROLES, scope[ROLE])


def _users_of(scope: Settings, role: str) -> list[str]:
    return [str(each["name"]) for each in people.users(scope.draft) if each.get("role") == role]


def _sure(scope: Settings) -> str:
    users = _users_of(scope, scope[ROLE])
    lost = f" {', '.join(users)} can then log out only." if users else ""
    return f"Are you sure you want to delete the role {escape(scope[ROLE])}?{lost}"


def _print(scope: Settings) -> Shown:
    members = [each for each in scope.draft.members(*ROLES) if isinstance(each, dict)]
    lines = []
    for each in members:
        name = str(each["name"])
        lines.append(f"{escape(name)}*: {', '.join(_users_of(scope, name)) or 'nobody'}")
        lines += [
            f"  {key}: {escape(_shown(value))}" for key, value in each.items() if key != "name"
        ]
    return Shown("\n".join(lines) or "There are no custom roles.", [dict(each) for each in members])


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _has_roles(scope: Settings) -> bool:
    return bool(people.role_names(scope.draft))


MENU: Final = Menu[SettingsDraft](
    summary=lambda scope: f"Custom roles: {len(people.role_names(scope.draft))}. They are for the "
    "web interface only.",
    operations=(
        Operation(name="NEW", purpose="Create a role.", questions=(NAME, *PRIVILEGES), act=_new),
        Operation(name="EDIT", purpose="Modify a role.", when=_has_roles,
                  questions=(ROLE, *PRIVILEGES), act=_edit),
        Operation(name="DELETE", purpose="Remove a role.", when=_has_roles, questions=(ROLE,),
                  confirm=Confirm(key="sure", prompt=_sure), act=_delete),
        Operation(name="PRINT", purpose="Show the roles, and who has them.", when=_has_roles,
                  act=_print),
    ),
)  # fmt: skip
