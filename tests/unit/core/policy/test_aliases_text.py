"""The text of the alias table: its form, and all that is wrong with it (mailflow 5.3)."""

import pytest

from mailwarden.core.policy.aliases import (
    EXPANSION_MAX,
    AliasContext,
    AliasEntry,
    AliasTable,
)
from mailwarden.core.policy.aliases_text import (
    ALIAS_SIDES_MAX,
    CONTEXT_DOMAINS_MAX,
    ENTRY_NAMES_MAX,
    build_aliases,
    parse_aliases,
)

TEXT = """\
# global section first: no domain context
admin:            ops@corp.example
root, abuse:      admin
trash:            /dev/null    # nobody reads it

[ Corp.Example, .eu.corp.example ]
  sales:          ann@corp.example,
                  # bob is on leave
                  Bob@corp.example
                  , "c d"@corp.example\r
@oldbrand.example: newbrand@corp.example
"a, b: #"@x.example:admin,sales@corp.example
[bücher.example]   # one more
#
[ .z.example ]
"""
TABLE = AliasTable(
    (
        AliasEntry(("admin",), ("ops@corp.example",)),
        AliasEntry(("root", "abuse"), ("admin",)),
        AliasEntry(("trash",), ("/dev/null",)),
    ),
    (
        AliasContext(
            ("corp.example", ".eu.corp.example"),
            (
                AliasEntry(
                    ("sales",), ("ann@corp.example", "Bob@corp.example", '"c d"@corp.example')
                ),
                AliasEntry(("@oldbrand.example",), ("newbrand@corp.example",)),
                AliasEntry(('"a, b: #"@x.example',), ("admin", "sales@corp.example")),
            ),
        ),
        AliasContext(("xn--bcher-kva.example",), ()),
        AliasContext((".z.example",), ()),
    ),
)


def problems(text: str) -> list[tuple[str, str]]:
    imported = parse_aliases(text)
    return [(problem.path, problem.message) for problem in imported.problems]


def test_text() -> None:
    imported = parse_aliases(TEXT)
    assert imported.table == TABLE
    assert imported.problems == imported.warnings == ()
    assert parse_aliases(build_aliases(TABLE)).table == TABLE


def test_written_form() -> None:
    long = AliasEntry(("all",), tuple(f"person{number}@corp.example" for number in range(4)))
    table = AliasTable(TABLE.entries[1:2], (AliasContext(("a.example", ".b.example"), (long,)),))
    assert build_aliases(table) == (
        "root, abuse:      admin\n"
        "\n"
        "[ a.example, .b.example ]\n"
        "all:              person0@corp.example, person1@corp.example,\n"
        "                  person2@corp.example, person3@corp.example\n"
    )


def test_nothing() -> None:
    assert parse_aliases("").table == AliasTable()
    assert build_aliases(AliasTable()) == ""


def test_names_that_look_like_something_else() -> None:
    entries = (
        AliasEntry(
            ("#a", '"[b"', "#c@x.example"), ('"[b]"@y.example', "#d@y.example", "/dev/null")
        ),
        AliasEntry(('"/dev/null,"',), ("#a",)),
    )
    table = AliasTable(entries)
    imported = parse_aliases(build_aliases(table))
    assert imported.table == table
    assert imported.problems == ()


WRONG = [
    ("sales", 1, "has no colon"),
    ("a: b@x.example\nb@x.example", 2, "has no colon"),
    ("   b@x.example", 1, "has no colon"),
    ("[ x.example ]\n   b@x.example", 2, "has no colon"),
    ("a:", 1, "should follow"),
    ("a: # b@x.example", 1, "should follow"),
    ("a: b@x.example,\nc: d@x.example", 1, "should follow"),
    ("a: b@x.example,, c@x.example", 1, "missing before a comma"),
    ("a: ,b@x.example", 1, "missing before a comma"),
    ("a: b@x.example,\n  , c@x.example", 2, "missing before a comma"),
    ("a: b@x.example\n  c@x.example", 2, "comma is missing before 'c@x.example'"),
    ("a: b@x.example c@x.example", 1, "is not an address"),
    (": b@x.example", 1, "name is missing"),
    ("a,: b@x.example", 1, "name is missing"),
    ("/dev/null: b@x.example", 1, "cannot be the name"),
    ("a b: c@x.example", 1, "is not an address"),
    ("a@: b@x.example", 1, "forms"),
    ("@: b@x.example", 1, "forms"),
    ("a: b@x..example", 1, "empty part"),
    ("a: @x.example", 1, "not a full address"),
    ("a: Ann <b@x.example>", 1, "is not an address"),
    ('"a: b@x.example', 1, "has no colon"),
    ('a: "b@x.example', 1, "is not a"),
    ("a: b@x.example: c", 1, "is not a"),
    ("[ x.example", 1, "needs the form"),
    ("[ x.example ] a: b@x.example", 1, "needs the form"),
    ("[ ]", 1, "missing"),
    ("[ x.example, ]", 1, "missing"),
    ("[ x.example ..y ]", 1, "not a host name"),
    ("[ @x.example ]", 1, "not a host name"),
    ("a: b", 1, "'b' is neither"),
    ("[ x.example, .y.example ]\na: b", 2, "'b@x.example' is neither"),
    ("@x.example: b", 1, "a cycle: b@x.example -> b@x.example"),
    ("b@x.example: c", 1, "'c@x.example' is neither"),
    ("a: b\n[ x.example ]\nb: c@x.example", 1, "'b' is neither"),
    ("a: a", 1, "a cycle: a -> a"),
    ("root, admin: admin", 1, "a cycle: admin -> admin"),
    ("a@x.example: b@x.example\nb@x.example: A@x.example", 2,
     "a cycle: a@x.example -> b@x.example -> a@x.example"),
    ("[ x.example ]\na: b\nb: c@y.example\nc@y.example: a@x.example", 4,
     "a cycle: a@x.example -> b@x.example -> c@y.example -> a@x.example"),
    ("[ .x.example ]\na: b\nb: a", 3, "a cycle: a@.x.example -> b@.x.example -> a@.x.example"),
    ("a@y.example: b@z.example\n@z.example: c@w.example\nc@w.example: a@y.example", 3,
     "a@y.example -> b@z.example -> c@w.example -> a@y.example"),
    ("b@x.y.example: a@x.y.example\n[ .y.example ]\na: b\nb: c@z.example", 3,
     "b@x.y.example -> a@x.y.example -> b@x.y.example"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "part"), WRONG)
