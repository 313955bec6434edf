"""`logconfig` and `rollovernow`: what is logged, and new files of it (admin 1.6.3, SYS-43)."""

from typing import Any, Final

from mailwarden.control.commands.answered import put_answers
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.config.shape import fields_of
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    Shown,
    Where,
)
from mailwarden.control.dialogue.question import Place, Question
from mailwarden.control.dialogue.questions import Choice, Option, Text, read_list, write_list
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.control.operations import logs
from mailwarden.core.patterns import parse_field_name
from mailwarden.system.log.escape import escape
from mailwarden.system.log.settings import LogSettings

SECTION: Final = "logs"
HEADERS: Final = "headers"
ALL: Final = "all"
NONE: Final = "none"


def _present(scope: Settings) -> dict[str, Any]:
    return dict(scope.draft.section(SECTION))


def _ask(name: str, prompt: str) -> Question[Any]:
    return ask_setting(LogSettings, name, present=_present, prompt=prompt)


def _headers_of(text: str) -> list[str]:
    word = text.strip()
    return [] if word.casefold() == NONE else list(read_list(parse_field_name)(word))


SETUP: Final = (
    _ask("level", "Log level:"),
    _ask("text", "Do you want mail.log, in the classic form?"),
    _ask("json", "Do you want mail.json, with the same as JSON?"),
    _ask("bounces", "Do you want bounces.log, with bounced and delayed recipients?"),
    _ask("syslog", "Socket of a syslog daemon on this machine that gets the lines of mail.log:"),
    _ask("rotate_size_bytes", "Size at which a new file is begun; 0 is never:"),
    _ask("rotate_interval_seconds", "Time after which a new file is begun; 0 is never:"),
    _ask("keep_files", "Old files kept of each log:"),
)  # fmt: skip
LOGGED: Final = Text[list[str]](
    key=HEADERS, place=Place.WORD, of=_headers_of,
    as_text=lambda names: write_list(names) or NONE,
    prompt='Enter the header fields to log, with commas between them, or "none".',
    default_from=lambda scope: [str(each) for each in scope.draft.members(SECTION, HEADERS)],
    form=f"names of header fields with commas, or {NONE}",
)  # fmt: skip
LOG: Final = Choice[str](
    key="log", prompt="Which log do you want to roll over?", place=Place.WORD, default="",
    options_from=lambda scope: [
        Option(ALL, "", "All logs"), *(Option(n, n) for n in logs.written(scope.draft.desk))
    ],
    form=f"name of a log, or {ALL}",
)  # fmt: skip


def _summary(scope: Settings) -> str:
    held = _present(scope)
    names = {"text": "mail.log", "json": "mail.json", "bounces": "bounces.log"}
    standing = {name: fields_of(LogSettings)[name].default() for name in names}
    written = [file for name, file in names.items() if held.get(name, standing[name])]
    headers = write_list(scope.draft.members(SECTION, HEADERS))
    lines = ["Currently configured logs:"]
    lines += [f"{number}. {file}" for number, file in enumerate(written, 1)]
    return "\n".join([*lines, f"Header fields that are logged: {headers or NONE}"])


def _set_up(scope: Settings) -> None:
    standing = {each.key: fields_of(LogSettings)[each.key].default() for each in SETUP}
    standing["level"] = LogSettings().level.value
    put_answers(scope, (SECTION,), SETUP, standing)


def _log_headers(scope: Settings) -> None:
    if scope[LOGGED]:
        scope.draft.put(SECTION, HEADERS, value=[*scope[LOGGED]])
    elif scope.draft.has(SECTION, HEADERS):
        scope.draft.remove(SECTION, HEADERS)


def _host_keys(scope: Settings) -> Shown:
    keys = [escape(line) for line in scope.draft.desk.administration.host_keys()]
    text = "\n".join(keys) or "There are none: they are made when SSH is used for the first time."
    return Shown(text, keys)


async def _roll_over(scope: Settings) -> Shown:
    with refused_as_told():
        moved = await logs.roll_over(scope.draft.desk, scope[LOG])
    return Shown(f"Log files successfully rolled over: {write_list(moved)}.", {"logs": moved})


LOGCONFIG: Final[Command[SettingsDraft]] = Command(
    name="logconfig", purpose="Configure the logs", commit=Commit.NEEDED,
    menu=Menu(
        summary=_summary,
        operations=(
            Operation(name="SETUP", purpose="General settings.", questions=SETUP, act=_set_up),
            Operation(name="LOGHEADERS", purpose="Configure the header fields to log.",
                      questions=(LOGGED,), act=_log_headers),
            Operation(
                name="HOSTKEYCONFIG", purpose="SSH host keys.",
                menu=Menu(
                    operations=(
                        Operation(name="FINGERPRINT", act=_host_keys,
                                  purpose="Display the fingerprints of our own host keys."),
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip
ROLLOVERNOW: Final[Command[SettingsDraft]] = Command(
    name="rollovernow", purpose="Begin new log files", where=Where.MACHINE, questions=(LOG,),
    act=_roll_over,
)  # fmt: skip

COMMANDS: Final = (LOGCONFIG, ROLLOVERNOW)
