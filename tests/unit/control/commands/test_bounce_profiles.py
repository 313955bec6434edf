"""`bounceconfig`."""

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

FIELDS = 16


@pytest.fixture
def desk(counter: Counter) -> Desk:
    return counter.desk()


def profiles(desk: Desk) -> object:
    return desk.candidate.tree.get("bounce_profiles")


def test_a_profile_in_a_dialogue(counter: Counter, desk: Desk) -> None:
    answers = [""] * FIELDS
    answers[0:5] = ["200", "5d", "2m", "", "n"]
    sitting = sit(desk, "bounceconfig", "new", " Patient ", *answers, "", "commit", "")
    assert "Current bounce profiles:\n1. Default\n2. Patient\n" in sitting.shown
    assert counter.running("bounce_profiles") == {
        "Patient": {
            "max_retries": 200, "max_queue_time_seconds": 432000, "initial_retry_seconds": 120,
            "send_bounces": False,
        }
    }  # fmt: skip


def test_values_of_default_are_shown_and_only_others_are_kept(desk: Desk) -> None:
    sitting = sit(desk, "bounceconfig", "edit", "Default", *[""] * FIELDS, "", "showchanges")
    assert "Attempts after the first one. [100]> " in sitting.shown
    assert "How long a message may wait. [3d]> " in sitting.shown
    assert "Enter a name for the profile" not in sitting.shown
    assert profiles(desk) == {"Default": {}}
    run_line(desk, "bounceconfig edit Default max_retries 7 send_delay_warnings on")
    run_line(desk, "bounceconfig edit Default initial_retry_seconds 30s max_retries default")
    assert profiles(desk) == {"Default": {"send_delay_warnings": True, "initial_retry_seconds": 30}}


def test_what_is_answered_with_what_holds_stays_as_written(desk: Desk) -> None:
    desk.candidate = desk.candidate.put(
        ("bounce_profiles", "Slow"), {"max_queue_time_seconds": "9d"}, MODEL
    )
    run_line(desk, "bounceconfig edit Slow max_retries 3")
    assert profiles(desk) == {"Slow": {"max_queue_time_seconds": "9d", "max_retries": 3}}


def test_com_13_a_new_name_is_taken_over_everywhere(counter: Counter, desk: Desk) -> None:
    run_line(desk, "bounceconfig new Patient max_retries 200")
    desk.candidate = desk.candidate.put(("listeners", "Public", "bounce_profile"), "Patient", MODEL)
    run_line(desk, "destconfig new a.example bounce_profile Patient")
    assert run_line(desk, "commit all").status == 0
    refused = run_line(desk, "bounceconfig delete Patient")
    assert "destinations[a.example].bounce_profile" in refused.errors
    assert "listeners.Public.bounce_profile" in refused.errors
    sitting = run_line(desk, "bounceconfig edit Patient name Calm")
    assert sitting.shown == (
        "The profile Calm is set.\nPatient is called Calm now, also where it is used:\n"
        "  listeners.Public.bounce_profile\n  destinations[a.example].bounce_profile\n"
    )
    assert run_line(desk, "commit renamed").status == 0
    assert counter.running("bounce_profiles") == {"Calm": {"max_retries": 200}}
    assert counter.running("destinations", "a.example", "bounce_profile") == "Calm"
    assert counter.running("listeners", "Public", "bounce_profile") == "Calm"


def test_com_13_a_new_name_in_the_text_of_the_controls(desk: Desk) -> None:
    run_line(desk, "bounceconfig new Patient")
    text = "[a.example]\nbounce_profile = Patient   \n# Patient\n"
    desk.candidate = desk.candidate.put(("destination_controls",), text, MODEL)
    assert "destination_controls" in run_line(desk, "bounceconfig delete Patient").errors
    assert run_line(desk, "bounceconfig edit Patient name Calm").status == 0
    assert desk.candidate.tree["destination_controls"] == text.replace("= Patient", "= Calm")


def test_the_size_for_all(desk: Desk) -> None:
    sitting = sit(desk, "bounceconfig", "setup", "", "setup", "20k", "")
    assert "of others it is the header. [10k]> " in sitting.shown
    assert profiles(desk) == {"Default": {"copy_size_max_bytes": 20480}}


def test_a_profile_is_removed(desk: Desk) -> None:
    run_line(desk, "bounceconfig new Patient")
    assert run_line(desk, "bounceconfig delete Patient").status == 0
    assert profiles(desk) == {}
    assert "DELETE is not possible" in run_line(desk, "bounceconfig delete Default").errors


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("bounceconfig new Default", "There is a profile Default already"),
        ('bounceconfig new "a;b"', "is no name"),
        ("bounceconfig new a max_retries -1", "0 to 10000"),
        ("bounceconfig new a initial_retry_seconds 2h", "must not be less than initial_retry"),
        ("bounceconfig new a bounce_template Nice", "'Nice' is not in the list"),
        ("bounceconfig new a alternate_recipient bob", "is not an address"),
        ("bounceconfig edit b", "'b' is not in the list"),
        ("bounceconfig edit Default name b", "name has no meaning here"),
    ],
)
def test_refusals(desk: Desk, line: str, told: str) -> None:
    sitting = run_line(desk, line)
    assert told in sitting.errors
    assert sitting.status == 1
    assert desk.pending_changes() == 0


def test_who_may(counter: Counter) -> None:
    assert run_line(counter.desk("greta", Role.GUEST), "bounceconfig").errors == (
        "You do not have permission to run bounceconfig\n"
    )
