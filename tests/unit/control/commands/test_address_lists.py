"""`altsrchost` and `unsubscribe`."""

import json

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

SOURCES = """\
# Brands.
@brand.example   Brand
10.0.0.40\tLoopback

@brand.example   Loopback
"""
LIST = "# Asked for it.\nbob@partner.example\n  192.0.2.9\n"


@pytest.fixture
def desk(counter: Counter) -> Desk:
    """A desk where there are both tables, and another interface."""
    desk = counter.desk()
    for path, value in (
        (("interfaces", "Brand"), {"address": "127.0.0.2"}),
        (("delivery", "alt_sources"), SOURCES),
        (("delivery", "unsubscribe"), LIST),
    ):
        desk.candidate = desk.candidate.put(path, value, MODEL)
    assert run_line(desk, "commit tables").status == 0
    return desk


def text_of(desk: Desk, name: str) -> object:
    delivery = desk.candidate.tree["delivery"]
    assert isinstance(delivery, dict)
    return delivery.get(name)


def test_a_mapping_in_a_dialogue(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "altsrchost", "new", " @Brand.Example ", "Moon", "1", "edit", "1", "", "",
        "commit", "",
    )  # fmt: skip
    assert "Which interface do you want to send messages for @brand.example from?" in sitting.shown
    assert "Mapping for @brand.example on interface Loopback created." in sitting.shown
    assert counter.running("delivery", "alt_sources") == "@brand.example Loopback\n"


def test_mappings_are_changed_line_by_line(desk: Desk) -> None:
    assert run_line(desk, "altsrchost edit 10.0.0.40 Brand").status == 0
    assert text_of(desk, "alt_sources") == SOURCES.replace("40\tLoopback", "40 Brand")
    assert run_line(desk, "altsrchost new joe@ Loopback").status == 0
    assert run_line(desk, "altsrchost delete @brand.example").status == 0
    assert text_of(desk, "alt_sources") == "# Brands.\n10.0.0.40 Brand\n\njoe@ Loopback\n"
    assert run_line(desk, "commit mappings").status == 0


def test_the_first_mapping_of_a_key_counts(desk: Desk) -> None:
    sitting = sit(desk, "altsrchost", "edit", "@brand.example", "", "")
    assert "1. Loopback\n2. Brand\n[2]> " in sitting.shown


def test_a_list_in_a_dialogue(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "unsubscribe", "new", "bob", "Bob@partner.example", "setup", "bounce", "",
        "commit", "",
    )  # fmt: skip
    assert "'bob' needs one of the forms" in sitting.shown
    assert "bob@partner.example is added." in sitting.shown
    assert "Global unsubscribe: 1 entry. Mail to them is returned to its sender." in sitting.shown
    assert counter.running("delivery") == {
        "unsubscribe": "bob@partner.example\n", "unsubscribe_action": "bounce",
    }  # fmt: skip
    assert run_line(desk, "unsubscribe setup action drop").shown == "Mail to them is dropped.\n"


def test_the_list_is_changed_line_by_line(desk: Desk) -> None:
    assert run_line(desk, "unsubscribe edit 192.0.2.9 192.0.2.10").status == 0
    assert text_of(desk, "unsubscribe") == LIST.replace("2.9", "2.10")
    assert run_line(desk, "unsubscribe new @.b.example").status == 0
    assert run_line(desk, "unsubscribe delete BOB@partner.example").status == 0
    assert text_of(desk, "unsubscribe") == "# Asked for it.\n  192.0.2.10\n@.b.example\n"
    assert run_line(desk, "unsubscribe setup action drop").status == 0
    assert text_of(desk, "unsubscribe_action") is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("altsrchost new @brand.example Brand", "There is a mapping for @brand.example already"),
        ("altsrchost new brand Brand", "needs one of the forms"),
        ("altsrchost new @a.example Moon", "'Moon' is not in the list"),
        ("altsrchost edit @a.example Brand", "'@a.example' is not in the table"),
        ("altsrchost delete @a.example", "'@a.example' is not in the table"),
        ("altsrchost clear", "not confirmed"),
        ("unsubscribe new 192.0.2.9", "There is an entry 192.0.2.9 already."),
        ("unsubscribe edit 192.0.2.9 bob@partner.example", "There is an entry bob@partner"),
        ("unsubscribe delete 192.0.2.1", "'192.0.2.1' is not in the table"),
        ("unsubscribe setup action burn", "'burn' is not in the list"),
        ("unsubscribe import gone.txt", "No such file"),
    ],
)
def test_refusals(desk: Desk, line: str, told: str) -> None:
    sitting = run_line(desk, line, "n")
    assert told in sitting.errors
    assert sitting.status == 1
    assert desk.pending_changes() == 0


@pytest.mark.parametrize(
    ("command", "setting", "text", "rows"),
    [
        ("altsrchost", "alt_sources", SOURCES,
         [{"key": "@brand.example", "interface": "Brand"},
          {"key": "10.0.0.40", "interface": "Loopback"},
          {"key": "@brand.example", "interface": "Loopback"}]),
        ("unsubscribe", "unsubscribe", LIST,
         [{"entry": "bob@partner.example"}, {"entry": "192.0.2.9"}]),
    ],
)  # fmt: skip
def test_print_export_import_and_clear(
    counter: Counter, desk: Desk, command: str, setting: str, text: str, rows: object
) -> None:
    found = json.loads(run_line(desk, f"--json {command} print").shown)["data"]
    assert found == {"text": text, "entries": rows}
    assert run_line(desk, f"{command} export x.txt").status == 0
    assert run_line(desk, f"{command} clear force").status == 0
    assert text_of(desk, setting) is None
    assert run_line(desk, f"{command} import x.txt").status == 0
    assert text_of(desk, setting) == text
    (counter.administration.files / "x.txt").write_text("# x\n@@\n")
    assert "line 2: " in run_line(desk, f"{command} import x.txt").errors
    assert text_of(desk, setting) == text


def test_an_unknown_interface_is_an_error_of_an_import(counter: Counter, desk: Desk) -> None:
    (counter.administration.files / "x.txt").write_text("@a.example Moon\n")
    assert "'Moon'" in run_line(desk, "altsrchost import x.txt").errors
    assert text_of(desk, "alt_sources") == SOURCES


@pytest.mark.parametrize("command", ["altsrchost", "unsubscribe"])
def test_who_may(counter: Counter, command: str) -> None:
    refused = run_line(counter.desk("greta", Role.GUEST), f"{command} print")
    assert refused.errors == f"You do not have permission to run {command}\n"
