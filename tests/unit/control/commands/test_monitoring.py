"""`status`, `rate`, `tophosts` and the others that show what happens (admin 1.6.5, CLI-52)."""

import json
from typing import Any

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

NOW = 1_289_297_702.0
STATUS: dict[str, Any] = {
    "hostname": "gw1.example.test",
    "uptime_seconds": 81_929.0,
    "state": "running",
    "work_queue": "running",
    "delivery": "running",
    "listeners": [
        {"name": "In", "address": "192.0.2.1", "port": 25, "state": "running"},
        {"name": "Out", "address": "192.0.2.1", "port": 26, "state": "running"},
    ],
    "workers": [
        {"index": 0, "pid": 44, "state": "running", "memory_bytes": 30 << 20, "cpu_seconds": 50},
        {"index": 1, "pid": 45, "state": "running", "memory_bytes": 20 << 20, "cpu_seconds": 70},
    ],
    "totals": {"messages_in": 12_345, "delivered": 5, "bounced_hard": 2, "tls_out": 3},
    "counters": {"reset": {"messages_in": 7}, "lifetime": {"messages_in": 99_999_999}},
    "reset_at": NOW - 60,
    "rates": {"1-minute": {"delivered": 240}, "5-minutes": {}, "15-minutes": {}},
    "gauges": {"connections_in": 4, "connections_out": 1, "received": 2, "queued": 8, "held": 1},
    "spool": {"bytes_live": 4096, "bytes_free": 1 << 30, "bytes_on_disk": 1 << 20},
    "redirects": [],
}


def answering(counter: Counter, **changes: Any) -> None:
    counter.gateway.answers["status"] = [{**STATUS, **changes}]
    counter.gateway.answers["queue_oldest"] = [{"message": {"mid": 1, "received_at": NOW - 7200}}]


def test_cli_52_what_status_shows(counter: Counter) -> None:
    answering(counter)
    sitting = run_line(counter.desk("gus", Role.GUEST), "status")
    assert (
        sitting.shown
        == """\
Status as of:                  Tue Nov  9 10:15:02 2010 GMT
Up since:                      Mon Nov  8 11:29:33 2010 GMT (22h 45m)
Last counter reset:            Tue Nov  9 10:14:02 2010 GMT
System status:                 Online
Oldest Message:                2h
Counters:                                     Reset          Uptime        Lifetime
  Receiving
    Messages Received                             7          12,345      99,999,999
    Recipients Received                           0               0               0
  Rejection
    Rejected Recipients                           0               0               0
    Dropped Recipients                            0               0               0
  Queue
    Soft Bounced Events                           0               0               0
  Completion
    Completed Recipients                          0               7               0
Gauges:                                     Current
  Connections
    Current Inbound Conn.                         4
    Current Outbound Conn.                        1
  Queue
    Messages In Work Queue                        2
    Messages Queued For Delivery                  8
    Messages Held                                 1
    Kilobytes Used                                4
    Kilobytes Free                        1,048,576
  System
    RAM Used                                    50M
    CPU Time                                     2m
    Disk Used By The Queue                       1M
"""
    )


def test_status_detail_shows_all_that_is_counted(counter: Counter) -> None:
    answering(counter, waiting_for_start=["workers"], redirects=[{"to": "relay.example"}])
    shown = run_line(counter.desk(), "status detail").shown
    for line in (
        "In effect from the next start: workers\n",
        "Queued mail is redirected to:  relay.example\n",
        "    Hard Bounced Recipients                       0               2               0\n",
        "  Others\n    Tls out                                       0               3",
        "Rates (Events Per Hour):                   1-minute       5-minutes      15-minutes\n",
        "    Completed Recipients                        240               0               0\n",
        "  In                                   192.0.2.1:25         running\n",
        "  Worker 1                               process 45         running\n",
    ):
        assert line in shown, line


def test_status_as_json(counter: Counter) -> None:
    answering(counter)
    data = json.loads(run_line(counter.desk(), "--json status").shown)["data"]
    assert data == {
        **STATUS, "as_of": NOW, "system_status": "Online", "oldest_at": NOW - 7200,
    }  # fmt: skip


