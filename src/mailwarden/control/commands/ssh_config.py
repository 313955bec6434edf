"""`sshconfig`: keys that users log in with, and the settings of the SSH server (ACC-06)."""

from typing import Any, Final

from mailwarden.control.commands import people
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.people import USER
from mailwarden.control.config.shape import fields_of
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
    Shown,
    Where,
)
from mailwarden.control.dialogue.questions import Choice, Confirm, Lines, Option
from mailwarden.control.dialogue.setting_questions import ask_settings
from mailwarden.core.access.roles import ADMIN
from mailwarden.core.access.ssh_key import PublicKey, parse_public_key
from mailwarden.core.access.ssh_settings import SshSettings
from mailwarden.core.access.users import KEYS_MAX, parse_key
from mailwarden.system.log.escape import escape

SECTION: Final = ("management", "ssh")
KEYS: Final = "ssh_keys"


def _whose(scope: Settings) -> str:
    """Return the user whose keys are edited: who was chosen, or else the administrator."""
    return scope.get(USER) or scope.draft.desk.actor.user


def _keys(scope: Settings) -> list[str]:
    return [str(each) for each in people.user(scope.draft, _whose(scope)).get(KEYS) or ()]


def _has_keys(scope: Settings) -> bool:
    return bool(_keys(scope))


def _line(key: PublicKey) -> str:
    return f"{key.type} {key.bits} {key.fingerprint} {escape(key.comment)}".rstrip()


def _check_new(scope: Settings, text: str) -> None:
    key, fips = parse_public_key(text), scope.draft.desk.administration.facts.fips
    if not key.is_allowed(is_fips=fips):
        raise ValueError(f"keys of the type {key.type} are not taken in FIPS mode")
    if any(parse_public_key(each).blob == key.blob for each in _keys(scope)):
        raise ValueError("that key is there already")
    if len(_keys(scope)) >= KEYS_MAX:
        raise ValueError(f"a user has at most {KEYS_MAX} keys")


NEW_KEY: Final = Lines(
    key="key", of=parse_key, check=_check_new, form="a public key",
    prompt="Enter the public key, in the form of OpenSSH or of RFC 4716.",
)  # fmt: skip
KEY: Final = Choice[str](
    key="key", prompt="Choose the key.", form="a key of the user",
    options_from=lambda scope: [
        Option(each, each, _line(parse_public_key(each))) for each in _keys(scope)
    ],
)  # fmt: skip
ALGORITHMS: Final = ask_settings(
    SshSettings, fields_of(SshSettings), present=lambda scope: scope.draft.section(*SECTION)
)


def _add(scope: Settings) -> str:
    _put(scope, [*_keys(scope), scope[NEW_KEY]])
    return f"Key {parse_public_key(scope[NEW_KEY]).fingerprint} of {_whose(scope)} added."


def _remove(scope: Settings) -> None:
    _put(scope, [each for each in _keys(scope) if each != scope[KEY]])


def _put(scope: Settings, keys: list[str]) -> None:
    user, actor = _whose(scope), scope.draft.desk.actor
    if user == ADMIN and not actor.rights.is_admin:
        raise RefusedError(f"The keys of {ADMIN} are for {ADMIN} alone to change.")
    if not people.user(scope.draft, user):
        raise RefusedError(f"{user} is not a local user.")
    people.set_user(scope.draft, user, {KEYS: keys})


def _print(scope: Settings) -> Shown:
    found = [parse_public_key(each) for each in _keys(scope)]
    lines = [f"{place}. {_line(each)}" for place, each in enumerate(found, start=1)]
    data = [
        {"type": each.type, "bits": each.bits, "fingerprint": each.fingerprint,
         "comment": each.comment, "key": str(each)}
        for each in found
    ]  # fmt: skip
    return Shown("\n".join(lines) or "There are no keys.", data)


def _set_up(scope: Settings) -> None:
    values: dict[str, Any] = {each.key: scope[each] for each in ALGORITHMS}
    scope.draft.put(*SECTION, value={**scope.draft.section(*SECTION), **values})


def _summary(scope: Settings) -> str:
    return f"Keys of {_whose(scope)}: {len(_keys(scope))}."


def _is_local(scope: Settings) -> bool:
    return scope.get(USER) is not None or scope.draft.desk.actor.is_local


_OF_ONE: Final[tuple[Operation[SettingsDraft], ...]] = (
    Operation(name="NEW", purpose="Add a key.", when=_is_local, questions=(NEW_KEY,), act=_add),
    Operation(name="DELETE", purpose="Remove a key.",
              when=lambda scope: _is_local(scope) and _has_keys(scope),
              questions=(KEY,), act=_remove,
              confirm=Confirm(key="sure", prompt="Are you sure you want to remove this key?")),
    Operation(name="PRINT", purpose="Show the keys.", when=_is_local, act=_print),
)  # fmt: skip
SSHCONFIG: Final[Command[SettingsDraft]] = Command(
    name="sshconfig", purpose="Configure SSH keys and the SSH server",
    commit=Commit.NEEDED, where=Where.CLUSTER, has_batch=False,
    menu=Menu(
        summary=_summary,
        operations=(
            *_OF_ONE,
            Operation(name="USER", purpose="Edit the keys of another user.", questions=(USER,),
                      menu=Menu(summary=_summary, operations=_OF_ONE)),
            Operation(name="SETUP", purpose="Configure algorithms and limits of the server.",
                      questions=ALGORITHMS, act=_set_up),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (SSHCONFIG,)
