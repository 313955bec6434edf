"""`grep`, `tail`, `findevent`: what the logs say (admin 1.6.5)."""

from enum import Enum
from typing import Any, Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.queue_selection import MID_MAX
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Number, Option, Text, YesNo
from mailwarden.control.operations import logs
from mailwarden.control.operations.linear_pattern import compile_pattern
from mailwarden.control.operations.log_search import Wanted

LINES_MAX: Final = 20_000  # that are shown of a search
LETTERS_MAX: Final = 4 * 1024 * 1024
TAIL_LINES: Final = 10
MESSAGES_SHOWN: Final = 20


class By(Enum):
    """What `findevent` looks for."""

    SENDER = "from"
    MID = "mid"
    SUBJECT = "subject"
    RECIPIENT = "to"


def _check_pattern(text: str) -> str:
    compile_pattern(text)
    return text


def _part(text: str) -> str:
    part = text.strip()
    if not part:
        raise ValueError("a part of an address or subject is needed")
    return part


def _options(scope: Settings) -> list[Option[str]]:
    return [Option(name, name, f'"{name}"') for name in logs.names(scope.draft.desk)]


LOG: Final = Choice[str](
    key="log", prompt="Enter the number or the name of the log.", options_from=_options,
    default_from=lambda scope: next(iter(logs.names(scope.draft.desk)), ""), place=Place.WORD,
    form="name of a log",
)  # fmt: skip
PATTERN: Final = Text(
    key="pattern", prompt="Enter the regular expression to grep.", of=_check_pattern,
    place=Place.WORD, form="a regular expression (RE2)",
)  # fmt: skip
IGNORE_CASE: Final = YesNo(
    key="ignore_case", prompt="Do you want this search to be case insensitive?", default=True
)  # fmt: skip
INVERT: Final = YesNo(
    key="invert", prompt="Do you want to search for non-matching lines?", default=False
)  # fmt: skip
LINES: Final = Number(
    key="lines", prompt="How many lines first?", doc="lines of the end that are shown first",
    default=TAIL_LINES, minimum=0, maximum=1000, is_asked=False,
)  # fmt: skip
FOLLOW: Final = YesNo(
    key="follow", prompt="Go on until Ctrl-C?", doc="whether to go on until Ctrl-C", default=True,
    is_asked=False,
)  # fmt: skip
BY: Final = Choice[By](
    key="by", prompt="Please choose which type of search you want to perform:", place=Place.WORD,
    default=By.SENDER,
    options=(
        Option(By.SENDER.value, By.SENDER, "Search by envelope FROM"),
        Option(By.MID.value, By.MID, "Search by Message ID"),
        Option(By.SUBJECT.value, By.SUBJECT, "Search by Subject"),
        Option(By.RECIPIENT.value, By.RECIPIENT, "Search by envelope TO"),
    ),
)  # fmt: skip
TEXT: Final = Text(
    key="text", prompt="Enter a part of it to search for, in any case.", of=_part,
    place=Place.WORD, form="a part of an address or subject",
    when=lambda scope: scope[BY] is not By.MID,
)  # fmt: skip
EVENT_MID: Final = Number(
    key="mid", prompt="Enter the Message ID to search for.", minimum=1, maximum=MID_MAX,
    place=Place.WORD, when=lambda scope: scope[BY] is By.MID,
)  # fmt: skip
FILES: Final = Choice[bool](
    key="files", prompt="Please choose which set of logs to search:", default=False,
    options=(
        Option("all", value=False, text="All available log files"),
        Option("current", value=True, text="Current log file"),
    ),
)  # fmt: skip
LIMIT: Final = Number(
    key="limit", prompt="How many messages?", doc="messages shown, the latest ones",
    default=MESSAGES_SHOWN, minimum=1, maximum=1000, is_asked=False,
)  # fmt: skip


async def _grep(scope: Settings) -> Shown:
    search = compile_pattern(scope[PATTERN], ignore_case=scope[IGNORE_CASE])
    found: list[str] = []
    room = LETTERS_MAX
    is_more = False
    with refused_as_told():
        async for block in logs.grep(scope.draft.desk, scope[LOG], search, invert=scope[INVERT]):
            for line in block:
                room -= len(line)
                if len(found) >= LINES_MAX or room < 0:
                    is_more = True
                    break
                found.append(line.decode("utf-8", "replace"))
            if is_more:
                break
    lines = found or ["No line matches."]
    if is_more:
        lines = [*found, f"More than {count_of(len(found), 'line')} match; these are the first."]
    return Shown("\n".join(lines), {"lines": found, "is_more": is_more})


async def _tail(scope: Settings) -> Shown | None:
    if scope[FOLLOW]:
        scope.say("Press Ctrl-C to stop.")
        await scope.drain()
    shown: list[str] = []
    with refused_as_told():
        async for block in logs.tail(
            scope.draft.desk, scope[LOG], scope[LINES], follow=scope[FOLLOW]
        ):
            lines = [line.decode("utf-8", "replace").rstrip("\r") for line in block]
            if not scope[FOLLOW]:
                shown = lines
            elif lines:
                scope.say("\n".join(lines))
                await scope.drain()
    return Shown("\n".join(shown), {"lines": shown})


async def _find_event(scope: Settings) -> Shown:
    desk, text = scope.draft.desk, scope.get(TEXT)
    wanted = Wanted(
        sender=text if scope[BY] is By.SENDER else None,
        recipient=text if scope[BY] is By.RECIPIENT else None,
        subject=text if scope[BY] is By.SUBJECT else None,
        mid=scope.get(EVENT_MID),
    )
    with refused_as_told():
        found = await logs.find_event(desk, wanted, scope[LIMIT], only_current=scope[FILES])
    data: list[dict[str, Any]] = [{"mid": mid, "lines": lines} for mid, lines in found.items()]
    if not found:
        return Shown("No matching message IDs were found.", data)
    parts = ["\n".join([f"MID {mid}", *lines]) for mid, lines in found.items()]
    return Shown("\n\n".join([*parts, f"{count_of(len(found), 'message')} found."]), data)


GREP: Final[Command[SettingsDraft]] = Command(
    name="grep", purpose="Search a log with a regular expression", where=Where.LOGIN_HOST,
    questions=(PATTERN, LOG, IGNORE_CASE, INVERT), act=_grep,
)  # fmt: skip
TAIL: Final[Command[SettingsDraft]] = Command(
    name="tail", purpose="Show the end of a log, and what is added to it",
    where=Where.LOGIN_HOST, questions=(LOG, LINES, FOLLOW), act=_tail, ends_by_interrupt=True,
)  # fmt: skip
FINDEVENT: Final[Command[SettingsDraft]] = Command(
    name="findevent", purpose="Find what the mail log says of messages",
    where=Where.LOGIN_HOST, questions=(BY, TEXT, EVENT_MID, FILES, LIMIT), act=_find_event,
)  # fmt: skip

COMMANDS: Final = (GREP, TAIL, FINDEVENT)
