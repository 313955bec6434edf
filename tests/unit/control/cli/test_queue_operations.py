"""What is asked before mail is deleted or bounced, and what is told after."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.parser import build_parser
from mailwarden.control.cli.queue_operations import (
    run_operation,
    run_redirect,
    run_restore,
    selection_of,
    show_cancelled,
    show_redirects,
)

TWO = [
    {"done": False, "looked_at": 5, "messages": 1},
    {"done": True, "looked_at": 9, "messages": 2, "recipients": 3, "unreadable": 0},
    {"done": True, "looked_at": 7, "messages": 1, "recipients": 1, "unreadable": 0},
]
NONE = [{"done": True, "looked_at": 7, "messages": 0, "recipients": 0, "unreadable": 0}]


class Gateway:
    """Answers the same to every command."""

    def __init__(self, answers: list[dict[str, Any]] = TWO, reply: str = "y") -> None:
        self.asked: list[str] = []
        self.questions: list[str] = []
        self._answers = answers
        self._reply = reply

    def ask(self, command: str) -> Iterator[dict[str, Any]]:
        self.asked.append(command)
        yield from self._answers

    def read(self, question: str) -> str:
        self.questions.append(question)
        if self._reply == "^D":
            raise EOFError
        return self._reply

    def run(self, *words: str, is_terminal: bool = True) -> int:
        arguments = build_parser().parse_args(["queue", *words])
        if words[0] == "restore":
            return run_restore(arguments, self.ask)
        return run_operation(arguments, self.ask, read_answer=self.read, is_terminal=is_terminal)


def test_what_the_options_mean() -> None:
    words = [
        "queue", "delete", "21", "--mid", "22", "--recipient-host", "A.example,b.example",
        "--recipient-host", ".c.example", "--sender", "<Ann@Partner.example>", "--sender", "<>",
        "--recipient", "@corp.example", "--older-than", "2d",
    ]  # fmt: skip
    assert selection_of(build_parser().parse_args(words)) == {
        "recipient_hosts": ["a.example", "b.example", ".c.example"],
        "senders": ["ann@partner.example", "<>"],
        "recipients": ["@corp.example"],
        "mids": [21, 22],
        "older_than_seconds": 172_800,
    }


@pytest.mark.parametrize(
    "words",
    [
        ["--older-than", "2"],
        ["--older-than", "2w"],
        ["--older-than", "-2d"],
        ["--sender", "ann"],
        ["--recipient", "<ann>"],
        ["--recipient-host", "a.example,,b.example"],
        ["seven"],
    ],
)
def test_options_that_make_no_sense(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["queue", "delete", *words])
    assert "error: argument" in capsys.readouterr().err


def test_it_asks_and_does_it(capsys: pytest.CaptureFixture[str]) -> None:
    gateway = Gateway()
    assert gateway.run("delete", "--all") == ExitCode.DONE
    assert gateway.asked == ["queue_count", "queue_delete"]
    assert gateway.questions == ["Are you sure you want to delete 3 messages (4 recipients)? [N]> "]
    out, err = capsys.readouterr()
    assert out.startswith("3 messages deleted (4 recipients)\n`mailwarden queue deleted`")
    assert err == "looked at 5, 1 done\n"


@pytest.mark.parametrize("reply", ["", "n", "what", "^D"])
def test_anything_but_a_yes_changes_nothing(reply: str, capsys: pytest.CaptureFixture[str]) -> None:
    gateway = Gateway(reply=reply)
    assert gateway.run("bounce", "7") == ExitCode.DONE
    assert gateway.asked == ["queue_count"]
    assert capsys.readouterr().out == "nothing was changed\n"


def test_without_a_terminal_it_needs_a_yes(capsys: pytest.CaptureFixture[str]) -> None:
    gateway = Gateway()
    with pytest.raises(CommandError, match="no terminal") as caught:
        gateway.run("delete", "7", is_terminal=False)
    assert caught.value.code == ExitCode.USAGE
    assert gateway.asked == []
    gateway.run("bounce", "7", "--yes", is_terminal=False)
    assert gateway.asked == ["queue_bounce"]
    assert capsys.readouterr() == ("3 messages bounced (4 recipients)\n", "")


def test_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    gateway = Gateway()
    gateway.run("delete", "--older-than", "1d", "--dry-run", is_terminal=False)
    gateway.run("delete", "--all", "--dry-run", "--json", is_terminal=False)
    assert gateway.asked == ["queue_count", "queue_count"]
    text, line = capsys.readouterr().out.splitlines()
    assert text == "3 messages would be deleted (4 recipients)"
    assert json.loads(line) == {"messages": 3, "recipients": 4, "unreadable": 0}


def test_nothing_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    gateway = Gateway(NONE)
    assert gateway.run("delete", "--sender", "<>") == ExitCode.DONE
    assert gateway.questions == []
    assert capsys.readouterr().out == "no such message is waiting for delivery\n"
    for words in (["delete", "7"], ["bounce", "7", "--dry-run"]):
        with pytest.raises(CommandError, match="MID 7 is not in a queue that can be changed"):
            gateway.run(*words)


@pytest.mark.parametrize(
    "words", [["delete"], ["bounce", "--dry-run"], ["delete", "7", "--all"], ["restore"],
              ["restore", "7", "--all"]]
)  # fmt: skip
def test_what_is_meant_has_to_be_said(words: list[str]) -> None:
    gateway = Gateway()
    with pytest.raises(CommandError) as caught:
        gateway.run(*words)
    assert caught.value.code == ExitCode.USAGE
    assert gateway.asked == []


def test_what_could_not_be_read_is_told() -> None:
    gateway = Gateway([{**NONE[0], "unreadable": 2}])
    with pytest.raises(CommandError, match="2 messages could not be read"):
        gateway.run("delete", "--all", "--yes")


def test_restore(capsys: pytest.CaptureFixture[str]) -> None:
    gateway = Gateway()
    assert gateway.run("restore", "7") == ExitCode.DONE
    assert gateway.asked == ["queue_restore"]
    assert capsys.readouterr().out == "3 messages restored (4 recipients)\n"
    with pytest.raises(CommandError, match="MID 7, 8 is not among what was deleted"):
        Gateway(NONE).run("restore", "7", "8")
    assert Gateway(NONE).run("restore", "--all") == ExitCode.DONE
    assert capsys.readouterr().out == "nothing is deleted\n"


REDIRECT = {
    "number": 1,
    "to": "relay.example",
    "selection": {"recipient_hosts": ["a.example", "b.example"], "senders": ["<>"]},
    "by": "ann",
    "at": 1_000_000.0,
}


def redirect(gateway: Gateway, *words: str, is_terminal: bool = True) -> int:
    arguments = build_parser().parse_args(["queue", "redirect", "--to", "relay.example", *words])
    return run_redirect(
        arguments,
        gateway.ask,
        lambda _: iter([{"redirect": REDIRECT}]),
        read_answer=gateway.read,
        is_terminal=is_terminal,
    )


def test_a_redirect_warns_asks_and_says_how_to_take_it_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert redirect(Gateway(), "--all") == ExitCode.DONE
    assert capsys.readouterr().out.splitlines() == [
        "If relay.example does not accept this mail, it is returned to its senders.",
        "redirect 1: what was received until now goes to relay.example",
        "`mailwarden queue redirect --cancel 1` takes it back",
    ]
    redirect(Gateway(reply="n"), "--all")
    assert capsys.readouterr().out.endswith("nothing was changed\n")
    redirect(Gateway(), "--all", "--dry-run")
    assert capsys.readouterr().out == "3 messages would be redirected (4 recipients)\n"
    redirect(Gateway(), "7", "--yes", "--json", is_terminal=False)
    assert json.loads(capsys.readouterr().out) == REDIRECT
    with pytest.raises(CommandError, match="say which mail to redirect"):
        redirect(Gateway())


def test_redirects_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    text, as_json = (
        build_parser().parse_args(["queue", "redirect", *words]) for words in ([], ["--json"])
    )
    show_redirects(text, {"redirects": [REDIRECT]}, 1_000_060.0)
    assert capsys.readouterr().out.splitlines() == [
        "Number  To             Since  By   Mail",
        "     1  relay.example  1m     ann  to a.example, b.example; from <>",
    ]
    show_redirects(as_json, {"redirects": [REDIRECT]}, 1_000_060.0)
    assert json.loads(capsys.readouterr().out) == [REDIRECT]
    show_redirects(text, {}, 0)
    show_cancelled(text, [{"cancelled": [1, 2]}])
    show_cancelled(text, [{"cancelled": []}])
    show_cancelled(as_json, [{"cancelled": [1]}])
    assert capsys.readouterr().out.splitlines() == [
        "no mail is redirected",
        "redirect 1, 2 is cancelled",
        "no mail is redirected",
        "[1]",
    ]
