"""`listenerconfig edit ... rcptaccess`, `masquerade` and `domainmap` (mailflow 4, 5.2, 5.4)."""

import json

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.policy.rat_text import parse_rat
from tests.unit.control.commands.counter import Counter, run_line, sit

TEXT = """# Kept by Olga.
corp.example ACCEPT
  .corp.example   ACCEPT   bypass_ldap

# Gone.
old@corp.example REJECT (554 "This address was retired")
# The rest.
ALL REJECT
"""
RAT = "listenerconfig edit Public rcptaccess"


@pytest.fixture
def desk(counter: Counter) -> Desk:
    desk = counter.desk()
    desk.candidate = desk.candidate.remove(("listeners", "Public", "accepted_domains"), MODEL)
    desk.candidate = desk.candidate.put(("listeners", "Public", "recipient_access"), TEXT, MODEL)
    return desk


def table(desk: Desk) -> str:
    return str(desk.candidate.tree["listeners"][0]["recipient_access"])


def done(desk: Desk, line: str) -> str:
    sitting = run_line(desk, f"{RAT} {line}")
    assert (sitting.errors, sitting.status) == ("", 0)
    return table(desk)


def refused(desk: Desk, line: str) -> str:
    before = desk.candidate
    sitting = run_line(desk, f"{RAT} {line}")
    assert sitting.status == 1
    assert desk.candidate is before
    return sitting.errors


def test_new_entries_stand_before_all(desk: Desk) -> None:
    after = done(desk, "new 'new.example, postmaster@' accept bypass_rc yes")
    lines = [
        "new.example                 ACCEPT bypass_throttle",
        "postmaster@                 ACCEPT bypass_throttle",
    ]
    assert after == TEXT.replace("# The rest.\n", "\n".join([*lines, "# The rest.\n"]))


def test_an_entry_with_a_reply(desk: Desk) -> None:
    sit(
        desk, "listenerconfig", "edit", "Public", "rcptaccess", "new", "x.example", "reject", "y",
        "250", "Gone", "554", "Gone.\\nAsk Olga.", "", "", "",
    )  # fmt: skip
    assert 'x.example                   REJECT (554 "Gone." "Ask Olga.")\n' in table(desk)


def test_an_entry_changes_in_its_line(desk: Desk) -> None:
    after = done(desk, "edit .CORP.example accept bypass_callahead yes")
    new = ".corp.example               ACCEPT bypass_ldap bypass_callahead"
    assert after == TEXT.replace(".corp.example   ACCEPT   bypass_ldap", new)
    assert done(desk, "edit old@corp.example reject") == after
    after = done(desk, "edit old@corp.example reject cust_resp no")
    assert "old@corp.example            REJECT\n" in after
    assert done(desk, "edit ALL accept").endswith("ALL                         ACCEPT\n")


def test_an_entry_goes(desk: Desk) -> None:
    assert done(desk, "delete corp.example") == TEXT.replace("corp.example ACCEPT\n", "", 1)
    assert "is not in the table" in refused(desk, "delete ALL")
    assert "is not in the table" in refused(desk, "delete other.example")


def test_all_entries_but_all_go(desk: Desk) -> None:
    assert done(desk, "clear force") == "# Kept by Olga.\n\n# Gone.\n# The rest.\nALL REJECT\n"
    assert "CLEAR is not possible" in refused(desk, "clear force")


def test_what_is_refused(desk: Desk) -> None:
    assert "There is an entry for corp.example already" in refused(desk, "new CORP.example accept")
    assert "addresses: " in refused(desk, "new @corp.example accept")
    assert "has no meaning here" in refused(desk, "new a.example reject bypass_rc yes")
    assert "wrong code" in refused(
        desk, "new a.example accept cust_resp y resp_code 550 resp_text x"
    )


def test_a_new_entry_stands_in_front_of_what_would_hide_it(desk: Desk) -> None:
    after = done(desk, "new 'ann@corp.example, x.y.corp.example, new.example' reject")
    assert after == (
        "ann@corp.example            REJECT\n# Kept by Olga.\ncorp.example ACCEPT\n"
        "x.y.corp.example            REJECT\n  .corp.example   ACCEPT   bypass_ldap\n\n# Gone.\n"
        'old@corp.example REJECT (554 "This address was retired")\n'
        "new.example                 REJECT\n# The rest.\nALL REJECT\n"
    )


def test_an_entry_without_effect_is_told(counter: Counter, desk: Desk) -> None:
    (counter.folder / "files" / "rat.txt").write_text("a.example ACCEPT\nx@a.example REJECT\n")
    sitting = run_line(desk, f"{RAT} import rat.txt")
    assert "line 2: x@a.example has no effect, as a.example in line 1 comes first" in sitting.shown


def test_accepted_domains_become_a_table_once_it_is_changed(counter: Counter) -> None:
    desk = counter.desk()
    assert "example.test                ACCEPT\nALL" in run_line(desk, f"{RAT} print").shown
    assert desk.pending_changes() == 0
    run_line(desk, f"{RAT} edit ALL accept")
    listener = desk.candidate.tree["listeners"][0]
    assert "accepted_domains" not in listener
    assert parse_rat(table(desk)).table.default.action.value == "ACCEPT"
    assert run_line(desk, "commit all").status == 0


