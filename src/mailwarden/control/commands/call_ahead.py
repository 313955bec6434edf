"""`callaheadconfig`: servers that are asked about recipients (mailflow 2.8)."""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.answers.call_ahead import found_lines
from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.listener_words import parse_new_name
from mailwarden.control.commands.naming import ask_name
from mailwarden.control.commands.settings_form import store_answers
from mailwarden.control.commands.switched_off import off_note
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.config.dump import plain_settings
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation, Shown
from mailwarden.control.dialogue.question import Place, Question
from mailwarden.control.dialogue.questions import Choice, Option, Text
from mailwarden.control.dialogue.setting_questions import ask_setting, ask_settings
from mailwarden.control.operations import host_checks
from mailwarden.core.features import Feature
from mailwarden.core.patterns import parse_mailbox
from mailwarden.services.call_ahead.settings import CallAheadProfile

PROFILES: Final = "call_ahead_profiles"
ALL: Final = "all"
_DELIVERY: Final = "delivery_host"
_STATIC: Final = "static"


def _profiles(scope: Settings) -> Mapping[str, Any]:
    return scope.draft.section(PROFILES)


def _has_profiles(scope: Settings) -> bool:
    return bool(_profiles(scope))


def _held(scope: Settings) -> Mapping[str, Any]:
    name = scope.get(PROFILE)
    return _profiles(scope).get(name) or {} if name else {}


def _check_new(scope: Settings, name: str) -> None:
    if name in _profiles(scope) and name != scope.get(PROFILE):
        raise ValueError(f"there is a profile {name} already")


def _in_force(scope: Settings) -> list[str]:
    return list(scope.draft.desk.administration.config.call_ahead_profiles)


PROFILE: Final = Choice[str](
    key="profile", prompt="Enter the name or number of the profile.", place=Place.WORD,
    options_from=lambda scope: [Option(name, name) for name in _profiles(scope)],
    form="a profile",
)  # fmt: skip
NEW_NAME: Final = Text(
    key="name", prompt="Enter a name for this profile.", of=parse_new_name, check=_check_new,
    place=Place.WORD, form="a name",
)  # fmt: skip
RENAMED: Final = Text(
    key="name", prompt="Enter a name for this profile.", of=parse_new_name, check=_check_new,
    form="a name", default_from=lambda scope: scope[PROFILE],
)  # fmt: skip
KIND: Final = Choice[str](
    key="server_type", prompt="Select the type of server to ask.",
    options=(
        Option(_DELIVERY, _DELIVERY, "Use Delivery Host"),
        Option(_STATIC, _STATIC, "Static Call-Ahead Server"),
    ),
    default_from=lambda scope: _STATIC if _held(scope).get("servers") else _DELIVERY,
)  # fmt: skip
SERVERS: Final = ask_setting(
    CallAheadProfile, "servers", present=_held, when=lambda scope: scope.get(KIND) == _STATIC,
    prompt="Enter the servers as host:port, with commas; they are asked in turn.",
)  # fmt: skip
DETAILS: Final[tuple[Question[Any], ...]] = (
    ask_name(CallAheadProfile, "interface", present=_held),
    *ask_settings(
        CallAheadProfile,
        ("mail_from", "request_timeout_seconds", "failure_action", "temporary_failure_action",
         "permanent_failure_action", "max_recipients_per_session", "max_connections_per_server",
         "cache_size", "cache_ttl_seconds", "cache_negative_ttl_seconds"),
        present=_held,
    ),
)  # fmt: skip
TESTED: Final = Choice[str](
    key="profile", prompt="Enter the name or number of the profile.", place=Place.WORD,
    options_from=lambda scope: [Option(name, name) for name in _in_force(scope)],
    form="a profile that is in force",
)  # fmt: skip
ADDRESS: Final = Text(
    key="address", prompt="Enter the recipient address to ask about.", of=parse_mailbox,
    place=Place.WORD, form="an address",
)  # fmt: skip
FLUSHED: Final = Choice[str](
    key="profile", prompt="Choose the profile whose answers are to be forgotten.",
    place=Place.WORD, default="", form="a profile that is in force, or all",
    options_from=lambda scope: [
        Option(ALL, "", "All"), *(Option(name, name) for name in _in_force(scope))
    ],
)  # fmt: skip


