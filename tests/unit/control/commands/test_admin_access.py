"""`adminaccessconfig`, and what follows at the commit (admin 3.4)."""

import asyncio
import json

import pytest

from mailwarden.control.operations.commit import put_in_force
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

ACCESS = ("administration", "network_access")
DIRECT = "Only Allow Specific Connections"


def fall_back(counter: Counter) -> None:
    """Do what the management process does when the time to confirm is over."""
    administration = counter.administration

    async def go_back() -> None:
        waiting = administration.versions.store.awaiting()
        assert waiting is not None
        assert waiting.remaining(counter.clock.time()) == 0
        proposal = administration.versions.prepare_fall_back()
        assert proposal is not None
        await put_in_force(administration, proposal)

    asyncio.run(go_back())


def test_entries_and_mode_in_a_dialogue(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "adminaccessconfig", "ipaccess", "new", "192.0.2.0/24, 10.0.0.1-9", "mode", "2",
        "print", "delete", "2", "", "", "commit", "",
    )  # fmt: skip
    assert "Mode: Allow Any Connection. Entries: 0." in sitting.shown
    assert "- DELETE" not in sitting.shown.partition("[]> new")[0].partition("- NEW")[0]
    assert f"Mode: {DIRECT}\n1. 192.0.2.0/24\n2. 10.0.0.1-10.0.0.9\n" in sitting.shown
    assert "Warning" not in sitting.shown
    assert counter.running(*ACCESS) == {"addresses": ["192.0.2.0/24"], "mode": DIRECT}
    assert counter.administration.versions.store.awaiting() is None


def test_the_batch_form_and_json(counter: Counter) -> None:
    desk = counter.desk()
    assert run_line(desk, "adminaccessconfig ipaccess new 192.0.2.7,10.0.0.0/8").status == 0
    line = "adminaccessconfig ipaccess mode directorproxy proxies 10.0.0.1 header X-Real-IP"
    assert run_line(desk, line).status == 0
    assert json.loads(run_line(desk, "--json adminaccessconfig ipaccess print").shown)["data"] == {
        "mode": "Only Allow Specific Connections Directly or Through Proxy",
        "addresses": ["192.0.2.7", "10.0.0.0/8"],
        "proxies": ["10.0.0.1"],
        "header": "x-real-ip",
    }
    assert run_line(desk, "adminaccessconfig ipaccess delete 10.0.0.0/8").status == 0
    assert desk.candidate.tree["administration"]["network_access"]["addresses"] == ["192.0.2.7"]  # type: ignore[index, call-overload]
    assert "Proxies: 10.0.0.1\n" in run_line(desk, "adminaccessconfig ipaccess print").shown


def test_acc_04_whoever_would_be_shut_out_is_warned(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "adminaccessconfig ipaccess new 10.0.0.0/8")
    sitting = sit(desk, "adminaccessconfig", "ipaccess", "mode", "direct", "n", "print", "", "")
    assert "Warning: your connection from 192.0.2.7 would be refused: not in the list." in (
        sitting.shown
    )
    assert "Mode: Allow Any Connection\n" in sitting.shown
    sitting = run_line(desk, "--json adminaccessconfig ipaccess mode direct")
    assert sitting.errors == "Error: this needs the word force\n"
    assert run_line(desk, "adminaccessconfig ipaccess mode direct force").status == 0


def test_acc_04_removing_the_own_entry_warns_too(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "adminaccessconfig ipaccess new 192.0.2.7,10.0.0.0/8")
    run_line(desk, "adminaccessconfig ipaccess mode direct")
    run_line(desk, "commit it")
    sitting = run_line(desk, "adminaccessconfig ipaccess delete 192.0.2.7", "n")
    assert "Warning: your connection" in sitting.shown
    assert sitting.errors == "Error: not confirmed\n"


def test_acc_05_at_the_console_nobody_is_warned(counter: Counter) -> None:
    desk = counter.desk(address="")
    run_line(desk, "adminaccessconfig ipaccess new 10.0.0.0/8")
    assert run_line(desk, "adminaccessconfig ipaccess mode direct").status == 0
    assert run_line(desk, "commit it").status == 0
    assert counter.administration.versions.store.awaiting() is None


