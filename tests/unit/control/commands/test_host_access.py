"""`listenerconfig edit ... hostaccess` (mailflow 3): single entries change, and nothing else."""

import json

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.policy.hat_text import parse_hat
from tests.unit.control.commands.counter import Counter, run_line, sit

TEXT = """# Our hosts, kept by Olga.
$ACCEPTED
    ACCEPT
$THROTTLED
    ACCEPT {
        spam_check = "on"
        max_rcpts_per_msg  =25
        # for now
        tls = "off"
    }
$BLOCKED
    REJECT

WHITELIST:
   192.0.2.1 (Anna)
   # Bert
   192.0.2.2
   $ACCEPTED

BLACKLIST:
\t10.
\t$BLOCKED (bad)
203.0.113.
    TCPREFUSE
ALL
    $ACCEPTED
"""
HOSTS = "listenerconfig edit Public hostaccess"


@pytest.fixture
def desk(counter: Counter) -> Desk:
    desk = counter.desk()
    desk.candidate = desk.candidate.put(("listeners", "Public", "host_access"), TEXT, MODEL)
    desk.candidate = desk.candidate.put(("listeners", "Public", "reverse_dns"), True, MODEL)
    return desk


def table(desk: Desk) -> str:
    return str(desk.candidate.tree["listeners"][0]["host_access"])


def done(desk: Desk, line: str, *typed: str) -> str:
    sitting = run_line(desk, f"{HOSTS} {line}", *typed)
    assert (sitting.errors, sitting.status) == ("", 0)
    return table(desk)


def refused(desk: Desk, line: str) -> str:
    before = desk.candidate
    sitting = run_line(desk, f"{HOSTS} {line}")
    assert sitting.status == 1
    assert desk.candidate is before
    return sitting.errors


def test_a_group_is_added_before_all(desk: Desk) -> None:
    after = done(
        desk, "new sendergroup FRIENDS '198.51.100.7, .a.example' $THROTTLED comment mates"
    )
    new = "FRIENDS:\n        198.51.100.7\n        .a.example\n        $THROTTLED (mates)\n"
    assert after == TEXT.replace("ALL\n", f"{new}ALL\n")


def test_a_group_with_boxes_and_its_own_limits(desk: Desk) -> None:
    line = "new sendergroup ODD none Accept not_exist yes parameters yes max_message_size 5M"
    after = done(desk, f"{line} use_override_hostname yes override_hostname mx.a.example")
    assert 'ODD:\n        dns_host_verification = "not_exist"\n        ACCEPT {\n' in after
    assert "            max_message_size = 5242880\n" in after
    assert '            override_hostname = "mx.a.example"\n' in after


def test_hosts_that_stand_alone(desk: Desk) -> None:
    after = done(desk, "new sendergroup none '192.0.2.77,192.0.2.78' Refuse")
    assert after.endswith(
        "192.0.2.77\n    TCPREFUSE\n192.0.2.78\n    TCPREFUSE\nALL\n    $ACCEPTED\n"
    )
    assert "needs a host" in refused(desk, "new sendergroup none none Refuse")


def test_a_policy_is_added(desk: Desk) -> None:
    after = done(
        desk, "new policy SLOW Accept max_rcpts_per_hour 5 max_rcpts_per_hour_text 'a\\nb'"
    )
    new = (
        '$SLOW\n    ACCEPT {\n        max_rcpts_per_hour = 5\n'
        '        max_rcpts_per_hour_text = "a\\nb"\n    }\n'
    )  # fmt: skip
    assert after == TEXT.replace("    REJECT\n\n", f"    REJECT\n{new}\n")


def test_a_parameter_of_a_policy_is_changed(desk: Desk) -> None:
    after = done(desk, "edit policy THROTTLED policy max_rcpts_per_msg 30")
    assert after == TEXT.replace("max_rcpts_per_msg  =25", "max_rcpts_per_msg = 30")
    after = done(desk, "edit policy $THROTTLED policy tls default")
    assert "tls" not in after
    assert "# for now" in after


def test_what_does_not_go_with_a_rule_is_not_asked(desk: Desk) -> None:
    sitting = sit(
        desk, HOSTS.partition(" ")[0], "edit", "Public", "hostaccess", "edit", "policy", "BLOCKED",
        "policy", "", "550", "Go away", "", "", "", "",
    )  # fmt: skip
    assert "Largest message" not in sitting.shown
    assert "$BLOCKED\n    REJECT {\n        smtp_banner_code = 550\n" in table(desk)


