"""`bounceconfig`: bounce profiles (mailflow 7.5)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mailwarden.control.commands.answered import defaults_of, merged
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.naming import ask_name, known_names, renamed
from mailwarden.control.config.shape import fields_of
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation
from mailwarden.control.dialogue.question import Place, Question
from mailwarden.control.dialogue.questions import Choice, Option, Text
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.core.patterns import parse_name
from mailwarden.core.policy.bounce_profile import (
    DEFAULT_PROFILE,
    BounceProfile,
    ResolvedProfile,
)

PROFILES: Final = "bounce_profiles"
AS_DEFAULT: Final = "default"  # the answer that leaves a field to the profile Default
COPY_SIZE: Final = "copy_size_max_bytes"  # of Default, which holds wherever a profile is silent
DELIVERED: Final = {
    name: getattr(ResolvedProfile(), name) for name in defaults_of(BounceProfile)
}  # what Default is where nobody has said anything


def _own(scope: Settings) -> Mapping[str, Any]:
    """Return what the profile says that is being edited; nothing of a new one."""
    return scope.draft.section(PROFILES, scope.get(PROFILE) or "")


def _present(scope: Settings) -> Mapping[str, Any]:
    """Return the same, with nothing left open for Default."""
    return {**DELIVERED, **_own(scope)} if _is_default(scope) else _own(scope)


def _is_default(scope: Settings) -> bool:
    return scope.get(PROFILE) == DEFAULT_PROFILE


def _is_free(scope: Settings, name: str) -> None:
    if name in known_names(scope, PROFILES) and name != scope.get(PROFILE):
        raise ValueError(f"There is a profile {name} already; EDIT changes it.")


def _names(scope: Settings) -> list[str]:
    return known_names(scope, PROFILES)


def _own_names(scope: Settings) -> list[str]:
    return [name for name in _names(scope) if name != DEFAULT_PROFILE]


PROFILE: Final = Choice[str](
    key="profile", prompt="Choose the profile to edit.", place=Place.WORD, form="a profile",
    options_from=lambda scope: [Option(name, name) for name in _names(scope)],
)  # fmt: skip
REMOVED: Final = Choice[str](
    key="profile", prompt="Choose the profile to remove.", place=Place.WORD, form="a profile",
    options_from=lambda scope: [Option(name, name) for name in _own_names(scope)],
)  # fmt: skip
NEW_PROFILE: Final = Text(
    key="profile", of=parse_name, check=_is_free, place=Place.WORD, form="a name",
    prompt="Enter a name for the new profile.\n"
    f'Answer "{AS_DEFAULT}" to what follows where it is to be as in {DEFAULT_PROFILE}.',
)  # fmt: skip
NAME: Final = Text(
    key="name", prompt="Enter a name for the profile.", of=parse_name, check=_is_free,
    form="another name, also wherever it is used", when=lambda scope: not _is_default(scope),
    default_from=lambda scope: scope[PROFILE],
)  # fmt: skip


def _ask(name: str, **more: Any) -> Question[Any]:  # noqa: ANN401  other fields of a question
    about = fields_of(BounceProfile)[name].setting
    prompt = f"{about.doc.partition(' Default: ')[0].removesuffix('.')}."
    given: dict[str, Any] = {"present": _present, "none_word": AS_DEFAULT, "prompt": prompt, **more}
    if about.refers_to:
        return ask_name(BounceProfile, name, empty_word="built-in", **given)
    return ask_setting(BounceProfile, name, **given)


FIELDS: Final[tuple[Question[Any], ...]] = tuple(map(_ask, fields_of(BounceProfile)))
BOUNCE_SIZE: Final = ask_setting(
    BounceProfile, COPY_SIZE, none_word="",
    prompt="Enter the largest message that is returned as a whole; of others it is the header.",
    present=lambda scope: {**DELIVERED, **scope.draft.section(PROFILES, DEFAULT_PROFILE)},
)  # fmt: skip


def _add(scope: Settings) -> str:
    name = scope[NEW_PROFILE]
    scope.draft.put(PROFILES, name, value=merged(scope, FIELDS, {}, {}))
    return f"The profile {name} is added."


def _edit(scope: Settings) -> str:
    name = scope[PROFILE]
    standing = DELIVERED if _is_default(scope) else {}
    scope.draft.put(PROFILES, name, value=merged(scope, FIELDS, _own(scope), standing))
    told: Sequence[str] = ()
    if not _is_default(scope):
        told = renamed(scope, (PROFILES, name), scope[NAME])
        name = scope[NAME]
    return "\n".join((f"The profile {name} is set.", *told))


def _delete(scope: Settings) -> str:
    scope.draft.remove(PROFILES, scope[REMOVED])
    return f"The profile {scope[REMOVED]} is removed."


def _set_up(scope: Settings) -> str:
    own = scope.draft.section(PROFILES, DEFAULT_PROFILE)
    section = merged(scope, (BOUNCE_SIZE,), own, DELIVERED)
    if section != own:
        scope.draft.put(PROFILES, DEFAULT_PROFILE, value=section)
    return f"It holds for all profiles that leave {COPY_SIZE} to {DEFAULT_PROFILE}."


def _summary(scope: Settings) -> str:
    lines = (f"{place}. {name}" for place, name in enumerate(_names(scope), start=1))
    return "\n".join(("Current bounce profiles:", *lines))


BOUNCECONFIG: Final[Command[SettingsDraft]] = Command(
    name="bounceconfig", purpose="Configure the behavior of bounces", commit=Commit.NEEDED,
    menu=Menu(summary=_summary, operations=(
        Operation(name="NEW", purpose="Create a new profile.",
                  questions=(NEW_PROFILE, *FIELDS), act=_add),
        Operation(name="EDIT", purpose="Modify a profile.",
                  questions=(PROFILE, NAME, *FIELDS), act=_edit),
        Operation(name="DELETE", purpose="Remove a profile.",
                  when=lambda scope: bool(_own_names(scope)),
                  questions=(REMOVED,), act=_delete),
        Operation(name="SETUP", purpose="Configure global bounce settings.",
                  questions=(BOUNCE_SIZE,), act=_set_up),
    )),
)  # fmt: skip

COMMANDS: Final = (BOUNCECONFIG,)
