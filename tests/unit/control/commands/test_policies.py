"""`policyconfig`."""

import json

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit


@pytest.fixture
def desk(counter: Counter) -> Desk:
    """A desk where there are two policies."""
    desk = counter.desk()
    run_line(
        desk, "policyconfig incoming new Sales recipients @sales.corp.example,info@corp.example"
    )
    run_line(desk, "policyconfig incoming new Partner senders @.partner.example recipients bob@")
    assert run_line(desk, "commit policies").status == 0
    return desk


def names(desk: Desk) -> list[str]:
    found = run_line(desk, "--json policyconfig incoming print").shown
    return [each["name"] for each in json.loads(found)["data"]["policies"]]


def test_policies_are_added(counter: Counter, desk: Desk) -> None:
    assert counter.running("mail_policies") == {
        "incoming": [
            {"name": "Sales", "recipients": ["@sales.corp.example", "info@corp.example"]},
            {"name": "Partner", "recipients": ["bob@"], "senders": ["@.partner.example"]},
        ]
    }


def test_one_is_edited_under_its_new_name(counter: Counter, desk: Desk) -> None:
    sitting = sit(
        desk, "policyconfig", "1", "edit", "Sales", "name", "Partner", "Shop",
        "new", "senders", "joe, x", " joe@ , @x.example", "delete", "recipients", "1",
        "print", "", "", "commit", "",
    )  # fmt: skip
    assert "There is a policy Partner already." in sitting.shown
    assert "Sales is called Shop now." in sitting.shown
    assert "'joe' needs one of the forms" in sitting.shown
    assert "Added to the senders of Shop: joe@, @x.example." in sitting.shown
    assert "@sales.corp.example is removed from the recipients of Shop." in sitting.shown
    assert counter.running("mail_policies", "incoming", "Shop") == {
        "name": "Shop", "recipients": ["info@corp.example"], "senders": ["joe@", "@x.example"],
    }  # fmt: skip


def test_lines(desk: Desk) -> None:
    assert run_line(desk, "policyconfig incoming move Partner 1").status == 0
    assert names(desk) == ["Partner", "Sales"]
    assert run_line(desk, "policyconfig incoming edit Sales name Shop").status == 0
    told = run_line(desk, "policyconfig incoming edit Partner delete recipients bob@").shown
    assert told.endswith("As none is left, it is for all recipients.\n")
    assert run_line(desk, "policyconfig incoming delete Partner").status == 0
    assert names(desk) == ["Shop"]
    assert run_line(desk, "policyconfig outgoing new News senders news@").status == 0
    assert run_line(desk, "policyconfig incoming clear force").status == 0
    assert desk.candidate.tree["mail_policies"] == {
        "incoming": [], "outgoing": [{"name": "News", "senders": ["news@"]}],
    }  # fmt: skip
    assert run_line(desk, "commit policies").status == 0


def test_print_and_search(desk: Desk) -> None:
    lines = run_line(desk, "policyconfig incoming print").shown.splitlines()
    assert lines[1].startswith("1  Sales    @sales.corp.example, info@corp.example  everybody")
    assert lines[3].split() == ["3", "DEFAULT", "everybody", "everybody"]
    found = run_line(desk, "--json policyconfig incoming search bob@eu.partner.example").shown
    assert json.loads(found)["data"]["found"] == [
        {"policy": "Partner", "as": "recipients"}, {"policy": "Partner", "as": "senders"},
    ]  # fmt: skip
    nobody = run_line(desk, "policyconfig incoming search eve@b.example").shown
    assert nobody == "No policy names eve@b.example.\n"
    assert "Recipients:\n  bob@\nSenders:\n" in run_line(
        desk, "policyconfig incoming edit Partner print"
    ).shown  # fmt: skip


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("policyconfig sideways print", "'sideways' is not in the list"),
        ("policyconfig incoming new Sales", "There is a policy Sales already."),
        ("policyconfig incoming new DEFAULT", "There is a policy DEFAULT already."),
        ("policyconfig incoming new A recipients joe", "needs one of the forms"),
        ("policyconfig incoming move Sales 3", "The last place is 2."),
        ("policyconfig incoming edit Moon name A", "'Moon' is not in the list"),
        ("policyconfig incoming edit Sales new recipients info@corp.example", "members already"),
        ("policyconfig incoming edit Sales delete senders joe@", "'joe@' is not in the list"),
        ("policyconfig incoming search joe", "is not an address"),
        ("policyconfig outgoing edit Sales print", "EDIT is not possible at present"),
        ("policyconfig incoming clear", "not confirmed"),
    ],
)
def test_refusals(desk: Desk, line: str, told: str) -> None:
    sitting = run_line(desk, line, "n")
    assert told in sitting.errors
    assert sitting.status == 1
    assert desk.pending_changes() == 0


def test_who_may(counter: Counter) -> None:
    assert run_line(counter.desk("greta", Role.GUEST), "policyconfig incoming print").errors == (
        "You do not have permission to run policyconfig\n"
    )
