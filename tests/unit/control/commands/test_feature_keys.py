"""`featurekey` and `featurekeyconfig`: switches set in a dialogue, and key files taken over."""

import asyncio
import json

import pytest

from mailwarden.control.operations.exchange import KEY_FILES
from mailwarden.core.access.roles import Role
from mailwarden.core.features import Feature
from mailwarden.services.features.features import Features, Habits
from mailwarden.services.features.key import State
from tests.unit.control.commands.counter import Counter, run_line, sit

TAGGED = {"corp.example": {"bounce_validation": True}}


@pytest.fixture
def features(counter: Counter) -> Features:
    """The switches of the counter, with a folder for key files."""
    (counter.administration.files / KEY_FILES).mkdir()
    features = counter.administration.features
    asyncio.run(features.load())
    return features


def drop(counter: Counter, name: str, **parts: object) -> None:
    path = counter.administration.files / KEY_FILES / name
    path.write_text(json.dumps({"feature": "dane", "state": "dormant", **parts}))


def recorded(counter: Counter) -> list[tuple[str, str]]:
    audit = reversed(counter.administration.versions.store.audit())
    return [(each.action, each.detail) for each in audit if each.was_allowed]


def test_key_02_all_switches_are_listed(counter: Counter, features: Features) -> None:
    screen = sit(counter.desk(), "featurekey", "").screen
    for feature in Feature:
        assert f"{feature.value} " in screen
    assert "Note: changes may take up to one minute." in screen
    assert "- ACTIVATE - " in screen
    assert "- CHECKNOW - " in screen
    assert "Pending" not in screen


def test_s_01_checknow_finds_a_file(counter: Counter, features: Features) -> None:
    desk = counter.desk()
    drop(counter, "a.key", note="for a while")
    screen = sit(desk, "featurekey", "checknow", "").screen
    assert "All key files count." in screen
    assert (
        "dane                 Dormant  2010-11-09 10:15  file a.key  Perpetual  for a while"
        in screen
    )
    assert not features.is_active(Feature.DANE)
    assert recorded(counter) == [("featurekey checknow", "")]
    refused = sit(desk, "featurekey", "activate", "dane", "active", "", "").screen
    assert "the file a.key decides about dane: change it or take it away" in refused


def test_key_06_whoever_switches_off_hears_who_would_miss_it(
    counter: Counter, features: Features
) -> None:
    desk = counter.desk()
    lines = ("featurekey", "activate", "mta_sts", "dormant", "too new")
    screen = sit(desk, *lines, "", "").screen
    assert "MTA-STS is used by:\n  delivery.mta_sts\nMail passes without it." in screen
    assert features.is_active(Feature.MTA_STS)
    screen = sit(desk, *lines, "y", "").screen
    assert "MTA-STS is dormant, changes may take up to one minute." in screen
    assert features.dormant() == {Feature.MTA_STS}
    assert features.row(Feature.MTA_STS).note == "too new"
    assert recorded(counter) == [("featurekey activate", "mta_sts dormant (too new)")]
    screen = sit(desk, "featurekey", "activate", "call_ahead", "dormant", "", "n", "").screen
    assert "Nothing in the configuration uses SMTP call-ahead. Switch it off?" in screen
    screen = sit(desk, "featurekey", "activate", "MTA_STS", "default", "").screen
    assert "MTA-STS is active" in screen
    assert features.row(Feature.MTA_STS).by == "default"


def test_a_feature_may_be_on_until_a_day(counter: Counter, features: Features) -> None:
    day = "2011-02-09"
    sitting = sit(
        counter.desk(), "featurekey", "activate", "dane", "active", "someday", day, "trial", ""
    )
    assert "'someday' is no day; write 2011-02-09" in sitting.screen
    assert features.row(Feature.DANE)[5:] == (day, 93, "trial")
    assert "2011-02-09, 93 days  trial" in sitting.screen
    assert recorded(counter) == [("featurekey activate", f"dane active until {day} (trial)")]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("nonsense", "There is no feature 'nonsense'; there are reputation, call_ahead,"),
        ('{"feature": "dane"', "That is no switch:"),
        ('{"feature": "anti_gravity", "state": "active"}', "There is no feature 'anti_gravity'"),
        ("x.key", "There is no pending key file 'x.key'."),
    ],
)
def test_key_04_what_is_wrong_is_asked_again_and_changes_nothing(
    counter: Counter, features: Features, typed: str, said: str
) -> None:
    before = features.rows()
    assert said in sit(counter.desk(), "featurekey", "activate", typed).screen
    assert (features.rows(), recorded(counter)) == (before, [])


def test_key_04_a_switch_is_entered_as_text(counter: Counter, features: Features) -> None:
    over = '{"feature": "dane", "state": "active", "expires": "2010-01-01"}'
    screen = sit(counter.desk(), "featurekey", "activate", over, "").screen
    assert "2010-01-01 is over already" in screen
    text = '{"feature": "dane", "state": "dormant"}'
    sit(counter.desk(), "featurekey", "activate", text, "y", "")
    assert features.dormant() == {Feature.DANE}


