"""The session around the commands: prompt, exit, help, permissions, pages, history."""

import json

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key, ScriptedTerminal
from mailwarden.control.dialogue.session import Session
from mailwarden.control.dialogue.terminal import HISTORY_LINES_MAX, History, Size
from tests.unit.control.dialogue.office import Office
from tests.unit.control.dialogue.samples import CATALOG, HOSTILE, run_once, type_in

LEAVING = (
    "Configuration changes entered but not committed. Exiting will lose changes.\n"
    "Type 'commit' at the command prompt to commit changes.\n"
    "Are you sure you wish to exit? [N]> "
)


@pytest.mark.parametrize("word", ["HELP", "Help", "help", "h", "?"])
async def test_row_c02_help_lists_what_may_be_run(word: str) -> None:
    screen = await type_in(Office("guest"), word)
    listed = [line.split()[0] for line in screen.splitlines()[1:-1]]
    assert listed == ["exit", "help", "many", "status", "tail", "workqueue"]


async def test_cli_23_help_of_a_command() -> None:
    _, screen, _ = await run_once(Office(), "help Limitconfig")
    assert screen == (
        "limits - Set limits\n"
        "Also: limitconfig\n"
        "Changes need a commit. In a cluster it runs in any mode.\n"
        "\n"
        "Batch form:\n"
        "  limits [size <size>] [limited <limited>] limit <limit>\n"
        "\n"
        "  size     a size such as 10k or 20M from 1k to 1G; default 10M\n"
        "  limited  yes or no; default N\n"
        "  limit    a number from 1 to 1000; needed\n"
    )


async def test_row_c03_unknown_command() -> None:
    screen = await type_in(Office(), "foo bar")
    assert screen.endswith("Unknown command: foo\nmail3.example.com> ")
    assert await run_once(Office(), "foo") == (
        1,
        "Unknown command: foo\n",
        "Unknown command: foo\n",
    )


async def test_row_c04_and_cli_22_tab() -> None:
    complete = Session(CATALOG, Office(), ScriptedTerminal([])).complete
    assert complete("sethos", 6) == ("sethostname ", 12, ())


async def test_rows_c05_c06_pending_changes_are_marked_and_committed() -> None:
    office = Office()
    screen = await type_in(office, "sethostname", "mail9.example.com", "commit", "rename")
    assert screen.endswith(
        "* mail3.example.com> commit\n"
        "\n"
        "Please enter some comments describing your changes:\n"
        "[]> rename\n"
        "Changes committed: Fri Sep 17 11:42:12 2010 GMT\n"
        "mail3.example.com> "
    )
    assert office.comments == ["rename"]
    assert office.running == {"hostname": "mail9.example.com"}


async def test_row_c07_nothing_to_commit() -> None:
    office = Office()
    assert await run_once(office, "commit x") == (0, "There are no changes to commit.\n", "")


async def test_row_c08_exit_with_pending_changes() -> None:
    screen = await type_in(Office(), "sethostname m9.example", "exit", "", "quit", "y", "status")
    assert screen.count(LEAVING) == 2
    assert screen.endswith(f"{LEAVING}y\n")


async def test_exit_without_pending_changes_asks_nothing() -> None:
    assert await type_in(Office(), "q", "status") == "mail3.example.com> q\n"


async def test_ctrl_d_at_the_prompt_is_exit() -> None:
    screen = await type_in(Office(), "sethostname m9.example", Key.CTRL_D, "y", "status")
    assert screen.endswith(f"* mail3.example.com> \n{LEAVING}y\n")


async def test_ctrl_d_at_a_question_abandons_the_command() -> None:
    screen = await type_in(Office(), "sethostname", Key.CTRL_D, "status")
    assert "Abandoned.\nmail3.example.com> status" in screen


async def test_row_c14_a_remote_command_shows_no_prompt() -> None:
    assert await run_once(Office(), "status") == (0, "Status: Online\n", "")


async def test_row_c15_a_remote_command_that_does_not_commit() -> None:
    office = Office()
    status, _, errors = await run_once(office, "sethostname x.example.com")
    assert (status, errors) == (0, "1 uncommitted change discarded\n")
    assert office.running == {}


async def test_row_c16_a_script_that_commits() -> None:
    office = Office()
    await type_in(office, "sethostname x.example.com", "commit via script")
    assert office.running == {"hostname": "x.example.com"}
    assert office.comments == ["via script"]


async def test_cli_09_the_end_of_a_script_commits_nothing_and_asks_nothing() -> None:
    office = Office()
    screen = await type_in(office, "sethostname x.example.com", "commit")
    assert office.running == {}
    assert screen.endswith("Abandoned.\n* mail3.example.com> 1 uncommitted change discarded\n")


