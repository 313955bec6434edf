"""`textconfig`."""

import json

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

EN = {"subject": "Sorry", "text": "Not delivered: $BounceReason\n"}


@pytest.fixture
def desk(counter: Counter) -> Desk:
    """A desk where there is a resource, in use."""
    desk = counter.desk()
    sit(desk, "textconfig", "new", "Nice", "", "Sorry", "Not delivered: $BounceReason", ".", "")
    run_line(desk, "bounceconfig edit Default bounce_template Nice")
    assert run_line(desk, "commit text").status == 0
    return desk


def templates(desk: Desk) -> object:
    return desk.candidate.tree["bounce_templates"]


def test_a_resource_is_made(counter: Counter, desk: Desk) -> None:
    assert counter.running("bounce_templates") == {"Nice": {"en": EN}}


def test_another_language_and_other_words(desk: Desk) -> None:
    sitting = sit(
        desk, "textconfig", "edit", "Nice", "", "DE", "", " Leider ", "Nicht da: $Reason", "",
        "Bis bald.", ".", "edit", "1", "", "", "Pardon", ".", "",
    )  # fmt: skip
    assert "An answer is needed." in sitting.shown
    assert "Nice in de is set.\nNot known, and left as they are: $Reason." in sitting.shown
    assert "[Sorry]> Pardon" in sitting.screen
    assert templates(desk) == {
        "Nice": {
            "en": {**EN, "subject": "Pardon"},
            "de": {"subject": "Leider", "text": "Nicht da: $Reason\n\nBis bald.\n"},
        }
    }
    assert run_line(desk, "commit words").status == 0


def test_lines_take_the_text_as_input(desk: Desk) -> None:
    line = "textconfig edit Nice language fr subject Pardon text -"
    assert run_line(desk, line, "Non.", ".").status == 0
    assert templates(desk) == {"Nice": {"en": EN, "fr": {"subject": "Pardon", "text": "Non.\n"}}}
    assert run_line(desk, "textconfig delete Nice language en").status == 0
    assert templates(desk) == {"Nice": {"fr": {"subject": "Pardon", "text": "Non.\n"}}}
    assert "is the only language" in run_line(desk, "textconfig delete Nice language fr").errors


def test_com_13_a_new_name_is_taken_over_where_it_is_used(counter: Counter, desk: Desk) -> None:
    assert "bounce_profiles.Default.bounce_template" in run_line(
        desk, "textconfig delete Nice"
    ).errors  # fmt: skip
    told = run_line(desk, "textconfig edit Nice name Kind").shown
    assert told.endswith("also where it is used:\n  bounce_profiles.Default.bounce_template\n")
    assert run_line(desk, "commit name").status == 0
    assert counter.running("bounce_profiles", "Default", "bounce_template") == "Kind"
    run_line(desk, "bounceconfig edit Default bounce_template built-in")
    assert run_line(desk, "textconfig delete Kind").status == 0
    assert templates(desk) == {}


def test_list_export_and_import(counter: Counter, desk: Desk) -> None:
    shown = run_line(desk, "textconfig list").shown.splitlines()
    assert shown[1].split() == ["Nice", "en", "Sorry"]
    found = json.loads(run_line(desk, "--json textconfig list").shown)["data"]["resources"]
    assert found == [{"name": "Nice", "language": "en", **EN}]
    assert run_line(desk, "textconfig export Nice nice.txt").status == 0
    assert (counter.administration.files / "nice.txt").read_text() == EN["text"]
    line = "textconfig import Nice nice.txt language de subject Leider"
    assert run_line(desk, line).status == 0
    assert run_line(desk, "textconfig import Other nice.txt subject Hm").status == 0
    assert templates(desk) == {
        "Nice": {"en": EN, "de": {**EN, "subject": "Leider"}},
        "Other": {"en": {**EN, "subject": "Hm"}},
    }
    (counter.administration.files / "empty.txt").write_text(" \n")
    refused = run_line(desk, "textconfig import Nice empty.txt")
    assert refused.errors == "Error: the text is empty\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("textconfig new Nice subject x text -", "There is a text resource Nice already."),
        ("textconfig new Other subject x", "text is missing"),
        ("textconfig new Other text -", "subject is missing"),
        ("textconfig new Other language 1x subject x text -", "tag of a language"),
        ("textconfig edit Moon subject x", "'Moon' is not in the list"),
        ("textconfig export Nice x.txt language de", "'de' is not in the list"),
        ("textconfig import Nice gone.txt", "No such file"),
        (f"textconfig edit Nice subject {'x' * 201}", "longer than 200 letters"),
    ],
)
def test_refusals(desk: Desk, line: str, told: str) -> None:
    sitting = run_line(desk, line, "x", ".")
    assert told in sitting.errors
    assert sitting.status == 1
    assert desk.pending_changes() == 0


def test_who_may(counter: Counter) -> None:
    assert run_line(counter.desk("greta", Role.GUEST), "textconfig list").errors == (
        "You do not have permission to run textconfig\n"
    )
