"""What Tab makes of a command line."""

import pytest

from mailwarden.control.dialogue.completion import complete_one_of
from mailwarden.control.dialogue.scripted_terminal import ScriptedTerminal
from mailwarden.control.dialogue.session import Session
from mailwarden.control.dialogue.terminal import Completion
from tests.unit.control.dialogue.office import Office
from tests.unit.control.dialogue.samples import CATALOG

TREE = {
    "listeners": {"In": {}, "In two": {}, "Out": {}},
    "destinations": {"a.example": {"tls": "none"}},
}


def complete(line: str, role: str = "admin", cursor: int | None = None) -> Completion:
    session = Session(CATALOG, Office(role, TREE), ScriptedTerminal([]))
    return session.complete(line, len(line) if cursor is None else cursor)


ONE = [
    ("sethos", "sethostname "),
    ("SETHOS", "sethostname "),
    ("  sethos", "  sethostname "),
    ("--j", "--json "),
    ("--json destc", "--json destconfig "),
    ("destconfig new x.example --", "destconfig new x.example --"),
    ("destconfig ed", "destconfig edit "),
    ("destconfig edit ", "destconfig edit a.example "),
    ("destconfig edit a.example bounce_v", "destconfig edit a.example bounce_validation "),
    (
        "destconfig edit a.example bounce_validation y",
        "destconfig edit a.example bounce_validation yes ",
    ),
    ("destconfig edit a.example tls required_", "destconfig edit a.example tls required_verify "),
    ("listenerconfig edit o", "listenerconfig edit Out "),
    ("listenerconfig edit 'In t", 'listenerconfig edit "In two" '),
    ("listenerconfig edit Out h", "listenerconfig edit Out hostaccess "),
    ("listenerconfig edit Out hostaccess ", "listenerconfig edit Out hostaccess print "),
    ("status d", "status detail "),
    ("workqueue pause f", "workqueue pause force "),
]


@pytest.mark.parametrize(("line", "whole"), ONE)
def test_cli_22_what_fits_alone(line: str, whole: str) -> None:
    assert complete(line) == (whole, len(whole), ())


def test_cli_22_several_are_listed() -> None:
    assert complete("s") == ("s", 1, ("sethostname", "smtproutes", "status", "systemsetup"))
    assert complete("p") == ("pas", 3, ("passwd", "paste"))
    assert complete("listenerconfig edit I") == ("listenerconfig edit In", 22, ("In", "In two"))


@pytest.mark.parametrize(
    "line",
    ["nonsense", "nonsense ", "destconfig frob ", "destconfig edit b.example ", "systemsetup ",
     "destconfig edit a.example tls none tl"],
)  # fmt: skip
def test_what_fits_nothing_is_left(line: str) -> None:
    assert complete(line) == (line, len(line), ())


def test_cli_25_only_what_the_role_may_run() -> None:
    assert complete("", "guest").candidates == (
        "exit", "help", "many", "status", "tail", "workqueue",
    )  # fmt: skip
    assert complete("workqueue ", "guest").line == "workqueue status "
    assert complete("destconfig ed", "guest").line == "destconfig ed"


def test_what_is_behind_the_cursor_stays() -> None:
    assert complete("dest list", cursor=4) == ("destconfig list", 11, ())


def test_one_of_a_list() -> None:
    assert complete_one_of(["PRINT", "EDIT"])("pr", 2) == ("PRINT", 5, ())
