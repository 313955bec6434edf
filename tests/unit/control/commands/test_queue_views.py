"""Commands that show queued mail, or save it (admin 1.6.5)."""

import base64
import json
from typing import Any

import pytest

from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

MESSAGE: dict[str, Any] = {
    "mid": 1527,
    "state": "queued",
    "received_at": 1_289_297_000.0,
    "size": 1230,
    "hold": "",
    "sender": "ann@partner.example",
    "subject": "Lunch\x1b[2J",
    "rids": [0, 2],
    "recipients": ["bob@corp.example", "eve@corp.example"],
    "recipients_open": 25,
    "attempts": 2,
}
WHOLE: dict[str, Any] = {
    **MESSAGE,
    "found": True,
    "envelope": {"icid": 4},
    "recipients": [{"rid": 0, "address": "bob@corp.example", "state": "waiting"}],
    "header": "Subject: Lunch\r\nX-Evil: \x1b]0;x\x07",
}


def test_recipients_are_listed(counter: Counter) -> None:
    counter.gateway.answers["queue_list"] = [
        {"messages": []},
        {"messages": [MESSAGE]},
        {"messages": [{"mid": 8, "size": 2, "hold": "operator", "sender": ""}], "more": True},
    ]
    sitting = sit(counter.desk(), "showrecipients", "", "Corp.example, .a.example")
    assert sitting.shown.partition("Showing")[2] == (
        " messages, please wait.\n"
        "\n"
        "MID/        Bytes/    Sender/                                 Subject\n"
        "[RID]       [Atmps]   Recipient\n"
        "\n"
        "1527        1230      ann@partner.example                     Lunch\\x1b[2J\n"
        "[0]         [2]       bob@corp.example\n"
        "[2]         [2]       eve@corp.example\n"
        "                      and 23 more\n"
        "\n"
        "8           2         <>\n"
        "                      held: operator\n"
        "\n"
        "2 messages and more.\n"
        "gw1.example.test> "
    )
    asked = counter.gateway.asked[0]
    assert asked["selection"] == {"recipient_hosts": ["corp.example", ".a.example"]}


def test_recipients_as_json(counter: Counter) -> None:
    counter.gateway.answers["queue_list"] = [{"messages": [MESSAGE]}]
    sitting = run_line(counter.desk(), "--json showrecipients sender ann@partner.example")
    assert json.loads(sitting.shown)["data"] == {"messages": [MESSAGE], "is_more": False}
    assert counter.gateway.asked[0]["selection"] == {"senders": ["ann@partner.example"]}
    counter.gateway.answers["queue_list"] = []
    assert run_line(counter.desk(), "showrecipients all").shown.endswith("\n0 messages listed.\n")


def test_c_28_a_long_list_comes_in_pages(counter: Counter) -> None:
    counter.gateway.answers["queue_list"] = [{"messages": [MESSAGE] * 30}]
    sitting = sit(counter.desk(), "showrecipients", "3", " ", "q")
    assert sitting.shown.count("-Press Any Key For More-") == 2
    assert "messages listed" not in sitting.shown
    assert sitting.shown.endswith("gw1.example.test> ")


def test_a_message_is_shown(counter: Counter) -> None:
    counter.gateway.answers["queue_show"] = [
        {"workers": [{"found": False}, WHOLE], "unanswered": ["worker 2 is starting"]}
    ]
    sitting = sit(counter.desk(), "showmessage", "1527")
    assert "MID 1527, queued, 1.2k bytes, 11m 42s old" in sitting.shown
    assert "X-Evil: \\x1b]0;x\\x07" in sitting.shown
    found = run_line(counter.desk(), "--json showmessage 1527")
    assert json.loads(found.shown)["data"] == WHOLE


@pytest.mark.parametrize("command", ["showmessage", "archivemessage"])
def test_a_message_that_is_not_there(counter: Counter, command: str) -> None:
    counter.gateway.answers["queue_show"] = [{"workers": [{"found": False}], "unanswered": []}]
    assert run_line(counter.desk(), f"{command} 9").errors == "Error: MID 9 is not in the queue.\n"
    counter.gateway.answers["queue_show"] = [
        {"workers": [{"error": "damaged"}], "unanswered": ["worker 1 is still starting"]}
    ]
    assert run_line(counter.desk(), f"{command} 9").errors == (
        "Error: It is not known whether MID 9 is in the queue: damaged, "
        "worker 1 is still starting\n"
    )


def test_the_oldest_of_all_workers_is_shown(counter: Counter) -> None:
    counter.gateway.answers["queue_oldest"] = [
        {},
        {"message": WHOLE},
        {"message": {**WHOLE, "mid": 12, "received_at": 1_289_200_000.0}},
    ]
    assert run_line(counter.desk(), "--json oldmessage").shown.startswith('{"data": {"mid": 12,')
    assert "MID 12, queued" in sit(counter.desk(), "oldmessage").shown
    counter.gateway.answers["queue_oldest"] = [{}]
    assert "No message is waiting for delivery." in sit(counter.desk(), "oldmessage").shown


def archiving(counter: Counter, *pieces: bytes, is_whole: bool = True) -> None:
    counter.gateway.answers["queue_show"] = [{"workers": [WHOLE], "unanswered": []}]
    answers: list[dict[str, Any]] = [
        {"found": True, "data": base64.b64encode(piece).decode()} for piece in pieces
    ]
    if is_whole:
        answers.append({"found": True, "done": True, "size": sum(map(len, pieces))})
    counter.gateway.answers["queue_archive"] = answers


def test_a_message_is_saved_as_a_mailbox(counter: Counter) -> None:
    archiving(counter, b"Subject: Lunch\r\n\r\nFrom h", b"ere\r\n")
    sitting = sit(counter.desk("olga", Role.OPERATOR), "archivemessage", "1527")
    assert (
        "MID 1527 has been saved in file oldmessage_1527.mbox in the configuration directory, "
        "29 bytes.\n"
    ) in sitting.shown
    (file,) = counter.administration.files.iterdir()
    assert file.name == "oldmessage_1527.mbox"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes() == (
        b"From ann@partner.example Tue Nov  9 10:03:20 2010\nSubject: Lunch\n\n>From here\n\n"
    )
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.author.user, record.detail) == ("olga", "MID 1527 in oldmessage_1527.mbox")


def test_half_a_message_is_no_file(counter: Counter) -> None:
    archiving(counter, b"Subject: Lunch\r\n", is_whole=False)
    sitting = run_line(counter.desk(), "archivemessage 1527")
    assert sitting.status == 1
    assert list(counter.administration.files.iterdir()) == []


def test_a_file_that_cannot_be_written(counter: Counter) -> None:
    archiving(counter, b"Subject: Lunch\r\n")
    (counter.administration.files / "oldmessage_1527.mbox").mkdir()
    sitting = run_line(counter.desk(), "archivemessage 1527")
    assert sitting.errors == "Error: oldmessage_1527.mbox cannot be written: Is a directory\n"


@pytest.mark.parametrize("line", ["showrecipients all", "oldmessage", "showmessage 1"])
def test_a_guest_sees_no_mail(counter: Counter, line: str) -> None:
    sitting = run_line(counter.desk("gus", Role.GUEST), line)
    assert "You do not have permission" in sitting.errors
    assert counter.gateway.asked == []
