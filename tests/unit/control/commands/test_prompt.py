"""The prompt, and what is typed at it (admin 10.1, C-01 to C-04)."""

import pytest

from mailwarden.control.commands.catalog import CATALOG
from mailwarden.control.commands.host import AdministratorHost
from mailwarden.control.dialogue.scripted_terminal import ScriptedTerminal
from mailwarden.control.dialogue.session import Session
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit


def test_c_01_the_prompt_is_the_name_of_the_gateway(counter: Counter) -> None:
    assert sit(counter.desk()).shown.startswith("gw1.example.test> ")


def test_c_02_help_lists_what_is_permitted_in_any_case(counter: Counter) -> None:
    guest = counter.desk("gus", Role.GUEST)
    first, second, third = (run_line(guest, word).shown for word in ("HELP", "Help", "help"))
    assert first == second == third
    listed = {line.partition(" ")[0] for line in first.splitlines()}
    assert listed == {each.name for each in CATALOG.commands if guest.may(each.right)}
    assert "status" in listed
    assert "commit" not in listed


def test_c_03_an_unknown_command(counter: Counter) -> None:
    sitting = sit(counter.desk(), "foo", "whoami")
    assert "Unknown command: foo\n" in sitting.screen
    assert sitting.screen.count("gw1.example.test> ") == 3
    remote = run_line(counter.desk(), "foo")
    assert remote.status != 0
    assert remote.errors == "Unknown command: foo\n"


@pytest.mark.parametrize(("role", "made"), [(Role.OPERATOR, "sethostname "), (Role.GUEST, None)])
def test_c_04_tab_completes_what_is_permitted(
    counter: Counter, role: Role, made: str | None
) -> None:
    host = AdministratorHost(counter.desk("una", role))
    session = Session(CATALOG, host, ScriptedTerminal([]))
    assert session.complete("sethos", 6).line == (made or "sethos")
