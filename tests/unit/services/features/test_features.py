"""Feature switches over time: a simulated clock and a real folder."""

import datetime as dt
import json
from pathlib import Path

import pytest

from mailwarden.core.alerts import CRITICAL, INFORMATION, SYSTEM, WARNING, RecordedAlerts
from mailwarden.core.features import SWITCH, Feature, dormant_in, dormant_names
from mailwarden.services.features.features import (
    FeatureError,
    Features,
    Habits,
    Means,
    Pending,
)
from mailwarden.services.features.key import Key, State
from mailwarden.services.features.row import Row
from mailwarden.system.clock.clock import SimulatedClock

DAY = 86_400
TODAY = dt.date(2010, 11, 9)  # of the simulated clock


class World:
    """Switches of one gateway; `restart` gives those of its next process."""

    def __init__(self, folder: Path) -> None:
        self.base = folder
        self.folder = folder / "features.d"
        self.folder.mkdir(exist_ok=True)
        self.clock = SimulatedClock()
        self.alerts = RecordedAlerts()
        self.lines: list[str] = []
        self.published: list[list[str]] = []
        self.features = self._features()

    def _features(self) -> Features:
        return Features(
            self.folder,
            self.base / "features.json",
            Means(
                self.clock,
                self.alerts,
                self.lines.append,
                lambda dormant: self.published.append(dormant_names(dormant)),
            ),
        )

    async def restart(self) -> None:
        self.features = self._features()
        await self.features.load()

    def drop(self, name: str, feature: str = "dane", **parts: object) -> None:
        content = {"feature": feature, "state": "active", **parts}
        (self.folder / name).write_text(json.dumps(content))

    async def days(self, days: float) -> None:
        """Let time pass, with a look each half day."""
        for _ in range(int(days * 2)):
            self.clock.advance(DAY / 2)
            await self.features.poll()

    def told(self) -> list[tuple[str, str]]:
        """Return what people were told since they were asked last."""
        told = [(each.severity, each.text) for each in self.alerts.told]
        assert all(each.about == SYSTEM for each in self.alerts.told)
        self.alerts.told.clear()
        return told

    def row(self, name: str = "dane") -> Row:
        return next(row for row in self.features.rows() if row.name == name)


@pytest.fixture
async def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    await made.features.load()
    return made


async def test_key_02_every_feature_is_active_by_default(world: World) -> None:
    rows = world.features.rows()
    assert [row.name for row in rows] == [feature.value for feature in Feature]
    assert {(row.status, row.expires, row.by) for row in rows} == {
        ("Active", "Perpetual", "default")
    }
    assert set(world.features.snapshot().values()) == {True}
    assert (world.told(), world.published) == ([], [[]])


async def test_s_01_a_file_that_is_dropped_counts_at_the_next_look(world: World) -> None:
    await world.features.switch("dane", State.DORMANT, "ann")
    world.told()
    world.clock.advance(60)
    world.drop("trial.key", expires="2011-12-31", note="for a year")
    assert world.row().status == "Dormant"
    await world.features.poll()
    assert world.row() == Row(
        "dane", "DANE", "Active", world.clock.time(), "file trial.key", "2011-12-31", 418,
        "for a year",
    )  # fmt: skip
    assert world.told() == [(INFORMATION, "DANE is active until 2011-12-31, by file trial.key")]
    await world.features.poll()
    assert world.told() == []
    assert world.published == [[], ["dane"], []]


async def test_def_17_the_folder_is_looked_at_each_minute(world: World) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            world.drop("a.key", state="dormant")
        else:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await world.features.run(sleep)
    assert slept == [60, 60]
    assert world.published == [[], ["dane"]]


async def test_key_03_files_come_before_administrators_before_defaults(world: World) -> None:
    await world.features.switch("dane", State.DORMANT, "ann", note="while we look")
    assert world.row().by == "ann"
    world.drop("50.key", state="active")
    world.drop("60.key", state="dormant")
    await world.features.poll()
    assert (world.row().status, world.row().by) == ("Dormant", "file 60.key")
    with pytest.raises(FeatureError, match=r"the file 60.key decides about dane"):
        await world.features.switch("dane", State.ACTIVE, "ann")
    (world.folder / "60.key").unlink()
    await world.features.poll()
    assert (world.row().status, world.row().by) == ("Active", "file 50.key")
    (world.folder / "50.key").unlink()
    await world.features.poll()
    assert (world.row().status, world.row().by) == ("Dormant", "ann")
    await world.features.reset("dane", "bob")
    assert (world.row().status, world.row().by) == ("Active", "default")
    assert "Features: dane is as by default again, by bob" in world.lines