def test_a_table_without_all_gets_one(desk: Desk) -> None:
    path = ("listeners", "Public", "recipient_access")
    desk.candidate = desk.candidate.put(path, "a.example ACCEPT", MODEL)
    assert done(desk, "new b.example accept").endswith("\nb.example                   ACCEPT\n")
    assert done(desk, "edit ALL accept").endswith("\nALL                         ACCEPT\n")


def test_export_and_import_are_exact(counter: Counter, desk: Desk) -> None:
    done(desk, "export rat.txt")
    assert (counter.folder / "files" / "rat.txt").read_text() == TEXT
    done(desk, "clear force")
    assert done(desk, "import /configuration/rat.txt") == TEXT
    (counter.folder / "files" / "rat.txt").write_text("a ACCEPT\nx\nb.example WHAT\n")
    said = refused(desk, "import rat.txt")
    assert "line 2: " in said
    assert "line 3: WHAT is no action" in said


def test_json(desk: Desk) -> None:
    data = json.loads(run_line(desk, f"--json {RAT} print").shown)["data"]
    assert data["entries"][2] == {
        "address": "old@corp.example",
        "action": "REJECT",
        "reply": {"code": 554, "lines": ["This address was retired"]},
        "bypass_rc": False,
        "bypass_la": False,
        "bypass_callahead": False,
    }


def test_one_entry_of_a_hundred_thousand(counter: Counter, desk: Desk) -> None:
    lines = "".join(f"user{at}@corp.example ACCEPT\n" for at in range(100_000))
    path = ("listeners", "Public", "recipient_access")
    desk.candidate = desk.candidate.put(path, f"{lines}ALL REJECT\n", MODEL)
    after = done(desk, "delete user77777@corp.example")
    assert after == f"{lines}ALL REJECT\n".replace("user77777@corp.example ACCEPT\n", "")
    sitting = sit(desk, "listenerconfig", "edit", "Public", "rcptaccess", "edit", "5", "", "", "",
                  "y", "", "", "")  # fmt: skip
    assert "20. user19@corp.example\nand 99980 more, to be entered by name\n" in sitting.shown
    assert "user4@corp.example          ACCEPT bypass_callahead\n" in table(desk)


# Rewriting


@pytest.mark.parametrize(
    ("word", "setting"), [("masquerade", "masquerade"), ("domainmap", "domain_map")]
)
def test_tables_that_rewrite(counter: Counter, word: str, setting: str) -> None:
    desk = counter.desk()
    menu = f"listenerconfig edit Private {word}"
    text = "# ours\n@int.example   @corp.example\njoe@int.example ann@corp.example # moved\n"
    desk.candidate = desk.candidate.put(("listeners", "Private", setting), text, MODEL)

    def held() -> str:
        return str(desk.candidate.tree["listeners"][1].get(setting))

    assert run_line(desk, f"{menu} new @a.example @b.example").status == 0
    assert held() == f"{text}@a.example                  @b.example\n"
    assert run_line(desk, f"{menu} edit @A.example @c.example").status == 0
    assert held() == f"{text}@a.example                  @c.example\n"
    assert run_line(desk, f"{menu} delete @a.example").status == 0
    assert held() == text
    assert "already" in run_line(desk, f"{menu} new @INT.example @x.example").errors
    assert "full address" in run_line(desk, f"{menu} new bob@x.example @x.example").errors
    run_line(desk, f"{menu} export table.txt")
    assert (counter.folder / "files" / "table.txt").read_text() == text
    assert run_line(desk, f"{menu} clear force").status == 0
    assert setting not in desk.candidate.tree["listeners"][1]
    assert run_line(desk, f"{menu} import table.txt").status == 0
    assert held() == text
    data = json.loads(run_line(desk, f"--json {menu} print").shown)["data"]
    assert data["entries"][0] == {"left": "@int.example", "right": "@corp.example"}
    assert run_line(desk, "commit tables").status == 0
    assert counter.running("listeners", "Private", setting) == text


def test_one_user_is_masqueraded_before_all_of_the_domain(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "listenerconfig edit Private masquerade new @int.example @corp.example")
    run_line(desk, "listenerconfig edit Private masquerade new joe@int.example ann@b.example")
    lines = desk.candidate.tree["listeners"][1]["masquerade"].splitlines()
    assert [line.split()[0] for line in lines] == ["joe@int.example", "@int.example"]


def test_masqueraded_headers(counter: Counter) -> None:
    desk = counter.desk()
    line = "listenerconfig edit Private masquerade config masquerade_headers 'from, reply_to'"
    assert run_line(desk, f"{line} masquerade_envelope_sender yes").status == 0
    listener = desk.candidate.tree["listeners"][1]
    assert listener["masquerade_headers"] == ["from", "reply_to"]
    assert listener["masquerade_envelope_sender"] is True


def test_all_is_not_masqueraded_on_public_listeners(counter: Counter) -> None:
    sitting = run_line(counter.desk(), "listenerconfig edit Public masquerade new ALL @a.example")
    assert "ALL is for private listeners" in sitting.errors