def shut_oneself_out(counter: Counter, commit: str = "commit it") -> str:
    desk = counter.desk()
    run_line(desk, "adminaccessconfig ipaccess new 10.0.0.0/8")
    run_line(desk, "adminaccessconfig ipaccess mode direct force")
    sitting = run_line(desk, commit)
    assert sitting.status == 0, sitting.errors
    return sitting.shown


@pytest.mark.parametrize("commit", ["commit it", "commitconfirmed 60 it"])
def test_c_35_what_nobody_confirms_is_taken_back(counter: Counter, commit: str) -> None:
    shown = shut_oneself_out(counter, commit)
    assert "from 192.0.2.7 would be refused" in shown
    assert 'They are taken back in 5 minutes unless you run "confirmcommit".' in shown
    assert counter.running(*ACCESS, "mode") == DIRECT
    counter.clock.advance(299)
    waiting = counter.administration.versions.store.awaiting()
    assert waiting is not None
    assert waiting.remaining(counter.clock.time()) == 1
    counter.clock.advance(1)
    fall_back(counter)
    assert counter.running(*ACCESS) is None


def test_c_35_it_is_confirmed_from_an_allowed_address_only(counter: Counter) -> None:
    shut_oneself_out(counter)
    sitting = run_line(counter.desk(), "confirmcommit")
    assert sitting.errors == (
        "This cannot be confirmed from here: your connection from 192.0.2.7 would be "
        "refused: not in the list.\n"
    )
    assert counter.administration.versions.store.awaiting() is not None
    allowed = counter.desk("olga", Role.OPERATOR, "10.1.2.3")
    assert run_line(allowed, "confirmcommit").shown == "Version 2 is confirmed.\n"
    assert counter.administration.versions.store.awaiting() is None


def test_other_changes_of_whoever_is_shut_out_already_need_no_confirmation(
    counter: Counter,
) -> None:
    shut_oneself_out(counter)
    run_line(counter.desk(address=""), "confirmcommit")
    desk = counter.desk()
    run_line(desk, "sethostname a.example.com")
    run_line(desk, "commit it")
    assert counter.administration.versions.store.awaiting() is None


def test_a_list_that_lets_nobody_in_is_refused(counter: Counter) -> None:
    desk = counter.desk()
    sitting = run_line(desk, "adminaccessconfig ipaccess mode direct")
    assert "is empty: nobody could connect" in sitting.errors
    sitting = run_line(desk, "adminaccessconfig ipaccess new 10.0.0.300")
    assert "is not an address, a range or a network" in sitting.errors
    assert desk.pending_changes() == 0


def test_the_banner_has_lines(counter: Counter) -> None:
    desk = counter.desk()
    sit(desk, "adminaccessconfig", "banner", "Authorised use", "only.", ".", "", "commit", "")
    assert counter.administration.config.administration.banner == "Authorised use\nonly.\n"
    sitting = run_line(desk, "adminaccessconfig banner -", "none", ".")
    run_line(desk, "commit none")
    assert "There is no banner." in sitting.shown
    assert counter.administration.config.administration.banner == ""
    sitting = run_line(desk, "adminaccessconfig banner -", "a\x1b[2J", ".")
    assert "control character" in sitting.errors
    assert "banner is missing" in run_line(desk, "adminaccessconfig banner").errors


def test_the_time_out(counter: Counter) -> None:
    desk = counter.desk()
    assert run_line(desk, "adminaccessconfig timeout cli_idle_seconds 10m").status == 0
    assert "out of range" in run_line(desk, "adminaccessconfig timeout cli_idle_seconds 5").errors
    run_line(desk, "commit it")
    assert counter.administration.config.administration.cli_idle_seconds == 600


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.GUEST, Role.TECHNICIAN])
def test_c_20_only_for_administrators(counter: Counter, role: Role) -> None:
    desk = counter.desk("olga", role)
    sitting = run_line(desk, "adminaccessconfig ipaccess print")
    assert sitting.errors == "You do not have permission to run adminaccessconfig\n"
