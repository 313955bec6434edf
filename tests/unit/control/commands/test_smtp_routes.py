"""`smtproutes`."""

import json

import pytest

from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

HERE = "maildir:var/demo/maildir"


def routes(counter: Counter) -> object:
    return counter.running("smtp_routes")


def test_a_route_in_a_dialogue(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "smtproutes", "new", " Corp.Example ", " mail1.int.example/pri=0 ,10.0.0.9:2525 ",
        "", "commit", "routes",
    )  # fmt: skip
    assert "SMTP routes: 1 route.\n\nChoose the operation" in sitting.shown
    assert "Mail for corp.example goes to mail1.int.example/pri=0 ,10.0.0.9:2525." in sitting.shown
    assert "SMTP routes: 2 routes." in sitting.shown
    assert routes(counter) == {
        "example.test": HERE, "corp.example": "mail1.int.example/pri=0 ,10.0.0.9:2525",
    }  # fmt: skip


def test_what_is_wrong_is_asked_again(counter: Counter) -> None:
    sitting = sit(
        counter.desk(), "smtproutes", "new", "example.test", "bad domain", "ok.example",
        "mail 1.example", "mail1.example", "", "showchanges",
    )  # fmt: skip
    assert "There is a route for example.test already; EDIT changes it." in sitting.shown
    assert "+ smtp_routes[ok.example]: mail1.example" in sitting.shown
    assert sitting.shown.count("Enter the destination hosts") == 2


def test_lines(counter: Counter) -> None:
    desk = counter.desk()
    for line in (
        "smtproutes new a.example h1.example h2.example:26",
        'smtproutes new .b.example "h1.example/pri=5, h2.example"',
        "smtproutes new ALL usedns",
        "smtproutes new ipv6.example [2001:db8::1]:25",
        "smtproutes edit example.test maildir:/var/my mail",
    ):
        assert run_line(desk, line).status == 0
    assert run_line(desk, "smtproutes delete ipv6.example").status == 0
    assert run_line(desk, "commit routes").status == 0
    assert routes(counter) == {
        "example.test": "maildir:/var/my mail",
        "a.example": "h1.example, h2.example:26",
        ".b.example": "h1.example/pri=5, h2.example",
        "ALL": "usedns",
    }


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("smtproutes new example.test h.example", "There is a route for example.test already"),
        ("smtproutes new a.example h.example/pri=70000", "a priority is a number from 0 to 65535"),
        ("smtproutes new a.example h.example/x", "behind the slash stands pri=N"),
        ("smtproutes new a.example", "hosts is missing"),
        ("smtproutes edit b.example h.example", "'b.example' is not in the table"),
        ("smtproutes delete b.example", "'b.example' is not in the table"),
        ("smtproutes import none.txt", "/configuration/none.txt: No such file or directory"),
        ("smtproutes import ../x", "is no name of a file"),
        ("smtproutes clear", "not confirmed"),
    ],
)
def test_refusals(counter: Counter, line: str, told: str) -> None:
    desk = counter.desk()
    sitting = run_line(desk, line, "n")
    assert sitting.status == 1
    assert told in sitting.errors
    assert desk.pending_changes() == 0


def test_who_may(counter: Counter) -> None:
    rita = counter.desk("rita", Role.READ_ONLY_OPERATOR)
    assert run_line(rita, "smtproutes new a.example h.example").status == 0
    assert "IMPORT" not in sit(rita, "smtproutes", "").shown
    refused = run_line(rita, "smtproutes export routes.txt")
    assert refused.errors == "Error: You do not have permission to run saveconfig\n"
    assert run_line(counter.desk("greta", Role.GUEST), "smtproutes print").errors == (
        "You do not have permission to run smtproutes\n"
    )


def test_print(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "smtproutes new a.example [10.0.0.9]:26/pri=5,b.example")
    shown = run_line(desk, "smtproutes print").shown
    assert shown.splitlines()[0].split() == ["Domain", "Goes", "to"]
    found = json.loads(run_line(desk, "--json smtproutes print").shown)["data"]["routes"]
    assert found[1] == {
        "domain": "a.example",
        "route": "[10.0.0.9]:26/pri=5,b.example",
        "kind": "hosts",
        "hosts": [
            {"host": "b.example", "port": 25, "priority": 0},
            {"host": "10.0.0.9", "port": 26, "priority": 5},
        ],
    }
    assert found[0]["kind"] == "maildir"


def test_export_and_import(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "smtproutes new a.example h1.example,h2.example")
    before = desk.candidate.tree["smtp_routes"]
    assert run_line(desk, "smtproutes export routes.txt").shown.endswith(
        "is exported to /configuration/routes.txt.\n"
    )
    assert counter.administration.versions.store.audit(1)[0].action == "export"
    assert run_line(desk, "smtproutes clear force").status == 0
    assert "PRINT" not in sit(desk, "smtproutes", "").shown
    assert run_line(desk, "smtproutes import routes.txt").status == 0
    assert desk.candidate.tree["smtp_routes"] == before


def test_all_that_is_wrong_with_a_file_is_told(counter: Counter) -> None:
    desk = counter.desk()
    path = counter.administration.files / "routes.txt"
    path.write_text("# ours\na.example h\nb..example h\nlonely.example\na.example x\n")
    sitting = sit(desk, "smtproutes", "import", "routes.txt", "gone.txt", "routes.txt", "")
    assert "line 3: " in sitting.shown
    assert "line 4: needs the form" in sitting.shown
    assert "line 5: a.example has a route already, in line 2" in sitting.shown
    assert "gone.txt: No such file or directory" in sitting.shown
    assert desk.pending_changes() == 0
    path.write_bytes(b"a.example h\n\xff")
    assert "line 2: the byte 0xff is not UTF-8" in run_line(
        desk, "smtproutes import routes.txt"
    ).errors  # fmt: skip
