"""`bvconfig`: keys at once, settings with a commit."""

import json
from typing import Any

import pytest

from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

NOW = 1289297702.0
OLD = {"digit": 0, "fingerprint": "aaaa", "since": NOW, "replaced_at": NOW, "used_at": NOW}
CURRENT = {"digit": 1, "fingerprint": "bbbb", "since": NOW, "replaced_at": None, "used_at": None}


def answer(counter: Counter, *keys: dict[str, Any], done: str = "", problems: Any = ()) -> None:
    found = {"keys": list(keys), "done": done, "problems": list(problems)}
    counter.gateway.answers["bounce_keys"] = [found]


def asked(counter: Counter) -> dict[str, Any]:
    return counter.gateway.asked[-1]


def test_keys_and_behavior_are_shown(counter: Counter) -> None:
    answer(counter, CURRENT, OLD)
    shown = sit(counter.desk(), "bvconfig", "").shown
    assert "Behavior on invalid bounces: reject\nKeys:\n  1. bbbb (for outgoing mail)\n" in shown
    assert "  0. aaaa (replaced, last in use Tue Nov  9 10:15:02 2010 GMT)\n" in shown


def test_without_a_gateway_settings_can_be_changed(counter: Counter) -> None:
    desk = counter.desk()
    shown = sit(desk, "bvconfig", "setup", "", "add_header", "X-Bad", "yes", "n", "").shown
    assert "The keys cannot be shown: The gateway gave no answer." in shown
    assert "Behavior on invalid bounces: header X-Bad: yes" in shown
    assert desk.candidate.tree["bounce_verification"] == {
        "action": "add_header", "header_name": "X-Bad", "header_value": "yes",
        "smart_exceptions": False,
    }  # fmt: skip
    assert run_line(desk, "bvconfig setup action reject").status == 0
    assert run_line(desk, "commit bounces").status == 0
    assert counter.running("bounce_verification", "action") == "reject"
    assert counter.running("bounce_verification", "header_name") == "X-Bad"


def test_a_key_is_typed_twice_and_not_shown(counter: Counter) -> None:
    desk = counter.desk()
    answer(counter, CURRENT, done="key 1 (bbbb) is the current one")
    sitting = sit(
        desk, "bvconfig", "key", *["too short"] * 2, "Zk3vTq1X0p9sLw8d", "Zk3vTq1X0p9sLw8d", ""
    )
    assert "Key 1 (bbbb) is the current one." in sitting.shown
    assert "Zk3vTq1X0p9sLw8d" not in sitting.screen
    assert counter.gateway.asked[1] == {
        "command": "bounce_keys", "action": "new", "secret": "Zk3vTq1X0p9sLw8d", "by": "admin",
    }  # fmt: skip
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.action, record.detail) == ("bounce keys", "key 1 (bbbb) is the current one")
    assert desk.pending_changes() == 0


def test_lines(counter: Counter) -> None:
    desk = counter.desk()
    answer(counter, CURRENT, done="key 1 (bbbb) is the current one")
    found = json.loads(run_line(desk, "--json bvconfig key").shown)["data"]
    assert found == {"keys": [CURRENT], "changed": True}
    assert asked(counter)["secret"] == ""
    run_line(desk, "bvconfig key key -", "Zk3vTq1X0p9sLw8d")
    assert asked(counter)["secret"] == "Zk3vTq1X0p9sLw8d"
    answer(counter, CURRENT)
    assert run_line(desk, "bvconfig purge six-months").shown == "There was nothing to do.\n"
    assert asked(counter)["unused"] == "SIX_MONTHS"
    answer(counter, done="all keys removed")
    assert run_line(desk, "bvconfig clear force").shown == "All keys removed.\n"
    assert asked(counter)["action"] == "clear"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("bvconfig purge never", "'never' is not in the list"),
        ("bvconfig clear", "not confirmed"),
        ("bvconfig setup header_name X-Bad", "header_name has no meaning here"),
        ("bvconfig setup action add_header header_name b:d", "is not the name of a header field"),
        ("bvconfig key", "The gateway gave no answer."),
    ],
)
def test_refusals(counter: Counter, line: str, told: str) -> None:
    desk = counter.desk()
    sitting = run_line(desk, line, "n")
    assert told in sitting.errors
    assert sitting.status == 1
    assert desk.pending_changes() == 0


def test_what_the_gateway_refuses_is_told(counter: Counter) -> None:
    counter.gateway.answers["bounce_keys"] = [{"error": "destinations ask for tags"}]
    assert run_line(counter.desk(), "bvconfig clear force").errors == (
        "Error: destinations ask for tags\n"
    )
    answer(counter, CURRENT, done="key 1 is the current one", problems=["a worker cannot use it"])
    assert run_line(counter.desk(), "bvconfig key").errors == "Error: a worker cannot use it\n"


def test_keys_need_the_right_to_commit(counter: Counter) -> None:
    rita = counter.desk("rita", Role.READ_ONLY_OPERATOR)
    answer(counter, CURRENT, done="x")
    assert "KEY" not in sit(rita, "bvconfig", "").shown
    refused = run_line(rita, "bvconfig key")
    assert refused.errors.startswith("Error: Your role (Read-Only Operator) is not allowed")
    assert run_line(rita, "bvconfig setup enabled no").status == 0
    assert all(each["action"] == "list" for each in counter.gateway.asked)
    assert run_line(counter.desk("greta", Role.GUEST), "bvconfig key").status == 1
