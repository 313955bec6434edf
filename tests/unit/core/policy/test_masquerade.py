"""Static masquerading: its text, and which entry rewrites an address (mailflow 5.4)."""

import pytest

from mailwarden.core.mail.header_addresses import Change, rewrite_header
from mailwarden.core.policy import masquerade
from mailwarden.core.policy.address_forms import NOWHERE
from mailwarden.core.policy.masquerade import (
    MasqueradeIndex,
    MasqueradeTable,
    build_masquerade,
    parse_masquerade,
)

TEXT = """\
# inner names
ALL                 @bare.example
joe                 Joe.Doe@corp.example
ann@int.example     ann@corp.example
@int.example        @corp.example
@.corp.example      @corp.example
"b c"               b.c@corp.example    # in quotes
all                 everybody@corp.example
"""
TABLE = MasqueradeTable(
    (
        ("ALL", "@bare.example"),
        ("joe", "Joe.Doe@corp.example"),
        ("ann@int.example", "ann@corp.example"),
        ("@int.example", "@corp.example"),
        ("@.corp.example", "@corp.example"),
        ('"b c"', "b.c@corp.example"),
        ("all", "everybody@corp.example"),
    )
)


def index(text: str) -> MasqueradeIndex:
    imported = parse_masquerade(text)
    assert imported.problems == ()
    return MasqueradeIndex(imported.table)


def test_text() -> None:
    imported = parse_masquerade(TEXT)
    assert imported.table == TABLE
    assert imported.problems == imported.warnings == ()
    assert parse_masquerade(build_masquerade(TABLE)).table == TABLE
    assert TABLE.has_all
    assert not MasqueradeTable(TABLE.entries[1:]).has_all


REWRITTEN = [
    ("ann@int.example", "ann@corp.example"),
    ("ANN@int.example", "ann@corp.example"),
    ("Bob@int.example", "Bob@corp.example"),
    ("bob@a.int.example", None),
    ("bob@ex1.corp.example", "bob@corp.example"),
    ("bob@a.ex1.corp.example", "bob@corp.example"),
    ("bob@corp.example", None),
    ("joe", "Joe.Doe@corp.example"),
    ("JOE", "Joe.Doe@corp.example"),
    ("joe@x.example", None),
    ('"b c"', "b.c@corp.example"),
    ("all", "everybody@corp.example"),
    ("bob", "bob@bare.example"),
    ('"b ob"', '"b ob"@bare.example'),
    ('"b@int.example"', '"b@int.example"@bare.example'),
    ("", None),
    ("b" * 250, None),
    ("bob@" + "i" * 260, None),
]


@pytest.mark.parametrize(("address", "new"), REWRITTEN)
def test_rewriting(address: str, new: str | None) -> None:
    assert MasqueradeIndex(TABLE).rewrite(address) == new


def test_the_entry_that_decides_can_be_told() -> None:
    made = index(TEXT)
    assert made.find_entry("ann@int.example") == 2
    assert made.find_entry("bob@int.example") == 3
    assert [made.find_entry(each) for each in ("", "joe", "ann@far.example")] == [NOWHERE] * 3


def test_the_first_match_wins() -> None:
    lines = ["joe@int.example a@x.example", "@int.example @x.example", "@.example @y.example"]
    found = {
        "joe@int.example": {"a@x.example", "joe@x.example", "joe@y.example"},
        "bob@int.example": {"bob@x.example", "bob@y.example"},
    }
    for address, possible in found.items():
        seen = {
            index(f"{first}\n{second}\n{third}\n").rewrite(address)
            for first, second, third in (lines, lines[::-1], [lines[1], lines[0], lines[2]])
        }
        assert seen == possible
    assert index("joe a@x.example\njoe b@x.example\n").rewrite("joe") == "a@x.example"
    assert index("ALL @c.example\nALL @d.example\n").rewrite("joe") == "joe@c.example"


def test_row_44_headers_of_sub_domains() -> None:
    rewrite = index("@.corp.example @corp.example\n").rewrite
    block = b"From: Ann <ann@ex1.corp.example>\r\nSubject: ann@ex1.corp.example\r\n\r\n"
    result = rewrite_header(block, rewrite)
    assert result.block == (
        b"From: Ann <ann@corp.example>\r\nSubject: ann@ex1.corp.example\r\n\r\n"
    )
    assert result.changes == (Change("From", "ann@ex1.corp.example", "ann@corp.example"),)


