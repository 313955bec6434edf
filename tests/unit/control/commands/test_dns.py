"""`dnsconfig` and `dnsflush` (admin 8.3)."""

import json
from typing import Any

import pytest

from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit


def dns(desk: Any) -> Any:
    return desk.candidate.tree.get("dns", {})


def test_sys_10_servers_in_a_dialogue(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "dnsconfig", "new", "", "10.0.0.53, 10.0.1.53:5353", "",
        "new", "2", "Corp.Example", "10.0.2.53", "1",
        "edit", "2", "", "7", "delete", "1", "", "commit", "",
    )  # fmt: skip
    assert "Currently using the DNS servers of the operating system." in sitting.shown
    assert "1. 10.0.0.53 (priority 0)\n2. 10.0.1.53:5353 (priority 0)\n" in sitting.shown
    assert "Alternate servers for single domains:\n3. corp.example: 10.0.2.53 (priority 1)" in (
        sitting.shown
    )
    assert "Please enter the IP address of your DNS server. [10.0.1.53:5353]> " in sitting.shown
    assert counter.running("dns") == {
        "servers": ["10.0.1.53:5353/pri=7"],
        "domains": {"corp.example": ["10.0.2.53/pri=1"]},
    }


def test_sys_11_the_batch_form(counter: Counter) -> None:
    desk = counter.desk()
    for line in (
        "new local 10.0.0.53,[2001:db8::53]:54 priority 2",
        "new domain 10.in-addr.arpa 10.0.2.53",
        "edit 10.0.0.53 priority 0",
        "delete 10.in-addr.arpa=10.0.2.53",
    ):
        sitting = run_line(desk, f"dnsconfig {line}")
        assert sitting.status == 0, sitting.errors
    assert dns(desk)["servers"] == ["10.0.0.53", "[2001:db8::53]:54/pri=2"]
    assert not dns(desk).get("domains")
    assert run_line(desk, "dnsconfig delete 10.0.0.53").status == 0
    assert run_line(desk, "dnsconfig delete 1").status == 0
    assert "servers" not in dns(desk)


def test_general_settings(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "dnsconfig", "setup", "2", "10.0.0.53", "", "0", "", "", "", "", "", "1000", "",
        "commit", "",
    )  # fmt: skip
    assert "Choose the IP interface for DNS traffic.\n1. Auto\n2. Loopback\n[1]> " in sitting.shown
    assert "reverse DNS lookup times out. [20" in sitting.shown
    assert counter.running("dns") == {
        "servers": ["10.0.0.53"], "reverse_timeout_seconds": 0, "cache_entries_max": 1000,
    }  # fmt: skip
    line = "dnsconfig setup use trusted interface Loopback reverse_timeout_seconds 20"
    assert run_line(desk, line).status == 0
    assert dns(desk)["trusted_servers"] == ["10.0.0.53"]
    assert (dns(desk)["interface"], dns(desk)["reverse_timeout_seconds"]) == ("Loopback", 20)
    assert "servers" not in dns(desk)
    assert run_line(desk, "dnsconfig new local 10.0.1.53 priority 1").status == 0
    assert dns(desk)["trusted_servers"] == ["10.0.0.53", "10.0.1.53/pri=1"]
    assert run_line(desk, "dnsconfig setup use system").status == 0
    assert not {"servers", "trusted_servers"} & set(dns(desk))


REFUSED = [
    ("new local ns.example", "is not an IP address or address:port"),
    ("new local 10.0.0.53/pri=1", "The priority is asked for by itself"),
    ("new local 10.0.0.53,10.0.0.53", "10.0.0.53 is there already"),
    ("new domain a..b 10.0.0.53", "is not a domain"),
    ("new local 10.0.0.53 priority 70000", "priority: "),
    ("edit 10.9.9.9 priority 1", "EDIT is not possible at present"),
    ("setup use own", "servers"),
    ("setup interface Nobody", "'Nobody' is not in the list"),
    ("setup cache_ttl_min_seconds 2h cache_ttl_max_seconds 1h", "is more than"),
]


@pytest.mark.parametrize(("line", "why"), REFUSED)
def test_what_is_refused(counter: Counter, line: str, why: str) -> None:
    desk = counter.desk()
    before = desk.candidate.tree
    sitting = run_line(desk, f"dnsconfig {line}")
    assert sitting.status == 1
    assert why in sitting.errors
    assert desk.candidate.tree is before


def test_more_than_three_priorities(counter: Counter) -> None:
    desk = counter.desk()
    for priority in range(3):
        line = f"dnsconfig new local 10.0.0.{priority} priority {priority}"
        assert run_line(desk, line).status == 0
    refused = run_line(desk, "dnsconfig new local 10.0.0.9 priority 9")
    assert "more than 3 different priorities" in refused.errors


def test_sys_14_the_cache_is_flushed(counter: Counter) -> None:
    counter.gateway.answers["dnsflush"] = [
        {"workers": [{"flushed": 3}, {"flushed": 4}], "unanswered": []}
    ]
    sitting = sit(counter.desk(), "dnsflush", "", "dnsflush", "y")
    assert "Are you sure you want to clear out the DNS cache? [N]> " in sitting.shown
    assert sitting.shown.count("The DNS cache is empty.") == 1
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.action, record.detail) == ("dnsflush", "by dnsflush")
    refused = sit(counter.desk("rita", Role.READ_ONLY_OPERATOR), "dnsflush", "y")
    assert "You do not have permission to run dnsflush" in refused.screen


def test_who_may(counter: Counter) -> None:
    refused = run_line(counter.desk("gus", Role.GUEST), "dnsconfig new local 10.0.0.53")
    assert refused.errors == "You do not have permission to run dnsconfig\n"
    desk = counter.desk("rita", Role.READ_ONLY_OPERATOR)
    staged = run_line(desk, "--json dnsconfig new local 10.0.0.53")
    assert json.loads(staged.shown)["messages"] == ["Added: 10.0.0.53."]
    assert desk.pending_changes() == 1
