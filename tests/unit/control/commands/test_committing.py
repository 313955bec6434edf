"""Commit, conflicts, clearing and going back (admin 1.5, 10.1)."""

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import Role
from mailwarden.stores.configuration.errors import StoreError
from tests.unit.control.commands.counter import Counter, run_line, sit


def test_c_05_what_is_pending_is_not_in_force(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "sethostname", "mail9.example.com", "version")
    assert "gw1.example.test> " in sitting.screen
    assert counter.running("hostname") != "mail9.example.com"
    assert counter.gateway.activated == []
    assert sitting.errors == "1 uncommitted change discarded\n"


def test_c_06_a_commit_is_in_force_and_in_the_history(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "sethostname", "mail9.example.com", "commit", "rename", "version")
    assert "Changes committed: Tue Nov  9" in sitting.shown
    assert sitting.shown.splitlines()[-1] == "mail9.example.com> "
    head = counter.administration.versions.store.head()
    assert head is not None
    assert (head.author.user, head.author.address, head.comment) == ("admin", "192.0.2.7", "rename")
    assert head.summary == "~ hostname: gw1.example.test -> mail9.example.com"
    assert [texts.number for texts in counter.gateway.activated] == [2]


def test_c_07_nothing_to_commit(counter: Counter) -> None:
    sitting = run_line(counter.desk(), "commit why not")
    assert (sitting.shown, sitting.status) == ("There are no changes to commit.\n", 0)


def test_c_08_leaving_with_changes_asks(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "sethostname a.example.com", "exit", "", "version", "exit", "y", "version")
    assert sitting.shown.count("Are you sure you wish to exit? [N]> ") == 2
    assert sitting.shown.count("Serial #") == 1


def test_c_09_changes_are_cleared(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "sethostname a.example.com", "clearchanges", "", "showchanges")
    assert "Changes cleared: " in sitting.shown
    assert "There are no changes." in sitting.shown
    assert desk.pending_changes() == 0


def test_c_10_ctrl_c_drops_only_the_second_command(counter: Counter) -> None:
    desk = counter.desk()
    sit(desk, "sethostname a.example.com", "sethostname", Key.CTRL_C)
    assert desk.candidate.tree["hostname"] == "a.example.com"


@pytest.mark.parametrize(
    ("choice", "name"), [("1", "b.example.com"), ("2", "a.example.com"), ("", "b.example.com")]
)
def test_c_17_two_change_the_same(counter: Counter, choice: str, name: str) -> None:
    mine, other = counter.desk(), counter.desk("olga", Role.OPERATOR)
    run_line(mine, "sethostname a.example.com")
    run_line(other, "sethostname b.example.com")
    assert run_line(other, "commit first").status == 0
    sitting = sit(mine, "commit", "second", choice)
    assert "hostname: olga, Tue Nov  9" in sitting.shown
    assert "1. Discard my changes\n2. Overwrite\n3. Cancel\n[3]> " in sitting.shown
    assert counter.running("hostname") == name
    assert mine.pending_changes() == (1 if choice == "" else 0)


def test_c_18_two_change_different_sections(counter: Counter) -> None:
    mine, other = counter.desk(), counter.desk("olga", Role.OPERATOR)
    run_line(mine, "sethostname a.example.com")
    other.candidate = other.candidate.put(("delivery", "max_connections"), 17, MODEL)
    assert run_line(other, "commit other").status == 0
    assert run_line(mine, "commit mine").status == 0
    assert counter.running("hostname") == "a.example.com"
    assert counter.running("delivery", "max_connections") == 17


def test_c_19_a_read_only_operator_stages_and_does_not_commit(counter: Counter) -> None:
    desk = counter.desk("rita", Role.READ_ONLY_OPERATOR)
    run_line(desk, "sethostname a.example.com")
    sitting = run_line(desk, "commit it")
    assert sitting.status == 1
    assert sitting.errors == ("Your role (Read-Only Operator) is not allowed to commit changes.\n")
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.author.user, record.detail, record.was_allowed) == ("rita", "commit", False)


def test_com_05_what_the_gateway_refuses_stays_pending(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "sethostname a.example.com")
    counter.gateway.refuses = ["port 2525 of listener In is taken"]
    sitting = run_line(desk, "commit it")
    assert sitting.errors == (
        "Error: the gateway cannot work by it: port 2525 of listener In is taken\n"
    )
    assert desk.pending_changes() == 1
    counter.gateway.refuses = []
    assert run_line(desk, "commit it").status == 0


def test_com_08_an_old_version_is_staged(counter: Counter) -> None:
    desk = counter.desk()
    sit(desk, "sethostname a.example.com", "commit", "")
    sitting = sit(desk, "rollbackconfig", "1", "showchanges", "commit", "back")
    assert "~ hostname: a.example.com -> gw1.example.test" in sitting.shown
    assert counter.running("hostname") == "gw1.example.test"


def test_a_commit_that_has_to_be_confirmed(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "sethostname a.example.com")
    sitting = run_line(desk, "commitconfirmed 3 careful")
    assert "taken back in 3 minutes" in sitting.shown
    waiting = counter.administration.versions.store.awaiting()
    assert waiting is not None
    assert waiting.seconds == 180
    assert run_line(desk, "confirmcommit").shown == "Version 2 is confirmed.\n"
    assert run_line(desk, "confirmcommit").shown == "No commit waits for a confirmation.\n"


def test_what_is_wrong_is_refused_on_entry(counter: Counter) -> None:
    desk = counter.desk()
    sitting = run_line(desk, "sethostname bad/name")
    assert sitting.status == 1
    assert desk.pending_changes() == 0


@pytest.mark.parametrize(
    "path", [("state_directory",), ("user",), ("management", "user")], ids=".".join
)
def test_what_the_start_rests_upon_is_set_in_the_file(
    counter: Counter, path: tuple[str, ...]
) -> None:
    desk = counter.desk()
    desk.candidate = desk.candidate.put(path, "elsewhere", MODEL)
    sitting = run_line(desk, "commit take over")
    assert "is set in the configuration file alone" in sitting.errors
    assert counter.gateway.activated == []


def test_a_commit_that_cannot_be_kept_is_not_worked_by(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_prepared: object) -> None:
        raise StoreError("the disk is full")

    desk = counter.desk()
    run_line(desk, "sethostname a.example.com")
    monkeypatch.setattr(counter.administration.versions.store, "finish", full)
    sitting = run_line(desk, "commit it")
    assert sitting.errors == "Error: the disk is full\n"
    assert [texts.number for texts in counter.gateway.activated] == [2, 1]
    assert counter.administration.config.hostname == "gw1.example.test"
    assert counter.administration.versions.store.prepared() is None
    assert desk.pending_changes() == 1
