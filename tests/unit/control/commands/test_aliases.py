"""`aliasconfig`."""

import json

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

TEXT = """\
# Ours.
admin:            ops@corp.example   # on duty
root, abuse:      admin

[ corp.example ]
sales:            ann@corp.example
"""


@pytest.fixture
def desk(counter: Counter) -> Desk:
    """A desk where there is a table."""
    desk = counter.desk()
    desk.candidate = desk.candidate.put(("inbound", "aliases"), TEXT, MODEL)
    assert run_line(desk, "commit text").status == 0
    return desk


def text_of(desk: Desk) -> object:
    inbound = desk.candidate.tree["inbound"]
    assert isinstance(inbound, dict)
    return inbound.get("aliases")


def test_c_13_an_empty_line_leaves_the_menu(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "aliasconfig", "", "version")
    assert "Alias table: 0 entries.\n\nChoose the operation you want to perform:" in sitting.shown
    assert "- EDIT" not in sitting.shown
    assert "[]> gw1.example.test> Current Version" in sitting.shown
    assert desk.pending_changes() == 0


def test_entries_in_a_dialogue(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "aliasconfig", "new", " customercare , help ", "bob@example.com, joe@example.com", "",
        "new", "sales", "ann@example.com", "2", "Corp.Example, .eu.corp.example",
        "new", "info", "sales@corp.example", "3", "", "commit", "",
    )  # fmt: skip
    assert "1. Globally\n2. In a new domain context\n3. corp.example, .eu" in sitting.shown
    assert "Alias customercare, help is added." in sitting.shown
    assert counter.running("inbound", "aliases") == (
        "customercare, help: bob@example.com, joe@example.com\n\n"
        "[ corp.example, .eu.corp.example ]\n"
        "sales:            ann@example.com\n"
        "info:             sales@corp.example\n"
    )


def test_one_entry_is_its_lines(desk: Desk) -> None:
    assert run_line(desk, "aliasconfig edit admin kate@corp.example").status == 0
    assert text_of(desk) == TEXT.replace("ops@corp.example   #", "kate@corp.example  #")
    assert run_line(desk, "aliasconfig delete root").status == 0
    assert "root" not in str(text_of(desk))
    run_line(desk, "aliasconfig new @old.example info@corp.example")
    run_line(desk, "aliasconfig new news /dev/null context corp.example")
    run_line(desk, "aliasconfig new all admin,ann@corp.example context new domains b.example")
    assert text_of(desk) == (
        "# Ours.\nadmin:            kate@corp.example  # on duty\n"
        "@old.example:     info@corp.example\n\n"
        "[ corp.example ]\nsales:            ann@corp.example\nnews:             /dev/null\n\n"
        "[ b.example ]\nall:              admin, ann@corp.example\n"
    )
    assert run_line(desk, "commit aliases").status == 0


def test_an_entry_of_a_context(desk: Desk) -> None:
    sitting = sit(desk, "aliasconfig", "edit", "3", "bob@corp.example", "")
    assert "1. admin\n2. root\n3. sales [corp.example]\n[]> " in sitting.shown
    assert "is nobody. [ann@corp.example]> bob" in sitting.screen
    assert text_of(desk) == TEXT.replace("ann@", "bob@")
    assert run_line(desk, 'aliasconfig delete "sales [corp.example]"').status == 0
    assert str(text_of(desk)).endswith("\n[ corp.example ]\n")


def test_a_cycle_is_asked_again(desk: Desk) -> None:
    sitting = sit(desk, "aliasconfig", "edit", "admin", "root", "eve@corp.example", "")
    assert "root" in sitting.shown
    assert sitting.shown.count("Enter address(es)") == 2
    assert text_of(desk) == TEXT.replace("ops@corp.example   #", "eve@corp.example  #")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("aliasconfig new a nobody", "nobody"),
        ("aliasconfig edit admin root", "cycle"),
        ("aliasconfig new admin x@b.example", ""),
        ("aliasconfig new a b@", "b@"),
        ("aliasconfig new a: b@c.example", "cannot stand in a list"),
        ("aliasconfig new a,,b b@c.example", "comma stands where an address is missing"),
        ("aliasconfig new '[x]' b@c.example", "cannot stand in a list"),
        ("aliasconfig new a b@c.example context d.example", "'d.example' is not in the list"),
        ("aliasconfig new a b@c.example domains d.example", "domains has no meaning here"),
        ("aliasconfig edit b b@c.example", "'b' is not in the table"),
        ("aliasconfig import gone.txt", "No such file"),
    ],
)
def test_refusals(desk: Desk, line: str, told: str) -> None:
    sitting = run_line(desk, line)
    assert (told in sitting.errors, sitting.status) == (True, 1 if told else 0)
    assert desk.pending_changes() == (0 if told else 1)
    if not told:
        assert "Warning: line 4: 'admin' has no effect" in sitting.shown


def test_print_export_import_and_clear(counter: Counter, desk: Desk) -> None:
    found = json.loads(run_line(desk, "--json aliasconfig print").shown)["data"]
    assert found["text"] == TEXT
    assert found["entries"][2] == {
        "aliases": ["sales"], "addresses": ["ann@corp.example"], "domains": ["corp.example"],
    }  # fmt: skip
    assert run_line(desk, "aliasconfig export a.txt").status == 0
    assert (counter.administration.files / "a.txt").read_text() == TEXT
    assert run_line(desk, "aliasconfig clear force").status == 0
    assert text_of(desk) is None
    assert run_line(desk, "aliasconfig import a.txt").status == 0
    assert text_of(desk) == TEXT
    (counter.administration.files / "a.txt").write_text("a b\nc: d\n")
    errors = run_line(desk, "aliasconfig import a.txt").errors
    assert "line 1: 'a b' has no colon" in errors
    assert text_of(desk) == TEXT


def test_who_may(counter: Counter) -> None:
    assert run_line(counter.desk("greta", Role.GUEST), "aliasconfig print").errors == (
        "You do not have permission to run aliasconfig\n"
    )
    rita = counter.desk("rita", Role.READ_ONLY_OPERATOR)
    assert run_line(rita, "aliasconfig new a b@c.example").status == 0
