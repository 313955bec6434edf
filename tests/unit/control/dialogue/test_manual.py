"""The manual that is made from declarations."""

from mailwarden.control.dialogue.manual import command_table, commands_markdown, usages
from tests.unit.control.dialogue.destconfig import DESTCONFIG
from tests.unit.control.dialogue.samples import CATALOG, LISTENERCONFIG, STATUS, WORKQUEUE


def test_each_way_through_the_menus_is_a_form() -> None:
    assert [usage.line for usage in usages(DESTCONFIG, lambda _: True)] == [
        "destconfig setup [certificate <certificate>] [send_tls_alert <send_tls_alert>]",
        "destconfig new <domain> [<key> <value> ...]",
        "destconfig edit <domain> [<key> <value> ...]",
        "destconfig delete <domain>",
        "destconfig default [<key> <value> ...]",
        "destconfig list",
        "destconfig detail <domain>",
        "destconfig clear [force]",
        "destconfig import <file>",
        "destconfig export <file>",
    ]
    (form,) = usages(LISTENERCONFIG, lambda _: True)
    assert form.line == "listenerconfig edit <listener> hostaccess print"
    assert [form.line for form in usages(STATUS, lambda _: True)] == ["status [<detail>]"]


def test_forms_that_a_role_may_not_use_are_left_out() -> None:
    forms = usages(WORKQUEUE, lambda permission: permission == "status")
    assert [form.line for form in forms] == ["workqueue status"]


def test_every_command_is_in_the_manual_with_each_form() -> None:
    page = commands_markdown(CATALOG)
    for command in CATALOG.commands:
        assert f"\n## `{command.name}`\n" in f"\n{page}"
        if command.has_batch:
            for form in usages(command, lambda _: True):
                assert f"\n{form.line}\n" in page
    assert "| `tls` | Encryption. DEFAULT: none. | one of none, preferred," in page
    assert "| `password` | Enter the new password. | `-`; the secret is the next line" in page


def test_tables_in_the_manual_have_whole_rows() -> None:
    rows = [line for line in commands_markdown(CATALOG).splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {3, 5}


def test_cli_40_commands_as_data() -> None:
    rows = command_table(CATALOG)
    assert [row["name"] for row in rows] == sorted(each.name for each in CATALOG.commands)
    assert next(row for row in rows if row["name"] == "destconfig") == {
        "name": "destconfig", "aliases": [], "purpose": "Configure destination controls",
        "commit": "Y", "where": "A", "batch": True, "permission": "configure",
    }  # fmt: skip
