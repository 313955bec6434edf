"""`systemsetup` and `resetconfig` (admin 2.3, XML-26)."""

import asyncio

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

PASSWORD = "correct horse battery"
ANSWERS = (
    "y", "y",
    "y", "the old one 1", PASSWORD, PASSWORD,
    "mail3.example.com", "Europe/Berlin", "ops@example.com", "",
    "y", "192.0.2.53, 192.0.2.54/pri=1",
    "Management", "127.0.0.1", "", "y", "2222",
    "y", "example.com, .sub.example.com", "mail.int.example:2525", "none",
    "y", "10.0.0.0/8, 192.0.2.7", "2525",
    "y", "Data2", "127.0.0.2", "mx2.example.com", "n", "n", "y", "10.1.0.0/16", "2526",
    "n",
)  # fmt: skip


@pytest.fixture
def fresh(counter: Counter) -> Counter:
    """A gateway whose `admin` has a password."""
    administration = counter.administration
    administration.accounts.add("admin")
    policy = administration.config.administration.passwords
    asyncio.run(administration.passwords.set_for("admin", "the old one 1", policy))
    return counter


def test_the_wizard_from_end_to_end(fresh: Counter) -> None:
    desk = fresh.desk()
    sitting = sit(desk, "systemsetup", *ANSWERS, "")
    assert "completely replace the existing listeners" in sitting.shown
    assert "Do you accept the above license agreement? [N]> " in sitting.shown
    assert "  Accepts mail for example.com: delivered to mail.int.example:2525\n" in sitting.shown
    assert "Would you like to install this configuration? [Y]> " in sitting.shown
    assert "System setup is complete." in sitting.shown
    assert PASSWORD not in sitting.screen
    assert fresh.running("hostname") == "mail3.example.com"
    assert fresh.running("time_zone") == "Europe/Berlin"
    assert fresh.running("alerts", "recipients") == {"ops@example.com": {}}
    assert fresh.running("dns", "servers") == ["192.0.2.53", "192.0.2.54/pri=1"]
    assert fresh.running("interfaces") == {
        "Management": {"address": "127.0.0.1", "ssh_port": 2222},
        "Data2": {"address": "127.0.0.2", "ssh_port": 0, "hostname": "mx2.example.com"},
    }
    assert fresh.running("listeners") == [
        {
            "name": "IncomingMail",
            "type": "public",
            "interface": "Management",
            "port": 2525,
            "accepted_domains": ["example.com", ".sub.example.com"],
            "relay_hosts": ["10.0.0.0/8", "192.0.2.7"],
        },
        {
            "name": "OutgoingMail",
            "type": "private",
            "interface": "Data2",
            "port": 2526,
            "relay_hosts": ["10.1.0.0/16"],
        },
    ]
    assert fresh.running("smtp_routes", "example.com") == "mail.int.example:2525"
    assert fresh.running("state_directory") == "var/demo"
    head = fresh.administration.versions.store.head()
    assert head is not None
    assert head.comment == "systemsetup"
    sign_in = fresh.administration.passwords
    policy = fresh.administration.config.administration.passwords
    asyncio.run(sign_in.change_own("admin", PASSWORD, "another one 1", policy))


@pytest.mark.parametrize(
    "answers",
    [("n",), ("y", "n"), ("y", "y", Key.CTRL_C), (*ANSWERS, "n"), (*ANSWERS, Key.CTRL_C)],
)
def test_gui_30_nothing_changes_before_the_end(
    fresh: Counter, answers: tuple[str | Key, ...]
) -> None:
    desk = fresh.desk()
    account = fresh.administration.accounts.load("admin")
    sit(desk, "systemsetup", *answers)
    assert fresh.gateway.activated == []
    assert desk.pending_changes() == 0
    assert fresh.administration.accounts.load("admin") == account


