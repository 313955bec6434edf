"""`sslconfig`: versions and ciphers of TLS (admin 1.7)."""

import json

import pytest

from tests.unit.control.commands.counter import Counter, run_line, sit


def test_the_menu_shows_and_edits_each_use(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "sslconfig", "inbound", "TLSv1.3", "", "", "", "commit x")
    assert "inbound SMTP: TLSv1.2 to TLSv1.3" in sitting.shown
    assert "inbound SMTP: TLSv1.3 to TLSv1.3" in sitting.shown
    for name in ("GUI", "INBOUND", "OUTBOUND", "VERIFY"):
        assert f"- {name} - " in sitting.shown
    assert counter.running("tls", "inbound", "minimum_version") == "TLSv1.3"


@pytest.mark.parametrize("use", ["gui", "inbound", "outbound"])
def test_the_batch_form(counter: Counter, use: str) -> None:
    desk = counter.desk()
    done = run_line(desk, f"sslconfig {use} minimum_version TLSv1.1 ciphers ECDHE+AESGCM")
    assert (done.status, done.errors) == (0, "")
    held = desk.candidate.tree["tls"][use]  # type: ignore[index, call-overload]
    assert (held["minimum_version"], held["ciphers"]) == ("TLSv1.1", "ECDHE+AESGCM")
    refused = run_line(desk, f"sslconfig {use} minimum_version TLSv1.3 maximum_version TLSv1.2")
    assert "is newer than TLSv1.2" in refused.errors
    refused = run_line(desk, f"sslconfig {use} ciphers NULL")
    assert refused.status == 1


def test_verify_lists_what_ciphers_come_to(counter: Counter) -> None:
    desk = counter.desk()
    shown = json.loads(run_line(desk, "--json sslconfig verify ECDHE+AESGCM").shown)["data"]
    names = [suite["name"] for suite in shown]
    assert "ECDHE-RSA-AES256-GCM-SHA384" in names
    assert "TLS_AES_256_GCM_SHA384" in names
    assert "Key Exchange" in run_line(desk, "sslconfig VERIFY").shown
    assert "allows no cipher" in run_line(desk, "sslconfig verify nonsense").errors
    assert desk.pending_changes() == 0
