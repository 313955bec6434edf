"""`alertconfig`, `addressconfig`, `displayalerts`."""

import json

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import Role
from mailwarden.services.alerts.alert import make_alert
from mailwarden.services.alerts.recent import RecentAlert
from tests.unit.control.commands.counter import Counter, run_line, sit

OPS = "ops@corp.example"
CLASSES = (
    "1. All\n2. System\n3. Hardware\n4. Updater\n5. Outbreak Filters\n6. Anti-Virus\n7. Anti-Spam\n"
    "8. Directory Harvest Attack Prevention\n[1]> "
)
NOT_SYSTEM = (
    "hardware", "updater", "outbreak_filters", "anti_virus", "anti_spam", "harvest_attacks",
)  # fmt: skip


@pytest.fixture
def desk(counter: Counter) -> Desk:
    return counter.desk()


@pytest.fixture
def told(desk: Desk) -> Desk:
    """A desk with a recipient that gets everything."""
    desk.candidate = desk.candidate.put(("alerts", "recipients", OPS), {}, MODEL)
    return desk


def recipients(desk: Desk) -> object:
    return desk.candidate.tree.get("alerts", {}).get("recipients")  # type: ignore[union-attr]


def test_a_recipient_of_everything(counter: Counter, desk: Desk) -> None:
    sitting = sit(desk, "alertconfig", "new", f" {OPS} ", "", "", "", "commit", "")
    assert "Not currently sending alerts.\n" in sitting.shown
    assert CLASSES in sitting.shown
    assert "\n1. All\n2. Critical\n3. Warning\n4. Information\n[1]> " in sitting.shown
    assert (
        f"Sending alerts to:\n  {OPS}\n    Class: All - Severities: All\n"
        "Initial number of seconds to wait before sending a duplicate alert: 300\n"
        "Maximum number of seconds to wait before sending a duplicate alert: 3600\n"
        "AutoSupport: none\nAlerts are sent from the system-default From address.\n"
    ) in sitting.shown
    assert counter.running("alerts") == {"recipients": {OPS: {}}}
    assert OPS in counter.administration.config.alerts.recipients


def test_a_recipient_of_some(desk: Desk) -> None:
    sitting = sit(desk, "alertconfig", "new", OPS, "2, Hardware", "3,2", "")
    assert recipients(desk) == {
        OPS: {
            "system": ["Critical", "Warning"], "hardware": ["Critical", "Warning"],
            "updater": [], "outbreak_filters": [], "anti_virus": [], "anti_spam": [],
            "harvest_attacks": [],
        }
    }  # fmt: skip
    assert "    Class: System, Hardware - Severities: Critical, Warning\n" in sitting.shown
    assert "Severities: none" not in sitting.shown
    assert "Class: All - Severities: none\n" in sit(
        desk, "alertconfig", "edit", OPS, "", "none", ""
    ).shown  # fmt: skip


def test_a_recipient_of_all_of_one_class_or_some_of_all(desk: Desk) -> None:
    sit(desk, "alertconfig", "new", OPS, "System", "", "new", "desk@corp.example", "", "2", "")
    first, second = (recipients(desk)[each] for each in (OPS, "desk@corp.example"))  # type: ignore[index]
    assert first == {name: [] for name in NOT_SYSTEM}
    assert second == {name: ["Critical"] for name in ("system", *NOT_SYSTEM)}


def test_what_a_recipient_gets_is_changed(told: Desk) -> None:
    sit(told, "alertconfig", "edit", "1", "system,updater", "Critical", "")
    assert recipients(told) == {OPS: {"system": ["Critical"], "updater": ["Critical"]}}
    sit(told, "alertconfig", "edit", OPS, "updater", "none", "edit", "1", "system", "all", "")
    assert recipients(told) == {OPS: {"updater": []}}
    sit(told, "alertconfig", "edit", OPS, "", "", "")
    assert recipients(told) == {OPS: {}}


def test_recipients_go(told: Desk) -> None:
    sit(told, "alertconfig", "new", "b@corp.example", "", "", "delete", "1", "")
    assert recipients(told) == {"b@corp.example": {}}
    sit(told, "alertconfig", "clear", "n", "")
    assert recipients(told) == {"b@corp.example": {}}
    sitting = sit(told, "alertconfig", "clear", "y", "")
    assert not recipients(told)
    assert "Not currently sending alerts." in sitting.shown
    before_menu_of_none = sit(told, "alertconfig", "").shown
    for name in ("EDIT", "DELETE", "CLEAR"):
        assert f"- {name} - " not in before_menu_of_none


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("new", "nobody"), "'nobody'"),
        (("new", OPS), f"There is an entry for {OPS} already; EDIT changes it."),
        (("new", "b@corp.example", "9"), "'9' is not in the list"),
        (("new", "b@corp.example", "", "Urgent"), "'Urgent' is not in the list"),
        (("setup", "5m", "4m", ""), "must not be less than `initial_wait_seconds`"),
        (("setup", "-1"), "'-1' is not a time"),
        (("setup", "", "", "ops"), "'ops'"),
        (("from", "x>"), "needs the form"),
    ],
)
def test_refusals(told: Desk, typed: tuple[str, ...], words: str) -> None:
    before = told.candidate.tree["alerts"]
    sitting = sit(told, "alertconfig", *typed)
    assert words in sitting.screen + sitting.errors
    assert told.candidate.tree["alerts"] == before


