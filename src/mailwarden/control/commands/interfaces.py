"""`interfaceconfig`: the gateway's addresses, SSH on them, and groups of them (admin 8.4)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation, Where
from mailwarden.control.dialogue.question import UNSET, Place, Unset
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Number,
    Option,
    Text,
    YesNo,
    read_list,
    write_list,
)
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.core.hostport import parse_hostname
from mailwarden.core.interface import Interface
from mailwarden.core.management import SSH_PORT, default_ssh_port
from mailwarden.core.patterns import parse_name

SECTION: Final = "interfaces"
GROUP_SECTION: Final = "interface_groups"
SSH: Final = "ssh_port"


def _names(scope: Settings) -> list[str]:
    return list(scope.draft.section(SECTION))


def _held(scope: Settings) -> Mapping[str, Any]:
    """Return what is set of the interface that is edited; nothing of a new one."""
    name = scope.get(INTERFACE)
    return scope.draft.section(SECTION, name) if name else {}


def _is_free(scope: Settings, name: str) -> None:
    taken = {**scope.draft.section(SECTION), **scope.draft.section(GROUP_SECTION)}
    if name in taken and name not in (scope.get(INTERFACE), scope.get(GROUP)):
        raise ValueError(f"there is an interface or a group called {name} already")


def _hostname(scope: Settings) -> str:
    return str(_held(scope).get("hostname") or scope.draft.get("hostname"))


def _present_port(scope: Settings) -> int:
    port = _held(scope).get(SSH)
    return default_ssh_port(scope.get(INTERFACE) or "") if port is None else int(port)


def _is_ssh_on(scope: Settings) -> bool:
    if not scope.has(INTERFACE):
        return bool(default_ssh_port(scope[NEW_NAME]))
    return bool(_present_port(scope))


def _are_known(scope: Settings, names: Sequence[str]) -> None:
    for name in names:
        if name not in _names(scope):
            raise ValueError(f"there is no interface called {name}")
    if len(set(names)) < len(names):
        raise ValueError("an interface is there twice")


def _members(scope: Settings) -> Sequence[str] | Unset:
    group = scope.get(GROUP)
    return tuple(map(str, scope.draft.members(GROUP_SECTION, group))) if group else UNSET


NEW_NAME: Final = Text(
    key="name", prompt="Please enter a name for this IP interface (Ex: \"InternalNet\"):",
    of=parse_name, check=_is_free, place=Place.WORD, form="a name",
)  # fmt: skip
INTERFACE: Final = Choice[str](
    key="interface", prompt="Enter the name or number of the interface.", place=Place.WORD,
    options_from=lambda scope: [Option(name, name) for name in _names(scope)],
    form="name of an interface",
)  # fmt: skip
NAME: Final = Text(
    key="name", prompt="IP interface name (Ex: \"InternalNet\"):", of=parse_name, check=_is_free,
    default_from=lambda scope: scope[INTERFACE], form="another name",
)  # fmt: skip
ADDRESS: Final = ask_setting(
    Interface, "address", present=_held, prompt="IP Address (Ex: 192.168.1.2):"
)
HOSTNAME: Final = Text(
    key="hostname", prompt="Hostname:", of=parse_hostname, default_from=_hostname,
    form="a host name; that of the gateway follows it",
)  # fmt: skip
ENABLE_SSH: Final = YesNo(
    key="ssh", prompt="Do you want to enable SSH on this interface?", default_from=_is_ssh_on
)
PORT: Final = Number(
    key=SSH, prompt="Which port do you want to use for SSH?", minimum=1, maximum=65_535,
    default_from=lambda scope: _present_port(scope) or SSH_PORT,
    when=lambda scope: scope[ENABLE_SSH],
)  # fmt: skip
NEW_GROUP: Final = Text(
    key="name", prompt="Enter the name for this group:", of=parse_name, check=_is_free,
    place=Place.WORD, form="a name",
)  # fmt: skip
GROUP: Final = Choice[str](
    key="group", prompt="Enter the name or number of the group.", place=Place.WORD,
    options_from=lambda scope: [Option(name, name) for name in scope.draft.section(GROUP_SECTION)],
    form="name of a group",
)  # fmt: skip
GROUP_NAME: Final = Text(
    key="name", prompt="Enter the name for this group:", of=parse_name, check=_is_free,
    default_from=lambda scope: scope[GROUP], form="another name",
)  # fmt: skip
MEMBERS: Final = Text[Sequence[str]](
    key="interfaces", prompt="Enter the names of the interfaces, separated by commas:",
    of=read_list(parse_name), as_text=write_list, check=_are_known, default_from=_members,
    form="names of interfaces, with commas",
)  # fmt: skip


def _summary(scope: Settings) -> str:
    lines = ["Currently configured interfaces:"]
    for number, (name, held) in enumerate(scope.draft.section(SECTION).items(), 1):
        port = held.get(SSH)
        port = default_ssh_port(name) if port is None else port
        ways = f", SSH on port {port}" if port else ""
        host = held.get("hostname") or scope.draft.get("hostname")
        lines.append(f"{number}. {name} ({held.get('address')}: {host}{ways})")
    return "\n".join(lines)


def _group_summary(scope: Settings) -> str:
    lines = [
        f"{number}. {name} ({write_list(members)})"
        for number, (name, members) in enumerate(scope.draft.section(GROUP_SECTION).items(), 1)
    ]
    return "\n".join(lines) or "There are no groups."


def _settings(scope: Settings, name: str) -> dict[str, Any]:
    """Return the interface as it was answered; what is as without a word is left out."""
    settings = {**_held(scope), "address": scope[ADDRESS]}
    port = scope[PORT] if scope[ENABLE_SSH] else 0
    given = {
        "hostname": "" if scope[HOSTNAME] == scope.draft.get("hostname") else scope[HOSTNAME],
        SSH: None if port == default_ssh_port(name) else port,
    }
    for key, value in given.items():
        settings.pop(key, None)
        if value not in ("", None):
            settings[key] = value
    return settings


def _create(scope: Settings) -> str:
    name = scope[NEW_NAME]
    scope.draft.put(SECTION, name, value=_settings(scope, name))
    return f"Interface {name} created."


def _edit(scope: Settings) -> str | None:
    old, name = scope[INTERFACE], scope[NAME]
    settings = _settings(scope, name)
    if settings != scope.draft.get(SECTION, old):
        scope.draft.put(SECTION, old, value=settings)
    return _renamed(scope, SECTION, old, name)


def _delete(scope: Settings) -> str:
    scope.draft.remove(SECTION, scope[INTERFACE])
    return f"Interface {scope[INTERFACE]} deleted."


def _create_group(scope: Settings) -> str:
    scope.draft.put(GROUP_SECTION, scope[NEW_GROUP], value=[*scope[MEMBERS]])
    return f"Group {scope[NEW_GROUP]} created."


def _edit_group(scope: Settings) -> str | None:
    scope.draft.put(GROUP_SECTION, scope[GROUP], value=[*scope[MEMBERS]])
    return _renamed(scope, GROUP_SECTION, scope[GROUP], scope[GROUP_NAME])


def _delete_group(scope: Settings) -> str:
    scope.draft.remove(GROUP_SECTION, scope[GROUP])
    return f"Group {scope[GROUP]} deleted."


def _renamed(scope: Settings, section: str, old: str, name: str) -> str | None:
    """Give what is edited its new name, and tell where it was named (COM-13)."""
    if old == name:
        return None
    uses = scope.draft.rename(section, old, name=name)
    if not uses:
        return f"{old} is called {name} now."
    return "\n".join([f"{old} is called {name} now, also in:", *(f"  {use}" for use in uses)])


def _has_groups(scope: Settings) -> bool:
    return bool(scope.draft.section(GROUP_SECTION))


GROUPS: Final = Menu[SettingsDraft](
    summary=_group_summary,
    operations=(
        Operation(name="NEW", purpose="Create a new group.", questions=(NEW_GROUP, MEMBERS),
                  act=_create_group),
        Operation(name="EDIT", purpose="Modify a group.", when=_has_groups,
                  questions=(GROUP, GROUP_NAME, MEMBERS), act=_edit_group),
        Operation(name="DELETE", purpose="Remove a group.", when=_has_groups, questions=(GROUP,),
                  act=_delete_group),
    ),
)  # fmt: skip
INTERFACECONFIG: Final[Command[SettingsDraft]] = Command(
    name="interfaceconfig", purpose="Configure the IP interfaces and their groups",
    commit=Commit.NEEDED, where=Where.MACHINE, has_batch=False,
    menu=Menu(
        summary=_summary,
        operations=(
            Operation(name="NEW", purpose="Create a new interface.",
                      questions=(NEW_NAME, ADDRESS, HOSTNAME, ENABLE_SSH, PORT), act=_create),
            Operation(name="EDIT", purpose="Modify an interface.",
                      when=lambda scope: bool(_names(scope)),
                      questions=(INTERFACE, NAME, ADDRESS, HOSTNAME, ENABLE_SSH, PORT), act=_edit),
            Operation(name="GROUPS", purpose="Define interface groups.", menu=GROUPS),
            Operation(name="DELETE", purpose="Remove an interface.",
                      when=lambda scope: bool(_names(scope)), questions=(INTERFACE,),
                      confirm=Confirm(key="sure", prompt=lambda scope: "Are you sure you want to "
                                      f"delete the interface {scope[INTERFACE]}?"),
                      act=_delete),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (INTERFACECONFIG,)
