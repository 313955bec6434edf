"""`adminaccessconfig`: the banner, from where administrators may come, and idle sessions (3.4)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation, Shown
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Confirm, Lines, Option, Text
from mailwarden.control.dialogue.setting_questions import ask_setting, ask_settings
from mailwarden.control.operations.own_access import shut_out_by
from mailwarden.core.access.access_list import AccessMode, NetworkAccess, parse_sources
from mailwarden.services.accounts.administration import AdministrationSettings, parse_banner
from mailwarden.system.log.escape import escape

Edited = Callable[[Settings], dict[str, Any]]  # returns the access list with what was answered
SECTION: Final = "administration"
ACCESS: Final = "network_access"
_WORDS: Final = {
    AccessMode.ANY: "any",
    AccessMode.DIRECT: "direct",
    AccessMode.PROXY: "proxy",
    AccessMode.DIRECT_OR_PROXY: "directorproxy",
}


def _access(scope: Settings) -> dict[str, Any]:
    return dict(scope.draft.section(SECTION, ACCESS))


def _entries(scope: Settings) -> list[str]:
    return [str(each) for each in scope.draft.members(SECTION, ACCESS, "addresses")]


def _mode(scope: Settings) -> str:
    return str(_access(scope).get("mode", AccessMode.ANY.value))


def _is_by_proxy(scope: Settings) -> bool:
    return AccessMode(scope[MODE]).takes_proxies


NEW_ENTRIES: Final = Text[Sequence[str]](
    key="addresses", place=Place.WORD, of=parse_sources, as_text=", ".join,
    prompt="Enter addresses, ranges or networks that may connect, with commas between them.",
    form="addresses, ranges such as 10.0.0.1-10.0.0.9 and networks, with commas",
)  # fmt: skip
ENTRY: Final = Choice[str](
    key="address", prompt="Choose the entry to remove.", place=Place.WORD, form="an entry",
    options_from=lambda scope: [Option(each, each) for each in _entries(scope)],
)  # fmt: skip
MODE: Final = Choice[str](
    key="mode", prompt="Which connections of administrators are to be taken?", place=Place.WORD,
    default_from=_mode,
    options=tuple(Option(word, mode.value, mode.value) for mode, word in _WORDS.items()),
)  # fmt: skip
PROXIES: Final = ask_setting(NetworkAccess, "proxies", present=_access, when=_is_by_proxy)
HEADER: Final = ask_setting(NetworkAccess, "header", present=_access, when=_is_by_proxy)
BANNER: Final = Lines[str | None](
    key="banner", of=parse_banner, as_text=str, form="the lines of the banner, or none",
    place=Place.WORD, none_word="none",
    prompt='Enter what is shown before anybody logs in, or "none".',
)  # fmt: skip
TIMEOUT: Final = ask_settings(
    AdministrationSettings,
    ("cli_idle_seconds",),
    present=lambda scope: scope.draft.section(SECTION),
)


def _with_new(scope: Settings) -> dict[str, Any]:
    added = [*_entries(scope), *scope[NEW_ENTRIES]]
    return {**_access(scope), "addresses": list(dict.fromkeys(added))}


def _without(scope: Settings) -> dict[str, Any]:
    return {
        **_access(scope),
        "addresses": [each for each in _entries(scope) if each != scope[ENTRY]],
    }


def _with_mode(scope: Settings) -> dict[str, Any]:
    access = {**_access(scope), "mode": scope[MODE]}
    if _is_by_proxy(scope):
        access |= {"proxies": list(scope[PROXIES]), "header": scope[HEADER]}
    return access


def _shuts_out(scope: Settings, access: dict[str, Any]) -> str:
    """Return why the administrator could not come again; "" where that is possible, or not told."""
    mode, addresses = AccessMode(access.get("mode", AccessMode.ANY.value)), access.get("addresses")
    if mode is not AccessMode.ANY and not addresses:
        return ""  # what is wrong with it is said where it is edited
    settings = NetworkAccess(
        mode=mode,
        addresses=tuple(addresses or ()),
        proxies=tuple(access.get("proxies") or ()),
        header=access.get("header") or NetworkAccess().header,
    )
    return shut_out_by(scope.draft.desk, settings)


def _insisting(edited: Edited) -> Confirm:
    def prompt(scope: Settings) -> str:
        return (
            f"Warning: {_shuts_out(scope, edited(scope))}.\n"
            "It is cut at the commit, and the commit is taken back after 5 minutes unless it is\n"
            "confirmed from an address that is allowed. Do you want to go on?"
        )

    return Confirm(
        key="sure", prompt=prompt, when=lambda scope: bool(_shuts_out(scope, edited(scope)))
    )


def _edit(edited: Edited) -> Callable[[Settings], None]:
    return lambda scope: scope.draft.put(SECTION, ACCESS, value=edited(scope))


def _print(scope: Settings) -> Shown:
    access = _access(scope)
    proxies = [str(each) for each in access.get("proxies", ())]
    lines = [f"Mode: {_mode(scope)}", *(f"{n}. {e}" for n, e in enumerate(_entries(scope), 1))]
    if AccessMode(_mode(scope)).takes_proxies:
        lines += [f"Proxies: {', '.join(proxies)}", f"Header: {escape(_header(access))}"]
    data = {
        "mode": _mode(scope),
        "addresses": _entries(scope),
        "proxies": proxies,
        "header": _header(access),
    }
    return Shown("\n".join(lines), data)


def _header(access: dict[str, Any]) -> str:
    return str(access.get("header", NetworkAccess().header))


def _set_banner(scope: Settings) -> str:
    scope.draft.put(SECTION, "banner", value=scope[BANNER] or "")
    return "The banner is set." if scope[BANNER] else "There is no banner."


def _set_timeout(scope: Settings) -> None:
    for question in TIMEOUT:
        scope.draft.put(SECTION, question.key, value=scope[question])


IPACCESS: Final = Menu[SettingsDraft](
    summary=lambda scope: f"Mode: {_mode(scope)}. Entries: {len(_entries(scope))}.",
    operations=(
        Operation(name="NEW", purpose="Add addresses that may connect.",
                  questions=(NEW_ENTRIES,), confirm=_insisting(_with_new), act=_edit(_with_new)),
        Operation(name="DELETE", purpose="Remove an entry.",
                  when=lambda scope: bool(_entries(scope)),
                  questions=(ENTRY,), confirm=_insisting(_without), act=_edit(_without)),
        Operation(name="PRINT", purpose="Show mode and entries.", act=_print),
        Operation(name="MODE", purpose="Choose which connections are taken.",
                  questions=(MODE, PROXIES, HEADER),
                  confirm=_insisting(_with_mode), act=_edit(_with_mode)),
    ),
)  # fmt: skip
ADMINACCESSCONFIG: Final[Command[SettingsDraft]] = Command(
    name="adminaccessconfig", purpose="Configure from where administrators may come",
    commit=Commit.NEEDED,
    menu=Menu(
        operations=(
            Operation(name="BANNER", purpose="Set what is shown before anybody logs in.",
                      questions=(BANNER,), act=_set_banner),
            Operation(name="IPACCESS", purpose="Configure the addresses that may connect.",
                      menu=IPACCESS),
            Operation(name="TIMEOUT", purpose="Set after how long idle sessions end.",
                      questions=TIMEOUT, act=_set_timeout),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (ADMINACCESSCONFIG,)
