"""The alias table: what becomes of a recipient (mailflow 5.3)."""

import pytest

from mailwarden.core.policy.aliases import (
    EXPANSION_MAX,
    AliasContext,
    AliasEntry,
    AliasIndex,
    AliasTable,
    Expansion,
)
from mailwarden.core.policy.aliases_text import parse_aliases


def index(text: str) -> AliasIndex:
    imported = parse_aliases(text)
    assert imported.problems == ()
    return AliasIndex(imported.table)


def expand(text: str, address: str) -> list[str]:
    return list(index(text).expand(address).addresses)


TEXT = """\
admin:            ops@corp.example
root, abuse:      admin
trash:            /dev/null

[ corp.example, .eu.corp.example ]
sales:            ann@corp.example, bob@corp.example
everybody:        sales, root, Ann@corp.example
@oldbrand.example: newbrand@corp.example
Zed@x.example:    sales@fr.eu.corp.example
some:             /dev/null, ann@corp.example
none:             /dev/null, trash
"""

EXPANDED = [
    ("admin@corp.example", ["ops@corp.example"], "admin@"),
    ("ADMIN@else.example", ["ops@corp.example"], "admin@"),
    ("admin", ["ops@corp.example"], "admin@"),
    ("root@corp.example", ["ops@corp.example"], "root@"),
    ("root", ["ops@corp.example"], "root@"),
    ("sales@corp.example", ["ann@corp.example", "bob@corp.example"], "sales@corp.example"),
    ("Sales@fr.eu.corp.example", ["ann@corp.example", "bob@corp.example"],
     "sales@.eu.corp.example"),
    ("everybody@fr.eu.corp.example",
     ["ann@corp.example", "bob@corp.example", "ops@corp.example"], "everybody@.eu.corp.example"),
    ("joe@oldbrand.example", ["newbrand@corp.example"], "@oldbrand.example"),
    ("zed@x.example", ["ann@corp.example", "bob@corp.example"], "zed@x.example"),
    ("some@corp.example", ["ann@corp.example"], "some@corp.example"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "addresses", "matched"), EXPANDED)
def test_expansion(address: str, addresses: list[str], matched: str) -> None:
    assert index(TEXT).expand(address) == Expansion(tuple(addresses), False, matched)


@pytest.mark.parametrize(
    "address", ["sales@eu.corp.example", "sales@else.example", "sales", "joe@x.oldbrand.example",
                "ann@corp.example", "Zed@y.example", ""],
)  # fmt: skip
def test_who_is_no_alias_stays(address: str) -> None:
    assert index(TEXT).expand(address) == Expansion((address,), False, "")


@pytest.mark.parametrize("user", ["trash", "none"])
def test_who_is_dropped(user: str) -> None:
    expansion = index(TEXT).expand(f"{user}@corp.example")
    assert expansion.addresses == ()
    assert expansion.is_dropped
    assert expansion.matched


def test_row_42_several_and_none() -> None:
    text = "[ corp.example ]\nsales: ann, bob@corp.example\nann: ann@corp.example\n"
    assert expand(text, "sales@corp.example") == ["ann@corp.example", "bob@corp.example"]
    assert index("trash: /dev/null\n").expand("trash@corp.example") == Expansion((), True, "trash@")


def test_row_43_a_cycle_is_an_error() -> None:
    imported = parse_aliases("a: b\nb: a\n")
    (problem,) = imported.problems
    assert problem.path in ("line 1", "line 2")
    assert "a -> b -> a" in problem.message


FIRST = [
    ("a@x.example: one@y.example\na: two@y.example\n", "one@y.example"),
    ("a: two@y.example\na@x.example: one@y.example\n", "two@y.example"),
    ("@x.example: all@y.test\n[ x.example ]\na: one@y.example\n", "all@y.test"),
    ("[ x.example ]\na: one@y.example\n@x.example: all@y.test\n", "one@y.example"),
    ("@.example: all@y.test\na@.example: one@y.test\n", "all@y.test"),
    ("a@.example: one@y.test\n@x.example: all@y.test\n", "one@y.test"),
    ("@x.example: all@y.test\na@.example: one@y.test\n", "all@y.test"),
]


