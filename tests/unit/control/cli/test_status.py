"""What `status` shows of the running gateway's answer."""

import json
from argparse import Namespace
from typing import Any

import pytest

from mailwarden.control.cli.failure import ExitCode
from mailwarden.control.cli.status import DESTINATIONS_SHOWN_MAX, render_status, show_status

NOW = 1_700_000_000.0
STATUS: dict[str, Any] = {
    "version": "0.1.0",
    "hostname": "gw1.example.test",
    "pid": 4711,
    "uptime_seconds": 11_530.2,
    "state": "running",
    "work_queue": "running",
    "listeners": [
        {"name": "Public", "type": "public", "address": "127.0.0.1", "port": 2525, "tls": "off"},
        {"name": "Six", "type": "private", "address": "::1", "port": 26, "tls": "implicit"},
    ],
    "workers": [
        {
            "index": 0,
            "pid": 4712,
            "state": "running",
            "connections": 3,
            "tls_connections": 1,
            "received": 0,
            "queued": 12,
            "held": 1,
            "memory_bytes": 45 * 1024**2,
            "cpu_seconds": 75.5,
            "counters": {"messages_received": 7},
        },
        {"index": 1, "pid": 4713, "state": "starting", "progress": "replaying 40 %"},
    ],
    "totals": {"messages_received": 7, "bounces": 2},
    "spool": {
        "received": 0,
        "queued": 12,
        "held": 1,
        "bytes_live": 14 * 1024**2,
        "bytes_on_disk": 20 * 1024**2,
        "bytes_free": 3 * 1024**3,
        "bytes_hot": 1024,
        "syncs": 5,
        "messages_synced": 9,
    },
    "destinations": [
        {"name": "a.example", "state": "up", "waiting": 1, "connections": 1},
        {
            "name": "b.example",
            "state": "down",
            "waiting": 11,
            "connections": 0,
            "next_attempt_at": NOW + 65,
            "last_error": "450 \x1b[2Jtry later",
        },
    ],
}


HEAD = (
    "Mailwarden 0.1.0 on gw1.example.test: running, up for 3h 12m, process 4711, work queue running"
)
SPOOL = (
    "Spool: 0 received, 12 queued, 1 held messages, 14M of mail, 20M on disk, 1k in memory, 3G free"
)


def test_the_whole_page() -> None:
    assert render_status(STATUS, NOW) == [
        HEAD,
        "",
        "Listener  Type     Address         TLS",
        "Public    public   127.0.0.1:2525  off",
        "Six       private  [::1]:26        implicit",
        "",
        "Worker  Process  State           Connections  TLS  Received  Queued  Held  Memory     CPU",
        "     0     4712  running                   3    1         0      12     1     45M  1m 15s",
        "     1     4713  replaying 40 %",
        "The figures below are without the mail of worker 1.",
        "",
        SPOOL,
        "",
        "Destination  State  Waiting  Connections  Next try  Last error",
        "b.example    down        11            0  1m 5s     450 \\x1b[2Jtry later",
        "a.example    up           1            1",
        "",
        "Since start",
        "bounces            2",
        "messages received  7",
    ]


@pytest.mark.parametrize("part", list(STATUS))
def test_an_answer_may_lack_any_part(part: str) -> None:
    rest = {name: value for name, value in STATUS.items() if name != part}
    assert render_status(rest, NOW)
    assert render_status({part: STATUS[part]}, NOW)


def test_rows_may_lack_anything() -> None:
    bare = {"workers": [{}], "listeners": [{}], "destinations": [{}], "spool": {}, "totals": None}
    assert render_status(bare, NOW)


def test_only_the_fullest_destinations_are_shown() -> None:
    rows = [{"name": f"d{number}.example", "waiting": number} for number in range(100)]
    lines = render_status({"destinations": rows}, NOW)
    assert lines[3].startswith("d99.example")
    assert lines[-1] == f"and {100 - DESTINATIONS_SHOWN_MAX} more"


def test_json_is_the_answer_itself(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = Namespace(json=True, watch=False, detail=False, interval=2.0)
    assert show_status(arguments, lambda: STATUS) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == STATUS


def test_watching_goes_on_until_it_is_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    arguments = Namespace(json=True, watch=True, detail=False, interval=0.5)
    assert show_status(arguments, lambda: {"pid": 1}, sleep=sleep) == ExitCode.DONE
    assert slept == [0.5, 0.5, 0.5]
    assert capsys.readouterr().out == '{"pid": 1}\n' * 3


def test_a_file_gets_no_terminal_commands(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    arguments = Namespace(json=False, watch=True, detail=False, interval=0.5)
    show_status(arguments, lambda: STATUS, now=lambda: NOW, sleep=interrupted)
    assert "\x1b" not in capsys.readouterr().out


def test_settings_that_wait_for_the_next_start_stand_below_the_first_line() -> None:
    lines = render_status({**STATUS, "waiting_for_start": ["workers", "user"]}, NOW)
    assert lines[:3] == [
        HEAD,
        "Changed in the file, but in effect only from the next start on: workers, user",
        "",
    ]


def test_a_worker_that_is_down_shows_why_below_the_table() -> None:
    progress = "ended with exit status 70; restarted in 4 seconds; it said: \x1b[2J"
    row = {"index": 1, "pid": 7, "state": "restarting", "progress": progress}
    assert render_status({"workers": [{"index": 0, "state": "running"}, row]}, NOW)[2:] == [
        "Worker  Process  State       Connections  TLS  Received  Queued  Held  Memory  CPU",
        "     0           running",
        "     1        7  restarting",
        f"Worker 1 {progress}".replace("\x1b", "\\x1b"),
        "The figures below are without the mail of worker 1.",
    ]


def test_what_is_suspended_or_redirected_is_seen_at_once() -> None:
    listeners = [{**row, "state": "running"} for row in STATUS["listeners"]]
    assert render_status({**STATUS, "listeners": listeners, "delivery": "running"}, NOW) == (
        render_status(STATUS, NOW)
    )
    listeners[1]["state"] = "suspended"
    changes = {"listeners": listeners, "delivery": "suspended", "redirects": [{}, {}]}
    head, _, heads, first, second, *_ = render_status({**STATUS, **changes}, NOW)
    assert head == f"{HEAD}, delivery suspended, 2 redirects of queued mail"
    assert heads == "Listener  Type     Address         TLS       State"
    assert first == "Public    public   127.0.0.1:2525  off"
    assert second == "Six       private  [::1]:26        implicit  suspended"
