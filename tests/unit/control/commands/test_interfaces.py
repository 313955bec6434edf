"""`interfaceconfig`, and the commit that would lock everybody out (admin 8.4)."""

from typing import Any

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, sit


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
    sitting = sit(desk, "interfaceconfig", "new", "Management", "192.0.2.5", "", "", "", "")
    assert "SSH on this interface? [Y]> Which port do you want to use for SSH? [22]> " in (
        sitting.shown
    )
    assert pending(desk, "interfaces", "Management") == {"address": "192.0.2.5"}
    edit = ("interfaceconfig", "edit", "Management")
    sit(desk, *edit, "", "", "", "n", "")
    assert pending(desk, "interfaces", "Management")["ssh_port"] == 0
    sit(desk, *edit, "", "", "", "y", "", "")
    assert pending(desk, "interfaces", "Management") == {"address": "192.0.2.5"}
    sit(desk, *edit, "Old", "", "", "", "", "")
    assert pending(desk, "interfaces", "Old")["ssh_port"] == 22


def test_com_13_a_renamed_interface_is_renamed_wherever_it_is_named(counter: Counter) -> None:
    desk = counter.desk()
    sit(desk, "interfaceconfig", "groups", "new", "Both", "Loopback", "", "")
    sitting = sit(desk, "interfaceconfig", "edit", "Loopback", "Local", "", "", "", "")
    assert "Loopback is called Local now, also in:\n" in sitting.shown
    assert "interface_groups.Both[0]\n" in sitting.shown
    tree: Any = desk.candidate.tree
    assert {each["interface"] for each in tree["listeners"]} == {"Local"}
    assert tree["interface_groups"] == {"Both": ["Local"]}
    refused = sit(desk, "interfaceconfig", "delete", "Local", "y", "")
    assert "Local" in desk.candidate.tree["interfaces"]  # type: ignore[operator]
    assert "interfaces.Local is in use by listeners.Public.interface" in refused.screen


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
    assert "Group Pair deleted." in sit(
        desk, "interfaceconfig", "groups", "delete", "1", "", ""
    ).shown  # fmt: skip
    assert not pending(desk, "interface_groups")


def test_deleting_asks_first(counter: Counter) -> None:
    desk = counter.desk()
    sit(desk, "interfaceconfig", "new", "Data", "192.0.2.5", "", "", "")
    sitting = sit(desk, "interfaceconfig", "delete", "Data", "", "delete", "2", "y", "")
    assert "Are you sure you want to delete the interface Data? [N]> " in sitting.shown
    assert "Interface Data deleted." in sitting.shown
    assert "Data" not in pending(desk, "interfaces")
    stopped = sit(desk, "interfaceconfig", "new", "Other", Key.CTRL_C)
    assert "Abandoned." in stopped.shown
    assert "Other" not in pending(desk, "interfaces")


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("new", "Loopback"), "called Loopback already"),
    (("new", "Data", "192.0.2"), "is not an IP address"),
    (("new", "Data", "192.0.2.5", "a..b"), "is not a host name"),
    (("new", "Data", "192.0.2.5", "", "y", "70000"), "65535"),
    (("new", "Data", "127.0.0.1", "", "y", "2525", ""), "2525"),
    (("edit", "Nobody"), "'Nobody' is not in the list"),
]


@pytest.mark.parametrize(("typed", "why"), REFUSED)
def test_what_is_refused(counter: Counter, typed: tuple[str, ...], why: str) -> None:
    desk = counter.desk()
    before = desk.candidate.tree
    sitting = sit(desk, "interfaceconfig", *typed, Key.CTRL_C)
    assert why in sitting.shown
    assert desk.candidate.tree is before


def test_who_may(counter: Counter) -> None:
    refused = sit(counter.desk("gus", Role.GUEST), "interfaceconfig")
    assert "You do not have permission to run interfaceconfig\n" in refused.screen
    desk = counter.desk("rita", Role.READ_ONLY_OPERATOR)
    sit(desk, "interfaceconfig", "new", "Data", "192.0.2.5", "", "", "")
    assert desk.pending_changes() == 1


def test_c_34_the_last_way_in_stays(counter: Counter) -> None:
    desk = counter.desk()
    edit = ("interfaceconfig", "edit", "Loopback", "", "", "")
    # Who has none may do without; from then on one stays.
    sit(desk, *edit, "y", "2222", "", "commit", "")
    assert counter.running("interfaces", "Loopback", "ssh_port") == 2222
    refused = sit(desk, *edit, "n", "", "commit", "")
    assert "no interface would have a service for administrators any more" in refused.screen
    assert counter.running("interfaces", "Loopback", "ssh_port") == 2222
    assert desk.pending_changes() == 1
    new = ("interfaceconfig", "new", "Data", "192.0.2.5", "", "y", "22", "")
    assert "Changes committed" in sit(desk, *new, "commit", "").screen
    assert not counter.running("interfaces", "Loopback", "ssh_port")
    assert counter.running("interfaces", "Data", "ssh_port") == 22
