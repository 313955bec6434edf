"""`listenerconfig`: listeners come, change and go (mailflow 2)."""

import json

import pytest

from mailwarden.core.access.roles import Role
from mailwarden.core.policy.hat_text import parse_hat
from mailwarden.core.policy.rat_text import parse_rat
from tests.unit.control.commands.counter import Counter, run_line, sit


def test_a_public_listener_is_made(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk,
        "listenerconfig", "new", "Outside", "Public", "Loopback", "", "corp.example, .corp.example",
        "moderate", "y", "500", "", "commit", "new listener",
    )  # fmt: skip
    assert "Listener Outside created.\nDefaults have been set for a Public listener." in (
        sitting.shown
    )
    assert "3. Outside (on Loopback, 127.0.0.1) SMTP TCP Port 25 Public" in sitting.shown
    made = counter.running("listeners", "Outside")
    assert (made["type"], made["port"], made["policy"]) == (
        "public", 25, {"max_rcpts_per_hour": 500},
    )  # fmt: skip
    hat = parse_hat(made["host_access"])
    assert [each.form.text for each in hat.table.entries[1].hosts] == ["sbrs[-10.0:-4.0]"]  # type: ignore[union-attr]  # a group
    rat = parse_rat(made["recipient_access"]).table
    assert [each.form for each in rat.entries] == ["corp.example", ".corp.example"]
    assert rat.default.action.value == "REJECT"


def test_a_private_listener_is_made_in_one_line(counter: Counter) -> None:
    desk = counter.desk()
    line = 'listenerconfig new Inside private Loopback port 2600 relays "10.0.0.0/8, .int.example"'
    assert run_line(desk, line).status == 0
    made = desk.candidate.tree["listeners"][2]
    assert "RELAYLIST:\n        10.0.0.0/8\n        .int.example\n" in made["host_access"]


@pytest.mark.parametrize(
    ("queueing", "kind"), [("yes", "blackhole"), ("no", "blackhole_non_queueing")]
)
def test_a_blackhole_is_made(counter: Counter, queueing: str, kind: str) -> None:
    desk = counter.desk()
    run_line(desk, f"listenerconfig new Hole blackhole Loopback queueing {queueing}")
    assert desk.candidate.tree["listeners"][2]["type"] == kind


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("new Public public Loopback", "there is a listener Public already"),
        ("new 'a b' public Loopback", "has blanks in it"),
        ("new X public Nowhere", "'Nowhere' is not in the list"),
        ("new X public Loopback port 2525", "Public listens on port 2525 of Loopback already"),
        ("new X public Loopback domains a..b", "domains: "),
        ("new X private Loopback relays 10.0.0.0/99", "relays: "),
        ("new X public Loopback relays 10.0.0.1", "has no meaning here"),
        ("edit Nobody limits", "'Nobody' is not in the list"),
        ("edit Private rcptaccess print", "RCPTACCESS is not possible at present"),
        ("edit Public interface port 2526", "2526"),
        ("edit Public certificate none implicit_tls yes", "certificate"),
    ],
)  # fmt: skip
def test_what_is_refused(counter: Counter, line: str, why: str) -> None:
    desk = counter.desk()
    sitting = run_line(desk, f"listenerconfig {line}")
    assert why.casefold() in sitting.errors.casefold()
    assert sitting.status == 1
    assert desk.pending_changes() == 0


def test_def_02_blanks_around_names_go(counter: Counter) -> None:
    desk = counter.desk()
    typed = ("  Outside ", "public", "Loopback", "", " a.example ,b.example", "", "", "")
    sit(desk, "listenerconfig", "new", *typed)
    made = desk.candidate.tree["listeners"][2]
    assert made["name"] == "Outside"
    assert made["recipient_access"].startswith("a.example ")
    run_line(desk, "listenerconfig edit Outside setup default_domain ' corp.example '")
    assert desk.candidate.tree["listeners"][2]["default_domain"] == "corp.example"


def test_com_13_a_listener_is_renamed_and_goes_on_being_edited(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk,
        "listenerconfig", "edit", "Public", "name", "Inbound", "limits", "100", "20", "name", "In",
        "limits", "101", "", "", "", "commit", "",
    )  # fmt: skip
    assert "Public is now called Inbound." in sitting.shown
    assert "Inbound is now called In." in sitting.shown
    assert counter.running("listeners", "In", "max_connections") == 101
    assert counter.running("listeners", "In", "listen_queue") == 20
    assert counter.running("listeners", "Public") is None


