"""`featurekey` and `featurekeyconfig`: feature switches (admin 7). They take effect at once."""

import datetime as dt
import time
from enum import Enum
from typing import Any, Final

from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Menu, Operation, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Confirm, Option, Text, YesNo
from mailwarden.control.operations import feature_switches
from mailwarden.control.operations.feature_switches import describe, list_features
from mailwarden.core.features import Feature
from mailwarden.services.features.features import NOTE, Features, Habits, feature_of, read_entry
from mailwarden.services.features.folder import SUFFIX
from mailwarden.services.features.key import NOTE_LENGTH_MAX, Key, State, make_key, parse_day
from mailwarden.services.features.row import PERPETUAL, Row
from mailwarden.system.log.escape import escape

HEADS: Final = ("Feature", "Status", "Since (GMT)", "By", "Expires", "Note")

What = Key | Feature | str  # a switch as text, a feature, or a pending key file


class Wish(Enum):
    """What a feature is to be."""

    ACTIVE = "active"
    DORMANT = "dormant"
    DEFAULT = "default"  # as if nobody had set it


def _features(scope: Settings) -> Features:
    return scope.draft.desk.administration.features


def _read_what(text: str) -> What:
    word = text.strip()
    if word.startswith("{"):
        return read_entry(word)
    return word if word.endswith(SUFFIX) else feature_of(word.lower())


def _write_what(what: What) -> str:
    match what:
        case Feature():
            return what.value
        case Key():
            return what.feature
        case _:
            return what


def _check_what(scope: Settings, what: What) -> None:
    if isinstance(what, str) and what not in [each.file for each in _features(scope).pending()]:
        raise ValueError(f"there is no pending key file {what[:80]!r}")


def _names_feature(scope: Settings) -> bool:
    return isinstance(scope[WHAT], Feature)


def _present(scope: Settings) -> Wish:
    what = scope[WHAT]
    assert isinstance(what, Feature)  # else it is not asked
    return Wish.ACTIVE if _features(scope).is_active(what) else Wish.DORMANT


def _read_note(text: str) -> str:
    note = text.strip()
    make_key("note", State.ACTIVE, None, note)  # raises what is wrong with it
    return note


WHAT: Final = Text[What](
    key="key", place=Place.WORD, of=_read_what, as_text=_write_what, check=_check_what,
    prompt="Enter a switch as it stands in a key file, the name of a feature, or that of a pending "
    "key file.",
    form="a switch, a feature, or a pending key file",
)  # fmt: skip
WISH: Final = Choice[Wish](
    key="state", prompt="What is the feature to be?", when=_names_feature, default_from=_present,
    options=(
        Option("active", Wish.ACTIVE, "Active"),
        Option("dormant", Wish.DORMANT, "Dormant"),
        Option("default", Wish.DEFAULT, "As if nobody had set it"),
    ),
)  # fmt: skip
EXPIRES: Final = Text[dt.date | None](
    key="expires", of=parse_day, as_text=str, default=None, none_word=PERPETUAL,
    prompt="Enter the last day on which it is active, such as 2011-02-09.", form="a day",
    when=lambda scope: _names_feature(scope) and scope[WISH] is Wish.ACTIVE,
)  # fmt: skip
WHY: Final = Text(
    key="note", of=_read_note, default="", form=f"up to {NOTE_LENGTH_MAX} letters",
    prompt="Enter a note for others, if you like.",
    when=lambda scope: _names_feature(scope) and scope[WISH] is not Wish.DEFAULT,
)  # fmt: skip


def _wanted(scope: Settings) -> Key | None:
    """Return the switch that was asked for; None takes one away."""
    what = scope[WHAT]
    if isinstance(what, Key):
        return what
    if isinstance(what, str):
        pending = {each.file: each.key for each in _features(scope).pending()}
        return pending.get(what)
    if scope[WISH] is Wish.DEFAULT:
        return None
    return Key(what.value, State(scope[WISH].value), scope.get(EXPIRES), scope.get(WHY) or "")


def _goes_off(scope: Settings) -> Feature | None:
    """Return the feature that would be switched off."""
    key = _wanted(scope)
    if key is None or key.state is not State.DORMANT:
        return None
    known = {each.value: each for each in Feature}
    return known.get(key.feature)  # a file may name one of another release


def _sure_of(scope: Settings) -> str:
    feature = _goes_off(scope)
    assert feature is not None  # else it is not asked
    uses = feature_switches.uses(scope.draft.desk, feature)
    if not uses:
        return f"Nothing in the configuration uses {feature.title}. Switch it off?"
    lines = [f"{feature.title} is used by:", *(f"  {escape(use)}" for use in uses)]
    return "\n".join([*lines, "Mail passes without it. Are you sure you want to switch it off?"])


