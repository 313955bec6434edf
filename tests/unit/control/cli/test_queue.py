"""What `queue` shows of messages."""

import json
from argparse import Namespace
from typing import Any

import pytest

from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.queue import show_deleted, show_message, show_messages, show_summary

NOW = 1_700_000_000.0
TEXT = Namespace(json=False, mid=4711)
JSON = Namespace(json=True, mid=4711)
MESSAGES: list[dict[str, Any]] = [
    {
        "mid": 4711,
        "state": "queued",
        "received_at": NOW - 3700,
        "size": 14_540,
        "hold": "",
        "sender": "ann@partner.example",
        "recipients": ["a@corp.example", "b@corp.example", "c@corp.example", "d@corp.example"],
        "recipients_open": 7,
        "attempts": 3,
        "next_attempt_at": NOW + 60,
        "reason": "4.4.0 - Other network problem\x1b[2J",
    },
    {"mid": 4712, "state": "held", "received_at": NOW - 1, "size": 12, "hold": "operator"},
]

PAGES = [{"messages": MESSAGES[:1]}, {"messages": MESSAGES[1:]}]

WHO = "<ann@partner.example> to a@corp.example, b@corp.example, c@corp.example and 4 more"


def test_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_messages(TEXT, PAGES, NOW) == ExitCode.DONE
    assert capsys.readouterr().out.splitlines() == [
        "       MID  State       Size      Age  Tries     Next  Mail",
        f"      4711  queued     14.2k    1h 1m      3       1m  {WHO}",
        "            4.4.0 - Other network problem\\x1b[2J",
        "      4712  held          12       1s                  <> to nobody known",
        "            held: operator",
        "2 messages",
    ]


def test_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    show_messages(TEXT, iter(()), NOW)
    assert capsys.readouterr().out == "no message is waiting\n"


def test_a_list_that_is_cut_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_messages(TEXT, [*PAGES, {"messages": [], "more": True}], NOW)
    assert capsys.readouterr().out.splitlines()[-1] == "2 messages and more; --limit 0 shows all"


def test_a_list_for_programs_is_a_line_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    show_messages(JSON, iter(PAGES), NOW)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == MESSAGES


WHOLE = {
    **MESSAGES[0],
    "found": True,
    "envelope": {"icid": 12, "client": "192.0.2.25", "client_name": "", "helo": "x"},
    "recipients": [
        {"rid": 0, "address": "a@corp.example", "state": "settled"},
        {
            "rid": 1,
            "address": "b@corp.example",
            "state": "waiting",
            "attempts": 3,
            "next_attempt_at": NOW + 60,
            "reason": "450 busy",
        },
    ],
    "header": "Received: from x\r\n\tby y\r\nSubject: \x1b[2J",
}


def test_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_message(TEXT, WHOLE, NOW) == ExitCode.DONE
    assert capsys.readouterr().out.splitlines() == [
        "MID 4711, queued, 14.2k bytes, 1h 1m old",
        "Sender: <ann@partner.example>",
        "Icid: 12",
        "Client: 192.0.2.25",
        "Helo: x",
        "",
        "RID  Recipient       State    Tries  Next try  Reason",
        "  0  a@corp.example  settled",
        "  1  b@corp.example  waiting      3  1m        450 busy",
        "",
        "Received: from x",
        " by y",
        "Subject: \\x1b[2J",
    ]


def test_one_message_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show_message(JSON, WHOLE, NOW)
    assert json.loads(capsys.readouterr().out) == WHOLE


@pytest.mark.parametrize("message", [None, {}, {"found": False}])
def test_no_such_message(message: dict[str, Any] | None) -> None:
    with pytest.raises(CommandError, match="no message 4711"):
        show_message(TEXT, message, NOW)


def test_messages_may_lack_anything(capsys: pytest.CaptureFixture[str]) -> None:
    show_messages(TEXT, [{}, {"messages": [{}]}], NOW)
    show_message(TEXT, {"mid": 1, "recipients": ["a@b.example"]}, NOW)
    assert "a@b.example" in capsys.readouterr().out


STATUS = {
    "spool": {"queued": 2},
    "destinations": [{"name": "a.example", "waiting": 2, "state": "up"}],
}


def test_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_summary(TEXT, STATUS, NOW) == ExitCode.DONE
    assert capsys.readouterr().out.splitlines() == [
        "Spool: 2 queued messages",
        "",
        "Destination  State  Waiting  Connections  Next try  Last error",
        "a.example    up           2",
    ]


def test_the_summary_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show_summary(JSON, {**STATUS, "workers": []}, NOW)
    assert json.loads(capsys.readouterr().out) == STATUS


DEFERRED = {"mid": 1, "state": "received", "reason": "antivirus: no answer", "attempts": 2}


@pytest.mark.parametrize(
    ("at", "again"),
    [(NOW + 65, "; tried again in 1m 5s"), (NOW - 1, "; tried again now"), (None, "")],
)
def test_a_deferred_message(
    capsys: pytest.CaptureFixture[str], at: float | None, again: str
) -> None:
    show_message(TEXT, {**DEFERRED, "next_attempt_at": at}, NOW)
    assert f"Deferred: antivirus: no answer{again}" in capsys.readouterr().out.splitlines()
    show_messages(TEXT, [{"messages": [{**DEFERRED, "next_attempt_at": at}]}], NOW)
    assert "            antivirus: no answer" in capsys.readouterr().out.splitlines()


DELETED = {
    **MESSAGES[0],
    "state": "deleted",
    "hold": "",
    "kept_until": NOW + 7200,
    "found": True,
}


def test_deleted_messages(capsys: pytest.CaptureFixture[str]) -> None:
    pages = [{"messages": [DELETED]}, {"messages": [], "more": True}]
    assert show_deleted(TEXT, pages, NOW) == ExitCode.DONE
    assert capsys.readouterr().out.splitlines() == [
        "       MID    Size      Age  Kept for  Mail",
        f"      4711   14.2k    1h 1m        2h  {WHO}",
        "1 message and more; --limit 0 shows all",
    ]
    show_deleted(JSON, pages, NOW)
    assert json.loads(capsys.readouterr().out) == DELETED
    show_deleted(TEXT, [], NOW)
    assert capsys.readouterr().out == "no deleted message is kept\n"
    show_message(TEXT, DELETED, NOW)
    assert "Deleted: gone for good in 2h; " in capsys.readouterr().out


def test_a_subject_is_shown_and_cut(capsys: pytest.CaptureFixture[str]) -> None:
    pages = [{"messages": [{**MESSAGES[0], "subject": "s\x1b" + "x" * 100}]}]
    show_messages(TEXT, pages, NOW)
    line = capsys.readouterr().out.splitlines()[1]
    assert line.endswith(f"{WHO}  s\\x1b" + "x" * 54 + "…")