def test_waits_autosupport_and_from(counter: Counter, desk: Desk) -> None:
    sit(desk, "alertconfig", "setup", "10s", "2m", "support@partner.example", "from",
        "Gateway <gw@corp.example>", "", "commit", "")  # fmt: skip
    assert counter.running("alerts") == {
        "initial_wait_seconds": 10, "max_wait_seconds": 120,
        "autosupport_address": "support@partner.example",
        "from_address": "Gateway <gw@corp.example>",
    }  # fmt: skip
    sitting = sit(desk, "alertconfig", "setup", "", "", "none", "from", "default", "")
    assert "[support@partner.example]> " in sitting.shown
    assert "[Gateway <gw@corp.example>]> " in sitting.shown
    assert desk.candidate.tree["alerts"] == {
        "initial_wait_seconds": 10, "max_wait_seconds": 120, "autosupport_address": "",
        "from_address": "",
    }  # fmt: skip


def test_nothing_is_put_down_that_holds_anyway(desk: Desk) -> None:
    sit(desk, "alertconfig", "setup", "", "", "", "from", "", "", "addressconfig", "avfrom", "", "")
    assert desk.pending_changes() == 0


def test_return_addresses(counter: Counter, desk: Desk) -> None:
    sitting = sit(
        desk, "addressconfig", "bouncefrom", "Post <post@corp.example>", "otherfrom",
        "b@corp.example", "", "commit", "",
    )  # fmt: skip
    hostname = counter.administration.config.hostname
    assert f'Current anti-virus from: "Mail Delivery System" <MAILER-DAEMON@{hostname}>\n' in (
        sitting.shown
    )
    assert "Current bounce from: Post <post@corp.example>\n" in sitting.shown
    for name in ("AVFROM", "BOUNCEFROM", "NOTIFYFROM", "QUARANTINEFROM", "OTHERFROM"):
        assert f"- {name} - Edit the " in sitting.shown
    assert counter.running("return_addresses") == {
        "bounces": "Post <post@corp.example>", "others": "b@corp.example",
    }  # fmt: skip
    sit(desk, "addressconfig", "bouncefrom", "DEFAULT", "")
    assert desk.candidate.tree["return_addresses"]["bounces"] == ""  # type: ignore[index,call-overload]
    assert "needs the form" in sit(desk, "addressconfig", "avfrom", "x>", "").screen


@pytest.mark.parametrize(
    "line", ["alertconfig new a@b.example", "addressconfig avfrom a@b.example"]
)
def test_there_is_no_batch_form(desk: Desk, line: str) -> None:
    sitting = run_line(desk, line)
    assert sitting.status == 1
    assert desk.pending_changes() == 0


def raised(*alerts: RecentAlert) -> object:
    return lambda: alerts


STORM = RecentAlert(
    make_alert("Critical", "System", "Worker 0 ended\n(process 7)\x1b[2J", "worker 0"),
    1284723732.0, 1284723792.0, 4,
)  # fmt: skip
ONE = RecentAlert(make_alert("Warning", "Updater", "no rules", "u"), 1284723000.0, 1284723000.0)


def test_sys_36_the_last_alerts(counter: Counter) -> None:
    guest = counter.desk("greta", Role.GUEST)
    assert run_line(guest, "displayalerts").shown == "There were no alerts.\n"
    counter.administration.recent_alerts = raised(STORM, ONE)  # type: ignore[assignment]
    lines = run_line(guest, "displayalerts").shown.split("\n")
    assert [line.rstrip() for line in lines[2:]] == [
        "Fri Sep 17 11:43:12 2010 GMT   Critical (System): Worker 0 ended",
        "                               (process 7)?[2J",
        "                               Raised 5 times since Fri Sep 17 11:42:12 2010 GMT.",
        "",
        "Fri Sep 17 11:30:00 2010 GMT   Warning (Updater): no rules",
        "",
    ]
    said = json.loads(run_line(guest, "--json displayalerts").screen)
    assert said["data"][0] == {
        "severity": "Critical", "class": "System", "text": "Worker 0 ended\n(process 7)?[2J",
        "key": "worker 0", "first_at": 1284723732.0, "last_at": 1284723792.0, "repeats": 4,
    }  # fmt: skip
    assert [each["repeats"] for each in said["data"]] == [4, 0]


@pytest.mark.parametrize("command", ["alertconfig", "addressconfig"])
def test_who_may(counter: Counter, command: str) -> None:
    sitting = sit(counter.desk("greta", Role.GUEST), command)
    assert f"You do not have permission to run {command}\n" in sitting.screen
    reader = counter.desk("rita", Role.READ_ONLY_OPERATOR)
    sit(reader, "addressconfig", "avfrom", "a@b.example", "", "alertconfig", "new", OPS, "", "", "")
    assert reader.pending_changes() == 2
    assert "not allowed to commit" in sit(reader, "commit", "").screen
