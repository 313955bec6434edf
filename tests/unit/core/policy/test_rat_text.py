"""The text file of the recipient access table."""

import pytest

from mailwarden.core.policy import rat_text
from mailwarden.core.policy.rat import DEFAULT_ENTRY, RAT_ENTRIES_MAX, Rat, RatAction, RatEntry
from mailwarden.core.policy.rat_text import (
    build_rat,
    build_rat_entry,
    parse_rat,
    parse_rat_entry,
)
from mailwarden.core.problem import Problem
from mailwarden.core.smtp.reply import Reply

MANUAL = """\
corp.example                ACCEPT
.corp.example               ACCEPT
postmaster@corp.example     ACCEPT bypass_throttle bypass_ldap
old@corp.example            REJECT (554 "This address was retired")
ALL                         REJECT
"""
ACCEPT, REJECT = RatAction.ACCEPT, RatAction.REJECT


def problems_of(text: str) -> list[str]:
    return [problem.path for problem in parse_rat(text).problems]


def test_the_manuals_example_stays_as_it_is() -> None:
    imported = parse_rat(MANUAL)
    assert imported.problems == ()
    assert imported.table == Rat(
        (
            RatEntry("corp.example", ACCEPT),
            RatEntry(".corp.example", ACCEPT),
            RatEntry("postmaster@corp.example", ACCEPT, bypass_throttle=True, bypass_ldap=True),
            RatEntry("old@corp.example", REJECT, Reply(554, "This address was retired")),
        )
    )
    assert build_rat(imported.table) == MANUAL


def test_entries_that_an_earlier_one_hides_are_named() -> None:
    assert parse_rat(MANUAL).warnings == (
        Problem(
            "line 3",
            "postmaster@corp.example has no effect, as corp.example in line 1 comes first",
        ),
        Problem("line 4", "old@corp.example has no effect, as corp.example in line 1 comes first"),
    )


HIDDEN = [
    ("bob@", "bob@corp.example", True),
    ("bob@corp.example", "bob@", False),
    (".corp.example", "bob@eu.corp.example", True),
    (".corp.example", "eu.corp.example", True),
    (".corp.example", ".eu.corp.example", True),
    (".corp.example", "corp.example", False),
    ("corp.example", ".corp.example", False),
    ("corp.example", "bob@eu.corp.example", False),
    ("eu.corp.example", ".corp.example", False),
    ("corp.example", "CORP.example", True),
    ("[192.0.2.10]", "bob@[192.0.2.10]", True),
    ("b@corp.example", '"a@b"@corp.example', False),
]


@pytest.mark.parametrize(("first", "second", "is_hidden"), HIDDEN)
def test_which_entry_hides_which(first: str, second: str, is_hidden: bool) -> None:
    warnings = parse_rat(f"{first} ACCEPT\n{second} ACCEPT\n").warnings
    assert [warning.path for warning in warnings] == (["line 2"] if is_hidden else [])


def test_words_may_stand_in_any_order_and_case() -> None:
    text = (
        'Corp.Example accept BYPASS_LDAP (250 "hello") bypass_callahead Bypass_Throttle\nall Accept'
    )
    table = parse_rat(text).table
    assert table == Rat(
        (RatEntry("corp.example", ACCEPT, Reply(250, "hello"), True, True, True),),
        RatEntry("ALL", ACCEPT),
    )
    assert build_rat(table).splitlines()[0] == (
        "corp.example                ACCEPT "
        'bypass_throttle bypass_ldap bypass_callahead (250 "hello")'
    )


def test_without_all_the_rest_is_rejected() -> None:
    assert parse_rat("").table == Rat()
    assert parse_rat("corp.example ACCEPT").table.default == DEFAULT_ENTRY
    assert build_rat(Rat()) == "ALL                         REJECT\n"


def test_all_problems_are_told_with_their_lines() -> None:
    text = """\
# recipients
corp.example ALLOW
corp..example ACCEPT
good.example ACCEPT
old@corp.example REJECT (250 "fine")
new@corp.example ACCEPT (550 "no")
nothing
ALL REJECT
ALL ACCEPT
late.example ACCEPT
"""
    assert problems_of(text) == [f"line {number}" for number in (2, 3, 5, 6, 7, 9, 10)]
    assert "line 8" in parse_rat(text).problems[-1].message


def test_unknown_options_are_warnings() -> None:
    imported = parse_rat("corp.example ACCEPT bypass_greylist bypass_ldap")
    assert imported.problems == ()
    assert imported.table.entries == (RatEntry("corp.example", ACCEPT, bypass_ldap=True),)
    assert imported.warnings == (
        Problem("line 1", "there is no option bypass_greylist; it has no effect"),
    )


def test_too_many_entries() -> None:
    lines = "".join(f"a{number}@b ACCEPT\n" for number in range(5))
    assert [problem.path for problem in parse_rat(lines, entries_max=3).problems] == ["line 4"]
    assert parse_rat(lines + "ALL REJECT", entries_max=5).problems == ()
    assert RAT_ENTRIES_MAX >= 100_000


ENTRIES = [
    RatEntry("#5@corp.example", ACCEPT),
    RatEntry('"joe doe"@corp.example', REJECT, Reply(550, 'a "b" \\ c', "(d)")),
    RatEntry("[ipv6:2001:db8::1]", ACCEPT, None, False, False, True),
    RatEntry("josé@xn--bcher-kva.example", ACCEPT, bypass_throttle=True),
    RatEntry("ALL", REJECT, Reply(450, "later")),
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_single_entries(entry: RatEntry) -> None:
    assert parse_rat_entry(build_rat_entry(entry)) == entry
    assert parse_rat_entry(f" {build_rat_entry(entry)}\r\n") == entry


@pytest.mark.parametrize("text", ["", "corp.example", "corp.example ACCEPT bypass_x", "x y z"])
def test_what_is_no_single_entry(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rat_entry(text)


def test_option_names_are_those_of_the_manual() -> None:
    assert {rat_text.BYPASS_THROTTLE, rat_text.BYPASS_LDAP, rat_text.BYPASS_CALLAHEAD} == {
        "bypass_throttle",
        "bypass_ldap",
        "bypass_callahead",
    }
