"""The global unsubscribe list."""

import pytest

from mailwarden.core.policy.unsubscribe import (
    DEFAULT_ACTION,
    UNSUBSCRIBE_ENTRIES_MAX,
    UnsubscribeAction,
    UnsubscribeIndex,
    UnsubscribeList,
    build_unsubscribe,
    parse_unsubscribe,
)

TEXT = "bob@\nann@partner.example\n@list.example\n@.list.example\n192.0.2.9\n2001:db8::9\n"


def test_text_stays_as_it_is() -> None:
    imported = parse_unsubscribe(TEXT)
    assert (imported.problems, imported.warnings) == ((), ())
    assert imported.table.entries == tuple(TEXT.split())
    assert build_unsubscribe(imported.table) == TEXT


def test_row_80_a_user_in_any_domain() -> None:
    index = UnsubscribeIndex(parse_unsubscribe("bob@\n").table)
    assert index.find("bob@partner.example") == "bob@"
    assert index.find("ann@partner.example") is None
    assert UnsubscribeAction.BOUNCE.log_word == "bounced"
    assert UnsubscribeAction.DROP.log_word == "dropped"
    assert DEFAULT_ACTION is UnsubscribeAction.DROP


FOUND = [
    ("Bob@list.example", "bob@"),
    ("ann@partner.example", "ann@partner.example"),
    ("ann@list.example", "@list.example"),
    ("ann@eu.list.example", "@.list.example"),
    ("ann@other.example", None),
    ("ann@[192.0.2.9]", None),
    ("192.0.2.9", None),
    ("x@192.0.2.9", None),
]


@pytest.mark.parametrize(("recipient", "entry"), FOUND)
def test_recipients(recipient: str, entry: str | None) -> None:
    assert UnsubscribeIndex(parse_unsubscribe(TEXT).table).find(recipient) == entry


HOSTS = [
    ("192.0.2.9", "192.0.2.9"),
    ("2001:db8::9", "2001:db8::9"),
    ("192.0.2.90", None),
    ("bob@", None),
    ("", None),
]


@pytest.mark.parametrize(("address", "entry"), HOSTS)
def test_hosts(address: str, entry: str | None) -> None:
    assert UnsubscribeIndex(parse_unsubscribe(TEXT).table).find_host(address) == entry


def test_problems_and_warnings_have_lines() -> None:
    imported = parse_unsubscribe("bob@\n\nlist.example\n192.0.2.256\n192.0.2.9 x\nBOB@\nALL\n")
    assert [problem.path for problem in imported.problems] == [
        f"line {number}" for number in (3, 4, 5, 7)
    ]
    assert [warning.path for warning in imported.warnings] == ["line 6"]


def test_too_many_entries() -> None:
    text = "".join(f"u{number}@\n" for number in range(UNSUBSCRIBE_ENTRIES_MAX))
    assert parse_unsubscribe(text).problems == ()
    problems = parse_unsubscribe(f"{text}one@\ntwo@\n").problems
    assert [problem.path for problem in problems] == [f"line {UNSUBSCRIBE_ENTRIES_MAX + 1}"]


def test_an_empty_list_matches_nobody() -> None:
    index = UnsubscribeIndex(UnsubscribeList())
    assert index.find("bob@partner.example") is None
    assert index.find_host("192.0.2.9") is None


def test_forms_that_look_like_comments_survive() -> None:
    table = UnsubscribeList(("#bob@partner.example", '"a b"@'))
    assert parse_unsubscribe(build_unsubscribe(table)).table == table