STATES: list[tuple[dict[str, Any], str]] = [
    ({"work_queue": "paused"}, "Work queue paused"),
    ({"delivery": "suspended"}, "Delivery suspended"),
    ({"listeners": [{"name": "In", "state": "suspended"}]}, "Receiving suspended"),
    (
        {"listeners": [{"name": "In", "state": "suspended"}], "delivery": "suspended"},
        "Offline",
    ),
    (
        {
            "listeners": [{"name": "In", "state": "suspended"}, {"name": "O", "state": "running"}],
            "delivery": "suspended",
            "work_queue": "paused",
        },
        "Receiving suspended (In), Delivery suspended, Work queue paused",
    ),
    ({"state": "stopping"}, "Stopping"),
]


@pytest.mark.parametrize(("changes", "state"), STATES)
def test_c_26_the_state_of_the_system(
    counter: Counter, changes: dict[str, Any], state: str
) -> None:
    answering(counter, **changes)
    assert f"System status:                 {state}\n" in run_line(counter.desk(), "status").shown


def test_status_without_a_gateway(counter: Counter) -> None:
    assert run_line(counter.desk(), "status").errors == "The gateway gave no answer.\n"
    assert run_line(counter.desk(), "status now").errors.startswith("Error: detail: 'now'")


def test_status_while_a_worker_starts(counter: Counter) -> None:
    answering(counter)
    counter.gateway.answers["queue_oldest"] = [{"error": "not all mail was looked at"}]
    assert "Oldest Message:                No Messages" in run_line(counter.desk(), "status").shown


def test_counters_are_reset(counter: Counter) -> None:
    counter.gateway.answers["reset_counters"] = [{"reset": True}]
    sitting = sit(counter.desk("olga", Role.OPERATOR), "resetcounters", "y")
    assert "The counters begin anew." in sitting.shown
    assert counter.gateway.asked == [{"command": "reset_counters", "by": "olga"}]
    assert counter.administration.versions.store.audit(1)[0].action == "resetcounters"


RATE: dict[str, Any] = {
    "gauges": {"connections_in": 10, "connections_out": 2, "received": 3, "bytes_live": 65_536},
    "totals": {"recipients_in": 1207, "delivered": 1190, "messages_in": 600},
    "work_queue": "running",
}


def test_rate_goes_on_until_ctrl_c(counter: Counter) -> None:
    counter.gateway.answers["rate"] = [RATE]
    sitting = sit(counter.desk("gus", Role.GUEST), "rate", "5", Key.CTRL_C, "version")
    assert "Enter the number of seconds between displays. [10]> " in sitting.shown
    assert "Type Ctrl-C to return to the main prompt." in sitting.shown
    assert "         10     2        1207       0        1190       0       64\n" in sitting.shown
    assert "Serial #" in sitting.shown
    assert "Abandoned" not in sitting.shown


def test_rates_as_json(counter: Counter) -> None:
    counter.gateway.answers["rate"] = [RATE]
    data = json.loads(run_line(counter.desk(), "--json rate 1 count 1").shown)["data"]
    assert data == [
        {
            "at": NOW, "connections_in": 10, "connections_out": 2, "received": 1207,
            "received_delta": 0, "completed": 1190, "completed_delta": 0, "kilobytes_used": 64,
        }
    ]  # fmt: skip


HOSTS: list[dict[str, Any]] = [
    {"hosts": [{"name": "a.example", "state": "up", "waiting": 4, "connections": 1,
                "recipients": 5, "delivered": 9, "hard_bounced": 0, "soft_bounced": 3}]},
    {"hosts": [{"name": "b.example", "state": "down", "waiting": 7, "connections": 0,
                "recipients": 8, "delivered": 0, "hard_bounced": 2, "soft_bounced": 1,
                "last_error": "gone\x1b"}]},
]  # fmt: skip


def test_how_mail_to_a_host_goes(counter: Counter) -> None:
    counter.gateway.answers["queue_hosts"] = HOSTS[:1]
    sitting = run_line(counter.desk(), "hostrate A.Example count 1")
    assert sitting.shown.splitlines()[-1].split()[1:] == ["up", "1", "5", "0", "0", "0", "0"]
    assert counter.gateway.asked[0]["domain"] == "a.example"


def test_the_status_of_a_host(counter: Counter) -> None:
    counter.gateway.answers["queue_hosts"] = HOSTS[1:]
    sitting = sit(counter.desk(), "hoststatus", "b.example")
    assert 'Host mail status for: "b.example"\n\nb.example: down\n' in sitting.shown
    assert "Last error: gone\\x1b\n" in sitting.shown
    counter.gateway.answers["queue_hosts"] = [{}]
    assert "Nothing is known of c.example" in run_line(counter.desk(), "hoststatus c.example").shown
    assert json.loads(run_line(counter.desk(), "--json hoststatus c.example").shown)["data"] == []


