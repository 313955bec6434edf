"""Which row of the destination controls a domain has, and what it says (mailflow 7.2)."""

import pytest

from mailwarden.core.mail.domain import DOMAIN_OCTETS_MAX
from mailwarden.core.policy.destinations import (
    NO_LIMIT,
    DestinationIndex,
    DestinationLimits,
    DestinationRow,
    DestinationTable,
    DestinationTls,
    LimitApply,
    LimitType,
    complete,
)

TABLE = DestinationTable(
    default=DestinationRow(
        max_host_concurrency=20,
        recipient_limit=300,
        recipient_minutes=30,
        limit_apply=LimitApply.VG,
        bounce_validation=True,
        bounce_profile="Default",
    ),
    rows=(
        (".example", DestinationRow(max_host_concurrency=1)),
        ("partner.example", DestinationRow(tls=DestinationTls.REQUIRED_VERIFY)),
        (".partner.example", DestinationRow(bounce_profile="Patient", bounce_validation=False)),
        ("free.example", DestinationRow(recipient_limit=NO_LIMIT)),
        ("xn--bcher-kva.example", DestinationRow(max_messages_per_connection=3)),
        (".xn--bcher-kva.example", DestinationRow(limit_type=LimitType.MXIP)),
    ),
)

ROWS = [
    ("partner.example", "partner.example"),
    ("eu.partner.example", ".partner.example"),
    ("a.b.partner.example", ".partner.example"),
    ("notpartner.example", ".example"),
    ("example", ""),
    ("partner.test", ""),
    ("", ""),
    (".partner.example", ""),
    ("[192.0.2.9]", ""),
    ("bücher.example", "xn--bcher-kva.example"),
    ("eu.bücher.example", ".xn--bcher-kva.example"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("-\u2028.example", ""),
    (f"{'a.' * DOMAIN_OCTETS_MAX}example", ""),
]


@pytest.mark.parametrize(("domain", "row"), ROWS)
def test_the_most_specific_row_wins(domain: str, row: str) -> None:
    assert DestinationIndex(TABLE).find(domain).row == row


def test_what_a_row_does_not_say_is_that_of_default() -> None:
    limits = DestinationIndex(TABLE).find("partner.example")
    assert limits == DestinationLimits(
        row="partner.example",
        max_host_concurrency=20,
        max_messages_per_connection=50,
        recipient_limit=300,
        recipient_minutes=30,
        limit_type=LimitType.HOST,
        limit_apply=LimitApply.VG,
        tls=DestinationTls.REQUIRED_VERIFY,
        bounce_validation=True,
        bounce_profile="",
    )


def test_a_row_can_take_back_what_default_says() -> None:
    index = DestinationIndex(TABLE)
    assert not index.find("eu.partner.example").bounce_validation
    assert index.find("free.example").recipient_limit == NO_LIMIT


def test_a_bounce_profile_in_default_is_not_applied() -> None:
    index = DestinationIndex(TABLE)
    assert index.find("other.test").bounce_profile == ""
    assert index.find("eu.partner.example").bounce_profile == "Patient"


def test_without_any_row_all_is_as_delivered() -> None:
    assert DestinationIndex(DestinationTable()).find("a.example") == DestinationLimits()
    assert DestinationLimits().max_host_concurrency == 500
    assert DestinationLimits().max_messages_per_connection == 50
    assert DestinationLimits().recipient_limit == NO_LIMIT
    assert DestinationLimits().tls is DestinationTls.NONE


KEYS = [
    (LimitType.HOST, LimitApply.SYSTEM, "dom.example"),
    (LimitType.MXIP, LimitApply.SYSTEM, "192.0.2.9"),
    (LimitType.HOST, LimitApply.VG, "vg2/dom.example"),
    (LimitType.MXIP, LimitApply.VG, "vg2/192.0.2.9"),
]


@pytest.mark.parametrize(("kind", "apply", "key"), KEYS)
def test_what_is_counted_together(kind: LimitType, apply: LimitApply, key: str) -> None:
    limits = DestinationLimits(limit_type=kind, limit_apply=apply)
    assert limits.counter_key(destination="dom.example", address="192.0.2.9", gateway="vg2") == key


def test_complete_says_what_was_meant_and_no_more() -> None:
    whole = complete(TABLE)
    rows = dict(whole.rows)
    assert whole.default == DestinationRow(
        max_host_concurrency=20,
        max_messages_per_connection=50,
        recipient_limit=300,
        recipient_minutes=30,
        limit_type=LimitType.HOST,
        limit_apply=LimitApply.VG,
        tls=DestinationTls.NONE,
        bounce_validation=True,
        bounce_profile="Default",
    )
    assert rows[".example"] == DestinationRow(
        max_host_concurrency=1, limit_type=LimitType.HOST, limit_apply=LimitApply.VG
    )
    assert rows["partner.example"] == dict(TABLE.rows)["partner.example"]


BAD_ROWS = [
    (DestinationRow(max_host_concurrency=0), "max_host_concurrency"),
    (DestinationRow(max_messages_per_connection=-1), "max_messages_per_connection"),
    (DestinationRow(recipient_limit=-1), "recipient_limit"),
    (DestinationRow(recipient_minutes=61), "recipient_minutes"),
    (DestinationRow(bounce_profile=""), "bounce_profile"),
    (DestinationRow(bounce_profile="a\nb"), "bounce_profile"),
    (DestinationRow(bounce_profile=" a"), "bounce_profile"),
]


@pytest.mark.parametrize(("row", "field"), BAD_ROWS)
def test_values_out_of_bounds_are_told(row: DestinationRow, field: str) -> None:
    table = DestinationTable(default=row, rows=(("a.example", row),))
    assert [problem.path for problem in table.problems()] == [
        f"default.{field}",
        f"rows.a.example.{field}",
    ]


BAD_NAMES = ["A.example", "default", "DEFAULT", "a b", "", "a.example."]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_of_rows_have_one_form(name: str) -> None:
    table = DestinationTable(rows=((name, DestinationRow()),))
    assert [problem.path for problem in table.problems()] == [f"rows.{name}"]


def test_a_row_twice_and_a_bad_certificate_are_told() -> None:
    row = DestinationRow()
    table = DestinationTable(rows=(("a.example", row), ("a.example", row)), certificate="a\n")
    assert [problem.path for problem in table.problems()] == ["certificate", "rows.a.example"]
    assert list(TABLE.problems()) == []
