"""Feature switches: seen, set, and key files taken over (admin 7). Nothing waits for a commit."""

import datetime as dt
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from mailwarden.control.config.features import uses_of
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.core.features import Feature
from mailwarden.services.features.features import FeatureError, Habits, Pending
from mailwarden.services.features.key import Key, State
from mailwarden.services.features.row import Row

T = TypeVar("T")
COMMAND: Final = "featurekey"
HABITS: Final = "featurekeyconfig"


class FeatureList(NamedTuple):
    """All that is known of switches."""

    rows: Sequence[Row]
    pending: Sequence[Pending]
    faults: Mapping[str, str]  # by key file; "" is all of them
    habits: Habits


def list_features(desk: Desk) -> FeatureList:
    """Return all switches, and what is about key files."""
    desk.require(COMMAND)
    features = desk.administration.features
    return FeatureList(features.rows(), features.pending(), features.faults(), features.habits())


def uses(desk: Desk, feature: Feature) -> list[str]:
    """Return the settings in force that use a feature (KEY-06)."""
    return uses_of(desk.administration.config, feature)


async def check_now(desk: Desk) -> FeatureList:
    """Look at the key files now; return what is known then.

    Raises:
        RefusedOperationError: they cannot be read.
    """
    desk.require(COMMAND)
    await _refused(desk.administration.features.check_now())
    desk.record(f"{COMMAND} checknow", "")
    return list_features(desk)


async def switch(
    desk: Desk, feature: Feature, state: State, *, expires: dt.date | None = None, note: str = ""
) -> Row:
    """Set a switch; return what came of it.

    Raises:
        RefusedOperationError: a key file decides, or it would be over already.
    """
    desk.require(COMMAND)
    switching = desk.administration.features.switch(
        feature.value, state, desk.actor.user, expires=expires, note=note
    )
    row = await _refused(switching)
    desk.record(f"{COMMAND} activate", describe(Key(feature.value, state, expires, note)))
    return row


async def reset(desk: Desk, feature: Feature) -> Row:
    """Let a feature be as if no administrator had set it; return what came of it.

    Raises:
        RefusedOperationError: a key file decides.
    """
    desk.require(COMMAND)
    row = await _refused(desk.administration.features.reset(feature.value, desk.actor.user))
    desk.record(f"{COMMAND} activate", f"{feature.value} as by default")
    return row


async def take_over(desk: Desk, file: str) -> None:
    """Let count what a pending key file says.

    Raises:
        RefusedOperationError: there is no such file.
    """
    desk.require(COMMAND)
    pending = {each.file: each for each in desk.administration.features.pending()}
    await _refused(desk.administration.features.take_over(file))
    desk.record(f"{COMMAND} activate", f"key file {file}: {describe(pending[file].key)}")


async def set_habits(desk: Desk, habits: Habits) -> None:
    """Set what is done with key files by itself.

    Raises:
        RefusedOperationError: it cannot be kept.
    """
    desk.require(HABITS)
    await _refused(desk.administration.features.set_habits(habits))
    words = [("check", habits.checks), ("apply", habits.applies)]
    done = [f"{word} {'automatically' if is_on else 'on demand'}" for word, is_on in words]
    desk.record(HABITS, ", ".join(done))


def describe(key: Key | None) -> str:
    """Return what a key file says, in words; None is one that is gone."""
    if key is None:
        return "taken away"
    until = f" until {key.expires}" if key.expires else ""
    note = f" ({key.note})" if key.note else ""
    return f"{key.feature} {key.state.value}{until}{note}"


async def _refused(work: Awaitable[T]) -> T:
    try:
        return await work
    except FeatureError as error:
        raise RefusedOperationError(str(error)) from error