async def test_key_04_unknown_features_are_listed_and_ignored(world: World) -> None:
    world.drop("x.key", feature="anti_gravity", expires="2011-01-01")
    await world.features.poll()
    row = world.row("anti_gravity")
    assert (row.status, row.by, row.expires) == ("Unknown", "file x.key", "2011-01-01")
    assert "anti_gravity" not in world.features.snapshot()
    assert world.told() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "is no switch"),
        ('{"feature": "anti_gravity", "state": "active"}', "there is no feature 'anti_gravity'"),
        ('{"feature": "dane", "state": "active", "expires": "2010-11-08"}', "over already"),
        ("\ud800", "is no switch"),
    ],
)
async def test_key_04_a_wrong_entry_changes_nothing(world: World, text: str, message: str) -> None:
    before = world.features.rows()
    with pytest.raises(FeatureError, match=message):
        await world.features.enter(text, "ann")
    assert (world.features.rows(), world.told(), world.published) == (before, [], [[]])


async def test_a_right_entry_is_as_a_file(world: World) -> None:
    row = await world.features.enter('{"feature": "dane", "state": "dormant", "note": "x"}', "ann")
    assert (row.status, row.by, row.since, row.note) == ("Dormant", "ann", world.clock.time(), "x")
    assert world.told() == [(INFORMATION, "DANE is dormant, by ann")]
    await world.restart()
    assert world.row() == row
    assert world.told() == []


async def test_key_05_people_are_told_of_the_end_once_each_over_restarts(world: World) -> None:
    expires = TODAY + dt.timedelta(days=100)
    await world.features.switch("dane", State.ACTIVE, "ann", expires=expires)
    world.told()
    days: list[str] = []
    for _ in range(103):
        await world.days(1)
        await world.restart()
        days += [text for _, text in world.told()]
    assert days == [
        *(f"DANE expires in {n} days, on {expires}" for n in (90, 60, 30, 15, 5, 1)),
        f"DANE has expired on {expires}: it is switched off, mail passes without it",
    ]


async def test_s_13_an_expired_switch_is_off_with_one_critical_alert(world: World) -> None:
    world.drop("a.key", feature="reputation", expires=TODAY.isoformat())
    await world.features.poll()
    assert world.features.is_active(Feature.REPUTATION)
    world.told()
    await world.days(1)
    assert not world.features.is_active(Feature.REPUTATION)
    assert world.published[-1] == ["reputation"]
    assert [severity for severity, _ in world.told()] == [CRITICAL]
    assert (world.row("reputation").status, world.row("reputation").days_left) == ("Dormant", 0)
    await world.restart()
    await world.days(3)
    assert world.told() == []
    world.drop("a.key", feature="reputation", expires="2012-01-01")
    await world.features.poll()
    assert world.published[-1] == []
    assert world.told() == [
        (INFORMATION, "Reputation is active until 2012-01-01, by file a.key"),
    ]


async def test_a_key_that_expired_before_it_came_is_told_once(world: World) -> None:
    world.drop("a.key", expires="2010-01-01")
    await world.features.poll()
    assert [severity for severity, _ in world.told()] == [CRITICAL]
    await world.restart()
    assert world.told() == []


async def test_a_damaged_file_means_what_it_meant_before(world: World) -> None:
    world.drop("a.key", state="dormant")
    await world.features.poll()
    world.told()
    (world.folder / "a.key").write_bytes(b'{"feature": "dane", "sta')
    await world.features.poll()
    assert world.row().status == "Dormant"
    assert list(world.features.faults()) == ["a.key"]
    ((severity, text),) = world.told()
    assert severity == WARNING
    assert "a.key is no switch" in text
    await world.features.poll()
    assert world.told() == []
    (world.folder / "a.key").unlink()
    await world.features.poll()
    assert world.row().status == "Active"


async def test_a_damaged_file_means_what_it_meant_also_after_a_restart(world: World) -> None:
    world.drop("a.key", state="dormant")
    await world.features.poll()
    (world.folder / "a.key").write_bytes(b"{")
    await world.restart()
    assert (world.row().status, world.row().by) == ("Dormant", "file a.key")


async def test_key_01_without_checks_files_count_when_somebody_looks(world: World) -> None:
    await world.features.set_habits(Habits(checks=False, applies=True))
    world.drop("a.key", state="dormant")
    await world.features.poll()
    await world.restart()
    assert world.features.habits() == (False, True)
    assert (world.row().status, world.features.pending(), world.told()) == ("Active", [], [])
    await world.features.check_now()
    assert world.row().status == "Dormant"
    (world.folder / "a.key").unlink()
    await world.restart()
    assert world.row().status == "Dormant"  # what was seen last counts
    await world.features.set_habits(Habits(checks=True, applies=True))
    assert world.row().status == "Active"


async def test_s_13_a_switch_expires_also_without_checks(world: World) -> None:
    world.drop("a.key", expires=TODAY.isoformat())
    await world.features.poll()
    await world.features.set_habits(Habits(checks=False, applies=False))
    world.told()
    await world.days(1)
    assert world.published[-1] == ["dane"]
    assert [severity for severity, _ in world.told()] == [CRITICAL]