@pytest.mark.parametrize("is_above", [True, False])
def test_row_45_all_comes_last_wherever_it_stands(is_above: bool) -> None:
    lines = ["ALL @corp.example", "joe joe@x.example"]
    rewrite = index("\n".join(lines if is_above else lines[::-1])).rewrite
    assert rewrite("joe") == "joe@x.example"
    assert rewrite("bob") == "bob@corp.example"
    assert rewrite("bob@y.example") is None


HIDDEN = [
    ("@int.example @a.example", "joe@int.example b@a.example", True),
    ("@.example @a.example", "joe@int.example b@a.example", True),
    ("@.example @a.example", "@int.example @b.example", True),
    ("@.example @a.example", "@.int.example @b.example", True),
    ("joe@int.example b@a.example", "JOE@int.example c@a.example", True),
    ("joe b@a.example", "Joe c@a.example", True),
    ("ALL @a.example", "ALL @b.example", True),
    ("@.int.example @a.example", "@int.example @b.example", False),
    ("@.int.example @a.example", "joe@int.example b@a.example", False),
    ("ALL @a.example", "joe b@a.example", False),
    ("@int.example @a.example", "joe b@a.example", False),
    ("joe b@a.example", "joe@int.example b@a.example", False),
    ("@.x.int.example @a.example", "@.int.example @b.example", False),
]


@pytest.mark.parametrize(("first", "second", "is_hidden"), HIDDEN)
def test_hidden_entries_are_named(first: str, second: str, is_hidden: bool) -> None:
    imported = parse_masquerade(f"{first}\n{second}\n")
    assert imported.problems == ()
    assert [warning.path for warning in imported.warnings] == ["line 2"] * is_hidden
    assert len(imported.table.entries) == 2


WRONG = [
    ("joe", "two words"),
    ("joe joe@corp.example x", "two words"),
    ("joe @corp.example", "one user"),
    ("all @corp.example", "write ALL"),
    ("joe@int.example @corp.example", "one user"),
    ("joe@.int.example joe@corp.example", "many domains"),
    ("@int.example joe@corp.example", "has to be a domain"),
    ("@.int.example corp.example", "has to be a domain"),
    ("ALL joe@corp.example", "has to be a domain"),
    ("ALL @.corp.example", "empty part"),
    ("joe joe", "not a full address"),
    ("joe@ joe@corp.example", "forms"),
    ("@ @corp.example", "forms"),
    ("joe müller@corp.example", "ASCII"),
    ("joe@int.example m\u00fcller@corp.example", "ASCII"),
    ("@1.2.3.4 @corp.example", "neither an IP address nor"),
    ("joe@int.example j@x..example", "empty part"),
    ("a b@c d@corp.example", "two words"),
]


@pytest.mark.parametrize(("line", "part"), WRONG)
def test_wrong_lines(line: str, part: str) -> None:
    imported = parse_masquerade(f"{line}\nbob bob@corp.example\n{line}")
    assert [problem.path for problem in imported.problems] == ["line 1", "line 3"]
    assert part in imported.problems[0].message


@pytest.mark.interpreted
def test_the_number_of_entries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert masquerade.MASQUERADE_ENTRIES_MAX == 400_000
    monkeypatch.setattr(masquerade, "MASQUERADE_ENTRIES_MAX", 3)
    assert parse_masquerade("a a@b.example\n" * 3).problems == ()
    imported = parse_masquerade("a a@b.example\n" * 10)
    assert [problem.path for problem in imported.problems] == ["line 4"]


def test_what_hides_a_left_side() -> None:
    table = parse_masquerade("joe@a.example x@b.example\n@.b.example @c.example\n").table
    index = MasqueradeIndex(table)
    assert index.find_hiding("joe@a.example") == 0
    assert index.find_hiding("ann@x.b.example") == 1
    assert index.find_hiding("@a.example") == NOWHERE
    assert index.find_hiding("joe") == NOWHERE
