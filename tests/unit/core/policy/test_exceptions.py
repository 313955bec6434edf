"""The sender exception table."""

import pytest

from mailwarden.core.policy.exceptions import (
    EXCEPTIONS_MAX,
    ExceptionAction,
    ExceptionIndex,
    ExceptionTable,
    SenderException,
    build_exception,
    build_exceptions,
    parse_exception,
    parse_exceptions,
)
from mailwarden.core.smtp.reply import Reply

ALLOW, REJECT = ExceptionAction.ALLOW, ExceptionAction.REJECT
TEXT = """\
ann@partner.example         ALLOW
bounces@                    ALLOW
@partner.example            REJECT
@.partner.example           REJECT (553 "<$EnvelopeSender> may not write here")
user@[192.0.2.9]            ALLOW
"""


def test_text_stays_as_it_is() -> None:
    imported = parse_exceptions(TEXT)
    assert (imported.problems, imported.warnings) == ((), ())
    assert imported.table.entries[3] == SenderException(
        "@.partner.example", REJECT, Reply(553, "<$EnvelopeSender> may not write here")
    )
    assert build_exceptions(imported.table) == TEXT


FOUND = [
    ("Ann@partner.example", "ann@partner.example"),
    ("bounces@partner.example", "bounces@"),
    ("bounces", "bounces@"),
    ("bob@partner.example", "@partner.example"),
    ("bob@eu.partner.example", "@.partner.example"),
    ("user@[192.0.2.9]", "user@[192.0.2.9]"),
    ("user@[192.0.2.8]", None),
    ("bob@other.example", None),
    ("bob", None),
    ("", None),
]


@pytest.mark.parametrize(("sender", "form"), FOUND)
def test_the_first_match_wins(sender: str, form: str | None) -> None:
    entry = ExceptionIndex(parse_exceptions(TEXT).table).find(sender)
    assert (entry and entry.form) == form


def test_order_decides_and_not_the_kind() -> None:
    table = parse_exceptions("@partner.example REJECT\nann@partner.example ALLOW\n").table
    entry = ExceptionIndex(table).find("ann@partner.example")
    assert entry == SenderException("@partner.example", REJECT)


def test_problems_and_warnings_have_lines() -> None:
    imported = parse_exceptions(
        "# senders\n@a.example ALLOW\npartner.example ALLOW\n@b.example ACCEPT\n"
        '@A.example REJECT\n@c.example ALLOW (553 "no")\n@d.example REJECT (250 "yes")\n'
        "@e.example REJECT bypass_ldap\n"
    )
    assert [problem.path for problem in imported.problems] == [
        f"line {number}" for number in (3, 4, 6, 7, 8)
    ]
    assert [(note.path, note.message) for note in imported.warnings] == [
        ("line 5", "@a.example stands already in line 2, which decides")
    ]


def test_too_many_entries() -> None:
    text = "a@ ALLOW\nb@ ALLOW\nc@ ALLOW\n"
    imported = parse_exceptions(text, entries_max=2)
    assert [problem.path for problem in imported.problems] == ["line 3"]
    assert parse_exceptions(text, entries_max=3).problems == ()
    assert EXCEPTIONS_MAX >= 10_000


def test_single_entries() -> None:
    entry = SenderException("#x@corp.example", REJECT, Reply(554, "a", "b"))
    assert parse_exception(f" {build_exception(entry)}\n") == entry
    with pytest.raises(ValueError, match="ALLOW and REJECT"):
        parse_exception("@a.example DROP")


def test_an_empty_table_matches_nobody() -> None:
    assert ExceptionIndex(ExceptionTable()).find("ann@partner.example") is None
