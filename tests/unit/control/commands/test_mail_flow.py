"""Suspending and resuming, and the work queue (admin 1.6.3, 1.6.5, CLI-54)."""

import json

import pytest

from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit


def test_cli_54_suspend_asks_for_the_grace(counter: Counter) -> None:
    counter.gateway.answers["queue_suspend"] = [{"changed": ["delivery", "listener Public"]}]
    sitting = sit(counter.desk("olga", Role.OPERATOR), "suspend", "")
    assert (
        "Enter the number of seconds to wait before abruptly closing connections. [30]> "
        "Mail delivery suspended.\nReceiving suspended for Public.\n"
    ) in sitting.shown
    assert counter.gateway.asked == [
        {
            "command": "queue_suspend",
            "grace_seconds": 30,
            "all_listeners": True,
            "delivery": True,
            "by": "olga",
        }
    ]
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.action, record.detail) == ("suspend", "delivery, listener Public")


FORMS = [
    ("suspend 5", "queue_suspend", {"all_listeners": True, "delivery": True, "grace_seconds": 5}),
    ("offline", "queue_suspend", {"all_listeners": True, "delivery": True, "grace_seconds": 30}),
    ("suspenddel 0", "queue_suspend", {"delivery": True, "grace_seconds": 0}),
    ("suspendlistener Public 9", "queue_suspend", {"listener": "Public", "grace_seconds": 9}),
    (
        "suspendlistener all",
        "queue_suspend",
        {"all_listeners": True, "delivery": False, "grace_seconds": 30},
    ),
    ("resume", "queue_resume", {"all_listeners": True, "delivery": True}),
    ("resumedel", "queue_resume", {"delivery": True}),
    ("resumelistener Public", "queue_resume", {"listener": "Public"}),
]
ENDINGS = [("shutdown", "shutdown"), ("reboot", "restart")]


@pytest.mark.parametrize(("name", "command"), ENDINGS)
def test_cli_54_the_gateway_ends_or_starts_again(counter: Counter, name: str, command: str) -> None:
    counter.gateway.answers[command] = [{"ending": True, "grace_seconds": 7.0}]
    desk = counter.desk("olga", Role.OPERATOR)
    sitting = sit(desk, name, "7", "n", name, "", "y")
    assert "abruptly closing connections. [30]> " in sitting.shown
    assert counter.gateway.asked == [{"command": command, "grace_seconds": 30, "by": "olga"}]
    assert counter.administration.versions.store.audit(1)[0].detail == "30 seconds"
    data = json.loads(run_line(desk, f"--json {name} 7 force").shown)["data"]
    assert data == {"grace_seconds": 7}
    refused = run_line(counter.desk("rita", Role.READ_ONLY_OPERATOR), f"{name} 7 force")
    assert refused.errors == f"You do not have permission to run {name}\n"


@pytest.mark.parametrize(("line", "command", "request_"), FORMS)
def test_batch_forms(
    counter: Counter, line: str, command: str, request_: dict[str, object]
) -> None:
    counter.gateway.answers[command] = [{"changed": ["delivery"]}]
    sitting = run_line(counter.desk(), f"--json {line}")
    assert sitting.status == 0, sitting.errors
    assert json.loads(sitting.shown)["data"] == {"changed": ["delivery"]}
    assert counter.gateway.asked == [{"command": command, **request_, "by": "admin"}]


def test_c_25_listeners_are_chosen_from_a_list(counter: Counter) -> None:
    counter.gateway.answers["queue_suspend"] = [{"changed": ["listener Public"]}]
    names = [each.name for each in counter.administration.config.listeners]
    sitting = sit(counter.desk(), "suspendlistener", "2", "5", "suspendlistener", "", "")
    assert (
        "Choose the listener(s) you wish to suspend.\n"
        "Separate multiple entries with commas.\n"
        f"1. All\n2. {names[0]}\n"
    ) in sitting.shown
    assert counter.gateway.asked[0]["listener"] == names[0]
    assert counter.gateway.asked[0]["grace_seconds"] == 5
    assert counter.gateway.asked[1]["all_listeners"] is True


def test_a_listener_that_is_not_there(counter: Counter) -> None:
    sitting = run_line(counter.desk(), "suspendlistener Nobody")
    assert sitting.errors == "Error: listeners: 'Nobody' is not in the list.\n"
    assert run_line(counter.desk(), "suspend 86401").errors.startswith("Error: grace: ")
    assert counter.gateway.asked == []


def test_what_was_suspended_already(counter: Counter) -> None:
    counter.gateway.answers["queue_suspend"] = [{"changed": []}]
    assert run_line(counter.desk(), "suspenddel 30").shown == "All of it was suspended already.\n"
    assert counter.administration.versions.store.audit(5) == []


def test_what_the_gateway_refuses(counter: Counter) -> None:
    counter.gateway.answers["queue_resume"] = [{"error": "port 25 is taken"}]
    assert run_line(counter.desk(), "resumelistener all").errors == "Error: port 25 is taken\n"


@pytest.mark.parametrize(
    "name",
    [
        "suspend",
        "resume",
        "suspendlistener",
        "resumelistener",
        "suspenddel",
        "resumedel",
        "offline",
    ],
)
def test_a_read_only_operator_stops_nothing(counter: Counter, name: str) -> None:
    sitting = run_line(counter.desk("rita", Role.READ_ONLY_OPERATOR), name)
    assert sitting.errors == f"You do not have permission to run {name}\n"
    assert counter.gateway.asked == []


def test_c_26_the_work_queue_is_paused_and_goes_on(counter: Counter) -> None:
    counter.gateway.answers["pause"] = [{"paused": True}]
    counter.gateway.answers["rate"] = [{"work_queue": "paused", "gauges": {"received": 12}}]
    sitting = run_line(counter.desk(), "workqueue pause force")
    assert "Status:       Work queue paused\nMessages:     12\n" in sitting.shown
    data = json.loads(run_line(counter.desk(), "--json workqueue status").shown)["data"]
    assert data == {"is_paused": True, "messages": 12}
    counter.gateway.answers["resume"] = [{"paused": False}]
    counter.gateway.answers["rate"] = [{"work_queue": "running", "gauges": {}}]
    assert "Status:       Operational\n" in run_line(counter.desk(), "workqueue resume").shown
    actions = [record.action for record in counter.administration.versions.store.audit(5)]
    assert actions == ["workqueue resume", "workqueue pause"]


def test_a_guest_looks_at_the_work_queue_only(counter: Counter) -> None:
    counter.gateway.answers["rate"] = [{"work_queue": "running", "gauges": {}, "totals": {}}]
    desk = counter.desk("gus", Role.GUEST)
    sitting = sit(desk, "workqueue", "status", "")
    assert "- STATUS - " in sitting.shown
    assert "- PAUSE - " not in sitting.shown
    refused = run_line(desk, "workqueue pause force")
    assert refused.errors == "Error: You do not have permission to run workqueue\n"
    assert run_line(desk, "workqueue rate 1 count 1").status == 0
    assert [asked["command"] for asked in counter.gateway.asked] == ["rate", "rate"]
