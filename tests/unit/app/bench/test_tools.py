"""What load and sink say is read strictly, and what is wrong is found in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.bench.profile import Profile
from mailwarden.app.bench.tools import (
    LoadReport,
    Shipment,
    SinkReport,
    load_command,
    parse_report,
)
from mailwarden.app.bench.workplace import BenchError, Workplace

LOAD: dict[str, Any] = {
    "event": "end",
    "connections": 3,
    "broken": 0,
    "redialled": 0,
    "open": 0,
    "cpu_seconds": 0.5,
    "messages": 10,
    "accepted": 10,
    "refused": 0,
    "failed": 0,
    "unknown": 0,
    "began": 1.0,
    "latest": 2.0,
    "rate": 10.0,
    "p50_ms": 1.0,
    "p90_ms": 2.0,
    "p99_ms": 3.0,
    "max_ms": 4.0,
    "transaction_p50_ms": 1.5,
    "transaction_p90_ms": 2.5,
    "transaction_p99_ms": 3.5,
    "transaction_max_ms": 4.5,
    "not_accepted": [],
}
SINK: dict[str, Any] = {
    "event": "end",
    "time": 3.0,
    "transactions": 10,
    "unique": 10,
    "duplicates": 0,
    "damaged": 0,
    "unmarked": 0,
    "foreign": 0,
    "misordered": 0,
    "deferred": 0,
    "connections": 2,
    "last": 2.5,
    "cpu_seconds": 0.1,
    "missing_sample": [],
}


def load_report(**changes: Any) -> LoadReport:
    return parse_report(json.dumps({**LOAD, **changes}).encode(), LoadReport)


def sink_report(**changes: Any) -> SinkReport:
    return parse_report(json.dumps({**SINK, **changes}).encode(), SinkReport)


def test_a_perfect_run_has_no_problems() -> None:
    assert load_report().problems() == []
    assert sink_report().problems(10) == []


def test_refused_messages_are_named_with_their_reply() -> None:
    lost = [{"id": 7, "code": 452, "reply": "452 no room"}]
    report = load_report(accepted=9, refused=1, not_accepted=lost)
    assert report.not_accepted[0].id == 7
    assert report.problems() == ["1 of 10 not accepted: 452 no room"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"unique": 8, "missing_sample": [3, 4]}, "2 of 10 missing (first: 3, 4)"),
        ({"duplicates": 1, "duplicate_sample": [5]}, "1 arrived twice (first: 5)"),
        ({"damaged": 2}, "2 changed on the way"),
        ({"unmarked": 1}, "1 unknown messages"),
        ({"foreign": 1}, "1 messages of another run"),
        ({"misordered": 1}, "1 commands out of order"),
    ],
)
def test_whatever_is_not_once_and_intact_is_a_problem(
    changes: dict[str, Any], problem: str
) -> None:
    assert sink_report(**changes).problems(10) == [problem]


def test_what_was_never_sent_is_not_named_as_missing() -> None:
    report = sink_report(unique=9, missing_sample=[3, 10, 11])
    assert report.problems(10) == ["1 of 10 missing (first: 3)"]


def test_more_deliveries_than_were_sent_are_a_problem() -> None:
    assert sink_report(unique=11).problems(10) != []


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"\xff", b'{"event":"end"}', b"x" * 9999])
def test_what_is_no_report_is_said(line: bytes) -> None:
    with pytest.raises(BenchError):
        parse_report(line, LoadReport)
    with pytest.raises(BenchError):
        parse_report(line, SinkReport)


def test_the_load_is_told_all_of_the_profile() -> None:
    workplace = Workplace(checkout=Path("/c"), state=Path("/s"))
    profile = Profile(
        name="p", size_bytes=5000, sessions=7, per_connection=0, mode="bdat", starttls=True,
        recipients=3,
    )  # fmt: skip
    shipment = Shipment(port=25, run="r", messages=9, first=4)
    command = load_command(workplace, profile, shipment)
    options = dict(zip(command[1:-1:2], command[2::2], strict=True))
    assert command[0] == "/s/bin/load"
    assert command[-1] == "--starttls"
    assert options["--connections"] == "7"
    assert options["--per-connection"] == "0"
    assert options["--mode"] == "bdat"
    assert options["--recipients"] == "3"
    assert options["--size"] == "5000"
    assert (options["--first"], options["--messages"]) == ("4", "9")
