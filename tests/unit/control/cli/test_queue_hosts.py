"""What `queue hosts` shows, put together from all workers."""

import json
import time
from argparse import Namespace
from typing import Any

import pytest

from mailwarden.control.answers.hosts import merge_hosts
from mailwarden.control.cli.parser import build_parser
from mailwarden.control.cli.queue_hosts import SORTED_BY, show_host, show_hosts

NOW = 1_700_000_000.0
COUNTED = (
    "Since start: 14 completed, 2 delivered, 0 dropped, 6 deleted, 2 soft bounced, 2 hard bounced "
    "(0 DNS, 2 5XX, 0 expired, 0 other)"
)


def row(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "state": "up",
        "waiting": 1,
        "connections": 1,
        "delivered": 1,
        "hard_bounced": 1,
        "soft_bounced": 1,
        "last_activity": NOW - 60,
        "last_error": "",
        **more,
    }


PAGES = [
    {},
    {"hosts": [row("a.example", delivered=5), row("b.example", waiting=9, last_activity=0)]},
    {"hosts": [row("a.example", state="down", soft_bounced=7, last_activity=NOW - 5)]},
]


def arguments(*words: str) -> Namespace:
    return build_parser().parse_args(["queue", "hosts", *words])


def test_the_most_first(capsys: pytest.CaptureFixture[str]) -> None:
    show_hosts(arguments(), PAGES, NOW)
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()] == [
        "Host State Waiting Connections Delivered Hard bounced Soft bounced Last activity",
        "b.example up 9 1 1 1 1",
        "a.example down 2 2 6 2 8 5s ago",
    ]
    show_hosts(arguments("--sort", "delivered", "--top", "1"), PAGES, NOW)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("a.example")
    assert lines[2:] == ["1 host of 2; --top 0 shows all"]
    show_hosts(arguments("--json", "--top", "0"), PAGES, NOW)
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == [
        "b.example",
        "a.example",
    ]
    show_hosts(arguments(), [], NOW)
    assert capsys.readouterr().out == "no destination is known\n"


def test_every_column_sorts() -> None:
    for words in SORTED_BY:
        assert arguments("--sort", words).sort == words


def test_one_destination(capsys: pytest.CaptureFixture[str]) -> None:
    one = row(
        "a.example",
        recipients=3,
        unattempted=1,
        attempted=2,
        opening=0,
        oldest_at=NOW - 3600,
        oldest_mid=21,
        completed=7,
        dropped=0,
        deleted=3,
        bounced_dns=0,
        bounced_5xx=1,
        bounced_expired=0,
        bounced_other=0,
        last_5xx="5.1.0 - Unknown address error 550-'no\x1b'",
        last_5xx_at=NOW - 120,
        last_error="4.4.0 - x",
        endpoints=[
            {
                "host": "mx.a.example",
                "address": "10.0.0.9",
                "port": 25,
                "preference": 10,
                "tls": "DANE",
                "error": "refused",
                "seconds_left": 45.0,
            },
            {"host": "mx.a.example", "address": "10.0.0.8", "port": 25, "error": ""},
        ],
    )
    other = {**one, "oldest_at": NOW - 60, "oldest_mid": 30, "endpoints": [], "last_5xx_at": 0.0}
    show_host(arguments("a.example"), [{"hosts": [other]}, {"hosts": [one]}], NOW)
    assert capsys.readouterr().out.splitlines() == [
        "a.example: up",
        f"Status as of: {time.strftime('%a %b %e %H:%M:%S %Y', time.localtime(NOW))}",
        "Waiting: 6 recipients, 2 unattempted, 4 attempted",
        "Connections: 2, 0 of them being opened",
        COUNTED,
        "Oldest message: MID 21, 1h old",
        "Last activity: 1m ago",
        "Last error: 4.4.0 - x",
        "Last 5XX error: 5.1.0 - Unknown address error 550-'no\\x1b' (2m ago)",
        "",
        "Order  Preference  Host          Address   Port  TLS by  State",
        "    1          10  mx.a.example  10.0.0.9    25  DANE    left alone for 45s: refused",
        "    2              mx.a.example  10.0.0.8    25          to be tried",
    ]
    show_host(arguments("a.example", "--json"), [{"hosts": [one]}], NOW)
    assert json.loads(capsys.readouterr().out)[0]["oldest_mid"] == 21
    show_host(arguments("x.example"), [{}], NOW)
    assert capsys.readouterr().out.startswith("x.example: unknown")


def test_the_worst_state_counts() -> None:
    for states, worst in ((["unknown", "up"], "up"), (["down", "up"], "down"), (["x"], "x")):
        pages = [{"hosts": [row("a", state=state)]} for state in states]
        assert merge_hosts(pages)[0]["state"] == worst


def test_what_is_held_back_and_with_whom_limits_are_shared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    limit = {"why": "the limit is reached", "until": NOW + 90}
    slow = {"why": "Gmail asks to slow down: connections 4", "until": 0}
    names = [f"d{number}.example" for number in range(7)]
    pages = [
        {"hosts": [row("a.example", held_back=[limit], shares="Gmail", shares_with=names[:4])]},
        {"hosts": [row("a.example", held_back=[limit, slow])]},
        {"hosts": [row("a.example", shares="Gmail", shares_with=names[3:])]},
    ]
    show_host(arguments("a.example"), pages, NOW)
    lines = capsys.readouterr().out.splitlines()
    shared = "d0.example, d1.example, d2.example, d3.example, d4.example and 2 more"
    assert f"Shares limits of Gmail with 7 other destinations: {shared}" in lines
    held = [line for line in lines if line.startswith("Held back: ")]
    assert held[0].startswith("Held back: the limit is reached, until ")
    assert held[0].endswith(" (in 1m 30s)")
    assert held[1:] == ["Held back: Gmail asks to slow down: connections 4"]
    show_hosts(arguments(), pages, NOW)
    lines = capsys.readouterr().out.splitlines()
    assert "a.example is held back: Gmail asks to slow down: connections 4" in lines