def _add(scope: Settings) -> str:
    name = scope[NEW_NAME]
    scope.draft.put(PROFILES, name, value={})
    _store(scope, name)
    return f"Profile {name} is added."


def _edit(scope: Settings) -> str:
    name, new = scope[PROFILE], scope[RENAMED]
    _store(scope, name)
    if new == name:
        return ""
    uses = scope.draft.rename(PROFILES, name, name=new)
    said = [f"{name} is now called {new}.", *(f"Also changed: {use}" for use in uses)]
    return "\n".join(said)


def _store(scope: Settings, name: str) -> None:
    store_answers(scope, CallAheadProfile, (SERVERS, *DETAILS), PROFILES, name)
    if scope[KIND] == _DELIVERY and scope.draft.has(PROFILES, name, "servers"):
        scope.draft.remove(PROFILES, name, "servers")


def _remove(scope: Settings) -> str:
    scope.draft.remove(PROFILES, scope[PROFILE])
    return f"Profile {scope[PROFILE]} is removed."


def _print(scope: Settings) -> Shown:
    with refused_as_told():
        profiles = scope.draft.config().call_ahead_profiles
    listeners = scope.draft.config().listeners
    rows = [
        [
            name,
            ", ".join(profile.servers) or "delivery host",
            profile.interface or "any",
            ", ".join(each.name for each in listeners if each.call_ahead == name),
        ]
        for name, profile in profiles.items()
    ]
    lines = render_table(["Profile", "Servers", "Interface", "Listeners"], rows)
    return Shown(
        "\n".join(lines),
        {name: plain_settings(p, with_defaults=True) for name, p in profiles.items()},
    )


async def _test(scope: Settings) -> Shown:
    with refused_as_told():
        answer = await host_checks.try_call_ahead(scope.draft.desk, scope[TESTED], scope[ADDRESS])
    return Shown("\n".join(found_lines(answer)), answer)


async def _flush(scope: Settings) -> Shown:
    with refused_as_told():
        count = await host_checks.flush_call_ahead(scope.draft.desk, scope[FLUSHED])
    return Shown(f"{count_of(count, 'answer')} forgotten.", {"flushed": count})


CALLAHEADCONFIG: Final[Command[SettingsDraft]] = Command(
    name="callaheadconfig", purpose="Configure SMTP call-ahead profiles", commit=Commit.NEEDED,
    menu=Menu(
        summary=lambda scope: off_note(scope, Feature.CALL_AHEAD)
        + f"Profiles: {', '.join(_profiles(scope)) or 'none'}",
        operations=(
            Operation(name="NEW", purpose="Create a new profile.", act=_add,
                      questions=(NEW_NAME, KIND, SERVERS, *DETAILS)),
            Operation(name="EDIT", purpose="Modify a profile.", act=_edit, when=_has_profiles,
                      questions=(PROFILE, RENAMED, KIND, SERVERS, *DETAILS)),
            Operation(name="DELETE", purpose="Remove a profile.", act=_remove, when=_has_profiles,
                      questions=(PROFILE,)),
            Operation(name="PRINT", purpose="Display all profiles.", act=_print,
                      when=_has_profiles),
            Operation(name="TEST", purpose="Ask about a recipient, by a profile in force.",
                      act=_test, permission="callaheadconfig test", questions=(TESTED, ADDRESS),
                      when=lambda scope: bool(_in_force(scope))),
            Operation(name="FLUSHCACHE", purpose="Forget the answers of servers.", act=_flush,
                      permission="callaheadconfig flushcache", questions=(FLUSHED,),
                      when=lambda scope: bool(_in_force(scope))),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (CALLAHEADCONFIG,)