async def test_row_c19_to_c22_commands_without_permission() -> None:
    office = Office("operator")
    screen = await type_in(office, "passwd ann", "Systemsetup", "help passwd")
    assert screen.count("You do not have permission to run users\n") == 2
    assert "You do not have permission to run passwd\n" in screen
    assert office.refusals == ["users", "users"]
    assert "Change a password" not in screen


async def test_operations_without_permission() -> None:
    office = Office("guest")
    screen = await type_in(office, "workqueue", "pause", "", "workqueue pause force")
    assert "- PAUSE" not in screen
    assert "pause is none of the operations." in screen
    assert "Error: You do not have permission to run workqueue\n" in screen
    assert office.refusals == ["workqueue pause"]


async def test_row_c27_ctrl_c_ends_what_goes_on_and_on() -> None:
    screen = await type_in(Office(), "tail", Key.CTRL_C, "status")
    assert screen.endswith("\nmail3.example.com> status\nStatus: Online\nmail3.example.com> ")
    assert "Abandoned" not in screen
    assert "subject \\x1b]0;owned\\x07\n" in screen


async def test_row_c10_ctrl_c_ends_work_and_drops_its_edits() -> None:
    office = Office()
    screen = await type_in(office, "wait", Key.CTRL_C, "status")
    assert "\nAbandoned.\nmail3.example.com> status\n" in screen
    assert office.tree == {}


async def test_a_lost_connection_ends_what_goes_on_and_on() -> None:
    terminal = ScriptedTerminal(["tail", Key.HANG_UP])
    assert await Session(CATALOG, Office(), terminal).run() == 1


async def test_row_c28_pages() -> None:
    terminal = ScriptedTerminal(["many", " ", "q", "status"], Size(80, 24))
    await Session(CATALOG, Office(), terminal).run()
    mark = "-Press Any Key For More-"
    assert f"line 23\n{mark}\r{' ' * len(mark)}\rline 24\n" in terminal.screen
    assert "line 46\n" in terminal.screen
    assert "line 47\n" not in terminal.screen
    assert terminal.screen.endswith("Status: Online\nmail3.example.com> ")


async def test_no_pages_for_scripts() -> None:
    terminal = ScriptedTerminal(["many"], is_interactive=False)
    await Session(CATALOG, Office(), terminal).run()
    assert "line 100\n" in terminal.screen
    assert "Press" not in terminal.screen


async def test_silence_ends_the_session() -> None:
    office = Office()
    office.idle = 0.0
    screen = await type_in(office, Key.NOTHING)
    assert screen.endswith("The session has ended, as nothing was typed for too long.\n")


async def test_silence_within_a_dialogue_drops_its_edits() -> None:
    office = Office()
    terminal = ScriptedTerminal(["smtproutes", "new", "a.example", "b.example", Key.NOTHING])
    session = Session(CATALOG, office, terminal)
    office.idle = 0.0
    await session.run()
    assert office.tree == {}


async def test_cli_21_history_has_commands_and_no_answers() -> None:
    terminal = ScriptedTerminal(["passwd", "ann", "sesame", "sesame", " ", "status", "status"])
    session = Session(CATALOG, Office(), terminal)
    await session.run()
    assert session.history.lines == ("passwd", "status")


def test_cli_21_history_keeps_the_last_lines() -> None:
    history = History()
    for number in range(HISTORY_LINES_MAX + 5):
        history.add(f"line {number}")
    assert len(history.lines) == HISTORY_LINES_MAX
    assert history.lines[-1] == f"line {HISTORY_LINES_MAX + 4}"


def test_the_arrow_keys_walk_through_the_history() -> None:
    history = History()
    history.add("one")
    history.add("two")
    walk = history.walk()
    assert walk.newer("new") == "new"
    assert [walk.older("new"), walk.older("two"), walk.older("one")] == ["two", "one", "one"]
    assert [walk.newer("one"), walk.newer("two"), walk.newer("new")] == ["two", "new", "new"]


async def test_control_characters_in_a_command_are_refused() -> None:
    screen = await type_in(Office(), f"foo{HOSTILE}", "x" * 40_000)
    assert "Error: The line holds a control character, U+001B.\n" in screen
    assert "Error: The line is longer than 32768 letters.\n" in screen


async def test_cli_36_help_as_json() -> None:
    _, screen, _ = await run_once(Office("guest"), "--json help")
    names = [command["name"] for command in json.loads(screen)["data"]]
    assert names == ["many", "status", "tail", "workqueue", "help", "exit"]
