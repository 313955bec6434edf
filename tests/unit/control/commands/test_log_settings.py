"""`logconfig` and `rollovernow`."""

import json

import pytest

from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit


def test_settings_in_a_dialogue(counter: Counter) -> None:
    desk = counter.desk()
    before = counter.running("logs") or {}
    sitting = sit(
        desk, "logconfig", "setup", "debug", "", "y", "", "", "10M", "", "30",
        "logheaders", "X-SBRS, Subject:", "", "commit", "",
    )  # fmt: skip
    assert "Currently configured logs:\n1. mail.log\n" in sitting.shown
    assert "Header fields that are logged: X-SBRS, Subject" in sitting.shown
    assert counter.running("logs") == {
        **before, "level": "debug", "json": True, "rotate_size_bytes": 10 * 1024 * 1024,
        "keep_files": 30, "headers": ["X-SBRS", "Subject"],
    }  # fmt: skip


def test_the_batch_form(counter: Counter) -> None:
    desk = counter.desk()
    assert run_line(desk, "logconfig setup level trace keep_files 3").status == 0
    assert run_line(desk, "logconfig logheaders X-A,X-B").status == 0
    assert desk.candidate.tree["logs"]["headers"] == ["X-A", "X-B"]  # type: ignore[index, call-overload]
    assert run_line(desk, "logconfig logheaders none").status == 0
    assert "headers" not in desk.candidate.tree["logs"]  # type: ignore[operator]
    assert (
        "is not the name of a header field" in run_line(desk, "logconfig logheaders 'a b'").errors
    )
    assert "level: " in run_line(desk, "logconfig setup level loud").errors


def test_fingerprints_of_our_keys(counter: Counter) -> None:
    assert "There are none" in run_line(counter.desk(), "logconfig hostkeyconfig fingerprint").shown
    counter.administration.host_keys = lambda: ("ssh-ed25519 SHA256:abc\x1b",)
    sitting = run_line(counter.desk(), "--json logconfig hostkeyconfig fingerprint")
    assert json.loads(sitting.shown)["data"] == ["ssh-ed25519 SHA256:abc\\x1b"]


def test_logs_are_rolled_over(counter: Counter) -> None:
    counter.gateway.answers["log_rollover"] = [{"rolled_over": ["mail.log", "bounces.log"]}]
    sitting = sit(counter.desk(), "rollovernow", "")
    assert "1. All logs\n2. mail.log\n3. mail.json\n4. bounces.log\n[1]> " in sitting.shown
    assert "Log files successfully rolled over: mail.log, bounces.log." in sitting.shown
    assert counter.gateway.asked[-1] == {"command": "log_rollover", "log": "", "by": "admin"}
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.action, record.detail) == ("rollovernow", "mail.log, bounces.log")
    shown = run_line(counter.desk(), "--json rollovernow bounces.log").shown
    assert counter.gateway.asked[-1]["log"] == "bounces.log"
    assert json.loads(shown)["data"] == {"logs": ["mail.log", "bounces.log"]}


@pytest.mark.parametrize("line", ["logconfig setup level info", "rollovernow all"])
def test_who_may(counter: Counter, line: str) -> None:
    refused = run_line(counter.desk("gus", Role.GUEST), line)
    assert "You do not have permission" in refused.errors


def test_what_the_gateway_refuses(counter: Counter) -> None:
    assert "'x.log' is not in the list" in run_line(counter.desk(), "rollovernow x.log").errors
    counter.gateway.answers["log_rollover"] = [{"error": "no log has a new file"}]
    assert "no log has a new file" in run_line(counter.desk(), "rollovernow all").errors
