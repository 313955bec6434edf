"""Prompts, defaults, errors and the question again: the dialogues of 1.2."""

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key
from tests.unit.control.dialogue.office import Office
from tests.unit.control.dialogue.samples import HOSTILE, type_in

ROUTES = {"smtp_routes": {"corp.example": "mail.int.example", "a.example": "/dev/null"}}


async def test_row_c01_prompt_is_the_host_name() -> None:
    assert await type_in(Office()) == "mail3.example.com> "


async def test_a_menu_is_as_in_the_manual() -> None:
    screen = await type_in(Office(tree=ROUTES), "smtproutes", "")
    assert screen == (
        "mail3.example.com> smtproutes\n"
        "\n"
        "Choose the operation you want to perform:\n"
        "- NEW - Create a new route.\n"
        "- EDIT - Edit a route.\n"
        "- DELETE - Remove a route.\n"
        "- PRINT - Display all routes.\n"
        "- IMPORT - Import routes from a file.\n"
        "- EXPORT - Export all routes to a file.\n"
        "- CLEAR - Remove all routes.\n"
        "[]> \n"
        "mail3.example.com> "
    )


async def test_operations_without_a_subject_are_not_shown() -> None:
    screen = await type_in(Office(), "smtproutes", "edit", "")
    assert "- EDIT" not in screen
    assert "edit is none of the operations." in screen


async def test_row_c11_an_invalid_value_is_asked_for_again() -> None:
    office = Office(tree={"destinations": {"a.example": {"max_host_concurrency": 7}}})
    screen = await type_in(office, "destconfig", "EDIT", "1", "none", "", *[""] * 8, "")
    question = "Connections at the same time, over all workers. [7]> "
    assert (
        f"{question}none\n'none' is not a whole number from 1 to 1000000.\n{question}\n" in screen
    )
    assert office.pending_changes() == 0


async def test_row_c12_maybe_is_no_answer() -> None:
    screen = await type_in(Office(), "limits", "", "maybe", "YES", "5")
    again = "Do you want to limit recipients? [N]> "
    assert f"{again}maybe\nPlease answer yes or no.\n{again}YES\n" in screen


async def test_row_c13_an_empty_line_leaves_the_menu() -> None:
    office = Office()
    screen = await type_in(office, "aliasconfig", "")
    assert screen.endswith("[]> \nmail3.example.com> ")
    assert office.pending_changes() == 0


@pytest.mark.parametrize(("word", "expected"), [("y", 5), ("Yes", 5), ("N", None), ("no", None)])
async def test_cli_12_yes_and_no(word: str, expected: int | None) -> None:
    office = Office()
    await type_in(office, "limits", "", word, "5")
    assert office.tree["limits"]["recipients"] == expected


@pytest.mark.parametrize("word", ["PRINT", "print", "Pri", "p"])
async def test_cli_13_operations_in_any_case_and_by_their_beginning(word: str) -> None:
    screen = await type_in(Office(tree=ROUTES), "smtproutes", word, "")
    assert "corp.example                  mail.int.example" in screen


async def test_cli_13_a_beginning_that_two_share_is_an_error() -> None:
    screen = await type_in(Office(tree=ROUTES), "smtproutes", "e", "")
    assert "e is not clear: EDIT, EXPORT." in screen


@pytest.mark.parametrize("answer", ["2", "a.example", "A.example"])
async def test_cli_14_a_choice_by_number_or_name(answer: str) -> None:
    office = Office(tree=ROUTES)
    screen = await type_in(office, "smtproutes", "delete", answer, "")
    assert "1. corp.example\n2. a.example\n[]> " in screen
    assert list(office.tree["smtp_routes"]) == ["corp.example"]


@pytest.mark.parametrize("answer", ["0", "3", "-1", "²", "9" * 30, "other"])
async def test_what_is_not_in_the_list_is_asked_again(answer: str) -> None:
    office = Office(tree=ROUTES)
    screen = await type_in(office, "smtproutes", "delete", answer, "2", "")
    assert "is not in the list." in screen
    assert list(office.tree["smtp_routes"]) == ["corp.example"]


async def test_cli_15_lines_up_to_a_dot() -> None:
    office = Office()
    screen = await type_in(office, "paste", "pem", "-----BEGIN", "", ".x", ".", "")
    assert office.tree["paste"] == {"pem": "-----BEGIN\n\n.x\n"}
    assert "Paste the certificate.\nEnter '.' on a line by itself to end.\n" in screen


