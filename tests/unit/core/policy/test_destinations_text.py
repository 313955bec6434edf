"""The text file of the destination controls (mailflow 7.2)."""

import pytest

from mailwarden.core.policy.destinations import (
    EMPTY,
    ROWS_MAX,
    DestinationRow,
    DestinationTable,
    DestinationTls,
    LimitApply,
    LimitType,
    complete,
)
from mailwarden.core.policy.destinations_text import (
    LINE_LENGTH_MAX,
    PROBLEMS_MAX,
    TEXT_LENGTH_MAX,
    build_destinations,
    parse_destinations,
)

DEFAULT = """\
[DEFAULT]
max_host_concurrency = 500
max_messages_per_connection = 50
recipient_minutes = 60
recipient_limit = 300
limit_type = host
limit_apply = VG
bounce_validation = 0
table_tls = off
bounce_profile = Default
send_tls_req_alert = 0
certificate = outcert
"""
ROWS = """
[partner.example]
bounce_validation = 1
table_tls = require_verify

[slow.example]
max_host_concurrency = 10
limit_type = MXIP
limit_apply = system
"""
TABLE = DestinationTable(
    default=DestinationRow(
        max_host_concurrency=500,
        max_messages_per_connection=50,
        recipient_limit=300,
        recipient_minutes=60,
        limit_type=LimitType.HOST,
        limit_apply=LimitApply.VG,
        tls=DestinationTls.NONE,
        bounce_validation=False,
        bounce_profile="Default",
    ),
    rows=(
        (
            "partner.example",
            DestinationRow(tls=DestinationTls.REQUIRED_VERIFY, bounce_validation=True),
        ),
        (
            "slow.example",
            DestinationRow(
                max_host_concurrency=10,
                limit_type=LimitType.MXIP,
                limit_apply=LimitApply.SYSTEM,
            ),
        ),
    ),
    certificate="outcert",
)


def parsed(text: str, present: DestinationTable = EMPTY) -> DestinationTable:
    imported = parse_destinations(text, present)
    assert imported.problems == ()
    assert imported.warnings == ()
    return imported.table


def lines_wrong(text: str) -> list[tuple[str, str]]:
    """Return line and first word of each problem."""
    return [
        (problem.path, problem.message.split()[0]) for problem in parse_destinations(text).problems
    ]


def test_the_file_of_the_manual() -> None:
    assert parsed(DEFAULT + ROWS) == TABLE
    assert build_destinations(TABLE) == DEFAULT + ROWS


def row(text: str) -> DestinationRow:
    return parsed(f"[a.example]\n{text}").rows[0][1]


TLS = [
    (("0", "off", "Off"), DestinationTls.NONE),
    (("1", "on", "ON"), DestinationTls.PREFERRED),
    (("2", "require"), DestinationTls.REQUIRED),
    (("3", "on_verify"), DestinationTls.PREFERRED_VERIFY),
    (("4", "require_verify", "Require_Verify"), DestinationTls.REQUIRED_VERIFY),
]


@pytest.mark.parametrize(("spellings", "tls"), TLS)
def test_spellings_of_tls(spellings: tuple[str, ...], tls: DestinationTls) -> None:
    for word in spellings:
        assert row(f"table_tls = {word}").tls is tls


def test_spellings_of_the_other_words() -> None:
    for word in ("0", "host", "HOST"):
        assert row(f"limit_type = {word}").limit_type is LimitType.HOST
    for word in ("1", "MXIP", "mxip"):
        assert row(f"limit_type = {word}").limit_type is LimitType.MXIP
    for word in ("0", "system", "System"):
        assert row(f"limit_apply = {word}").limit_apply is LimitApply.SYSTEM
    for word in ("1", "VG", "vg"):
        assert row(f"limit_apply = {word}").limit_apply is LimitApply.VG
    for word, value in (("0", False), ("off", False), ("1", True), ("On", True)):
        assert row(f"bounce_validation = {word}").bounce_validation is value
    assert row("bounce_profile = DEFAULT").bounce_profile == "Default"


def test_form_is_free_where_it_means_nothing() -> None:
    text = (
        "\ufeff# a comment\r\n; another = one\r\n\r\n  [ .Sub.Example. ]  \r\n"
        "\tTABLE_TLS=on\r\n  bounce_profile   =  My profile \r\n"
    )
    assert parsed(text).rows == (
        (
            ".sub.example",
            DestinationRow(tls=DestinationTls.PREFERRED, bounce_profile="My profile"),
        ),
    )


def test_names_get_their_a_labels() -> None:
    assert parsed("[bücher.example]\n").rows[0][0] == "xn--bcher-kva.example"


def test_import_replaces_the_rows_named_and_keeps_the_others() -> None:
    text = "[new.example]\ntable_tls = on\n[partner.example]\nbounce_profile = Patient\n"
    table = parsed(text, TABLE)
    assert table.default == TABLE.default
    assert table.certificate == "outcert"
    assert table.rows == (
        ("partner.example", DestinationRow(bounce_profile="Patient")),
        TABLE.rows[1],
        ("new.example", DestinationRow(tls=DestinationTls.PREFERRED)),
    )


def test_import_of_default_replaces_what_holds_for_all() -> None:
    text = DEFAULT.replace("send_tls_req_alert = 0", "send_tls_req_alert = on").replace(
        "outcert", ""
    )
    table = parsed(text.replace("= 500", "= 7"), TABLE)
    assert table.send_tls_alert
    assert table.certificate == ""
    assert table.default.max_host_concurrency == 7
    assert table.rows == TABLE.rows