async def test_key_01_files_that_do_not_apply_by_themselves_are_pending(world: World) -> None:
    world.drop("a.key", state="active")
    await world.features.poll()
    await world.features.set_habits(Habits(checks=True, applies=False))
    world.told()
    world.drop("a.key", state="dormant")
    world.drop("b.key", feature="mta_sts", state="dormant")
    active, dormant = Key("dane", State.ACTIVE), Key("dane", State.DORMANT)
    other = Key("mta_sts", State.DORMANT)
    for _ in range(2):
        await world.features.poll()
        assert world.features.pending() == [
            Pending("a.key", dormant, active), Pending("b.key", other, None),
        ]  # fmt: skip
        await world.restart()
    assert world.told() == [
        (INFORMATION, "the key file a.key waits to be taken over"),
        (INFORMATION, "the key file b.key waits to be taken over"),
    ]
    assert world.features.dormant() == frozenset()
    await world.features.take_over("a.key")
    assert world.features.dormant() == {Feature.DANE}
    with pytest.raises(FeatureError, match=r"no pending key file 'a.key'"):
        await world.features.take_over("a.key")
    (world.folder / "a.key").unlink()
    await world.features.poll()
    assert world.features.pending()[0] == Pending("a.key", None, dormant)
    assert world.features.dormant() == {Feature.DANE}
    await world.features.take_over("a.key")
    assert world.features.dormant() == frozenset()
    await world.features.set_habits(Habits(checks=True, applies=True))
    assert world.features.dormant() == {Feature.MTA_STS}


async def test_a_folder_that_cannot_be_read_switches_nothing(world: World) -> None:
    world.drop("a.key", state="dormant")
    await world.features.poll()
    world.folder.rename(world.base / "away")
    world.folder.write_bytes(b"")
    await world.features.poll()
    assert world.row().status == "Dormant"
    assert world.features.faults() == {"": "Not a directory"}


async def test_a_damaged_record_is_told_and_begun_anew(world: World) -> None:
    await world.features.switch("dane", State.DORMANT, "ann")
    world.told()
    (world.base / "features.json").write_bytes(b"{")
    await world.restart()
    assert world.row().status == "Active"
    ((severity, text),) = world.told()
    assert severity == WARNING
    assert text.endswith("what administrators had switched is lost")


async def test_what_cannot_be_kept_is_refused(world: World) -> None:
    (world.base / "features.json.new").mkdir()
    with pytest.raises(FeatureError, match="it cannot be kept"):
        await world.features.switch("dane", State.DORMANT, "ann")
    assert world.row().status == "Active"
    assert world.published == [[]]
    assert world.told() == []
    world.drop("a.key", state="dormant")  # that one counts all the same
    await world.features.poll()
    assert world.published == [[], ["dane"]]


async def test_habits_that_cannot_be_kept_are_as_before(world: World) -> None:
    (world.base / "features.json.new").mkdir()
    with pytest.raises(FeatureError, match="it cannot be kept"):
        await world.features.set_habits(Habits(checks=False, applies=False))
    assert world.features.habits() == (True, True)


async def test_nothing_is_set_before_it_is_known_what_was_set(world: World) -> None:
    (world.base / "features.json").mkdir()
    fresh = world._features()
    with pytest.raises(IsADirectoryError):
        await fresh.load()
    for attempt in (
        fresh.switch("dane", State.DORMANT, "ann"),
        fresh.reset("dane", "ann"),
        fresh.check_now(),
        fresh.take_over("a.key"),
        fresh.set_habits(Habits(checks=False, applies=False)),
    ):
        with pytest.raises(FeatureError, match="cannot be read"):
            await attempt


async def test_a_look_at_a_folder_that_cannot_be_read_says_so(world: World) -> None:
    world.folder.rmdir()
    world.folder.write_bytes(b"")
    with pytest.raises(FeatureError, match="Not a directory"):
        await world.features.check_now()


async def test_the_snapshot_never_changes(world: World) -> None:
    before = world.features.snapshot()
    await world.features.switch("dane", State.DORMANT, "ann")
    assert before["dane"]
    assert not world.features.snapshot()["dane"]
    with pytest.raises(TypeError):
        before["dane"] = False  # type: ignore[index]


def test_what_workers_are_handed() -> None:
    dormant = frozenset({Feature.DANE, Feature.UPDATES})
    assert dormant_in({SWITCH: dormant_names(dormant)}) == dormant
    for nonsense in (None, "dane", {"dane": 1}, ["no such", 1, None, []]):
        assert dormant_in({SWITCH: nonsense}) == frozenset()
    assert dormant_in({}) == frozenset()