SURE: Final = Confirm(
    key="sure", prompt=_sure_of, when=lambda scope: _goes_off(scope) is not None
)  # fmt: skip


async def _activate(scope: Settings) -> Shown:
    desk, what, key = scope.draft.desk, scope[WHAT], _wanted(scope)
    with refused_as_told():
        if isinstance(what, str):
            await feature_switches.take_over(desk, what)
            return Shown(f"{escape(what)} counts now: {escape(describe(key))}.", None)
        if key is None:
            assert isinstance(what, Feature)
            row = await feature_switches.reset(desk, what)
        else:
            row = await feature_switches.switch(
                desk, feature_of(key.feature), key.state, expires=key.expires, note=key.note
            )
    return Shown(f"{row.title} is {row.status.lower()}, {NOTE}.", row._asdict())


async def _check_now(scope: Settings) -> Shown:
    with refused_as_told():
        found = await feature_switches.check_now(scope.draft.desk)
    text = "All key files count."
    if found.pending:
        text = f"{count_of(len(found.pending), 'key file')} pending: ACTIVATE takes one over."
    data = {
        "features": [row._asdict() for row in found.rows],
        "pending": [{"file": each.file, "says": describe(each.key)} for each in found.pending],
        "faults": dict(found.faults),
        **found.habits._asdict(),
    }
    return Shown(text, data)


def _summary(scope: Settings) -> str:
    with refused_as_told():
        known = list_features(scope.draft.desk)
    lines = render_table(HEADS, [_cells(row) for row in known.rows])
    lines += ["", f"Note: {NOTE}."]
    if not known.habits.checks:
        lines.append("Key files are only looked at by CHECKNOW.")
    if known.pending:
        lines += ["", "Pending activation:"]
        lines += [f"  {escape(each.file)}: {escape(describe(each.key))}" for each in known.pending]
    if known.faults:
        lines += ["", "Key files that cannot be used:"]
        lines += [
            f"  {escape(file or 'all of them')}: {escape(why)}"
            for file, why in known.faults.items()
        ]
    return "\n".join(lines)


def _cells(row: Row) -> list[Any]:
    # Short, so that a row is a line.
    since = time.strftime("%Y-%m-%d %H:%M", time.gmtime(row.since)) if row.since else None
    left = "" if row.days_left is None else f", {count_of(row.days_left, 'day')}"
    return [row.name, row.status, since, row.by, f"{row.expires}{left}", row.note or None]


CHECKS: Final = YesNo(
    key="check", prompt="Are key files to be looked at automatically, once a minute?",
    default_from=lambda scope: _features(scope).habits().checks,
)  # fmt: skip
APPLIES: Final = YesNo(
    key="apply", default_from=lambda scope: _features(scope).habits().applies,
    prompt="Is what key files say to count automatically? If not, they wait for featurekey.",
)  # fmt: skip


async def _set_up(scope: Settings) -> None:
    with refused_as_told():
        await feature_switches.set_habits(
            scope.draft.desk, Habits(checks=scope[CHECKS], applies=scope[APPLIES])
        )


def _habits_summary(scope: Settings) -> str:
    habits = _features(scope).habits()
    words = [("looked at", habits.checks), ("applied", habits.applies)]
    return "\n".join(
        f"Key files are {what} {'automatically' if is_on else 'by featurekey only'}."
        for what, is_on in words
    )


FEATUREKEY: Final[Command[SettingsDraft]] = Command(
    name="featurekey", purpose="Show and set feature switches", where=Where.MACHINE,
    menu=Menu(
        summary=_summary,
        operations=(
            Operation(
                name="ACTIVATE", purpose="Set a switch, or take a pending key file over.",
                questions=(WHAT, WISH, EXPIRES, WHY), confirm=SURE, act=_activate,
            ),
            Operation(name="CHECKNOW", purpose="Look at the key files now.", act=_check_now),
        ),
    ),
)  # fmt: skip
FEATUREKEYCONFIG: Final[Command[SettingsDraft]] = Command(
    name="featurekeyconfig", purpose="Configure what is done with key files automatically",
    where=Where.MACHINE,
    menu=Menu(
        summary=_habits_summary,
        operations=(
            Operation(
                name="SETUP", purpose="Configure the automatic handling of key files.",
                questions=(CHECKS, APPLIES), act=_set_up,
            ),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (FEATUREKEY, FEATUREKEYCONFIG)
