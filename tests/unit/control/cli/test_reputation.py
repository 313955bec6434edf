"""What `mailwarden reputation` shows of a host or sender."""

import json
from argparse import Namespace
from typing import Any

import pytest

from mailwarden.control.cli.parser import build_parser
from mailwarden.control.cli.reputation import show_reputation

NOW = 1_700_000_000.0
HOST: dict[str, Any] = {
    "address": "198.51.100.7",
    "score": {"value": -4.5, "provider": "own", "why": "own lists it", "logged": -4.5},
    "providers": [
        {"value": -4.5, "provider": "own", "why": "own lists it", "logged": -4.5},
        {"value": None, "provider": "history", "why": "too\x1blittle", "logged": None},
    ],
    "seen": {"messages": 9.7, "recipients": 12.2, "bad_recipients": 3.0, "spam": 0, "clean": 0},
    "network": "198.51.100.0/24",
    "network_seen": {"messages": 20.4},
    "counts": [
        {"of": "198.51.100.7", "recipients": 12, "invalid": 3},
        {"of": "198.51.100.0/24", "recipients": 30, "invalid": 0},
    ],
    "resets_at": NOW + 90,
}


def arguments(*words: str) -> Namespace:
    return build_parser().parse_args(["reputation", *words])


def shown(capsys: pytest.CaptureFixture[str], answer: dict[str, Any], *words: str) -> list[str]:
    show_reputation(arguments(*words), answer, NOW)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, HOST, "198.51.100.7") == [
        "198.51.100.7: score -4.5",
        "own: -4.5: own lists it",
        r"history: none: too\x1blittle",
        "",
        "This hour Recipients Invalid",
        "198.51.100.7 12 3",
        "198.51.100.0/24 30 0",
        "All counts begin at zero in 1m 30s.",
        "",
        "Seen, fading Messages Recipients Invalid Spam Clean",
        "198.51.100.7 10 12 3 0 0",
        "198.51.100.0/24 20 0 0 0 0",
    ]


def test_a_sender_has_counts_alone(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"counts": [{"of": "ann@partner.example", "recipients": 3, "invalid": 0}]}
    assert shown(capsys, answer, "ann@partner.example") == [
        "This hour Recipients Invalid",
        "ann@partner.example 3 0",
    ]


def test_a_score_that_could_not_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    score = {"value": None, "logged": "unable to retrieve"}
    lines = shown(capsys, {"address": "192.0.2.1", "score": score}, "192.0.2.1")
    assert lines[0] == "192.0.2.1: score unable to retrieve"


def test_what_was_done_is_said_first(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, HOST, "198.51.100.7", "--reset", "--forget")
    assert lines[:2] == [
        "its counts of this hour begin at zero",
        "what was seen of it is forgotten",
    ]
    show_reputation(arguments("198.51.100.7", "--reset", "--json"), HOST, NOW)
    assert json.loads(capsys.readouterr().out) == HOST


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("<Ann@Partner.example>", "ann@partner.example"),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert arguments(text).address == address


@pytest.mark.parametrize("text", ["nobody", "@partner.example", "ann@", "", "192.0.2.1/24"])
def test_what_is_no_address(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(text)
    assert "is neither; write 192.0.2.25 or ann@partner.example" in capsys.readouterr().err
