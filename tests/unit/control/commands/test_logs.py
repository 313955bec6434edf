"""`grep`, `tail` and `findevent` (admin 1.6.5)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.control.operations import logs as operations
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

OLD = """\
Tue Nov  9 09:00:00 2010 Info: New SMTP ICID 7 interface Data1 (192.0.2.1)
Tue Nov  9 09:00:01 2010 Info: Start MID 47 ICID 7
Tue Nov  9 09:00:01 2010 Info: MID 47 ICID 7 From: <ann@partner.example>
Tue Nov  9 09:00:01 2010 Info: MID 47 ICID 7 RID 0 To: <bob@corp.example>
Tue Nov  9 09:00:02 2010 Info: MID 47 Subject Lunch
"""
NEW = """\
Tue Nov  9 10:00:00 2010 Info: Start MID 470 ICID 8
Tue Nov  9 10:00:01 2010 Info: MID 470 ICID 8 From: <eve@evil.example>
Tue Nov  9 10:00:02 2010 Info: Delivery start DCID 3 MID 47 to RID [0]
Tue Nov  9 10:00:02 2010 Info: DCID 3 close
Tue Nov  9 10:00:03 2010 Info: \x1b[2J\udcff MID 5
"""


@pytest.fixture
def folder(counter: Counter) -> Path:
    """The logs of a gateway."""
    folder = counter.administration.logs
    (folder / "mail.log.20101109T090500Z").write_text(OLD)
    (folder / "mail.log").write_bytes(NEW.encode("utf-8", "surrogateescape"))
    (folder / "bounces.log").write_text("Tue Nov  9 10:00:00 2010 Info: nothing\n")
    (folder / "mail.json").write_text("{}\n")
    (folder / "notes.txt").write_text("secret\n")
    return folder


@pytest.mark.usefixtures("folder")
def test_c_27_a_mail_log_is_searched_for_a_mid(counter: Counter) -> None:
    sitting = sit(counter.desk("rita", Role.OPERATOR), "grep", "MID 47( |$)", "", "", "")
    assert (
        "Enter the regular expression to grep.\n[]> "
        "Enter the number or the name of the log.\n"
        '1. "mail_logs"\n2. "bounces"\n3. "mail_events"\n[1]> '
        "Do you want this search to be case insensitive? [Y]> "
        "Do you want to search for non-matching lines? [N]> "
    ) in sitting.shown
    found = sitting.shown.partition("[N]> ")[2].splitlines()
    assert len(found) == 6
    assert found[0].endswith("Start MID 47 ICID 7")
    assert found[4].endswith("DCID 3 MID 47 to RID [0]")


BATCHES: list[tuple[str, list[str]]] = [
    ("LUNCH", ["Subject Lunch"]),
    ("LUNCH mail_logs ignore_case no", []),
    (". bounces", ["Info: nothing"]),
    ("i bounces invert yes", []),
    ("'{}' mail_events", ["{}"]),
]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("words", "ends"), BATCHES)
def test_grep_in_a_batch_line(counter: Counter, words: str, ends: list[str]) -> None:
    data = json.loads(run_line(counter.desk(), f"--json grep {words}").shown)["data"]
    assert data["is_more"] is False
    assert [line.endswith(end) for line, end in zip(data["lines"], ends, strict=True)] == [
        True
    ] * len(ends)


@pytest.mark.usefixtures("folder")
def test_what_a_log_holds_cannot_command_a_terminal(counter: Counter) -> None:
    shown = run_line(counter.desk(), r"grep '\x1b'").shown
    assert "\\x1b[2J\ufffd MID 5" in shown
    assert "No line matches." in run_line(counter.desk(), "grep xyzzy").shown


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("grep (", "Error: pattern: '(' is not a regular expression: missing )"),
        ("grep (?=a)", "Error: pattern: '(?=a)' is not a regular expression: invalid perl"),
        ("grep x secret", "Error: log: 'secret' is not in the list."),
        ("grep x notes", "Error: log: 'notes' is not in the list."),
        ("tail ../mail", "Error: log: '../mail' is not in the list."),
        ("findevent mid x", "Error: mid: "),
        ("findevent to ''", "Error: text: "),
    ],
)
def test_what_is_refused(counter: Counter, line: str, error: str) -> None:
    assert run_line(counter.desk(), line).errors.startswith(error)


def test_a_hostile_pattern_ends_soon(counter: Counter, folder: Path) -> None:
    """With a matcher that goes back, this takes longer than the test's limit."""
    (folder / "mail.log").write_text("a" * 200_000 + "!\n")
    assert "No line matches." in run_line(counter.desk(), "grep '(a|a)*(a+)+$'").shown
    too_large = run_line(counter.desk(), "grep '((((a{1,90}){1,90}){1,90}){1,90})'")
    assert "is not a regular expression" in too_large.errors
    assert "longer than 1000" in run_line(counter.desk(), f"grep {'a' * 1001}").errors


def test_a_search_with_many_lines_is_cut(counter: Counter, folder: Path) -> None:
    (folder / "mail.log").write_text("Info: one\n" * 20_005)
    data = json.loads(run_line(counter.desk(), "--json grep one").shown)["data"]
    assert (len(data["lines"]), data["is_more"]) == (20_000, True)
    assert "More than 20000 lines match" in run_line(counter.desk(), "grep one").shown


@pytest.mark.usefixtures("folder")
def test_c_27_tail_shows_the_end_until_ctrl_c(counter: Counter) -> None:
    sitting = sit(counter.desk(), "tail", "1", Key.CTRL_C, "version")
    assert "Press Ctrl-C to stop.\n" in sitting.shown
    assert "\\x1b[2J" in sitting.shown
    assert "Serial #" in sitting.shown
    assert "Abandoned" not in sitting.shown


@pytest.mark.usefixtures("folder")
def test_tail_without_following(counter: Counter) -> None:
    data = json.loads(run_line(counter.desk(), "--json tail mail_logs lines 2 follow no").shown)[
        "data"
    ]
    assert [line[30:] for line in data["lines"]] == [" DCID 3 close", " \x1b[2J\ufffd MID 5"]
    assert run_line(counter.desk(), "tail mail_logs lines 0 follow no").shown == ""


async def test_tail_goes_on_with_the_next_file(counter: Counter, folder: Path) -> None:
    lines: list[bytes] = []
    rounds = 0
    async for block in operations.tail(counter.desk(), "bounces", 5, follow=True):
        lines += block
        rounds += 1
        if rounds == 1:
            with (folder / "bounces.log").open("a") as log:
                log.write("two\nhal")
                log.flush()
        elif rounds == 2:
            with (folder / "bounces.log").open("a") as log:
                log.write("f\n")
            (folder / "bounces.log").rename(folder / "bounces.log.20101109T110000Z")
            (folder / "bounces.log").write_text("three\n")
        elif lines[-1] == b"three":
            break
    assert lines[1:] == [b"two", b"half", b"three"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "typed",
    [("1", "ANN@partner", ""), ("2", "47", ""), ("3", "lunch", "1"), ("4", "bob@", "all")],
)
def test_events_are_found_with_their_connections(counter: Counter, typed: tuple[str, ...]) -> None:
    sitting = sit(counter.desk(), "findevent", *typed)
    shown = sitting.shown.partition("2. Current log file\n[1]> ")[2]
    assert shown.startswith("MID 47\nTue Nov  9 09:00:00 2010 Info: New SMTP ICID 7")
    assert "DCID 3 close\n\n1 message found.\n" in shown
    assert "MID 470" not in shown


@pytest.mark.usefixtures("folder")
def test_events_of_the_current_file_alone(counter: Counter) -> None:
    found = run_line(counter.desk(), "--json findevent from partner files current")
    assert json.loads(found.shown)["data"] == []
    data: Any = json.loads(run_line(counter.desk(), "--json findevent mid 470").shown)["data"]
    assert [row["mid"] for row in data] == [470]
    assert len(data[0]["lines"]) == 2


def test_without_any_log(counter: Counter) -> None:
    assert "There is no mail.log." in run_line(counter.desk(), "findevent mid 1").errors
    assert sit(counter.desk(), "tail").errors == "There is nothing to choose from.\n"
    desk = counter.desk()
    desk.administration.logs.rmdir()
    assert "nothing to choose" in sit(desk, "tail").errors


def test_a_log_that_is_no_file(counter: Counter) -> None:
    (counter.administration.logs / "mail.log").mkdir()
    assert "cannot be read: Is a directory" in run_line(counter.desk(), "grep x mail_logs").errors
    assert "cannot be read: Is a directory" in run_line(counter.desk(), "tail mail_logs").errors
    assert "cannot be read: Is a directory" in run_line(counter.desk(), "findevent mid 1").errors


@pytest.mark.parametrize("line", ["grep x", "tail", "findevent mid 1"])
def test_a_guest_reads_no_logs(counter: Counter, line: str) -> None:
    assert "You do not have permission" in run_line(counter.desk("gus", Role.GUEST), line).errors


def test_other_sessions_go_on_during_a_search(counter: Counter, folder: Path) -> None:
    (folder / "mail.log").write_text("Info: one\n" * 300_000)

    async def search() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        async with asyncio.TaskGroup() as group:
            task = group.create_task(other())
            found = [
                block
                async for block in operations.grep(
                    counter.desk(), "mail_logs", lambda line: line == b"", invert=False
                )
            ]
            task.cancel()
        assert len(found) >= 3
        return turns

    assert asyncio.run(search()) > 3
