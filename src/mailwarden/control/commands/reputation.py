"""`senderbaseconfig` and `sbstatus`: where the scores of hosts come from, and whether they come."""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.answers.table import render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.listener_words import parse_new_name
from mailwarden.control.commands.settings_form import store_answers
from mailwarden.control.commands.switched_off import off_note
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Option, Text
from mailwarden.control.dialogue.setting_questions import ask_settings
from mailwarden.control.operations import host_checks
from mailwarden.core.features import Feature
from mailwarden.services.engines.reputation.settings import (
    FeedSettings,
    HistorySettings,
    ReputationSettings,
)

REPUTATION: Final = "reputation"
FEEDS: Final = "feeds"
_PATH: Final = (REPUTATION, FEEDS)


def _feeds(scope: Settings) -> list[str]:
    return [str(each.get("name")) for each in scope.draft.members(*_PATH)]


def _has_feeds(scope: Settings) -> bool:
    return bool(_feeds(scope))


def _held(scope: Settings) -> Mapping[str, Any]:
    return scope.draft.section(*_PATH, scope[FEED]) if scope.has(FEED) else {}


def _check_new(scope: Settings, name: str) -> None:
    if name in _feeds(scope):
        raise ValueError(f"there is a feed {name} already; EDIT changes it")


FEED: Final = Choice[str](
    key="feed", prompt="Enter the name or number of the feed.", place=Place.WORD,
    options_from=lambda scope: [Option(name, name) for name in _feeds(scope)], form="a feed",
)  # fmt: skip
NEW_FEED: Final = Text(
    key="name", prompt="Enter a name for the feed.", of=parse_new_name, check=_check_new,
    place=Place.WORD, form="a name",
)  # fmt: skip
FEED_DETAILS: Final = ask_settings(
    FeedSettings, ("path", "key_file", "check_seconds"), present=_held
)
GENERAL: Final = ask_settings(
    ReputationSettings, ("order", "cache_seconds", "cache_entries_max"),
    present=lambda scope: scope.draft.section(REPUTATION),
)  # fmt: skip
HISTORY: Final = ask_settings(
    HistorySettings, ("memory_days", "addresses_max", "save_seconds"),
    present=lambda scope: scope.draft.section(REPUTATION, "history"),
)  # fmt: skip


def _set_up(scope: Settings) -> None:
    store_answers(scope, ReputationSettings, GENERAL, REPUTATION)
    store_answers(scope, HistorySettings, HISTORY, REPUTATION, "history")


def _add(scope: Settings) -> str:
    scope.draft.insert(*_PATH, value={"name": scope[NEW_FEED]})
    for each in FEED_DETAILS:
        if scope[each] != each.default_in(scope):
            scope.draft.put(*_PATH, scope[NEW_FEED], each.key, value=scope[each])
    return f"Feed {scope[NEW_FEED]} is added."


def _edit(scope: Settings) -> None:
    store_answers(scope, FeedSettings, FEED_DETAILS, *_PATH, scope[FEED])


def _remove(scope: Settings) -> str:
    scope.draft.remove(*_PATH, scope[FEED])
    return f"Feed {scope[FEED]} is removed."


def _print(scope: Settings) -> Shown:
    feeds = [dict(each) for each in scope.draft.members(*_PATH)]
    rows = [[each.get("name"), each.get("path"), each.get("key_file")] for each in feeds]
    return Shown("\n".join(render_table(["Feed", "File", "Key"], rows)), feeds)


async def _status(scope: Settings) -> Shown:
    with refused_as_told():
        providers = await host_checks.reputation_health(scope.draft.desk)
    rows = [
        [each["name"], "Up" if each["is_well"] else "Down", each["detail"]] for each in providers
    ]
    text = "\n".join(render_table(["Source of scores", "Status", ""], rows))
    return Shown(text if rows else "No scores are asked for.", {"providers": providers})


FEEDS_MENU: Final[Menu[SettingsDraft]] = Menu(
    operations=(
        Operation(name="NEW", purpose="Add a feed.", act=_add, questions=(NEW_FEED, *FEED_DETAILS)),
        Operation(name="EDIT", purpose="Modify a feed.", act=_edit, when=_has_feeds,
                  questions=(FEED, *FEED_DETAILS)),
        Operation(name="DELETE", purpose="Remove a feed.", act=_remove, when=_has_feeds,
                  questions=(FEED,)),
        Operation(name="PRINT", purpose="Display all feeds.", act=_print, when=_has_feeds),
    ),
)  # fmt: skip
SENDERBASECONFIG: Final[Command[SettingsDraft]] = Command(
    name="senderbaseconfig", purpose="Configure where the scores of hosts come from",
    commit=Commit.NEEDED,
    menu=Menu(
        summary=lambda scope: off_note(scope, Feature.REPUTATION)
        + f"Feeds: {', '.join(_feeds(scope)) or 'none'}",
        operations=(
            Operation(name="SETUP", purpose="Configure reputation.",
                      questions=(*GENERAL, *HISTORY), act=_set_up),
            Operation(name="FEEDS", purpose="Configure signed files of scores.", menu=FEEDS_MENU),
        ),
    ),
)  # fmt: skip
SBSTATUS: Final[Command[SettingsDraft]] = Command(
    name="sbstatus", purpose="Show whether scores of hosts can be had", where=Where.MACHINE,
    act=_status,
)  # fmt: skip

COMMANDS: Final = (SENDERBASECONFIG, SBSTATUS)
