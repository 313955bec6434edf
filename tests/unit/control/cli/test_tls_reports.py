"""`mailwarden tls-reports`: what all workers counted, put together."""

import json
from argparse import Namespace

import pytest

from mailwarden.control.cli.tls_reports import show_reports

ROW = {
    "day": "2026-11-24",
    "domain": "a.example",
    "policy": "sts",
    "successes": 3,
    "failures": 0,
    "state": "counting",
    "error": "",
}
LATE = {**ROW, "day": "2026-11-23", "state": "sending", "error": "no\x1b"}


def test_counts_of_workers_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    pages = [{"reports": [ROW]}, {}, {"reports": [{**ROW, "failures": 2}]}]
    show_reports(Namespace(json=False), pages)
    assert capsys.readouterr().out.splitlines() == [
        "Day         Domain     Policy  Good  Failed  State",
        "2026-11-24  a.example  sts        6       2  counting",
    ]


def test_why_a_report_has_not_gone(capsys: pytest.CaptureFixture[str]) -> None:
    show_reports(Namespace(json=False), [{"reports": [ROW, LATE]}])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "2026-11-23  a.example  sts        3       0  sending   no\\x1b"
    show_reports(Namespace(json=True), [{"reports": [ROW, LATE]}])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows == [LATE, ROW]


def test_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show_reports(Namespace(json=False), [{"reports": []}])
    assert capsys.readouterr().out == "nothing is counted that was not reported\n"
