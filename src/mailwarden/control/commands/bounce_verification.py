"""`bvconfig`: bounce verification (mailflow 7.6). Its keys take effect without a commit."""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.commands.answered import defaults_of, put_answers
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.switched_off import off_note
from mailwarden.control.commands.words import date_of, refused_as_told
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
    Shown,
)
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Confirm, Option, Secret
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.control.operations import tag_keys
from mailwarden.control.operations.tag_keys import COMMIT, Keys, RunningKey
from mailwarden.core.features import Feature
from mailwarden.core.mail.bounce_tag import Purge
from mailwarden.core.policy.bounce_keys import parse_secret
from mailwarden.core.policy.bounce_verification import (
    BounceVerificationSettings,
    InvalidBounceAction,
)

SECTION: Final = "bounce_verification"


def _present(scope: Settings) -> Mapping[str, Any]:
    return scope.draft.section(SECTION)


def _read_key(text: str) -> str:
    return parse_secret(text).decode("ascii")


KEY: Final = Secret(
    key="key", of=_read_key, is_new=True, default="",
    prompt="Enter the key to tag outgoing mail with; an empty line makes a new one.",
)  # fmt: skip
UNUSED: Final = Choice[Purge](
    key="unused", place=Place.WORD,
    prompt="Choose which keys to purge; the current one always stays.",
    options=(
        Option("month", Purge.MONTH, "Keys not used in the last month."),
        Option("three-months", Purge.THREE_MONTHS, "Keys not used in the last three months."),
        Option("six-months", Purge.SIX_MONTHS, "Keys not used in the last six months."),
        Option("year", Purge.YEAR, "Keys not used in the last year."),
        Option("all", Purge.ALL, "All keys but the current one."),
    ),
)  # fmt: skip
ENABLED: Final = ask_setting(
    BounceVerificationSettings, "enabled", present=_present,
    prompt="Do you want senders to be tagged and bounces to be verified?",
)  # fmt: skip
ACTION: Final = ask_setting(
    BounceVerificationSettings, "action", present=_present,
    prompt="What should be done with bounces that are not of our mail?",
)  # fmt: skip


def _adds_header(scope: Settings) -> bool:
    return bool(scope[ACTION] == InvalidBounceAction.ADD_HEADER.value)


HEADER_NAME: Final = ask_setting(
    BounceVerificationSettings, "header_name", present=_present, when=_adds_header,
    prompt="Enter the name of the header field that marks them.",
)  # fmt: skip
HEADER_VALUE: Final = ask_setting(
    BounceVerificationSettings, "header_value", present=_present, when=_adds_header,
    prompt="Enter its value.",
)  # fmt: skip
EXCEPTIONS: Final = ask_setting(
    BounceVerificationSettings, "smart_exceptions", present=_present,
    prompt="Do you want answers of programs to be let through?",
)  # fmt: skip


async def _assign(scope: Settings) -> Shown:
    with refused_as_told():
        return _told(await tag_keys.assign_key(scope.draft.desk, scope[KEY]))


async def _purge(scope: Settings) -> Shown:
    with refused_as_told():
        return _told(await tag_keys.purge_keys(scope.draft.desk, scope[UNUSED]))


async def _clear(scope: Settings) -> Shown:
    with refused_as_told():
        return _told(await tag_keys.clear_keys(scope.draft.desk))


def _told(keys: Keys) -> Shown:
    done = f"{keys.done[:1].upper()}{keys.done[1:]}." if keys.done else "There was nothing to do."
    data = {
        "keys": [
            {
                "digit": key.digit,
                "fingerprint": key.fingerprint,
                "since": key.since,
                "replaced_at": key.replaced_at,
                "used_at": key.used_at,
            }
            for key in keys.keys
        ],
        "changed": bool(keys.done),
    }
    return Shown(done, data)


def _set_up(scope: Settings) -> str:
    asked = [each for each in SETTINGS if scope.has(each)]
    put_answers(scope, (SECTION,), asked, defaults_of(BounceVerificationSettings))
    return "The settings of bounce verification are set."


async def _summary(scope: Settings) -> str:
    held = {**defaults_of(BounceVerificationSettings), **_present(scope)}
    adds = held["action"] == InvalidBounceAction.ADD_HEADER.value
    behavior = f"header {held['header_name']}: {held['header_value']}" if adds else "reject"
    off = off_note(scope, Feature.BOUNCE_VERIFICATION)
    lines = [f"{off}Behavior on invalid bounces: {behavior if held['enabled'] else 'off'}"]
    try:
        with refused_as_told():
            keys = (await tag_keys.list_keys(scope.draft.desk)).keys
    except RefusedError as error:
        return "\n".join((*lines, f"The keys cannot be shown: {error}"))
    if not keys:
        return "\n".join((*lines, "There are no keys; KEY makes one."))
    return "\n".join((*lines, "Keys:", *map(_line, keys)))


def _line(key: RunningKey) -> str:
    if key.replaced_at is None:
        state = "for outgoing mail"
    elif key.used_at is None:
        state = f"replaced {date_of(key.replaced_at)}"
    else:
        state = f"replaced, last in use {date_of(key.used_at)}"
    return f"  {key.digit}. {key.fingerprint} ({state})"


SETTINGS: Final = (ENABLED, ACTION, HEADER_NAME, HEADER_VALUE, EXCEPTIONS)
BVCONFIG: Final[Command[SettingsDraft]] = Command(
    name="bvconfig", purpose="Configure bounce verification", commit=Commit.NEEDED,
    menu=Menu(summary=_summary, operations=(
        Operation(name="KEY", purpose="Assign a new key for tagging outgoing mail, at once.",
                  permission=COMMIT, questions=(KEY,), act=_assign),
        Operation(name="PURGE", purpose="Purge keys no longer needed, at once.",
                  permission=COMMIT, questions=(UNUSED,), act=_purge),
        Operation(name="CLEAR", purpose="Clear all keys including the current one, at once.",
                  permission=COMMIT, act=_clear,
                  confirm=Confirm(key="sure",
                                  prompt="Are you sure you want to clear all keys?")),
        Operation(name="SETUP", purpose="Set how invalid bounces are handled.",
                  questions=SETTINGS, act=_set_up),
    )),
)  # fmt: skip

COMMANDS: Final = (BVCONFIG,)