@pytest.mark.parametrize(
    ("sort", "first"),
    [("", "b"), ("connections", "a"), ("3", "a"), ("hardbounced", "b"), ("softbounced", "a")],
)
def test_the_busiest_hosts(counter: Counter, sort: str, first: str) -> None:
    counter.gateway.answers["queue_hosts"] = HOSTS
    sitting = sit(counter.desk(), "tophosts", sort)
    assert "Sort results by:\n1. Active Messages\n2. Connections Out\n" in sitting.shown
    assert f"1  {first}.example" in sitting.shown


def test_many_hosts_are_cut(counter: Counter) -> None:
    rows = [{"name": f"h{number}.example", "waiting": number} for number in range(25)]
    counter.gateway.answers["queue_hosts"] = [{"hosts": rows}]
    assert "20 hosts of 25\n" in run_line(counter.desk(), "tophosts active").shown
    data = json.loads(run_line(counter.desk(), "--json tophosts").shown)["data"]
    assert [row["name"] for row in data][:2] == ["h24.example", "h23.example"]
    assert len(data) == 25


def test_the_busiest_clients(counter: Counter) -> None:
    counter.gateway.answers["queue_top_in"] = [
        {"clients": [{"address": "192.0.2.9", "listener": "In", "name": "", "connections": 1}]},
        {"clients": [{"address": "192.0.2.9", "listener": "In", "name": "m.example",
                      "connections": 4}]},
    ]  # fmt: skip
    sitting = run_line(counter.desk("gus", Role.GUEST), "topin")
    assert sitting.shown.splitlines()[-1].split() == ["1", "m.example", "192.0.2.9", "In", "5"]
    counter.gateway.answers["queue_top_in"] = []
    assert "There is no host." in run_line(counter.desk(), "topin").shown


def test_s_11_tls_is_verified_step_by_step(counter: Counter) -> None:
    steps: list[dict[str, Any]] = [
        {"host": "", "text": "TLS for p.example is required"},
        {"host": "mx.p.example [192.0.2.1]:25", "text": "TLSv1.3 with TLS_AES_256_GCM_SHA384"},
        {},
        {"host": "mx.p.example [192.0.2.1]:25", "text": "result: mail goes there \x1b"},
    ]
    last = {"hosts": 1, "usable": 1, "done": True}
    counter.gateway.answers["tls_verify"] = [*steps, last]
    sitting = sit(counter.desk(), "tlsverify", "P.example", "mx.p.example:2525")
    assert (
        "TLS for p.example is required\n"
        "Connecting to mx.p.example [192.0.2.1]:25.\n"
        "  TLSv1.3 with TLS_AES_256_GCM_SHA384\n"
        "  result: mail goes there \\x1b\n"
        "TLS verification completed. Mail for p.example would be delivered: to 1 of 1 hosts.\n"
    ) in sitting.shown
    assert counter.gateway.asked[0]["host"] == "mx.p.example:2525"
    assert counter.gateway.asked[0]["domain"] == "p.example"
    data = json.loads(run_line(counter.desk(), "--json tlsverify p.example").shown)["data"]
    assert data == {
        "domain": "p.example",
        "steps": [s for s in steps if s],
        "hosts": 1,
        "usable": 1,
    }


def test_s_11_the_verdict_when_mail_goes_nowhere(counter: Counter) -> None:
    counter.gateway.answers["tls_verify"] = [{"hosts": 2, "usable": 0, "done": True}]
    shown = run_line(counter.desk(), "tlsverify p.example").shown
    assert "would be delivered to none of 2 hosts." in shown
    counter.gateway.answers["tls_verify"] = [{"hosts": 0, "usable": 0, "done": True}]
    assert "There is no host for p.example" in run_line(counter.desk(), "tlsverify p.example").shown
    counter.gateway.answers["tls_verify"] = [{"text": "x", "host": ""}]
    assert "broken off" in run_line(counter.desk(), "tlsverify p.example").errors
    assert run_line(counter.desk(), "tlsverify p.example a:b").errors.startswith("Error: host: ")
    refused = run_line(counter.desk("rita", Role.READ_ONLY_OPERATOR), "tlsverify p.example")
    assert "You do not have permission" in refused.errors