def test_a_wrong_old_password_installs_nothing(fresh: Counter) -> None:
    answers = tuple("wrong" if each == "the old one 1" else each for each in ANSWERS)
    sitting = sit(fresh.desk(), "systemsetup", *answers, "")
    assert "The password is not the present one." in sitting.screen
    assert fresh.gateway.activated == []


def test_what_is_wrong_is_asked_again(fresh: Counter) -> None:
    given = [*ANSWERS[:4], "admin", "admin", *ANSWERS[4:]]
    given.insert(given.index("127.0.0.1"), "192.0.2.77")
    given.insert(given.index("Data2"), "Management")
    sitting = sit(fresh.desk(), "systemsetup", *given, "")
    assert "The password needs 8 letters or more; it may not be the user's name" in sitting.shown
    assert "This machine has no address 192.0.2.77" in sitting.shown
    assert "There is an interface Management already" in sitting.shown
    assert "System setup is complete." in sitting.shown


def test_it_refuses_what_it_would_lose(fresh: Counter) -> None:
    desk = fresh.desk()
    run_line(desk, "sethostname a.example.com")
    sitting = sit(desk, "systemsetup", "y")
    assert "There are changes that are not committed." in sitting.screen
    assert desk.pending_changes() == 1


def test_it_takes_everything_back_that_the_gateway_refuses(fresh: Counter) -> None:
    fresh.gateway.refuses = ["port 2525 is taken"]
    desk = fresh.desk()
    sitting = sit(desk, "systemsetup", *ANSWERS, "")
    assert "port 2525 is taken" in sitting.screen
    assert "The password of admin is changed." in sitting.screen
    assert desk.pending_changes() == 0


def test_c_20_who_may_not(counter: Counter) -> None:
    operator = counter.desk("olga", Role.OPERATOR)
    for command in ("systemsetup", "resetconfig"):
        assert run_line(operator, command).errors == (
            f"You do not have permission to run {command}\n"
        )
        assert command not in run_line(operator, "help").shown


def test_c_21_only_admin_resets(counter: Counter) -> None:
    sitting = run_line(counter.desk("ann", Role.ADMINISTRATOR), "resetconfig")
    assert sitting.errors == "You do not have permission to run resetconfig\n"


OFFLINE = {"delivery": "suspended", "listeners": [{"name": "Public", "state": "suspended"}]}


def test_xml_26_reset_asks_twice(counter: Counter) -> None:
    counter.gateway.answers["status"] = [OFFLINE]
    desk = counter.desk()
    desk.candidate = desk.candidate.put(("administration", "users"), [
        {"name": "olga", "role": "Operator"}
    ], MODEL)  # fmt: skip
    run_line(desk, "commit users")
    for answers in (("",), ("y", ""), ("y", "n"), ("y", Key.CTRL_C)):
        sit(desk, "resetconfig", *answers)
        assert counter.running("administration", "users") != []
    sitting = sit(desk, "resetconfig", "y", "y")
    assert "restored to the factory default" in sitting.shown
    last = counter.administration.versions.last()
    assert last is not None
    assert last.tree == {
        "hostname": "gw1.example.test",
        "state_directory": "var/demo",
        "workers": 2,
        "interfaces": {"Loopback": {"address": "127.0.0.1"}},
        "listeners": [],
    }
    record = counter.administration.versions.store.audit(1)[0]
    assert record.action == "resetconfig"
    assert desk.pending_changes() == 0


@pytest.mark.parametrize(
    ("status", "named"),
    [
        ({**OFFLINE, "delivery": "running"}, "delivery"),
        (
            {**OFFLINE, "listeners": [{"name": "Public", "state": "running"}]},
            "listener Public",
        ),
    ],
)
def test_xml_26_the_gateway_has_to_be_offline(
    counter: Counter, status: dict[str, object], named: str
) -> None:
    counter.gateway.answers["status"] = [status]
    sitting = sit(counter.desk(), "resetconfig", "y", "y")
    assert f"The gateway has to be offline first: {named} not suspended." in sitting.screen
    assert counter.gateway.activated == []
