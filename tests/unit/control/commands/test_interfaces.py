"""`interfaceconfig`, and the commit that would lock everybody out (admin 8.4)."""

import json
from typing import Any

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit


def pending(desk: Any, *path: str) -> Any:
    value = desk.candidate.tree
    for step in path:
        value = value.get(step, {})
    return value


def test_a_new_interface_in_a_dialogue(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "interfaceconfig", "new", " Data ", "192.0.2.5 ", "mx2.corp.example", "y", "2222",
        "", "commit", "",
    )  # fmt: skip
    assert "Currently configured interfaces:\n1. Loopback (127.0.0.1: " in sitting.shown
    assert "Do you want to enable SSH on this interface? [N]> " in sitting.shown
    assert "2. Data (192.0.2.5: mx2.corp.example, SSH on port 2222)" in sitting.shown
    assert counter.running("interfaces", "Data") == {
        "address": "192.0.2.5", "hostname": "mx2.corp.example", "ssh_port": 2222,
    }  # fmt: skip


def test_c_12_a_question_is_repeated_until_it_is_answered(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "interfaceconfig", "new", "Data", "192.0.2.5", "", "maybe", "no", "")
    question = "Do you want to enable SSH on this interface? [N]> "
    assert f"{question}Please answer yes or no.\n{question}" in sitting.shown
    assert pending(desk, "interfaces", "Data") == {"address": "192.0.2.5"}


def test_sys_20_ssh_is_on_for_management_unless_it_is_turned_off(counter: Counter) -> None:
    desk = counter.desk()
    assert run_line(desk, "interfaceconfig new Management address 192.0.2.5").status == 0
    assert pending(desk, "interfaces", "Management") == {"address": "192.0.2.5"}
    sitting = sit(desk, "interfaceconfig", "edit", "Management", "", "", "", "", "", "")
    assert "SSH on this interface? [Y]> Which port do you want to use for SSH? [22]> " in (
        sitting.shown
    )
    assert run_line(desk, "interfaceconfig edit Management ssh no").status == 0
    assert pending(desk, "interfaces", "Management")["ssh_port"] == 0
    assert run_line(desk, "interfaceconfig edit Management ssh yes").status == 0
    assert pending(desk, "interfaces", "Management") == {"address": "192.0.2.5"}
    assert run_line(desk, "interfaceconfig edit Management name Old").status == 0
    assert pending(desk, "interfaces", "Old")["ssh_port"] == 22


def test_com_13_a_renamed_interface_is_renamed_wherever_it_is_named(counter: Counter) -> None:
    desk = counter.desk()
    assert run_line(desk, "interfaceconfig groups new Both interfaces Loopback").status == 0
    sitting = run_line(desk, "interfaceconfig edit Loopback name Local")
    assert "Loopback is called Local now, also in:\n" in sitting.shown
    assert "interface_groups.Both[0]\n" in sitting.shown
    tree: Any = desk.candidate.tree
    assert {each["interface"] for each in tree["listeners"]} == {"Local"}
    assert tree["interface_groups"] == {"Both": ["Local"]}
    refused = run_line(desk, "interfaceconfig delete Local force")
    assert "Local" in refused.errors
    assert "listeners" in refused.errors


def test_sys_22_groups(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "interfaceconfig", "new", "Data", "192.0.2.5", "", "", "groups", "new", "Loopback",
        "Both", "Data, Nobody", "Data, Data", "Data, Loopback", "edit", "Both", "Pair", "Data", "",
        "", "commit", "",
    )  # fmt: skip
    assert "There is an interface or a group called Loopback already." in sitting.shown
    assert "There is no interface called Nobody." in sitting.shown
    assert "An interface is there twice." in sitting.shown
    assert "1. Both (Data, Loopback)" in sitting.shown
    assert "Both is called Pair now." in sitting.shown
    assert counter.running("interface_groups") == {"Pair": ["Data"]}
    assert run_line(desk, "interfaceconfig groups delete Pair").status == 0
    assert not pending(desk, "interface_groups")


def test_deleting_asks_first(counter: Counter) -> None:
    desk = counter.desk()
    assert run_line(desk, "interfaceconfig new Data address 192.0.2.5").status == 0
    sitting = sit(desk, "interfaceconfig", "delete", "Data", "", "delete", "2", "y", "")
    assert "Are you sure you want to delete the interface Data? [N]> " in sitting.shown
    assert "Interface Data deleted." in sitting.shown
    assert "Data" not in pending(desk, "interfaces")
    stopped = sit(desk, "interfaceconfig", "new", "Other", Key.CTRL_C)
    assert "Abandoned." in stopped.shown
    assert "Other" not in pending(desk, "interfaces")


REFUSED = [
    ("interfaceconfig new Loopback address 192.0.2.5", "called Loopback already"),
    ("interfaceconfig new Data address 192.0.2", "is not an IP address"),
    ("interfaceconfig new Data address 192.0.2.5 hostname a..b", "hostname: "),
    ("interfaceconfig new Data address 192.0.2.5 ssh on ssh_port 70000", "ssh_port: "),
    ("interfaceconfig new Data address 127.0.0.1 ssh on ssh_port 2525", "2525"),
    ("interfaceconfig edit Nobody address 192.0.2.5", "'Nobody' is not in the list"),
    ("interfaceconfig delete Loopback force", "listeners"),
]


@pytest.mark.parametrize(("line", "why"), REFUSED)
def test_what_is_refused(counter: Counter, line: str, why: str) -> None:
    desk = counter.desk()
    before = desk.candidate.tree
    sitting = run_line(desk, line)
    assert sitting.status == 1
    assert why in sitting.errors
    assert desk.candidate.tree is before


def test_who_may(counter: Counter) -> None:
    refused = run_line(counter.desk("gus", Role.GUEST), "interfaceconfig new X address 192.0.2.5")
    assert refused.errors == "You do not have permission to run interfaceconfig\n"
    desk = counter.desk("rita", Role.READ_ONLY_OPERATOR)
    staged = run_line(desk, "--json interfaceconfig new Data address 192.0.2.5")
    assert json.loads(staged.shown)["messages"] == ["Interface Data created."]
    assert desk.pending_changes() == 1


def test_c_34_the_last_way_in_stays(counter: Counter) -> None:
    desk = counter.desk()
    # Who has none may do without; from then on one stays.
    line = "interfaceconfig edit Loopback ssh {}"
    assert sit(desk, line.format("on ssh_port 2222"), "commit", "").status == 0
    assert counter.running("interfaces", "Loopback", "ssh_port") == 2222
    refused = sit(desk, line.format("off"), "commit", "")
    assert "no interface would have a service for administrators any more" in refused.screen
    assert counter.running("interfaces", "Loopback", "ssh_port") == 2222
    assert desk.pending_changes() == 1
    new = "interfaceconfig new Data address 192.0.2.5 ssh on"
    assert "Changes committed" in sit(desk, new, "commit", "").screen
    assert not counter.running("interfaces", "Loopback", "ssh_port")
    assert counter.running("interfaces", "Data", "ssh_port") == 22
