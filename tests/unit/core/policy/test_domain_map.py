"""The domain map: its text, and which entry rewrites a recipient (mailflow 5.2)."""

import pytest

from mailwarden.core.policy.domain_map import (
    DOMAIN_MAP_ENTRIES_MAX,
    DomainMap,
    DomainMapIndex,
    build_domain_map,
    parse_domain_map,
)
from mailwarden.core.problem import Problem

TEXT = """\
# moved in 2009
@.old.example           @corp.example   # and everything below
@old.example            info@corp.example
joe@.old.example        j.doe@corp.example
Joe@old.example         Joe.Doe@Corp.Example

\t"ann doe"@old.example \t ann@corp.example\r
"""
TABLE = DomainMap(
    (
        ("@.old.example", "@corp.example"),
        ("@old.example", "info@corp.example"),
        ("joe@.old.example", "j.doe@corp.example"),
        ("joe@old.example", "Joe.Doe@corp.example"),
        ('"ann doe"@old.example', "ann@corp.example"),
    )
)


def rewrite(text: str, address: str) -> str | None:
    imported = parse_domain_map(text)
    assert imported.problems == ()
    return DomainMapIndex(imported.table).rewrite(address)


def test_text() -> None:
    imported = parse_domain_map(TEXT)
    assert imported.table == TABLE
    assert imported.problems == imported.warnings == ()
    text = build_domain_map(TABLE)
    assert parse_domain_map(text).table == TABLE
    assert text.splitlines()[0] == "@.old.example                   @corp.example"


def test_nothing() -> None:
    assert parse_domain_map("").table == DomainMap()
    assert build_domain_map(DomainMap()) == ""
    assert DomainMapIndex(DomainMap()).rewrite("joe@old.example") is None


REWRITTEN = [
    ("joe@old.example", "Joe.Doe@corp.example"),
    ("JOE@old.example", "Joe.Doe@corp.example"),
    ("joe@eu.old.example", "j.doe@corp.example"),
    ("joe@a.eu.old.example", "j.doe@corp.example"),
    ("bob@old.example", "info@corp.example"),
    ("Bob@eu.old.example", "Bob@corp.example"),
    ('"ann doe"@old.example', "ann@corp.example"),
    ('"b ob"@eu.old.example', '"b ob"@corp.example'),
    ("bob@corp.example", None),
    ("bob@notold.example", None),
    ("bob", None),
    ("", None),
]


@pytest.mark.parametrize(("address", "new"), REWRITTEN)
def test_the_most_specific_kind_wins(address: str, new: str | None) -> None:
    assert DomainMapIndex(TABLE).rewrite(address) == new


def test_the_entry_that_decides_can_be_told() -> None:
    index = DomainMapIndex(parse_domain_map(TEXT).table)
    assert index.find_entry("Joe@old.example") == ("joe@old.example", "Joe.Doe@corp.example")
    assert index.find_entry("ann@x.old.example") == ("@.old.example", "@corp.example")
    assert index.find_entry("ann@new.example") is None


def test_row_41_sub_domains() -> None:
    new = rewrite("@.old.example @corp.example\n", "bob@eu.old.example")
    assert new == "bob@corp.example"


def test_the_first_wins_among_equals() -> None:
    text = "@.old.example @a.example\n@.eu.old.example @b.example\n"
    assert rewrite(text, "joe@eu.old.example") == "joe@a.example"
    assert rewrite(text, "joe@x.eu.old.example") == "joe@a.example"
    warning = "'@.eu.old.example' has no effect, as '@.old.example' in line 1 comes first"
    assert parse_domain_map(text).warnings == (Problem("line 2", warning),)
    turned = "@.eu.old.example @b.example\n@.old.example @a.example\n"
    assert rewrite(turned, "joe@x.eu.old.example") == "joe@b.example"
    assert parse_domain_map(turned).warnings == ()


def test_only_the_same_kind_hides() -> None:
    text = "@.old.example @a.example\njoe@.old.example b@b.example\nJOE@.old.example c@b.example\n"
    (warning,) = parse_domain_map(text).warnings
    assert warning.path == "line 3"
    assert rewrite(text, "joe@x.old.example") == "b@b.example"


def test_it_is_not_recursive() -> None:
    text = "@a.example @b.example\n@b.example @c.example\n"
    assert rewrite(text, "joe@a.example") == "joe@b.example"
    assert rewrite("@a.example @a.example\n", "joe@a.example") is None


WRONG = [
    ("@old.example", "two words"),
    ("@old.example @a.example @b.example", "two words"),
    ("@old.example #@a.example", "two words"),
    ("joe@old.example @corp.example", "one user"),
    ("joe@.old.example @corp.example", "one user"),
    ("joe joe@corp.example", "forms"),
    ("ALL @corp.example", "forms"),
    ("old.example @corp.example", "forms"),
    ("@old.example corp.example", "not a full address"),
    ("@old.example @.corp.example", "an empty part"),
    ("@old.example @", "missing"),
    ("@old_.example. @corp.exam ple", "two words"),
    ("@o ld.example @corp.example", "two words"),
    ("@old.example joe@corp..example", "an empty part"),
]


@pytest.mark.parametrize(("line", "part"), WRONG)
def test_wrong_lines(line: str, part: str) -> None:
    text = f"# first\n@x.example @y.example\n{line}\n\n{line}\n"
    imported = parse_domain_map(text)
    assert [problem.path for problem in imported.problems] == ["line 3", "line 5"]
    assert part in imported.problems[0].message


@pytest.mark.parametrize("extra", [0, 1])
def test_the_number_of_entries_is_bounded(extra: int) -> None:
    lines = [f"@d{number}.example @a.example\n" for number in range(DOMAIN_MAP_ENTRIES_MAX + extra)]
    imported = parse_domain_map("".join(lines))
    assert [problem.path for problem in imported.problems] == [f"line {len(lines)}"] * extra
