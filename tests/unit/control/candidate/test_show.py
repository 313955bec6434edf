"""Differences as administrators and programs see them."""

from typing import Any

from mailwarden.control.candidate.diff import diff
from mailwarden.control.candidate.show import (
    CHANGES_MAX,
    LINES_MAX,
    plain_changes,
    summary,
    text_lines,
)
from tests.unit.control.candidate.values import GATEWAY, SMALL, gateway


def shown(before: Any, after: Any) -> list[str]:
    return list(text_lines(diff(before, after, SMALL), SMALL))


def test_lines() -> None:
    before: Any = {"title": "a", "size": 1, "accounts": [{"name": "a"}, {"name": "b"}]}
    after: Any = {"title": "b", "is_on": True, "accounts": [{"name": "b"}, {"name": "a"}]}
    assert shown(before, after) == [
        "~ title: a -> b",
        "- size: was 1",
        "+ is_on: on",
        "> accounts: b moved",
    ]


def test_a_table_by_its_lines() -> None:
    before: Any = {"friends": [f"f{number}" for number in range(1000)]}
    after: Any = {"friends": [*before["friends"]]}
    after["friends"][500] = "\x1b[2J"
    after["friends"].append("last")
    assert shown(before, after) == [
        "~ friends: 2 lines added, 1 removed",
        "    @ line 501",
        "    - f500",
        "    + \\x1b[2J",
        "    @ line 1001",
        "    + last",
    ]
    (plain,) = plain_changes(diff(before, after, SMALL), SMALL)
    assert (plain["lines_added"], plain["lines_removed"]) == (2, 1)


def test_a_text_in_lines() -> None:
    assert shown({"text": "a\nb\n"}, {"text": "a\nc\n"})[0] == "~ text: 1 line added, 1 removed"
    assert shown({}, {"text": "a\nb"})[0] == "+ text: 2 lines added, 0 removed"


def test_what_is_shown_is_bounded() -> None:
    after: Any = {"friends": [str(number) for number in range(100_000)]}
    lines = shown({}, after)
    assert len(lines) == LINES_MAX + 3
    assert lines[-1] == f"    ... and {100_000 - LINES_MAX} more lines here"
    many: Any = {"owners": {f"o{number}": {"name": "x"} for number in range(CHANGES_MAX + 5)}}
    assert shown({"owners": {}}, many)[-1] == "... and 5 more changes"
    assert len(summary(diff({"owners": {}}, many, SMALL), SMALL)) < 17_000
    long: Any = {"title": "x" * 100_000}
    assert len(shown({}, long)[0]) < 300
    scattered: Any = {"friends": [f"{n}{'x' * (n % 2)}" for n in range(10_000)]}
    plain: Any = {"friends": [str(n) for n in range(10_000)]}
    assert shown(plain, scattered)[-1].endswith("more places")


def test_no_secret_is_shown() -> None:
    before: Any = {"accounts": [{"name": "a", "password": "hidden1", "tokens": ["hidden2"]}]}
    after: Any = {
        "accounts": [
            {"name": "a", "password": "hidden3", "tokens": ["hidden4", "hidden5"]},
            {"name": "b", "password": "hidden6", "tokens": ["hidden7"]},
        ],
        "owners": {"o": {"name": "o", "password": "hidden8"}},
    }
    for one, other in ((before, after), (after, before), ({}, after)):
        changes = diff(one, other, SMALL)
        assert "hidden" not in summary(changes, SMALL)
        assert "hidden" not in repr(plain_changes(changes, SMALL))
    assert "~ accounts.a.password: ***** -> *****" in shown(before, after)
    assert "hidden" not in repr(SMALL.masked_tree(after))
    assert SMALL.masked_tree({"accounts": [{"name": "a", "password": ""}]}) == {
        "accounts": [{"name": "a", "password": ""}]
    }


def test_c_05_a_pending_host_name_in_the_words_of_the_settings() -> None:
    after: Any = {**gateway(), "hostname": "mail9.example.com"}
    changes = diff(gateway(), after, GATEWAY)
    assert summary(changes, GATEWAY) == "~ hostname: mail3.example.com -> mail9.example.com"
    assert plain_changes(changes, GATEWAY) == [
        {
            "change": "changed",
            "path": "hostname",
            "before": "mail3.example.com",
            "after": "mail9.example.com",
        }
    ]


def test_a_table_in_a_file_of_its_own() -> None:
    before: Any = {"inbound": {"aliases": {"file": "a.txt"}}}
    after: Any = {"inbound": {"aliases": {"file": "b.txt"}}}
    assert (
        summary(diff(before, after, GATEWAY), GATEWAY) == "~ inbound.aliases.file: a.txt -> b.txt"
    )
