"""`updateconfig` and `updatenow`: where updates come from, and updates at once."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mailwarden.control.operations.updates import update_plan
from mailwarden.core.access.roles import Role
from mailwarden.core.features import Feature
from mailwarden.services.features.key import State
from mailwarden.services.updates.job import Job
from mailwarden.services.updates.record import Record, save_record
from mailwarden.services.updates.updates import Updates
from mailwarden.system.files.files import SystemFiles
from tests.unit.control.commands.counter import Counter, run_line, sit

KEY = "/etc/updates.pem"
# Asked in this order: list, images, keys, when, from where, proxies.
PLAIN = ("http://up.example/", "none", "none", KEY, "none", "y", "10m", "Auto", "none", "none")


def set_up(counter: Counter, *typed: str) -> Any:
    """Answer SETUP and commit; return what was shown and what is in force then."""
    desk = counter.desk()
    screen = sit(desk, "updateconfig", "setup", *typed, "").screen
    assert desk.pending_changes(), screen
    assert run_line(desk, "commit done").errors == ""
    return counter.running("updates")


@pytest.fixture
def updates(counter: Counter) -> Updates:
    """The updates of a gateway that has a server to ask."""
    set_up(counter, *PLAIN)
    updates = counter.administration.updates
    asyncio.run(updates.load())
    updates.apply(update_plan(counter.administration.config))
    return updates


def attempts(counter: Counter, updates: Updates) -> list[Job]:
    """Let what is due be done; return what was attempted."""

    async def run() -> None:
        task = asyncio.create_task(updates.run())
        while not counter.jobs:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    return counter.jobs


def test_upd_03_a_server_is_set_and_taken_away(counter: Counter) -> None:
    held = set_up(counter, *PLAIN)
    assert held == {
        "manifest_server": {"url": "http://up.example/"},
        "key_file": KEY,
        "interval_seconds": 600,
    }
    desk = counter.desk()
    assert "Updates come from http://up.example/." in sit(desk, "updateconfig", "").screen
    sit(desk, "updateconfig", "setup", *[""] * 20)  # all as it is
    assert desk.pending_changes() == 0
    held = set_up(counter, "none", "n", "", "none", "none")
    assert held == {"key_file": KEY, "interval_seconds": 600, "automatic": False}
    assert "No server of updates is set." in sit(counter.desk(), "updateconfig", "").screen


def test_upd_03_everything_that_can_be_set(counter: Counter) -> None:
    held = set_up(
        counter, "https://up.example/a", "gate", "s3cret", "s3cret",
        "http://images.example:81/", "ann", "pass", "pass", KEY, "/etc/ca.pem", "y", "1m",
        "Loopback", "proxy.example:8080", "none", "proxy.example", "gate", "x", "x",
    )  # fmt: skip
    assert held == {
        "manifest_server": {"url": "https://up.example/a", "user": "gate", "password": "s3cret"},
        "image_server": {"url": "http://images.example:81/", "user": "ann", "password": "pass"},
        "key_file": KEY,
        "ca_file": "/etc/ca.pem",
        "interval_seconds": 60,
        "interface": "Loopback",
        "http_proxy": {"host": "proxy.example:8080"},
        "https_proxy": {"host": "proxy.example", "user": "gate", "password": "x"},
    }
    held = set_up(
        counter, "", "", "", "none", "", "", "", "", "", "none", "none",
    )  # fmt: skip
    assert held == {
        "manifest_server": {"url": "https://up.example/a", "user": "gate", "password": "s3cret"},
        "key_file": KEY,
        "ca_file": "/etc/ca.pem",
        "interval_seconds": 60,
        "interface": "Loopback",
    }


def test_upd_03_in_a_batch_line(counter: Counter) -> None:
    desk = counter.desk()
    line = f"updateconfig setup list_url http://up.example/ key_file {KEY} interval_seconds 1h"
    assert run_line(desk, line).errors == ""
    line = "updateconfig setup list_user gate --list_password=- https_proxy proxy.example:3128"
    assert run_line(desk, line, "s3cret").errors == ""
    assert desk.candidate.tree["updates"] == {
        "manifest_server": {"url": "http://up.example/", "user": "gate", "password": "s3cret"},
        "key_file": KEY,
        "interval_seconds": 3600,
        "https_proxy": {"host": "proxy.example:3128"},
    }
    wrong = run_line(desk, "updateconfig setup list_url none list_user ann").errors
    assert wrong == "Error: list_user has no meaning here\n"


def test_upd_06_a_local_folder_wants_no_user(counter: Counter) -> None:
    held = set_up(
        counter, "file:///media/updates", "none", KEY, "none", "y", "", "", "none", "none"
    )
    assert held == {"manifest_server": {"url": "file:///media/updates"}, "key_file": KEY}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("ftp://up.example/",), "A URL begins with http://, https:// or file:///."),
        (("http://u:p@up.example/",), "User and password have settings of their own."),
        ((*PLAIN[:6], "30s"), "it may be from 1m to 1d"),
        ((*PLAIN[:3], "none", *PLAIN[4:]), "updates.key_file: is needed: what nobody signed"),
        (("http://up.example/", "a:b", "x", "x", *PLAIN[2:]), "cannot have a colon in it"),
    ],
)
def test_what_is_wrong_is_refused_and_changes_nothing(
    counter: Counter, typed: tuple[str, ...], said: str
) -> None:
    desk = counter.desk()
    assert said in sit(desk, "updateconfig", "setup", *typed, "").screen
    assert desk.pending_changes() == 0


def test_upd_04_updates_begin_at_once(counter: Counter, updates: Updates) -> None:
    desk = counter.desk()
    shown = run_line(desk, "updatenow force reputation").shown
    assert shown == "Update requested for reputation; `updatenow status` shows how it goes.\n"
    (job,) = attempts(counter, updates)
    assert (job.component, job.is_forced) == ("reputation", True)
    assert job.settings.manifest_server.url == "http://up.example/"
    counter.jobs.clear()
    found = json.loads(run_line(desk, "--json updatenow").shown)
    assert found["data"] == {"requested": ["reputation"], "forced": False}
    assert [each.is_forced for each in attempts(counter, updates)] == [False]
    assert "Update requested for reputation;" in sit(desk, "updatenow").screen
    audit = counter.administration.versions.store.audit()
    assert [(each.action, each.detail) for each in audit][:3] == [
        ("updatenow", "reputation"),
        ("updatenow", "reputation"),
        ("updatenow", "force reputation"),
    ]


def test_upd_01_what_is_known_of_components_is_shown(counter: Counter, updates: Updates) -> None:
    desk = counter.desk()
    run_line(desk, "updatenow")
    attempts(counter, updates)
    shown = run_line(desk, "updatenow status").shown
    assert shown.startswith("Component   Version  Previous  Last Success")
    assert "reputation  none     none      Tue Nov  9 10:15:02 2010 GMT" in shown
    (row,) = json.loads(run_line(desk, "--json updatenow status reputation").shown)["data"]
    now = counter.clock.time()
    assert (row["last_success"], row["last_attempt"], row["next_attempt"]) == (now, now, now + 600)
    assert (row["version"], row["last_error"], row["failures"]) == ("", "", 0)
    assert "reputation  none     none" in sit(desk, "updateconfig", "").screen


def install(folder: Path, *versions: str) -> None:
    """Let versions have been installed, the last one to be in use."""
    place = folder / "updates" / "reputation"
    names = [f"{number:06}-{version}" for number, version in enumerate(versions, 1)]
    for name in names:
        (place / name).mkdir(parents=True)
    (place / "current").symlink_to(names[-1])
    record = Record(
        current=names[-1], previous=names[-2] if names[1:] else "", installs=len(names),
        failures=3, last_error="no answer for 30 seconds",
    )  # fmt: skip
    save_record(SystemFiles(), str(place / "record.json"), record)


def test_upd_02_a_version_is_gone_back_from(counter: Counter) -> None:
    install(counter.folder, "1.0", "1.1")
    asyncio.run(counter.administration.updates.load())
    desk = counter.desk()
    shown = run_line(desk, "updatenow status").shown
    assert "reputation: failed 3 in a row: no answer for 30 seconds" in shown
    found = json.loads(run_line(desk, "--json updatenow rollback reputation").shown)
    assert found["data"] == {"component": "reputation", "version": "1.0"}
    (record,) = counter.administration.versions.store.audit(1)
    assert (record.action, record.detail) == ("updatenow rollback", "reputation to 1.0")
    again = run_line(desk, "updatenow rollback reputation").errors
    assert again == "Error: reputation: there is no previous version to go back to\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("updatenow", "no server of updates is set"),
        ("updatenow rollback", "rollback needs the name of a component: reputation"),
        ("updatenow antivirus", "what: 'antivirus' is not in the list"),
        ("updatenow force antivirus", "component: 'antivirus' is not in the list"),
        ("updatenow reputation reputation", "reputation is not known here"),
    ],
)
def test_what_cannot_be_updated(counter: Counter, line: str, said: str) -> None:
    asyncio.run(counter.administration.updates.load())
    sitting = run_line(counter.desk(), line)
    assert sitting.status == 1
    assert said in sitting.errors


def test_key_06_updates_that_are_switched_off_are_still_shown(
    counter: Counter, updates: Updates
) -> None:
    features = counter.administration.features
    asyncio.run(features.load())
    asyncio.run(features.switch("updates", State.DORMANT, "ann"))
    updates.apply(
        update_plan(counter.administration.config), is_active=features.is_active(Feature.UPDATES)
    )
    desk = counter.desk()
    assert run_line(desk, "updatenow").errors == "the feature updates is switched off\n"
    screen = sit(desk, "updateconfig", "").screen
    assert "Feature is switched off: Updates.\nUpdates come from http://up.example/." in screen
    assert "- SETUP - Edit update configuration." in screen


def test_who_may_update(counter: Counter) -> None:
    asyncio.run(counter.administration.updates.load())
    desk = counter.desk("rob", Role.READ_ONLY_OPERATOR)
    refused = run_line(desk, "updatenow status")
    assert refused.errors == "You do not have permission to run updatenow\n"
    assert "- SETUP - " in sit(desk, "updateconfig", "").screen
    assert run_line(counter.desk("olga", Role.OPERATOR), "updatenow status").status == 0