def test_hosts_of_a_group(desk: Desk) -> None:
    assert done(desk, "edit sendergroup WHITELIST new 192.0.2.3") == TEXT.replace(
        "   192.0.2.2\n", "   192.0.2.2\n   192.0.2.3\n"
    )
    done(desk, "edit sendergroup WHITELIST move 192.0.2.3 192.0.2.1")
    assert "WHITELIST:\n   192.0.2.3\n   192.0.2.1 (Anna)\n" in table(desk)
    done(desk, "edit sendergroup WHITELIST move 192.0.2.3 END")
    assert done(desk, "edit sendergroup WHITELIST delete 192.0.2.3") == TEXT
    assert "is in WHITELIST already" in refused(desk, "edit sendergroup WHITELIST new 192.0.2.1")
    assert "is not in WHITELIST" in refused(desk, "edit sendergroup WHITELIST delete 192.0.2.9")


def test_the_policy_and_comment_of_an_entry(desk: Desk) -> None:
    after = done(desk, "edit sendergroup BLACKLIST policy Reject comment worse")
    assert after == TEXT.replace("\t$BLOCKED (bad)", "\tREJECT (worse)")
    after = done(desk, "edit sendergroup 203.0.113. policy $THROTTLED")
    assert "203.0.113.\n    $THROTTLED\n" in after
    after = done(desk, "edit sendergroup ALL policy Reject")
    assert after.endswith("ALL\n    REJECT\n")
    assert "CONTINUE" in refused(desk, "edit sendergroup ALL policy Continue")


def test_com_13_groups_and_policies_are_renamed(desk: Desk) -> None:
    assert done(desk, "edit sendergroup WHITELIST rename GOOD") == TEXT.replace("WHITELIST", "GOOD")
    sitting = run_line(desk, f"{HOSTS} edit policy ACCEPTED rename TAKEN")
    assert "$ACCEPTED is now called $TAKEN.\nAlso changed: GOOD, ALL\n" in sitting.shown
    assert table(desk).count("$TAKEN") == 3
    assert "BLACKLIST already" in refused(desk, "edit sendergroup GOOD rename BLACKLIST")
    assert "is no name" in refused(desk, "edit sendergroup GOOD rename 'a b'")


def test_com_13_a_renamed_group_goes_on_being_edited(desk: Desk) -> None:
    sit(
        desk, "listenerconfig", "edit", "Public", "hostaccess", "edit", "sendergroup", "WHITELIST",
        "rename", "A", "rename", "B", "new", "192.0.2.9", "delete", "192.0.2.1", "", "", "", "",
    )  # fmt: skip
    assert "B:\n   # Bert\n   192.0.2.2\n   192.0.2.9\n   $ACCEPTED\n" in table(desk)


def test_com_13_a_policy_in_use_stays(desk: Desk) -> None:
    assert "$ACCEPTED is in use by WHITELIST, ALL" in refused(desk, "delete policy ACCEPTED")
    assert "$THROTTLED" not in done(desk, "delete policy THROTTLED")


def test_entries_move_and_go(desk: Desk) -> None:
    done(desk, "move 203.0.113. WHITELIST")
    assert "REJECT\n\n203.0.113.\n    TCPREFUSE\nWHITELIST:" in table(desk)
    assert done(desk, "move 203.0.113. ALL") == TEXT
    after = done(desk, "delete sendergroup BLACKLIST")
    assert after == TEXT.replace("BLACKLIST:\n\t10.\n\t$BLOCKED (bad)\n", "")
    assert "is not in the table" in refused(desk, "delete sendergroup ALL")


def test_all_entries_are_cleared(desk: Desk) -> None:
    after = done(desk, "clear force")
    assert after == TEXT[: TEXT.index("WHITELIST")] + "\nALL\n    $ACCEPTED\n"


def test_defaults_of_the_listener(desk: Desk) -> None:
    done(desk, "default max_message_size 40M envelope_sender_verification yes "
         "sender_not_exist_code 550")  # fmt: skip
    assert desk.candidate.tree["listeners"][0]["policy"] == {
        "max_message_size": 41943040,
        "envelope_sender_verification": True,
        "sender_not_exist_code": 550,
    }
    assert "has no meaning here" in refused(desk, "default override_hostname a.example")
    done(desk, "default max_message_size default")
    assert "max_message_size" not in desk.candidate.tree["listeners"][0]["policy"]