@pytest.mark.parametrize(("text", "address"), FIRST)
def test_the_first_match_counts(text: str, address: str) -> None:
    assert expand(text, "a@x.example") == [address]


SELF = [
    ("admin: admin@corp.example\n", "admin@x.example", ["admin@corp.example"]),
    ("admin: admin@corp.example\n", "admin@corp.example", ["admin@corp.example"]),
    ("a@x.example: a@x.example, b@x.example\n", "a@x.example", ["a@x.example", "b@x.example"]),
    ("@x.example: all@x.example\n", "any@x.example", ["all@x.example"]),
    ("[ x.example ]\nroot, abuse: abuse@x.example\n", "root@x.example", ["abuse@x.example"]),
]


@pytest.mark.parametrize(("text", "address", "addresses"), SELF)
def test_what_its_own_entry_matches_is_final(text: str, address: str, addresses: list[str]) -> None:
    assert expand(text, address) == addresses


def test_the_domain_is_carried_along() -> None:
    text = """\
[ a.example, b.example ]
info: sales
[ a.example ]
sales: ann@corp.example
[ b.example ]
sales: bob@corp.example
"""
    assert expand(text, "info@a.example") == ["ann@corp.example"]
    assert expand(text, "info@b.example") == ["bob@corp.example"]


def test_recipients_are_merged_in_the_order_of_the_table() -> None:
    text = "a: c@x.example, b, C@x.example, d@x.example\nb: d@x.example, c@x.example, e@x.example\n"
    assert expand(text, "a@y.example") == ["c@x.example", "d@x.example", "e@x.example"]


CYCLES = [
    (AliasEntry(("a",), ("b",)), AliasEntry(("b",), ("a",))),
    (AliasEntry(("a",), ("a",)),),
    (AliasEntry(("a",), ("b", "c@x.example")), AliasEntry(("b",), ("a",))),
    (
        AliasEntry(("a@x.example",), ("b@x.example",)),
        AliasEntry(("b@x.example",), ("a@x.example",)),
    ),
]


@pytest.mark.parametrize("entries", CYCLES)
def test_a_cycle_that_got_in_ends(entries: tuple[AliasEntry, ...]) -> None:
    expansion = AliasIndex(AliasTable(entries)).expand("a@x.example")
    assert expansion.addresses in (("a@x.example",), ("c@x.example",))
    assert not expansion.is_dropped


def test_names_that_nobody_has_stay() -> None:
    table = AliasTable((AliasEntry(("a",), ("b",)),))
    assert AliasIndex(table).expand("a@x.example").addresses == ("b@x.example",)
    assert AliasIndex(table).expand("a").addresses == ("b",)


@pytest.mark.parametrize("extra", [0, 1])
def test_an_expansion_is_bounded(extra: int) -> None:
    half = EXPANSION_MAX // 2
    entries = (
        AliasEntry(("all",), ("x", "y", "x")),
        AliasEntry(("x",), tuple(f"x{number}@corp.example" for number in range(half))),
        AliasEntry(("y",), tuple(f"y{number}@corp.example" for number in range(half + extra))),
    )
    expansion = AliasIndex(AliasTable(entries)).expand("all@x.example")
    assert expansion.is_too_large == bool(extra)
    assert len(expansion.addresses) == (1 if extra else EXPANSION_MAX)


def test_a_table_that_goes_to_millions_is_stopped() -> None:
    entries = [AliasEntry((f"a{i}",), tuple(f"a{i + 1}@d{j}.example" for j in range(1000)))
               for i in range(60)]  # fmt: skip
    expansion = AliasIndex(AliasTable(tuple(entries))).expand("a0@x.example")
    assert expansion == Expansion(("a0@x.example",), False, "a0@", is_too_large=True)


def test_a_long_chain() -> None:
    entries = [AliasEntry((f"a{i}",), (f"a{i + 1}",)) for i in range(5_000)]
    entries.append(AliasEntry(("a5000",), ("end@x.example",)))
    table = AliasTable((), (AliasContext((".example",), tuple(entries)),))
    assert AliasIndex(table).expand("a0@b.example").addresses == ("end@x.example",)
