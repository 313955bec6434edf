"""`destconfig`, with rows and with a text."""

import json

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

TEXT = """\
# Ours.
[DEFAULT]
max_host_concurrency = 500
max_messages_per_connection = 50
limit_type = host
limit_apply = system
bounce_validation = 0
table_tls = off
send_tls_req_alert = 0
certificate =

# Since May.
[partner.example]
table_tls = 2   

[slow.example]
max_messages_per_connection = 10
"""  # noqa: W291  as somebody may have written it


@pytest.fixture
def desk(counter: Counter) -> Desk:
    return counter.desk()


@pytest.fixture
def with_text(counter: Counter) -> Desk:
    """A desk where the controls are a text."""
    desk = counter.desk()
    desk.candidate = desk.candidate.put(("destination_controls",), TEXT, MODEL)
    assert run_line(desk, "commit text").status == 0
    return desk


def text_of(desk: Desk) -> object:
    return desk.candidate.tree["destination_controls"]


def test_an_entry_in_a_dialogue(counter: Counter, desk: Desk) -> None:
    sitting = sit(
        desk, "destconfig", "new", " Partner.Example ", "10", "", "300", "5", "2", "", "required",
        "y", "", "", "commit", "",
    )  # fmt: skip
    assert "Destination controls: 0 entries besides DEFAULT, in `destinations`." in sitting.shown
    assert "The entry for partner.example is set." in sitting.shown
    assert "1 entry besides DEFAULT" in sitting.shown
    assert counter.running("destinations") == {
        "partner.example": {
            "max_host_concurrency": 10, "recipient_limit": 300, "recipient_minutes": 5,
            "limit_type": "MXIP", "tls": "required", "bounce_validation": True,
        }
    }  # fmt: skip


def test_c_11_an_invalid_value_is_asked_again(desk: Desk) -> None:
    run_line(desk, "destconfig new partner.example max_host_concurrency 10")
    sitting = sit(
        desk, "destconfig", "EDIT", "partner.example", "0", "many", "20",
        *[""] * 7, "", "showchanges",
    )  # fmt: skip
    question = "over all workers. [10]> "
    assert sitting.shown.count(question) == 3
    assert f"1 to 1000000.\nConnections at the same time, {question}" in sitting.shown
    assert '"max_host_concurrency": 20' in sitting.shown


def test_lines_edit_what_they_name(counter: Counter, desk: Desk) -> None:
    for line in (
        "destconfig new .partner.example tls required-verify",
        "destconfig new .partner.example tls required_verify recipient_limit 0",
        "destconfig edit .partner.example --max-messages-per-connection=7",
        "destconfig edit .partner.example recipient_limit default",
        "destconfig default max_host_concurrency 100",
        "destconfig default tls none",
    ):
        run_line(desk, line)
    assert run_line(desk, "commit rows").status == 0
    assert counter.running("destinations") == {
        ".partner.example": {"tls": "required_verify", "max_messages_per_connection": 7},
        "DEFAULT": {"max_host_concurrency": 100},
    }
    run_line(desk, "destconfig new other.example")
    assert run_line(desk, "destconfig delete .partner.example").status == 0
    assert run_line(desk, "destconfig clear force").status == 0
    assert desk.candidate.tree["destinations"] == {"DEFAULT": {"max_host_concurrency": 100}}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("destconfig new a b tls none", "b is not known here"),
        ("destconfig new a.example tls maybe", "'maybe' is not in the list"),
        ("destconfig new a.example recipient_minutes 5", "recipient_minutes has no meaning here"),
        ("destconfig new a.example bounce_profile Nobody", "'Nobody' is not in the list"),
        ("destconfig edit a.example tls none", "EDIT is not possible at present"),
        ("destconfig delete a.example", "DELETE is not possible at present"),
        ("destconfig detail a.example", "'a.example' is not in the table"),
        ("destconfig new a.example bounce_validation yes", ""),
    ],
)
def test_refusals(desk: Desk, line: str, told: str) -> None:
    sitting = run_line(desk, line)
    assert (told in sitting.errors, sitting.status) == (True, 1 if told else 0)
    assert desk.pending_changes() == (0 if told else 1)


def test_global_settings(counter: Counter, desk: Desk) -> None:
    desk.candidate = desk.candidate.put(
        ("certificates", "outcert"), {"certificate": "c.pem", "key": "k.pem"}, MODEL
    )
    sit(desk, "destconfig", "setup", "outcert", "y", "", "commit", "")
    assert counter.running("delivery") == {"certificate": "outcert", "send_tls_alert": True}
    run_line(desk, "destconfig setup certificate none")
    assert desk.candidate.tree["delivery"] == {"certificate": "", "send_tls_alert": True}
    assert "'gone' is not in the list" in run_line(desk, "destconfig setup certificate gone").errors


