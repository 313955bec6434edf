"""The table that chooses the virtual gateway by client or sender."""

import pytest

from mailwarden.core.policy.alt_sources import (
    ALT_SOURCES_MAX,
    AltSource,
    AltSourceIndex,
    AltSources,
    build_alt_sources,
    parse_alt_source,
    parse_alt_sources,
)

TEXT = """\
@.brand.example group one
@brand.example vg2
news@ vg3
news@brand.example vg4
192.0.2.40 vg5
2001:db8::40 vg6
"""


def gateway_of(text: str, sender: str, client: str = "192.0.2.1") -> str | None:
    entry = AltSourceIndex(parse_alt_sources(text).table).find(sender, client)
    return entry.gateway if entry is not None else None


def test_text_stays_as_it_is() -> None:
    imported = parse_alt_sources(TEXT)
    assert (imported.problems, imported.warnings) == ((), ())
    assert imported.table.entries[0] == AltSource("@.brand.example", "group one")
    assert build_alt_sources(imported.table) == TEXT


def test_row_81_sender_domain_and_client() -> None:
    text = "@brand.example vg2\n192.0.2.40 vg5\n"
    assert gateway_of(text, "x@brand.example") == "vg2"
    assert gateway_of(text, "x@brand.example", "192.0.2.40") == "vg5"
    assert gateway_of(text, "x@other.example") is None


FOUND = [
    ("news@brand.example", "192.0.2.40", "vg5"),
    ("news@brand.example", "2001:db8::40", "vg6"),
    ("News@Brand.example", "192.0.2.1", "vg4"),
    ("news@other.example", "192.0.2.1", "vg3"),
    ("ann@brand.example", "192.0.2.1", "vg2"),
    ("ann@eu.brand.example", "192.0.2.1", "group one"),
    ("ann@other.example", "192.0.2.1", None),
    ("", "192.0.2.40", "vg5"),
    ("", "", None),
    ("news", "", "vg3"),
]


@pytest.mark.parametrize("text", [TEXT, "\n".join(reversed(TEXT.splitlines()))])
@pytest.mark.parametrize(("sender", "client", "gateway"), FOUND)
def test_precedence_of_kinds(text: str, sender: str, client: str, gateway: str | None) -> None:
    assert gateway_of(text, sender, client) == gateway


def test_order_decides_among_equals() -> None:
    assert gateway_of("@.a.example one\n@.b.a.example two\n", "x@c.b.a.example") == "one"
    assert gateway_of("@.b.a.example two\n@.a.example one\n", "x@c.b.a.example") == "two"
    assert gateway_of("192.0.2.1 one\n192.0.2.1 two\n", "") == "one"


def test_problems_and_warnings_have_lines() -> None:
    text = (
        "@a.example vg1\n@a.example\na.example vg1\n@b.example vg9\n@A.example vg2\n"
        "@c.example vg1 (x)\n@d.example VG1\n@e.example  \n"
    )
    imported = parse_alt_sources(text, {"vg1", "vg2"})
    assert [problem.path for problem in imported.problems] == [
        f"line {number}" for number in (2, 3, 4, 6, 7, 8)
    ]
    assert imported.problems[2].message == "there is no interface or group 'vg9'"
    assert [warning.path for warning in imported.warnings] == ["line 5"]
    assert [problem.path for problem in parse_alt_sources(text).problems] == [
        f"line {number}" for number in (2, 3, 6, 8)
    ]


def test_entries_go_with_their_interface() -> None:
    table = parse_alt_sources("@a.example vg1\n@b.example vg2\n@c.example vg1\n").table
    assert table.without("vg1") == AltSources((AltSource("@b.example", "vg2"),))
    assert table.without("VG1") == table


def test_too_many_entries() -> None:
    text = "a@ vg\nb@ vg\nc@ vg\n"
    problems = parse_alt_sources(text, None, entries_max=2).problems
    assert [problem.path for problem in problems] == ["line 3"]
    assert parse_alt_sources(text, None, entries_max=3).problems == ()
    assert ALT_SOURCES_MAX >= 10_000


def test_single_entries() -> None:
    assert parse_alt_source(' "a b"@Corp.example\tOut side ') == AltSource(
        '"a b"@corp.example', "Out side"
    )
    with pytest.raises(ValueError, match="key interface"):
        parse_alt_source("@corp.example")
