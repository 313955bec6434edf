"""Single rows in the text of the destination controls."""

from dataclasses import replace

from mailwarden.core.policy.destinations import DestinationRow, DestinationTls
from mailwarden.core.policy.destinations_edit import DestinationText
from mailwarden.core.policy.destinations_text import parse_destinations

TEXT = """\
# Our destinations.
[DEFAULT]
max_host_concurrency = 500
max_messages_per_connection = 50
limit_type = 0
limit_apply = SYSTEM   
bounce_validation = off
table_tls = off
send_tls_req_alert = 0
certificate =

# They asked for it in May.
[partner.example]
table_tls=2
; and so on
bounce_validation =  1

# Slow.
[slow.example]
max_host_concurrency = 10
limit_type = MXIP
limit_apply = system
"""  # noqa: W291  as somebody may have written it


def edited() -> DestinationText:
    read = parse_destinations(TEXT)
    assert read.problems == ()
    return DestinationText(TEXT, read.table)


def reads_back(text: DestinationText) -> None:
    read = parse_destinations(text.text)
    assert read.problems == ()
    assert read.table == text.table


def test_the_text_is_kept() -> None:
    assert edited().text == TEXT


def test_one_value_is_one_line() -> None:
    text = edited()
    row = dict(text.table.rows)["partner.example"]
    text.set_row("partner.example", replace(row, bounce_validation=False))
    assert text.text == TEXT.replace("bounce_validation =  1", "bounce_validation = 0")
    reads_back(text)


def test_a_value_that_is_new_comes_behind_the_others() -> None:
    text = edited()
    row = dict(text.table.rows)["partner.example"]
    text.set_row("partner.example", replace(row, recipient_limit=5))
    added = "recipient_minutes = 60\nrecipient_limit = 5\nlimit_type = host\nlimit_apply = system\n"
    wanted = TEXT.replace("bounce_validation =  1\n", f"bounce_validation =  1\n{added}")
    assert sorted(text.text.split("\n")) == sorted(wanted.split("\n"))
    assert text.text.startswith(TEXT[: TEXT.index("\n\n# Slow")])
    assert text.text.endswith(TEXT[TEXT.index("\n# Slow") :])
    reads_back(text)


def test_a_value_that_is_left_to_the_default_is_no_line() -> None:
    text = edited()
    text.set_row("partner.example", DestinationRow(tls=DestinationTls.REQUIRED))
    assert text.text == TEXT.replace("bounce_validation =  1\n", "")
    reads_back(text)


def test_a_row_is_added_at_the_end() -> None:
    text = edited()
    text.set_row(".new.example", DestinationRow(max_host_concurrency=3))
    added = "\n[.new.example]\nmax_host_concurrency = 3\nlimit_type = host\nlimit_apply = system\n"
    assert text.text == TEXT + added
    reads_back(text)


def test_a_row_is_removed_and_comments_stay() -> None:
    text = edited()
    text.remove_row("partner.example")
    assert text.text == TEXT.replace(
        "[partner.example]\ntable_tls=2\n; and so on\nbounce_validation =  1\n", ""
    )
    reads_back(text)
    text.remove_row("slow.example")
    assert text.text.endswith("# They asked for it in May.\n\n# Slow.\n")
    reads_back(text)


def test_the_default_and_what_holds_for_all() -> None:
    text = edited()
    text.set_row("DEFAULT", replace(text.table.default, tls=DestinationTls.PREFERRED))
    text.set_globals(send_tls_alert=True, certificate="outcert")
    wanted = TEXT.replace("table_tls = off", "table_tls = on")
    wanted = wanted.replace("send_tls_req_alert = 0\ncertificate =\n",
                            "send_tls_req_alert = 1\ncertificate = outcert\n")  # fmt: skip
    assert text.text == wanted
    reads_back(text)


def test_a_default_where_there_was_none() -> None:
    text = DestinationText("[a.example]\ntable_tls = on\n", parse_destinations(
        "[a.example]\ntable_tls = on\n").table)  # fmt: skip
    text.set_row("DEFAULT", DestinationRow(max_messages_per_connection=7))
    assert "max_messages_per_connection = 7\n" in text.text
    assert text.text.endswith("\n\n[a.example]\ntable_tls = on\n")
    assert parse_destinations(text.text).problems == ()


def test_an_empty_text() -> None:
    text = DestinationText("", parse_destinations("").table)
    text.set_globals(send_tls_alert=True, certificate="")
    assert text.text == ""
    text.set_rows({"b.example": DestinationRow(tls=DestinationTls.NONE)})
    assert text.text == "[b.example]\ntable_tls = off\n"