def test_a_name_that_is_taken_is_asked_for_again(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "listenerconfig", "edit", "Public", "name", "Private", "In", "", "")
    assert "There is a listener Private already." in sitting.shown
    assert desk.candidate.tree["listeners"][0]["name"] == "In"


def test_only_what_is_changed_is_stored(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "listenerconfig edit Public setup bare_cr_lf reject mode strict reverse_dns on")
    listener = desk.candidate.tree["listeners"][0]
    assert listener["bare_cr_lf"] == "reject"
    assert listener["address_parser"] == {"mode": "strict"}
    assert listener["reverse_dns"] is True
    assert "default_domain" not in listener
    run_line(desk, "listenerconfig edit Public setup use_reputation off")
    assert desk.candidate.tree["listeners"][0]["use_reputation"] is False
    run_line(desk, "listenerconfig edit Public setup use_reputation default")
    assert "use_reputation" not in desk.candidate.tree["listeners"][0]


def test_interface_bounce_profile_and_authentication(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "listenerconfig edit Public interface port 2530")
    run_line(desk, "listenerconfig edit Public bounceconfig Default")
    sitting = run_line(desk, "listenerconfig edit Public smtpauth smtp_auth preferred")
    assert "credentials" in sitting.errors  # AUTH needs somebody to know the passwords
    listener = desk.candidate.tree["listeners"][0]
    assert listener["port"] == 2530
    assert "bounce_profile" not in listener


def test_the_summary_says_what_a_listener_is(counter: Counter) -> None:
    sitting = sit(counter.desk(), "listenerconfig", "edit", "1", "", "")
    for line in (
        "Name: Public",
        "Interface: Loopback (127.0.0.1) TCP Port 2525",
        "Max Concurrency: 300 (TCP Queue: 50)",
        "Domain Map: Disabled",
        "Bounce Profile: Default",
    ):
        assert line in sitting.shown


def test_a_listener_is_deleted_once_it_is_confirmed(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "listenerconfig", "delete", "Private", "n", "delete", "Private", "y", "")
    assert "Are you sure you want to remove the listener Private? [N]> " in sitting.shown
    assert [each["name"] for each in desk.candidate.tree["listeners"]] == ["Public"]


def test_what_all_listeners_share(counter: Counter) -> None:
    desk = counter.desk()
    line = "listenerconfig setup max_connections 500 received_hostname virtual_gateway"
    assert run_line(desk, f"{line} windows sliding delayed_hat_rejection yes").status == 0
    assert desk.candidate.tree["inbound"] == {
        "max_connections": 500,
        "received_hostname": "virtual_gateway",
        "delayed_hat_rejection": True,
    }
    assert desk.candidate.tree["rates"] == {"windows": "sliding"}
    sitting = run_line(desk, "listenerconfig setup max_tls_connections 501")
    assert "more than max_connections" in sitting.errors


def test_c_11_a_wrong_value_is_asked_for_again(counter: Counter) -> None:
    sitting = sit(counter.desk(), "listenerconfig", "edit", "1", "limits", "0", "7", "", "", "")
    assert sitting.shown.count("Connections at the same time, over all workers. [300]> ") == 2


def test_roles(counter: Counter) -> None:
    guest = run_line(counter.desk("greta", Role.GUEST), "listenerconfig edit Public limits")
    assert guest.errors == "You do not have permission to run listenerconfig\n"
    reader = counter.desk("rosa", Role.READ_ONLY_OPERATOR)
    assert run_line(reader, "listenerconfig edit Public limits listen_queue 9").status == 0
    assert run_line(reader, "commit").status == 1
    refused = run_line(reader, "listenerconfig edit Public hostaccess export hat.txt")
    assert "permission" in refused.errors
    assert list((counter.folder / "files").iterdir()) == []


def test_json(counter: Counter) -> None:
    sitting = run_line(counter.desk(), "--json listenerconfig edit Public rcptaccess print")
    data = json.loads(sitting.shown)["data"]
    assert data["text"].startswith("example.test ")
    assert [each["address"] for each in data["entries"]] == ["example.test", "ALL"]
