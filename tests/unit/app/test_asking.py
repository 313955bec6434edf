"""What an administrator reads when not every worker answers."""

from argparse import Namespace
from typing import Any

import pytest

from mailwarden.app import asking, asking_queue
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.parser import build_parser

ARGUMENTS = Namespace(mid=21, domain="all", json=False, limit=1000, config=None)
MISSING = "worker 1 is still starting"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    monkeypatch.setattr(asking, "state_directory", lambda _: None)
    monkeypatch.setattr(asking, "ask", lambda *_: iter(answers))
    return answers


@pytest.mark.parametrize("command", [asking.queue_show, asking.queue_hold, asking.queue_release])
def test_a_message_may_be_where_nobody_answers(answers: list[Any], command: Any) -> None:
    answers.append({"workers": [{"found": False}], "unanswered": [MISSING]})
    with pytest.raises(CommandError, match=f"not known whether message 21 .*: {MISSING}"):
        command(ARGUMENTS)
    answers[0] = {"workers": [{"error": "MID 21 cannot be read"}]}
    with pytest.raises(CommandError, match="MID 21 cannot be read"):
        command(ARGUMENTS)
    answers[0] = {"workers": [{"found": False}], "unanswered": []}
    with pytest.raises(CommandError, match="there is no message 21"):
        command(ARGUMENTS)


def test_a_message_that_is_found_needs_no_other_answers(
    answers: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers.append({"workers": [{"found": True, "held": True}], "unanswered": [MISSING]})
    assert asking.queue_hold(ARGUMENTS) == ExitCode.DONE
    assert "message 21 is held" in capsys.readouterr().out


def test_a_retry_says_whose_mail_was_not_tried(
    answers: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers.append({"workers": [{"retried": 3}], "unanswered": [MISSING]})
    with pytest.raises(CommandError, match=f"its mail was not tried: {MISSING}"):
        asking.queue_retry(ARGUMENTS)
    assert "3 deliveries are tried again now" in capsys.readouterr().out


def test_a_list_shows_what_there_is_and_then_what_is_missing(
    answers: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers += [{"messages": [{"mid": 7}]}, {"error": f"the list is not whole: {MISSING}"}]
    with pytest.raises(CommandError, match=f"the list is not whole: {MISSING}"):
        asking_queue.queue_list(build_parser().parse_args(["queue", "list"]))
    assert "         7" in capsys.readouterr().out


def test_a_reload_says_what_waits(answers: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    answers.append({"problems": [], "notes": ["the change of `workers` takes effect later"]})
    assert asking.reload(ARGUMENTS) == ExitCode.DONE
    assert capsys.readouterr().out == "reloaded\nthe change of `workers` takes effect later\n"


def test_a_reload_that_failed_says_why(
    answers: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers.append({"problems": ["x.yaml:1:1: no"], "notes": []})
    with pytest.raises(CommandError, match="nothing was changed"):
        asking.reload(ARGUMENTS)
    assert capsys.readouterr().err == "x.yaml:1:1: no\n"


def test_the_oldest_of_all_workers(answers: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = build_parser().parse_args(["queue", "oldest"])
    assert asking_queue.queue_oldest(arguments) == ExitCode.DONE
    assert capsys.readouterr().out == "no message is waiting for delivery\n"
    answers += [{}, {"message": {"mid": 7, "received_at": 20.0}}]
    answers += [{"message": {"mid": 8, "received_at": 10.0}}]
    asking_queue.queue_oldest(arguments)
    assert capsys.readouterr().out.startswith("MID 8, ")
