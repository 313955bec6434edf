"""Three whole commands with all words of their menus (admin 1.7), as a dialogue and in batch."""

import pytest

from mailwarden.control.dialogue.declaration import Command
from tests.unit.control.dialogue.aliasconfig import ALIASCONFIG
from tests.unit.control.dialogue.destconfig import DESTCONFIG
from tests.unit.control.dialogue.office import Office, TreeDraft
from tests.unit.control.dialogue.samples import run_once, type_in
from tests.unit.control.dialogue.smtproutes import SMTPROUTES

TABLE = "NEW EDIT DELETE PRINT IMPORT EXPORT CLEAR"
WORDS = [
    (SMTPROUTES, TABLE),
    (ALIASCONFIG, TABLE),
    (DESTCONFIG, "SETUP NEW EDIT DELETE DEFAULT LIST DETAIL CLEAR IMPORT EXPORT"),
]


@pytest.mark.parametrize(("command", "words"), WORDS, ids=lambda each: getattr(each, "name", ""))
def test_menus_have_the_words_of_the_manual(command: Command[TreeDraft], words: str) -> None:
    assert command.menu is not None
    assert [operation.name for operation in command.menu.operations] == words.split()


async def test_smtproutes() -> None:
    office = Office()
    screen = await type_in(
        office, "smtproutes", "new", "Corp.Example", "mail.int.example",
        "new", "corp.example", "a.example", "/dev/null", "edit", "2", "", "edit", "2", "USEDNS",
        "export", "routes", "clear", "y", "import", "nothing", "routes", "print", "delete", "1", "",
    )  # fmt: skip
    assert "There is a route for corp.example already; EDIT changes it." in screen
    assert "Enter the destination hosts for a.example, with commas. [/dev/null]> " in screen
    assert office.files == {"routes": "corp.example mail.int.example\na.example USEDNS\n"}
    assert "There is no file nothing.\nEnter the name of the file. [nothing]> " in screen
    assert "corp.example                  mail.int.example\na.example" in screen
    assert office.tree == {"smtp_routes": {"a.example": "USEDNS"}}


async def test_smtproutes_in_batch() -> None:
    office = Office()
    for line in (
        "smtproutes new corp.example 'm1.example, m2.example'",
        "smtproutes new ALL relay.example",
        "smtproutes edit all /dev/null",
        "smtproutes delete corp.example",
        "smtproutes export routes",
        "smtproutes import routes",
    ):
        assert (await run_once(office, line))[0] == 0
    assert office.tree == {"smtp_routes": {"ALL": "/dev/null"}}


async def test_a_file_with_a_bad_line_changes_nothing() -> None:
    office = Office(tree={"smtp_routes": {"ALL": "relay.example"}})
    office.files["routes"] = "corp.example m.example\nx.example a..b\n"
    status, _, errors = await run_once(office, "smtproutes import routes")
    assert status == 1
    assert errors.startswith("Error: line 2: ")
    assert office.pending_changes() == 0


async def test_aliasconfig() -> None:
    office = Office()
    screen = await type_in(
        office, "aliasconfig", "new", "sales, shop", "ann@corp.example, bob@corp.example", "",
        "new", "ann", "ann@a.example", "2", "a.example", "print", "edit", "sales",
        "eve@corp.example", "export", "aliases", "delete", "ann", "clear", "y",
        "import", "aliases", "",
    )  # fmt: skip
    assert "1. Globally\n2. In a domain context\n[1]> " in screen
    assert "sales, shop: ann@corp.example, bob@corp.example\nann in a.example: ann@a.ex" in screen
    text = "sales, shop:      eve@corp.example\n\n[ a.example ]\nann:              ann@a.example\n"
    assert office.files == {"aliases": text}
    assert office.tree == {"inbound": {"aliases": text.splitlines()}}


async def test_aliasconfig_refuses_what_would_not_read_back() -> None:
    office = Office()
    screen = await type_in(office, "aliasconfig", "new", "a", "b", "", "")
    assert "line 1: " in screen
    assert office.tree == {}


async def test_aliasconfig_in_batch() -> None:
    office = Office()
    for line in (
        "aliasconfig new sales ann@corp.example",
        "aliasconfig new ann ann@a.example context domain domains a.example,b.example",
        "aliasconfig edit sales 'bob@corp.example, eve@corp.example'",
        "aliasconfig delete ann",
    ):
        assert (await run_once(office, line))[0] == 0
    assert office.tree == {
        "inbound": {"aliases": ["sales:            bob@corp.example, eve@corp.example"]}
    }


async def test_destconfig() -> None:
    office = Office(tree={"bounce_profiles": {"Patient": {}}})
    screen = await type_in(
        office, "destconfig", "new", ".slow.example", "20", "", "300", "60", "mxip", "2", "4", "y",
        "Patient", "default", "100", "", "", "", "", "", "preferred", "", "", "setup", "mx", "y",
        "edit", "1", "default", *[""] * 8, "list", "detail", "1", "export", "rows", "clear", "y",
        "import", "rows", "",
    )  # fmt: skip
    assert "[DEFAULT]> mxip" in screen.replace("host\n2. MXIP\n", "")
    assert ".slow.example                 preferred_verify\n" in screen
    assert "limit_apply: VG\n" in screen
    assert "2 entries exported." in screen
    assert "2 entries imported." in screen
    assert office.tree["delivery"] == {"send_tls_alert": True, "certificate": "mx"}
    rows = office.tree["destinations"]
    assert rows["DEFAULT"]["max_host_concurrency"] == 100
    assert rows["DEFAULT"]["tls"] == "preferred"
    assert rows[".slow.example"] == {
        "recipient_limit": 300, "recipient_minutes": 60, "limit_type": "MXIP", "limit_apply": "VG",
        "tls": "preferred_verify", "bounce_validation": True, "bounce_profile": "Patient",
    }  # fmt: skip


async def test_destconfig_in_batch() -> None:
    office = Office()
    for line in (
        "destconfig setup send_tls_alert yes",
        "destconfig new a.example tls required",
        "destconfig new b.example --recipient-limit=10 --limit-apply=vg",
        "destconfig edit a.example tls default max_host_concurrency 5",
        "destconfig default bounce_validation on",
        "destconfig delete b.example",
        "destconfig detail a.example",
        "destconfig export rows",
    ):
        assert (await run_once(office, line))[0] == 0
    assert office.tree == {
        "delivery": {"send_tls_alert": True, "certificate": ""},
        "destinations": {
            "a.example": {"max_host_concurrency": 5}, "DEFAULT": {"bounce_validation": True},
        },
    }  # fmt: skip
    assert (await run_once(office, "destconfig clear yes"))[0] == 0
    assert (await run_once(office, "destconfig import rows"))[0] == 0
    assert list(office.tree["destinations"]) == ["DEFAULT", "a.example"]
