"""`deliveryconfig`."""

import pytest

from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit


def test_a_dialogue_asks_for_three_things(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(desk, "deliveryconfig", "setup", "2", "n", "20", "", "commit", "")
    assert "1. Auto\n2. Loopback\n[1]> " in sitting.shown
    assert "Default interface: Loopback\nPossible Delivery: disabled" in sitting.shown
    assert counter.running("delivery") == {
        "interface": "Loopback", "possible_delivery": False, "max_connections": 20,
    }  # fmt: skip
    run_line(desk, "deliveryconfig setup interface auto")
    assert desk.candidate.tree["delivery"] == {
        "interface": "", "possible_delivery": False, "max_connections": 20,
    }  # fmt: skip


def test_a_line_can_set_the_rest(counter: Counter) -> None:
    desk = counter.desk()
    line = (
        "deliveryconfig setup connect_timeout_seconds 30s --prefer-ipv6=yes max_connections 10000"
    )
    assert run_line(desk, line).status == 0
    assert desk.candidate.tree["delivery"] == {"connect_timeout_seconds": 30, "prefer_ipv6": True}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("deliveryconfig setup interface Moon", "'Moon' is not in the list"),
        ("deliveryconfig setup max_connections 0", "at least 1"),
        ("deliveryconfig setup possible_delivery maybe", "neither on nor off"),
        ("deliveryconfig setup ca_file x", "ca_file is not known here"),
    ],
)
def test_refusals(counter: Counter, line: str, told: str) -> None:
    desk = counter.desk()
    sitting = run_line(desk, line)
    assert told in sitting.errors
    assert sitting.status == 1
    assert desk.pending_changes() == 0


def test_who_may(counter: Counter) -> None:
    assert run_line(counter.desk("greta", Role.GUEST), "deliveryconfig").errors == (
        "You do not have permission to run deliveryconfig\n"
    )