def test_list_and_detail(desk: Desk) -> None:
    run_line(desk, "destconfig new a.example recipient_limit 5 recipient_minutes 1 tls preferred")
    lines = run_line(desk, "destconfig list").shown.splitlines()
    assert lines[1].split("  ")[0] == "a.example"
    assert "5 in 1 minute" in lines[1]
    assert lines[2].split() == ["DEFAULT", "500", "50", "no", "limit", "none", "off"]
    assert "a.example\n  recipient_limit: 5\n" in run_line(desk, "destconfig detail").shown
    one = json.loads(run_line(desk, "--json destconfig detail a.example").shown)["data"]
    assert one["entries"] == [
        {"domain": "a.example", "recipient_limit": 5, "recipient_minutes": 1, "tls": "preferred"}
    ]
    assert (one["certificate"], one["send_tls_alert"]) == ("", False)


def test_a_text_is_changed_row_by_row(counter: Counter, with_text: Desk) -> None:
    desk = with_text
    assert "2 entries besides DEFAULT, in `destination_controls`" in sit(
        desk, "destconfig", ""
    ).shown  # fmt: skip
    run_line(desk, "destconfig edit slow.example max_messages_per_connection 20")
    assert text_of(desk) == TEXT.replace("connection = 10", "connection = 20")
    run_line(desk, "destconfig delete slow.example")
    assert text_of(desk) == TEXT[: TEXT.index("[slow")]
    run_line(desk, "destconfig new .new.example tls preferred")
    assert text_of(desk) == TEXT[: TEXT.index("[slow")] + "[.new.example]\ntable_tls = on\n"
    run_line(desk, "destconfig default tls preferred")
    run_line(desk, "destconfig setup send_tls_alert yes")
    assert str(text_of(desk)).count("table_tls = on\nsend_tls_req_alert = 1\n") == 1
    assert run_line(desk, "commit all").status == 0
    assert counter.administration.config.delivery.send_tls_alert
    assert "destinations" not in desk.candidate.tree
    run_line(desk, "destconfig clear force")
    assert str(text_of(desk)).startswith("# Ours.\n[DEFAULT]")
    assert "partner" not in str(text_of(desk))


def test_list_of_a_text(with_text: Desk) -> None:
    found = json.loads(run_line(with_text, "--json destconfig list").shown)["data"]["entries"]
    assert [row["domain"] for row in found] == ["partner.example", "slow.example", "DEFAULT"]
    assert found[0] == {"domain": "partner.example", "tls": "required"}


def test_a_first_import_keeps_the_text(counter: Counter, desk: Desk) -> None:
    (counter.administration.files / "dest.txt").write_text(TEXT)
    sitting = run_line(desk, "destconfig import dest.txt")
    assert "2 entries imported into `destination_controls`" in sitting.shown
    assert text_of(desk) == TEXT


def test_an_import_keeps_rows_that_it_does_not_name(counter: Counter, desk: Desk) -> None:
    run_line(desk, "destconfig new kept.example tls required")
    run_line(desk, "destconfig new slow.example tls required")
    (counter.administration.files / "dest.txt").write_text(TEXT.replace("alert = 0", "alert = 1"))
    assert run_line(desk, "destconfig import dest.txt").status == 0
    rows = desk.candidate.tree["destinations"]
    assert isinstance(rows, dict)
    assert list(rows) == ["kept.example", "slow.example", "DEFAULT", "partner.example"]
    assert rows["slow.example"] == {"max_messages_per_connection": 10}
    assert desk.candidate.tree["delivery"] == {"send_tls_alert": True}


def test_an_import_into_a_text(counter: Counter, with_text: Desk) -> None:
    file = counter.administration.files / "dest.txt"
    file.write_text("[slow.example]\nmax_messages_per_connection = 3\n[b.example]\ntable_tls = 1\n")
    assert run_line(with_text, "destconfig import dest.txt").status == 0
    wanted = TEXT.replace("connection = 10", "connection = 3")
    assert text_of(with_text) == f"{wanted}\n[b.example]\ntable_tls = on\n"


def test_an_import_that_is_wrong(counter: Counter, desk: Desk) -> None:
    file = counter.administration.files / "dest.txt"
    file.write_text("[DEFAULT]\ntable_tls = perhaps\n[a.example]\nmax_host_concurrency = 0\n")
    errors = run_line(desk, "destconfig import dest.txt").errors
    assert "line 1: [DEFAULT] lacks" in errors
    assert "line 2: table_tls is one of" in errors
    assert "line 4: max_host_concurrency is a number" in errors
    assert desk.pending_changes() == 0


def test_an_export_reads_back(counter: Counter, desk: Desk) -> None:
    run_line(desk, "destconfig new a.example recipient_limit 5 recipient_minutes 1 tls preferred")
    assert run_line(desk, "destconfig export dest.txt").status == 0
    text = (counter.administration.files / "dest.txt").read_text()
    assert text.startswith("[DEFAULT]\nmax_host_concurrency = 500\n")
    assert "[a.example]\nrecipient_minutes = 1\nrecipient_limit = 5\n" in text
    assert run_line(desk, "destconfig import dest.txt").status == 0


def test_who_may(counter: Counter) -> None:
    assert run_line(counter.desk("greta", Role.GUEST), "destconfig list").errors == (
        "You do not have permission to run destconfig\n"
    )
    rita = counter.desk("rita", Role.READ_ONLY_OPERATOR)
    assert run_line(rita, "destconfig new a.example tls none").status == 0
    assert "saveconfig" in run_line(rita, "destconfig import x.txt").errors