def test_key_01_pending_files_are_taken_over(counter: Counter, features: Features) -> None:
    desk = counter.desk()
    asyncio.run(features.set_habits(Habits(checks=True, applies=False)))
    drop(counter, "a.key")
    drop(counter, "b.key", feature="mta_sts", state="active")
    drop(counter, "bad.key", state="perhaps")
    screen = sit(desk, "featurekey", "checknow", "activate", "a.key", "n", "").screen
    assert "2 key files pending: ACTIVATE takes one over." in screen
    assert "Pending activation:\n  a.key: dane dormant\n  b.key: mta_sts active" in screen
    assert "Key files that cannot be used:\n  bad.key: state has to be active" in screen
    assert features.dormant() == frozenset()
    screen = sit(desk, "featurekey", "activate", "a.key", "y", "").screen
    assert "a.key counts now: dane dormant." in screen
    sit(desk, "featurekey", "activate", "b.key", "")
    assert features.dormant() == {Feature.DANE}
    assert features.pending() == []
    (counter.administration.files / KEY_FILES / "a.key").unlink()
    screen = sit(desk, "featurekey", "checknow", "activate", "a.key", "").screen
    assert "a.key counts now: taken away." in screen
    assert features.dormant() == frozenset()
    assert recorded(counter)[-1] == ("featurekey activate", "key file a.key: taken away")


def test_key_07_habits_are_set_without_a_commit(counter: Counter, features: Features) -> None:
    desk = counter.desk()
    screen = sit(desk, "featurekeyconfig", "setup", "n", "n", "").screen
    assert "Key files are looked at automatically.\nKey files are applied automatically." in screen
    assert screen.count("by featurekey only.") == 2
    assert features.habits() == (False, False)
    assert desk.pending_changes() == 0
    assert recorded(counter) == [("featurekeyconfig", "check on demand, apply on demand")]
    assert "Key files are only looked at by CHECKNOW." in sit(desk, "featurekey", "").screen


def test_in_batch_lines(counter: Counter, features: Features) -> None:
    desk = counter.desk()
    done = run_line(desk, "featurekey activate dane state dormant note 'for now' force")
    assert done.shown == "DANE is dormant, changes may take up to one minute.\n"
    assert features.dormant() == {Feature.DANE}
    done = run_line(
        desk, """featurekey activate '{"feature": "mta_sts", "state": "dormant"}'""", "n"
    )
    assert done.errors == "Error: not confirmed\n"
    line = "--json featurekey activate dane state active expires 2011-02-09"
    found = json.loads(run_line(desk, line).shown)["data"]
    assert (found["name"], found["status"], found["days_left"]) == ("dane", "Active", 93)
    assert run_line(desk, "featurekeyconfig setup apply off").status == 0
    assert features.habits() == (True, False)
    drop(counter, "a.key")
    found = json.loads(run_line(desk, "--json featurekey checknow").shown)["data"]
    assert [row["name"] for row in found["features"]] == [each.value for each in Feature]
    assert found["pending"] == [{"file": "a.key", "says": "dane dormant"}]
    assert (found["faults"], found["checks"], found["applies"]) == ({}, True, False)
    assert run_line(desk, "featurekey activate a.key force").status == 0
    assert run_line(desk, "featurekey activate a.key force").errors == (
        "Error: key: There is no pending key file 'a.key'.\n"
    )


def test_a_disk_that_keeps_nothing_is_told(counter: Counter, features: Features) -> None:
    (counter.folder / "features.json.new").mkdir()
    desk = counter.desk()
    screen = sit(desk, "featurekey", "activate", "dane", "dormant", "", "y", "").screen
    assert "it cannot be kept" in screen
    assert "it cannot be kept" in sit(desk, "featurekeyconfig", "setup", "n", "n", "").screen
    assert recorded(counter) == []


@pytest.mark.parametrize("command", ["featurekey", "featurekeyconfig"])
def test_features_are_for_administrators(
    counter: Counter, features: Features, command: str
) -> None:
    sitting = run_line(counter.desk("olga", Role.OPERATOR), command)
    assert sitting.errors == f"You do not have permission to run {command}\n"
    assert sitting.status == 1


@pytest.mark.parametrize(
    ("command", "feature"),
    [
        ("bvconfig", Feature.BOUNCE_VERIFICATION),
        ("callaheadconfig", Feature.CALL_AHEAD),
        ("destconfig", Feature.MTA_STS),
        ("dnslistconfig", Feature.REPUTATION),
        ("senderbaseconfig", Feature.REPUTATION),
        ("updateconfig", Feature.UPDATES),
    ],
)
def test_key_06_commands_of_what_is_switched_off_say_so(
    counter: Counter, features: Features, command: str, feature: Feature
) -> None:
    note = f"Feature is switched off: {feature.title}.\n"
    before = sit(counter.desk(), command, "").screen
    asyncio.run(features.switch(feature.value, State.DORMANT, "ann"))
    after = sit(counter.desk(), command, "").screen
    assert (note in before, note in after) == (False, True)
    assert after.replace(note, "") == before
