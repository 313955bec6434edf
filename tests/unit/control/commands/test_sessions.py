"""`who`, `whoami` and `last` (admin 1.6.2)."""

import dataclasses
import json

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.logins import ENDED, LOGGED_IN, LOGGED_OUT
from mailwarden.core.access.roles import Role
from mailwarden.stores.configuration.record import Author, Source
from tests.unit.control.commands.counter import Counter, run_line
from tests.unit.control.commands.staff import come, hire


def note(counter: Counter, user: str, action: str, address: str = "192.0.2.7") -> None:
    """Let a minute pass, and put into the audit log what somebody did."""
    counter.clock.advance(60)
    author = Author(user, "", Source.CLI, address)
    counter.administration.versions.store.record(author, action, "")


def test_who_lists_the_sessions(counter: Counter) -> None:
    hire(counter, ("guy", Role.GUEST))
    admin = come(counter, address="")
    counter.clock.advance(125)
    guest = come(counter, "guy")
    sitting = run_line(guest, "who")
    assert sitting.shown.splitlines() == [
        "Username  Login Time                    Idle Time  Remote Host   What     Changes",
        "admin     Tue Nov  9 10:15:02 2010 GMT  2m 5s      this machine  console        0",
        "guy       Tue Nov  9 10:17:07 2010 GMT  0s         192.0.2.7     ssh            0",
    ]
    data = json.loads(run_line(guest, "--json who").shown)["data"]
    assert [(each["number"], each["user"]) for each in data] == [
        (admin.session, "admin"),
        (guest.session, "guy"),
    ]
    assert data[1]["address"] == "192.0.2.7"


def test_who_shows_sessions_that_were_cut_off(counter: Counter) -> None:
    hire(counter)
    desk = come(counter, address="")
    counter.sessions.detached("admin")
    counter.sessions._seats[desk.session].detach()
    counter.clock.advance(60)
    assert "  cut off 1m  " in run_line(desk, "who").shown


def test_whoami_says_who_one_is(counter: Counter) -> None:
    hire(counter, ("guy", Role.GUEST))
    assert run_line(counter.desk(), "whoami").shown == (
        "Username: admin\nFull Name: Administrator\nRole: Administrator\n"
    )
    actor = dataclasses.replace(counter.desk("guy", Role.GUEST).actor, is_local=False)
    desk = Desk(actor, counter.administration)
    assert "You are known to another server." in run_line(desk, "whoami").shown
    assert json.loads(run_line(desk, "--json whoami").shown)["data"] == {
        "user": "guy", "full_name": "", "role": "Guest", "address": "192.0.2.7", "is_local": False,
    }  # fmt: skip


def test_last_lists_logins_the_newest_first(counter: Counter) -> None:
    hire(counter)
    note(counter, "ann", LOGGED_IN)
    note(counter, "ann", "suspend")
    note(counter, "ann", LOGGED_OUT)
    note(counter, "bob", LOGGED_IN, "192.0.2.8")  # when the process ended, nobody noted it
    note(counter, "cy", LOGGED_IN, "")
    note(counter, "cy", ENDED, "")
    desk = come(counter)
    note(counter, "admin", LOGGED_IN)
    counter.clock.advance(5)
    lines = run_line(desk, "last").shown.splitlines()
    assert [line.split()[0] for line in lines[1:]][:1] == ["admin"]
    assert lines[1].endswith("192.0.2.7     Tue Nov  9 10:22:02 2010 GMT  "
                             "still logged in               5s")  # fmt: skip
    assert "this machine" in lines[2]
    assert lines[3].split()[-2:] == ["not", "recorded"]
    assert lines[4].endswith("Tue Nov  9 10:16:02 2010 GMT  Tue Nov  9 10:18:02 2010 GMT  2m")
    data = json.loads(run_line(desk, "--json last").shown)["data"]
    assert data[3]["until"] - data[3]["since"] == 120


@pytest.mark.parametrize("action", [LOGGED_OUT, ENDED])
def test_an_end_belongs_to_the_login_before_it(counter: Counter, action: str) -> None:
    for _ in range(2):
        note(counter, "ann", LOGGED_IN, "")
        note(counter, "ann", action, "")
    data = json.loads(run_line(counter.desk(), "--json last").shown)["data"]
    assert [each["until"] - each["since"] for each in data] == [60, 60]


def test_over_the_network_only_the_end_of_the_connection_counts(counter: Counter) -> None:
    note(counter, "ann", LOGGED_IN)
    note(counter, "ann", ENDED)
    note(counter, "ann", LOGGED_OUT)
    data = json.loads(run_line(counter.desk(), "--json last").shown)["data"]
    assert [each["until"] - each["since"] for each in data] == [120]


def test_what_others_did_besides_is_passed_over(counter: Counter) -> None:
    note(counter, "ann", LOGGED_IN)
    for _ in range(1200):
        counter.administration.versions.store.record(
            Author("bob", "", Source.CLI, ""), "suspend", ""
        )
    assert " ann " in f" {run_line(counter.desk(), 'last').shown.splitlines()[1]} "