async def test_cli_15_lines_up_to_ctrl_d() -> None:
    office = Office()
    await type_in(office, "paste", "xml", "<config>", ".", "</config>", Key.CTRL_D, "")
    assert office.tree["paste"] == {"xml": "<config>\n.\n</config>\n"}


async def test_lines_with_a_control_character_are_read_to_their_end() -> None:
    office = Office()
    screen = await type_in(office, "paste", "pem", "a", HOSTILE, "CLEAR", ".", "b", ".", "")
    assert "The line holds a control character, U+001B." in screen
    assert office.tree["paste"] == {"pem": "b\n"}


async def test_cli_16_new_secrets_are_asked_twice_and_not_shown() -> None:
    office = Office()
    screen = await type_in(office, "passwd", "ann", "sesame", "other", "sesame", "sesame")
    assert "The two are not the same." in screen
    assert "sesame" not in screen
    assert office.tree["users"] == {"ann": "sesame"}


@pytest.mark.parametrize(
    ("text", "size"), [("20M", 20 * 1024**2), ("", 10 * 1024**2), ("2k", 2048)]
)
async def test_cli_17_sizes(text: str, size: int) -> None:
    office = Office()
    screen = await type_in(office, "limits", text, "")
    assert "Enter the largest message. [10M]> " in screen
    assert office.tree["limits"]["size"] == size


async def test_numbers_have_bounds() -> None:
    screen = await type_in(Office(), "limits", "2G", "1k", "")
    assert "it may be from 1k to 1G." in screen


async def test_row_c10_ctrl_c_drops_only_this_command() -> None:
    office = Office()
    screen = await type_in(
        office, "sethostname m9.example", "smtproutes", "new", "b.example", "h.example", "new",
        Key.CTRL_C, "exit", "n",
    )  # fmt: skip
    assert office.tree == {"hostname": "m9.example"}
    assert "\nAbandoned.\n* mail3.example.com> exit\n" in screen


async def test_ctrl_c_at_the_prompt_only_clears_the_line() -> None:
    screen = await type_in(Office(), Key.CTRL_C, "status")
    assert screen.endswith("Status: Online\nmail3.example.com> ")


async def test_a_refused_operation_asks_again_with_what_was_said() -> None:
    office = Office()
    screen = await type_in(office, "limits", "4k", "y", "9", Key.CTRL_C)
    assert "4k is too little for a limit.\nDo you want to limit recipients? [Y]> " in screen
    assert office.tree == {}


async def test_a_refused_edit_is_undone_and_the_menu_comes_back() -> None:
    office = Office(tree={"bounce_profiles": {"Fast": {}}})
    screen = await type_in(
        office, "destconfig", "new", "a.example", *[""] * 8, "Slow",
        "new", "a.example", *[""] * 8, "Fast", "",
    )  # fmt: skip
    assert "There is no bounce profile Slow, which a.example uses.\nThere are 0 entries" in screen
    assert office.tree["destinations"] == {"a.example": {"bounce_profile": "Fast"}}


async def test_names_are_stripped_and_blanks_within_are_an_error() -> None:
    office = Office()
    screen = await type_in(office, "sethostname", "m9 .example", "  m9.example ")
    assert "'m9 .example' has blanks in it." in screen
    assert office.tree == {"hostname": "m9.example"}


async def test_defaults_cannot_command_the_terminal() -> None:
    screen = await type_in(Office(tree={"hostname": f"a{HOSTILE}"}), "sethostname", Key.CTRL_C)
    assert "[a\\x1b]0;owned\\x07]> " in screen


async def test_questions_of_a_script_are_asked_in_turn() -> None:
    office = Office()
    screen = await type_in(office, "systemsetup", "m9.example", "y", "0", "7")
    assert screen.count("Enter the limit.\n[]> ") == 2
    assert "m9.example is limited to 7\n" in screen


async def test_an_answer_without_a_default_is_needed() -> None:
    screen = await type_in(Office(), "passwd", "", "ann", "", "x", "x")
    assert screen.count("An answer is needed.") == 2


async def test_nested_menus_are_left_one_by_one() -> None:
    office = Office(tree={"listeners": {"In": {}}})
    screen = await type_in(office, "listenerconfig", "edit", "1", "hostaccess", "print", "", "", "")
    assert "HAT of In\n" in screen
    assert screen.count("Name: In\n") == 2
    assert screen.endswith("[]> \nmail3.example.com> ")


async def test_a_choice_of_nothing_leads_back_to_the_menu() -> None:
    screen = await type_in(Office(), "listenerconfig", "edit", "")
    assert "There is nothing to choose from.\n\nChoose the operation" in screen
