"""`userconfig > EXTERNAL`: servers that know users besides (admin 3.3)."""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.commands import people
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.dialogue.declaration import Menu, Operation, Shown
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Number,
    Option,
    Secret,
    Text,
    YesNo,
)
from mailwarden.control.dialogue.setting_questions import ask_setting, ask_settings
from mailwarden.services.accounts.settings import (
    RADIUS_PORT,
    SERVERS_MAX,
    ExternalMethod,
    ExternalSettings,
    RadiusServer,
    parse_class,
    parse_secret,
)
from mailwarden.system.log.escape import escape

SECTION: Final = ("administration", "external")
SERVERS: Final = (*SECTION, "radius_servers")
CLASSES: Final = (*SECTION, "radius_classes")


def _present(scope: Settings) -> Mapping[str, Any]:
    return scope.draft.section(*SECTION)


def _is_on(scope: Settings) -> bool:
    return bool(scope[METHOD] != ExternalMethod.OFF.value)


def _servers(scope: Settings) -> list[Mapping[str, Any]]:
    return [each for each in scope.draft.members(*SERVERS) if isinstance(each, dict)]


def _classes(scope: Settings) -> Mapping[str, Any]:
    return scope.draft.section(*CLASSES)


def _server(scope: Settings) -> Mapping[str, Any]:
    return _servers(scope)[scope[SERVER]] if scope.has(SERVER) else {}


def _server_line(server: Mapping[str, Any]) -> str:
    port = server.get("port", RADIUS_PORT)
    return f"{escape(str(server.get('host', '')))}:{port}"


METHOD: Final = ask_setting(ExternalSettings, "method", present=_present)
CACHE: Final = ask_setting(ExternalSettings, "cache_seconds", present=_present, when=_is_on)
ALL: Final = ask_setting(ExternalSettings, "all_are_administrators", present=_present, when=_is_on)
SERVER: Final = Choice[int](
    key="server", prompt="Choose the server.", form="a server",
    options_from=lambda scope: [
        Option(_server_line(each), place) for place, each in enumerate(_servers(scope))
    ],
)  # fmt: skip
FIELDS: Final = ask_settings(
    RadiusServer, ("host", "port", "timeout_seconds", "method"), present=_server
)
SECRET: Final = Secret(key="secret", prompt="Shared secret:", of=parse_secret, is_new=True)
CHANGES_SECRET: Final = YesNo(
    key="changes_secret", prompt="Do you want to change the shared secret?", default=False
)
OTHER_SECRET: Final = Secret(
    key="other_secret", prompt="Shared secret:", of=parse_secret, is_new=True,
    when=lambda scope: scope[CHANGES_SECRET],
)  # fmt: skip
POSITION: Final = Number(
    key="position", prompt="At which place is it to be asked?", minimum=1, maximum=SERVERS_MAX,
    default=1,
)  # fmt: skip
NEW_CLASS: Final = Text(
    key="class", prompt="Enter the value of the CLASS attribute.", of=parse_class,
    form="what a server answers with",
)  # fmt: skip
CLASS: Final = Choice[str](
    key="class", prompt="Choose the CLASS.", form="a CLASS that has a role",
    options_from=lambda scope: [
        Option(each, each, f"{escape(each)}: {escape(str(role))}")
        for each, role in _classes(scope).items()
    ],
)  # fmt: skip
ROLE: Final = Choice[str](
    key="role", prompt="Which role do users with it have?", options_from=people.role_options,
)  # fmt: skip


def _set_up(scope: Settings) -> None:
    values = {each.key: scope[each] for each in (METHOD, CACHE, ALL) if scope.has(each)}
    scope.draft.put(*SECTION, value={**_present(scope), **values})


def _new(scope: Settings) -> None:
    server = {each.key: scope[each] for each in FIELDS} | {"secret": scope[SECRET]}
    scope.draft.insert(*SERVERS, value=server)


def _edit(scope: Settings) -> None:
    server = {**_server(scope), **{each.key: scope[each] for each in FIELDS}}
    if scope[CHANGES_SECRET]:
        server["secret"] = scope[OTHER_SECRET]
    scope.draft.put(*SERVERS, str(scope[SERVER]), value=server)


def _delete(scope: Settings) -> None:
    scope.draft.remove(*SERVERS, str(scope[SERVER]))


def _move(scope: Settings) -> None:
    scope.draft.move(*SERVERS, str(scope[SERVER]), position=scope[POSITION] - 1)


def _map(scope: Settings) -> None:
    scope.draft.put(*CLASSES, scope[NEW_CLASS], value=scope[ROLE])


def _unmap(scope: Settings) -> None:
    scope.draft.remove(*CLASSES, scope[CLASS])


def _print(scope: Settings) -> Shown:
    lines = [summary(scope)]
    lines += [f"{place}. {_server_line(each)}" for place, each in enumerate(_servers(scope), 1)]
    lines += [
        f"CLASS {escape(name)}: {people.role_shown(scope.draft, str(role))}"
        for name, role in _classes(scope).items()
    ]
    present = _present(scope)
    data = {
        "method": present.get("method", ExternalMethod.OFF.value),
        "cache_seconds": present.get("cache_seconds", 0),
        "all_are_administrators": present.get("all_are_administrators", False),
        "radius_servers": [
            {key: value for key, value in each.items() if key != "secret"}
            for each in _servers(scope)
        ],
        "radius_classes": dict(_classes(scope)),
    }
    return Shown("\n".join(lines), data)


def summary(scope: Settings) -> str:
    """Return in a line whether other servers are asked."""
    method = str(_present(scope).get("method", ExternalMethod.OFF.value))
    return f"External authentication: {method}"


MAPPING: Final = Menu[SettingsDraft](
    operations=(
        Operation(name="NEW", purpose="Give the users of a CLASS a role.",
                  questions=(NEW_CLASS, ROLE), act=_map),
        Operation(name="DELETE", purpose="Remove a CLASS.",
                  when=lambda scope: bool(_classes(scope)), questions=(CLASS,), act=_unmap),
        Operation(name="PRINT", purpose="Show servers and roles.", act=_print),
    ),
)  # fmt: skip
MENU: Final = Menu[SettingsDraft](
    summary=summary,
    operations=(
        Operation(name="SETUP", purpose="Switch it on or off.",
                  questions=(METHOD, CACHE, ALL), act=_set_up),
        Operation(name="NEW", purpose="Add a RADIUS server.",
                  questions=(*FIELDS, SECRET), act=_new),
        Operation(name="EDIT", purpose="Modify a RADIUS server.",
                  when=lambda scope: bool(_servers(scope)),
                  questions=(SERVER, *FIELDS, CHANGES_SECRET, OTHER_SECRET), act=_edit),
        Operation(name="DELETE", purpose="Remove a RADIUS server.",
                  when=lambda scope: bool(_servers(scope)), questions=(SERVER,), act=_delete,
                  confirm=Confirm(key="sure", prompt="Are you sure you want to remove it?")),
        Operation(name="MOVE", purpose="Change the order in which servers are asked.",
                  when=lambda scope: len(_servers(scope)) > 1,
                  questions=(SERVER, POSITION), act=_move),
        Operation(name="ROLES", purpose="Give roles to the users of the servers.", menu=MAPPING),
        Operation(name="PRINT", purpose="Show servers and roles.", act=_print),
    ),
)  # fmt: skip