def test_default_without_a_limit_of_recipients() -> None:
    lines = [line for line in DEFAULT.splitlines(keepends=True) if "recipient" not in line]
    table = parsed("".join(lines))
    assert table.default.recipient_limit is None
    assert build_destinations(table) == "".join(lines)
    zero = "".join(lines) + "recipient_limit = 0\nrecipient_minutes = 5\n"
    assert parsed(zero) == table


def test_a_row_can_lift_the_limit_of_recipients() -> None:
    text = "recipient_limit = 0\nlimit_type = 0\nlimit_apply = 0\n"
    assert row(text).recipient_limit == 0
    assert row(text + "recipient_minutes = 5\n").recipient_minutes is None


def test_what_a_limit_is_about_is_written_even_if_nobody_said_it() -> None:
    table = DestinationTable(rows=(("a.example", DestinationRow(recipient_limit=5)),))
    text = build_destinations(table)
    assert parsed(text) == complete(table)
    assert build_destinations(parsed(text)) == text


WRONG = [
    ("[a.example]\nmax_host_concurrency = 5\n", [("line 2", "max_host_concurrency")]),
    (
        "[a.example]\nmax_host_concurrency = 5\nlimit_type = host\n",
        [("line 2", "max_host_concurrency")],
    ),
    (
        "[a.example]\nlimit_type = host\nlimit_apply = VG\nrecipient_limit = 5\n",
        [("line 4", "recipient_limit")],
    ),
    ("[a.example]\nmax_messages_per_connection = 0\n", [("line 2", "max_messages_per_connection")]),
    ("[a.example]\nmax_messages_per_connection = ٣\n", [("line 2", "max_messages_per_connection")]),
    ("[a.example]\nrecipient_minutes = 61\n", [("line 2", "recipient_minutes")]),
    ("[a.example]\nrecipient_minutes = -1\n", [("line 2", "recipient_minutes")]),
    ("[a.example]\ntable_tls = 5\n", [("line 2", "table_tls")]),
    ("[a.example]\ntable_tls =\n", [("line 2", "table_tls")]),
    ("[a.example]\nbounce_validation = yes\n", [("line 2", "bounce_validation")]),
    ("[a.example]\nbounce_profile = a\x00b\n", [("line 2", "bounce_profile:")]),
    ("[a.example]\ntable_tls on\n", [("line 2", "needs")]),
    ("[a.example]\ntable_tls = on\ntable_tls = on\n", [("line 3", "table_tls")]),
    ("[a.example]\ncertificate = c\n", [("line 2", "certificate")]),
    ("[a.example]\n[b.example]\n[A.Example]\n", [("line 3", "[a.example]")]),
    ("[a.example\ntable_tls = 9\n", [("line 1", "needs"), ("line 2", "table_tls")]),
    ("[a b]\n", [("line 1", "'a")]),
    ("[]\n", [("line 1", "a")]),
    ("table_tls = on\n[a.example]\n", [("line 1", "stands")]),
    ("[DEFAULT]\ntable_tls = on\n", [("line 1", "[DEFAULT]")]),
    (DEFAULT.replace("recipient_minutes = 60\n", ""), [("line 4", "recipient_limit")]),
    (DEFAULT.replace("recipient_limit = 300\n", ""), [("line 4", "recipient_minutes")]),
    (DEFAULT.replace("outcert", "a/b"), [("line 12", "certificate:")]),
    (f"# {'x' * LINE_LENGTH_MAX}\n", [("line 1", "the")]),
]


@pytest.mark.parametrize(("text", "found"), WRONG)
def test_what_is_wrong_is_told_with_its_line(text: str, found: list[tuple[str, str]]) -> None:
    assert lines_wrong(text) == found


def test_all_that_is_wrong_is_told_in_the_order_of_the_lines() -> None:
    text = "[a.example]\nmax_host_concurrency = 5\ntable_tls = x\nnonsense\n[b b]\nlimit_type = z\n"
    assert [path for path, _ in lines_wrong(text)] == [
        "line 2",
        "line 3",
        "line 4",
        "line 5",
        "line 6",
    ]


def test_what_default_lacks_is_named() -> None:
    (problem,) = parse_destinations("[DEFAULT]\ntable_tls = on\nlimit_type = 0\n").problems
    assert problem.message == (
        "[DEFAULT] lacks max_host_concurrency, max_messages_per_connection, limit_apply, "
        "bounce_validation, send_tls_req_alert, certificate"
    )


def test_unknown_keys_are_passed_over_with_a_warning() -> None:
    imported = parse_destinations("[a.example]\nip_sort_pref = PREFER_V6\ntable_tls = on\n")
    assert imported.problems == ()
    assert [warning.path for warning in imported.warnings] == ["line 2"]
    assert imported.table.rows[0][1].tls is DestinationTls.PREFERRED


def test_limits() -> None:
    (problem,) = parse_destinations("x" * (TEXT_LENGTH_MAX + 1)).problems
    assert problem.path == "line 1"

    many = parse_destinations("nonsense\n" * (PROBLEMS_MAX + 5)).problems
    assert len(many) == PROBLEMS_MAX + 1
    assert many[-1].message == "and 5 more further down"

    text = "".join(f"[d{number}.example]\n" for number in range(ROWS_MAX - 1))
    assert not parse_destinations(text, TABLE).problems[:-1]
    assert parse_destinations(text, TABLE).problems[0].message.startswith(f"{ROWS_MAX + 1} rows")
