"""Which recipients an administrator means."""

import math
from typing import Any

import pytest

from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.mailflow.delivery.selection import (
    ITEMS_MAX,
    Selection,
    build_selection,
    read_selection,
)
from mailwarden.stores.spool.spool import Entry, State

NOW = 1_000_000.0
RECIPIENTS = ("bob@corp.example", "Eve@Mail.Corp.example", "carl@partner.example", "nodomain")


def wanted(sender: str = "Ann@Partner.example", **tree: Any) -> list[int]:
    envelope = Envelope(
        mid=7,
        icid=1,
        sender=sender,
        recipients=tuple(map(Recipient, RECIPIENTS)),
        received_at=NOW,
    )
    return list(read_selection(tree, NOW).wanted(envelope, range(len(RECIPIENTS))))


@pytest.mark.parametrize(
    ("tree", "rids"),
    [
        ({}, [0, 1, 2, 3]),
        ({"recipient_hosts": ["corp.example"]}, [0]),
        ({"recipient_hosts": [".corp.example"]}, [1]),
        ({"recipient_hosts": [".example"]}, [0, 1, 2]),
        ({"recipient_hosts": ["CORP.example", "partner.example"]}, [0, 2]),
        ({"recipient_hosts": ["orp.example"]}, []),
        ({"recipients": ["eve@mail.corp.example"]}, [1]),
        ({"recipients": ["@corp.example", "carl@partner.example"]}, [0, 2]),
        ({"recipients": ["@corp.example"], "recipient_hosts": ["partner.example"]}, []),
        ({"senders": ["ann@partner.example"]}, [0, 1, 2, 3]),
        ({"senders": ["@partner.example"], "recipient_hosts": ["corp.example"]}, [0]),
        ({"senders": ["<>"]}, []),
        ({"senders": ["bob@partner.example", "@corp.example"]}, []),
    ],
)
def test_all_that_is_said_has_to_be_true(tree: dict[str, Any], rids: list[int]) -> None:
    assert wanted(**tree) == rids


def test_the_null_sender() -> None:
    assert wanted("", senders=["<>"]) == [0, 1, 2, 3]
    assert wanted("", senders=["@partner.example"]) == []


def test_age_and_number_need_no_envelope() -> None:
    entry = Entry(7, State.QUEUED, NOW - 60, 100, 1)
    assert read_selection({"older_than_seconds": 60}, NOW).wants(entry)
    assert not read_selection({"older_than_seconds": 61}, NOW).wants(entry)
    assert read_selection({"mids": [6, 7]}, NOW).wants(entry)
    assert not read_selection({"mids": [6]}, NOW).wants(entry)
    assert not read_selection({"mids": [7], "older_than_seconds": 0.5}, NOW).needs_envelope
    assert read_selection({"senders": ["<>"]}, NOW).needs_envelope


@pytest.mark.parametrize(
    "tree",
    [
        {"sender": ["x"]},
        {"senders": "x"},
        {"senders": [""]},
        {"senders": [7]},
        {"recipients": ["x" * 1001]},
        {"mids": ["7"]},
        {"mids": [1.5]},
        {"mids": [1] * (ITEMS_MAX + 1)},
        {"older_than_seconds": -1},
        {"older_than_seconds": math.nan},
        {"older_than_seconds": math.inf},
        {"older_than_seconds": "1d"},
    ],
)
def test_what_makes_no_sense_is_refused_rather_than_taken_for_all(tree: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"selection|list|number"):
        read_selection(tree, NOW)


def test_it_can_be_written_down() -> None:
    tree = {
        "recipient_hosts": ["b.example", "a.example"],
        "senders": ["<>"],
        "recipients": ["@c.example"],
        "mids": [9, 8],
    }
    selection = read_selection(tree, NOW)
    assert read_selection(build_selection(selection), NOW) == selection
    assert read_selection({}, NOW) == Selection()