def test_relay_hosts_become_a_table_once_it_is_changed(counter: Counter) -> None:
    desk = counter.desk()
    hosts = "listenerconfig edit Private hostaccess"
    shown = run_line(desk, f"{hosts} print").shown
    assert "RELAYLIST:\n        127.0.0.0/8\n        $RELAYED\n" in shown
    assert desk.pending_changes() == 0
    assert run_line(desk, f"{hosts} edit sendergroup RELAYLIST new 192.0.2.1").status == 0
    listener = desk.candidate.tree["listeners"][1]
    assert "relay_hosts" not in listener
    assert "127.0.0.0/8\n        192.0.2.1\n" in listener["host_access"]
    assert run_line(desk, "commit relays").status == 0


def test_a_table_of_lines_keeps_all_of_them(counter: Counter) -> None:
    desk = counter.desk()
    lines = TEXT.removesuffix("\n").split("\n")
    desk.candidate = desk.candidate.put(("listeners", "Public", "host_access"), lines, MODEL)
    assert done(desk, "edit sendergroup WHITELIST rename X") == TEXT.replace("WHITELIST", "X")


def test_print_shows_the_text_and_json_what_it_says(desk: Desk) -> None:
    assert run_line(desk, f"{HOSTS} print").shown == TEXT
    data = json.loads(run_line(desk, f"--json {HOSTS} print").shown)["data"]
    assert data["text"] == TEXT
    assert data["entries"][3] == {
        "group": "WHITELIST",
        "hosts": [
            {"host": "192.0.2.1", "comment": "Anna"},
            {"host": "192.0.2.2", "comment": ""},
        ],
        "dns_host_verification": [],
        "access": "$ACCEPTED",
        "comment": "",
    }
    one = run_line(desk, f"--json {HOSTS} edit policy THROTTLED print")
    assert json.loads(one.shown)["data"]["parameters"] == {
        "spam_check": True,
        "max_rcpts_per_msg": 25,
        "tls": "off",
    }


def test_export_and_import_are_exact(counter: Counter, desk: Desk) -> None:
    done(desk, "export hat.txt")
    file = counter.folder / "files" / "hat.txt"
    assert file.read_text() == TEXT
    assert file.stat().st_mode & 0o777 == 0o600
    done(desk, "clear force")
    assert done(desk, "import hat.txt") == TEXT


def test_an_import_tells_all_that_is_wrong_and_changes_nothing(
    counter: Counter, desk: Desk
) -> None:
    file = counter.folder / "files" / "hat.txt"
    file.write_text("A:\n  x!\n  ACCEPT\nB:\n  $NONE\nALL\n  CONTINUE\n")
    said = refused(desk, "import hat.txt")
    assert all(f"line {number}: " in said for number in (2, 5, 6))
    file.write_bytes(b"\xff\n")
    assert "line 1: the byte 0xff is not UTF-8" in refused(desk, "import hat.txt")
    assert "No such file" in refused(desk, "import other.txt")
    assert "no name of a file" in refused(desk, "import ../accounts.db")
    file.write_text("A:\n  10.1.1.1\n  ACCEPT { what = 1 }\nALL\n  ACCEPT\n")
    sitting = run_line(desk, f"{HOSTS} import hat.txt")
    assert "line 3: 'what' is not known and is left out" in sitting.shown


def test_what_a_commit_would_refuse_is_refused_at_once(desk: Desk) -> None:
    run_line(desk, "listenerconfig edit Public setup reverse_dns no")
    assert "host names" in refused(desk, "edit sendergroup WHITELIST new mx.a.example")


def test_a_large_table_changes_in_one_line(counter: Counter) -> None:
    desk = counter.desk()
    hosts = "".join(f"        10.{at >> 8}.{at & 255}.7\n" for at in range(10_000))
    text = f"$A\n    ACCEPT\nMANY:\n{hosts}        $A\nALL\n    $A\n"
    desk.candidate = desk.candidate.put(("listeners", "Public", "host_access"), text, MODEL)
    after = done(desk, "edit sendergroup MANY delete 10.20.5.7")
    assert after == text.replace("        10.20.5.7\n", "")
    assert len(parse_hat(after).table.entries[0].hosts) == 9999  # type: ignore[union-attr]  # a group