def test_wrong_text(text: str, line: int, part: str) -> None:
    found = problems(text)
    assert found
    assert found[0][0] == f"line {line}"
    assert part in found[0][1]
    assert len(found[0][1]) < 500


def test_everything_wrong_is_told() -> None:
    text = "a: b@x..example\nc\n[ .. ]\nd: e,, f@x.example"
    assert [path for path, _ in problems(text)] == ["line 1", "line 2", "line 3", "line 4"]
    assert [path for path, _ in problems("a: x, y\nb: z\nc: c")] == [
        "line 1",
        "line 1",
        "line 2",
        "line 3",
    ]


def test_cycles_of_many_are_cut() -> None:
    text = "".join(f"a{number}: a{(number + 1) % 1000}\n" for number in range(1000))
    ((_, message),) = problems(text)
    assert message.count("->") == 10
    assert "..." in message


def test_no_cycle() -> None:
    text = "a: b, c\nb: d\nc: d\nd: x@y.example, z@y.example\n[ y.example ]\nx: z@y.example\n"
    assert problems(text) == []


def test_hidden_names_are_named() -> None:
    text = (
        "a: x@y.example\n[ b.example, .c.example ]\nd, a: x@y.example\nd@x.c.example: x@y.example\n"
    )
    warnings = parse_aliases(text).warnings
    assert [(warning.path, warning.message) for warning in warnings] == [
        ("line 3", "'a@b.example' has no effect, as 'a' in line 1 comes first"),
        ("line 3", "'a@.c.example' has no effect, as 'a' in line 1 comes first"),
        ("line 4", "'d@x.c.example' has no effect, as 'd@.c.example' in line 3 comes first"),
    ]


def test_too_many_addresses() -> None:
    def names(user: str, count: int) -> str:
        return ", ".join(f"{user}{number}@corp.example" for number in range(count))

    half = EXPANSION_MAX // 2
    within = f"all: x, y, x\nx: {names('x', half)}\ny: {names('y', half)}\n"
    assert problems(within) == []
    ((path, message),) = problems(f"{within}most: y, z\nz: {names('z', half + 1)}\n")
    assert path == "line 4"
    assert f"becomes more than {EXPANSION_MAX} addresses" in message
    ((path, _),) = problems(f"all: {names('x', EXPANSION_MAX + 1)}\n")
    assert path == "line 1"


def test_a_table_that_goes_to_millions_is_refused() -> None:
    text = "".join(f"a{i}: a{i + 1}, b{i + 1}\nb{i}: a{i + 1}, b{i + 1}\n" for i in range(40))
    assert problems(f"{text}a40: x@corp.example\nb40: y@corp.example\n") == []  # two, after all
    many = ", ".join(f"b{j}@e.example" for j in range(400))
    text = "".join(f"b{j}@e.example: {', '.join(f'x{j}y{k}@f.example' for k in range(50))}\n"
                   for j in range(400))  # fmt: skip
    assert "becomes more than" in problems(f"{text}all: {many}\n")[0][1]


def test_lists_are_bounded() -> None:
    names = ",".join(f"a{number}" for number in range(ENTRY_NAMES_MAX + 1))
    assert problems(f"{names}: x@y.example")[0] == ("line 1", "has more than 1000 names")
    domains = ",".join(f"d{number}.example" for number in range(CONTEXT_DOMAINS_MAX + 1))
    assert problems(f"[{domains}]")[0] == ("line 1", "lists more than 1000 domains")


def test_names_times_domains_are_bounded() -> None:
    domains = ",".join(f"d{number}.example" for number in range(CONTEXT_DOMAINS_MAX))
    entries = "".join(f"a{number}: x@y.example\n" for number in range(1 + ALIAS_SIDES_MAX // 1000))
    ((path, message),) = problems(f"[{domains}]\n{entries}")
    assert path == f"line {2 + ALIAS_SIDES_MAX // 1000}"
    assert f"more than {ALIAS_SIDES_MAX} names" in message


def test_what_names_refer_to_is_bounded() -> None:
    domains = ",".join(f"d{number}.example" for number in range(CONTEXT_DOMAINS_MAX))
    targets = ",".join(f"b{number}" for number in range(500))
    entries = "".join(f"b{number}: x@y.example\n" for number in range(500))
    found = problems(f"{entries}[{domains}]\na: {targets}\n")
    assert found == [("line 502", "the aliases refer to one another more often than is followed")]
